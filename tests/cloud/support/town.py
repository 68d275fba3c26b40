"""Sunny Court with its web open: a real database, real ingest, and a real server on a loopback port."""

import re
import sqlite3
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
from argon2 import PasswordHasher
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from cloud.app import create_app
from cloud.commands.desired import DesiredStateService
from cloud.commands.service import CommandService
from cloud.devices.registry import register
from cloud.ingest.ingest import Ingest
from cloud.keys.ca import open_authority
from cloud.keys.keys import KeyFolder
from cloud.line.broker import Arrived
from cloud.line.sealed_channel import SealedChannel
from cloud.overview.metrics import Metrics
from cloud.parties.party import Party, PartyKind
from cloud.parties.store import add_party
from cloud.reactions import REACTIONS
from cloud.sample import POINTS, seed_sample
from cloud.store.database import Store, open_store
from cloud.web.auth import Authenticator, Role
from cloud.web.feed import LiveFeed
from cloud.web.second_factor import SecondFactor
from contract import codec, topics
from contract.decide import Trust
from contract.events import Event, encode_event
from contract.messages import Beat
from contract.sealing import DeviceKey
from tests.cloud.support.sender import SITE, Sender
from tests.cloud.support.web_server import web_server

NOW_MS = 1_800_000_000_000
"""A Friday in 2027, 16:00 in Shanghai."""
PASSWORD = "a long enough word"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody: by itself each client would read all authorities of the machine first."""
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PEOPLE = {
    "admin": (Role.ADMIN, ""),
    "office": (Role.STAFF, ""),
    "gate": (Role.GUARD, ""),
    "steward": (Role.STEWARD, "gym"),
    "cell": (Role.CELL_WORKER, "2"),
    "company": (Role.CLERK, "6"),
    "mediator": (Role.MEDIATOR, ""),
    "auditor": (Role.AUDITOR, ""),
}
"""An operator of every role, and what the role is for. All have the same password."""
COMPANY = Party(6, PartyKind.COMPANY, "晴贸公司", "Sunny Trade")
"""The party of the clerk, beside the five households of the sample."""


class Visitor(httpx.Client):
    """A browser without scripts: it keeps cookies, and fills in the forms it is given."""

    def token(self, path: str) -> str:
        """The token in the forms of a page."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.get(path).text)
        assert found, f"{path} has no form"
        return found[1]

    def submit(self, path: str, on: str, **fields: str) -> httpx.Response:
        """Send a form that stands on the page ``on``."""
        return self.post(path, data={"csrf": self.token(on), **fields})

    def log_in(self, name: str = "admin", password: str = PASSWORD) -> httpx.Response:
        return self.submit("/login", "/login", name=name, password=password)


def routed(router: FastAPI | APIRouter) -> list[APIRoute]:
    """Every route of the application, those of its routers too."""
    inner = [included for route in router.routes if (included := getattr(route, "original_router", None))]
    mine = [route for route in router.routes if isinstance(route, APIRoute)]
    return mine + [route for included in inner for route in routed(included)]


class Past:
    """A database in which the sample community, its devices and an operator of every role are registered, to be copied:
    to register them takes longer than most tests."""

    def __init__(self, folder: Path) -> None:
        self.keys = KeyFolder.create(folder / "keys")
        open_authority(self.keys.folder, NOW_MS)
        self.devices = {name: DeviceKey.generate() for name, *_ in POINTS}
        self._database = folder / "past.db"
        store = open_store(f"sqlite:///{self._database}")
        register_sample(store, self.keys, self.devices)
        store.close()

    def copy_to(self, store: Store) -> None:
        with closing(sqlite3.connect(self._database)) as past, store.engine.connect() as connection:
            target = connection.connection.driver_connection
            assert isinstance(target, sqlite3.Connection)
            past.backup(target)


def register_sample(store: Store, keys: KeyFolder, devices: Mapping[str, DeviceKey]) -> None:
    with store.writing() as connection:
        seed_sample(connection, keys, NOW_MS)
        for name, _, zh, en in POINTS:
            register(connection, name, devices[name].public(), NOW_MS, zh, en)
        assert add_party(connection, SITE, COMPANY) == COMPANY.id
    authenticator = Authenticator(store, lambda: NOW_MS, QUICK)
    for name, (role, of) in PEOPLE.items():
        authenticator.add_operator(name, PASSWORD, role, "setup", of)


