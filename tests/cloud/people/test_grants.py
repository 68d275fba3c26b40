"""From people to grants: what a plan opens, and what money never denies."""

import random
from collections.abc import Collection, Sequence
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from cloud.flats.rule import Flat
from cloud.hours.rule import HOURS
from cloud.parties.party import MemberRole, PartyKind, PartyMember
from cloud.people.grants import (
    Community,
    Credential,
    Point,
    Profile,
    compile_people,
    grants,
    missing_profiles,
    places_of,
    share,
)
from cloud.people.holdings import Stay
from cloud.people.members import AHEAD_MS, ENDED_SHOWN_MS, MAX_WINDOWS, Member, Membership
from cloud.people.plans import RIDER, STANDARD, Plan, charging
from contract.decide import DAY_MS, ROSTER_AGE_LIMIT_MS, Facts, Grant, Request, Standing, Tier, Trust, weigh
from contract.demands import Assurance
from contract.quantities import MAX_AMOUNT, Account, Allotment, Quantity
from contract.reasons import Reason
from contract.schedules import Schedule
from contract.site_page import PageDemand, Rations, Site, pack_site

NOW_MS = 1_700_020_800_000  # a Wednesday, noon in Shanghai
LAST_YEAR = (NOW_MS - 400 * DAY_MS, NOW_MS - 35 * DAY_MS)
THIS_YEAR = (NOW_MS - 35 * DAY_MS, NOW_MS + 330 * DAY_MS)
NEXT_YEAR = (NOW_MS + DAY_MS, NOW_MS + 366 * DAY_MS)
POINTS = [Point("gym-turnstile", "gym"), Point("east-gate", "estate"), Point("hub-door", "hub")]


def card(person: int) -> bytes:
    return bytes([person]) * 16


def person(number: int) -> Member:
    return Member(number, bytes([number]) * 8)


def lives(number: int, flat: Flat | None = None, role: MemberRole = MemberRole.ADULT, party: int = 1) -> Stay:
    """Somebody who lives in a flat."""
    return Stay(PartyMember(number, party, number, role), PartyKind.FLAT, flat or Flat("9-901"))


def member(
    person: int, plan: str, window: tuple[int, int] = (0, 0), *, payer: bool = True, number: int = 0
) -> Membership:
    return Membership(number or person, person, plan, payer, *window)


def community(
    people: list[Member], memberships: list[Membership], riders: Collection[int] = (), stays: Sequence[Stay] = ()
) -> Community:
    """People who live in flats, but for the riders; points and plans are the standard ones."""
    return Community(
        zone="Asia/Shanghai",
        plans=STANDARD,
        people=people,
        stays=stays or [lives(one.id) for one in people if one.id not in riders],
        memberships=memberships,
        credentials=[Credential(one.id, card(one.id)) for one in people],
        points=POINTS,
        schedules={hours.name: Schedule(hours.week) for hours in HOURS},
        profiles=numbered(STANDARD, POINTS),
    )


def numbered(plans: Sequence[Plan], points: Sequence[Point]) -> dict[Profile, int]:
    return {profile: number for number, profile in enumerate(missing_profiles(plans, places_of(points)))}


def answer(found: Community, who: int, point: str, now_ms: int = NOW_MS, issued_ms: int = NOW_MS) -> Reason:
    """What a device with the roster of that time would say."""
    rows, page = grants(found, issued_ms)
    site = Site(page)
    held = [site.grant(row) for row in rows if row.digest == card(who)]
    facts = Facts(zone=ZoneInfo("Asia/Shanghai"), clock=Trust.SYNCED, clock_floor_ms=0, roster_age_ms=0)
    return weigh(Request(point, card(who)), held, facts, now_ms).reason


def test_a_resident_passes_the_gate_and_not_the_gym() -> None:
    found = community([person(1)], [])
    assert answer(found, 1, "east-gate") is Reason.ALLOWED
    assert answer(found, 1, "gym-turnstile") is Reason.NOT_ENTITLED


