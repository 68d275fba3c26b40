"""What follows from a person, their parties and the memberships of both."""

from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from cloud.flats.rule import Place, read_flat_name
from cloud.parties.party import MemberRole, PartyKind, PartyMember
from cloud.people.holdings import Holder, Holding, Qualification, Stay, holdings, standing_now
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


def standings(found: list[Holding], plan: Plan) -> set[tuple[int, int, Standing]]:
    return {(one.from_ms, one.until_ms, one.standing) for one in found if one.plan == plan}


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


def test_who_is_unqualified_is_told_so() -> None:
    """What was given stays theirs; of several qualifications the longest counts."""
    climbing = structs.replace(YEARLY, qualification="belaying")
    given = [Membership(1, 1, "yearly", from_ms=day(-9), until_ms=day(9))]

    def parts(*qualified: Qualification) -> set[tuple[int, int, Standing]]:
        return standings(held(Holder(person(), [], given, qualified), climbing), climbing)

    never = {(day(-9), day(9), Standing.UNQUALIFIED)}
    assert parts() == parts(Qualification(1, "first aid")) == parts(Qualification(1, "belaying", day(-9))) == never
    until = {(day(-9), day(4), Standing.ACTIVE), (day(4), day(9), Standing.UNQUALIFIED)}
    assert parts(Qualification(1, "belaying", day(4))) == until
    whole = {(day(-9), day(9), Standing.ACTIVE)}
    assert parts(Qualification(1, "belaying", day(4)), Qualification(1, "belaying")) == whole


def test_bar_is_told_of_all_that_is_held() -> None:
    """The home too: the rule spares it, and not the sockets of the same plan. A bar that is over cuts nothing."""
    who = Holder(person(), [home()], [Membership(1, 1, "yearly")], bars=[(day(-1), day(1)), (day(0), day(2))])
    barred = {(0, day(-1), Standing.ACTIVE), (day(-1), day(2), Standing.BARRED), (day(2), 0, Standing.ACTIVE)}
    for plan in (RESIDENT, YEARLY):
        assert standings(held(who, RESIDENT, YEARLY), plan) == barred
        over = held(structs.replace(who, bars=[(day(-2), NOW_MS)]), RESIDENT, YEARLY)
        assert standings(over, plan) == {(0, 0, Standing.ACTIVE)}


def test_worse_standing_stays_beside_a_bar() -> None:
    suspended = Membership(1, 1, "yearly", standing=Standing.SUSPENDED)
    who = Holder(person(), [], [suspended], bars=[(0, 0)])
    assert standings(held(who, YEARLY), YEARLY) == {(0, 0, Standing.SUSPENDED)}


def test_one_too_many_is_so_in_grace() -> None:
    """Until the agreed end of the membership, and after it no less."""
    graceful = structs.replace(FOUNDER, grace_days=7)
    given = Membership(1, 1, "founder", until_ms=day(3), party=1)
    who = Holder(person(), [home()], [given], surplus={(1, "founder"): [(day(-2), day(3))]})
    parts = {(0, day(-2), Standing.ACTIVE), (day(-2), day(10), Standing.SURPLUS)}
    assert standings(held(who, graceful), graceful) == parts


def test_membership_counts_for_its_standing_now() -> None:
    given = Membership(1, 1, "yearly")
    climbing = structs.replace(YEARLY, qualification="belaying")
    free, barred = Holder(person(), [], [given]), Holder(person(), [], [given], bars=[(day(-1), day(1))])
    for who, plan, now_ms, standing in (
        (free, YEARLY, NOW_MS, Standing.ACTIVE),
        (free, climbing, NOW_MS, Standing.UNQUALIFIED),
        (barred, YEARLY, NOW_MS, Standing.BARRED),
        (barred, climbing, NOW_MS, Standing.BARRED),
        (barred, YEARLY, day(1), Standing.ACTIVE),
    ):
        assert standing_now(who, given, {"yearly": plan}, ZONE, now_ms) is standing


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
