"""Hours and special days as they are stored. Whatever changes them may change what all grants share."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import convert, structs
from sqlalchemy import Connection, and_, bindparam, delete, insert, select, update

from cloud.hours.rule import DayKind, Hours, SpecialDay, resolve
from cloud.hours.tables import schedules, special_days
from cloud.store.labels import Label
from cloud.store.revision import Touched, touch
from contract.schedules import Schedule


def list_hours(connection: Connection) -> list[Hours]:
    """All hours, by name."""
    return [_hours(row) for row in connection.execute(select(schedules).order_by(schedules.c.name))]


def find_hours(connection: Connection, name: str) -> Hours | None:
    row = connection.execute(select(schedules).where(schedules.c.name == name)).first()
    return None if row is None else _hours(row)


def hours_labels(connection: Connection) -> dict[str, Label]:
    """What screens call the hours that plans open zones in, by name."""
    return {hours.name: hours.label for hours in list_hours(connection)}


def add_hours(connection: Connection, hours: Hours) -> None:
    connection.execute(insert(schedules).values(_values(hours)))
    touch(connection, Touched.TERMS)


def change_hours(connection: Connection, hours: Hours) -> None:
    """Put the hours in the place of those of their name."""
    connection.execute(update(schedules).where(schedules.c.name == hours.name).values(_values(hours)))
    touch(connection, Touched.TERMS)


def remove_hours(connection: Connection, site: str, name: str) -> None:
    """With the special days that are theirs alone."""
    connection.execute(delete(special_days).where(special_days.c.site == site, special_days.c.hours == name))
    connection.execute(delete(schedules).where(schedules.c.name == name))
    touch(connection, Touched.TERMS)


def list_special_days(
    connection: Connection, site: str, first: date = date.min, last: date = date.max
) -> list[SpecialDay]:
    """The special days from ``first`` through ``last``, in order."""
    query = select(special_days).where(special_days.c.site == site, special_days.c.day.between(first, last))
    rows = connection.execute(query.order_by(special_days.c.day, special_days.c.kind, special_days.c.hours))
    return [
        SpecialDay(row.day, DayKind(row.kind), row.weekday, row.hours, Label(row.label_zh, row.label_en))
        for row in rows
    ]


def put_special_days(connection: Connection, site: str, days: Sequence[SpecialDay]) -> None:
    """Add these days, each in the place of one of the same day, kind and hours."""
    remove_special_days(connection, site, days)
    if days:
        connection.execute(insert(special_days), [_day_values(site, one) for one in days])
    touch(connection, Touched.TERMS)


def remove_special_days(connection: Connection, site: str, days: Sequence[SpecialDay]) -> None:
    """Those of the same day, kind and hours."""
    table = special_days.c
    one = and_(table.day == bindparam("_day"), table.kind == bindparam("_kind"), table.hours == bindparam("_hours"))
    keys = [dict(zip(("_day", "_kind", "_hours"), day.key, strict=True)) for day in days]
    if keys:
        connection.execute(delete(special_days).where(table.site == site, one), keys)
    touch(connection, Touched.TERMS)


def load_schedules(connection: Connection, site: str, zone: ZoneInfo) -> dict[str, Schedule]:
    """What devices are sent of all hours, by name."""
    calendar = list_special_days(connection, site)
    return {hours.name: resolve(hours, calendar, zone) for hours in list_hours(connection)}


def _day_values(site: str, day: SpecialDay) -> Mapping[str, object]:
    values = structs.asdict(day)
    label = values.pop("label")
    return {**values, "site": site, "label_zh": label.zh, "label_en": label.en}


def _values(hours: Hours) -> Mapping[str, object]:
    values = {"name": hours.name, "week": hours.week, "rest": hours.rest, "half": hours.half}
    return {**values, "label_zh": hours.label.zh, "label_en": hours.label.en}


def _hours(row: Any) -> Hours:
    label = Label(row.label_zh, row.label_en)
    fields = {"name": row.name, "week": row.week, "rest": row.rest, "half": row.half}
    return convert(fields | {"label": structs.asdict(label)}, Hours)
