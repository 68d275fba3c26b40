"""The keeper as a process: real pins below, one agent on a Unix socket above."""

import asyncio
import logging
import os
import selectors
import signal
from contextlib import closing, suppress

from edge.config.places import socket_path
from edge.config.wiring import NoSuchWiring, Wirings
from edge.keeper.host import KeeperHost
from edge.keeper.keeper import Keeper
from edge.keeper.latch import Latch
from edge.keeper.pins import mark_simulated, pin_factory
from edge.keeper.protocol import Channel, ToAgent, ToKeeper
from edge.machine.files import FileLock, make_folder
from edge.machine.mendable import Mendable
from edge.machine.real_time import schedule
from service.notify import Systemd, Watchdog

log = logging.getLogger(__name__)

PRIORITY = 10
"""Real-time priority, above everything on the device but the kernel's own threads."""


class PinsLost(Mendable):
    """This process has no pins any more. The text is a sentence; the cure is a new process."""


class KeeperProcess:
    """The keeper with its socket. It serves one agent at a time: a new one takes the place of the old, whose outputs go
    to rest first."""

    def __init__(self, wirings: Wirings, loop: asyncio.AbstractEventLoop) -> None:
        """Raises ``OSError`` if the run or state folder cannot be used, ``BadPinFactory`` where there are no pins."""
        local = wirings.local
        make_folder(local.state)
        make_folder(local.run)
        self._path = socket_path(local.run)
        self._hold = FileLock(self._path)
        self._loop = loop
        self._agent: Channel[ToKeeper] | None = None
        self._ended = asyncio.Event()
        self._lost_pins = ""
        pins = pin_factory()
        mark_simulated(local.run, pins)
        self.host = KeeperHost(wirings, pins, loop, self._tell, self._no_pins)

    async def serve(self) -> None:
        """Run until SIGTERM or SIGINT, then leave every output at rest. Raises ``PinsLost``."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._ended.set)
        self._path.unlink(missing_ok=True)
        server = await self._loop.create_unix_server(self._channel, self._path)
        self._path.chmod(0o600)
        log.info("keeper listens on %s", self._path)
        systemd = Systemd()
        watchdog = Watchdog(systemd, self._loop)
        systemd.tell("READY=1")
        watchdog.start()
        try:
            await self._ended.wait()
        finally:
            watchdog.close()
            systemd.tell("STOPPING=1")
            server.close()
            if self._agent is not None:
                self._agent.close()
            self.host.keeper.close()
            self._path.unlink(missing_ok=True)
            self._hold.release()
        if self._lost_pins:
            raise PinsLost(self._lost_pins)

    def _no_pins(self, why: str) -> None:
        """A keeper without pins must not look alive: the agent loses its line, and systemd starts another."""
        self._lost_pins = why
        self._ended.set()

    def _channel(self) -> Channel[ToKeeper]:
        channel = Channel[ToKeeper](ToKeeper, self.host.handle, lambda: self._lost(channel), self._connected)
        return channel

    def _connected(self, channel: Channel[ToKeeper]) -> None:
        if self._agent is not None:
            self._agent.close()
            self.host.agent_gone()
        self._agent = channel
        channel.send(self.host.keeper.snapshot())

    def _lost(self, channel: Channel[ToKeeper]) -> None:
        if self._agent is channel:
            self._agent = None
            self.host.agent_gone()

    def _tell(self, message: ToAgent) -> None:
        if self._agent is not None:
            self._agent.send(message)


def prompt_loop() -> asyncio.AbstractEventLoop:
    """A loop whose timers wake to the microsecond.

    epoll, which asyncio takes by itself, rounds them up to whole milliseconds: 0.7 of 2.7 ms from a frame to its relay.
    """
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


def be_real_time() -> None:
    """Take real-time priority where the system allows it, so that no other load delays a lease or a fire input. The
    threads of the pin library have it too, whether they are there yet or not."""
    try:
        schedule(os.SCHED_FIFO, PRIORITY)
    except OSError as error:
        log.warning("no real-time priority, so other load may delay a lease or a fire input: %s", error.strerror)


def park(wirings: Wirings) -> None:
    """Put every output to rest and let go of the pins: for ``ExecStopPost``, should the keeper have died. It may have
    died with the pins of a wiring on trial."""
    configs = [wirings.in_force().config]
    with suppress(NoSuchWiring):
        configs.append(wirings.on_trial().config)
    latch, pins = Latch(wirings.local.state / "latch.json"), pin_factory()
    with closing(asyncio.new_event_loop()) as loop:
        for config in configs:
            Keeper(config, pins, latch, loop, lambda _message: None).close()


async def run_keeper(wirings: Wirings) -> None:
    """The whole life of a keeper. Raises ``OSError``, ``InUse`` or ``BadPinFactory`` for what the user can mend, and
    ``PinsLost``."""
    be_real_time()
    process = KeeperProcess(wirings, asyncio.get_running_loop())
    await process.serve()
