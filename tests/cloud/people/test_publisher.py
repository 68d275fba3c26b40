"""Rosters go out signed and page by page, their number grows, and a small change is a small message."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from cloud.devices.registry import register
from cloud.keys.keys import KeyFolder, write_secret
from cloud.line.broker import Arrived
from cloud.people.members import MAX_OF_A_PLAN, Membership
from cloud.people.publisher import (
    CLOCK_STEPS_MS,
    ISSUE_AGAIN_MS,
    ISSUE_JITTER_MS,
    LEAP_EVERY_MS,
    MAX_LEAP,
    TRY_AGAIN_MS,
    Publisher,
)
from cloud.people.rosters import HASH_BYTES, MAX_KEPT, spread
from cloud.people.store import (
    Card,
    add_card,
    add_household,
    add_membership,
    add_person,
    set_card_standing,
    set_membership_standing,
)
from cloud.sample import SITE, seed_sample
from cloud.store.database import Store
from cloud.store.revision import touch
from cloud.store.schema import credentials, devices, quarantine, roster_pages, rosters
from contract import codec, topics
from contract.decide import DAY_MS, Standing
from contract.messages import Manifest, Want
from contract.roster import Page, Row, Site, check_whole, refusal
from contract.sealing import DeviceKey, Purpose, RosterVerifier, page_hash, statement

NOW_MS = 1_700_000_000_000
MINUTE_MS = 60_000


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
        assert self.manifest is not None
        return [name for name in (self.manifest.site_page, *self.manifest.pages) if name not in self.pages]

    def rows(self) -> list[Row]:
        """The rows of the adopted roster, once every page of it is there."""
        assert self.manifest is not None
        pages = [Page(self.pages[name]) for name in self.manifest.pages]
        check_whole(page.prefix for page in pages)
        for page in pages:
            page.check()
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
        with store.writing() as connection:
            seed_sample(connection, keys, NOW_MS)
            for name in self.devices:
                register(connection, name, DeviceKey.generate().public(), NOW_MS)
        self.publisher = self.restarted()

    def restarted(self) -> Publisher:
        return Publisher(
            self.store, site=SITE.name, key=self.keys.roster, publish=self.publish, clock=lambda: self.now_ms
        )

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
        return list(self.sent)

    def want(self, device: str, payload: bytes) -> None:
        topic = topics.parse(topics.up(SITE.name, device, "want"))
        assert topic is not None
        self.publisher.answer(Arrived(topic, payload, retained=False))

    def fetch(self, device: Device) -> None:
        lacking = device.lacking()
        for start in range(0, len(lacking), 64):
            self.want(device.name, codec.write(Want(lacking[start : start + 64])))

    def grow(self, count: int) -> None:
        """Add yearly members with cards."""
        with self.store.writing() as connection:
            household = add_household(connection, f"block {count} {self.now_ms}")
            for index in range(count):
                person = add_person(connection, "众", "Many", household)
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


@pytest.fixture
def world(store: Store, keys: KeyFolder) -> World:
    return World(store, keys)


def test_every_device_gets_the_pages_and_then_its_own_manifest(world: World) -> None:
    assert world.refresh() == [
        *[("east-gate page", False)] * 2,
        ("east-gate roster", True),
        *[("hub-door page", False)] * 2,
        ("hub-door roster", True),
    ]
    east, hub = world.devices.values()
    assert east.rows() == hub.rows()
    assert east.manifest is not None
    assert east.manifest.number == 1
    assert east.manifest.expires_ms == NOW_MS + 7 * DAY_MS


def test_card_reported_lost_reaches_doors_beside_a_crowd(world: World) -> None:
    """Written past the desk, thousands of memberships of one person once kept every revocation from every door."""
    world.refresh()
    with world.store.writing() as connection:
        for day in range(1, 1_500):
            add_membership(connection, Membership(0, 1, "rider", until_ms=NOW_MS + day * DAY_MS))
        set_card_standing(connection, 5, Standing.LOST)
        digest = connection.execute(select(credentials.c.digest).where(credentials.c.id == 5)).scalar_one()
    world.refresh()
    east = world.devices["east-gate"]
    world.fetch(east)
    assert {row.standing for row in east.rows() if row.digest == digest} == {Standing.LOST}
    assert world.publisher.left_out >= 1_499 - MAX_OF_A_PLAN
    assert world.publisher.undeliverable == ""


def test_an_undeliverable_roster_is_an_alarm(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The roster before it stands, and is told to a broker that comes back; it is tried again after a while."""
    world.refresh()
    with monkeypatch.context() as small:
        small.setattr("contract.roster.MAX_PAYLOAD_BYTES", 100)
        with world.store.writing() as connection:
            set_card_standing(connection, 5, Standing.LOST)
        world.refresh()
        world.refresh()
        assert world.publisher.failures == 1, "not ten times a second"
        assert "a site page of" in world.publisher.undeliverable
        world.publisher.connected()
        assert world.refresh() == [("east-gate roster", True), ("hub-door roster", True)]
    east = world.devices["east-gate"]
    assert east.manifest is not None
    assert east.manifest.number == 1
    world.now_ms += TRY_AGAIN_MS
    world.refresh()
    assert (east.manifest.number, world.publisher.undeliverable) == (2, "")


