"""The rosters of before say of every card what they said on the devices."""

from collections.abc import Iterator

import pytest
from sqlalchemy import delete, select, update

from cloud.cards.store import set_card_standing
from cloud.keys.keys import KeyFolder
from cloud.people.rosters import find_roster
from cloud.people.tables import credentials, roster_pages, rosters
from cloud.redecide.archive import Remembered, StoredArchive
from cloud.redecide.rule import Held, Issue, Why
from cloud.store.database import Store
from contract.decide import Standing
from contract.messages import Manifest
from contract.roster import PAGE_VERSIONS, Page
from contract.roster_index import IndexPage
from contract.site_page import Site
from tests.cloud.support.rosters import NOW_MS, Device, World

POINT = "gym-turnstile"


@pytest.fixture
def world(store: Store, keys: KeyFolder) -> World:
    """The sample community with a device for each version of pages, which all have roster 1."""
    made = World(store, keys)
    for version in PAGE_VERSIONS:
        name = f"reads-{version}"
        made.devices[name] = Device(name, made.devices["east-gate"].verifier)
        with store.writing() as connection:
            made.register(connection, name, version)
    made.refresh()
    for device in made.devices.values():
        made.fetch(device)
    return made


def manifest_of(device: Device) -> Manifest:
    assert device.manifest is not None
    return device.manifest


def on_device(device: Device) -> dict[bytes, Held]:
    """What its roster says of every card in it at the gym."""
    manifest = manifest_of(device)
    site = Site.from_blob(device.pages[manifest.site_page])
    below = [entry.hash for name in manifest.index_pages for entry in IndexPage(device.pages[name]).entries]
    pages = [device.pages[name] for name in manifest.pages or below]
    return {row.digest: Held(site.zone, site.grants(page, row.digest)) for page in pages for row in Page(page).rows()}


def in_archive(archive: StoredArchive, device: Device, digest: bytes, number: int = 1) -> Held | Why:
    held = archive.held(number, manifest_of(device).site_page[:2], POINT, digest)
    return held if isinstance(held, Why) else held[-1 if device.name != f"reads-{PAGE_VERSIONS[-1]}" else 0]


def test_every_version_says_as_its_devices_do(world: World) -> None:
    """Also once the cloud has issued another roster."""
    said = {device.name: on_device(device) for device in world.devices.values()}
    before = {device.name: device.manifest for device in world.devices.values()}
    with world.store.writing() as connection:
        card = connection.execute(select(credentials.c.id).limit(1)).scalar_one()
        set_card_standing(connection, card, Standing.LOST)
    world.refresh()
    with world.store.reading() as connection:
        archive = StoredArchive(connection, Remembered())
        for device in world.devices.values():
            device.manifest = before[device.name]
            assert said[device.name]
            for digest, held in said[device.name].items():
                assert in_archive(archive, device, digest) == held
            assert in_archive(archive, device, bytes(16)) == Held(held.zone, [])
        lost = connection.execute(select(credentials.c.digest).where(credentials.c.id == card)).scalar_one()
        then, now = archive.newest_held(1, POINT, lost), archive.newest_held(2, POINT, lost)
        assert isinstance(then, Held)
        assert isinstance(now, Held)
        assert {grant.standing for grant in then.grants} == {Standing.ACTIVE}
        assert {grant.standing for grant in now.grants} == {Standing.LOST}


@pytest.fixture
def archive(world: World) -> Iterator[StoredArchive]:
    with world.store.reading() as connection:
        yield StoredArchive(connection, Remembered())


def test_rosters_are_found_by_number_and_time(archive: StoredArchive) -> None:
    assert (archive.issue(1), archive.issue(2)) == (Issue(1, NOW_MS), None)
    assert (archive.issued_by(NOW_MS - 1), archive.issued_by(NOW_MS)) == (None, Issue(1, NOW_MS))


def test_nobody_is_looked_up_without_a_digest(world: World, archive: StoredArchive) -> None:
    held = in_archive(archive, world.devices["east-gate"], b"")
    assert isinstance(held, Held)
    assert held.grants == []


def test_unknown_site_page_is_another_roster(archive: StoredArchive) -> None:
    assert archive.held(1, b"\0\0\0", POINT, bytes(16)) is Why.OTHER_ROSTER
    assert archive.held(2, b"", POINT, bytes(16)) is archive.newest_held(2, POINT, b"") is Why.ROSTER_GONE


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (delete(roster_pages), Why.ROSTER_GONE),
        (update(roster_pages).values(blob=b"?"), Why.UNREADABLE),
        (update(rosters).values(root=b""), Why.ROSTER_GONE),
    ],
    ids=["pages are gone", "pages have rotted", "of before there were trees"],
)
def test_lost_and_rotten_pages_say_so(world: World, spoil: object, why: Why) -> None:
    with world.store.writing() as connection:
        connection.execute(spoil)  # type: ignore[call-overload]
        archive = StoredArchive(connection, Remembered())
        assert in_archive(archive, world.devices["east-gate"], bytes(16)) is why
        assert archive.newest_held(1, POINT, bytes(16)) is why


def test_memory_lasts_no_longer_than_its_roster(world: World) -> None:
    remembered, east = Remembered(), world.devices["east-gate"]
    with world.store.writing() as connection:
        assert isinstance(in_archive(StoredArchive(connection, remembered), east, bytes(16)), Held)
        assert find_roster(connection, 1) is not None
        connection.execute(delete(rosters))
        assert in_archive(StoredArchive(connection, remembered), east, bytes(16)) is Why.ROSTER_GONE
