"""What the page of a point says of its PIN and assurance, with the form that changes them."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from cloud.commands.store import PointState
from cloud.hours.store import hours_labels
from cloud.points.demands import DemandService, PointDemand, find_demand
from cloud.points.rule import Assured
from cloud.web.auth import Right
from cloud.web.context import N_, RequestContext, form_for, service
from cloud.web.domain import Panel, Visit
from cloud.web.forms import REJECTED, Fields, attempt

ASSURANCES: Mapping[str, str] = {
    Assured.NUMBER: N_("Any: cards, codes and plates"),
    Assured.COPYABLE: N_("A card or fob, no code and no plate"),
    Assured.CARD: N_("A card that is hard to copy"),
    Assured.SIGNED: N_("Only what answers with a signature"),
}

Administrator = Annotated[RequestContext, Depends(form_for(Right.SETUP))]
Demands = Annotated[DemandService, Depends(service(DemandService))]

router = APIRouter()


@router.post("/points/{name}/demand")
def demand(name: str, context: Administrator, demands: Demands, fields: Fields) -> Response:
    def act() -> None:
        asked = PointDemand(fields.get("pin", ""), Assured(fields.get("assurance", "")))
        demands.demand(context.by, name, asked)

    return attempt(context, act, f"/points/{name}?mode=asked", REJECTED)


def _demand(visit: Visit, point: PointState) -> Mapping[str, object] | None:
    found = find_demand(visit.connection, point.name)
    if found is None:
        return None
    return {"demand": found, "hours": hours_labels(visit.connection), "assurances": ASSURANCES}


PANELS = (Panel("point", 30, "_point_demand.html", _demand),)
