"""What the page of a device shows of its points, and the form that corrects where they stand."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from cloud.commands.pages import NOTHING_DONE
from cloud.devices.views import DeviceView
from cloud.points.place import Placement, PointService
from cloud.points.zone_store import zone_labels
from cloud.web import errors
from cloud.web.context import service
from cloud.web.domain import Panel, Visit, no_pieces, one_piece
from cloud.web.forms import NOT_RIGHT, Fields, Mechanic
from cloud.web.pages import see_other
from cloud.web.rejected import Rejected


def _places(visit: Visit, device: DeviceView) -> dict[str, Any]:
    points = [(point.name, point.label, point.zone_name, point.class_name) for point in device.points]
    return {"zones": zone_labels(visit.connection), "shape": (points, device.unplaced)}


PANELS = (
    Panel("device", 20, "_device_points.html", pieces=one_piece("device-points", "_device_points.html")),
    Panel("device", 40, "_place_form.html", _places, no_pieces),
)

router = APIRouter()


@router.post("/devices/{name}/points")
def place(
    request: Request,
    name: str,
    login: Mechanic,
    points: Annotated[PointService, Depends(service(PointService))],
    fields: Fields,
) -> Response:
    wanted = Placement(*(fields.get(key, "") for key in ("zone", "class", "label_zh", "label_en")))
    try:
        points.place(login.operator.name, name, fields.get("point", ""), wanted)
    except Rejected as wrong:
        return errors.page(request, wrong.status, NOTHING_DONE, wrong.text)
    except ValueError:  # a field that is not what it should be
        return errors.page(request, 422, NOTHING_DONE, NOT_RIGHT)
    return see_other(f"/devices/{name}?done=point")
