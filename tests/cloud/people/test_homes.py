"""No membership, sum, roster's age or unset clock refuses a resident's home; and a home is that of its own flat."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from cloud.flats.rule import Flat, read_flat_name
from cloud.hours.rule import HOURS, DayKind, SpecialDay, resolve
from cloud.parties.party import MemberRole, PartyKind, PartyMember, Span
from cloud.people.grants import (
    Community,
    Credential,
    PersonTag,
    Point,
    compile_people,
    grants,
    missing_profiles,
    places_of,
)
from cloud.people.holdings import Qualification, Stay
from cloud.people.members import STATED, Member, Membership
from cloud.people.plans import STANDARD, Plan
from contract.decide import DAY_MS, Decision, Facts, Request, Standing, Tier, Trust, is_home, weigh
from contract.demands import NO_DEMAND, Assurance, Demand
from contract.reasons import Reason
from contract.roster import Row, unpack_rows
from contract.schedules import ALWAYS, Schedule
from contract.site_page import Site
from tests.contract.allotments import used

NOW_MS = 1_700_020_800_000
ZONE = ZoneInfo("Asia/Shanghai")
SEVENTH, EIGHTH, NEXT_UNIT = (read_flat_name(name) for name in ("3-1-702", "3-1-801", "3-2-702"))
POINTS = (
    Point("east-gate", "estate"),
    Point("gym-turnstile", "gym"),
    Point("door-31", "units", unit="3-1"),
    Point("door-32", "units", unit="3-2"),
    Point("lift-31-7", "units", unit="3-1", floor=7),
    Point("lift-31-8", "units", unit="3-1", floor=8),
    Point("garage-702", "units", flat="3-1-702"),
    Point("shed-socket", "units", "shed", "ebike", unit="3-1"),
)
HOME = {"east-gate", "door-31", "lift-31-7", "garage-702"}
"""What leads home to flat 3-1-702."""
NAMES = [point.name for point in POINTS]
CARD = b"\x01" * 16


def community(stays: list[Stay], *memberships: Membership, **changes: object) -> Community:
    profiles = missing_profiles(STANDARD, places_of(POINTS))
    found = Community(
        zone=ZONE.key,
        plans=STANDARD,
        people=[Member(1, bytes(8))],
        stays=stays,
        memberships=memberships,
        credentials=[Credential(1, CARD)],
        points=POINTS,
        schedules={hours.name: Schedule(hours.week) for hours in HOURS},
        profiles={profile: number for number, profile in enumerate(profiles)},
        served=places_of(POINTS),
    )
    return structs.replace(found, **changes)


def lives(
    flat: Flat = SEVENTH,
    party: int = 1,
    role: MemberRole = MemberRole.ADULT,
    window: Span = (0, 0),
    ended_ms: int | None = None,
) -> Stay:
    return Stay(PartyMember(party, party, 1, role, *window, ended_ms), PartyKind.FLAT, flat)


def decided(found: Community, point: str, now_ms: int, facts: Facts, issued_ms: int = NOW_MS) -> Decision:
    """What a device says at a point that has the roster of that time."""
    rows, page = grants(found, issued_ms)
    site = Site(page)
    return weigh(Request(point, CARD), [site.grant(row) for row in rows], facts, now_ms)


FRESH = Facts(ZONE, Trust.SYNCED, 0, 0)


def opened(found: Community) -> set[str]:
    return {point.name for point in POINTS if decided(found, point.name, NOW_MS, FRESH).allowed}


def test_one_plan_opens_each_flat_its_own() -> None:
    """Unit door, lift floor and garage: one plan for all flats, and nobody passes another's."""
    assert opened(community([lives()])) == HOME | {"shed-socket"}
    assert opened(community([lives(EIGHTH)])) == {"east-gate", "door-31", "lift-31-8", "shed-socket"}
    assert opened(community([lives(NEXT_UNIT)])) == {"east-gate", "door-32"}
    assert opened(community([])) == set()


def test_two_flats_of_one_person_both_open() -> None:
    both = community([lives(), lives(NEXT_UNIT, party=2)])
    assert opened(both) == HOME | {"shed-socket", "door-32"}


def test_place_that_no_point_serves_makes_no_row() -> None:
    """Flats of a unit without doors of ours cost one row each, that of the estate."""
    plain = community([lives(read_flat_name("9-9-901"))])
    assert len(unpack_rows(compile_people(plain, NOW_MS)[1].rows)) == 1
    gone = structs.replace(community([lives()]), served=frozenset())
    assert len(unpack_rows(compile_people(gone, NOW_MS)[1].rows)) == 1


