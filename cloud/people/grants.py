"""From people to grants: who may pass where, as the rows and the site page that devices understand."""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence, Set
from functools import partial
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from msgspec import Struct, structs

from cloud.flats.rule import Place, gate_name, place_of_point, served
from cloud.parties.party import Span
from cloud.people.holdings import Holder, Holding, Qualification, Stay, holdings
from cloud.people.members import STAFF_PIN_DIGITS, Member, Membership, edges, is_shown, windows
from cloud.people.plans import VISITORS, Plan, allotment_name, of_visitors
from cloud.people.terms import surplus
from contract.decide import Standing, Tier
from contract.demands import Assurance
from contract.quantities import MAX_AMOUNT, Unit
from contract.roster import Row, pack_rows, unpack_rows
from contract.schedules import Schedule
from contract.site_page import PageDemand, Rations, SitePage
from contract.zone_rules import PageZone

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


class Credential(Struct, frozen=True):
    """A card of a person, by its digest (16 bytes). ``pin`` is the verifier of its PIN of so many digits, empty without
    one; ``key`` the public half of a telephone's key, empty of all others."""

    person: int
    digest: bytes
    standing: Standing = Standing.ACTIVE
    assurance: Assurance = Assurance.CARD
    pin: bytes = b""
    pin_digits: int = 0
    key: bytes = b""


class Point(Struct, frozen=True):
    """A door or socket, the zone it leads to or stands in, and the device it is on. ``class_name`` says of what plans
    ration what it is; empty for a door. ``unit``, ``floor`` and ``flat`` say which flats it serves. ``pin`` names the
    hours in which it asks for a PIN, empty for none; a credential of less than ``assurance`` does not open it."""

    name: str
    zone: str
    device: str = ""
    class_name: str = ""
    unit: str = ""
    floor: int | None = None
    flat: str = ""
    pin: str = ""
    assurance: Assurance = Assurance.NUMBER

    @property
    def place(self) -> Place | None:
        return place_of_point(self.unit, self.floor, self.flat)

    @property
    def asks(self) -> bool:
        """Whether it asks for anything besides a grant."""
        return bool(self.pin) or self.assurance > Assurance.NUMBER


class Profile(Struct, frozen=True, order=True):
    """What a row refers to by its number: a plan, in the zones that are the same for everybody or, with a ``place`` (by
    name), where it serves some flats only, or at one gate. One for people who are ``slow`` is numbered once somebody
    needs it."""

    plan: str
    place: str = ""
    slow: bool = False


class PersonTag(Struct, frozen=True):
    """What is said of a person over a span, by a word of a closed list."""

    person: int
    tag: str
    from_ms: int = 0
    until_ms: int = 0


SLOW = "slow"
"""The tag of people who need longer to pass a door."""
NOBODY = 0
"""In the place of a person, where a party holds something itself."""


class FamilyCard(Struct, frozen=True):
    """A card that belongs to a party and to nobody of it. It opens what the flat of the party is given, and what
    everybody of the party holds. ``stay`` is that of the party itself, and ``holder`` all that devices know of it. Its
    rows are kept with those of the ``bearer``, the first person who was ever entered as a member."""

    bearer: int
    holder: bytes
    digest: bytes
    standing: Standing
    stay: Stay
    assurance: Assurance = Assurance.CARD


