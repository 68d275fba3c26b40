"""What follows from a person, their parties and the memberships of both."""

from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from cloud.flats.rule import Place, read_flat_name
from cloud.parties.party import MemberRole, PartyKind, PartyMember
from cloud.people.holdings import Holder, Holding, Qualification, Stay, holdings
from cloud.people.members import Member, Membership
from cloud.people.plans import FOUNDER, RESIDENT, YEARLY, Plan
from contract.decide import DAY_MS, Standing

NOW_MS = 1_700_020_800_000  # a Wednesday, noon in Shanghai
ZONE = ZoneInfo("Asia/Shanghai")
FLAT, OTHER_FLAT = read_flat_name("3-1-702"), read_flat_name("5-2-301")
COMPANY = 7


def day(number: int) -> int:
    """Noon, so many days from now."""
    return NOW_MS + number * DAY_MS


def home(party: int = 1, role: MemberRole = MemberRole.ADULT, **window: int) -> Stay:
    return Stay(PartyMember(1, party, 1, role, **window), PartyKind.FLAT, FLAT if party == 1 else OTHER_FLAT)


def at_work(role: MemberRole = MemberRole.HELPER, **window: int) -> Stay:
    return Stay(PartyMember(2, COMPANY, 1, role, **window), PartyKind.COMPANY)


def held(who: Holder, *plans: Plan) -> list[Holding]:
    return holdings(who, {plan.name: plan for plan in plans}, ZONE, NOW_MS)


def spans(found: list[Holding], plan: Plan) -> list[tuple[int, int]]:
    return [(one.from_ms, one.until_ms) for one in found if one.plan == plan and one.place is None]


def person(ended_ms: int | None = None) -> Member:
    return Member(1, bytes(8), ended_ms)


def test_who_lives_in_a_flat_is_a_resident() -> None:
    """With the places of the flat beside what is everybody's."""
    found = held(Holder(person(), [home(from_ms=day(-2))]), RESIDENT, FOUNDER)
    assert {one.place for one in found} == {None, Place("3-1"), Place("3-1", 7), Place(flat="3-1-702")}
    assert {(one.plan.name, one.from_ms, one.until_ms) for one in found} == {("resident", day(-2), 0)}


@pytest.mark.parametrize("role", [MemberRole.COLLECTOR, MemberRole.ADMIN])
def test_who_only_acts_for_a_flat_is_none(role: MemberRole) -> None:
    assert held(Holder(person(), [home(role=role)]), RESIDENT) == []


def test_membership_of_a_party_is_each_members() -> None:
    """For as long as both last, and in none of another party."""
    given = Membership(1, None, "yearly", from_ms=day(-9), until_ms=day(9), party=COMPANY)
    for stay, expected in (
        (at_work(), [(day(-9), day(9))]),
        (at_work(from_ms=day(-1), until_ms=day(4)), [(day(-1), day(4))]),
        (at_work(ended_ms=day(3)), [(day(-9), day(3))]),
        (at_work(from_ms=day(9)), []),
    ):
        assert spans(held(Holder(person(), [stay], [given]), YEARLY), YEARLY) == expected


def test_membership_follows_the_person_or_the_flat() -> None:
    """Whoever moves out keeps the founder's place that they hold, and not what is the flat's."""
    given = Membership(1, 1, "founder", party=1)
    moved = home(ended_ms=day(-3))
    assert spans(held(Holder(person(), [moved], [given]), FOUNDER), FOUNDER) == [(0, 0)]
    of_flat = structs.replace(FOUNDER, follows="flat")
    assert spans(held(Holder(person(), [moved], [given]), of_flat), of_flat) == [(0, day(-3))]
    of_lease = structs.replace(FOUNDER, term="lease", grace_days=7)
    tenant = home(role=MemberRole.TENANT, until_ms=day(-3))
    assert spans(held(Holder(person(), [tenant], [given]), of_lease), of_lease) == [(0, day(4))]


def test_grace_lengthens_what_ends() -> None:
    graceful = structs.replace(YEARLY, grace_days=7)
    given = [Membership(1, 1, "yearly", until_ms=day(-3)), Membership(2, 1, "yearly", from_ms=day(20))]
    assert spans(held(Holder(person(), [], given), graceful), graceful) == [(0, day(4)), (day(20), 0)]


def test_qualification_bounds_what_needs_it() -> None:
    """Of several the longest counts; without one there is nothing, whatever was given."""
    climbing = structs.replace(YEARLY, qualification="belaying")
    given = [Membership(1, 1, "yearly", from_ms=day(-9), until_ms=day(9))]

    def until(*qualified: Qualification) -> list[tuple[int, int]]:
        return spans(held(Holder(person(), [], given, qualified), climbing), climbing)

    assert until() == until(Qualification(1, "first aid")) == []
    assert until(Qualification(1, "belaying", day(4))) == [(day(-9), day(4))]
    assert until(Qualification(1, "belaying", day(4)), Qualification(1, "belaying")) == [(day(-9), day(9))]
    assert until(Qualification(1, "belaying", day(-9))) == []


def test_barred_person_keeps_the_home_only() -> None:
    who = Holder(person(), [home()], [Membership(1, 1, "yearly")], bars=[(day(-1), day(1))])
    assert {one.plan.name for one in held(who, RESIDENT, YEARLY)} == {"resident"}
    for bars in ([(day(1), day(2))], [(day(-2), NOW_MS)]):
        free = structs.replace(who, bars=bars)
        assert {one.plan.name for one in held(free, RESIDENT, YEARLY)} == {"resident", "yearly"}


def test_end_of_a_person_ends_all() -> None:
    """The home not at night."""
    at_night = NOW_MS + 11 * 3_600_000
    who = Holder(person(at_night), [home()], [Membership(1, 1, "yearly")])
    found = held(who, RESIDENT, YEARLY)
    assert spans(found, YEARLY) == [(0, at_night)]
    assert {one.until_ms for one in found if one.plan == RESIDENT} == {NOW_MS + 20 * 3_600_000}


def test_places_of_plan_are_the_party_s() -> None:
    """A carer with a key plan of one flat does not pass the doors of another that is their home."""
    keys = Plan("keys", RESIDENT.tier, 0, None, {"home": "always"}, RESIDENT.label)
    with_party, alone = (Membership(1, 1, "keys", party=party) for party in (2, None))
    stays = [home(), home(party=2, until_ms=day(5))]
    places = {one.place: one.until_ms for one in held(Holder(person(), stays, [with_party]), keys)}
    assert places == {None: 0, Place("5-2"): day(5), Place(flat="5-2-301"): day(5)}
    places = {one.place: one.until_ms for one in held(Holder(person(), stays, [alone]), keys)}
    assert places.keys() == {None, Place("3-1"), Place(flat="3-1-702"), Place("5-2"), Place(flat="5-2-301")}


def test_suspended_membership_leaves_the_home() -> None:
    who = Holder(person(), [home()], [Membership(1, 1, "resident", standing=Standing.SUSPENDED)])
    standings = {one.standing for one in held(who, RESIDENT) if one.place is not None}
    assert Standing.ACTIVE in standings
