"""The routes of `/api/v1` about emergencies: what stands, what was over a moment ago."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from cloud.emergencies.store import ZoneState, list_zone_states
from cloud.web.bodies import Words, plain
from cloud.web.context import Context
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


def _json(state: ZoneState) -> dict[str, Any]:
    ended = state.ended
    shown = {name: value for name, value in plain(state).items() if name in EmergencyOut.model_fields}
    over = {"how": ended.how, "ended_ms": ended.ended_ms, "ended_by": ended.ended_by} if ended else {}
    return {"how": "", "ended_ms": None, "ended_by": "", **shown, **over}


@router.get("/emergencies", response_model=list[EmergencyOut])
def emergencies(_login: Reader, context: Context) -> list[dict[str, Any]]:
    """What stands, the worst first, then what ended within the last hour."""
    with context.store.reading() as connection:
        return [_json(state) for state in list_zone_states(connection, context.clock())]
