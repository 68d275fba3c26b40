"""Sunny Court as processes: a broker, the cloud, and five devices of board, keeper, agent and network cable each."""

import asyncio
import json
import secrets
import shutil
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from cloud.fleet.service import Position, Registrar
from cloud.keys.ca import open_authority
from cloud.keys.folder import clock, make_folder
from cloud.people.plans import FOUNDER, RIDER, STAFF, YEARLY
from cloud.sample import FACILITY, HUB_SOCKETS, PEOPLE, POINTS, seed_sample
from cloud.sample import SITE as ESTATE
from cloud.web.auth import Authenticator, Role
from edge.config.device_config import DeviceConfig, load
from edge.config.places import socket_path
from edge.identity.identity import Identity
from edge.machine.clock import CLOCK_FILE, DeviceClock, wall_ms
from edge.machine.files import Hold, InUse, socket_complaint
from edge.ocpp.passwords import make_password
from firmware_sim.control.control import BoardControl
from firmware_sim.network.link import Proxy
from firmware_sim.panel.world import Card, Label
from firmware_sim.worlds.demo.brokers import Broker, free_port, free_port_from, is_free, start_broker
from firmware_sim.worlds.demo.processes import Died, Program, scripts
from firmware_sim.worlds.demo.samples import configured

SITE = ESTATE.name
WORLD = "world"
OURS = f"{WORLD}.lock"
"""Marks a folder that a world made, and may therefore empty; locked while a world lives in it."""

READY_WITHIN_S = 60.0
CONTROL = "control.sock"
"""The socket at which a board takes orders."""
_OF_SOCKETS = "settings.resume = true\n"
"""What the template of all sockets says in the sample of the hub."""
FULL_MS = 5_000
"""In a demo a battery is full after so long below the power of a full one; usual are 20 minutes for a phone, 30 for an
e-bike. It is a setting of the config, as an owner would make it."""

DEVICES = (
    ("gym-turnstile", "turnstile", "gym", "gym-turnstile"),
    ("east-gate", "door", "estate", "east-gate"),
    ("west-gate", "door", "estate", "east-gate"),
    ("hub-door", "door", "hub", "east-gate"),
)
"""Name, sample config, zone, and the name that the sample gives its point."""
HUB = (HUB_SOCKETS, "hub", "hub", HUB_SOCKETS)
"""The riders' hub: one device with a dozen sockets and two posts, where each of the others is one way through."""


class NotOurs(Exception):
    """No world can live in the state folder: it holds something else, or another world, or its path is too long. The
    text says what to do."""


@contextmanager
def state_folder(folder: Path) -> Iterator[Path]:
    """An empty folder for a new world, held for as long as it lives.

    Raises ``NotOurs`` rather than delete what no world made, or what another world uses.
    """
    folder = folder.absolute()
    for name, *_ in (*DEVICES, HUB):
        if wrong := socket_complaint(socket_path(folder / "devices" / name / "run"), "name a shorter one with --state"):
            raise NotOurs(wrong)
    if folder.exists() and any(folder.iterdir()) and not (folder / OURS).exists():
        raise NotOurs(f"{folder} holds other files; name an empty folder with --state")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        hold = Hold(folder / WORLD)
    except InUse:
        raise NotOurs(
            f"{folder} is in use by another demo; end that one, or name another folder with --state"
        ) from None
    try:
        for left in folder.iterdir():
            if left.is_dir():
                shutil.rmtree(left)
            elif left.name != OURS:
                left.unlink()
        yield folder
    finally:
        hold.release()


def write_config(
    folder: Path, name: str, sample: str, zone: str, sample_name: str, port: int, posts_at: str = ""
) -> DeviceConfig:
    """A device's config: the sample's wiring under this world's folders and names."""
    broker = f"mqtt://127.0.0.1:{port}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "device.toml"
    path.write_text(configured(sample, sample_name, site=SITE, name=name, zone=zone, broker=broker, posts_at=posts_at))
    return load(path)


def write_hub_config(folder: Path, port: int) -> DeviceConfig:
    """The hub's config: its posts connect on loopback, and its sockets wait as little as a demo has time for."""
    path = write_config(folder, *HUB, port, f"127.0.0.1:{free_port()}").path
    path.write_text(
        path.read_text().replace(_OF_SOCKETS, f"{_OF_SOCKETS}settings.limits = {{ full_ms = {FULL_MS} }}\n")
    )
    return load(path)


def posts_of(config: DeviceConfig) -> list[str]:
    """The names of the posts that may connect to a device."""
    return sorted({line.post for point in config.points for line in point.lines.values()})


def tell_time(config: DeviceConfig) -> None:
    """Whoever registers a device also sets its clock: a Raspberry Pi has none of its own."""
    config.state.mkdir(parents=True, exist_ok=True)
    clock = DeviceClock(config.state / CLOCK_FILE)
    clock.saw_issued(wall_ms())
    clock.saw_acknowledged(wall_ms())
    clock.save()


