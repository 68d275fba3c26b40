"""A town of real processes that is made to suffer, and that puts right what was done to it."""

import asyncio
import json
import secrets
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import NamedTuple

from cloud.web.auth import Role
from firmware_sim.control.commands import Fire, ResetKey, Tap, TapAndWalk
from firmware_sim.network.link import LineFaults, Proxy
from firmware_sim.parts.hardware import Command, ControlError
from firmware_sim.parts.portal import Walk
from firmware_sim.worlds.chaos.audit import broken_promises
from firmware_sim.worlds.chaos.evidence import DEVICES, DIARY, Diary, last_seq, missing_rows, open_cloud
from firmware_sim.worlds.chaos.operator import NAME, say_again, try_to_open
from firmware_sim.worlds.chaos.plan import AuditEntry, PlannedVisit, Trouble
from firmware_sim.worlds.chaos.supervisor import Service
from firmware_sim.worlds.chaos.witness import Witness
from firmware_sim.worlds.demo.brokers import Kind, broker_command, find_mosquitto, free_port
from firmware_sim.worlds.demo.community import (
    UNKNOWN_CARD,
    SampleDevice,
    SimulatedDevice,
    found_cloud,
    is_ready,
    sample_cards,
    write_config,
)
from firmware_sim.worlds.demo.operator import Operator
from firmware_sim.worlds.demo.processes import Program, scripts

BROKER_QUEUE = 5
"""The broker drops what more than so many messages would wait for one client."""
STARTS_AT_ONCE = 2
SLOW = LineFaults(delay_ms=(50.0, 400.0))
KEY_EVERY_S = 1.0
TURNS = 20
"""How often somebody turns the reset key before they give up."""
AT_AN_ACK_S = 20.0
"""How long the cloud's end waits for an acknowledgement to appear."""
SAMPLES = (("gate", "door", "estate", "east-gate"), ("gym", "turnstile", "gym", "gym-turnstile"))
"""Of each two devices one is a door and one a turnstile: name, sample, zone, and the name of the sample's point."""
STILL_S = 0.3
"""How long a frozen town is looked at, and how long it then goes on if something is still on its way."""


