"""What kind of station each point is: as its wiring says, and as its device tells with its state."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from cloud.store.schema import devices, points
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
    """Note what a device says that its own points are."""
    known: Any = select(points.c.name, points.c.kind).where(points.c.device == device)
    for name, kind in connection.execute(known).all():
        if told.get(name, kind) != kind:
            connection.execute(update(points).where(points.c.name == name).values(kind=told[name]))
