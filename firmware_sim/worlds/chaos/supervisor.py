"""Keeps a program running, as systemd would: whenever it ends, it is started again after a moment."""

import asyncio
import signal
from collections.abc import Callable

from firmware_sim.worlds.chaos.evidence import Diary
from firmware_sim.worlds.demo.processes import Program

RESTART_S = 1.0
"""``RestartSec`` of the service units."""


class Service:
    """A program that is started again whenever it ends. ``before_start`` is called between its lives."""

    def __init__(
        self,
        program: Program,
        diary: Diary,
        before_start: Callable[[], None] = lambda: None,
        *,
        restart_s: float = RESTART_S,
    ) -> None:
        self.kills = 0
        self.crashes: list[str] = []
        self.program, self._diary, self._before_start = program, diary, before_start
        self._restart_s = restart_s
        self._killed = False
        self._looking_after: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.program.start()
        self._diary.note("started", self.program.name)
        self._looking_after = asyncio.create_task(self._look_after(), name=f"supervisor of {self.program.name}")

    def kill(self) -> None:
        """``kill -9``. Nothing happens to one that is dead already."""
        if self.program.running and not self._killed:
            self._killed = True
            self.kills += 1
            self.program.send(signal.SIGKILL)
            self._diary.note("killed", self.program.name)

    async def end(self, *, kindly: bool = True) -> None:
        """It is not started again."""
        if self._looking_after is not None:
            self._looking_after.cancel()
            await asyncio.gather(self._looking_after, return_exceptions=True)
        await (self.program.stop() if kindly else self.program.kill())

    async def _look_after(self) -> None:
        while True:
            await self.program.ended()
            if not self._killed:
                self.crashes.append(f"{self.program.name} ended by itself:\n{self.program.last_lines()}")
                self._diary.note("crashed", self.program.name)
            await asyncio.sleep(self._restart_s)
            self._before_start()
            self._killed = False
            await self.program.start()
            self._diary.note("started", self.program.name)