def test_home_rows_are_home_to_the_rule() -> None:
    """Tier, hours and no ration: what the rule asks of a home. What is rationed beside the door is none."""
    rows, page = grants(community([lives()]), NOW_MS)
    site = Site(page)
    homes = {point for row in rows for point in NAMES if is_home(site.grant(row), point)}
    assert homes == HOME
    assert {row.tier for row in rows} == {Tier.RESIDENT}


def test_two_flats_of_a_unit_share_its_profile() -> None:
    """The site page has a profile for each place, whoever lives there, and plans keep the numbers of theirs."""
    _, page = grants(community([lives()]), NOW_MS)
    assert [*page.profiles[0]] == ["east-gate"]
    assert {"door-31": "always", "shed-socket": "always"} in page.profiles
    assert len(page.profiles) == len(STANDARD) + len(places_of(POINTS))


EVERY_DAY_SHUT = [SpecialDay(date(2023, 11, 1) + timedelta(days=days), DayKind.SHUT) for days in range(700)]
SHUT = {hours.name: resolve(hours, EVERY_DAY_SHUT, ZONE) for hours in HOURS}
parties = st.sampled_from([None, 1, 2])
windows = st.tuples(
    st.sampled_from([0, 1, NOW_MS - DAY_MS, NOW_MS + DAY_MS]),
    st.sampled_from([0, 1, NOW_MS - 99 * DAY_MS, NOW_MS - DAY_MS, NOW_MS + DAY_MS]),
)
held = st.builds(
    lambda person, plan, payer, window, standing, party: Membership(
        9, person, plan, payer, window[0], window[1], standing, party
    ),
    st.just(1),
    st.sampled_from([plan.name for plan in STANDARD]),
    st.booleans(),
    windows,
    st.sampled_from(STATED),
    parties,
) | st.builds(
    lambda window: Membership(9, None, "resident", False, window[0], window[1], Standing.SUSPENDED, 1), windows
)
plans = st.lists(
    st.builds(
        structs.replace,
        st.sampled_from(STANDARD[1:]),
        grace_days=st.integers(0, 9),
        follows=st.sampled_from(["person", "flat"]),
        qualification=st.sampled_from(["", "first aid"]),
        places=st.sampled_from([None, 1, 2]),
        term=st.sampled_from(["life", "lease"]),
    ),
    max_size=4,
    unique_by=lambda plan: plan.name,
)
bars = st.lists(
    st.sampled_from([(0, 0), (0, NOW_MS + DAY_MS), (NOW_MS - DAY_MS, NOW_MS + DAY_MS), (NOW_MS + DAY_MS, 0)]),
    max_size=2,
)
CROWD = [Membership(number, number, plan.name, party=1) for plan in STANDARD for number in range(2, 5)]
"""Others of the household who hold every plan, and were given it first."""
others = st.lists(
    st.builds(
        lives,
        st.just(EIGHTH),
        st.just(2),
        st.sampled_from(MemberRole),
        windows,
        st.sampled_from([None, 1, NOW_MS - DAY_MS]),
    ),
    max_size=2,
)
doubts = st.builds(
    Facts,
    zone=st.just(ZONE),
    clock=st.sampled_from(Trust),
    clock_floor_ms=st.just(0),
    roster_age_ms=st.integers(0, 900 * DAY_MS),
    used=st.sampled_from([None, {}, {"resident-ebike": used(mwh=1 << 60)}]),
    demand=st.sampled_from([NO_DEMAND, Demand(ALWAYS, Assurance.SIGNED)]),
)


@given(
    memberships=st.lists(held, max_size=6),
    qualified=st.booleans(),
    changed=plans,
    bars=bars,
    others=others,
    facts=doubts,
    role=st.sampled_from([MemberRole.OWNER, MemberRole.ADULT, MemberRole.CHILD, MemberRole.TENANT, MemberRole.PAYER]),
    later_days=st.integers(0, 600),
    slow=st.sets(st.integers(0, len(STANDARD) + len(places_of(POINTS)) - 1)),
    crowd=st.booleans(),
)
def test_nothing_but_the_desk_refuses_a_home(
    memberships: list[Membership],
    qualified: bool,
    changed: list[Plan],
    bars: list[Span],
    others: list[Stay],
    facts: Facts,
    role: MemberRole,
    later_days: int,
    slow: set[int],
    crowd: bool,
) -> None:
    """Whatever somebody holds, owes or did, whatever other flats they had; however old the roster, whatever the clock;
    with every day of the calendar shut; of a tenant, however long ago the lease ran out; of whoever is slow, whichever
    profiles have a number for that; barred, unqualified or one too many; whatever the point asks of others."""
    lease = NOW_MS - 20 * DAY_MS if role is MemberRole.TENANT else 0
    found = community(
        [lives(role=role, window=(NOW_MS - 99 * DAY_MS, lease)), *others],
        *memberships,
        *(CROWD if crowd else ()),
        plans=[STANDARD[0], *changed],
        qualifications=[Qualification(1, "first aid", NOW_MS)] * qualified,
        bars={1: bars},
        schedules=SHUT,
        tags=[PersonTag(1, "slow")] * bool(slow),
    )
    numbers = {structs.replace(one, slow=True): 99 + number for one, number in found.profiles.items() if number in slow}
    found = structs.replace(found, profiles={**found.profiles, **numbers})
    now_ms = 0 if facts.clock is Trust.UNSET else NOW_MS + later_days * DAY_MS
    for point in HOME:
        assert decided(found, point, now_ms, facts).reason is Reason.ALLOWED, point


