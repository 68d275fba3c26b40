"""Where points stand and who gets in there: zones are made, called by a name, and opened for plans. One way for console
and command line, each change with its row in the audit."""

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct
from sqlalchemy import Connection, select

from cloud.devices.wired import Wired
from cloud.flats.rule import RELATIVE_ZONES
from cloud.hours.store import hours_labels
from cloud.people.store import list_plans
from cloud.points.exits import unnamed_exits, ways_into
from cloud.points.rule import SiteZone, exit_faults, zone_faults
from cloud.points.setup_store import delete_site_zone, list_site_zones, put_site_zone
from cloud.points.store import update_points
from cloud.points.zone_store import (
    MAX_ZONES,
    label_zone,
    make_zones,
    open_zone,
    view_zones,
    zone_labels,
)
from cloud.store.database import Clock, Store
from cloud.store.schema import points
from cloud.web import operators
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_, Sentence
from cloud.web.setup_table import changed_detail
from contract.topics import NAME

NOT_A_NAME = N_(
    "“%(name)s” is no name of a zone: write lower-case letters, digits and hyphens, at most 40. Nothing was changed."
)
NOT_A_ZONE = N_(
    "%(name)s is another place for each flat, and no zone: say of a point which flats it serves. Nothing was changed."
)
NOT_AN_OPENING = N_("“%(opening)s” is not PLAN=HOURS, such as resident=always. Nothing was changed.")
TAKEN = N_("There is a zone %(name)s already: take another name, or change that one. Nothing was changed.")
FULL = N_("There are %(most)s zones already, the most that a site has. Nothing was changed.")
NO_LABEL = N_("Say what it is to be called, in Chinese or in English. Nothing was changed.")
NO_ZONE = N_("There is no zone %(name)s; there is %(names)s. Nothing was changed.")
NO_PLAN = N_("There is no plan %(name)s; there is %(names)s. Nothing was changed.")
NO_HOURS = N_("There are no hours %(name)s; there is %(names)s. Nothing was changed.")
FAULTY = N_("%(fault)s. Nothing was changed.")
IN_USE = N_("%(name)s is named by %(users)s: change these first. Nothing was changed.")
POINT, ZONE, PLAN = N_("point %(name)s"), N_("zone %(name)s"), N_("plan %(name)s")

NO_OPENINGS: Mapping[str, str] = MappingProxyType({})


class BadZone(Rejected):
    """The zone cannot be made or opened so, and nothing was changed; the text says why and what there is."""


class Placed(Struct, frozen=True):
    """What became of the points of a wiring: ``points`` were made or changed, ``zones`` made for them; ``closed`` are
    those of the wiring's zones that no plan opens, ``left_out`` the points that the cloud did not take, and why."""

    points: Sequence[str] = ()
    zones: Sequence[str] = ()
    closed: Sequence[str] = ()
    left_out: Mapping[str, str] = MappingProxyType({})

    def detail(self) -> dict[str, str]:
        """For the audit."""
        left = ", ".join(f"{point}: {why}" for point, why in self.left_out.items())
        told = {"points": ", ".join(self.points), "zones": ", ".join(self.zones), "left_out": left}
        return {key: text for key, text in told.items() if text}


