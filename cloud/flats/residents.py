"""Who lives in which flat, and which points lead only there, as lists and pages show it."""

from collections import defaultdict
from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, select

from cloud.flats.rule import Flat, Place, place_of_point, places_of_flat
from cloud.store.chunks import among
from cloud.store.labels import Label
from cloud.store.schema import parties, party_members, people, points


class Household(Struct, frozen=True):
    """A party that lives in a flat, and the names of those who belong to it now."""

    party: int
    names: list[Label]


class FlatView(Struct, frozen=True):
    """A flat, with who lives there."""

    flat: Flat
    households: list[Household]


class OwnPoint(Struct, frozen=True):
    """A point that opens to the people of some flats only."""

    name: str
    label: Label
    place: Place


def with_residents(connection: Connection, site: str, listed: Sequence[Flat], now_ms: int) -> list[FlatView]:
    """The same flats with the parties of theirs that nobody has ended, and their people of the present."""
    named: dict[int, list[Label]] = defaultdict(list)
    columns = parties.c.id, parties.c.flat, people.c.name_zh, people.c.name_en
    belongs = _belongs(site, now_ms) & (party_members.c.from_ms <= now_ms)
    query = (
        select(*columns)
        .outerjoin(party_members, belongs)
        .outerjoin(people, people.c.id == party_members.c.person_id)
        .where(parties.c.site == site, parties.c.ended_ms.is_(None), parties.c.kind == "flat")
        .where(among(parties.c.flat, [flat.name for flat in listed]))
        .order_by(parties.c.id, party_members.c.id)
    )
    of_flat: dict[str, dict[int, None]] = defaultdict(dict)
    for row in connection.execute(query):
        of_flat[row.flat][row.id] = None
        if row.name_zh is not None:
            named[row.id].append(Label(row.name_zh, row.name_en))
    return [FlatView(flat, [Household(party, named[party]) for party in of_flat[flat.name]]) for flat in listed]


def people_of_flat(connection: Connection, site: str, flat: str, now_ms: int) -> list[Label]:
    """The names of those who live in a flat, or will."""
    query = (
        select(people.c.id, people.c.name_zh, people.c.name_en)
        .join(party_members, party_members.c.person_id == people.c.id)
        .join(parties, _belongs(site, now_ms))
        .where(parties.c.site == site, parties.c.flat == flat, parties.c.ended_ms.is_(None))
    )
    return [Label(row.name_zh, row.name_en) for row in connection.execute(query.distinct().order_by(people.c.id))]


def _belongs(site: str, now_ms: int) -> ColumnElement[bool]:
    """Of a member's place in a party: it is not over. A lease that has run out is not."""
    return (
        (party_members.c.site == site)
        & (party_members.c.party_id == parties.c.id)
        & (party_members.c.ended_ms.is_(None) | (party_members.c.ended_ms > now_ms))
        & ((party_members.c.until_ms == 0) | (party_members.c.until_ms > now_ms) | (party_members.c.role == "tenant"))
    )


def points_for(connection: Connection, flat: str) -> list[Label]:
    """The labels of the points whose place is this flat."""
    query = select(points.c.label_zh, points.c.label_en).where(points.c.flat == flat).order_by(points.c.name)
    return [Label(row.label_zh, row.label_en) for row in connection.execute(query)]


def points_of_flat(connection: Connection, flat: Flat) -> list[OwnPoint]:
    """The points that lead to this flat, and not to every other: its unit's, its floor's, its own."""
    mine = set(places_of_flat(flat))
    theirs = (points.c.flat == flat.name) | ((points.c.unit == flat.entrance) & (points.c.unit != ""))
    found = []
    for row in connection.execute(select(points).where(theirs).order_by(points.c.name)):
        place = place_of_point(row.unit, row.floor, row.flat)
        if place is not None and place in mine:
            found.append(OwnPoint(row.name, Label(row.label_zh, row.label_en), place))
    return found
