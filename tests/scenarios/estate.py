"""Sunny Court in virtual time: the shipped cloud, shipped devices above simulated boards, and real files below all.

Only the wire between them is simulated. What a story needs to break can be broken here: a cable, a plug, a key, a file.
"""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

from sqlalchemy import select

from cloud.broker import Arrived
from cloud.ingest import Ingest
from cloud.keys import KeyFolder, write_secret
from cloud.publisher import Publisher
from cloud.sample import seed_sample
from cloud.store.database import open_store
from cloud.store.registry import register
from cloud.store.schema import events
from contract import topics
from contract.events import Event, decode_event
from edge.announcer import will
from edge.clock import DeviceClock
from edge.device import Device, Ports
from edge.identity import Identity
from edge.journal import Journal, JournalView
from edge.keeper import Keeper, Latch
from edge.keeper_link import LocalLine, ToAgent
from edge.mqtt import ConnectionNumber
from edge.recorder import IDLE_S
from edge.roster_store import RosterStore
from firmware_sim.board import Board
from firmware_sim.orders import card_bits
from firmware_sim.parts.turnstile import Turnstile
from firmware_sim.virtual_mqtt import VirtualBroker, VirtualLink
from firmware_sim.worlds.community import SITE, write_config
from firmware_sim.worlds.wiring import resistors, wire

NOW_MS = 1_800_000_000_000
"""A Friday in 2027, 16:00 in Shanghai."""
GYM = "gym-turnstile"
MEMBER, FOUNDER, STAFF = "H10301:21:15890", "H10301:21:10001", "H10301:21:10011"
STRANGER = "H10301:99:12345"
PUBLISHES_EVERY_S = 0.1


class Cloud:
    """The cloud's ingest and publisher on one database, run by the loop instead of their threads."""

    def __init__(self, folder: Path, broker: VirtualBroker) -> None:
        self.loop = broker.loop
        folder.mkdir()
        self.store = open_store(f"sqlite:///{folder / 'cloud.db'}")
        self.keys = KeyFolder.create(folder / "keys")
        with self.store.writing() as connection:
            seed_sample(connection, self.keys, NOW_MS)
        self.link = VirtualLink(broker, "cloud", subscribe=[topics.up(SITE, "+", "+")])
        self.ingest = Ingest(
            self.store, site=SITE, sync=self.keys.sync, send=self._send, told=lambda: None, clock=self.now_ms
        )
        self.publisher = Publisher(
            self.store, site=SITE, key=self.keys.roster, publish=self._publish, clock=self.now_ms
        )
        self.link.on_message = self._arrived
        self.link.on_up = self._connected
        self.link.start()
        self._publish_on()

    def now_ms(self) -> int:
        return NOW_MS + round(self.loop.time() * 1000)

    def adopt(self, name: str, identity: Identity, folder: Path) -> None:
        """Register a device, and hand it its keys."""
        with self.store.writing() as connection:
            register(connection, name, bytes.fromhex(identity.public_key), self.now_ms())
        write_secret(folder / "digest.key", self.keys.digest)
        write_secret(folder / "sync.key", self.keys.make_sync(name))
        write_secret(folder / "roster.pub", self.keys.roster.public())

    def events(self) -> list[Event]:
        """Everything that was committed, in the order of its arrival."""
        with self.store.reading() as connection:
            stored = connection.execute(select(events.c.stored).order_by(events.c.arrival)).scalars()
            return [decode_event(row) for row in stored]

    def _send(self, topic: str, payload: bytes) -> None:
        self.link.publish(topic, payload, qos=1)

    def _publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.link.publish(topic, payload, qos=1, retain=retain)

    def _connected(self, _connection: int) -> None:
        self.ingest.tell_all()
        self.publisher.connected()

    def _arrived(self, topic: str, payload: bytes, retained: bool) -> None:
        found = topics.parse(topic)
        if found is not None:
            one = Arrived(found, payload, retained)
            self.publisher.answer(one) if found.channel == "want" else self.ingest.take([one])

    def _publish_on(self) -> None:
        if self.link.up:
            self.publisher.refresh()
        self.loop.call_later(PUBLISHES_EVERY_S, self._publish_on)


