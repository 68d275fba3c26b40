"""A version of the site page that is too large is withheld from the devices that read it, and from no others."""

from collections.abc import Mapping

import pytest
from sqlalchemy import Connection, insert

from cloud.cards.store import set_card_standing
from cloud.devices.registry import lose_device
from cloud.flats.rule import Place
from cloud.people.rosters import newest_roster
from cloud.points.store import set_places
from cloud.points.zone_store import open_zone
from cloud.sample import SITE
from cloud.store.schema import points
from contract.decide import Standing
from contract.messages import Manifest
from contract.roster import PAGE_VERSIONS
from contract.sealing import RosterVerifier
from tests.cloud.support.rosters import Device, World

UNITS, FLOORS = 340, 18


def build_units(connection: Connection) -> None:
    """Residents have a way home by doors of units and the floors of their lifts: each is a profile of its own."""
    places = {f"u{unit}-{floor}": Place(f"9-{unit}", floor) for unit in range(UNITS) for floor in range(FLOORS)}
    shared = {"device": "hub-door", "zone": "hub", "class": "", "kind": "", "label_zh": "", "label_en": ""}
    connection.execute(insert(points), [{"name": name, **shared} for name in places])
    open_zone(connection, "own-floor", "resident", "always")
    set_places(connection, SITE.name, places)


def manifest_of(device: Device) -> Manifest:
    assert device.manifest is not None
    return device.manifest


def site_pages(world: World) -> Mapping[int, bytes]:
    with world.store.reading() as connection:
        issued = newest_roster(connection)
    assert issued is not None
    return issued.site_pages


@pytest.fixture
def estate(world: World) -> World:
    """The hub's door reads version 1 only, and has a roster of before the units were built."""
    with world.store.writing() as connection:
        world.reads(connection, "hub-door", 1)
    world.refresh()
    with world.store.writing() as connection:
        build_units(connection)
    return world


def test_versions_that_nobody_reads_are_not_made(world: World) -> None:
    world.refresh()
    assert site_pages(world).keys() == {PAGE_VERSIONS[-1]}


def test_estate_beyond_version_1_reaches_version_3(estate: World) -> None:
    with estate.store.writing() as connection:
        estate.reads(connection, "hub-door", 3)
    estate.refresh()
    for device in estate.devices.values():
        estate.fetch(device)
        assert device.rows()
        assert manifest_of(device).number == 2
    assert (estate.publisher.undeliverable, estate.publisher.withheld) == ("", [])


def test_too_large_version_is_withheld_from_its_devices(estate: World, caplog: pytest.LogCaptureFixture) -> None:
    """A device of version 1 keeps its old roster, and who it is and why is said once; the others get every change."""
    gate, hub = estate.devices.values()
    estate.refresh()
    estate.fetch(gate)
    with estate.store.writing() as connection:
        set_card_standing(connection, 5, Standing.LOST)
    assert {topic for topic, _ in estate.refresh()} == {"east-gate page", "east-gate roster"}
    assert Standing.LOST in {row.standing for row in gate.rows()}
    assert (manifest_of(gate).number, manifest_of(hub).number, hub.lacking()) == (3, 1, [])
    (withheld,) = estate.publisher.withheld
    assert (withheld.version, withheld.devices, estate.publisher.undeliverable) == (1, ["hub-door"], "")
    assert "and a message holds 1048576" in withheld.why
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert errors == [f"roster withheld from devices of page version 1 (hub-door): {withheld.why}"]


def test_withheld_devices_are_remembered_after_a_restart(estate: World) -> None:
    estate.refresh()
    before = estate.publisher.withheld
    estate.publisher = estate.restarted()
    assert {topic for topic, _ in estate.refresh()} == {"east-gate roster"}
    assert estate.publisher.withheld == before != []


def test_known_too_large_version_is_not_made_again(estate: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost card costs no site page, however often; a change of plans or places does."""
    estate.refresh()
    monkeypatch.setattr("cloud.people.issue.site_pages", lambda *_: pytest.fail("made again"))
    with estate.store.writing() as connection:
        set_card_standing(connection, 5, Standing.LOST)
    estate.refresh()
    assert manifest_of(estate.devices["east-gate"]).number == 3


def test_updated_device_is_withheld_nothing(estate: World) -> None:
    """The software of a device from which the roster was withheld now reads version 2: it gets this roster's page."""
    estate.refresh()
    with estate.store.writing() as connection:
        estate.reads(connection, "hub-door", 2)
    assert {topic for topic, _ in estate.refresh()} == {"hub-door page", "hub-door roster"}
    hub = estate.devices["hub-door"]
    estate.fetch(hub)
    assert hub.rows()
    assert (manifest_of(hub).number, estate.publisher.withheld) == (2, [])


def test_first_device_of_a_version_gets_its_page(estate: World) -> None:
    """Nobody read version 2 before; nobody else is sent anything for it."""
    estate.refresh()
    assert 2 not in site_pages(estate)
    estate.devices["west-gate"] = west = Device("west-gate", RosterVerifier(estate.keys.roster.public()))
    with estate.store.writing() as connection:
        estate.register(connection, "west-gate", 2)
    assert {topic for topic, _ in estate.refresh()} == {"west-gate page", "west-gate roster"}
    estate.fetch(west)
    assert west.rows()
    assert manifest_of(west).site_page == site_pages(estate)[2]


def test_roster_too_large_for_all_is_withheld(estate: World) -> None:
    """With no device of a newer version it is undeliverable, as before."""
    with estate.store.writing() as connection:
        lose_device(connection, "east-gate", estate.now_ms)
    assert estate.refresh() == []
    assert "and a message holds" in estate.publisher.undeliverable
    assert manifest_of(estate.devices["hub-door"]).number == 1


def test_page_without_readers_is_not_kept_stale(world: World) -> None:
    """Nobody reads version 1 while plans change: who reads it afterwards gets the plans as they are."""
    with world.store.writing() as connection:
        world.reads(connection, "hub-door", 1)
    world.refresh()
    with world.store.writing() as connection:
        world.reads(connection, "hub-door", None)
        open_zone(connection, "hub", "yearly", "always")
    world.refresh()
    assert site_pages(world).keys() == {PAGE_VERSIONS[-1]}
    with world.store.writing() as connection:
        world.reads(connection, "hub-door", 1)
    world.refresh()
    hub = world.devices["hub-door"]
    world.fetch(hub)
    assert hub.rows()
    assert site_pages(world).keys() == {1, PAGE_VERSIONS[-1]}
