"""What stays of permits after the last visit: nothing."""

from sqlalchemy import Connection, delete, func, select, update

from cloud.cards.rule import CardKind, CardState
from cloud.people.tables import credentials
from cloud.permits.store import OF_PERMITS
from cloud.store.tables import compiled_permits, permit_uses, permits

MAX_ROWS = 500
"""Deleted in one transaction."""


def delete_permits(connection: Connection, site: str, before_ms: int) -> int:
    """Delete permits whose holders came last before that, with all that was made for them; returns how many. One that
    is in a roster still waits until it is in none. A card that was never returned opens nothing any more."""
    moments = permits.c.until_ms + permits.c.late_ms, permits.c.in_ms, permits.c.out_ms
    last_ms = func.max(*(func.coalesce(moment, 0) for moment in moments))
    told = (
        select(compiled_permits.c.permit_id)
        .where(compiled_permits.c.permit_id == permits.c.id, func.length(compiled_permits.c.rows) > 0)
        .exists()
    )
    old = select(permits.c.id).where(permits.c.site == site, last_ms < before_ms, ~told).limit(MAX_ROWS)
    ids = list(connection.execute(old).scalars())
    if ids:
        theirs = credentials.c.permit_id.in_(ids)
        connection.execute(delete(credentials).where(theirs, credentials.c.kind.in_(OF_PERMITS)))
        kept = update(credentials).where(theirs, credentials.c.kind == CardKind.CARD)
        connection.execute(kept.values(permit_id=None, state=CardState.VOID, issued_ms=None))
        connection.execute(delete(permit_uses).where(permit_uses.c.permit_id.in_(ids)))
        connection.execute(delete(compiled_permits).where(compiled_permits.c.permit_id.in_(ids)))
        connection.execute(delete(permits).where(permits.c.id.in_(ids)))
    return len(ids)