def test_a_yearly_member_enters_the_gym_in_its_hours_until_the_year_is_over() -> None:
    found = community([person(1)], [member(1, "yearly", THIS_YEAR)])
    assert answer(found, 1, "gym-turnstile") is Reason.ALLOWED
    assert answer(found, 1, "gym-turnstile", NOW_MS + 11 * 3_600_000) is Reason.OUTSIDE_HOURS
    assert answer(found, 1, "gym-turnstile", THIS_YEAR[1] - 1000) is not Reason.EXPIRED
    assert answer(found, 1, "gym-turnstile", THIS_YEAR[1]) is Reason.EXPIRED


def test_an_ended_member_is_told_so_and_goes_home_all_the_same() -> None:
    found = community([person(1)], [member(1, "yearly", LAST_YEAR)])
    assert answer(found, 1, "gym-turnstile") is Reason.EXPIRED
    assert answer(found, 1, "east-gate") is Reason.ALLOWED


def test_a_membership_that_ended_long_ago_is_no_longer_told() -> None:
    found = community([person(1)], [member(1, "yearly", (1, NOW_MS - ENDED_SHOWN_MS))])
    assert answer(found, 1, "gym-turnstile") is Reason.NOT_ENTITLED


@pytest.mark.parametrize("plan", ["yearly", "founder"])
def test_a_suspended_member_goes_home_all_the_same(plan: str) -> None:
    suspended = structs.replace(member(1, plan), standing=Standing.SUSPENDED)
    found = community([person(1)], [suspended])
    assert answer(found, 1, "gym-turnstile") is Reason.SUSPENDED
    assert answer(found, 1, "east-gate") is Reason.ALLOWED


def test_a_lost_card_opens_nothing_and_the_persons_other_card_everything() -> None:
    found = community([person(1)], [member(1, "yearly", THIS_YEAR)])
    cards = [Credential(1, card(1), Standing.LOST), Credential(1, card(9))]
    found = structs.replace(found, credentials=cards)
    assert answer(found, 1, "east-gate") is Reason.REPORTED_LOST
    assert answer(found, 1, "gym-turnstile") is Reason.REPORTED_LOST
    assert answer(found, 9, "gym-turnstile") is Reason.ALLOWED


@pytest.mark.parametrize("first", [LAST_YEAR, THIS_YEAR])
def test_who_renewed_passes_whichever_year_was_written_first(first: tuple[int, int]) -> None:
    second = THIS_YEAR if first == LAST_YEAR else LAST_YEAR
    found = community([person(1)], [member(1, "yearly", first, number=1), member(1, "yearly", second, number=2)])
    assert answer(found, 1, "gym-turnstile") is Reason.ALLOWED


def test_who_renewed_in_advance_passes_now_and_after_the_change() -> None:
    upcoming = (THIS_YEAR[1], THIS_YEAR[1] + 365 * DAY_MS)
    found = community([person(1)], [member(1, "yearly", THIS_YEAR, number=1), member(1, "yearly", upcoming, number=2)])
    noon_after = NOW_MS + 331 * DAY_MS
    assert answer(found, 1, "gym-turnstile") is Reason.ALLOWED
    assert answer(found, 1, "gym-turnstile", noon_after, noon_after - 20 * DAY_MS) is Reason.ALLOWED


def test_a_membership_to_come_is_told_as_that() -> None:
    found = community([person(1)], [member(1, "yearly", NEXT_YEAR)])
    assert answer(found, 1, "gym-turnstile") is Reason.NOT_YET_VALID


def test_marks_are_of_the_rows_of_staff() -> None:
    """Override and duress follow the plan, and so does a PIN that is too short for staff. How easily a card is copied
    is told where some point asks."""
    keyed = [Credential(1, card(1), Standing.ACTIVE, Assurance.COPYABLE, b"verifier", 4)]
    guard = structs.replace(person(1), override=True)
    found = community([guard], [member(1, "staff"), member(1, "yearly")])
    found = structs.replace(found, credentials=keyed, duress=True, asks_assurance=True)
    rows = {row.tier: row for row in grants(found, NOW_MS)[0]}
    assert {tier: (row.override, row.may_signal_duress, row.pin) for tier, row in rows.items()} == {
        Tier.STAFF: (True, True, b""),
        Tier.MEMBER: (False, False, b"verifier"),
        Tier.RESIDENT: (False, False, b"verifier"),
    }
    assert {row.assurance for row in rows.values()} == {Assurance.COPYABLE}
    longer = structs.replace(found, credentials=[structs.replace(keyed[0], pin_digits=6)], duress=False)
    longer = structs.replace(longer, asks_assurance=False)
    (of_staff,) = [row for row in grants(longer, NOW_MS)[0] if row.tier is Tier.STAFF]
    assert (of_staff.pin, of_staff.may_signal_duress, of_staff.assurance) == (b"verifier", False, Assurance.CARD)