def test_without_a_change_nothing_is_said(world: World) -> None:
    world.refresh()
    assert world.refresh() == []


def test_a_lost_card_reaches_every_door_ahead_of_its_manifest_and_in_little_space(world: World) -> None:
    world.grow(300)
    world.refresh()
    east = world.devices["east-gate"]
    world.fetch(east)
    east.heard.clear()
    with world.store.writing() as connection:
        set_card_standing(connection, 300, Standing.LOST)
        digest = connection.execute(select(credentials.c.digest).where(credentials.c.id == 300)).scalar_one()
    said = world.refresh()
    assert said == [
        (f"{door} {what}", what == "roster") for door in ("east-gate", "hub-door") for what in ("page", "roster")
    ]
    assert east.lacking() == []
    assert {row.standing for row in east.rows() if row.digest == digest} == {Standing.LOST}
    assert sum(map(len, east.heard)) <= 64 * 1024


def test_a_large_change_is_fetched_rather_than_pushed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloud.people.publisher.MAX_PUSHED_PAGES", 2)
    world.refresh()
    world.grow(300)
    assert [topic for topic, _ in world.refresh()] == ["east-gate roster", "hub-door roster"]
    east = world.devices["east-gate"]
    assert len(east.lacking()) > 2
    world.fetch(east)
    assert len(east.rows()) > 600


def test_the_number_grows_over_a_restart_and_the_same_roster_keeps_its_number(world: World) -> None:
    world.refresh()
    world.publisher = world.restarted()
    assert world.refresh() == [("east-gate roster", True), ("hub-door roster", True)]
    east = world.devices["east-gate"]
    assert east.manifest is not None
    assert east.manifest.number == 1
    with world.store.writing() as connection:
        set_membership_standing(connection, 1, Standing.SUSPENDED)
    world.publisher = world.restarted()
    world.refresh()
    assert east.manifest.number == 2


def test_a_roster_is_issued_again_before_it_gets_stale(world: World) -> None:
    world.refresh()
    world.now_ms += ISSUE_AGAIN_MS - ISSUE_JITTER_MS - 1
    assert world.refresh() == []
    world.now_ms += ISSUE_JITTER_MS + 1
    assert world.refresh() == [("east-gate roster", True), ("hub-door roster", True)]
    east = world.devices["east-gate"]
    assert east.manifest is not None
    assert (east.manifest.number, east.manifest.issued_ms) == (2, world.now_ms)


def test_the_roster_is_issued_again_all_the_time_at_uneven_moments(world: World) -> None:
    world.refresh()
    east = world.devices["east-gate"]
    issued = [NOW_MS]
    while world.now_ms < NOW_MS + 4 * DAY_MS:
        world.now_ms += MINUTE_MS
        world.refresh()
        assert east.manifest is not None
        if east.manifest.issued_ms != issued[-1]:
            issued.append(east.manifest.issued_ms)
    pauses = [later - earlier for earlier, later in pairwise(issued)]
    assert all(ISSUE_AGAIN_MS - ISSUE_JITTER_MS <= pause <= ISSUE_AGAIN_MS for pause in pauses)
    assert len(set(pauses)) > 5
    assert len(issued) >= 16


