"""The zones of a site, and which plans open each of them."""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, func, insert, select, update

from cloud.flats.rule import RELATIVE_ZONES
from cloud.people.plans import ZONES
from cloud.people.store import change_plan, list_plans
from cloud.people.tables import plans
from cloud.store.labels import Label
from cloud.store.schema import points, zones

MAX_ZONES = 100
"""Of a site. A wiring that names more than fit gets no further ones."""
_LABELS = {name: (label_zh, label_en) for name, label_zh, label_en in ZONES}


class ZoneView(Struct, frozen=True):
    """``opened_by`` is the hours of every plan that opens the zone, ``points`` how many points stand in it."""

    name: str
    label: Label
    opened_by: dict[str, str]
    points: int

    @property
    def closed(self) -> bool:
        """Whether nobody gets in, whatever plan they hold."""
        return not self.opened_by


def view_zones(connection: Connection) -> list[ZoneView]:
    """Every zone of the site, by name."""
    run = connection.execute
    counted = {row.zone: row.many for row in run(select(points.c.zone, func.count().label("many")).group_by("zone"))}
    known = list_plans(connection)
    return [
        ZoneView(
            row.name,
            Label(row.label_zh, row.label_en),
            {plan.name: plan.opens[row.name] for plan in known if row.name in plan.opens},
            counted.get(row.name, 0),
        )
        for row in run(select(zones).order_by(zones.c.name))
    ]


def zone_labels(connection: Connection) -> dict[str, Label]:
    """What screens call every zone of the site, by name."""
    rows = connection.execute(select(zones).order_by(zones.c.name))
    return {row.name: Label(row.label_zh, row.label_en) for row in rows}


def make_zones(connection: Connection, names: Iterable[str]) -> list[str]:
    """Make those that are missing, as far as there is room and zones may be called so; returns them. They are called as
    the standard plans call them, or by their names."""
    there = set(connection.execute(select(zones.c.name)).scalars())
    wanted = [name for name in dict.fromkeys(names) if name not in there and name not in RELATIVE_ZONES]
    missing = wanted[: max(0, MAX_ZONES - len(there))]
    for name in missing:
        add_zone(connection, name, *_LABELS.get(name, (name, name)))
    return missing


def label_zone(connection: Connection, name: str, label_zh: str, label_en: str) -> None:
    """An empty label leaves the one it has."""
    values = {key: label for key, label in (("label_zh", label_zh), ("label_en", label_en)) if label}
    if values:
        connection.execute(update(zones).where(zones.c.name == name).values(values))


def open_zone(connection: Connection, name: str, plan: str, hours: str) -> None:
    """Have a plan open the zone in these hours; all three exist."""
    before = connection.execute(select(plans.c.document).where(plans.c.name == plan)).scalar_one()
    change_plan(connection, replace(before, opens={**before.opens, name: hours}))


def add_zone(connection: Connection, name: str, label_zh: str, label_en: str) -> None:
    connection.execute(insert(zones).values(name=name, label_zh=label_zh, label_en=label_en))