class Community(Struct, frozen=True):
    """What grants depend on. ``zone`` is the IANA name of the site's time zone. ``profiles`` have the numbers that they
    keep for good; ``served`` are the places that points serve, ``outer`` the zones that no other zone is around.
    ``bars`` are spans by person. With ``duress`` staff may signal it with their PIN; ``asks_assurance`` says that some
    point asks for one, so that rows have to tell it; ``tells_families`` that some zone has anti-passback, from which
    family cards are free. ``zones`` are those that count, and ``counted`` the points that lead into one. Carried passes
    are believed by ``pass_keys``, but those ``withdrawn``. Of people, all may be there or some; memberships are theirs
    and those of their parties, with whoever else shares places with them."""

    zone: str
    plans: Sequence[Plan]
    people: Sequence[Member] = ()
    stays: Sequence[Stay] = ()
    memberships: Sequence[Membership] = ()
    credentials: Sequence[Credential] = ()
    family_cards: Sequence[FamilyCard] = ()
    qualifications: Sequence[Qualification] = ()
    tags: Sequence[PersonTag] = ()
    bars: Mapping[int, Sequence[Span]] = {}
    points: Sequence[Point] = ()
    schedules: Mapping[str, Schedule] = {}
    profiles: Mapping[Profile, int] = {}
    served: Set[Place] = frozenset()
    pass_keys: Sequence[bytes] = ()
    withdrawn: Sequence[bytes] = ()
    duress: bool = False
    asks_assurance: bool = False
    zones: Mapping[str, PageZone] = {}
    counted: Mapping[str, str] = {}
    tells_families: bool = False
    outer: Set[str] = frozenset()


class Compiled(Struct, frozen=True):
    """The rows of one person, packed in their order; when time alone changes them next, and how many windows are left
    out."""

    rows: bytes
    edge_ms: int | None
    left_out: int


def missing_profiles(
    plans: Iterable[Plan], places: Collection[Place], numbered: Collection[Profile] = ()
) -> list[Profile]:
    """The profiles without a number that plans need: one each, and one for each place that points serve and the plan
    opens to the people of its flats."""
    needed = [
        Profile(plan.name, place)
        for plan in plans
        for place in ("", *sorted(place.name for place in places if place.zone in plan.opens))
    ]
    return [profile for profile in needed if profile not in numbered]


def places_of(points: Iterable[Point]) -> set[Place]:
    """The places of flats that points serve."""
    return served((point.unit, point.floor, point.flat) for point in points)


def grants(community: Community, now_ms: int) -> tuple[list[Row], SitePage]:
    """The sorted rows of a whole site, and the page they refer to: what all changes together must come to."""
    compiled = compile_people(community, now_ms)
    return sorted(row for one in compiled.values() for row in unpack_rows(one.rows)), compile_site(community)


def compile_people(found: Community, now_ms: int) -> dict[int, Compiled]:
    """The rows of each of these people, by person: one for each card and each window of a profile."""
    carried = grouped(found.credentials, lambda one: one.person)
    tagged = grouped((tag for tag in found.tags if tag.tag == SLOW), lambda tag: tag.person)
    families = _families(found)
    held_by = partial(
        holdings, plans={plan.name: plan for plan in found.plans}, zone=ZoneInfo(found.zone), now_ms=now_ms
    )
    compiled = {}
    for who in holders(found):
        person = who.person.id
        is_slow_now = is_slow(tagged[person], now_ms)
        parts = [_compile(found, who, held_by(who), carried[person], now_ms, slow=is_slow_now)]
        parts += [_compile(found, family, held_by(family), cards, now_ms) for family, cards in families[person]]
        bounds = (edge for tag in tagged[person] for edge in (tag.from_ms, tag.until_ms))
        edge_ms = (*(part.edge_ms for part in parts), *bounds)
        rows = parts[0].rows if len(parts) == 1 else sorted(row for part in parts for row in part.rows)
        compiled[person] = Compiled(
            pack_rows(rows),
            min((edge for edge in edge_ms if edge is not None and edge > now_ms), default=None),
            max(part.left_out for part in parts),
        )
    return compiled


def is_slow(tags: Iterable[PersonTag], now_ms: int) -> bool:
    """Whether one of these tags says now that somebody is slow."""
    return any(tag.from_ms <= now_ms and (not tag.until_ms or now_ms < tag.until_ms) for tag in tags)


def slow_profiles(found: Community, now_ms: int) -> dict[int, set[Profile]]:
    """The profiles without a number that people need who are slow now, by person: until they have one, the rows of
    these people are those of everybody."""
    tagged = grouped((tag for tag in found.tags if tag.tag == SLOW), lambda tag: tag.person)
    slow = {person for person, tags in tagged.items() if is_slow(tags, now_ms)}
    plans, zone = {plan.name: plan for plan in found.plans}, ZoneInfo(found.zone)
    needed = {
        who.person.id: {
            structs.replace(_profile(one), slow=True)
            for one in holdings(who, plans, zone, now_ms)
            if _profile(one) in found.profiles and is_shown(one, one.plan.tier, now_ms)
        }
        - found.profiles.keys()
        for who in (holders(found) if slow else ())
        if who.person.id in slow
    }
    return {person: missing for person, missing in needed.items() if missing}