LABELS = {name: Label(en, zh) for name, _, zh, en in POINTS} | {HUB_SOCKETS: Label("Riders' hub", "骑手驿站")}
"""What the panel calls a device."""


def named(kinds: Sequence[Path]) -> list[str]:
    """The folders of further kinds, as every program is told of them."""
    return [word for folder in kinds for word in ("--kinds", str(folder))]


def programs_of(
    config: DeviceConfig,
    folder: Path,
    *,
    seed: int,
    people: bool,
    moves: Path | None = None,
    kinds: Sequence[Path] = (),
) -> tuple[Program, Program, Program]:
    """Board, keeper and agent of a simulated device, with their logs and the board's sockets in a folder."""
    name, board, control = config.device.name, folder / "board.sock", folder / CONTROL
    edge, sim = scripts("hearthgate-edge"), scripts("hearthgate-sim")
    device = ["--config", str(config.path), *named(kinds)]
    pins = {"GPIOZERO_PIN_FACTORY": "hearthgate_sim", "HEARTHGATE_SIM_BOARD": str(board)}
    arguments = ["--socket", str(board), "--control", str(control), "--seed", str(seed)]
    arguments += [*(["--log", str(moves)] if moves else []), *(["--people"] if people else [])]
    return (
        Program(f"{name} board", [sim, "board", *device, *arguments], folder / "board.log"),
        Program(f"{name} keeper", [edge, "keeper", *device], folder / "keeper.log", pins),
        Program(f"{name} agent", [edge, "run", *device], folder / "agent.log"),
    )


class SimulatedDevice:
    """One device: the board and its parts, the keeper, the agent, and the cable between it and the broker."""

    def __init__(self, folder: Path, config: DeviceConfig, cable: Proxy, *, seed: int, people: bool) -> None:
        self.name = config.device.name
        self.config = config
        self.cable = cable
        self.control = BoardControl(folder / CONTROL)
        programs = programs_of(config, folder, seed=seed, people=people, moves=folder / "moves.jsonl")
        self.board, self.keeper, self.agent = programs
        self.label = LABELS.get(self.name, Label(self.name, self.name))

    @property
    def programs(self) -> Sequence[Program]:
        return self.agent, self.keeper, self.board

    @property
    def cable_in(self) -> bool:
        return self.cable.cable_in

    @property
    def agent_running(self) -> bool:
        return self.agent.running

    @property
    def keeper_running(self) -> bool:
        return self.keeper.running

    async def cut(self) -> None:
        await self.cable.cut()

    async def restore(self) -> None:
        await self.cable.restore()

    async def kill_agent(self) -> None:
        await self.agent.kill()

    async def start_agent(self) -> None:
        await self.agent.start()

    async def kill_keeper(self) -> None:
        await self.keeper.kill()

    async def start_keeper(self) -> None:
        await self.keeper.start()

    async def stop(self) -> None:
        """The board last: it is the witness."""
        await self.control.close()
        await asyncio.gather(*(program.stop() for program in (self.agent, self.keeper)))
        await self.board.stop()
        await self.cable.close()

    async def status(self) -> dict[str, Any] | None:
        """What the agent says of itself; None if it is not there to ask."""
        try:
            reader, writer = await asyncio.open_unix_connection(self.config.run / "agent.sock")
            answer = await asyncio.wait_for(reader.read(), timeout=2)
            writer.close()
            return dict(json.loads(answer))
        except (OSError, ValueError, TimeoutError):
            return None

    async def ready(self) -> bool:
        """Whether it decides and syncs: the keeper is there, a roster is in use, the link is up."""
        status = await self.status()
        return status is not None and bool(status["keeper"] and status["roster"]["number"] and status["link"]["up"])

    async def drained(self) -> bool:
        """Whether the cloud has acknowledged every event of it."""
        status = await self.status()
        return status is not None and status["journal"]["waiting"] == 0

    async def sound(self) -> bool:
        """Whether no point of it has to be refused for a fault: the meters are read, the posts have connected."""
        status = await self.status()
        return status is not None and not any(point["faulted"] for point in status["points"].values())


def sample_cards() -> list[Card]:
    """The cards of the sample's people, and one that nobody enrolled."""
    people = [
        Card(
            Label(*_KIND_OF_CARD[person.card]),
            f"H10301:{FACILITY}:{person.card}",
            Label(person.name_en, person.name_zh),
        )
        for person in PEOPLE
        if person.card in _KIND_OF_CARD
    ]
    charging = [
        Card(Label("Charging card", "充电卡"), f"UID4:{person.uid}", Label(person.name_en, person.name_zh))
        for person in PEOPLE
        if person.uid
    ]
    return [*people, *charging, Card(Label("Unknown card", "陌生卡"), UNKNOWN_CARD)]


