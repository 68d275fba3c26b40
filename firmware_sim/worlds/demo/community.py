"""Sunny Court as processes: a broker, the cloud, and five devices of board, keeper, agent and network cable each."""

import asyncio
import secrets
import shutil
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import select

from cloud.fleet.service import Position, Registrar
from cloud.keys.ca import open_authority
from cloud.keys.folder import clock, make_folder, open_folder
from cloud.people.plans import FOUNDER, RIDER, STAFF, YEARLY
from cloud.pins.service import PinService
from cloud.sample import FACILITY, HUB_SOCKETS, PEOPLE, POINTS, Sample, seed_sample
from cloud.sample import SITE as ESTATE
from cloud.store.schema import people
from cloud.web.auth import Authenticator, Role
from contract.phrases import Phrase
from edge.config.device_config import DeviceConfig, load
from edge.config.places import socket_path
from edge.identity.identity import Identity
from edge.machine.clock import CLOCK_FILE, DeviceClock, wall_ms
from edge.machine.files import FileLock, InUse, socket_complaint
from edge.ocpp.passwords import PasswordExists, make_password
from firmware_sim.control.control import BoardControl, BoardGone
from firmware_sim.network.link import Proxy
from firmware_sim.panel.world import Card, Part, Plug, Status, ask_agent
from firmware_sim.worlds.demo.brokers import Broker, free_port, free_port_from, is_free, start_broker
from firmware_sim.worlds.demo.full_gym import count_gym, is_counting
from firmware_sim.worlds.demo.processes import Died, Program, scripts
from firmware_sim.worlds.demo.samples import configured
from firmware_sim.worlds.demo.visitors import expect_visitors

SITE = ESTATE.name
WORLD = "world"
OURS = f"{WORLD}.lock"
"""Marks a folder that a world made, and may therefore empty; locked while a world lives in it."""

BY = "demo"
"""Who founded the community, for its list of what operators did."""
READY_WITHIN_S = 60.0
CONTROL = "control.sock"
"""The socket at which a board takes orders."""
_OF_SOCKETS = "settings.resume = true\n"
"""What the template of all sockets says in the sample of the hub."""
FULL_MS = 5_000
"""In a demo a battery is full after so long below the power of a full one; usual are 20 minutes for a phone, 30 for an
e-bike. It is a setting of the config, as an owner would make it."""

SampleDevice = tuple[str, str, str, str]
"""A device's name, its sample config, its zone, and the name that the sample gives its point."""
DEVICES: tuple[SampleDevice, ...] = (
    ("gym-turnstile", "turnstile", "gym", "gym-turnstile"),
    ("east-gate", "gate", "estate", "east-gate"),
    ("west-gate", "door", "estate", "east-gate"),
    ("hub-door", "gate", "hub", "east-gate"),
)
HUB: SampleDevice = (HUB_SOCKETS, "hub", "hub", HUB_SOCKETS)
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
        hold = FileLock(folder / WORLD)
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


def give_passwords(config: DeviceConfig) -> None:
    """Make a password for every post that has none: these posts are simulated, and read it from the folder of keys."""
    for post in posts_of(config):
        with suppress(PasswordExists):
            make_password(config.keys, post)


def tell_time(config: DeviceConfig) -> None:
    """Whoever registers a device also sets its clock: a Raspberry Pi has none of its own."""
    config.state.mkdir(parents=True, exist_ok=True)
    clock = DeviceClock(config.state / CLOCK_FILE)
    clock.saw_issued(wall_ms())
    clock.saw_acknowledged(wall_ms())
    clock.save()


LABELS = {name: Phrase(zh, en) for name, _, zh, en in POINTS} | {HUB_SOCKETS: Phrase("骑手驿站", "Riders' hub")}
"""What the panel calls a device."""


def named(kinds: Sequence[Path]) -> list[str]:
    """The folders of further kinds, as every program is told of them."""
    return [word for folder in kinds for word in ("--kinds", str(folder))]


def is_ready(status: Status) -> bool:
    """Whether a device decides and syncs: the keeper is there, a roster is in use, the link is up, it counts."""
    return bool(status["keeper"] and status["roster"]["number"] and status["link"]["up"] and is_counting(status))


def is_drained(status: Status) -> bool:
    """Whether the cloud has acknowledged every event of a device."""
    return bool(status["journal"]["waiting"] == 0)


def is_sound(status: Status) -> bool:
    """Whether no point of a device has to be refused for a fault: the meters are read, the posts have connected."""
    return not any(point["faulted"] for point in status["points"].values())


