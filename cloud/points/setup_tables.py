"""The tables of the setup file about zones, classes and points."""

from collections.abc import Iterator

from msgspec import structs

from cloud.devices.registry import device_names, wiring_of
from cloud.devices.wired import wired_points
from cloud.flats.rule import MAX_FLOOR, Flat, Place, place_of_point
from cloud.hours.setup_tables import HoursRow
from cloud.points import setup_store as store
from cloud.points.exits import unnamed_exits
from cloud.points.rule import PointClass, SetupPoint, SiteZone, camera_fault, exit_faults, zone_faults
from cloud.points.zone_store import MAX_ZONES
from cloud.web.operators import record
from cloud.web.sentence import N_, Sentence, UnknownName
from cloud.web.setup_table import BadRow, Problem, Proposal, SetupTable, Writing, changed_detail
from contract.kinds import kind_name, known_kinds

TOO_MANY_ZONES = N_("a site has at most %(most)s zones; leave some out")
UNITS_ONCE = N_("write each unit that its use is measured in, once")
NO_KIND = N_("there is no kind %(kind)s; there is %(kinds)s")
NO_CLASS = N_("there is no class %(name)s; write a [[class]] for it")
IS_WIRED = N_("%(device)s is wired to it; take it out there first")
MISSING_BUT_WIRED = N_("it is missing, and %(device)s is wired to it; take it out there first")
BAD_FLOOR = N_("write a floor from -%(most)s to %(most)s, and its unit, such as 3-1, beside it")


def _check_zones(proposal: Proposal) -> Iterator[Problem]:
    zones = proposal.rows(SiteZone)
    for zone in zones.values():
        if unknown := proposal.unknown(SiteZone, zone.parent, N_("zone")):
            yield Problem(zone.name, "parent", unknown)
        for field, text in zone_faults(zone, zones):
            yield Problem(zone.name, field, text)
        for field, text in exit_faults(zone, _unnamed(proposal, zone)):
            yield Problem(zone.name, field, text)
    if len(zones) > MAX_ZONES:
        yield Problem(list(zones)[MAX_ZONES], "", Sentence(TOO_MANY_ZONES, most=MAX_ZONES))


def _unnamed(proposal: Proposal, zone: SiteZone) -> list[str]:
    ways = [point for point in proposal.rows(SetupPoint).values() if point.zone == zone.name]
    return unnamed_exits(proposal.connection, [(one.name, one.device, one.kind) for one in ways], zone.counts)


def _put_zone(writing: Writing, zone: SiteZone, before: SiteZone | None) -> None:
    store.put_site_zone(writing.connection, zone, before)
    detail = changed_detail(before, zone) if before else {}
    action = "zone.changed" if before else "zone.added"
    record(writing.connection, writing.now_ms, writing.by, action, zone.name, **detail)


def _remove_zone(writing: Writing, zone: SiteZone) -> None:
    store.delete_site_zone(writing.connection, zone)
    record(writing.connection, writing.now_ms, writing.by, "zone.removed", zone.name)


ZONES = SetupTable(
    name="zone",
    place=10,
    kind=SiteZone,
    read=lambda connection, _site: store.list_site_zones(connection),
    put=_put_zone,
    remove=_remove_zone,
    check=_check_zones,
    actions=("zone.",),
)


def _check_classes(proposal: Proposal) -> Iterator[Problem]:
    for one in proposal.rows(PointClass).values():
        if not one.units or len(set(one.units)) < len(one.units):
            yield Problem(one.name, "units", Sentence(UNITS_ONCE))


def _put_class(writing: Writing, one: PointClass, before: PointClass | None) -> None:
    store.put_class(writing.connection, writing.site, one)
    detail = changed_detail(before, one)
    record(writing.connection, writing.now_ms, writing.by, "class.changed", one.name, **detail)


def _remove_class(writing: Writing, one: PointClass) -> None:
    store.delete_class(writing.connection, writing.site, one.name)
    record(writing.connection, writing.now_ms, writing.by, "class.removed", one.name)


