"""What a scanner reads over and over: a screen that is held before it, a car that stands before its camera. Pure."""

from hashlib import sha256

SAME_TEXT_MS = 3_000
"""The same text is read anew once it was away for so long. A pass changes every ten seconds."""
SAME_PLATE_MS = 30_000
"""A camera reads a car for as long as it stands there, and loses it now and then."""
MAX_TEXTS = 16
"""Of one scanner; of more the one that was read longest ago is forgotten."""


class Repeats:
    """What one scanner has read of late, as hashes. Each reading lengthens the time in which it counts as the same."""

    def __init__(self) -> None:
        self._last_ms: dict[bytes, int] = {}

    def is_new(self, credential: bytes, now_ms: int, dead_ms: int) -> bool:
        """Whether this was not read within the dead time. Times are monotonic milliseconds."""
        name = sha256(credential).digest()
        last_ms = self._last_ms.pop(name, None)
        self._last_ms[name] = now_ms
        if len(self._last_ms) > MAX_TEXTS:
            del self._last_ms[next(iter(self._last_ms))]
        return last_ms is None or now_ms - last_ms >= dead_ms