class DevicePrograms:
    """Board, keeper and agent of a simulated device as processes, with their logs and the board's sockets in a folder.
    ``programs`` are in the order in which they are ended: the board last, for it is the witness."""

    def __init__(
        self,
        folder: Path,
        config: DeviceConfig,
        *,
        seed: int,
        people: bool,
        moves: Path | None = None,
        kinds: Sequence[Path] = (),
    ) -> None:
        """``moves`` is where the board writes each move of a pin."""
        self.name, self.config = config.device.name, config
        socket, control = folder / "board.sock", folder / CONTROL
        self.control = BoardControl(control)
        edge, device = scripts("hearthgate-edge"), ["--config", str(config.path), *named(kinds)]
        board = [scripts("hearthgate-sim"), "board", *device]
        board += ["--socket", str(socket), "--control", str(control), "--seed", str(seed)]
        board += [*(["--log", str(moves)] if moves else []), *(["--people"] if people else [])]
        pins = {"GPIOZERO_PIN_FACTORY": "hearthgate_sim", "HEARTHGATE_SIM_BOARD": str(socket)}
        self.board = Program(f"{self.name} board", board, folder / "board.log")
        self.keeper = Program(f"{self.name} keeper", [edge, "keeper", *device], folder / "keeper.log", pins)
        self.agent = Program(f"{self.name} agent", [edge, "run", *device], folder / "agent.log")
        self.programs = self.agent, self.keeper, self.board

    async def start_board(self) -> None:
        """Return when it takes orders. Raises ``Died`` with its last words, or ``BoardGone``."""
        if not self.board.running:
            await self.board.start()
        try:
            await self.control.wait_until_up(READY_WITHIN_S)
        except BoardGone:
            self.board.check()
            raise

    async def start(self) -> None:
        """Raises as ``start_board`` does."""
        await self.start_board()
        await self.keeper.start()
        await self.agent.start()

    async def stop(self) -> None:
        await self.control.close()
        for program in self.programs:
            await program.stop()

    async def status(self) -> Status | None:
        """What the agent says of itself; None if it is not there to ask."""
        return await ask_agent(self.config.run / "agent.sock")

    async def says(self, holds: Callable[[Status], bool]) -> bool:
        """Whether the agent answers, and that holds of what it says."""
        status = await self.status()
        return status is not None and holds(status)

    async def until(self, holds: Callable[[Status], bool], complaint: str) -> None:
        """Ask the agent again until it holds. Raises ``Died`` with the complaint."""
        await until(lambda: self.says(holds), f"{self.name} {complaint}")

    async def until_drained(self) -> None:
        await self.until(is_drained, "has events the cloud did not acknowledge")

    async def until_phase(self, point: str, phase: str) -> None:
        await self.until(
            lambda status: status["points"][point]["phase"] == phase, f"did not see {point} come to {phase}"
        )


class SimulatedDevice(DevicePrograms):
    """The same with the cable between it and the broker, as the panel shows it."""

    def __init__(self, folder: Path, config: DeviceConfig, cable: Proxy, *, seed: int, people: bool) -> None:
        super().__init__(folder, config, seed=seed, people=people, moves=folder / "moves.jsonl")
        self.cable = cable
        self.label = LABELS.get(self.name, Phrase(self.name, self.name))
        self.plugs: dict[Part, Plug] = {
            "cable": Plug(lambda: cable.cable_in, cable.cut, cable.restore),
            "agent": Plug(lambda: self.agent.running, self.agent.kill, self.agent.start),
            "keeper": Plug(lambda: self.keeper.running, self.keeper.kill, self.keeper.start),
        }

    async def stop(self) -> None:
        await super().stop()
        await self.cable.close()


async def until(condition: Callable[[], Awaitable[bool]], complaint: str, within_s: float = READY_WITHIN_S) -> None:
    """Ask again until it holds. Raises ``Died`` with the complaint."""
    try:
        async with asyncio.timeout(within_s):
            while not await condition():
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise Died(complaint) from None


def found_cloud(folder: Path, configs: Iterable[DeviceConfig], operator: str, password: str, role: Role) -> None:
    """The cloud of the sample with one operator and these devices, each with its clock set, its key and all that it
    needs."""
    with make_folder(folder) as (store, keys):
        with store.writing() as connection:
            seed_sample(connection, keys, clock())
        Authenticator(store, clock).add_operator(operator, password, role, BY)
        registrar = Registrar(store, keys, open_authority(keys.folder, clock()), folder, clock)
        for config in configs:
            name = config.device.name
            # A device of one way through has a point of its name; the hub's are in the sample, and it is none itself.
            zone = next((point.zone for point in config.points if point.name == name), "")
            tell_time(config)
            public_key = bytes.fromhex(Identity(config.keys).public_key)
            admission = registrar.admit(public_key, "", Position(name, zone=zone), BY)
            registrar.hand_out(name, admission.bundle, config.keys)
            give_passwords(config)


