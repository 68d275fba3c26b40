"""The routes of `/api/v1` about emergencies: what stands, what was over a moment ago."""

from fastapi import APIRouter
from pydantic import BaseModel

from cloud.emergencies.store import ZoneState, list_zone_states
from cloud.web.bodies import Words
from cloud.web.params import Reader

router = APIRouter(prefix="/api/v1")


class EmergencyOut(BaseModel):
    """A zone in an emergency: ``cause`` is fire, smoke, estop, loop_broken or drill, the worst of its devices. Once it
    is over, ``how`` is key, card, order, time, restart or unseen; else empty."""

    zone: str
    label: Words
    cause: str
    began_ms: int
    began_by: str
    how: str
    ended_ms: int | None
    ended_by: str


def _shown(state: ZoneState) -> EmergencyOut:
    ended = state.ended
    return EmergencyOut(
        zone=state.zone,
        label=Words(zh=state.label.zh, en=state.label.en),
        cause=state.cause,
        began_ms=state.began_ms,
        began_by=state.began_by,
        how=ended.how if ended else "",
        ended_ms=ended.ended_ms if ended else None,
        ended_by=ended.ended_by if ended else "",
    )


@router.get("/emergencies")
def emergencies(context: Reader) -> list[EmergencyOut]:
    """What stands, the worst first, then what ended within the last hour."""
    with context.store.reading() as connection:
        return [_shown(state) for state in list_zone_states(connection, context.clock())]