def places(count: int) -> list[SampleDevice]:
    """``gate-1``, ``gym-1``, ``gate-2`` …"""
    pairs = ((number // 2 + 1, SAMPLES[number % 2]) for number in range(count))
    return [(f"{name}-{number}", sample, zone, point) for number, (name, sample, zone, point) in pairs]


def cards() -> list[str]:
    """Those of the sample, twice those who may enter, and one that nobody knows."""
    known = [card.card for card in sample_cards() if card.card != UNKNOWN_CARD]
    return [*known[:2], *known, UNKNOWN_CARD]


Tell = Callable[[str], object]
"""Hears what happens, in words."""


class Home(NamedTuple):
    """One device and its way through. ``walking`` is held by whoever stands in the way, and ``card_is_read`` wakes
    those who wait for the next card."""

    device: SimulatedDevice
    walking: asyncio.Lock
    card_is_read: asyncio.Event


class Town:
    """The whole of it. ``cloud`` is the command that serves the cloud; ``services`` are the programs that are started
    again when they end, by the program's name. ``cuts`` counts the cables that were pulled, and
    ``at_acks`` the clouds that were killed as an acknowledgement appeared. ``broken_promises`` are the rows, by device
    and journal, that a dead cloud had acknowledged and had not stored."""

    def __init__(self, folder: Path, devices: int, *, seed: int, cloud: Sequence[str] = ()) -> None:
        self.folder = folder
        self.witness = Witness()
        self.homes: dict[str, Home] = {}
        self.cuts = 0
        self.at_acks = 0
        self.broken_promises: dict[tuple[str, str], int] = {}
        self.services: dict[str, Service] = {}
        self._diary = Diary(folder / DIARY)
        self._places, self._seed = places(devices), seed
        self._cards = cards()
        self._broker_port, self._cable_port, web_port = free_port(), free_port(), free_port()
        self._password = secrets.token_urlsafe()
        self._operator = Operator(f"http://127.0.0.1:{web_port}", NAME, self._password)
        self._repeating: set[asyncio.Task[None]] = set()
        self.witness.on_command = self._commanded
        self.cloud_cable = Proxy(self._broker_port, seed=f"{seed}/cloud", listen=self.witness.listen)
        kind: Kind = "mosquitto" if find_mosquitto() else "iotcore"
        broker = broker_command(folder / "broker", self._broker_port, kind, max_queued=BROKER_QUEUE)
        self._look_after(Program("broker", broker, folder / "broker.log"))
        serve = [*(cloud or [scripts("hearthgate-cloud")]), "serve", "--dir", str(folder / "cloud")]
        serve += ["--broker", f"mqtt://127.0.0.1:{self._cable_port}", "--port", str(web_port)]
        self._look_after(Program("cloud", serve, folder / "cloud.log"), self._check_promises)

    @property
    def kills(self) -> Counter[str]:
        """How often which kind of process was killed."""
        counted: Counter[str] = Counter()
        for name, service in self.services.items():
            counted[name.split()[-1]] += service.kills
        return counted

    @property
    def crashes(self) -> list[str]:
        """What ended without being killed, with its last words."""
        return [words for service in self.services.values() for words in service.crashes]

    async def start(self, tell: Tell) -> None:
        """Raises ``Died`` or ``BoardGone`` for what does not come up."""
        await self.cloud_cable.start(self._cable_port)
        for number, place in enumerate(self._places):
            await self._make(place, self._seed + number)
        configs = [home.device.config for home in self.homes.values()]
        found_cloud(self.folder / "cloud", configs, NAME, self._password, Role.GUARD)
        await self.services["broker"].start()
        await self.services["cloud"].start()
        turn = asyncio.Semaphore(STARTS_AT_ONCE)
        await asyncio.gather(*(self._start(home.device, turn, tell) for home in self.homes.values()))

    async def stop(self) -> None:
        """Put everything to bed, whatever became of it."""
        for task in self._repeating:
            task.cancel()
        await asyncio.gather(self._operator.close(), *self._repeating, return_exceptions=True)
        for service in reversed(self.services.values()):
            await service.end()
        await asyncio.gather(*(home.device.stop() for home in self.homes.values()))
        await self.cloud_cable.close()
        self._diary.close()

    async def befall(self, trouble: Trouble) -> None:
        """Let it happen, for as long as it lasts; what can be put right is put right, also if this is cancelled."""
        async with AsyncExitStack() as putting_right:
            match trouble.what.split():
                case ["kill", "cloud", "at", *_]:
                    await self._kill_at_an_ack()
                case ["kill", program, *at_a_card]:
                    if at_a_card:
                        await self.homes[trouble.where].card_is_read.wait()
                        await asyncio.sleep(trouble.after_s)
                    self.services[f"{trouble.where} {program}".strip()].kill()
                case ["cut", end]:
                    self.cuts += 1
                    cable = self._cable(end, trouble.where)
                    putting_right.push_async_callback(cable.restore)
                    await cable.cut()
                case ["slow", end]:
                    cable = self._cable(end, trouble.where)
                    putting_right.callback(setattr, cable, "faults", LineFaults())
                    cable.faults = SLOW
                case ["fire"]:
                    device = self.homes[trouble.where].device
                    putting_right.push_async_callback(self._put_out_fire, device)
                    await device.control.ask(Fire(device.config.points[0].zone, True))
            await asyncio.sleep(trouble.lasts_s)

    async def visit(self, visit: PlannedVisit) -> None:
        """Somebody badges, walks through, leaves or rings. Who finds another in the way only badges."""
        home, device = self.homes[visit.device], visit.device
        reader, card = f"{device}.in", self._cards[visit.card]
        if visit.deed.startswith("badge") or home.walking.locked():
            home.card_is_read.set()
            home.card_is_read.clear()
        if home.walking.locked():
            await self._ask(home, Tap(reader, card))
            return
        orders: dict[AuditEntry, Command] = {
            "badge": Tap(reader, card),
            "badge and walk": TapAndWalk(reader, card),
            "leave": Walk(device, "out"),
            "ring": Walk(device, "in"),
        }
        async with home.walking:
            if visit.deed == "ring":
                await try_to_open(self._operator, device)
            await self._ask(home, orders[visit.deed])

    def tips(self) -> dict[tuple[str, str], int]:
        """The last row of each device's journal."""
        last = {name: last_seq(home.device.config.path.parent) for name, home in self.homes.items()}
        return {(name, journal): seq for name, (journal, seq) in last.items()}

    def behind(self, tips: dict[tuple[str, str], int]) -> int:
        """How many rows up to these the cloud has not stored."""
        with open_cloud(self.folder) as cloud:
            return sum(missing_rows(cloud, device, journal, seq) for (device, journal), seq in tips.items())

    async def end_in_step(self, deadline_s: float) -> None:
        """End the agents at a moment at which the cloud has all of their rows, or at the deadline.

        A frozen agent writes nothing; one that was told to end would write that it does.
        """
        loop = asyncio.get_running_loop()
        while loop.time() < deadline_s:
            for home in self.homes.values():
                home.device.agent.send(signal.SIGSTOP)
            await asyncio.sleep(STILL_S)
            if not self.behind(self.tips()):
                break
            for home in self.homes.values():
                home.device.agent.send(signal.SIGCONT)
            await asyncio.sleep(STILL_S)
        for home in self.homes.values():
            await self.services[home.device.agent.name].end(kindly=False)

    async def _ask(self, home: Home, order: Command) -> None:
        with suppress(ControlError):  # the reader is still sending the card of somebody else
            answer = await home.device.control.ask(order)
            if answer.get("last_ns") is not None:
                self._diary.note("badge", home.device.name, answer["last_ns"])

    def _commanded(self, device: str, topic: str, payload: bytes) -> None:
        """A command leaves the cloud: it will come twice."""
        self._diary.note("command", device)
        task = asyncio.create_task(say_again(topic, payload, self._broker_port))
        self._repeating.add(task)
        task.add_done_callback(self._repeating.discard)

    async def _kill_at_an_ack(self) -> None:
        """Kill the cloud before anybody else can have the acknowledgement, and let that pass."""
        cloud, appeared = self.services["cloud"], asyncio.Event()

        def kill() -> None:
            if cloud.program.running and not appeared.is_set():
                self.at_acks += 1
                cloud.kill()
                appeared.set()

        self.witness.on_promise = kill
        with suppress(TimeoutError):
            await asyncio.wait_for(appeared.wait(), AT_AN_ACK_S)
        if self.witness.on_promise is kill:
            self.witness.on_promise = lambda: None

    async def _put_out_fire(self, device: SimulatedDevice) -> None:
        """The panel is silenced, and somebody turns the key until the keeper has seen it."""
        zone = device.config.points[0].zone
        await device.control.ask(Fire(zone, False))
        for _ in range(TURNS):
            await asyncio.sleep(KEY_EVERY_S)
            if not _is_latched(device):
                break
            await device.control.ask(ResetKey(zone))

    def _cable(self, end: str, device: str) -> Proxy:
        return self.cloud_cable if end == "cloud" else self.homes[device].device.cable

    def _check_promises(self) -> None:
        """The cloud is dead: what it has promised has to lie on the disk."""
        for whose, missing in broken_promises(self.folder, self.witness.promised):
            self.broken_promises[whose] = max(missing, self.broken_promises.get(whose, 0))

    async def _make(self, place: SampleDevice, seed: int) -> None:
        name, *_ = place
        folder = self.folder / DEVICES / name
        cable = Proxy(self._broker_port, seed=f"{seed}/{name}", listen=self.witness.listen)
        await cable.start()
        device = SimulatedDevice(folder, write_config(folder, *place, cable.port), cable, seed=seed, people=False)
        self._look_after(device.keeper)
        self._look_after(device.agent)
        self.homes[name] = Home(device, asyncio.Lock(), asyncio.Event())

    def _look_after(self, program: Program, before_start: Callable[[], None] = lambda: None) -> None:
        self.services[program.name] = Service(program, self._diary, before_start)

    async def _start(self, device: SimulatedDevice, turn: asyncio.Semaphore, tell: Tell) -> None:
        async with turn:
            await device.start_board()
            await self.services[device.keeper.name].start()
            await self.services[device.agent.name].start()
            await device.until(is_ready, "did not come up")
            tell(f"{device.name} is up")


def _is_latched(device: SimulatedDevice) -> bool:
    """Whether its keeper holds an emergency."""
    with suppress(OSError, ValueError):
        return bool(json.loads((device.config.state / "latch.json").read_text()))
    return False
