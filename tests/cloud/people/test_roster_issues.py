"""When a roster is issued, and under which number: again before it gets stale, above what devices have."""

from itertools import pairwise

import pytest
from sqlalchemy import func, select, update

from cloud.cards.store import set_card_standing
from cloud.people.publisher import CLOCK_STEPS_MS, ISSUE_AGAIN_MS, ISSUE_JITTER_MS, LEAP_EVERY_MS, MAX_LEAP
from cloud.people.rosters import NEWEST, forget_rosters, need_rosters, spread
from cloud.people.store import change_membership
from cloud.people.tables import credentials, roster_pages, rosters
from cloud.people.tree import index_pages
from cloud.store.revision import touch
from cloud.store.schema import devices
from contract.decide import DAY_MS, Standing
from contract.roster_index import IndexPage
from tests.cloud.support.rosters import NOW_MS, World

MINUTE_MS = 60_000


def test_without_a_change_nothing_is_said(world: World) -> None:
    world.refresh()
    assert world.refresh() == []


def test_the_number_grows_over_a_restart_and_the_same_roster_keeps_its_number(world: World) -> None:
    world.refresh()
    world.publisher = world.restarted()
    assert world.refresh() == [("east-gate roster", True), ("hub-door roster", True)]
    east = world.devices["east-gate"]
    assert east.manifest is not None
    assert east.manifest.number == 1
    with world.store.writing() as connection:
        change_membership(connection, 1, standing=Standing.SUSPENDED)
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
        change_membership(connection, 1, standing=Standing.SUSPENDED)
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


def lose_a_card_often(world: World, times: int) -> None:
    """A change and a roster every six hours."""
    with world.store.reading() as connection:
        card = connection.execute(select(credentials.c.id).limit(1)).scalar_one()
    for number in range(times):
        with world.store.writing() as connection:
            set_card_standing(connection, card, (Standing.LOST, Standing.SUSPENDED, Standing.ACTIVE)[number % 3])
        world.now_ms += ISSUE_AGAIN_MS
        world.refresh()


def forget(world: World, before_ms: int) -> list[int]:
    """The rosters that are left, once those have gone that nothing needed since; with exactly the pages they name."""
    with world.store.writing() as connection:
        while forget_rosters(connection, before_ms):
            pass
    with world.store.reading() as connection:
        kept = connection.execute(select(rosters).order_by(rosters.c.number)).all()
        blobs = {row.hash: row.blob for row in connection.execute(select(roster_pages))}
    indexes = {name for row in kept for name in index_pages(row.root)}
    pages = {entry.hash for name in indexes for entry in IndexPage(blobs[name]).entries}
    site_pages = {bytes.fromhex(name) for row in kept for name in row.site_pages.values()}
    assert set(blobs) == indexes | pages | site_pages
    return [row.number for row in kept]


def test_rosters_are_held_until_nothing_needs_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each until the next one took its place; the newest in any case, for devices that are still fetching one."""
    monkeypatch.setattr("cloud.people.rosters.MAX_FORGOTTEN", 3)
    world.refresh()
    lose_a_card_often(world, NEWEST + 9)
    newest = NEWEST + 10
    assert forget(world, 0) == list(range(1, newest + 1))
    assert forget(world, NOW_MS + 4 * ISSUE_AGAIN_MS) == list(range(4, newest + 1))
    assert forget(world, world.now_ms) == list(range(newest - NEWEST + 1, newest + 1))
    for device in world.devices.values():
        world.fetch(device)
        assert device.rows()


def test_roster_that_an_event_names_is_held(world: World) -> None:
    """And no other of its time, nor a page that only those had."""
    world.refresh()
    lose_a_card_often(world, NEWEST + 9)
    last = world.now_ms
    with world.store.writing() as connection:
        need_rosters(connection, {5: last, 99: last})
        need_rosters(connection, {5: 1})
    newest = range(11, NEWEST + 11)
    assert forget(world, last) == [5, *newest]
    assert forget(world, last + 1) == [*newest]


def test_roster_more_costs_its_changed_pages(world: World) -> None:
    """Of three hundred people one card is lost again and again: each time a page of rows and an index page are new."""
    world.grow(300)
    world.refresh()

    def stored() -> tuple[int, int]:
        with world.store.reading() as connection:
            size = func.length(roster_pages.c.blob)
            return tuple(connection.execute(select(func.count(), func.sum(size)).select_from(roster_pages)).one())

    count, size = stored()
    lose_a_card_often(world, 20)
    more, larger = stored()
    assert more - count <= 2 * 20
    assert (larger - size) / 20 < 10_000
    for _ in range(20):  # issued again, with no change
        world.now_ms += ISSUE_AGAIN_MS
        world.refresh()
    assert stored() == (more, larger)
