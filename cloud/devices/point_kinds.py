"""What kind of station each point is: as its wiring says, and as its device tells with its state."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from cloud.store.counted import IS_COUNTED
from cloud.store.revision import Touched, touch
from cloud.store.schema import devices, points, zones
from contract.kinds import kind_name


def kinds_in(reports: object) -> dict[str, str]:
    """The kinds that a device tells of its points; an older one tells none."""
    told = reports.items() if isinstance(reports, dict) else ()
    found = {point: kind_name(report.get("kind")) for point, report in told if isinstance(report, dict)}
    return {point: kind for point, kind in found.items() if kind}


def reported_kind(connection: Connection, device: str, point: str) -> str:
    """What the device last said that its point is, empty if it did not."""
    state = connection.execute(select(devices.c.state).where(devices.c.name == device)).scalar()
    return kinds_in((state or {}).get("points")).get(point, "")


_KINDS = select(points.c.name, points.c.kind)


def kinds_of(connection: Connection) -> dict[str, str]:
    """The kind of every point."""
    return dict(connection.execute(_KINDS).all())


def note_kinds(connection: Connection, device: str, told: Mapping[str, str]) -> None:
    """Note what a device says that its own points are. What leads into a counted zone devices are told."""
    known: Any = select(points.c.name, points.c.kind, zones.c.name.label("counted"))
    known = known.outerjoin(zones, (zones.c.name == points.c.zone) & IS_COUNTED).where(points.c.device == device)
    changed = [row for row in connection.execute(known).all() if told.get(row.name, row.kind) != row.kind]
    for row in changed:
        connection.execute(update(points).where(points.c.name == row.name).values(kind=told[row.name]))
    if any(row.counted is not None for row in changed):
        touch(connection, Touched.TERMS)
