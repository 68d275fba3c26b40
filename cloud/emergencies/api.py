"""The routes of `/api/v1` about emergencies: what stands, what was over a moment ago."""

from fastapi import APIRouter

from cloud.emergencies.store import ZoneState, list_zone_states
from cloud.web.bodies import answer_of
from cloud.web.params import ZoneReader

router = APIRouter(prefix="/api/v1")
FIELDS = "zone", "label", "cause", "began_ms", "began_by", "how", "ended_ms", "ended_by"
"""Of a ``ZoneState``, what the API shows."""


@router.get("/emergencies", response_model=answer_of(list[ZoneState], only=FIELDS))
def emergencies(context: ZoneReader) -> list[ZoneState]:
    """What stands, the worst first, then what ended within the last hour."""
    with context.store.reading() as connection:
        return list_zone_states(connection, context.clock())
