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
        self._program, self._diary, self._before_start = program, diary, before_start
        self._restart_s = restart_s
        self._killed = False
        self._looking_after: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        return self._program.name

    @property
    def running(self) -> bool:
        return self._program.running

    async def start(self) -> None:
        await self._program.start()
        self._diary.note("started", self.name)
        self._looking_after = asyncio.create_task(self._look_after(), name=f"supervisor of {self.name}")

    def kill(self) -> None:
        """``kill -9``. Nothing happens to one that is dead already."""
        if self.running and not self._killed:
            self._killed = True
            self.kills += 1
            self._program.send(signal.SIGKILL)
            self._diary.note("killed", self.name)

    def freeze(self) -> None:
        self._program.send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._program.send(signal.SIGCONT)

    async def end(self, *, kindly: bool = True) -> None:
        """It is not started again."""
        if self._looking_after is not None:
            self._looking_after.cancel()
            await asyncio.gather(self._looking_after, return_exceptions=True)
        await (self._program.stop() if kindly else self._program.kill())

    async def _look_after(self) -> None:
        while True:
            await self._program.ended()
            if not self._killed:
                self.crashes.append(f"{self.name} ended by itself:\n{self._program.last_lines()}")
                self._diary.note("crashed", self.name)
            await asyncio.sleep(self._restart_s)
            self._before_start()
            self._killed = False
            await self._program.start()
            self._diary.note("started", self.name)