class _Part(NamedTuple):
    """What is compiled of one holder."""

    rows: list[Row]
    edge_ms: int | None
    left_out: int


def _compile(
    found: Community,
    who: Holder,
    held: Sequence[Holding],
    carried: Sequence[Credential],
    now_ms: int,
    *,
    slow: bool = False,
) -> _Part:
    of_profile = grouped(held, lambda one: _number(found, one, slow=slow))
    of_profile.pop(None, None)
    rows, left_out = _rows(found, who.person, of_profile, carried, now_ms)
    bounds = (edge for span in who.bars for edge in span)
    changes = (edge for group in of_profile.values() for one in group for edge in edges(one, one.plan.tier))
    return _Part(rows, min((edge for edge in (*bounds, *changes) if edge > now_ms), default=None), left_out)


def _families(found: Community) -> Mapping[int, list[tuple[Holder, list[Credential]]]]:
    """The parties that have family cards, as holders, by the person with whom their rows are kept."""
    shared = grouped((one for one in found.memberships if one.person is None), lambda one: one.party)
    families: dict[int, list[tuple[Holder, list[Credential]]]] = defaultdict(list)
    for (bearer, party), cards in grouped(found.family_cards, lambda one: (one.bearer, one.stay.member.party)).items():
        who = Holder(Member(NOBODY, cards[0].holder), [cards[0].stay], shared[party])
        families[bearer].append((who, [Credential(0, one.digest, one.standing, one.assurance) for one in cards]))
    return families


def holders(found: Community) -> Iterable[Holder]:
    """These people, each with everything that their rows follow from."""
    stays = grouped(found.stays, lambda stay: stay.member.person)
    own = grouped(found.memberships, lambda one: one.person)
    shared = grouped((one for one in found.memberships if one.person is None), lambda one: one.party)
    qualified = grouped(found.qualifications, lambda one: one.person)
    without = _without_places(found)
    for person in found.people:
        theirs = dict.fromkeys(stay.member.party for stay in stays[person.id])
        yield Holder(
            person,
            stays[person.id],
            [*own[person.id], *(one for party in theirs for one in shared[party])],
            qualified[person.id],
            found.bars.get(person.id, ()),
            without.get(person.id, {}),
        )


def _without_places(found: Community) -> dict[int, dict[tuple[int | None, str], list[Span]]]:
    """When people are one more than a plan has places, by person, then by party and plan."""
    places = {plan.name: plan.places for plan in found.plans if plan.places is not None}
    sharing = (one for one in found.memberships if one.plan in places and one.party is not None)
    without: dict[int, dict[tuple[int | None, str], list[Span]]] = defaultdict(dict)
    for shared, held in grouped(sharing, lambda one: (one.party, one.plan)).items():
        for person, spans in surplus(held, places[shared[1]]).items():
            without[person][shared] = spans
    return without


