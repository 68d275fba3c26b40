"""The routes of `/api/v1` about flats."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from msgspec import Struct
from pydantic import Field

from cloud.devices.registry import site_of
from cloud.flats.residents import FlatView, with_residents
from cloud.flats.rule import MAX_AREA_M2, MAX_FLOOR, Flat, Tenure
from cloud.flats.service import MAX_NAME, MAX_PART, FlatService
from cloud.flats.store import find_flat, list_flats
from cloud.web.bodies import Shown, Strict, answer_of
from cloud.web.context import or_404, service
from cloud.web.params import Clerk, DirectoryReader, Limit, Text

Flats = Annotated[FlatService, Depends(service(FlatService))]
Part = Annotated[str, Query(max_length=MAX_PART)]
After = Annotated[str, Query(max_length=MAX_NAME)]

router = APIRouter(prefix="/api/v1")


class FlatIn(Strict):
    """What is known of a flat."""

    building: Shown = Field("", max_length=MAX_PART)
    unit: Shown = Field("", max_length=MAX_PART)
    floor: int | None = Field(None, ge=-MAX_FLOOR, le=MAX_FLOOR)
    flat: Shown = Field("", max_length=MAX_PART)
    area_m2: float | None = Field(None, gt=0, le=MAX_AREA_M2)
    tenure: Tenure = Tenure.UNKNOWN
    vacant: bool = False


class NewFlatIn(FlatIn):
    """A flat that is new. Without a name it is called by building, unit and number."""

    name: Shown = Field("", max_length=MAX_NAME)


class FlatPage(Struct, frozen=True):
    """Flats of one page of a list. ``next`` is the cursor of the next page, None at the end."""

    flats: list[FlatView]
    next: str | None


class Named(Struct, frozen=True):
    name: str


@router.get("/flats", response_model=answer_of(FlatPage))
def flats(
    context: DirectoryReader,
    building: Part = "",
    unit: Part = "",
    text: Text = "",
    after: After = "",
    limit: Limit = 50,
) -> FlatPage:
    """Flats by name, with who lives there now."""
    with context.store.reading() as connection:
        site = site_of(connection).name
        listed = list_flats(connection, site, building=building, unit=unit, text=text, after=after, limit=limit + 1)
        views = with_residents(connection, site, listed[:limit], context.clock())
    return FlatPage(views, listed[limit - 1].name if len(listed) > limit else None)


@router.post("/flats", status_code=201, response_model=answer_of(Named))
def add_flat(body: NewFlatIn, context: Clerk, flat_service: Flats) -> Named:
    return Named(flat_service.add(context.by, Flat(**body.model_dump())))


@router.get("/flats/{name:path}", response_model=answer_of(FlatView))
def flat(name: str, context: DirectoryReader) -> FlatView:
    with context.store.reading() as connection:
        site = site_of(connection).name
        found = or_404(find_flat(connection, site, name), "there is no such flat")
        return with_residents(connection, site, [found], context.clock())[0]


@router.delete("/flats/{name:path}", status_code=204)
def remove_flat(name: str, context: Clerk, flat_service: Flats) -> None:
    """Take a flat away that nobody lives in and that no point is for."""
    flat_service.remove(context.by, name)


@router.put("/flats/{name:path}", status_code=204)
def change_flat(name: str, body: FlatIn, context: Clerk, flat_service: Flats) -> None:
    """Correct a flat: all of its fields are put in the place of those before."""
    flat_service.change(context.by, Flat(name, **body.model_dump()))