def test_page_has_what_points_ask_for() -> None:
    """And nothing of those that ask for no more than a grant."""
    asking = [structs.replace(POINTS[0], pin="gym-hours"), structs.replace(POINTS[1], assurance=Assurance.CARD)]
    _, page = grants(structs.replace(community([], []), points=[*asking, POINTS[2]]), NOW_MS)
    assert page.demands == {
        "gym-turnstile": PageDemand("gym-hours"),
        "east-gate": PageDemand(assurance=Assurance.CARD),
    }


def test_riders_reach_the_hub_and_staff_everything() -> None:
    found = community([person(1), person(2)], [member(1, "rider"), member(2, "staff")], riders=(1, 2))
    assert answer(found, 1, "hub-door") is Reason.ALLOWED
    assert answer(found, 1, "east-gate") is Reason.ALLOWED
    assert answer(found, 1, "gym-turnstile") is Reason.NOT_ENTITLED
    assert {answer(found, 2, point.name) for point in POINTS} == {Reason.ALLOWED}


def test_tiers_follow_the_plan() -> None:
    found = community([person(1)], [member(1, "founder")])
    assert {row.tier for row in grants(found, NOW_MS)[0]} == {Tier.RESIDENT, Tier.FOUNDER}


def test_a_second_membership_of_one_person_moves_nobody_elses_rows() -> None:
    people = [person(1), person(2)]
    before, _ = grants(community(people, [member(1, "yearly", THIS_YEAR)]), NOW_MS)
    more = [member(1, "yearly", THIS_YEAR), member(2, "yearly", THIS_YEAR), member(2, "yearly", LAST_YEAR, number=9)]
    after, _ = grants(community(people, more), NOW_MS)
    assert [row for row in after if row.digest == card(1)] == [row for row in before if row.digest == card(1)]


def days(who: int, plan: str, *, many: int, number: int = 0) -> list[Membership]:
    """A membership for every other day from now on."""
    return [
        member(who, plan, (NOW_MS + 2 * day * DAY_MS, NOW_MS + (2 * day + 1) * DAY_MS), number=number + day + 1)
        for day in range(many)
    ]


def test_windows_of_a_community_leave_its_site_page() -> None:
    """1,821 households with two windows each, and one person with 365, change it by 0 bytes."""
    people = [Member(number, number.to_bytes(8, "big")) for number in range(1, 1_823)]
    cards = [Credential(one.id, one.holder * 2) for one in people]
    homes = [lives(one.id, Flat(f"flat {one.id}"), party=one.id) for one in people]
    plain = structs.replace(community([], []), people=people, credentials=cards, stays=homes)
    years = [member(flat, "yearly", year) for year in (LAST_YEAR, NEXT_YEAR) for flat in range(2, 1_823)]
    held = structs.replace(plain, memberships=[*years, *days(1, "staff", many=365)])
    (few, before), (many, after) = grants(plain, NOW_MS), grants(held, NOW_MS)
    assert pack_site(after) == pack_site(before)
    assert len(many) - len(few) == 2 * 1_821 + MAX_WINDOWS


def test_windows_of_one_person_are_bounded() -> None:
    """One person with hundreds of memberships once kept every roster from every door."""
    many = [structs.replace(one, plan="staff") for one in days(1, "staff", many=365)]
    found = community([person(1), person(2)], [*many, member(2, "yearly", THIS_YEAR, number=2_000)])
    compiled = compile_people(found, NOW_MS)
    assert sum(row.digest == card(1) for row in grants(found, NOW_MS)[0]) == MAX_WINDOWS + 1
    assert [compiled[who].left_out for who in (1, 2)] == [365 - MAX_WINDOWS, 0]
    assert [answer(found, who, "gym-turnstile") for who in (1, 2)] == [Reason.ALLOWED] * 2


