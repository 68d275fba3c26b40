"""The site page in every version: who reads version 3 is sent the calendar, who reads an older one a page without."""

from collections.abc import Mapping
from datetime import date

from msgspec import structs

from cloud.hours.rule import DayKind, SpecialDay
from cloud.hours.store import put_special_days
from cloud.people.rosters import newest_roster
from cloud.people.site_pages import OLDER, site_pages
from cloud.sample import SITE
from contract.codec import unpack
from contract.roster import PAGE_VERSIONS
from contract.schedules import day_number
from contract.site_page import SitePage
from tests.cloud.support.rosters import Device, World
from tests.contract.golden_pages import CALENDAR_PAGE, COUNTING_PAGE, DEMANDING_PAGE, LENT_PAGE, SITE_PAGE

SHUT = SpecialDay(date(2027, 5, 1), DayKind.SHUT)


def shut_a_day(world: World) -> None:
    with world.store.writing() as connection:
        put_special_days(connection, SITE.name, [SHUT])


def page_of(device: Device) -> SitePage:
    assert device.manifest is not None
    return unpack(device.pages[device.manifest.site_page], SitePage)


def two_versions(world: World, older: int) -> tuple[Device, Device]:
    """The hub's door reads an older version than the gate."""
    with world.store.writing() as connection:
        world.reads(connection, "hub-door", older)
    world.refresh()
    for device in world.devices.values():
        world.fetch(device)
    return world.devices["east-gate"], world.devices["hub-door"]


def test_page_without_special_days_equals_version_2() -> None:
    pages, too_large = site_pages(SITE_PAGE, set(PAGE_VERSIONS))
    assert pages.keys() == set(PAGE_VERSIONS)
    assert not too_large
    assert pages[5] == pages[4] == pages[3] == pages[2] != pages[1]


def unpacked(page: SitePage) -> dict[int, SitePage]:
    return {version: unpack(blob, SitePage) for version, blob in site_pages(page, set(PAGE_VERSIONS))[0].items()}


def test_older_pages_have_no_special_days() -> None:
    """All else of them is the same, and each is what a device of its version reads."""
    pages = unpacked(CALENDAR_PAGE)
    assert pages[5] == pages[4] == pages[3] == CALENDAR_PAGE
    assert [page.schedules["gym"].days for page in (pages[2], pages[1])] == [{}, {}]
    assert structs.replace(pages[2], schedules=CALENDAR_PAGE.schedules) == CALENDAR_PAGE
    lent = {version: page.quantities for version, page in unpacked(LENT_PAGE).items()}
    assert lent == dict.fromkeys((5, 4, 3), LENT_PAGE.quantities) | {2: {}, 1: {}}
    assert pages[1] == OLDER[1](pages[2])


def test_only_version_5_tells_of_zones_and_passes() -> None:
    pages = unpacked(COUNTING_PAGE)
    assert pages[5] == COUNTING_PAGE
    assert pages[4] == pages[3] == CALENDAR_PAGE


def test_version_4_says_what_points_demand() -> None:
    pages = unpacked(DEMANDING_PAGE)
    assert pages[5] == pages[4] == DEMANDING_PAGE
    assert [page.demands for page in (pages[3], pages[2], pages[1])] == [{}, {}, {}]
    assert structs.replace(pages[3], demands=DEMANDING_PAGE.demands) == DEMANDING_PAGE


def test_calendar_goes_to_those_who_read_it(world: World) -> None:
    """A special day is a new site page for version 3, and no other page; who reads version 2 keeps what it has."""
    gate, hub = two_versions(world, 2)
    assert structs.replace(page_of(gate), quantities={}) == page_of(hub)
    assert page_of(gate).quantities.keys() == page_of(hub).allotments.keys()
    before = hub.manifest
    shut_a_day(world)
    assert world.refresh() == [("east-gate page", False), ("east-gate roster", True), ("hub-door roster", True)]
    assert page_of(gate).schedules["gym-hours"].days == {day_number(SHUT.day): ()}
    assert page_of(gate).schedules["always"].days == {}
    assert before is not None
    assert hub.manifest is not None
    assert (hub.manifest.site_page, hub.manifest.index_pages) == (before.site_page, before.index_pages)
    assert [row.place for row in gate.rows()] == [row.place for row in hub.rows()]


def test_version_1_is_sent_no_calendar(world: World) -> None:
    gate, hub = two_versions(world, 1)
    shut_a_day(world)
    world.refresh()
    assert page_of(gate).schedules["gym-hours"].days
    assert not page_of(hub).schedules["gym-hours"].days


def test_device_reading_a_newer_version_is_sent_calendar(world: World) -> None:
    _, hub = two_versions(world, 2)
    shut_a_day(world)
    world.refresh()
    with world.store.writing() as connection:
        world.reads(connection, "hub-door", PAGE_VERSIONS[-1])
    assert world.refresh() == [("hub-door roster", True)]
    world.fetch(hub)
    assert page_of(hub).schedules["gym-hours"].days == {day_number(SHUT.day): ()}


def test_roster_of_before_version_3_goes_on(world: World) -> None:
    """It has no page of version 3; the next look makes it, and the roster is the same by its number."""
    with world.store.writing() as connection:
        for name in world.devices:
            world.reads(connection, name, 2)
    world.refresh()
    assert site_pages_of(world).keys() == {2}
    with world.store.writing() as connection:
        world.reads(connection, "east-gate", 3)
    world.publisher = world.restarted()
    world.refresh()
    assert site_pages_of(world).keys() == {2, 3}
    gate, hub = world.devices.values()
    assert (gate.lacking(), hub.lacking()) == ([], [])
    assert gate.manifest is not None
    assert hub.manifest is not None
    assert (gate.manifest.number, gate.manifest.site_page) == (1, site_pages_of(world)[3])
    assert hub.manifest.site_page == site_pages_of(world)[2]


def site_pages_of(world: World) -> Mapping[int, bytes]:
    with world.store.reading() as connection:
        roster = newest_roster(connection)
    assert roster is not None
    return roster.site_pages
