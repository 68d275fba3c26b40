"""When devices come again whose batches found the queue full: one after another, as fast as it empties. Pure."""

from msgspec import Struct

from contract import codec
from contract.codec import Malformed
from contract.messages import MAX_LATER_MS, JournalId

LEAST_WAIT_MS = 100
MAX_DEVICES = 10_000
"""Devices whose appointments are remembered. Of more, each batch that is dropped has an appointment of its own."""


class _Head(Struct, array_like=True):
    """The beginning of a batch; the rest is passed over unread."""

    version: int
    journal: JournalId


def journal_of(payload: bytes) -> str | None:
    """Which journal a batch claims to be of; nobody has verified it. None for what is no batch."""
    try:
        return codec.unpack(payload, _Head).journal
    except Malformed:
        return None


class Appointments:
    """Who was turned away, and when each comes again. Times are seconds of any clock that does not go back."""

    def __init__(self) -> None:
        self._last_s = 0.0
        self._given: dict[str, float] = {}

    def wait_ms(self, device: str, now_s: float, *, queued: int, each_s: float) -> int:
        """How long a device is to wait, at most ``MAX_LATER_MS``, while ``queued`` messages are before it of which each
        takes ``each_s``. A device with an appointment keeps it. Where more wait than can be served until then, the
        appointments begin anew from the first."""
        given = self._given.get(device, 0.0)
        if given <= now_s:
            given = self._give(device, now_s, queued * each_s, each_s)
        return min(max(round((given - now_s) * 1000), LEAST_WAIT_MS), MAX_LATER_MS)

    def _give(self, device: str, now_s: float, queue_s: float, each_s: float) -> float:
        if self._last_s <= now_s or len(self._given) >= MAX_DEVICES:
            self._given.clear()
        given = max(self._last_s, now_s + queue_s) + each_s
        if given > now_s + MAX_LATER_MS / 1000:
            given = now_s + min(queue_s + each_s, MAX_LATER_MS / 1000)
        self._last_s = self._given[device] = given
        return given
