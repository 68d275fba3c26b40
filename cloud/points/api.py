"""The routes of `/api/v1` that correct where a point stands, and say what it asks for."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from cloud.flats.rule import MAX_FLOOR
from cloud.points.demands import DemandService, PointDemand
from cloud.points.place import MAX_LABEL, MAX_UNIT, Placement, PointService
from cloud.points.rule import Assured
from cloud.web.bodies import Shown, Strict
from cloud.web.context import RequestContext, call_for, service
from cloud.web.params import Mechanic
from cloud.web.roles import Right
from contract.topics import NAME

Administrator = Annotated[RequestContext, Depends(call_for(Right.SETUP))]

router = APIRouter(prefix="/api/v1")


class PlaceIn(Strict):
    """Where a point stands, and the ``class`` by which plans ration its use; without one it is a door. An empty label
    leaves the one it has. ``unit``, ``floor`` and ``flat`` say which flats alone it serves, if it serves some only."""

    zone: str = Field(min_length=1, max_length=40)
    class_name: str = Field("", alias="class", max_length=40, pattern=rf"^({NAME})?$")
    label_zh: Shown = Field("", max_length=MAX_LABEL)
    label_en: Shown = Field("", max_length=MAX_LABEL)
    unit: Shown = Field("", max_length=MAX_UNIT)
    floor: int | None = Field(None, ge=-MAX_FLOOR, le=MAX_FLOOR)
    flat: Shown = Field("", max_length=MAX_UNIT)


@router.put("/devices/{name}/points/{point}", status_code=204)
def place(
    name: str,
    point: str,
    body: PlaceIn,
    context: Mechanic,
    points: Annotated[PointService, Depends(service(PointService))],
) -> None:
    """Correct where a point stands and what it is rationed as, or add one that its device names."""
    points.place(context.by, name, point, Placement(**body.model_dump()))


class DemandIn(Strict):
    """The hours in which the point asks for a PIN, empty for none, and what a credential must be at least."""

    pin: str = Field("", max_length=40, pattern=rf"^({NAME})?$")
    assurance: Assured = Assured.NUMBER


@router.put("/points/{point}/demand", status_code=204)
def demand(
    point: str,
    body: DemandIn,
    context: Administrator,
    demands: Annotated[DemandService, Depends(service(DemandService))],
) -> None:
    """At a resident's home neither is asked."""
    demands.demand(context.by, point, PointDemand(body.pin, body.assurance))