UNKNOWN_CARD = "H10301:99:12345"
_KIND_OF_CARD = {
    15890: (YEARLY.label.en, YEARLY.label.zh),
    10001: (FOUNDER.label.en, FOUNDER.label.zh),
    10007: ("Membership ended", "会员已到期"),
    10008: ("Suspended member", "会员已暂停"),
    10009: ("Lost card", "挂失卡"),
    10010: (RIDER.label.en, RIDER.label.zh),
    10011: (STAFF.label.en, STAFF.label.zh),
}


class Community:
    """The whole world. ``start`` brings it up, ``stop`` puts everything to bed again."""

    def __init__(self, state: Path, *, port: int, demo: bool, people: bool, seed: int = 1, password: str = "") -> None:
        """Without a password for the administrator one is made at the start."""
        self.state = state
        self.port = free_port_from(port)
        self.password = password
        self.devices: dict[str, SimulatedDevice] = {}
        self.cards = sample_cards()
        self._demo, self._people, self._seed = demo, people, seed
        self._broker: Broker | None = None
        self.cloud = self._cloud()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def broker_kind(self) -> str:
        return "" if self._broker is None else self._broker.kind

    async def start(self) -> None:
        """Raises ``BrokerFailed`` or ``Died`` with the last words of what did not come up."""
        self._broker = start_broker(self.state / "broker")
        with make_folder(self.state / "cloud") as (store, keys):
            with store.writing() as connection:
                seed_sample(connection, keys, clock())
            self.password = self.password or secrets.token_urlsafe(12)
            Authenticator(store, clock).add_operator("admin", self.password, Role.ADMIN, "demo")
            for number, (name, sample, zone, sample_name) in enumerate(DEVICES):
                config = partial(write_config, name=name, sample=sample, zone=zone, sample_name=sample_name)
                await self._make(name, config, self._seed + number)
            await self._make(HUB_SOCKETS, write_hub_config, self._seed + len(DEVICES))
            registrar = Registrar(store, keys, open_authority(keys.folder, clock()), self.state / "cloud", clock)
            for device in self.devices.values():
                _register(registrar, device.config)
        await self._start_cloud()
        for device in self.devices.values():
            await device.board.start()
        for device in self.devices.values():
            await device.control.wait_until_up(READY_WITHIN_S)
            await device.keeper.start()
            await device.agent.start()
        await self._come_up()

    async def stop(self) -> None:
        await asyncio.gather(*(device.stop() for device in self.devices.values()))
        await self.cloud.stop()
        if self._broker is not None:
            self._broker.stop()

    async def until(
        self, condition: Callable[[], Awaitable[bool]], complaint: str, within_s: float = READY_WITHIN_S
    ) -> None:
        """Ask again until it holds. Raises ``Died`` with the complaint, or as soon as a program has ended."""
        deadline = asyncio.get_running_loop().time() + within_s
        while not await condition():
            if asyncio.get_running_loop().time() > deadline:
                raise Died(complaint)
            await asyncio.sleep(0.1)

    async def _start_cloud(self) -> None:
        self.port = free_port_from(self.port)
        self.cloud = self._cloud()
        await self.cloud.start()

    async def _come_up(self) -> None:
        """Where another program took the console's port after we had found it free, the cloud goes on to the next."""
        while True:
            try:
                return await self.until(self._all_ready, "the devices did not come up")
            except Died:
                if self.cloud.running or is_free(self.port):
                    raise
                await self._start_cloud()

    async def _all_ready(self) -> bool:
        for program in self._programs():
            program.check()
        return all([await device.ready() and await device.sound() for device in self.devices.values()])

    def _programs(self) -> Iterator[Program]:
        yield self.cloud
        for device in self.devices.values():
            yield from device.programs

    def _cloud(self) -> Program:
        broker = f"mqtt://127.0.0.1:{self._broker.port if self._broker else 0}"
        command = [scripts("hearthgate-cloud"), "serve", "--dir", str(self.state / "cloud"), "--broker", broker]
        command += ["--port", str(self.port), *(["--demo"] if self._demo else [])]
        return Program("cloud", command, self.state / "cloud.log")

    async def _make(self, name: str, written: Callable[..., DeviceConfig], seed: int) -> None:
        """Write a device's config, and lay its cable."""
        assert self._broker is not None  # noqa: S101 - start() has just set it
        folder = self.state / "devices" / name
        cable = Proxy(self._broker.port)
        await cable.start()
        config = written(folder, port=cable.port)
        self.devices[name] = SimulatedDevice(folder, config, cable, seed=seed, people=self._people)


def _register(registrar: Registrar, config: DeviceConfig) -> None:
    """Let a device make its key and its posts' passwords, register its public half, and give it what it needs."""
    tell_time(config)
    public_key = bytes.fromhex(Identity(config.keys).public_key)
    admission = registrar.admit(public_key, "", Position(config.device.name), "demo")
    registrar.hand_out(config.device.name, admission.bundle, config.keys)
    for post in posts_of(config):
        make_password(config.keys, post)
