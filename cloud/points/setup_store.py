"""Zones, classes and points as the setup has them: read whole, and put in place row by row."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import convert, to_builtins
from sqlalchemy import Connection, delete, insert, select, update

from cloud.flats.rule import served
from cloud.people.community import note_places
from cloud.points.demands import touched_by
from cloud.points.rule import Assured, PointClass, SetupPoint, SiteZone
from cloud.points.tables import point_classes
from cloud.store.labels import Label
from cloud.store.revision import Touched, touch
from cloud.store.schema import points, zones
from contract.kinds import known_kinds


def list_site_zones(connection: Connection) -> list[SiteZone]:
    """Every zone, by name."""
    return [convert(_read(row), SiteZone) for row in connection.execute(select(zones).order_by(zones.c.name))]


def put_site_zone(connection: Connection, zone: SiteZone, before: SiteZone | None) -> None:
    """Make the zone, or put it in the place of the one before."""
    _put(connection, zones, _values(zone), is_new=before is None)
    _touch(connection, before, zone)


def delete_site_zone(connection: Connection, zone: SiteZone) -> None:
    connection.execute(delete(zones).where(zones.c.name == zone.name))
    _touch(connection, zone, None)


def _touch(connection: Connection, before: SiteZone | None, after: SiteZone | None) -> None:
    """Devices are told of a zone that counts. While no zone has anti-passback, rows do not tell of families."""
    then, now = (one.told if one is not None else None for one in (before, after))
    around = [one.parent if one is not None else None for one in (before, after)]
    if around[0] != around[1]:
        touch(connection, Touched.TERMS)  # permits open the zones that have none around them
    if then != now:
        is_of_rows = (then is None or then.is_free) is not (now is None or now.is_free)
        touch(connection, Touched.EVERYBODY if is_of_rows else Touched.TERMS)


def list_classes(connection: Connection, site: str) -> list[PointClass]:
    """Every class of points, by name."""
    mine = select(point_classes).where(point_classes.c.site == site).order_by(point_classes.c.name)
    return [convert(_read(row), PointClass) for row in connection.execute(mine)]


def class_labels(connection: Connection, site: str) -> dict[str, Label]:
    """What the classes are called that a plan may ration, by name: those of the setup, those that kinds of station
    bring, and those of points that were wired so."""
    brought = {name: noun.many for kind in known_kinds().values() for name, noun in kind.classes.items()}
    wired = connection.execute(select(points.c["class"]).where(points.c["class"] != "").distinct()).scalars()
    made = {one.name: one.label for one in list_classes(connection, site)}
    known = {name: Label(name, name) for name in wired} | {name: Label(one.zh, one.en) for name, one in brought.items()}
    return dict(sorted((known | made).items()))


def put_class(connection: Connection, site: str, one: PointClass) -> None:
    """Make the class, or put it in the place of the one of its name."""
    delete_class(connection, site, one.name)
    connection.execute(insert(point_classes).values(site=site, **_values(one)))


def delete_class(connection: Connection, site: str, name: str) -> None:
    connection.execute(delete(point_classes).where(point_classes.c.site == site, point_classes.c.name == name))


def list_setup_points(connection: Connection) -> list[SetupPoint]:
    """Every point, by name."""
    return [convert(_read(row), SetupPoint) for row in connection.execute(select(points).order_by(points.c.name))]


def put_point(connection: Connection, point: SetupPoint, before: SetupPoint | None) -> None:
    """Make the point, or put it in the place of the one before. What it serves concerns people besides: see
    ``note_served``."""
    _put(connection, points, _values(point), is_new=before is None)
    touch(connection, touched_by(before.assurance if before else Assured.NUMBER, point.assurance))


def delete_point(connection: Connection, point: SetupPoint) -> None:
    connection.execute(delete(points).where(points.c.name == point.name))
    touch(connection, touched_by(point.assurance, Assured.NUMBER))


def note_served(connection: Connection, site: str, before: Iterable[SetupPoint], after: Iterable[SetupPoint]) -> None:
    """Where a place is served for the first time, or no longer, its people are concerned."""
    then, now = (served((point.unit, point.floor, point.flat) for point in rows) for rows in (before, after))
    note_places(connection, site, then ^ now)


def _put(connection: Connection, table: Any, values: Mapping[str, Any], *, is_new: bool) -> None:
    where = table.c.name == values["name"]
    connection.execute(insert(table).values(values) if is_new else update(table).where(where).values(values))


def _read(row: Any) -> dict[str, Any]:
    values = {str(name): value for name, value in row._mapping.items()}
    return {**values, "label": {"zh": values.pop("label_zh"), "en": values.pop("label_en")}}


def _values(row: SiteZone | PointClass | SetupPoint) -> dict[str, Any]:
    values = to_builtins(row)
    label = values.pop("label")
    return {**values, "label_zh": label["zh"], "label_en": label["en"]}
