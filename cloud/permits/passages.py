"""What passages change of permits: the clock that runs from the first use, the uses at each gate, and who is inside."""

from collections.abc import Sequence

from sqlalchemy import Connection

from cloud.devices.erasure import decode_stored
from cloud.devices.event_series import EventRow, Key
from cloud.devices.reactions import RowReaction
from cloud.people.permit_rows import gates_of, shut_gate
from cloud.permits import store
from cloud.permits.rule import Passing, Permit, after_passage, uses_up
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
            permit = known[holder]
            if note_passage(connection, site, permit, point, _passage(connection, site, permit.id, point, row)):
                known |= store.permits_with_holders(connection, site, [holder])


def note_passage(connection: Connection, site: str, permit: Permit, point: str, passage: Passing) -> bool:
    """Fold one passage into a permit; whether it is another now."""
    changes = after_passage(permit, passage)
    if passage.at_gate and passage.direction == "in":
        store.count_use(connection, site, permit.id, point, passage.at_ms, permit.uses)
    if changes:
        store.change_permit(connection, site, permit.id, **changes)
    if uses_up(permit, passage):
        shut_gate(connection, site, permit.id, permit.plan)
    return bool(changes)


def _holder(row: EventRow) -> bytes:
    *_, holder, _, _ = row
    return bytes(holder or b"")


def _passage(connection: Connection, site: str, permit: int, point: str, row: EventRow) -> Passing:
    """A device that did not know the time cannot say when it was: then it is when the event arrived."""
    _, _, _, received_ms, _, at_ms, _, boot, _, stored, _ = row
    is_told = not boot and at_ms <= received_ms
    direction = "out" if decode_stored(bytes(stored)).data.get("direction") == "out" else "in"
    at_gate = point in gates_of(connection)
    uses = store.uses_at(connection, site, permit, point) if at_gate else 0
    return Passing(at_ms if is_told else received_ms, direction, at_gate, uses)


PASSAGES = RowReaction(frozenset({PortalKind.passed.kind}), note_passages)
