"""A device in virtual time: the shipped agent and keeper on a simulated board, and what can befall them."""

import math
import os
from collections.abc import Callable
from concurrent.futures import Executor
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from contract import topics
from contract.events import Event
from edge.config.device_config import DeviceConfig
from edge.config.peripherals import Bus, Scanner
from edge.config.tables import EmergencyInput, Level
from edge.config.wiring import AgentRun, Trial, Wirings, first_run, next_run
from edge.device.device import Device
from edge.device.ports import Ports
from edge.identity.identity import Identity
from edge.instruments.serial_line import BusPort
from edge.journal.journal import Journal
from edge.keeper.host import KeeperHost
from edge.keeper.protocol import LocalLine, ToAgent, ToKeeper
from edge.link.announcer import will
from edge.link.connection_number import ConnectionNumber
from edge.machine.clock import CLOCK_FILE, DeviceClock
from edge.memory.memory import Memory
from edge.remote.remote import Machine
from edge.remote.rewiring import Rewire
from edge.roster.store import RosterStore
from edge.scanners.scanning import ScannerPort
from firmware_sim.board.board import Board
from firmware_sim.network.virtual_mqtt import Line, VirtualBroker, VirtualLink
from firmware_sim.parts.rs485 import Rs485Bus
from firmware_sim.parts.scanner import Scanner as SimulatedScanner
from firmware_sim.time.process_loop import ProcessLoop, ended_loop
from firmware_sim.worlds.board.wiring import resistors, wire


class MortalJournal(Journal):
    """A journal whose process can be killed and whose machine can lose its power: then only what was synced is left."""

    def __init__(self, path: Path, *, boot: str) -> None:
        super().__init__(path, boot=boot)
        self._wal_on_disk = bytearray()
        self._wal_synced()

    def flush(self) -> int:
        seq = super().flush()
        self._wal_synced()
        return seq

    def checkpoint(self) -> int | None:
        seq = super().checkpoint()
        self._wal_synced()
        return seq

    def fork(self, upto: int, said: Event) -> None:
        super().fork(upto, said)
        self._wal_synced()

    def die(self) -> None:
        """Let go of the file without a word in it: the next start finds an unclean end."""
        if self._is_open:
            self._close_files()
            self._hold.release()

    def lose_power(self) -> None:
        """The same, and what the kernel had not synced is gone. Of the table file all is: only checkpoints write it."""
        if not self._is_open:
            return
        tables = self._path.read_bytes()
        self.die()
        self._path.write_bytes(tables)
        self._path.with_name(f"{self._path.name}-wal").write_bytes(self._wal_on_disk)

    @property
    def _is_open(self) -> bool:
        return self._wal >= 0

    def _wal_synced(self) -> None:
        """Copy it whole into the bytes of before: SQLite begins it anew in place, and its size says nothing."""
        size = os.fstat(self._wal).st_size
        if size != len(self._wal_on_disk):
            self._wal_on_disk = bytearray(size)
        os.preadv(self._wal, [self._wal_on_disk], 0)


class LastWrite:
    """The newest write of a small file, done when its process ends: until then nobody reads the file, and nothing that
    befalls the simulated machine falls between this write and its sync."""

    def __init__(self) -> None:
        self._write: Callable[[], None] = lambda: None

    def put(self, write: Callable[[], None]) -> None:
        self._write = write

    def do(self) -> None:
        self._write()
        self._write = lambda: None


class Span(NamedTuple):
    """From when until when something was so, in seconds of the world's time."""

    start_s: float
    end_s: float

    def overlap_s(self, other: "Span") -> float:
        """How long both were so; below zero if never."""
        return min(self.end_s, other.end_s) - max(self.start_s, other.start_s)