class Town:
    """The web of Sunny Court at ``now_ms``, and the devices that speak to it: those of ``past``, otherwise new ones."""

    def __init__(self, store: Store, keys: KeyFolder, past: Past | None = None, *, demo: bool = False) -> None:
        self.store = store
        self.keys = keys
        self.now_ms = NOW_MS
        self.changes = 0
        self.feed = LiveFeed()
        factor = SecondFactor(store, keys.numbers, self.clock)
        self.authenticator = Authenticator(store, self.clock, QUICK, second_factor=factor)
        devices = past.devices if past else {name: DeviceKey.generate() for name, *_ in POINTS}
        self.senders = {name: Sender(name, key=key) for name, key in devices.items()}
        if past:
            past.copy_to(store)
        else:
            register_sample(store, keys, devices)
        self.figures = Metrics(store, self.clock, self.feed)
        self.ingest = Ingest(
            store,
            site=SITE,
            reactions=REACTIONS,
            sync=keys.make_sync,
            send=lambda *_: None,
            on_commit=self.feed.publish,
            clock=self.clock,
            counted=self.figures.count,
        )
        self.published: list[tuple[str, bytes, bool]] = []
        self.broker_is_there = True
        self.desired_state = DesiredStateService(
            store, SealedChannel(self.publish, SITE, "config", keys.config), self.clock
        )
        self.commands = CommandService(
            store,
            SealedChannel(self.publish, SITE, "command", keys.command),
            connected=lambda: self.broker_is_there,
            clock=self.clock,
        )
        self.app = create_app(
            store,
            keys=keys,
            feed=self.feed,
            clock=self.clock,
            commands=self.commands,
            desired_state=self.desired_state,
            demo=demo,
            authenticator=self.authenticator,
            figures=self.figures,
        )
        store.on_roster_change = self._count
        self.url = ""

    def clock(self) -> int:
        return self.now_ms

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.published.append((topic, payload, retain))

    def _count(self) -> None:
        self.changes += 1

    def __enter__(self) -> "Town":
        self.url = web_server().open(self.app)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.feed.close()
        web_server().close()

    @contextmanager
    def visit(self, name: str = "", *, language: str = "en") -> Iterator[Visitor]:
        """A browser; with a name, it has logged in."""
        with Visitor(base_url=self.url, headers={"Accept-Language": language}, timeout=10, verify=NO_TLS) as visitor:
            if name:
                assert visitor.log_in(name).status_code == 303
            yield visitor

    def holder(self, name_en: str) -> str:
        """What devices know of somebody."""
        with self.store.reading() as connection:
            found = connection.exec_driver_sql("SELECT holder FROM people WHERE name_en = ?", (name_en,)).scalar_one()
        return bytes(found).hex()

    def happens(
        self,
        kind: str,
        *,
        device: str = "gym-turnstile",
        point: str | None = None,
        clock: Trust = Trust.SYNCED,
        replay: bool = False,
        at_ms: int | None = None,
        **data: Any,
    ) -> None:
        """A device records an event and sends it; it is committed when this returns."""
        sender = self.senders[device]
        seq = len(sender.rows) + 1
        where = device if point is None else point
        at_ms = self.now_ms if at_ms is None else at_ms
        sender.keep(encode_event(Event(seq, at_ms, seq, "b7", clock, where, kind, data)))
        self.sends(device, seq, seq, replay=replay)

    def sends(self, device: str, first: int, last: int, *, replay: bool = False) -> None:
        """A device sends rows of its journal."""
        self.arrives(device, "events", codec.pack(self.senders[device].batch(first, last, replay=replay)))

    def beats(self, device: str, *, waiting: int = 0, faults: dict[str, str] | None = None, **state: Any) -> None:
        """A device is online and tells how it is."""
        beat = Beat(self.now_ms, 1000, Trust.SYNCED, 10, waiting, 0, 0, faults or {})
        self.arrives(device, "state", self.senders[device].state(1, **state))
        self.arrives(device, "beat", codec.write(beat))

    def arrives(self, device: str, channel: str, payload: bytes) -> None:
        """The broker delivers a message of a device."""
        topic = topics.parse(topics.up(SITE, device, channel))
        assert topic
        self.ingest.commit([Arrived(topic, payload, False)])
