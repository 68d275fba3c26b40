"""Refusals by the site's local day and by their reason: counted as they arrive, so that no page counts events.

A refusal counts for the day on which it happened, as well as anybody knows. Where its device did not know the time it
is remembered by itself too, and moves to another day once the device has learned the time.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or_change

from cloud.devices.clock_fixes import CLOCK_FIXED, ClockFix, fix_in
from cloud.devices.event_series import EventRow, Key
from cloud.devices.reactions import Reaction, Recorded, RowReaction
from cloud.devices.tables import refusal_days, undated_refusals
from cloud.store.schema import clock_fixes, devices, sites

REFUSED = "access.refused"
NO_DAY = ""
"""The day of a time that no calendar holds."""
_LAST_MS = int(datetime(9999, 12, 30, tzinfo=UTC).timestamp() * 1000)

DayCounts = Counter[tuple[str, str]]
"""How many by day and reason."""


def local_day(at_ms: int, zone: ZoneInfo) -> str:
    """The day there, as ``2026-11-30``."""
    if not 0 <= at_ms <= _LAST_MS:
        return NO_DAY
    return datetime.fromtimestamp(at_ms / 1000, zone).date().isoformat()


def count_refused(connection: Connection, site: str, day: str) -> int:
    mine = (refusal_days.c.site == site) & (refusal_days.c.day == day)
    return int(connection.execute(select(func.coalesce(func.sum(refusal_days.c.count), 0)).where(mine)).scalar_one())


def add_refusals(connection: Connection, site: str, refused: Iterable[tuple[Key, EventRow]]) -> None:
    """Count refusals that arrived just now."""
    zone, counts, undated = _zone_of(connection, site), DayCounts(), []
    for (device_id, _, _, reason), row in refused:
        _, _, _, received_ms, _, at_ms, mono_ms, boot, *_ = row
        if boot:
            at_ms = mono_ms + fix if (fix := _fix_of(connection, device_id, boot)) is not None else at_ms
            undated.append((device_id, boot, mono_ms, received_ms, reason or "", local_day(at_ms, zone)))
        counts[local_day(at_ms, zone), reason or ""] += 1
    _add(connection, site, counts)
    if undated:
        names = "device_id", "boot", "mono_ms", "received_ms", "reason", "day"
        rows = [{"site": site, **dict(zip(names, values, strict=True))} for values in undated]
        connection.execute(insert(undated_refusals), rows)


def move_refusals(connection: Connection, site: str, fix: ClockFix) -> None:
    """A device has learned the time: what it refused before in this boot happened at another time than it said."""
    zone, moved = _zone_of(connection, site), DayCounts()
    mine = and_(
        undated_refusals.c.site == site,
        undated_refusals.c.device_id == fix.device_id,
        undated_refusals.c.boot == fix.boot,
    )
    for row in connection.execute(select(undated_refusals).where(mine)).all():
        day = local_day(row.mono_ms + fix.offset_ms, zone)
        if day != row.day:
            moved[row.day, row.reason] -= 1
            moved[day, row.reason] += 1
            connection.execute(update(undated_refusals).where(undated_refusals.c.id == row.id).values(day=day))
    _add(connection, site, moved)


def _add(connection: Connection, site: str, counts: Mapping[tuple[str, str], int]) -> None:
    rows = [
        {"site": site, "day": day, "reason": reason, "count": count}
        for (day, reason), count in counts.items()
        if count and day != NO_DAY
    ]
    if rows:
        added = insert_or_change(refusal_days)
        key = [refusal_days.c.site, refusal_days.c.day, refusal_days.c.reason]
        total = refusal_days.c.count + added.excluded.count
        connection.execute(added.on_conflict_do_update(key, set_={"count": total}), rows)


def _zone_of(connection: Connection, site: str) -> ZoneInfo:
    return ZoneInfo(connection.execute(select(sites.c.zone).where(sites.c.name == site)).scalar_one())


def _fix_of(connection: Connection, device_id: int, boot: str) -> int | None:
    mine = (clock_fixes.c.device_id == device_id) & (clock_fixes.c.boot == boot)
    return connection.execute(select(clock_fixes.c.offset_ms).where(mine)).scalar()


def _note_fixes(connection: Connection, recorded: Sequence[Recorded], _now_ms: int) -> None:
    for device, event, _ in recorded:
        fix = fix_in(device.id, event)
        if fix is not None:
            site = connection.execute(select(devices.c.site).where(devices.c.id == device.id)).scalar_one()
            move_refusals(connection, site, fix)


REFUSALS = RowReaction(frozenset({REFUSED}), add_refusals)
FIXED_REFUSALS = Reaction(frozenset({CLOCK_FIXED}), _note_fixes)
