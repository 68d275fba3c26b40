"""What the rule weighs beside the grants: what is known of it, from whom, and what has to be assumed."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct, structs
from sqlalchemy import Connection, select

from cloud.commands.store import find_desired
from cloud.counters.store import list_people, load_state
from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import list_events
from cloud.devices.registry import site_of
from cloud.devices.views import as_table
from cloud.explain.grants import Granted
from cloud.explain.store import PointPlace
from cloud.quantities.rule import is_closed
from cloud.quantities.store import shares_of
from cloud.store.schema import devices
from contract.decide import DAY_MS, Facts, Grant, Mode, Trust
from contract.kinds import has_mode, kind_of
from contract.occupancy import NOWHERE_KNOWN, Whereabouts, ZoneCount
from contract.quantities import Account, Accounts, Allotment, local_minute, period_at

MODE_SOUGHT = 20
"""So many changes of a point's mode are looked through for the one that stood at a moment."""
USE_HEARD_MS = 40 * DAY_MS


class FactSource(StrEnum):
    """Where a fact comes from. What is ``ASSUMED`` nobody knows: the usual is taken for it."""

    RECORDED = "recorded"
    REPORTED = "reported"
    KNOWN = "known"
    ASSUMED = "assumed"


class FactUsed(Struct, frozen=True):
    """A fact that the rule weighed: its name and its value as words of closed lists, or a number."""

    name: str
    value: str | int | None
    source: FactSource


SYNCED = FactUsed("clock", Trust.SYNCED, FactSource.ASSUMED)


class Gathered(Struct, frozen=True):
    """All facts at a moment, and where each comes from."""

    facts: Facts
    used: tuple[FactUsed, ...]


def facts_now(connection: Connection, place: PointPlace, granted: Granted, now_ms: int) -> Gathered:
    """What is known at this moment: as the point's device last reported, and as the cloud counts."""
    device = connection.execute(select(devices.c.state, devices.c.beat).where(devices.c.name == place.device)).first()
    state, beat = (as_table(device.state), as_table(device.beat)) if device else ({}, {})
    report = as_table(as_table(state.get("points")).get(place.name))
    clock = FactUsed("clock", beat["clock"], FactSource.REPORTED) if beat.get("clock") in list(Trust) else SYNCED
    mode = _mode_now(connection, place, now_ms)
    issued_ms = as_table(state.get("roster")).get("issued_ms") or 0
    age = FactUsed("roster_age", max(0, now_ms - issued_ms), FactSource.REPORTED) if issued_ms else _FRESH
    faulted = FactUsed("faulted", bool(report["faulted"]), FactSource.REPORTED) if "faulted" in report else _IN_ORDER
    gathered = _gathered(connection, place, granted, now_ms, (clock, mode, age, faulted))
    return gathered if granted.counted is None else _with_counts(connection, place, granted, gathered)


def _with_counts(connection: Connection, place: PointPlace, granted: Granted, gathered: Gathered) -> Gathered:
    """The facts with how many are inside the zone that the point leads into, and whether the holder is."""
    site, zone = site_of(connection).name, place.zone
    count, holder = load_state(connection, site, zone).count, granted.grants[0].holder if granted.grants else b""
    passed = next((one for one in list_people(connection, site, zone, only_inside=False) if one.holder == holder), None)
    facts = structs.replace(
        gathered.facts,
        counted=granted.counted,
        zone_count=ZoneCount(count.inside, count.count_doubt, count.names_doubt, is_fresh=True),
        whereabouts=NOWHERE_KNOWN if passed is None else Whereabouts(passed.is_inside, passed.passed_ms),
    )
    inside = FactUsed("inside", count.inside if count.is_known else None, FactSource.KNOWN)
    return Gathered(facts, (*gathered.used, inside))