def test_a_roster_from_a_wrong_future_is_issued_again_once_the_clock_is_right(world: World) -> None:
    world.now_ms += 10 * DAY_MS
    world.refresh()
    world.now_ms -= CLOCK_STEPS_MS
    assert world.refresh() == []
    world.now_ms -= 9 * DAY_MS
    assert world.refresh() == [("east-gate roster", True), ("hub-door roster", True)]
    east = world.devices["east-gate"]
    assert east.manifest is not None
    assert (east.manifest.number, east.manifest.issued_ms) == (2, world.now_ms)


def test_a_cloud_that_was_down_issues_as_soon_as_it_is_back(world: World) -> None:
    world.refresh()
    world.now_ms += 10 * DAY_MS
    world.publisher = world.restarted()
    world.refresh()
    east = world.devices["east-gate"]
    assert east.manifest is not None
    assert (east.manifest.number, east.manifest.issued_ms) == (2, world.now_ms)
    assert east.manifest.expires_ms > world.now_ms


def test_a_cloud_restored_from_a_backup_goes_on_above_the_number_that_its_devices_have(world: World) -> None:
    world.refresh()
    with world.store.writing() as connection:
        connection.execute(update(devices).where(devices.c.name == "hub-door").values(roster_number=40))
    assert world.refresh() == []
    world.now_ms += LEAP_EVERY_MS
    world.refresh()
    east = world.devices["east-gate"]
    assert east.manifest is not None
    assert east.manifest.number == 41


@pytest.mark.parametrize("told", [2 + MAX_LEAP, (1 << 63) - 1])
def test_a_device_that_lies_about_its_number_leads_nobody_out_of_numbers(world: World, told: int) -> None:
    world.refresh()
    with world.store.writing() as connection:
        connection.execute(update(devices).where(devices.c.name == "hub-door").values(roster_number=told))
    world.now_ms += LEAP_EVERY_MS
    assert world.refresh() == []
    world.now_ms += ISSUE_AGAIN_MS
    world.refresh()
    east = world.devices["east-gate"]
    assert east.manifest is not None
    assert east.manifest.number == 2


def test_the_database_knows_whether_the_newest_roster_holds_every_change(world: World) -> None:
    def unpublished() -> bool:
        with world.store.reading() as connection:
            return spread(connection).unpublished

    assert unpublished()
    world.refresh()
    assert not unpublished()
    with world.store.writing() as connection:
        set_membership_standing(connection, 1, Standing.SUSPENDED)
    assert unpublished()
    world.refresh()
    assert not unpublished()
    with world.store.writing() as connection:
        touch(connection)
    assert unpublished()
    world.refresh()
    assert not unpublished()
    with world.store.reading() as connection:
        assert [one.number for one in spread(connection).rosters] == [2, 1]


def test_a_broker_that_comes_back_is_told_the_manifests_again(world: World) -> None:
    world.refresh()
    world.publisher.connected()
    assert world.refresh() == [("east-gate roster", True), ("hub-door roster", True)]


def test_what_could_not_be_told_is_told_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken, pytest.raises(ConnectionError):
        broken.setattr(Device, "hear", lambda *_: (_ for _ in ()).throw(ConnectionError))
        world.refresh()
    assert world.refresh() == [("east-gate roster", True), ("hub-door roster", True)]
    east = world.devices["east-gate"]
    world.fetch(east)
    assert east.rows()


def test_a_broker_that_fails_while_it_is_told_again_is_told_once_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.refresh()
    world.publisher.connected()
    with monkeypatch.context() as broken, pytest.raises(ConnectionError):
        broken.setattr(Device, "hear", lambda *_: (_ for _ in ()).throw(ConnectionError))
        world.refresh()
    assert world.refresh() == [("east-gate roster", True), ("hub-door roster", True)]