class Gateway:
    """The gym's turnstile: a board with its parts, the keeper, the agent. ``wall_ms`` is what the Pi's clock says."""

    def __init__(self, estate: "Estate", folder: Path, boot: str, wall_ms: int) -> None:
        self.estate, self.loop = estate, estate.loop
        self.config = write_config(folder, GYM, "turnstile", "gym", GYM, 1883)
        self.identity = Identity(self.config.keys)
        for made in (self.config.state, self.config.run):
            made.mkdir(exist_ok=True)
        self.board = Board(self.loop, seed=1, pulls=resistors(self.config))
        self.hardware = wire(self.board, self.config)
        self.pins = self.board.factory()
        self.keeper = Keeper(self.config, self.pins, Latch(self.config.state / "latch.json"), self.loop, self._tell)
        self.link = VirtualLink(
            estate.broker,
            GYM,
            subscribe=[topics.down(SITE, GYM, "+")],
            will=(topics.up(SITE, GYM, "state"), will),
            next_number=ConnectionNumber(self.config.state / "connections").next,
        )
        born_s = self.loop.time()
        self.clock = DeviceClock(
            self.config.state / "clock.json",
            boot=boot,
            mono=lambda: round((self.loop.time() - born_s) * 1000),
            wall=lambda: wall_ms,
            wall_is_synced=lambda: False,
        )
        ports = Ports(
            loop=self.loop,
            clock=self.clock,
            identity=self.identity,
            journal=Journal(self.config.state / "journal.db", boot=boot),
            roster=RosterStore(self.config.state / "roster.db"),
            keeper=LocalLine(self.loop, self.keeper.heard),
            link=self.link,
            random=Random(1),
        )
        self.device = Device(self.config, ports)
        self.device.start()
        self.link.start()
        self.device.agent.heard(self.keeper.snapshot())

    @property
    def turnstile(self) -> Turnstile:
        portal = self.hardware.portals[GYM]
        assert isinstance(portal, Turnstile)
        return portal

    @property
    def journal(self) -> Path:
        return self.config.state / "journal.db"

    async def tries(self, card: str) -> bool:
        """Somebody holds a card to the reader and walks; whether they got through. Bits may stand for a card."""
        self.hardware.readers[f"{GYM}.in"].send(card_bits(card) if ":" in card else card)
        passed = await self.turnstile.enter()
        await asyncio.sleep(1)  # the arm comes home
        return passed

    async def rest(self) -> None:
        """Nothing happens for so long that the journal is moved from its WAL into its file."""
        await asyncio.sleep(2 * IDLE_S)

    def rows(self) -> list[Event]:
        """Everything in the journal's file."""
        with JournalView(self.journal) as journal:
            return [decode_event(row.stored) for row in journal.tail(100_000)]

    def told(self, *families: str) -> list[Event]:
        return [row for row in self.rows() if row.kind.split(".")[0] in families or row.kind in families]

    def reasons(self) -> list[str]:
        """Why cards were refused, in order."""
        return [row.data["reason"] for row in self.told("access.refused")]

    def pull_the_plug(self) -> None:
        self.link.cut()
        self.pins.die()
        self.device.agent.close()

    def _tell(self, message: ToAgent) -> None:
        self.loop.call_soon(self.device.agent.heard, message)


class Estate:
    """Everything. ``async with`` closes what was opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loop = asyncio.get_running_loop()
        self.broker = VirtualBroker(self.loop, seed=1)
        self.cloud = Cloud(folder / "cloud", self.broker)
        self._gateways: list[Gateway] = []

    async def gateway(self, *, adopted: bool = True) -> Gateway:
        """A new device, up and in step with the cloud if it is adopted."""
        folder = self.folder / "device-1"
        if adopted:
            keys = write_config(folder, GYM, "turnstile", "gym", GYM, 1883).keys
            self.cloud.adopt(GYM, Identity(keys), keys)
        made = self._boot(folder, "b0000001", 0)
        if adopted:
            await self.until(lambda: made.device.status()["roster"]["number"] > 0 and in_step(made))
        return made

    def reboot(
        self, old: Gateway, damage: Callable[[Path], Any] = lambda _state: None, *, wall_ms: int = 0, cable: bool = True
    ) -> Gateway:
        """Pull the plug and start again with what was on the disk, after ``damage`` was done to its state folder."""
        old.pull_the_plug()
        number = len(self._gateways) + 1
        folder = self.folder / f"device-{number}"
        for name in ("state", "keys"):
            shutil.copytree(self.folder / f"device-{number - 1}" / name, folder / name)
        damage(folder / "state")
        made = self._boot(folder, f"b000000{number}", wall_ms)
        if not cable:
            made.link.cut()
        return made

    async def until(self, condition: Callable[[], bool], within_s: float = 120) -> None:
        """Let time go on until it holds. Raises ``TimeoutError``."""
        async with asyncio.timeout(within_s):
            while not condition():
                await asyncio.sleep(0.05)

    def _boot(self, folder: Path, boot: str, wall_ms: int) -> Gateway:
        made = Gateway(self, folder, boot, wall_ms)
        self._gateways.append(made)
        return made

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for gateway in self._gateways:
            await gateway.device.close()
        self.cloud.store.close()


def in_step(gateway: Gateway) -> bool:
    """Whether the cloud has acknowledged everything."""
    return bool(gateway.device.status()["journal"]["waiting"] == 0)
