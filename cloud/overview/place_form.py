"""The form of a device's page that corrects where its points stand, and what plans ration them as."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from cloud.overview.lists import device_page
from cloud.points.place import PlaceIn, place_point
from cloud.web.auth import Right
from cloud.web.context import Context, form_for
from cloud.web.forms import NOT_RIGHT, Fields, say
from cloud.web.operators import Login
from cloud.web.pages import see_other
from cloud.web.rejected import Rejected

FIELDS = ("zone", "class", "label_zh", "label_en")

Mechanic = Annotated[Login, Depends(form_for(Right.DEVICES))]

router = APIRouter()


@router.post("/devices/{name}/points")
def place(request: Request, name: str, login: Mechanic, context: Context, fields: Fields) -> Response:
    try:
        wanted = PlaceIn.model_validate({key: value for key, value in fields.items() if key in FIELDS})
        place_point(context, login.operator, name, fields.get("point", ""), wanted)
    except Rejected as wrong:
        return device_page(request, login, context, name, say(request, "bad", wrong.text))
    except ValueError:  # pydantic's own: a field that is not what it should be
        return device_page(request, login, context, name, say(request, "bad", NOT_RIGHT))
    return see_other(f"/devices/{name}?done=point")
