"""Rosters go out signed and page by page, and a small change is a small message."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from cloud.cards.store import set_card_standing
from cloud.devices.tables import quarantine
from cloud.keys.keys import KeyFolder, write_secret
from cloud.people.community import load_community
from cloud.people.members import AHEAD_MS, MAX_WINDOWS, STATED, Membership
from cloud.people.publisher import ISSUE_AGAIN_MS, TRY_AGAIN_MS
from cloud.people.store import add_membership
from cloud.people.tables import credentials
from cloud.store.database import Store
from cloud.store.revision import touch
from contract import codec
from contract.decide import DAY_MS, HOUR_MS, Standing
from contract.messages import Manifest, Want
from contract.sealing import RosterVerifier
from tests.cloud.support.rosters import NOW_MS, Device, World


def test_every_device_gets_the_pages_and_then_its_own_manifest(world: World) -> None:
    assert world.refresh() == [
        *[("east-gate page", False)] * 3,
        ("east-gate roster", True),
        *[("hub-door page", False)] * 3,
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
        for hour in range(0, 1_000, 2):
            window = NOW_MS + hour * HOUR_MS, NOW_MS + (hour + 1) * HOUR_MS
            add_membership(connection, Membership(0, 1, "rider", False, *window))
        set_card_standing(connection, 5, Standing.LOST)
        digest = connection.execute(select(credentials.c.digest).where(credentials.c.id == 5)).scalar_one()
    world.refresh()
    east = world.devices["east-gate"]
    world.fetch(east)
    assert {row.standing for row in east.rows() if row.digest == digest} == {Standing.LOST}
    assert world.publisher.left_out == 1 + AHEAD_MS // (2 * HOUR_MS) - MAX_WINDOWS
    assert world.publisher.undeliverable == ""


def test_an_undeliverable_roster_is_an_alarm(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The roster before it stands, and is told to a broker that comes back; it is tried again after a while."""
    world.refresh()
    with monkeypatch.context() as small:
        small.setattr("cloud.people.tree.MAX_PAGE_ROWS", 1)
        with world.store.writing() as connection:
            set_card_standing(connection, 5, Standing.LOST)
        world.refresh()
        world.refresh()
        assert world.publisher.failures == 1, "not ten times a second"
        assert "rows on one page, and a device takes 1" in world.publisher.undeliverable
        world.publisher.connected()
        assert world.refresh() == [("east-gate roster", True), ("hub-door roster", True)]
    east = world.devices["east-gate"]
    assert east.manifest is not None
    assert east.manifest.number == 1
    world.now_ms += TRY_AGAIN_MS
    world.refresh()
    assert (east.manifest.number, world.publisher.undeliverable) == (2, "")


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
        (f"{door} {what}", what == "roster")
        for door in ("east-gate", "hub-door")
        for what in ("page", "page", "roster")
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
    assert len(east.lacking()) == 2, "the site page and the index page"
    world.fetch(east)
    assert len(east.rows()) > 600


def test_a_broker_that_comes_back_is_told_the_manifests_again(world: World) -> None:
    world.refresh()
    world.publisher.connected()
    assert world.refresh() == [("east-gate roster", True), ("hub-door roster", True)]


def test_what_could_not_be_told_is_told_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken, pytest.raises(ConnectionError):
        broken.setattr(Device, "hear", lambda *_: (_ for _ in ()).throw(ConnectionError))
        world.refresh()
    assert [one for one in world.refresh() if one[1]] == [("east-gate roster", True), ("hub-door roster", True)]
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
        world.register(connection, "west-gate")
    assert world.refresh() == [*[("west-gate page", False)] * 3, ("west-gate roster", True)]
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
    assert world.devices["east-gate"].heard[-1] == (fixtures / "manifest-6.txt").read_bytes()
    with world.store.writing() as connection:
        world.reads(connection, "east-gate", 1)
    world.refresh()
    assert world.devices["east-gate"].heard[-1] == (fixtures / "manifest-6-old.txt").read_bytes()


@pytest.mark.parametrize(
    "kept",
    [
        *("manifest.txt", "manifest-2.txt", "manifest-3.txt", "manifest-4.txt", "manifest-4-old.txt"),
        *("manifest-5.txt", "manifest-5-old.txt"),
    ],
)
def test_manifest_of_before_is_still_read(kept: str, fixtures: Path) -> None:
    """From before plans had allotments, before there were index pages, before site pages listed slow people, before
    quantities were lent, and before points demanded anything."""
    manifest = codec.read((fixtures / kept).read_bytes().partition(b"\n")[0], Manifest)
    assert (manifest.device, manifest.number) == ("east-gate", 1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["standing", "touch", "restart", "old", "broker"]),
            st.integers(1, 11),
            st.sampled_from(STATED),
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
            stand = {one.digest: one.standing for one in load_community(connection).credentials}
        severity = list(Standing)
        for row in world.devices["east-gate"].rows():
            assert severity.index(row.standing) >= severity.index(stand[row.digest])