def place_points(
    connection: Connection,
    device: str,
    wired: Sequence[Wired],
    zone: str = "",
    labels: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> Placed:
    """Bring the points of a device in line with its wiring, and make the zones that it names and that are missing."""
    named = [zone or one.zone for one in wired]
    made = make_zones(connection, filter(None, named))
    taken = update_points(connection, device, wired, zone, labels)
    closed = [one.name for one in view_zones(connection) if one.closed and one.name in named]
    return Placed(taken, made, closed, _left_out(connection, device, wired, zone))


def _left_out(connection: Connection, device: str, wired: Sequence[Wired], zone: str) -> dict[str, str]:
    at = {row.name: row.device for row in connection.execute(select(points.c.name, points.c.device))}
    return {one.name: _why(one, at.get(one.name), zone) for one in wired if at.get(one.name) != device}


def _why(one: Wired, other: str | None, zone: str) -> str:
    if other is not None:
        return f"it is a point of {other}"
    if not (zone or one.zone):
        return "its wiring names no zone"
    if (zone or one.zone) in RELATIVE_ZONES:
        return f"{zone or one.zone} is no zone of the site"
    return f"there are {MAX_ZONES} zones already"


def read_openings(texts: Iterable[str]) -> dict[str, str]:
    """Hours by plan, of texts such as ``resident=always``. Raises ``BadZone``."""
    openings = {}
    for text in texts:
        plan, equals, hours = text.partition("=")
        if not (plan and equals and hours):
            raise BadZone(NOT_AN_OPENING, opening=text)
        openings[plan] = hours
    return openings


def create_zone(
    connection: Connection, now_ms: int, by: str, name: str, label_zh: str = "", label_en: str = ""
) -> bool:
    """Make a zone; False if there is one of this name, which stays as it is. Raises ``BadZone``."""
    if not re.fullmatch(NAME, name):
        raise BadZone(NOT_A_NAME, name=name)
    if name in RELATIVE_ZONES:
        raise BadZone(NOT_A_ZONE, name=name)
    if name in zone_labels(connection):
        return False
    if not make_zones(connection, [name]):
        raise BadZone(FULL, most=MAX_ZONES)
    label_zone(connection, name, label_zh, label_en)
    operators.record(connection, now_ms, by, "zone.added", name)
    return True


def rename_zone(connection: Connection, now_ms: int, by: str, name: str, label_zh: str, label_en: str) -> None:
    """Call a zone something else. Raises ``BadZone``."""
    _check_zone(connection, name)
    if not (label_zh or label_en):
        raise BadZone(NO_LABEL)
    label_zone(connection, name, label_zh, label_en)
    operators.record(connection, now_ms, by, "zone.renamed", name, label_zh=label_zh, label_en=label_en)


def open_for(connection: Connection, now_ms: int, by: str, name: str, openings: Mapping[str, str]) -> None:
    """Have plans open a zone, or what is home or own floor to their holders, each in its hours. Raises ``BadZone``."""
    if name not in RELATIVE_ZONES:
        _check_zone(connection, name)
    known_plans, known_hours = sorted(plan.name for plan in list_plans(connection)), hours_labels(connection)
    for plan, hours in openings.items():
        if plan not in known_plans:
            raise BadZone(NO_PLAN, name=plan, names=known_plans)
        if hours not in known_hours:
            raise BadZone(NO_HOURS, name=hours, names=list(known_hours))
    for plan, hours in openings.items():
        open_zone(connection, name, plan, hours)
        operators.record(connection, now_ms, by, "zone.opened", name, plan=plan, hours=hours)


def change_zone(connection: Connection, now_ms: int, by: str, zone: SiteZone) -> None:
    """Say what a zone is, how many it holds and what it is called. Raises ``BadZone``."""
    _check_zone(connection, zone.name)
    zones = {one.name: one for one in list_site_zones(connection)}
    if zone.parent and zone.parent not in zones:
        raise BadZone(NO_ZONE, name=zone.parent, names=list(zones))
    for _, fault in zone_faults(zone, zones | {zone.name: zone}):
        raise BadZone(FAULTY, fault=fault)
    ways = [(one.point, one.device, one.kind) for one in ways_into(connection, zone.name)]
    for _, fault in exit_faults(zone, unnamed_exits(connection, ways, zone.counts)):
        raise BadZone(FAULTY, fault=fault)
    before = zones[zone.name]
    put_site_zone(connection, zone, before)
    operators.record(connection, now_ms, by, "zone.changed", zone.name, **changed_detail(before, zone))


def remove_zone(connection: Connection, now_ms: int, by: str, name: str) -> None:
    """Remove a zone that nothing names any more. Raises ``BadZone``."""
    _check_zone(connection, name)
    if users := _users(connection, name):
        raise BadZone(IN_USE, name=name, users=users)
    delete_site_zone(connection, next(zone for zone in list_site_zones(connection) if zone.name == name))
    operators.record(connection, now_ms, by, "zone.removed", name)


def _users(connection: Connection, name: str) -> list[Sentence]:
    """What names a zone: its points, the zones within it, and the plans that open it or end its emergencies."""
    inside = connection.execute(select(points.c.name).where(points.c.zone == name).order_by(points.c.name)).scalars()
    return [
        *(Sentence(POINT, name=point) for point in inside),
        *(Sentence(ZONE, name=zone.name) for zone in list_site_zones(connection) if zone.parent == name),
        *(
            Sentence(PLAN, name=plan.name)
            for plan in list_plans(connection)
            if name in plan.opens or name in plan.resets
        ),
    ]


class ZoneService:
    """The service that makes, changes, opens and removes zones, each in one transaction. ``by`` is the operator's name.
    What is refused leaves no trace."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def add(
        self, by: str, name: str, label_zh: str = "", label_en: str = "", openings: Mapping[str, str] = NO_OPENINGS
    ) -> bool:
        """Make a zone and open it for plans; False if there was one of this name, which keeps its. Raises
        ``BadZone``."""
        with self._store.writing() as connection:
            made = create_zone(connection, self._clock(), by, name, label_zh, label_en)
            if openings:
                open_for(connection, self._clock(), by, name, openings)
        return made

    def rename(self, by: str, name: str, label_zh: str, label_en: str) -> None:
        """Call a zone something else. Raises ``BadZone``."""
        with self._store.writing() as connection:
            rename_zone(connection, self._clock(), by, name, label_zh, label_en)

    def change(self, by: str, zone: SiteZone) -> None:
        """Put the zone in the place of the one of its name. Raises ``BadZone``."""
        with self._store.writing() as connection:
            change_zone(connection, self._clock(), by, zone)

    def remove(self, by: str, name: str) -> None:
        """Raises ``BadZone``, also while something names it."""
        with self._store.writing() as connection:
            remove_zone(connection, self._clock(), by, name)

    def open(self, by: str, names: Iterable[str], openings: Mapping[str, str]) -> None:
        """Have plans open zones, each in its hours. Raises ``BadZone``."""
        with self._store.writing() as connection:
            for name in names:
                open_for(connection, self._clock(), by, name, openings)


def _check_zone(connection: Connection, name: str) -> None:
    zones = zone_labels(connection)
    if name not in zones:
        raise BadZone(NO_ZONE, name=name, names=list(zones))
