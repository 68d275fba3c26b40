"""The count of wrong codes at each reader of a device, kept over restarts. Times are monotonic milliseconds.

A code stands for itself: whoever keys one guesses at all of them at once, so it is the reader that waits and closes,
and for codes alone. A right code ends the waiting, so that nobody waits for another's mistakes; the count of the day
stays, or somebody with a code of their own would guess without end.
"""

from collections.abc import Callable
from typing import Annotated

from msgspec import Meta, Struct

from contract.codec import Malformed, pack, unpack
from contract.decide import DAY_MS
from edge.archetypes.protocol import Restored
from edge.passes.guesses import CODES

MAX_READERS = 64
"""In the document; a Raspberry Pi has pins for thirteen."""


class CodeTries(Struct):
    """The wrong codes of one reader: when the newest were keyed, how many since a right one, and from when on the next
    is looked at. In the document all times are counted from the moment when it was written."""

    times_ms: Annotated[list[int], Meta(min_length=1, max_length=CODES.most_wrong)]
    in_a_row: Annotated[int, Meta(ge=0)]
    open_ms: int

    def counted_from(self, moment_ms: int) -> "CodeTries":
        return CodeTries([at_ms - moment_ms for at_ms in self.times_ms], self.in_a_row, self.open_ms - moment_ms)


class StoredTries(Struct):
    """The document of all readers."""

    readers: Annotated[dict[str, CodeTries], Meta(max_length=MAX_READERS)]


class CodeGuard:
    """The wrong codes at all readers of one device. ``save`` takes the document that is ``restored`` after a restart.

    Where nobody knows how long the device was without power, no time has passed for what is counted here.
    """

    def __init__(
        self, restored: Restored | None, now_ms: int, save: Callable[[bytes], object] = lambda _: None
    ) -> None:
        self._save = save
        self._readers: dict[str, CodeTries] = {} if restored is None else _read(restored, now_ms)

    def takes(self, reader: str, now_ms: int) -> bool:
        """Whether a code that is keyed at this reader now is looked at."""
        tries = self._readers.get(reader)
        return tries is None or now_ms >= tries.open_ms

    def note_right(self, reader: str, now_ms: int) -> None:
        """A code was looked at, and somebody has it."""
        tries = self._readers.get(reader)
        if tries is not None and tries.in_a_row:
            tries.in_a_row = 0
            self._store(now_ms)

    def note_wrong(self, reader: str, now_ms: int) -> int | None:
        """A code was looked at, and nobody has it. How many that makes in a day if codes are closed now, else None."""
        before = self._readers.get(reader)
        times_ms = [at_ms for at_ms in before.times_ms if now_ms - at_ms < DAY_MS] if before is not None else []
        times_ms = [*times_ms, now_ms][-CODES.most_wrong :]
        in_a_row = 1 if before is None else before.in_a_row + 1
        is_closed = len(times_ms) == CODES.most_wrong
        pause_ms = CODES.closed_ms if is_closed else CODES.wait_ms(in_a_row)
        self._readers[reader] = CodeTries(times_ms, in_a_row, now_ms + pause_ms)
        self._store(now_ms)
        return len(times_ms) if is_closed else None

    def _store(self, now_ms: int) -> None:
        """A reader that another wiring has named is forgotten after a day, as its wrong codes are."""
        self._readers = {name: tries for name, tries in self._readers.items() if now_ms - tries.times_ms[-1] < DAY_MS}
        self._save(pack(StoredTries({name: tries.counted_from(now_ms) for name, tries in self._readers.items()})))


def _read(restored: Restored, now_ms: int) -> dict[str, CodeTries]:
    """A document that cannot be read counts nothing."""
    try:
        readers = unpack(restored.document, StoredTries).readers
    except Malformed:
        return {}
    written_ms = now_ms - (restored.age_ms or 0)
    return {name: tries.counted_from(-written_ms) for name, tries in readers.items()}