def give_staff_pin(folder: Path) -> None:
    """The staff of the sample get a PIN, with which they pass a lockdown."""
    (name,) = (person.name_en for person in PEOPLE if person.card == STAFF_CARD)
    with open_folder(folder) as (store, keys):
        with store.reading() as connection:
            staff = connection.execute(select(people.c.id).where(people.c.name_en == name)).scalar_one()
        pins = PinService(store, keys, clock)
        pins.set_pin(BY, staff, STAFF_PIN)
        pins.set_override(BY, staff, may_override=True)


def sample_cards() -> list[Card]:
    """The cards of the sample's people, and one that nobody enrolled."""
    theirs = [
        Card(_KIND_OF_CARD[person.card], f"H10301:{FACILITY}:{person.card}", _holder(person))
        for person in PEOPLE
        if person.card in _KIND_OF_CARD
    ]
    charging = [
        Card(Phrase("充电卡", "Charging card"), f"UID4:{person.uid}", Phrase(person.name_zh, person.name_en))
        for person in PEOPLE
        if person.uid
    ]
    return [*theirs, *charging, Card(Phrase("陌生卡", "Unknown card"), UNKNOWN_CARD)]


def _holder(person: Sample) -> Phrase:
    """Whose card it is, and its PIN if it has one: whoever plays with the demo has to know it."""
    zh, en = (f" · 密码 {STAFF_PIN}", f" · PIN {STAFF_PIN}") if person.card == STAFF_CARD else ("", "")
    return Phrase(person.name_zh + zh, person.name_en + en)


UNKNOWN_CARD = "H10301:99:12345"
STAFF_CARD, STAFF_PIN = 10011, "471196"
_KIND_OF_CARD = {
    15890: Phrase(YEARLY.label.zh, YEARLY.label.en),
    10001: Phrase(FOUNDER.label.zh, FOUNDER.label.en),
    10007: Phrase("会员已到期", "Membership ended"),
    10008: Phrase("会员已暂停", "Suspended member"),
    10009: Phrase("挂失卡", "Lost card"),
    10010: Phrase(RIDER.label.zh, RIDER.label.en),
    STAFF_CARD: Phrase(STAFF.label.zh, STAFF.label.en),
}


class Community:
    """The whole world. ``start`` brings it up, ``stop`` puts everything to bed again."""

    def __init__(self, state: Path, *, port: int, people: bool, password: str = "") -> None:
        """Without a password for the administrator one is made."""
        self.state = state
        self.port = free_port_from(port)
        self.password = password or secrets.token_urlsafe(12)
        self.devices: dict[str, SimulatedDevice] = {}
        self.cards = sample_cards()
        self._people = people
        self.broker: Broker | None = None
        self.cloud = self._cloud()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Raises ``BrokerFailed``, ``BoardGone`` or ``Died`` with the last words of what did not come up."""
        self.broker = start_broker(self.state / "broker")
        for seed, sample in enumerate((*DEVICES, HUB), 1):
            folder, cable = self.state / "devices" / sample[0], Proxy(self.broker.port)
            await cable.start()
            is_hub = sample == HUB
            config = write_hub_config(folder, cable.port) if is_hub else write_config(folder, *sample, cable.port)
            device = SimulatedDevice(folder, config, cable, seed=seed, people=self._people)
            self.devices[device.name] = device
        configs = [device.config for device in self.devices.values()]
        found_cloud(self.state / "cloud", configs, "admin", self.password, Role.ADMIN)
        give_staff_pin(self.state / "cloud")
        count_gym(self.state / "cloud", BY)
        self.visitors = expect_visitors(self.state / "cloud", BY)
        await self._start_cloud()
        for device in self.devices.values():
            await device.board.start()
        for device in self.devices.values():
            await device.start()
        await self._come_up()

    async def stop(self) -> None:
        await asyncio.gather(*(device.stop() for device in self.devices.values()))
        await self.cloud.stop()
        if self.broker is not None:
            self.broker.stop()

    async def _start_cloud(self) -> None:
        self.port = free_port_from(self.port)
        self.cloud = self._cloud()
        await self.cloud.start()

    async def _come_up(self) -> None:
        """Where another program took the console's port after we had found it free, the cloud goes on to the next."""
        while True:
            try:
                return await until(self._all_work, "the devices did not come up")
            except Died:
                if self.cloud.running or is_free(self.port):
                    raise
                await self._start_cloud()

    async def _all_work(self) -> bool:
        """Raises ``Died`` as soon as a program has ended."""
        devices = self.devices.values()
        for program in (self.cloud, *(program for device in devices for program in device.programs)):
            program.check()
        return all([await device.says(is_ready) and await device.says(is_sound) for device in devices])

    def _cloud(self) -> Program:
        broker = f"mqtt://127.0.0.1:{self.broker.port if self.broker else 0}"
        command = [scripts("hearthgate-cloud"), "serve", "--demo", "--dir", str(self.state / "cloud")]
        command += ["--broker", broker, "--port", str(self.port)]
        return Program("cloud", command, self.state / "cloud.log")
