"""The count of wrong PINs at one device: few guesses a day, whoever makes them. Pure; times are monotonic milliseconds.

After each wrong PIN of a card the reader takes the next one only later, and with the fifth the PIN is blocked for ten
minutes at every reader of the device. From then on each wrong one blocks it again, until a right one is keyed or a day
is over. So of a card that somebody found at most 5 + 6 x 24 PINs are tried there in a day: of those with four digits
one in 67, with six one in 6,700. The card opens as before wherever no PIN is asked.

Nothing of this is kept over a restart, for a count on the disk would be one write for each wrong key. So that nobody
gains by pulling the plug, the first wrong PIN of a card within ten minutes of a start blocks it at once. Somebody who
only mistypes there is blocked too, for as long.
"""

from msgspec import Struct

from contract.decide import DAY_MS
from edge.passes.guesses import PINS

BLOCK_MS = PINS.closed_ms
FORGET_MS = DAY_MS
MAX_CARDS = 1_000
"""Cards whose wrong PINs are counted; of more of them those longest ago are forgotten."""


class _Tries(Struct):
    """The wrong PINs of a card: how many, when the last was keyed, and from when on each reader takes another."""

    wrong: int
    last_ms: int
    here: dict[str, tuple[int, int]]
    """By reader: how many were wrong there, and from when on it takes another."""


class PinGuard:
    """The wrong PINs of all cards at one device, which has run since ``started_ms``."""

    def __init__(self, started_ms: int) -> None:
        self._started_ms = started_ms
        self._tries: dict[bytes, _Tries] = {}

    def is_blocked(self, digest: bytes, now_ms: int) -> bool:
        """Whether no PIN of this card is looked at for minutes, so that none need be asked for."""
        tries = self._recent(digest, now_ms)
        return tries is not None and tries.wrong >= PINS.most_wrong and now_ms - tries.last_ms < BLOCK_MS

    def takes(self, digest: bytes, reader: str, now_ms: int) -> bool:
        """Whether a PIN of this card that is keyed at this reader now is looked at."""
        tries = self._recent(digest, now_ms)
        if tries is None:
            return True
        return not self.is_blocked(digest, now_ms) and now_ms >= tries.here.get(reader, (0, now_ms))[1]

    def note_right(self, digest: bytes) -> None:
        self._tries.pop(digest, None)

    def note_wrong(self, digest: bytes, reader: str, now_ms: int) -> None:
        """A PIN was looked at, and was wrong."""
        tries = self._recent(digest, now_ms)
        if tries is None:
            just_started = now_ms - self._started_ms < BLOCK_MS
            tries = _Tries(PINS.most_wrong - 1 if just_started else 0, now_ms, {})
        wrong_here = tries.here.get(reader, (0, 0))[0] + 1
        tries.here[reader] = wrong_here, now_ms + PINS.wait_ms(wrong_here)
        tries.wrong, tries.last_ms = tries.wrong + 1, now_ms
        self._tries.pop(digest, None)
        self._tries[digest] = tries
        if len(self._tries) > MAX_CARDS:
            del self._tries[next(iter(self._tries))]

    def _recent(self, digest: bytes, now_ms: int) -> _Tries | None:
        """The wrong PINs of a card that still count."""
        tries = self._tries.get(digest)
        if tries is not None and now_ms - tries.last_ms >= FORGET_MS:
            del self._tries[digest]
            return None
        return tries
