"""The keeper as a process: real pins below, one agent on a Unix socket above."""

import asyncio
import logging
import os
import selectors
import signal
from contextlib import closing, suppress

from edge.config import DeviceConfig
from edge.files import Hold
from edge.hardware.pins import pin_factory
from edge.keeper import Keeper, Latch
from edge.keeper_link import Channel, ToAgent, ToKeeper, socket_path
from edge.notify import Systemd, Watchdog

log = logging.getLogger(__name__)

PRIORITY = 10
"""Real-time priority, above everything on the device but the kernel's own threads."""


class KeeperProcess:
    """Serves one agent at a time: a new one takes the place of the old, whose outputs go to rest first."""

    def __init__(self, config: DeviceConfig, loop: asyncio.AbstractEventLoop) -> None:
        """Raises ``OSError`` if the run or state folder cannot be used, ``BadPinFactory`` where there are no pins."""
        config.state.mkdir(parents=True, exist_ok=True)
        config.run.mkdir(parents=True, exist_ok=True)
        self._path = socket_path(config.run)
        self._hold = Hold(self._path)
        self._loop = loop
        self._agent: Channel[ToKeeper] | None = None
        self.keeper = Keeper(config, pin_factory(), Latch(config.state / "latch.json"), loop, self._tell)

    async def serve(self) -> None:
        """Run until SIGTERM or SIGINT, then leave every output at rest."""
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, ended.set)
        self._path.unlink(missing_ok=True)
        server = await self._loop.create_unix_server(self._channel, self._path)
        self._path.chmod(0o600)
        log.info("keeper listens on %s", self._path)
        systemd = Systemd()
        watchdog = Watchdog(systemd, self._loop)
        systemd.tell("READY=1")
        watchdog.start()
        try:
            await ended.wait()
        finally:
            watchdog.close()
            systemd.tell("STOPPING=1")
            server.close()
            if self._agent is not None:
                self._agent.close()
            self.keeper.close()
            self._path.unlink(missing_ok=True)
            self._hold.release()

    def _channel(self) -> Channel[ToKeeper]:
        channel = Channel[ToKeeper](ToKeeper, self.keeper.heard, lambda: self._lost(channel), self._made)
        return channel

    def _made(self, channel: Channel[ToKeeper]) -> None:
        if self._agent is not None:
            self._agent.close()
            self.keeper.agent_gone()
        self._agent = channel
        channel.send(self.keeper.snapshot())

    def _lost(self, channel: Channel[ToKeeper]) -> None:
        if self._agent is channel:
            self._agent = None
            self.keeper.agent_gone()

    def _tell(self, message: ToAgent) -> None:
        if self._agent is not None:
            self._agent.send(message)


def prompt_loop() -> asyncio.AbstractEventLoop:
    """A loop whose timers wake to the microsecond.

    epoll, which asyncio takes by itself, rounds them up to whole milliseconds: 0.7 of 2.7 ms from a frame to its relay.
    """
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


def be_real_time() -> None:
    """Take real-time priority where the system allows it, so that no other load delays a lease or a fire input."""
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))


def park(config: DeviceConfig) -> None:
    """Put every output to rest and let go of the pins: for ``ExecStopPost``, should the keeper have died."""
    with closing(asyncio.new_event_loop()) as loop:
        Keeper(config, pin_factory(), Latch(config.state / "latch.json"), loop, lambda _message: None).close()


async def run_keeper(config: DeviceConfig) -> None:
    """The whole life of a keeper. Raises ``OSError``, ``InUse`` or ``BadPinFactory`` for what the user can mend."""
    process = KeeperProcess(config, asyncio.get_running_loop())
    be_real_time()
    await process.serve()
