"""A journal to look into: it keeps what is recorded, and a test says when the disk has it."""

from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Any, NamedTuple


class Row(NamedTuple):
    """A recorded event."""

    point: str
    kind: str
    data: dict[str, Any]


class HandRecording:
    """Rows are written and durable when the test says so; ``full`` is a disk that takes none."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.full = False
        self.refused = 0
        self._written = self._durable = 0
        self._for_written: list[tuple[int, Callable[[], None]]] = []
        self._for_durable: list[tuple[int, Callable[[], None]]] = []

    @property
    def kinds(self) -> list[str]:
        return [row.kind for row in self.rows]

    def record(self, point: str, kind: str, data: dict[str, Any]) -> int | None:
        if self.full:
            self.refused += 1
            return None
        self.rows.append(Row(point, kind, data))
        return len(self.rows)

    def seq_of(self, number: int) -> int:
        return number

    def when_written(self, seq: int, callback: Callable[[], None]) -> None:
        self._for_written.append((seq, callback))

    def when_durable(self, seq: int, callback: Callable[[], None]) -> None:
        self._for_durable.append((seq, callback))

    def write(self) -> None:
        """Everything recorded so far is in the file."""
        self._written = len(self.rows)
        self._for_written = _call(self._for_written, len(self.rows))

    def flush(self) -> None:
        """Everything recorded so far is on the disk."""
        self.write()
        self._durable = len(self.rows)
        self._for_durable = _call(self._for_durable, len(self.rows))


class DiskRecording(HandRecording):
    """Rows are written a millisecond after they are recorded, and durable four later, unless the disk hangs."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        super().__init__()
        self.hangs = False
        self._loop = loop

    def record(self, point: str, kind: str, data: dict[str, Any]) -> int | None:
        self._loop.call_later(0.001, self._unless_it_hangs, self.write)
        self._loop.call_later(0.005, self._unless_it_hangs, self.flush)
        return super().record(point, kind, data)

    def when_written(self, seq: int, callback: Callable[[], None]) -> None:
        if seq <= self._written:
            self._loop.call_soon(callback)
        else:
            super().when_written(seq, callback)

    def when_durable(self, seq: int, callback: Callable[[], None]) -> None:
        if seq <= self._durable:
            self._loop.call_soon(callback)
        else:
            super().when_durable(seq, callback)

    def _unless_it_hangs(self, act: Callable[[], None]) -> None:
        if not self.hangs:
            act()


def _call(waiting: list[tuple[int, Callable[[], None]]], upto: int) -> list[tuple[int, Callable[[], None]]]:
    for seq, callback in waiting:
        if seq <= upto:
            callback()
    return [(seq, callback) for seq, callback in waiting if seq > upto]
