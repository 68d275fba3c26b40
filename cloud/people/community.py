"""The community as rosters are made of it: read whole, or some of its people with all that their rows follow from."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import structs
from sqlalchemy import Column, Connection, Select, exists, func, insert, select

from cloud.bars.store import bar_spans
from cloud.flats.rule import Flat, Place, places_of_flat, served
from cloud.flats.store import people_at, served_places
from cloud.hours.store import load_schedules
from cloud.parties.party import MemberRole, PartyKind, PartyMember
from cloud.people.counted import counted_ways, page_zones
from cloud.people.grants import (
    Community,
    Credential,
    FamilyCard,
    PersonTag,
    Point,
    Profile,
    holders,
    missing_profiles,
)
from cloud.people.holdings import Qualification, Stay, standing_now
from cloud.people.members import Member, Membership
from cloud.people.pass_terms import known_pass_keys, withdrawn_passes
from cloud.people.plans import VISITORS, Plan
from cloud.people.tables import (
    card_forms,
    credentials,
    memberships,
    person_tags,
    plans,
    profiles,
    qualifications,
)
from cloud.store.chunks import among, chunks
from cloud.store.counted import HAS_ANTI_PASSBACK
from cloud.store.revision import Touched, touch, touch_permits
from cloud.store.schema import flats, parties, party_members, people, points, sites, zones
from cloud.store.tables import permits
from contract.decide import Standing
from contract.demands import Assurance

MEMBERSHIP = [
    memberships.c[{"party": "party_id", "person": "person_id"}.get(name, name)] for name in Membership.__struct_fields__
]
"""The columns of a membership, in the order of its fields."""


def load_community(connection: Connection) -> Community:
    """All that the grants of the site are made of."""
    return _with_people(connection, load_terms(connection), None)


def load_terms(connection: Connection) -> Community:
    """What all grants share, without any people."""
    run = connection.execute
    site = run(select(sites.c.name, sites.c.zone)).one()
    names = ("name", "zone", "device", "class", "unit", "floor", "flat", "pin")
    columns = (points.c[name] for name in (*names, "assurance"))
    return Community(
        zone=site.zone,
        plans=list(run(select(plans.c.document).order_by(plans.c.name)).scalars()),
        points=[_point(row) for row in run(select(*columns).order_by(points.c.name))],
        schedules=load_schedules(connection, site.name, ZoneInfo(site.zone)),
        profiles=find_profiles(connection, site.name, None),
        zones=page_zones(connection),
        counted={way.point: way.zone for way in counted_ways(connection)},
        pass_keys=known_pass_keys(connection, site.name),
        withdrawn=withdrawn_passes(connection, site.name),
        outer=frozenset(run(select(zones.c.name).where(zones.c.parent == "")).scalars()),
    )


def _point(row: Any) -> Point:
    *named, assurance = row
    return Point(*[*named, Assurance[assurance.upper()]])


def load_people(connection: Connection, ids: Sequence[int]) -> Community:
    """Some people with all that their rows follow from, without what opens where."""
    zone = connection.execute(select(sites.c.zone)).scalar_one()
    documents = connection.execute(select(plans.c.document).order_by(plans.c.name)).scalars()
    return _with_people(connection, Community(zone, list(documents)), ids)


def standings_of(connection: Connection, persons: Sequence[int], now_ms: int) -> dict[int, Standing]:
    """What the memberships of these people count for now, by membership; what a whole party holds, for the last of
    them."""
    found = load_people(connection, persons)
    plans, zone = {plan.name: plan for plan in found.plans}, ZoneInfo(found.zone)
    return {
        one.id: standing_now(who, one, plans, zone, now_ms)
        for who in holders(found)
        for one in who.memberships
        if one.plan in plans
    }


def _with_people(connection: Connection, terms: Community, ids: Sequence[int] | None) -> Community:
    """The community with these people in it, or all."""
    asking = exists().where(points.c.assurance.in_([one.name.lower() for one in Assurance if one]))
    telling = exists().where(HAS_ANTI_PASSBACK)
    shared_by_all = select(sites.c.name, sites.c.duress, asking, telling)
    site, duress, asks_assurance, tells_families = connection.execute(shared_by_all).one()
    members = select(people.c.id, people.c.holder, people.c.ended_ms, people.c.override)
    stays = list(_stays(connection, site, ids))
    shared = [plan.name for plan in terms.plans if plan.places is not None]
    homes = {stay.flat.name: stay.flat for stay in stays if stay.flat is not None}
    return structs.replace(
        terms,
        people=[Member(*row) for row in _rows(connection, members, people.c.id, ids)],
        stays=stays,
        memberships=_held(connection, ids, {stay.member.party for stay in stays}, shared),
        credentials=_cards(connection, site, ids),
        family_cards=_family_cards(connection, site, ids, sorted({stay.member.party for stay in stays})),
        qualifications=list(_qualifications(connection, site, ids)),
        bars=bar_spans(connection, site, ids),
        tags=list(_tags(connection, site, ids)),
        profiles=terms.profiles or find_profiles(connection, site, list(homes.values())),
        served=served_places(connection) if ids is None else _served(connection, list(homes.values())),
        duress=duress,
        asks_assurance=asks_assurance,
        tells_families=tells_families,
    )


def _rows(connection: Connection, query: Select[Any], column: Column[int], ids: Sequence[int] | None) -> Iterator[Any]:
    """The rows whose column is one of these, or all."""
    if ids is None:
        yield from connection.execute(query)
    else:
        for some in chunks(ids):
            yield from connection.execute(query.where(among(column, some)))


def _stays(connection: Connection, site: str, ids: Sequence[int] | None) -> Iterator[Stay]:
    """Every belonging to a party. What has ended the party has ended it."""
    member = [party_members.c[name] for name in ("id", "party_id", "person_id", "role", "from_ms", "until_ms")]
    ends = party_members.c.ended_ms, parties.c.ended_ms.label("party_ended_ms"), parties.c.kind.label("party_kind")
    flat = [flats.c[name].label(f"flat_{name}") for name in ("name", "building", "unit", "floor")]
    query = (
        select(*member, *ends, *flat)
        .join(parties, parties.c.id == party_members.c.party_id)
        .outerjoin(flats, (flats.c.site == parties.c.site) & (flats.c.name == parties.c.flat))
        .where(party_members.c.site == site)
        .order_by(party_members.c.id)
    )
    for row in _rows(connection, query, party_members.c.person_id, ids):
        ended_ms = min((at for at in (row.ended_ms, row.party_ended_ms) if at is not None), default=None)
        home = Flat(row.flat_name, row.flat_building, row.flat_unit, row.flat_floor) if row.flat_name else None
        known = PartyMember(
            row.id, row.party_id, row.person_id, MemberRole(row.role), row.from_ms, row.until_ms, ended_ms
        )
        yield Stay(known, PartyKind(row.party_kind), home)


def _cards(connection: Connection, site: str, ids: Sequence[int] | None) -> list[Credential]:
    """The cards that these people have, in every form in which readers report them."""
    # Whoever has a card has one that is issued. The state is not asked for: SQLite would take the index of that.
    mine = select(*_CARD, credentials.c.person_id).where(credentials.c.person_id.is_not(None))
    rows = list(_rows(connection, mine, credentials.c.person_id, ids))
    forms = _forms(connection, site, rows, ids is None)
    return [
        Credential(
            *(row.person_id, digest, Standing(row.standing), _assurance(row)),
            *(pin or b"", row.pin_digits or 0, row.key or b""),
        )
        for row in rows
        for digest, pin in (*forms[row.id], (row.digest, row.pin))
    ]


_CARD = [credentials.c[name] for name in ("id", "digest", "standing", "assurance", "pin", "pin_digits", "key")]


def _assurance(card: Any) -> Assurance:
    return Assurance.COPYABLE if card.assurance is None else Assurance(card.assurance)


_Form = tuple[bytes, bytes | None]


def _forms(connection: Connection, site: str, cards: Sequence[Any], is_whole: bool) -> Mapping[int, list[_Form]]:
    """The digests of the other forms of these cards, by card, each with the verifier of its PIN."""
    columns = card_forms.c.credential_id, card_forms.c.digest, card_forms.c.pin
    query = select(*columns).where(card_forms.c.site == site)
    found: dict[int, list[_Form]] = defaultdict(list)
    for row in _rows(connection, query, card_forms.c.credential_id, None if is_whole else [card.id for card in cards]):
        found[row.credential_id].append((row.digest, row.pin))
    return found


def _family_cards(
    connection: Connection, site: str, ids: Sequence[int] | None, party_ids: Sequence[int]
) -> list[FamilyCard]:
    """The family cards whose rows are kept with these people; ``party_ids`` are the parties they belong to."""
    mine = select(*_CARD, credentials.c.party_id).where(credentials.c.party_id.is_not(None))
    rows = list(_rows(connection, mine, credentials.c.party_id, None if ids is None else party_ids))
    if not rows:
        return []
    forms = _forms(connection, site, rows, is_whole=False)
    families = _party_stays(connection, site, sorted({row.party_id for row in rows}))
    return [
        FamilyCard(bearer, holder, digest, Standing(row.standing), stay, _assurance(row))
        for row in rows
        if row.party_id in families
        for bearer, holder, stay in [families[row.party_id]]
        if ids is None or bearer in ids
        for digest in (row.digest, *(digest for digest, _ in forms[row.id]))
    ]


def _party_stays(connection: Connection, site: str, party_ids: Sequence[int]) -> dict[int, tuple[int, bytes, Stay]]:
    """Of parties that have members: the first who was ever entered, what devices know of the party, and the party as
    one that belongs to itself."""
    flat = [flats.c[name].label(f"flat_{name}") for name in ("name", "building", "unit", "floor")]
    columns = parties.c.id, parties.c.kind, parties.c.ended_ms, parties.c.holder, party_members.c.person_id
    query = (
        select(*columns, *flat)
        .join(party_members, party_members.c.party_id == parties.c.id)
        .outerjoin(flats, (flats.c.site == parties.c.site) & (flats.c.name == parties.c.flat))
        .where(parties.c.site == site, parties.c.holder.is_not(None))
        .order_by(party_members.c.id)
    )
    found: dict[int, tuple[int, bytes, Stay]] = {}
    for row in _rows(connection, query, parties.c.id, party_ids):
        home = Flat(row.flat_name, row.flat_building, row.flat_unit, row.flat_floor) if row.flat_name else None
        itself = PartyMember(0, row.id, 0, MemberRole.ADULT, ended_ms=row.ended_ms)
        found.setdefault(row.id, (row.person_id, row.holder, Stay(itself, PartyKind(row.kind), home)))
    return found


def _held(
    connection: Connection, ids: Sequence[int] | None, parties_of_theirs: Set[int], shared: Sequence[str]
) -> list[Membership]:
    """The memberships of these people, those that everybody of these parties holds, and whose places somebody shares
    with them: those of the ``shared`` plans; or all."""
    held = [membership_of(row) for row in _rows(connection, select(*MEMBERSHIP), memberships.c.person_id, ids)]
    if ids is not None:
        asked = sorted(parties_of_theirs | {one.party for one in held if one.party is not None})
        concerns = memberships.c.person_id.is_(None) | memberships.c.plan.in_(shared)
        theirs = _rows(connection, select(*MEMBERSHIP).where(concerns), memberships.c.party_id, asked)
        known = {one.id for one in held}
        held += [membership_of(row) for row in theirs if row.id not in known]
    return held


def membership_of(row: Any) -> Membership:
    """The membership of a row of ``MEMBERSHIP``."""
    number, person, plan, payer, from_ms, until_ms, standing, *more = row
    return Membership(number, person, plan, bool(payer), from_ms, until_ms, Standing(standing), *more)


def _qualifications(connection: Connection, site: str, ids: Sequence[int] | None) -> Iterator[Qualification]:
    columns = (qualifications.c[name] for name in ("person_id", "name", "until_ms"))
    query = select(*columns).where(qualifications.c.site == site)
    return (Qualification(*row) for row in _rows(connection, query, qualifications.c.person_id, ids))


def _tags(connection: Connection, site: str, ids: Sequence[int] | None) -> Iterator[PersonTag]:
    columns = (person_tags.c[name] for name in ("person_id", "tag", "from_ms", "until_ms"))
    query = select(*columns).where(person_tags.c.site == site)
    return (PersonTag(*row) for row in _rows(connection, query, person_tags.c.person_id, ids))


def find_profiles(
    connection: Connection, site: str, homes: Sequence[Flat] | None, gates: Sequence[Profile] = ()
) -> dict[Profile, int]:
    """The numbers of profiles: of plans, of the places that serve these flats, and of these gates; or all."""
    columns = (profiles.c[name] for name in ("plan", "place", "slow", "number"))
    query = select(*columns).where(profiles.c.site == site)
    if homes is None:
        rows = connection.execute(query).all()
    else:
        served_by = {place.name for flat in homes for place in places_of_flat(flat)}
        places = sorted(served_by | {gate.place for gate in gates})
        rows = [
            row
            for some in chunks(["", *places])
            for row in connection.execute(query.where(among(profiles.c.place, some)))
        ]
    return {Profile(row.plan, row.place, row.slow): row.number for row in rows}


def _served(connection: Connection, homes: Sequence[Flat]) -> set[Place]:
    """The places of these flats that points serve."""
    query = select(points.c.unit, points.c.floor, points.c.flat).distinct()
    found: set[Place] = set()
    for some in chunks(homes):
        leads_there = among(points.c.unit, [flat.entrance for flat in some if flat.entrance])
        theirs = leads_there | among(points.c.flat, [flat.name for flat in some])
        found |= served(tuple(row) for row in connection.execute(query.where(theirs)))
    return found


def number_profiles(connection: Connection, site: str, wanted: Sequence[Profile]) -> None:
    """Give numbers to profiles that have none: each keeps its own for good, whatever becomes of the plan."""
    mine = profiles.c.site == site
    known = {
        Profile(row.plan, row.place, row.slow)
        for some in chunks(sorted({profile.place for profile in wanted}))
        for row in connection.execute(select(profiles).where(mine, among(profiles.c.place, some)))
    }
    following = connection.execute(select(func.coalesce(func.max(profiles.c.number) + 1, 0)).where(mine)).scalar_one()
    numbers = count(int(following))
    values = [
        {"site": site, "number": next(numbers), **structs.asdict(profile)}
        for profile in dict.fromkeys(wanted)
        if profile not in known
    ]
    if values:
        connection.execute(insert(profiles), values)


def note_slow(connection: Connection, site: str, needed: Mapping[int, Set[Profile]]) -> None:
    """Number the profiles that slow people need, and have their rows made again."""
    if needed:
        number_profiles(connection, site, sorted(set().union(*needed.values())))
        touch(connection, Touched.TERMS)
        touch(connection, needed.keys())


def note_plan(connection: Connection, site: str, plan: Plan) -> None:
    """Number the profiles of a plan that is new, or opens other zones than before."""
    places = served_places(connection) if plan.relative else set()
    number_profiles(connection, site, missing_profiles([plan], places))


def note_places(connection: Connection, site: str, changed: Collection[Place]) -> None:
    """Points serve these places for the first time, or no longer: the people of their flats have other rows."""
    if changed:
        documents = connection.execute(select(plans.c.document).order_by(plans.c.name)).scalars()
        number_profiles(connection, site, missing_profiles(documents, changed))
        touch(connection, people_at(connection, site, changed))
        if Profile(VISITORS) in find_profiles(connection, site, []):
            ways = [Profile(VISITORS, place.name) for place in changed if not place.flat]
            number_profiles(connection, site, ways)
            touch_permits(connection, site, permits.c.ended_ms.is_(None))