@given(
    memberships=st.lists(held, max_size=4),
    changed=plans,
    bars=bars,
    qualified=st.booleans(),
    crowd=st.booleans(),
    clock=st.sampled_from(Trust),
    later_days=st.integers(-2, 2),
)
def test_bar_or_lack_opens_nothing_more(
    memberships: list[Membership],
    changed: list[Plan],
    bars: list[Span],
    qualified: bool,
    crowd: bool,
    clock: Trust,
    later_days: int,
) -> None:
    """Whoever is barred, unqualified or one too many passes no point that they would not pass without that."""
    plain = [structs.replace(plan, qualification="", places=None) for plan in changed]
    free = community([lives()], *memberships, plans=[STANDARD[0], *plain])
    less = community(
        [lives()],
        *memberships,
        *(CROWD if crowd else ()),
        plans=[STANDARD[0], *changed],
        qualifications=[Qualification(1, "first aid", NOW_MS)] * qualified,
        bars={1: bars},
    )
    now_ms = NOW_MS + later_days * DAY_MS
    facts = structs.replace(FRESH, clock=clock)
    passed = {name for name in NAMES if decided(less, name, now_ms, facts).allowed}
    assert HOME <= passed <= {name for name in NAMES if decided(free, name, now_ms, facts).allowed}


def test_barred_resident_keeps_the_home_alone() -> None:
    """The sockets of the same plan are closed, and so is the gym; each says that it is a bar."""
    found = community([lives()], Membership(1, 1, "founder", party=1), bars={1: [(0, NOW_MS + DAY_MS)]})
    assert opened(found) == HOME
    for point in ("shed-socket", "gym-turnstile"):
        assert decided(found, point, NOW_MS, FRESH).reason is Reason.BARRED
        assert decided(found, point, NOW_MS + DAY_MS, FRESH).reason is not Reason.BARRED


def test_barred_resident_keeps_the_home_on_old_software() -> None:
    """It knows no bar: what a resident has by their flat is told there as before, the rest is left out."""
    found = community([lives()], Membership(1, 1, "founder", party=1), bars={1: [(0, NOW_MS + DAY_MS)]})
    rows, page = grants(found, NOW_MS)
    site, told = Site(page), [row for row in map(Row.in_version_2, rows) if row is not None]
    known = [site.grant(row) for row in told]
    passed = {name for name in NAMES if weigh(Request(name, CARD), known, FRESH, NOW_MS).allowed}
    assert passed == HOME | {"shed-socket"}


def test_lost_card_of_the_barred_opens_nothing() -> None:
    """A bar spares the home of a person, not of whoever found the card."""
    lost = [Credential(1, CARD, Standing.LOST)]
    assert opened(community([lives()], credentials=lost, bars={1: [(0, 0)]})) == set()


ends = st.integers(NOW_MS + 1000, NOW_MS + 400 * DAY_MS)


@given(ended_ms=ends, lease_ms=ends, of_person=st.booleans())
def test_home_that_the_desk_ends_opens_until_then(ended_ms: int, lease_ms: int, of_person: bool) -> None:
    """Not a moment less; and not at night. The row says so ahead, so a door without the cloud shuts in time."""
    stay = lives(role=MemberRole.TENANT, window=(0, lease_ms), ended_ms=None if of_person else ended_ms)
    found = community([stay], people=[Member(1, bytes(8), ended_ms if of_person else None)])
    for last_ms, reason in ((ended_ms - 1000, Reason.ALLOWED), (ended_ms + 36 * 3_600_000, Reason.EXPIRED)):
        for point in HOME:
            assert decided(found, point, last_ms, FRESH).reason is reason
    for row in unpack_rows(compile_people(found, NOW_MS)[1].rows):
        hour = (row.valid_until_s + 8 * 3600) % 86_400 / 3600
        assert 8 <= hour < 22