CLASSES = SetupTable(
    name="class",
    place=40,
    kind=PointClass,
    read=store.list_classes,
    put=_put_class,
    remove=_remove_class,
    check=_check_classes,
    actions=("class.",),
)


def known_classes(proposal: Proposal) -> set[str]:
    """The classes that a plan may ration: those of the setup, those that kinds of station bring, and those of points
    that were wired so."""
    brought = {name for kind in known_kinds().values() for name in kind.classes}
    wired = {point.class_name for point in proposal.old_rows(SetupPoint).values() if point.class_name}
    return {*proposal.names(PointClass), *brought, *wired}


def _check_points(proposal: Proposal) -> Iterator[Problem]:
    before = proposal.old_rows(SetupPoint)
    classes = known_classes(proposal)
    for point in proposal.rows(SetupPoint).values():
        if unknown := proposal.unknown(SiteZone, point.zone, N_("zone")):
            yield Problem(point.name, "zone", unknown)
        if unknown := proposal.unknown(HoursRow, point.pin, "hours"):
            yield Problem(point.name, "pin", unknown)
        if point == before.get(point.name):
            continue
        if point.kind and kind_name(point.kind) not in known_kinds():
            yield Problem(point.name, "kind", UnknownName(NO_KIND, kind=point.kind, kinds=list(known_kinds())))
        if point.class_name and point.class_name not in classes:
            yield Problem(point.name, "class", UnknownName(NO_CLASS, name=point.class_name))
        if unknown := proposal.unknown(Flat, point.flat, N_("flat")):
            yield Problem(point.name, "flat", unknown)
        if fault := camera_fault(point.camera):
            yield Problem(point.name, "camera", fault)
        stood = before.get(point.name)
        if stood is not None and stood.device != point.device and _is_wired(proposal, stood):
            yield Problem(point.name, "device", Sentence(IS_WIRED, device=stood.device))
    for gone in proposal.gone(SetupPoint):
        if _is_wired(proposal, gone):
            yield Problem(gone.name, "", Sentence(MISSING_BUT_WIRED, device=gone.device))


def _is_wired(proposal: Proposal, point: SetupPoint) -> bool:
    """Whether a registered device says that the point is its own."""
    connection = proposal.connection
    if point.device not in device_names(connection):
        return False
    return point.name in {one.name for one in wired_points(wiring_of(connection, point.device))}


def _put_point(writing: Writing, point: SetupPoint, before: SetupPoint | None) -> None:
    store.put_point(writing.connection, point, before)
    detail = changed_detail(before, point) if before else {"device": point.device, "zone": point.zone}
    action = "point.changed" if before else "point.added"
    record(writing.connection, writing.now_ms, writing.by, action, point.name, **detail)


def _remove_point(writing: Writing, point: SetupPoint) -> None:
    store.delete_point(writing.connection, point)
    record(writing.connection, writing.now_ms, writing.by, "point.removed", point.name)


def _tidy_point(point: SetupPoint) -> SetupPoint:
    """With what it serves in the form in which it is stored: a point of a flat is that flat's alone."""
    if point.floor is not None and not (point.unit and abs(point.floor) <= MAX_FLOOR):
        raise BadRow("floor", Sentence(BAD_FLOOR, most=MAX_FLOOR))
    serves = place_of_point(point.unit, point.floor, point.flat) or Place()
    return structs.replace(point, **structs.asdict(serves))


POINTS = SetupTable(
    name="point",
    place=60,
    kind=SetupPoint,
    read=lambda connection, _site: store.list_setup_points(connection),
    tidy=_tidy_point,
    put=_put_point,
    remove=_remove_point,
    settle=lambda writing, before, after: store.note_served(writing.connection, writing.site, before, after),
    check=_check_points,
    actions=("point.",),
)
TABLES = (ZONES, CLASSES, POINTS)
