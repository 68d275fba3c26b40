"""What the page of a device shows of its points, and the form that corrects where they stand."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from cloud.devices.views import DeviceView
from cloud.points.place import Placement, PointService
from cloud.points.zone_store import zone_labels
from cloud.web.context import service
from cloud.web.domain import Panel, Visit, no_pieces, one_piece
from cloud.web.forms import REJECTED, Fields, Mechanic, attempt


def _places(visit: Visit, device: DeviceView) -> dict[str, Any]:
    points = [
        (point.name, point.label, point.zone_name, point.class_name, point.unit, point.floor, point.flat)
        for point in device.points
    ]
    return {"zones": zone_labels(visit.connection), "shape": (points, device.unplaced)}


PANELS = (
    Panel("device", 20, "_device_points.html", pieces=one_piece("device-points", "_device_points.html")),
    Panel("device", 40, "_place_form.html", _places, no_pieces),
)

router = APIRouter()


@router.post("/devices/{name}/points")
def place(
    name: str,
    context: Mechanic,
    points: Annotated[PointService, Depends(service(PointService))],
    fields: Fields,
) -> Response:
    def act() -> None:
        placement = Placement(
            fields.get("zone", ""),
            fields.get("class", ""),
            fields.get("label_zh", ""),
            fields.get("label_en", ""),
            unit=fields.get("unit", ""),
            floor=int(fields["floor"]) if "floor" in fields else None,
            flat=fields.get("flat", ""),
        )
        points.place(context.by, name, fields.get("point", ""), placement)

    return attempt(
        context,
        act,
        f"/devices/{name}?done=point",
        REJECTED,
    )
