"""A cloud that publishes rosters, and devices that keep pages and adopt manifests."""

from sqlalchemy import Connection, update

from cloud.cards.rule import Card
from cloud.cards.store import add_card
from cloud.devices.registry import register
from cloud.keys.keys import KeyFolder
from cloud.line.broker import Arrived
from cloud.line.sealed_channel import SealedChannel
from cloud.people.members import Membership
from cloud.people.publisher import Publisher
from cloud.people.store import add_membership, add_person
from cloud.sample import SITE
from cloud.store.database import Store
from cloud.store.revision import Touched, touch
from cloud.store.schema import devices
from contract import codec, topics
from contract.messages import Manifest, Want
from contract.roster import (
    PAGE_VERSIONS,
    Page,
    Row,
    check_whole,
    refusal,
)
from contract.roster_index import IndexPage
from contract.sealing import DeviceKey, Purpose, RosterVerifier, page_hash, statement
from contract.site_page import Site
from tests.cloud.support.homes import household, join
from tests.cloud.support.seeded import seed_quickly

NOW_MS = 1_700_000_000_000


class Device:
    """What a device makes of the roster channel: it keeps pages by hash and adopts manifests."""

    def __init__(self, name: str, verifier: RosterVerifier) -> None:
        self.name = name
        self.verifier = verifier
        self.manifest: Manifest | None = None
        self.pages: dict[bytes, bytes] = {}
        self.heard: list[bytes] = []

    def hear(self, channel: str, payload: bytes) -> None:
        self.heard.append(payload)
        if channel == "page":
            self.pages[page_hash(payload)] = payload
            return
        body, seal = codec.detach(payload)
        assert self.verifier.accepts(statement(Purpose.ROSTER, SITE.name, self.name, body), seal)
        manifest = codec.read(body, Manifest)
        number, issued_ms = (self.manifest.number, self.manifest.issued_ms) if self.manifest else (0, 0)
        assert (
            refusal(
                manifest, device=self.name, newest_number=number, newest_issued_ms=issued_ms, now_ms=manifest.issued_ms
            )
            is None
        )
        self.manifest = manifest

    def lacking(self) -> list[bytes]:
        """What it has to ask for next: index pages first, for they name the others."""
        assert self.manifest is not None
        named = self.manifest.site_page, *self.manifest.index_pages, *self.manifest.pages
        indexes = [self.pages[name] for name in self.manifest.index_pages if name in self.pages]
        below = [entry.hash for blob in indexes for entry in IndexPage(blob).entries]
        return [name for name in (*named, *below) if name not in self.pages]

    def rows(self) -> list[Row]:
        """The rows of the adopted roster, once every page of it is there."""
        assert self.manifest is not None
        indexes = [IndexPage(self.pages[name]) for name in self.manifest.index_pages]
        entries = [entry for index in indexes for entry in index.entries]
        pages = [Page(self.pages[name]) for name in self.manifest.pages or [entry.hash for entry in entries]]
        check_whole(page.prefix for page in pages)
        assert not entries or [(one.prefix, one.count) for one in entries] == [(one.prefix, one.count) for one in pages]
        for page in pages:
            page.check()
            assert page.version in ((2, 3) if entries else (1,))
        found = [row for page in pages for row in page.rows()]
        assert len(found) == self.manifest.count
        site = Site.from_blob(self.pages[self.manifest.site_page])
        assert all(site.grant(row).holder == row.holder for row in found)
        return found


class World:
    def __init__(self, store: Store, keys: KeyFolder) -> None:
        self.store = store
        self.keys = keys
        self.now_ms = NOW_MS
        self.devices = {name: Device(name, RosterVerifier(keys.roster.public())) for name in ("east-gate", "hub-door")}
        self.sent: list[tuple[str, bool]] = []
        seed_quickly(store, keys, NOW_MS)
        with store.writing() as connection:
            for name in self.devices:
                self.register(connection, name)
        self.publisher = self.restarted()

    def register(self, connection: Connection, name: str, page_version: int | None = PAGE_VERSIONS[-1]) -> None:
        """A device that has said which version of pages it reads; with None one that has said nothing yet."""
        register(connection, name, DeviceKey.generate().public(), NOW_MS)
        self.reads(connection, name, page_version)

    def reads(self, connection: Connection, name: str, page_version: int | None) -> None:
        connection.execute(update(devices).where(devices.c.name == name).values(page_version=page_version))
        touch(connection, Touched.DEVICES)

    def restarted(self) -> Publisher:
        manifests = SealedChannel(self.publish, SITE.name, "roster", self.keys.roster)
        return Publisher(self.store, manifests, publish=self.publish, clock=lambda: self.now_ms)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        parsed = topics.parse(topic)
        assert parsed is not None
        assert parsed.way == "dn"
        self.sent.append((f"{parsed.device} {parsed.channel}", retain))
        self.devices[parsed.device].hear(parsed.channel, payload)

    def refresh(self) -> list[tuple[str, bool]]:
        """What was published by one look at the database."""
        self.sent.clear()
        self.publisher.refresh()
        self.adopt()
        return list(self.sent)

    def adopt(self) -> None:
        """Devices that have all pages say that they use the roster."""
        with self.store.writing() as connection:
            for device in self.devices.values():
                if device.manifest is not None and not device.lacking():
                    mine = (devices.c.name == device.name) & (devices.c.roster_number < device.manifest.number)
                    connection.execute(update(devices).where(mine).values(roster_number=device.manifest.number))

    def want(self, device: str, payload: bytes) -> None:
        topic = topics.parse(topics.up(SITE.name, device, "want"))
        assert topic is not None
        self.publisher.answer(Arrived(topic, payload, retained=False))

    def fetch(self, device: Device) -> None:
        while lacking := device.lacking():
            for start in range(0, len(lacking), 64):
                self.want(device.name, codec.write(Want(lacking[start : start + 64])))

    def grow(self, count: int) -> None:
        """Add yearly members with cards."""
        with self.store.writing() as connection:
            party = household(connection, f"block {count} {self.now_ms}")
            for index in range(count):
                person = add_person(connection, "众", "Many")
                join(connection, party, person)
                add_membership(connection, Membership(0, person, "yearly"))
                card = Card("H10301", 99, 1000 + index)
                add_card(
                    connection,
                    person,
                    card,
                    "",
                    digest_key=self.keys.digest,
                    numbers=self.keys.numbers,
                    now_ms=self.now_ms,
                )
