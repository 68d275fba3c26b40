"""Rosters compiled change by change are those that a whole recompute makes: the same pages, the same hashes."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from sqlalchemy import Connection, delete, insert

from cloud.cards.rule import CardState, Recipient
from cloud.cards.store import NewCard, find_card, give, has_members, insert_card, set_card_standing, take_back
from cloud.devices.registry import roster_readers
from cloud.flats.rule import Flat, Place, place_of_point
from cloud.flats.store import change_flat
from cloud.hours.rule import DayKind, SpecialDay
from cloud.hours.store import put_special_days, remove_special_days
from cloud.keys.keys import KeyFolder
from cloud.parties.party import MemberRole
from cloud.parties.store import change_party, change_party_member
from cloud.people.community import load_community
from cloud.people.forms import find_pages
from cloud.people.grants import grants
from cloud.people.members import AHEAD_MS, ENDED_SHOWN_MS, Membership
from cloud.people.plans import YEARLY
from cloud.people.rosters import newest_roster
from cloud.people.site_pages import site_pages
from cloud.people.store import add_membership, add_person, add_plan, change_plan, list_plans
from cloud.people.store import change_membership as change_row
from cloud.people.tables import credentials, memberships, person_tags, qualifications
from cloud.people.tree import index_pages
from cloud.points.store import add_point, set_places, set_point
from cloud.points.zone_store import add_zone, open_zone
from cloud.sample import SITE
from cloud.store.database import connect
from cloud.store.revision import touch
from cloud.store.schema import parties, party_members, people
from contract.decide import DAY_MS, Standing, Tier
from contract.roster import PAGE_VERSIONS, WHOLE, Page, Prefix, Row
from contract.roster_index import IndexPage
from contract.sealing import page_hash
from tests.cloud.support.cards import set_membership_window
from tests.cloud.support.changes import Act, Changes, ask_for_more, bar_somebody, ids, take_place
from tests.cloud.support.homes import household, join
from tests.cloud.support.rosters import World
from tests.contract.paging import paginate


def card(connection: Connection, person: int, digest: bytes) -> None:
    values = {"person_id": person, "kind": "card", "digest": digest, "sealed": b"", "label": "", "standing": "active"}
    connection.execute(insert(credentials).values(**values, added_ms=0))
    touch(connection, (person,))


def move_in(connection: Connection, changes: Changes) -> None:
    """Many at once, into one household or none: pages split."""
    party = household(connection, changes.name()) if changes.number(2) else None
    for _ in range((1, 3, 200)[changes.number(3)]):
        person = add_person(connection, "众", "Many")
        if party is not None:
            join(connection, party, person)
        card(connection, person, sha256(changes.name().encode()).digest()[:16])


def move_out(connection: Connection, changes: Changes) -> None:
    """The younger half of all people go: pages join."""
    there = ids(connection, people)
    gone = there[max(8, len(there) // 2) :]
    for table in (credentials, memberships, party_members, person_tags, qualifications):
        connection.execute(delete(table).where(table.c.person_id.in_(gone)))
    connection.execute(delete(people).where(people.c.id.in_(gone)))
    touch(connection)


def add(connection: Connection, changes: Changes) -> None:
    begins = changes.world.now_ms + (-400, -2, 0, 5, 29, 45, 100)[changes.number(7)] * DAY_MS
    until_ms = (0, begins + DAY_MS, begins + 365 * DAY_MS + 1)[changes.number(3)]
    plan = ("founder", "yearly", "rider", "staff")[changes.number(4)]
    person = changes.one_of(ids(connection, people))
    add_membership(connection, Membership(0, person, plan, bool(changes.number(2)), begins, until_ms))


def change_membership(connection: Connection, changes: Changes) -> None:
    held = changes.one_of(ids(connection, memberships))
    if changes.number(2):
        change_row(connection, held, standing=list(Standing)[changes.number(3)])
    else:
        set_membership_window(connection, held, changes.world.now_ms - DAY_MS, changes.world.now_ms + 40 * DAY_MS)


def change_card(connection: Connection, changes: Changes) -> None:
    set_card_standing(connection, changes.one_of(ids(connection, credentials)), list(Standing)[changes.number(3)])


def hand_over(connection: Connection, changes: Changes) -> None:
    """A card goes from one person to another."""
    moved = find_card(connection, changes.one_of(ids(connection, credentials)))
    assert moved is not None
    take_back(connection, SITE.name, moved, CardState.RETURNED)
    give(connection, SITE.name, moved.id, Recipient(changes.one_of(ids(connection, people))), "", changes.world.now_ms)


def give_family(connection: Connection, changes: Changes) -> None:
    """A party gets a family card, in three forms."""
    party = changes.one_of(ids(connection, parties))
    if has_members(connection, SITE.name, party):
        digests = tuple(sha256(changes.name().encode()).digest()[:16] for _ in range(3))
        new = NewCard(digests=digests, label="", to=Recipient(party=party))
        insert_card(connection, SITE.name, new, changes.world.now_ms)


def tag_slow(connection: Connection, changes: Changes) -> None:
    """Somebody is slow from a moment on, or until one, or no longer."""
    person = changes.one_of(ids(connection, people))
    connection.execute(delete(person_tags).where(person_tags.c.person_id == person))
    at_ms = changes.world.now_ms + (changes.number(60) - 20) * DAY_MS
    window = ((0, 0), (at_ms, 0), (0, at_ms), None)[changes.number(4)]
    if window is not None:
        values = {"tag": "slow", "from_ms": window[0], "until_ms": window[1]}
        connection.execute(insert(person_tags).values(site=SITE.name, person_id=person, **values))
    touch(connection, (person,))


def change_plans(connection: Connection, changes: Changes) -> None:
    plans = list_plans(connection)
    plan = plans[changes.number(len(plans))]
    tier, grace = list(Tier)[changes.number(len(Tier))], (0, 0, 5)[changes.number(3)]
    change_plan(
        connection,
        structs.replace(
            plan,
            tier=tier,
            grace_days=grace,
            places=(None, 1, 2)[changes.number(3)],
            follows=("person", "flat")[changes.number(2)],
            qualification=("", "", "first aid")[changes.number(3)],
            opens={**plan.opens, ("home", "own-floor", "hub")[changes.number(3)]: "always"},
        ),
    )


def belong(connection: Connection, changes: Changes) -> None:
    """Somebody comes into a party, or is ended in it."""
    person = changes.one_of(ids(connection, people))
    at_ms = changes.world.now_ms + (-50, -2, 0, 5, 45)[changes.number(5)] * DAY_MS
    if changes.number(3):
        party, role = changes.one_of(ids(connection, parties)), list(MemberRole)[changes.number(8)]
        window = ((0, 0), (at_ms, 0), (0, at_ms), (at_ms, at_ms + 40 * DAY_MS))[changes.number(4)]
        join(connection, party, person, role, window)
    else:
        member = changes.one_of(ids(connection, party_members))
        change_party_member(connection, SITE.name, member, ended_ms=at_ms)


def share(connection: Connection, changes: Changes) -> None:
    """Everybody of a party is given a plan, or the party ends."""
    party, until_ms = changes.one_of(ids(connection, parties)), changes.world.now_ms + changes.number(99) * DAY_MS
    if changes.number(3):
        plan = ("yearly", "staff", "resident")[changes.number(3)]
        add_membership(connection, Membership(0, None, plan, False, 0, until_ms, party=party))
    else:
        change_party(connection, SITE.name, party, ended_ms=until_ms)


def qualify(connection: Connection, changes: Changes) -> None:
    person = changes.one_of(ids(connection, people))
    connection.execute(delete(qualifications).where(qualifications.c.person_id == person))
    until_ms = (0, changes.world.now_ms + (changes.number(99) - 9) * DAY_MS)[changes.number(2)]
    connection.execute(
        insert(qualifications).values(site=SITE.name, person_id=person, name="first aid", until_ms=until_ms)
    )
    touch(connection, (person,))


def lead_home(connection: Connection, changes: Changes) -> None:
    """A point serves other flats than before, or a flat is elsewhere."""
    entrance, floor = ("1", "2", "3", "1-1")[changes.number(4)], (None, 1, 5)[changes.number(3)]
    if changes.number(2):
        flat = ("", "", "2-502")[changes.number(3)]
        point = ("east-gate", "west-gate", "hub-door")[changes.number(3)]
        place = place_of_point(entrance, floor, flat) if changes.number(5) else None
        set_places(connection, SITE.name, {point: place})
    else:
        building, _, unit = entrance.partition("-")
        change_flat(connection, SITE.name, Flat(("1-101", "2-502")[changes.number(2)], building, unit, floor))


def change_places(connection: Connection, changes: Changes) -> None:
    zone = changes.name()
    add_zone(connection, zone, "", "")
    add_plan(connection, structs.replace(YEARLY, name=changes.name()))
    open_zone(connection, zone, "yearly", "always")
    add_point(connection, changes.name(), "hub-door", zone, "", "")
    set_point(connection, "east-gate", zone, "")


def change_calendar(connection: Connection, changes: Changes) -> None:
    """A special day comes or goes; rows of nobody change."""
    kind = list(DayKind)[changes.number(len(DayKind))]
    weekday = 7 if kind is DayKind.AS_WEEKDAY else None
    day = SpecialDay(date(2027, 1, 1) + timedelta(days=changes.number(9)), kind, weekday)
    (put_special_days, remove_special_days)[changes.number(2)](connection, SITE.name, [day])


def update_software(connection: Connection, changes: Changes) -> None:
    """Each device reads any version of the site page."""
    for name in changes.world.devices:
        changes.world.reads(connection, name, PAGE_VERSIONS[changes.number(3)])


ACTS: dict[str, Act | None] = {
    "move_in": move_in,
    "move_out": move_out,
    "add": add,
    "membership": change_membership,
    "card": change_card,
    "hand_over": hand_over,
    "give_family": give_family,
    "tag_slow": tag_slow,
    "belong": belong,
    "share": share,
    "qualify": qualify,
    "take_place": take_place,
    "bar": bar_somebody,
    "ask_for_more": ask_for_more,
    "lead_home": lead_home,
    "plans": change_plans,
    "places": change_places,
    "calendar": change_calendar,
    "software": update_software,
    "time": None,
}
TIMES_MS = (1, 6 * 3_600_000, DAY_MS, 20 * DAY_MS, AHEAD_MS, ENDED_SHOWN_MS)


class Whole:
    """The roster that all of the community makes, paged as the one before it was."""

    def __init__(self) -> None:
        self.pages: list[Prefix] = [WHOLE]
        self.indexes: list[Prefix] = [WHOLE]

    def assert_is_published(self, world: World) -> None:
        with world.store.reading() as connection:
            rows, site = grants(load_community(connection), world.now_ms)
            issued = newest_roster(connection)
            assert issued is not None
            names = index_pages(issued.root)
            blobs = find_pages(connection, names)
            readers = roster_readers(connection)
        indexes = [IndexPage(blobs[name]) for name in names]
        pages = paginate(rows, self.pages)
        self.pages = [Page(blob).prefix for blob in pages]
        assert [entry.hash for index in indexes for entry in index.entries] == [page_hash(blob) for blob in pages]
        assert issued.count == len(rows)
        packed, _ = site_pages(site, set(PAGE_VERSIONS))
        for name, device in world.devices.items():
            world.fetch(device)
            assert device.manifest is not None
            version = readers[name].version
            assert device.manifest.site_page == issued.site_pages[version] == page_hash(packed[version])
            told = rows if version > 3 else [row for row in map(Row.in_version_2, rows) if row is not None]
            assert device.rows() == told or version == 1


@contextmanager
def new_world(tables: Path, keys: KeyFolder) -> Iterator[World]:
    """A world of its own for every example, in which two points serve building 2 only."""
    with TemporaryDirectory(dir=keys.folder) as folder:
        file = shutil.copyfile(tables, Path(folder) / "cloud.db")
        store = connect(f"sqlite:///{file}")
        world = World(store, keys)
        with store.writing() as connection:
            set_places(connection, SITE.name, {"east-gate": Place("2"), "hub-door": Place("2", 5)})
        yield world
        store.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from(list(ACTS)), st.lists(st.integers(0, 1000), max_size=5)), max_size=10))
def test_changes_come_to_what_a_whole_recompute_makes(
    tables: Path, keys: KeyFolder, steps: list[tuple[str, list[int]]]
) -> None:
    """Whatever happens to people, cards, memberships, plans, zones and the calendar, and however much time passes."""
    with new_world(tables, keys) as world:
        whole, changes = Whole(), Changes(world)
        for what, numbers in [("time", [0]), *steps]:
            changes.numbers = list(numbers)
            act = ACTS[what]
            if act is None:
                world.now_ms += TIMES_MS[changes.number(len(TIMES_MS))]
            else:
                with world.store.writing() as connection:
                    act(connection, changes)
            world.refresh()
            world.refresh()  # the profiles that slow people need have their numbers now
            whole.assert_is_published(world)


@pytest.mark.parametrize("days", [20, 31, 60])
def test_window_is_published_when_it_comes_near(world: World, days: int) -> None:
    """Nobody touches anything: the compiler wakes when the window is near, and when it ends."""
    world.refresh()
    begins = world.now_ms + days * DAY_MS
    with world.store.writing() as connection:
        person = add_person(connection, "", "New")
        card(connection, person, b"\x99" * 16)
        add_membership(connection, Membership(0, person, "yearly", False, begins, begins + DAY_MS))
    east = world.devices["east-gate"]

    def told() -> bool:
        world.refresh()
        world.fetch(east)
        return any(row.digest == b"\x99" * 16 for row in east.rows())

    assert told() is (days <= 31)
    world.now_ms = begins - AHEAD_MS
    assert told()
    world.now_ms = begins + DAY_MS + ENDED_SHOWN_MS - 1
    assert told()
    world.now_ms += 1
    assert not told()


def test_party_membership_reaches_everybody_of_it(world: World) -> None:
    """Nobody touched their own rows, neither when it comes nor when it ends."""
    with world.store.writing() as connection:
        home = household(connection, "99")
        child = add_person(connection, "", "Child")
        join(connection, home, child, MemberRole.CHILD)
        card(connection, child, b"\x98" * 16)
    world.refresh()
    assert tiers(world) == {Tier.RESIDENT}
    with world.store.writing() as connection:
        held = add_membership(connection, Membership(0, None, "yearly", party=home))
    world.refresh()
    assert tiers(world) == {Tier.RESIDENT, Tier.MEMBER}
    with world.store.writing() as connection:
        set_membership_window(connection, held, 1, 2)
    world.refresh()
    assert tiers(world) == {Tier.RESIDENT}


def tiers(world: World) -> set[Tier]:
    east = world.devices["east-gate"]
    world.fetch(east)
    return {row.tier for row in east.rows() if row.digest == b"\x98" * 16}