def test_renewal_is_published_before_rosters_age() -> None:
    """A device that hears nothing any more goes on for as long as the tier allows: what begins by then is on it."""
    for tier, limit_ms in ROSTER_AGE_LIMIT_MS.items():
        assert limit_ms is None or limit_ms < AHEAD_MS, tier
    for plan, begins_ms, is_there in (
        ("yearly", NOW_MS + 20 * DAY_MS, True),
        ("yearly", NOW_MS + AHEAD_MS, True),
        ("yearly", NOW_MS + AHEAD_MS + 1, False),
        ("staff", NOW_MS + 900 * DAY_MS, True),
    ):
        renewal = member(1, plan, (begins_ms, begins_ms + 365 * DAY_MS))
        found = community([person(1)], [renewal], riders=(1,))
        assert bool(grants(found, NOW_MS)[0]) is is_there
        if not is_there:
            assert compile_people(found, NOW_MS)[1].edge_ms == NOW_MS + 1


def test_a_running_membership_is_told_before_later_ones() -> None:
    to_come = [
        member(1, "yearly", (day * DAY_MS + NOW_MS, (day + 1) * DAY_MS + NOW_MS), number=day) for day in range(1, 40)
    ]
    ended = [
        member(1, "yearly", (NOW_MS - (day + 1) * DAY_MS, NOW_MS - day * DAY_MS), number=60 + day) for day in range(20)
    ]
    today = member(1, "yearly", (NOW_MS - 1000, NOW_MS + DAY_MS), number=50)
    found = community([person(1)], [*to_come, *ended, today])
    assert answer(found, 1, "gym-turnstile") is Reason.ALLOWED
    assert answer(found, 1, "gym-turnstile", NOW_MS + 3 * DAY_MS) is Reason.ALLOWED


memberships = st.builds(
    Membership,
    id=st.integers(1, 99),
    person=st.integers(1, 7),
    plan=st.sampled_from(["founder", "yearly", "rider", "staff", "gone"]),
    payer=st.booleans(),
    from_ms=st.sampled_from([0, 1, NOW_MS - DAY_MS, NOW_MS + DAY_MS]),
    until_ms=st.sampled_from([0, 1, 999, NOW_MS - DAY_MS, NOW_MS + DAY_MS]),
    standing=st.sampled_from(Standing),
)


@given(held=st.lists(memberships, max_size=12, unique_by=lambda one: one.id))
def test_whatever_people_hold_the_roster_is_sound_and_their_gate_is_open(held: list[Membership]) -> None:
    found = community([person(number) for number in range(1, 7)], held, riders=(5, 6))
    rows, page = grants(found, NOW_MS)
    keys = [row.place for row in rows]
    assert keys == sorted(set(keys))
    site = Site(page)
    assert {len(row.pack()) for row in rows} <= {36}
    assert [site.grant(row).holder for row in rows] == [row.holder for row in rows]
    assert all(answer(found, number, "east-gate") is Reason.ALLOWED for number in range(1, 5))


@given(held=st.lists(memberships, max_size=8, unique_by=lambda one: one.id), order=st.randoms(use_true_random=False))
def test_the_order_in_which_the_database_answers_does_not_matter(held: list[Membership], order: random.Random) -> None:
    people = [person(number) for number in range(1, 7)]
    shuffled = list(held)
    order.shuffle(shuffled)
    assert grants(community(people, held), NOW_MS) == grants(community(people, shuffled), NOW_MS)


def socket(name: str, device: str = "hub-sockets", class_name: str = "phone") -> Point:
    return Point(name, "hub", device, class_name)


def with_sockets(found: Community, *sockets: Point) -> Community:
    return structs.replace(found, points=[*POINTS, *sockets])


def grants_of(found: Community, who: int) -> list[Grant]:
    rows, page = grants(found, NOW_MS)
    site = Site(page)
    return [site.grant(row) for row in rows if row.digest == card(who)]


