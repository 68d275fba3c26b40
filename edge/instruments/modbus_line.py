"""A Modbus master on a line: it sends, waits, and keeps the line quiet when it must be."""

import asyncio
from asyncio import AbstractEventLoop, Future

from edge.config.peripherals import Bus
from edge.instruments.modbus import LATER_S, Failure, Master, Outcome, Request, Timing
from edge.instruments.serial_line import BusPort

PATIENCE_S = 1.0
"""How long a line may babble before the next request is given up. Somebody else drives it, or it is broken."""


def timing_of(bus: Bus) -> Timing:
    """How long things take on a bus as it is wired."""
    answer_s = bus.answer_ms / 1000
    return Timing(bus.baud, answer_s, answer_s + LATER_S)


class ModbusLine:
    """One request at a time to the instruments of one line."""

    def __init__(self, port: BusPort, timing: Timing, loop: AbstractEventLoop) -> None:
        self.master = Master(timing)
        self._port, self._loop = port, loop
        self._ended: Future[Outcome] | None = None
        port.on_bytes = self._heard

    async def ask(self, request: Request) -> Outcome:
        """Ask, and wait for the answer or for the reason that there is none. Raises ``ValueError`` for a request that
        no frame can say, ``RuntimeError`` if another is in flight."""
        if not await self._silence():
            return Failure("garbage")
        if self._port.why_down:
            return Failure("bus_lost")
        self._port.send(self.master.ask(request, self._loop.time()))
        ended: Future[Outcome] = self._loop.create_future()
        self._ended = ended
        timer = self._loop.call_at(self.master.answer_by_s, self._late)
        try:
            return await ended
        finally:
            timer.cancel()
            self._late()

    async def _silence(self) -> bool:
        """Whether the line has become free."""
        give_up_s = max(self.master.free_at_s, self._loop.time()) + PATIENCE_S
        while (now_s := self._loop.time()) < self.master.free_at_s:
            if now_s > give_up_s:
                return False
            await asyncio.sleep(self.master.free_at_s - now_s)
        return True

    def _heard(self, data: bytes) -> None:
        self._settle(self.master.heard(data, self._loop.time()))

    def _late(self) -> None:
        failure = self.master.late()
        self._settle(Failure("bus_lost") if failure and self._port.why_down else failure)

    def _settle(self, outcome: Outcome | None) -> None:
        if outcome is not None and self._ended is not None and not self._ended.done():
            self._ended.set_result(outcome)