class VirtualDevice:
    """One device. Its board, its files and its cable outlive the agents and keepers that come and go on them."""

    def __init__(
        self,
        config: DeviceConfig,
        broker: VirtualBroker,
        *,
        seed: int,
        line: Line | None = None,
        strict_gpiod: bool = True,
        serve_posts: bool = False,
    ) -> None:
        """``serve_posts``: charging posts may connect over real sockets, which takes a loop in real time."""
        self.name = config.device.name
        self.config = config
        self._serve_posts = serve_posts
        self._loop = broker.loop
        self.board = Board(
            self._loop, seed=f"{seed}/{self.name}", strict_gpiod=strict_gpiod, pulls=resistors(config), log_size=None
        )
        self.hardware = wire(self.board, config)
        for folder in (config.state, config.run):
            folder.mkdir(parents=True, exist_ok=True)
        site = config.device.site
        self.link = VirtualLink(
            broker,
            self.name,
            subscribe=[topics.down(site, self.name, "+")],
            will=(topics.up(site, self.name, "state"), will),
            line=line,
        )
        self.booted_s: dict[str, float] = {}
        """When each boot began, on the world's clock."""
        self.lost_power_s: list[float] = []
        """When the plug was pulled."""
        self.agent: Device | None = None
        self._clock_file = LastWrite()
        self._chance = self.board.random("processes")
        self._threads = Executor(), Executor(), Executor()
        self._agent_life = self._keeper_life = ended_loop(self._loop)
        self._boot()

    @property
    def keeper_runs(self) -> bool:
        return self._keeper_life.alive

    @property
    def waiting(self) -> int:
        """Events that the cloud has not acknowledged, as far as anybody is there to know."""
        return 0 if self.agent is None else self.agent.recorder.last_seq - self.agent.recorder.acked

    def when_s(self, event: Event) -> float:
        """The world's time of an event, by its boot and the machine's own clock."""
        return self.booted_s[event.boot] + event.mono_ms / 1000

    def spans(self, pin: int, level: Level) -> list[Span]:
        """When a pin was at this level, by the board; the last may go on."""
        moves = [(move.at_ns / 1e9, move.level) for move in self.board.moves if move.pin == pin]
        ends = pairwise([*moves, (self._loop.time(), False)])
        return [Span(start_s, end_s) for (start_s, high), (end_s, _) in ends if high == (level == "high")]

    def key_turned_s(self, emergency: EmergencyInput, after_s: float) -> float:
        """When the reset key of a zone was turned next; infinity if it was not."""
        turns = self.spans(emergency.reset.pin, emergency.reset.active)
        return next((turn.start_s for turn in turns if turn.start_s > after_s), math.inf)

    def start(self) -> None:
        self.start_keeper()
        self.start_agent()

    def start_keeper(self) -> None:
        life = self._keeper_life = ProcessLoop(self._loop, self._chance)
        self._factory = self.board.factory()
        self._host = KeeperHost(
            Wirings(self.config), self._factory, life.loop, self._tell, lambda _why: self.kill_keeper()
        )
        self._to_keeper = LocalLine(life.loop, self._host.handle)
        self._connect()

    def kill_keeper(self) -> None:
        """The kernel alone decides about the pins; the agent sees its line end."""
        if not self.keeper_runs:
            return
        self._factory.die()
        self._keeper_life.end()
        if self.agent is not None:
            self._agent_life.call_soon(self.agent.agent.keeper_lost)

    def start_agent(self) -> None:
        life = self._agent_life = ProcessLoop(self._loop, self._chance)
        wirings = Wirings(self.config)
        path, put = self.config.state / CLOCK_FILE, self._clock_file.put
        clock = DeviceClock(path, boot=self._boot_id, mono=self._mono_ms, do=put)
        self._live(life, wirings, first_run(wirings), clock)

    def _live(self, life: ProcessLoop, wirings: Wirings, turn: AgentRun, clock: DeviceClock) -> None:
        """One life of the agent within its process: until it is killed, or starts over by another wiring."""
        state = self.config.state
        number = ConnectionNumber(state / "connections", clock)
        self.link.next_number = number.next
        self._journal = MortalJournal(state / "journal.db", boot=self._boot_id)
        writer, flusher, roster_writer = self._threads

        def start_over(trial: Trial | None) -> None:
            life.create_task(self._start_over(life, wirings, trial, clock), name=f"{self.name} starts over")

        ports = Ports(
            loop=life.loop,
            clock=clock,
            identity=Identity(self.config.keys),
            journal=self._journal,
            roster=RosterStore(state / "roster.db"),
            memory=Memory(state / "memory.db"),
            keeper=self,
            link=self.link,
            number=number,
            random=self.board.random(f"agent/{self._boot_id}/{life.loop.time()}"),
            writer=writer,
            flusher=flusher,
            roster_writer=roster_writer,
            machine=Machine(reboot=self._reboot, rewire=Rewire(wirings, turn, start_over)),
            open_bus=self._open_bus,
            open_scanner=self._open_scanner,
            serve_posts=self._serve_posts,
        )
        self.agent = Device(turn.chosen.config, ports)
        self.agent.start()
        self.link.start()
        self._connect()

    async def _start_over(self, life: ProcessLoop, wirings: Wirings, trial: Trial | None, clock: DeviceClock) -> None:
        """What the agent's process does between two of its lives."""
        if self.agent is None:
            return
        await self.agent.close()
        self._hear_nothing()
        self.link.close()
        if self.keeper_runs:
            self._keeper_life.call_soon(self._host.agent_gone)
        self.agent = None
        self._live(life, wirings, next_run(wirings, trial), clock)

    def kill_agent(self) -> None:
        """What it had not written is gone. The keeper sees its line end and puts every output to rest."""
        self._end_agent(MortalJournal.die)
        if self.keeper_runs:
            self._keeper_life.call_soon(self._host.agent_gone)

    def restart_agent(self) -> None:
        """Kill what is left of it and start it anew, as its supervisor does."""
        self.kill_agent()
        self.start_agent()

    def hang_agent(self) -> None:
        """It does nothing more, and nobody can tell: its lines stay open. `kill_agent` is what a watchdog does next."""
        self._agent_life.end()
        self._hear_nothing()

    def power_off(self) -> None:
        """The plug is pulled. What was synced stays, the broker will notice, and the pins fall back."""
        self.lost_power_s.append(self._loop.time())
        self._hear_nothing()
        cable_in = self.link.cable_in
        self.link.cut()
        self._end_agent(MortalJournal.lose_power)
        self.link.cable_in = cable_in
        self._keeper_life.end()
        self.board.reset()

    def power_on(self) -> None:
        """The machine boots: its clock begins anew."""
        self._boot()
        self.start()

    async def close(self) -> None:
        """An orderly end of both processes."""
        if self.agent is not None and self._agent_life.alive:
            await self.agent.close()
            self.link.close()
            self.agent = None
        self.kill_agent()
        if self.keeper_runs:
            self._host.keeper.close()
            self._factory.close()
            self._keeper_life.end()

    def send(self, message: ToKeeper) -> None:
        """From the agent to the keeper, if there is one."""
        if self.keeper_runs:
            self._to_keeper.send(message)

    def _tell(self, message: ToAgent) -> None:
        if self.agent is not None and self.keeper_runs:
            self._agent_life.call_soon(self.agent.agent.handle, message)

    def _connect(self) -> None:
        if self.agent is not None and self.keeper_runs:
            self._tell(self._host.keeper.snapshot())

    def _end_agent(self, end: Callable[[MortalJournal], None]) -> None:
        self._clock_file.do()
        if self.agent is None:
            return
        self._agent_life.end()
        self._hear_nothing()
        self.link.kill()
        end(self._journal)
        self.agent.ports.roster.close()
        self.agent.ports.memory.close()
        self.agent = None

    def _hear_nothing(self) -> None:
        self.link.on_up = lambda connection: None
        self.link.on_down = lambda: None
        self.link.on_message = lambda topic, payload, retained: None
        for bus in self.hardware.buses.values():
            bus.hang_up()
        for scanner in self.hardware.scanners.values():
            scanner.hang_up()

    def _open_bus(self, bus: Bus) -> BusPort:
        """The line at that device, as it is wired; at any other device, or at another speed, nobody answers."""
        for wired in self.config.buses:
            if (wired.device, wired.baud) == (bus.device, bus.baud):
                return self.hardware.buses[wired.name].open()
        return Rs485Bus(self._loop, baud=bus.baud, name=bus.name).open()

    def _open_scanner(self, scanner: Scanner) -> ScannerPort:
        """The scanner at that device, as it is wired; at any other device nothing is ever scanned."""
        for point in self.config.points:
            for way, wired in point.scanners.items():
                if wired.device == scanner.device:
                    return self.hardware.scanners[f"{point.name}.{way}"].open()
        return SimulatedScanner(self._loop).open()

    def _reboot(self) -> None:
        """The machine starts itself anew: for its pins and its clocks that is a cut of the power."""
        self._loop.call_soon(self.power_off)
        self._loop.call_soon(self.power_on)

    def _boot(self) -> None:
        self._boot_id = f"{self._chance.getrandbits(32):08x}"
        self.booted_s[self._boot_id] = self._loop.time()

    def _mono_ms(self) -> int:
        return int((self._loop.time() - self.booted_s[self._boot_id]) * 1000)
