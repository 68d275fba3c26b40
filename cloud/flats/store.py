"""Flats as they are stored, and whom it concerns when one of them, or a point that serves it, is changed."""

from collections.abc import Collection
from typing import Any
from unicodedata import normalize

from msgspec import structs
from sqlalchemy import Connection, delete, func, insert, select, update

from cloud.flats.rule import Flat, Place, Tenure, places_of_flat, read_flat_name, served
from cloud.store.chunks import chunks
from cloud.store.revision import touch, touch_permits
from cloud.store.schema import flats, parties, party_members, points
from cloud.store.scope import flat_seen
from cloud.store.tables import permits

_COLUMNS = [flats.c[name] for name in Flat.__struct_fields__]


def add_flat(connection: Connection, site: str, flat: Flat) -> None:
    """Raises SQLAlchemy's ``IntegrityError`` for a name that a flat of the site has."""
    connection.execute(insert(flats).values(site=site, **structs.asdict(flat)))


def change_flat(connection: Connection, site: str, flat: Flat) -> None:
    """Put the flat in the place of the one of its name."""
    values = structs.asdict(flat)
    connection.execute(update(flats).where(flats.c.site == site, flats.c.name == values.pop("name")).values(values))
    touch(connection, people_of_flats(connection, site, [flat.name]))
    touch_permits(connection, site, (permits.c.flat == flat.name) & permits.c.ended_ms.is_(None))


def remove_flat(connection: Connection, site: str, name: str) -> None:
    """Of a flat that no party is of."""
    connection.execute(delete(flats).where(flats.c.site == site, flats.c.name == name))


def end_households(connection: Connection, site: str, flat: str, now_ms: int) -> None:
    """Parties of a flat that is to be removed: they are no longer of it, and those that nobody has ended end."""
    ended_ms = func.coalesce(parties.c.ended_ms, now_ms)
    of_it = parties.c.site == site, parties.c.flat == flat
    connection.execute(update(parties).where(*of_it).values(flat=None, ended_ms=ended_ms))


def end_permits(connection: Connection, site: str, flat: str, now_ms: int, by: str) -> None:
    """Permits that lead to a flat which is to be removed end."""
    to_it = permits.c.site == site, permits.c.flat == flat, permits.c.ended_ms.is_(None)
    ended = update(permits).where(*to_it).values(ended_ms=now_ms, ended_by=by).returning(permits.c.id)
    ids = list(connection.execute(ended).scalars())
    touch_permits(connection, site, permits.c.id.in_(ids))


def taken_flats(connection: Connection, site: str, names: Collection[str]) -> list[str]:
    """Those of these flats that a party is of, or was."""
    found: list[str] = []
    for some in chunks(sorted(names)):
        query = select(parties.c.flat).where(parties.c.site == site, parties.c.flat.in_(some))
        found += connection.execute(query.distinct()).scalars()
    return found


def find_flat(connection: Connection, site: str, name: str) -> Flat | None:
    """The flat of that name, in whatever form it was once written."""
    seen = flats.c.site == site, flat_seen(connection, flats.c.name)
    mine = select(*_COLUMNS).where(*seen)
    row = connection.execute(mine.where(flats.c.name == name)).first()
    if row is None:
        names = connection.execute(select(flats.c.name).where(*seen)).scalars()
        other = next((one for one in names if normalize("NFKC", one) == name), None)
        row = None if other is None else connection.execute(mine.where(flats.c.name == other)).one()
    return None if row is None else _flat(row)


def take_flat(connection: Connection, site: str, name: str) -> Flat:
    """The flat of that name, which is made if there is none."""
    flat = find_flat(connection, site, name)
    if flat is None:
        flat = read_flat_name(name)
        add_flat(connection, site, flat)
    return flat


def list_flats(
    connection: Connection,
    site: str,
    *,
    building: str = "",
    unit: str = "",
    text: str = "",
    after: str = "",
    limit: int,
) -> list[Flat]:
    """Flats by name, of one building, or of one unit of it, or whose name holds the text."""
    query = select(*_COLUMNS).where(flats.c.site == site, flats.c.name > after, flat_seen(connection, flats.c.name))
    if building:
        query = query.where(flats.c.building == building)
    if unit:
        query = query.where(flats.c.unit == unit)
    if text:
        query = query.where(flats.c.name.contains(text, autoescape=True))
    return [_flat(row) for row in connection.execute(query.order_by(flats.c.name).limit(limit))]


def count_flats(connection: Connection, site: str) -> dict[tuple[str, str], int]:
    """How many flats there are in each unit, by building and unit."""
    columns = flats.c.building, flats.c.unit
    seen = (flats.c.site == site) & flat_seen(connection, flats.c.name)
    query = select(*columns, func.count().label("many")).where(seen).group_by(*columns)
    return {(row.building, row.unit): row.many for row in connection.execute(query.order_by(*columns))}


def people_of_flats(connection: Connection, site: str, names: Collection[str]) -> set[int]:
    """Everybody who belongs to parties of these flats, or has."""
    found: set[int] = set()
    for some in chunks(sorted(names)):
        query = select(party_members.c.person_id).join(parties, parties.c.id == party_members.c.party_id)
        found.update(connection.execute(query.where(parties.c.site == site, parties.c.flat.in_(some))).scalars())
    return found


def served_places(connection: Connection) -> set[Place]:
    """The places of flats that points of the site serve."""
    columns = points.c.unit, points.c.floor, points.c.flat
    some = (points.c.unit != "") | (points.c.flat != "")
    return served(tuple(row) for row in connection.execute(select(*columns).where(some).distinct()))


def people_at(connection: Connection, site: str, places: Collection[Place]) -> set[int]:
    """Everybody who belongs, or has belonged, to a flat that one of these places serves."""
    wanted = set(places)
    listed = map(_flat, connection.execute(select(*_COLUMNS).where(flats.c.site == site)))
    names = [flat.name for flat in listed if not wanted.isdisjoint(places_of_flat(flat))]
    return people_of_flats(connection, site, names)


def _flat(row: Any) -> Flat:
    flat = Flat(*row)
    return structs.replace(flat, tenure=Tenure(flat.tenure))