def test_a_new_device_gets_its_manifest(world: World) -> None:
    world.refresh()
    world.devices["west-gate"] = Device("west-gate", RosterVerifier(world.keys.roster.public()))
    with world.store.writing() as connection:
        register(connection, "west-gate", DeviceKey.generate().public(), NOW_MS)
    assert ("west-gate roster", True) in world.refresh()
    world.fetch(world.devices["west-gate"])
    assert world.devices["west-gate"].rows() == world.devices["east-gate"].rows()


def test_pages_that_are_not_there_are_not_answered(world: World) -> None:
    world.refresh()
    world.sent.clear()
    world.want("east-gate", codec.write(Want([b"\0" * 16])))
    assert world.sent == []


@pytest.mark.parametrize("payload", [b"", b"{}", b'{"pages":["AA=="]}', b"\xff"])
def test_a_wish_that_is_none_is_quarantined(world: World, payload: bytes) -> None:
    world.want("east-gate", payload)
    world.want("stranger", codec.write(Want([b"\0" * 16])))
    with world.store.reading() as connection:
        assert connection.execute(select(quarantine.c.why)).scalars().all() == ["malformed", "unknown_device"]


def test_a_manifest_reads_as_it_always_did(store: Store, tmp_path: Path, fixtures: Path) -> None:
    keys = KeyFolder.create(tmp_path / "known")
    for role in ("roster", "digest", "store"):
        write_secret(keys.folder / f"{role}.key", bytes(range(32)))
    world = World(store, KeyFolder(keys.folder))
    world.refresh()
    assert world.devices["east-gate"].heard[-1] == (fixtures / "manifest-2.txt").read_bytes()


def test_a_manifest_of_before_plans_had_allotments_is_still_read(fixtures: Path) -> None:
    manifest = codec.read((fixtures / "manifest.txt").read_bytes().partition(b"\n")[0], Manifest)
    assert (manifest.device, manifest.number) == ("east-gate", 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["standing", "touch", "restart", "old", "broker"]),
            st.integers(1, 11),
            st.sampled_from(Standing),
        ),
        max_size=6,
    )
)
def test_devices_end_with_the_rows_of_the_database_whatever_happens(
    world: World, steps: list[tuple[str, int, Standing]]
) -> None:
    numbers = []
    for what, which, standing in steps:
        with world.store.writing() as connection:
            if what == "standing":
                set_card_standing(connection, which, standing)
            touch(connection)
        if what == "restart":
            world.publisher = world.restarted()
        if what == "old":
            world.now_ms += ISSUE_AGAIN_MS
        if what == "broker":
            world.publisher.connected()
        world.refresh()
        for device in world.devices.values():
            world.fetch(device)
            assert device.manifest is not None
            numbers.append(device.manifest.number)
    assert numbers == sorted(numbers)
    if steps:
        with world.store.reading() as connection:
            stand = dict(tuple(row) for row in connection.execute(select(credentials.c.digest, credentials.c.standing)))
        severity = list(Standing)
        for row in world.devices["east-gate"].rows():
            assert severity.index(row.standing) >= severity.index(Standing(stand[row.digest]))


def test_only_the_newest_rosters_and_the_pages_they_name_are_kept(world: World) -> None:
    world.refresh()
    with world.store.reading() as connection:
        card = connection.execute(select(credentials.c.id).limit(1)).scalar_one()
    for number in range(2 * MAX_KEPT):
        with world.store.writing() as connection:
            set_card_standing(connection, card, (Standing.LOST, Standing.SUSPENDED, Standing.ACTIVE)[number % 3])
        world.now_ms += ISSUE_AGAIN_MS
        world.refresh()
    with world.store.reading() as connection:
        kept = connection.execute(select(rosters.c.site_page, rosters.c.pages)).all()
        stored = set(connection.execute(select(roster_pages.c.hash)).scalars())
    assert len(kept) == MAX_KEPT
    assert stored == {row.site_page for row in kept} | {
        row.pages[start : start + HASH_BYTES] for row in kept for start in range(0, len(row.pages), HASH_BYTES)
    }
    for device in world.devices.values():
        world.fetch(device)
        assert device.rows()
