"""Devices that read version 1 only are served from the same compiled rows; none is sent what it cannot read."""

import pytest
from msgspec import structs

from cloud.cards.store import set_card_standing
from cloud.people import version_1
from cloud.people.forms import find_pages, form_of
from cloud.people.members import Membership
from cloud.people.rosters import newest_roster
from cloud.people.store import add_membership
from cloud.people.version_1 import REPEATS
from contract.decide import DAY_MS, Grant, Standing, Tier
from contract.roster import (
    WHOLE,
    Page,
    Row,
    pack_page,
)
from contract.schedules import ALWAYS
from contract.site_page import MAX_PROFILES, Site, SitePage
from tests.cloud.support.rosters import NOW_MS, World
from tests.contract.crowds import digest

SITE = SitePage(
    "Asia/Shanghai",
    {"always": ALWAYS},
    [{"gate": "always"}, {"gym": "always"}],
    quotas=[{}, {}],
    resets=[["hub"], []],
)


def windows(profile: int, many: int, of: bytes = digest(1)) -> list[Row]:
    return [Row(of, profile, b"resident", Tier.MEMBER, valid_from_s=day + 1) for day in range(many)]


def test_windows_take_turns_of_eight_profiles() -> None:
    """No digest and profile stand twice, and each of the eight opens what the one opened."""
    rows = [*windows(0, 1), *windows(1, REPEATS + 2)]
    blob, count = version_1.row_page(pack_page(WHOLE, rows))
    page = Page(blob)
    page.check()
    assert (page.version, page.count, count) == (1, 1 + REPEATS, 1 + REPEATS)
    assert [row.profile for row in page.rows()] == [0, *range(REPEATS, 2 * REPEATS)]
    old, new = Site(version_1.site_page(SITE)), Site(SITE)
    assert [old.grant(row) for row in page.rows()] == [new.grant(row) for row in rows[: 1 + REPEATS]]


def test_profiles_of_version_1_have_room() -> None:
    """A row names its profile in two bytes."""
    assert MAX_PROFILES // REPEATS >= 8_000


@pytest.fixture
def old_and_new(world: World) -> World:
    """The hub's door reads version 1 only; a member has two windows of one plan."""
    with world.store.writing() as connection:
        world.reads(connection, "hub-door", 1)
        for day in (2, 4):
            window = NOW_MS + day * DAY_MS, NOW_MS + (day + 1) * DAY_MS
            add_membership(connection, Membership(0, 1, "yearly", False, *window))
    world.refresh()
    for device in world.devices.values():
        world.fetch(device)
    return world


def test_both_versions_grant_the_same(old_and_new: World) -> None:
    east, hub = old_and_new.devices.values()
    assert (east.manifest is not None, hub.manifest is not None) == (True, True)
    assert east.manifest is not None
    assert hub.manifest is not None
    assert (east.manifest.pages, hub.manifest.index_pages) == ([], [])
    assert (east.manifest.number, east.manifest.count) == (hub.manifest.number, hub.manifest.count)
    new = Site.from_blob(east.pages[east.manifest.site_page])
    old = Site.from_blob(hub.pages[hub.manifest.site_page])
    assert [unrationed(new.grant(row)) for row in east.rows()] == [unrationed(old.grant(row)) for row in hub.rows()]
    assert new.allotments.keys() == old.allotments.keys()


def unrationed(grant: Grant) -> tuple[Grant, list[str]]:
    """A grant apart from how much it gives: old software is told of shares, and not of quantities."""
    return structs.replace(grant, allotments={}), sorted(grant.allotments)


def test_lost_card_reaches_old_software_in_one_page(old_and_new: World) -> None:
    with old_and_new.store.writing() as connection:
        set_card_standing(connection, 5, Standing.LOST)
    assert old_and_new.refresh() == [
        *[("east-gate page", False)] * 2,
        ("east-gate roster", True),
        ("hub-door page", False),
        ("hub-door roster", True),
    ]
    hub = old_and_new.devices["hub-door"]
    assert hub.lacking() == []
    assert Standing.LOST in {row.standing for row in hub.rows()}


def test_device_that_has_said_nothing_is_sent_nothing(world: World) -> None:
    """It may be too old to read what is newest; its first state says so, and its manifest follows."""
    with world.store.writing() as connection:
        world.reads(connection, "hub-door", None)
    assert {topic for topic, _ in world.refresh()} == {"east-gate page", "east-gate roster"}
    with world.store.writing() as connection:
        world.reads(connection, "hub-door", 1)
    assert world.refresh() == [*[("hub-door page", False)] * 2, ("hub-door roster", True)]


def test_large_first_roster_is_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of a small one is sent at once to a device that has none: it waits for nothing more."""
    monkeypatch.setattr("cloud.people.publisher.MAX_PUSHED_PAGES", 2)
    assert world.refresh() == [("east-gate roster", True), ("hub-door roster", True)]


def test_new_software_is_sent_the_new_version(old_and_new: World) -> None:
    """The same roster, by its number, in the other form, with the site page that nobody read before: it is told at
    once, and nobody else is."""
    hub = old_and_new.devices["hub-door"]
    before = hub.rows()
    with old_and_new.store.writing() as connection:
        old_and_new.reads(connection, "hub-door", 2)
    assert old_and_new.refresh() == [("hub-door page", False), ("hub-door roster", True)]
    old_and_new.fetch(hub)
    assert len(hub.rows()) == len(before)
    assert hub.manifest is not None
    assert hub.manifest.number == 1


def test_pages_of_version_1_are_made_once(old_and_new: World) -> None:
    with old_and_new.store.writing() as connection:
        issued = newest_roster(connection)
        assert issued is not None
        made = form_of(connection, issued, 1)
        found = find_pages(connection, made.pages)
        assert sum(Page(found[name]).count for name in made.pages) == made.count
        connection.exec_driver_sql("UPDATE roster_pages SET blob = X'00' WHERE old_hash IS NOT NULL")
        assert form_of(connection, issued, 1) == made
