"""How far the rows of a journal have come, and who waits for them to come further."""

from asyncio import AbstractEventLoop
from collections.abc import Callable
from heapq import heappop, heappush


class Mark:
    """How far something has come, and who waits for it to come further."""

    def __init__(self, seq: int, loop: AbstractEventLoop) -> None:
        self.seq = seq
        self._loop = loop
        self._waiting: list[tuple[int, int, Callable[[], object]]] = []
        self._asked = 0

    def when(self, seq: int, callback: Callable[[], object]) -> None:
        self._asked += 1
        heappush(self._waiting, (seq, self._asked, callback))
        self.advance(self.seq)

    def advance(self, seq: int) -> None:
        self.seq = max(seq, self.seq)
        while self._waiting and self._waiting[0][0] <= self.seq:
            self._loop.call_soon(heappop(self._waiting)[2])
