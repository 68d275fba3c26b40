"""Programs of ours as real processes: started, killed without warning, frozen, and always cleared away."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from edge.machine.mendable import Mendable

T = TypeVar("T")

ENDS_WITHIN_S = 10.0
_PR_SET_PDEATHSIG = 1
_C = ctypes.CDLL(None)
"""Opened before the first fork: in the child of a process with threads, only a call of the kernel is safe."""


class Died(Mendable):
    """A program ended that should be running; the text holds its last lines."""


def scripts(name: str) -> str:
    """The path of one of our commands in this environment."""
    return str(Path(sys.executable).parent / name)


class Program:
    """One program with its arguments; its output goes to a log file of its own."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self._command, self._log = command, log
        self._environment = {**os.environ, **(environment or {})}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """Raises ``Died`` if it has not been started."""
        if self._process is None:
            raise Died(f"{self.name} was not started")
        return self._process.pid

    async def start(self) -> None:
        """Start it in a session of its own, so that a Ctrl-C reaches only whoever puts the programs to bed."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def send(self, number: signal.Signals) -> None:
        if self._process is not None and self.running:
            self._process.send_signal(number)

    async def kill(self) -> None:
        """``kill -9``: no warning, no last words."""
        self.send(signal.SIGKILL)
        await self.ended()

    async def stop(self) -> None:
        """Ask it to end; insist if it does not."""
        self.send(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.ended(), ENDS_WITHIN_S)
        except TimeoutError:
            await self.kill()

    def check(self) -> None:
        """Raises ``Died`` if it is not running."""
        if not self.running:
            raise Died(f"{self.name} {self.ending()}" + (f":\n{said}" if (said := self.last_lines()) else ""))

    def ending(self) -> str:
        """How it ended: a signal says what no log can, that something from outside killed it."""
        code = None if self._process is None else self._process.returncode
        if code is None or code >= 0:
            return f"has ended with exit code {code}"
        try:
            return f"was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"was ended by signal {-code}"

    def last_lines(self, count: int = 8) -> str:
        try:
            return "\n".join(self._log.read_text(errors="replace").splitlines()[-count:])
        except OSError:
            return ""

    async def ended(self) -> None:
        """Return when it has ended."""
        if self._process is not None:
            await self._process.wait()


async def stop_signal() -> None:
    """Return at the first SIGINT or SIGTERM."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()


async def until_stopped(act: Coroutine[Any, Any, T]) -> T | None:
    """What it returns; None if a SIGINT or SIGTERM came before, which cancels it."""
    acting, stopped = asyncio.ensure_future(act), asyncio.ensure_future(stop_signal())
    try:
        await asyncio.wait((acting, stopped), return_when=asyncio.FIRST_COMPLETED)
        return acting.result() if acting.done() else None
    finally:
        acting.cancel()
        stopped.cancel()
        await asyncio.gather(acting, stopped, return_exceptions=True)


def die_with_parent() -> None:
    """Run in the child before its program: on Linux the kernel ends it when the world itself is killed."""
    if sys.platform == "linux":
        _C.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
