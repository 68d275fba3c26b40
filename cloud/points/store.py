"""Points as they are stored: what stands where, and as what plans ration it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from msgspec import structs
from sqlalchemy import Connection, bindparam, insert, select, update

from cloud.devices.point_kinds import note_kinds, reported_kind
from cloud.devices.wired import Wired
from cloud.flats.rule import Place, place_of_point
from cloud.flats.store import served_places
from cloud.people.community import note_places
from cloud.store.labels import Label
from cloud.store.revision import Touched, touch
from cloud.store.schema import points, zones


def add_point(
    connection: Connection,
    name: str,
    device: str,
    zone: str,
    label_zh: str,
    label_en: str,
    class_name: str = "",
    kind: str = "",
) -> None:
    """``class_name`` is what plans ration its use by, empty for a door; ``kind`` what it is, empty where only its
    device may have said so."""
    kind = kind or reported_kind(connection, device, name)
    values = {"name": name, "device": device, "zone": zone, "class": class_name, "kind": kind}
    connection.execute(insert(points).values(**values, label_zh=label_zh, label_en=label_en))
    touch(connection, Touched.TERMS)


def place_of(connection: Connection, name: str) -> Place | None:
    """Which flats a point serves; None for one that serves none more than another."""
    columns = points.c.unit, points.c.floor, points.c.flat
    row = connection.execute(select(*columns).where(points.c.name == name)).first()
    return None if row is None else place_of_point(*row)


def set_places(connection: Connection, site: str, places: Mapping[str, Place | None]) -> None:
    """Say of points, by name, which flats they serve. Where a place is served for the first time, or no longer, its
    people are concerned."""
    before = served_places(connection)
    rows = [{"of": name, **structs.asdict(place or Place())} for name, place in places.items()]
    if rows:
        connection.execute(update(points).where(points.c.name == bindparam("of")), rows)
    touch(connection, Touched.TERMS)
    note_places(connection, site, before ^ served_places(connection))


def camera_of(connection: Connection, name: str) -> str:
    """The address of a point's camera, empty if it has none."""
    return connection.execute(select(points.c.camera).where(points.c.name == name)).scalar() or ""


def has_point(connection: Connection, name: str) -> bool:
    """Whether there is a point of that name, be its device registered or not."""
    return connection.execute(select(points.c.name).where(points.c.name == name)).first() is not None


def point_labels(connection: Connection) -> dict[str, Label]:
    """What points are called, by name."""
    columns = points.c.name, points.c.label_zh, points.c.label_en
    return {row.name: Label(row.label_zh, row.label_en) for row in connection.execute(select(*columns))}


def update_points(
    connection: Connection,
    device: str,
    wired: Sequence[Wired],
    zone: str = "",
    labels: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> list[str]:
    """Bring the points of a device in line with its wiring; returns those that were made or have another class now.

    A new one stands in ``zone`` where an operator named one, else where the wiring says; in a zone that the site does
    not have nothing is made. Without labels it is called by its name. Nothing is ever deleted, and a point of another
    device stays as it is.
    """
    known = {row.name: row for row in connection.execute(select(points))}
    places = set(connection.execute(select(zones.c.name)).scalars())
    changed = []
    for one in wired:
        stands = known.get(one.name)
        if stands is None and (zone or one.zone) in places:
            called = labels.get(one.name, (one.name, one.name))
            add_point(connection, one.name, device, zone or one.zone, *called, one.class_name, one.kind)
        elif stands is not None and stands.device == device and stands._mapping["class"] != one.class_name:
            set_point(connection, one.name, stands.zone, one.class_name)
        else:
            continue
        changed.append(one.name)
    note_kinds(connection, device, {one.name: one.kind for one in wired if one.kind})
    return changed


def set_point(
    connection: Connection, name: str, zone: str, class_name: str, labels: tuple[str, str] | None = None
) -> None:
    """Say where a point stands, and what plans ration it as; the zone is one of the site's. Without labels it is called
    as before."""
    values = {"zone": zone, "class": class_name}
    if labels is not None:
        values |= {"label_zh": labels[0], "label_en": labels[1]}
    connection.execute(update(points).where(points.c.name == name).values(values))
    touch(connection, Touched.TERMS)
