"""The agent as a process: real files, a real broker, the keeper on its socket."""

import asyncio
import json
import logging
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, suppress
from pathlib import Path
from random import SystemRandom
from urllib.parse import urlsplit

from contract import topics
from edge.config.device_config import DeviceConfig
from edge.config.places import socket_path
from edge.config.wiring import AgentRun, Trial, Wirings, first_run, next_run
from edge.device.device import Device
from edge.device.ports import Ports
from edge.identity.credentials import Credentials
from edge.identity.identity import Identity
from edge.instruments.serial_line import SerialLine
from edge.journal.journal import Journal, JournalError, JournalInUse
from edge.keeper.protocol import KeeperLine
from edge.link.announcer import will
from edge.link.connection_number import ConnectionNumber
from edge.link.mqtt import Broker, MqttLink, MqttSession
from edge.machine.clock import CLOCK_FILE, DeviceClock
from edge.machine.files import Reserve, make_folder
from edge.machine.log_lines import LogLines
from edge.machine.real_time import RealTimeOption
from edge.machine.threads import DetachedExecutor
from edge.memory.memory import Memory, MemoryUnusable
from edge.remote.remote import Machine
from edge.remote.rewiring import Rewire
from edge.roster.store import RosterError, RosterStore
from edge.scanners.scanning import open_line
from service.notify import Systemd, Watchdog

log = logging.getLogger(__name__)

PORTS = {"mqtt": 1883, "mqtts": 8883}
REAL_TIME_PRIORITY = 5
"""Where the unit permits one: below the keeper's, which never waits for this process. It begins with readiness: before,
files are read and checked for longer than a thread may compute in real time."""


@asynccontextmanager
async def _serving_status(device: Device, path: Path) -> AsyncIterator[None]:
    """Whoever connects is told how the device is, in one line of JSON."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            writer.write(json.dumps(device.status(), ensure_ascii=False).encode() + b"\n")
            await writer.drain()
        writer.close()

    path.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(answer, path)
    path.chmod(0o600)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


def _thread(stack: AsyncExitStack, name: str) -> Executor:
    """An executor of one: what it is given is done in order."""
    return stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix=name))


def broker_of(config: DeviceConfig, clock: DeviceClock) -> Broker:
    """The broker of a config, with the TLS 1.3 that any but a loopback address needs."""
    address = urlsplit(config.cloud.broker)
    tls = Credentials(config.keys, clock) if address.scheme == "mqtts" else None
    return Broker(address.hostname or "", address.port or PORTS[address.scheme], tls)


def _session_of(config: DeviceConfig) -> MqttSession:
    """What a device listens to, and where its will goes."""
    site, name = config.device.site, config.device.name
    return MqttSession(name, topics.down(site, name, "+"), topics.up(site, name, "state"), will)


def _reboot(command: list[str]) -> Callable[[], object] | None:
    """What starts the machine anew, if its config says how."""
    if not command:
        return None

    def start() -> None:
        log.warning("starting the machine anew: %s", " ".join(command))
        try:
            subprocess.Popen(command, stdin=subprocess.DEVNULL)
        except OSError as error:
            log.error("the machine cannot be started anew: %s", error)

    return start


def open_files(config: DeviceConfig, boot: str) -> tuple[Journal, RosterStore, Memory]:
    """The journal, the roster store and the memory. A full disk has room for them once the reserve is given up: without
    a journal the agent could not start, and free doors would stay shut. Raises ``JournalError``, ``RosterError`` or
    ``MemoryUnusable``."""
    reserve = Reserve(config.state / "reserve")

    def open_all() -> tuple[Journal, RosterStore, Memory]:
        with ExitStack() as half_open:
            roster = RosterStore(config.state / "roster.db")
            half_open.callback(roster.close)
            journal = Journal(config.state / "journal.db", boot=boot)
            half_open.callback(journal.close)
            memory = Memory(config.state / "memory.db")
            half_open.pop_all()
            return journal, roster, memory

    try:
        files = open_all()
    except JournalInUse:
        raise
    except (JournalError, RosterError, MemoryUnusable):
        if not reserve.give_up():
            raise
        return open_all()
    reserve.lay()
    return files


async def run_agent(wirings: Wirings) -> None:
    """An agent's whole life, which is several where a wiring is tried: each starts over in the same process.

    Raises ``JournalError``, ``RosterError``, ``MemoryUnusable``, ``IdentityError`` or ``OSError`` for what the user can
    mend.
    """
    local = wirings.local
    lines = LogLines()
    logging.getLogger().addHandler(lines)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    for folder in (local.state, local.run):
        make_folder(folder)
    async with AsyncExitStack() as stack:
        clock = DeviceClock(local.state / CLOCK_FILE, do=_thread(stack, "clock").submit)
        run = first_run(wirings)
        while not ended.is_set():
            run = next_run(wirings, await _life(wirings, run, clock, lines, ended))


async def _life(
    wirings: Wirings, run: AgentRun, clock: DeviceClock, lines: LogLines, ended: asyncio.Event
) -> Trial | None:
    """One life of the agent, until it is ended or starts over. Returns what the next one is to try."""
    config = run.chosen.config
    loop = asyncio.get_running_loop()
    start_over: asyncio.Future[Trial | None] = loop.create_future()
    async with AsyncExitStack() as stack:
        identity = Identity(config.keys)
        broker = broker_of(config, clock)
        keeper = KeeperLine(socket_path(config.run))
        number = ConnectionNumber(config.state / "connections", clock)
        session = _session_of(config)
        connector = stack.enter_context(DetachedExecutor("connector"))
        link = MqttLink(broker, session, number=number, loop=loop, random=SystemRandom(), connector=connector)
        journal, roster, memory = open_files(config, clock.boot)
        threads = [_thread(stack, name) for name in ("writer", "flusher", "roster", "memory")]
        writer, flusher, roster_writer, memory_writer = threads
        ports = Ports(
            loop=loop,
            clock=clock,
            identity=identity,
            journal=journal,
            roster=roster,
            memory=memory,
            keeper=keeper,
            link=link,
            number=number,
            random=SystemRandom(),
            writer=writer,
            flusher=flusher,
            roster_writer=roster_writer,
            memory_writer=memory_writer,
            credentials=broker.tls if isinstance(broker.tls, Credentials) else None,
            machine=Machine(_reboot(config.device.reboot), lines.newest, Rewire(wirings, run, start_over.set_result)),
            open_scanner=lambda scanner: open_line(config.path.parent, scanner, loop),
            open_bus=lambda bus: SerialLine(config.path.parent / bus.device, bus.baud, loop),
            free_bytes=lambda: shutil.disk_usage(config.state).free,
        )
        device = Device(config, ports)
        device.start()
        link.start()
        line = asyncio.create_task(keeper.run(device.agent.handle, device.agent.keeper_lost), name="keeper")
        # Not the connector: it may wait long for a broker, and no door waits for it.
        watchdog = Watchdog(systemd := Systemd(), loop, [thread.submit for thread in threads])
        async with _serving_status(device, config.run / "agent.sock"):
            systemd.tell("READY=1")
            watchdog.start()
            stack.callback(RealTimeOption(loop, REAL_TIME_PRIORITY).close)
            ending = asyncio.create_task(ended.wait(), name="ending")
            await asyncio.wait((ending, start_over), return_when=asyncio.FIRST_COMPLETED)
            ending.cancel()
        watchdog.close()
        if ended.is_set():
            systemd.tell("STOPPING=1")
        await device.close()
        await link.close()
        line.cancel()
        await asyncio.gather(line, return_exceptions=True)
    return start_over.result() if start_over.done() else None
