"""Where the points of a device stand and what their use is rationed as: one way for console and API, with its row in
the audit.
"""

import re
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlalchemy import select

from cloud.devices.views import list_devices
from cloud.points.store import add_point, set_point
from cloud.points.zone_store import zone_labels
from cloud.store.schema import points
from cloud.web import operators
from cloud.web.auth import Right
from cloud.web.bodies import Shown, Strict
from cloud.web.context import N_, Context, RequestContext, call_for
from cloud.web.operators import Login, Operator
from cloud.web.rejected import Rejected
from contract.topics import NAME

NO_DEVICE = N_("There is no such device. Nothing was changed.")
NO_ZONE = N_("There is no such zone. Nothing was changed.")
NO_NAME = N_(
    "A point is called as in its device's wiring: lower-case letters, digits and hyphens. Nothing was changed."
)
ELSEWHERE = N_("Another device has a point of this name. Nothing was changed.")

Mechanic = Annotated[Login, Depends(call_for(Right.DEVICES))]

router = APIRouter(prefix="/api/v1")


class PlaceIn(Strict):
    """Where a point stands, and the ``class`` by which plans ration its use; without one it is a door. An empty label
    leaves the one it has."""

    zone: str = Field(min_length=1, max_length=40)
    class_name: str = Field("", alias="class", max_length=40, pattern=rf"^({NAME})?$")
    label_zh: Shown = Field("", max_length=60)
    label_en: Shown = Field("", max_length=60)


def place_point(context: RequestContext, by: Operator, device: str, point: str, place: PlaceIn) -> None:
    """Correct a point, or write down one that the cloud does not know yet. Raises ``Rejected``."""
    if not re.fullmatch(NAME, point):
        raise Rejected(NO_NAME, "point")
    with context.store.writing() as connection:
        if not list_devices(connection, device):
            raise Rejected(NO_DEVICE, "device", 404)
        if place.zone not in zone_labels(connection):
            raise Rejected(NO_ZONE, "zone")
        stands = connection.execute(select(points).where(points.c.name == point)).one_or_none()
        if stands is not None and stands.device != device:
            raise Rejected(ELSEWHERE, "point", 409)
        known = (point, point) if stands is None else (stands.label_zh, stands.label_en)
        labels = place.label_zh or known[0], place.label_en or known[1]
        if stands is None:
            add_point(connection, point, device, place.zone, *labels, place.class_name)
        else:
            set_point(connection, point, place.zone, place.class_name, labels)
        detail = {"zone": place.zone, "class": place.class_name}
        operators.record(connection, context.clock(), by.name, "point.changed", point, **detail)


@router.put("/devices/{name}/points/{point}", status_code=204)
def place(name: str, point: str, body: PlaceIn, login: Mechanic, context: Context) -> None:
    """Correct where a point stands and what it is rationed as, or add one that its device names."""
    place_point(context, login.operator, name, point, body)
