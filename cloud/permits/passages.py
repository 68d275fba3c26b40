"""What passages change of permits: the clock that runs from the first use, the uses at each gate, and who is inside."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from cloud.devices.erasure import decode_stored
from cloud.devices.event_series import EventRow, Key
from cloud.devices.reactions import RowReaction
from cloud.permits import store
from cloud.permits.rule import Passing, after_passage
from cloud.store.schema import points, zones
from contract.archetypes import PortalKind


def note_passages(connection: Connection, site: str, passed: Sequence[tuple[Key, EventRow]]) -> None:
    """Fold passages into the permits whose holders went through; all others are somebody else's."""
    holders = list({_holder(row) for _, row in passed} - {b""})
    if not holders or not store.has_permits(connection, site):
        return
    known = store.permits_with_holders(connection, site, holders)
    for (_, point, _, _), row in passed if known else ():
        holder = _holder(row)
        if holder in known:
            permit, passage = known[holder], _passage(connection, site, known[holder].id, point, row)
            changes = after_passage(permit, passage)
            if passage.at_gate and passage.direction == "in":
                store.count_use(connection, site, permit.id, point, passage.at_ms)
            if changes:
                store.change_permit(connection, site, permit.id, **changes)
                known |= store.permits_with_holders(connection, site, [holder])


def _holder(row: EventRow) -> bytes:
    *_, holder, _, _ = row
    return bytes(holder or b"")


def _passage(connection: Connection, site: str, permit: int, point: str, row: EventRow) -> Passing:
    """A device that did not know the time cannot say when it was: then it is when the event arrived."""
    _, _, _, received_ms, _, at_ms, _, boot, _, stored, _ = row
    is_told = not boot and at_ms <= received_ms
    direction = "out" if decode_stored(bytes(stored)).data.get("direction") == "out" else "in"
    at_gate = is_gate(connection, point)
    uses = store.uses_at(connection, site, permit, point) if at_gate else 0
    return Passing(at_ms if is_told else received_ms, direction, at_gate, uses)


def is_gate(connection: Connection, point: str) -> bool:
    """Whether a point leads into the estate from the street: into a zone that no other is around, and to no flat more
    than to another."""
    leads = points.c.unit == "", points.c.flat == "", zones.c.parent == ""
    query = select(points.c.name).join(zones, zones.c.name == points.c.zone).where(points.c.name == point, *leads)
    return connection.execute(query).first() is not None


PASSAGES = RowReaction(frozenset({PortalKind.passed.kind}), note_passages)