def facts_then(
    connection: Connection, place: PointPlace, granted: Granted, at_ms: int, clock: FactUsed = SYNCED
) -> Gathered:
    """What is known of a moment that has passed. ``clock`` is known where an event tells of it."""
    age = _FRESH if granted.issued_ms is None else FactUsed("roster_age", at_ms - granted.issued_ms, FactSource.KNOWN)
    return _gathered(connection, place, granted, at_ms, (clock, _mode_then(connection, place, at_ms), age, _IN_ORDER))


_FRESH = FactUsed("roster_age", 0, FactSource.ASSUMED)
_IN_ORDER = FactUsed("faulted", 0, FactSource.ASSUMED)


def _gathered(
    connection: Connection,
    place: PointPlace,
    granted: Granted,
    at_ms: int,
    found: tuple[FactUsed, FactUsed, FactUsed, FactUsed],
) -> Gathered:
    clock, mode, age, faulted = found
    used, is_rationed = _used(connection, place, granted.grants, granted.zone, at_ms)
    facts = Facts(
        zone=granted.zone,
        clock=Trust(str(clock.value)),
        clock_floor_ms=0,
        roster_age_ms=int(age.value or 0),
        faulted=bool(faulted.value),
        mode=Mode(str(mode.value)),
        used=used,
        can_be_held=has_mode(place.kind, Mode.HOLD_OPEN),
        demand=granted.demand,
    )
    more = [FactUsed("used", 0, FactSource.KNOWN)] if is_rationed else []
    return Gathered(facts, (mode, clock, age, faulted, FactUsed("busy", 0, FactSource.ASSUMED), *more))


def _mode_now(connection: Connection, place: PointPlace, now_ms: int) -> FactUsed:
    desired = find_desired(connection, place.device)
    if desired is None:
        return FactUsed("mode", Mode.SCHEDULED, FactSource.ASSUMED)
    reported = desired.reported_mode(place.name, now_ms)
    if reported is not None:
        return FactUsed("mode", reported, FactSource.REPORTED)
    return FactUsed("mode", desired.mode_of(place.name, now_ms), FactSource.ASSUMED)


def _mode_then(connection: Connection, place: PointPlace, at_ms: int) -> FactUsed:
    """The last that the point recorded before then; a device records the mode again after each start."""
    kind = kind_of(place.kind).mode_set.kind
    rows = list_events(connection, EventFilter(point=place.name, kind=kind), limit=MODE_SOUGHT).rows
    stood = next((one.data.get("mode") for one in rows if one.shown_ms <= at_ms), None)
    if stood not in list(Mode):
        return FactUsed("mode", Mode.SCHEDULED, FactSource.ASSUMED)
    return FactUsed("mode", str(stood), FactSource.RECORDED)


def _used(
    connection: Connection, place: PointPlace, grants: Sequence[Grant], zone: ZoneInfo, at_ms: int
) -> tuple[Mapping[str, Accounts], bool]:
    """What the holder of the grants has used of what the point is rationed from, as far as the cloud has heard; and
    whether it is rationed at all."""
    rationed = [(grant, grant.allotments[place.name]) for grant in grants if place.name in grant.allotments]
    accounts = {held.name: _accounts(connection, place, grant.holder, held, zone, at_ms) for grant, held in rationed}
    return accounts, bool(rationed)


def _accounts(
    connection: Connection, place: PointPlace, holder: bytes, held: Allotment, zone: ZoneInfo, at_ms: int
) -> Accounts:
    minute = local_minute(zone, at_ms) or 0
    known = shares_of(connection, site_of(connection).name, holder, at_ms - USE_HEARD_MS)
    accounts = {}
    for quantity in held.quantities:
        period = period_at(quantity.per, minute)
        mine = [
            one
            for one in known
            if (one.key.allotment, one.key.unit, one.key.period) == (held.name, quantity.unit, period)
        ]
        shares = {one.share.device: one.share for one in mine}
        if place.device in shares:
            here = shares[place.device]
            closed = is_closed(quantity.parts, shares, place.device)
            accounts[quantity.unit] = Account(here.net, here.allowance, closed)
    return accounts