def grouped(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """The items by their key."""
    groups: dict[K, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups


def _number(found: Community, one: Holding, *, slow: bool) -> int | None:
    """The number of a holding's profile; None where no point serves the place."""
    if one.place is not None and one.place not in found.served:
        return None
    usual = _profile(one)
    number = found.profiles.get(structs.replace(usual, slow=True)) if slow else None
    return found.profiles.get(usual) if number is None else number


def _profile(one: Holding) -> Profile:
    return Profile(one.plan.name, one.place.name if one.place else "")


def _rows(
    found: Community,
    person: Member,
    held: Mapping[int | None, Sequence[Holding]],
    carried: Sequence[Credential],
    now_ms: int,
) -> tuple[list[Row], int]:
    """Somebody's rows, and how many windows of a profile are too many to be among them. ``held`` is by the number of
    the profile."""
    rows, most_left_out = [], 0
    for number, of_profile in held.items():
        tier = of_profile[0].plan.tier
        shown = [one for one in of_profile if is_shown(one, tier, now_ms)]
        is_staff = tier is Tier.STAFF
        for card in carried:
            told, left_out = windows(shown, card.standing, now_ms)
            most_left_out = max(most_left_out, left_out)
            rows += [
                Row(
                    *(card.digest, number or 0, person.holder, tier, one.standing, one.from_s, one.until_s),
                    override=is_staff and person.override,
                    pin=card.pin if not is_staff or card.pin_digits >= STAFF_PIN_DIGITS else b"",
                    may_signal_duress=is_staff and found.duress,
                    assurance=card.assurance if found.asks_assurance else Assurance.CARD,
                    family=found.tells_families and person.id == NOBODY,
                    key=card.key,
                )
                for one in told
            ]
    return sorted(rows), most_left_out


def compile_site(community: Community) -> SitePage:
    """The page that the rows refer to. Every profile stands there once, whoever holds it and how often."""
    known = *community.plans, *of_visitors(community.plans, community.outer)
    plans, points = {plan.name: plan for plan in known}, community.points
    rationed = [(plan, kind) for plan in community.plans for kind in _rationed(plan, points)]
    by_place = grouped(points, lambda point: point.place.name if point.place else gate_name(point.name))
    listed = [_Opened()] * (max(community.profiles.values(), default=-1) + 1)
    for profile, number in community.profiles.items():
        plan = plans.get(profile.plan)
        if plan is not None:
            there = by_place[profile.place] if profile.place else points
            there = there if plan.name != VISITORS else [point for point in there if not point.class_name]
            listed[number] = _opened(plan, there, is_relative=bool(profile.place))
    return SitePage(
        zone=community.zone,
        schedules=dict(community.schedules),
        profiles=[one.points for one in listed],
        allotments={allotment_name(plan.name, kind): share(plan, kind, points) for plan, kind in rationed},
        quotas=[one.quota for one in listed],
        resets=[one.resets for one in listed],
        slow=sorted(number for profile, number in community.profiles.items() if profile.slow),
        quantities={allotment_name(plan.name, kind): list(plan.quantities[kind]) for plan, kind in rationed},
        demands={point.name: PageDemand(point.pin, point.assurance) for point in points if point.asks},
        zones=dict(community.zones),
        counted=dict(community.counted),
        pass_keys=list(community.pass_keys),
        revoked=list(community.withdrawn),
    )


class _Opened(Struct, frozen=True):
    """What one profile is on the site page."""

    points: dict[str, str] = {}
    quota: dict[str, str] = {}
    resets: list[str] = []


def _opened(plan: Plan, points: Sequence[Point], *, is_relative: bool) -> _Opened:
    zones = {point.name: point.place.zone if is_relative and point.place else point.zone for point in points}
    opened, rationed = [point for point in points if zones[point.name] in plan.opens], plan.quantities
    return _Opened(
        {point.name: plan.opens[zones[point.name]] for point in opened},
        {point.name: allotment_name(plan.name, point.class_name) for point in opened if point.class_name in rationed},
        [] if is_relative else sorted(plan.resets),
    )


def _rationed(plan: Plan, points: Sequence[Point]) -> list[str]:
    """The classes of which the plan gives quantities, and there are points."""
    return [kind for kind in plan.quantities if any(point.class_name == kind for point in points)]


def share(plan: Plan, kind: str, points: Sequence[Point]) -> Rations:
    """What each device may give of a class whose software knows nothing of quantities that are lent: an even part of
    the minutes and the energy of a day, rounded down, and nothing of what it cannot count."""
    devices = len({point.device for point in points if point.class_name == kind})
    shares: dict[Unit, int] = {
        one.unit: one.amount // devices if one.per == "day" and not one.money else 0 for one in plan.quantities[kind]
    }
    can_count = shares.keys() <= {"minutes", "wh"}
    minutes, wh = (shares.get(unit, MAX_AMOUNT) if can_count else 0 for unit in ("minutes", "wh"))
    return Rations(minutes, wh)