def test_a_rider_charges_what_the_plan_gives_in_a_day_and_a_door_is_not_rationed() -> None:
    found = with_sockets(
        community([person(1)], [member(1, "rider")], riders=(1,)), socket("phone-1"), socket("phone-2")
    )
    (grant,) = grants_of(found, 1)
    whole = Allotment("rider-phone", RIDER.quantities["phone"])
    assert grant.allotments == dict.fromkeys(("phone-1", "phone-2"), whole)
    spent = {one.unit: Account(one.parts) for one in whole.quantities}
    facts = Facts(ZoneInfo("Asia/Shanghai"), Trust.SYNCED, 0, 0, used={"rider-phone": spent})
    asked = {point: weigh(Request(point, card(1)), [grant], facts, NOW_MS).reason for point in ("phone-1", "hub-door")}
    assert asked == {"phone-1": Reason.QUOTA_SPENT, "hub-door": Reason.ALLOWED}


def test_each_class_is_an_allotment_of_its_own_and_each_plan_gives_its_own() -> None:
    shed = Point("ebike-1", "estate", "bicycle-shed", "ebike")
    found = with_sockets(
        community([person(1)], [member(1, "rider")]), shed, socket("phone-1"), socket("lamp", class_name="lamp")
    )
    given = [{point: held.name for point, held in grant.allotments.items()} for grant in grants_of(found, 1)]
    assert given == [
        {"ebike-1": "resident-ebike"},
        {"phone-1": "rider-phone", "ebike-1": "rider-ebike"},
    ]


def test_a_class_without_points_is_no_allotment_and_a_point_that_is_not_opened_gives_none() -> None:
    in_the_gym = Point("gym-phone", "gym", "gym-sockets", "phone")
    found = with_sockets(community([person(1)], [member(1, "rider")], riders=(1,)), in_the_gym)
    (grant,) = grants_of(found, 1)
    assert grant.allotments == {}
    assert set(grants(found, NOW_MS)[1].allotments) == {"resident-phone", "rider-phone"}


def test_who_holds_a_plan_twice_has_its_allotment_once() -> None:
    twice = [member(1, "rider", LAST_YEAR, number=1), member(1, "rider", THIS_YEAR, number=2)]
    found = with_sockets(community([person(1)], twice, riders=(1,)), socket("phone-1"))
    assert {held.name for grant in grants_of(found, 1) for held in grant.allotments.values()} == {"rider-phone"}
    assert all(grant.allotments for grant in grants_of(found, 1))


def test_staff_end_emergencies_and_nobody_else_does() -> None:
    found = community([person(1), person(2)], [member(1, "founder"), member(2, "staff")], riders=(2,))
    assert [grant.resets for grant in grants_of(found, 1)] == [frozenset()] * 2
    assert [grant.resets for grant in grants_of(found, 2)] == [{"estate", "gym", "hub"}]


@given(
    ration=st.tuples(st.integers(1, 1000), st.integers(0, 50_000)),
    devices=st.lists(st.sampled_from([f"hub-{number}" for number in range(9)]), min_size=1, max_size=20),
)
def test_old_devices_never_share_more_than_plan(ration: tuple[int, int], devices: list[str]) -> None:
    """What each device gives whose software knows nothing of quantities that are lent."""
    minutes, wh = ration
    points = [socket(f"phone-{number}", device) for number, device in enumerate(devices)]
    plan = structs.replace(RIDER, quantities={"phone": charging(minutes, wh)})
    of_each, count = share(plan, "phone", points), len(set(devices))
    assert minutes - count < of_each.minutes * count <= minutes
    assert wh - count < of_each.wh * count <= wh


@pytest.mark.parametrize(
    "quantity",
    [Quantity(10, "visits"), Quantity(300, "minutes", "month"), Quantity(300, "minutes", money=True)],
    ids=["a unit it cannot count", "a period it cannot count", "money"],
)
def test_old_devices_give_nothing_they_cannot_count(quantity: Quantity) -> None:
    plan = structs.replace(RIDER, quantities={"phone": (quantity,)})
    assert share(plan, "phone", [socket("phone-1")]).minutes == 0


def test_energy_without_time_is_shared_alone() -> None:
    plan = structs.replace(RIDER, quantities={"phone": (Quantity(300, "wh"),)})
    assert share(plan, "phone", [socket("phone-1")]) == Rations(MAX_AMOUNT, 300)
