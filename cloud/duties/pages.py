"""The page of cells and duties: who answers for what, and who may be rung when."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response
from msgspec import Struct, ValidationError, convert, to_builtins

from cloud.devices.registry import site_of
from cloud.duties.rule import Cell, Duty, listed_names
from cloud.duties.service import DutyService
from cloud.duties.store import list_cells, list_duties
from cloud.hours.store import hours_labels
from cloud.store.labels import Label
from cloud.web.auth import Right
from cloud.web.context import N_, Reading, RequestContext, Said, form_for, service
from cloud.web.domain import Nav, NavGroup
from cloud.web.forms import NOT_RIGHT, NOTHING_TYPED, Fields, attempt
from cloud.web.names import clean_text
from cloud.web.rejected import Rejected

R = TypeVar("R", bound=Struct)

DONE: Mapping[str, str] = {
    "cell": N_("The cell is saved."),
    "duty": N_("The duty is saved."),
    "removed": N_("Removed."),
}
MAX_LABEL = 60
WRONG: Mapping[type[Exception], str] = {Rejected: "", ValidationError: NOT_RIGHT, ValueError: NOT_RIGHT}

Writer = Annotated[RequestContext, Depends(form_for(Right.SETUP))]
Duties = Annotated[DutyService, Depends(service(DutyService))]

router = APIRouter(prefix="/duties")
NAV = (Nav(NavGroup.ESTATE, "/duties", N_("Cells and duties")),)


@router.get("")
def duties(context: Reading, done: str = "") -> HTMLResponse:
    return duties_page(context, context.confirm(DONE, done))


def duties_page(
    context: RequestContext, said: Said | None, *, typed: Mapping[str, str] = NOTHING_TYPED
) -> HTMLResponse:
    """``typed`` is what a form holds that was refused, and as ``form`` which one it is."""
    with context.store.reading() as connection:
        site = site_of(connection).name
        cells, listed, hours = list_cells(connection, site), list_duties(connection, site), hours_labels(connection)
    return context.render(
        "duties.html",
        said=said,
        cells=cells,
        duties=listed,
        hours=hours,
        fields_of=_fields_of,
        typed=typed,
    )


def _fields_of(row: Cell | Duty) -> dict[str, str]:
    """A row as its form holds it."""
    values = to_builtins(row)
    label = values.pop("label")
    texts = {key: value if isinstance(value, str) else ", ".join(value) for key, value in values.items()}
    return {**texts, "label_zh": label["zh"], "label_en": label["en"]}


@router.post("/cells")
def put_cell(context: Writer, duties: Duties, fields: Fields) -> Response:
    def act() -> None:
        listed = {key: listed_names(fields.get(key, "")) for key in ("units", "points", "operators")}
        duties.put_cell(context.by, _row(Cell, fields, **listed))

    again = partial(duties_page, context, typed={**fields, "form": "cell"})
    return attempt(context, act, "/duties?done=cell", WRONG, again)


@router.post("/cells/{name}/remove")
def remove_cell(name: str, context: Writer, duties: Duties) -> Response:
    act = partial(duties.remove_cell, context.by, name)
    return attempt(context, act, "/duties?done=removed", WRONG, partial(duties_page, context))


@router.post("/duties")
def put_duty(context: Writer, duties: Duties, fields: Fields) -> Response:
    def act() -> None:
        operators = listed_names(fields.get("operators", ""))
        duties.put_duty(context.by, _row(Duty, fields, hours=fields.get("hours", ""), operators=operators))

    again = partial(duties_page, context, typed={**fields, "form": "duty"})
    return attempt(context, act, "/duties?done=duty", WRONG, again)


@router.post("/duties/{name}/remove")
def remove_duty(name: str, context: Writer, duties: Duties) -> Response:
    act = partial(duties.remove_duty, context.by, name)
    return attempt(context, act, "/duties?done=removed", WRONG, partial(duties_page, context))


def _row(kind: type[R], fields: Mapping[str, str], **values: object) -> R:
    """Raises ``ValueError``, msgspec's among them."""
    name = fields.get("name", "").strip()
    zh, en = (clean_text(fields.get(key, ""), MAX_LABEL) for key in ("label_zh", "label_en"))
    label = Label(zh, en).named(name)
    return convert({"name": name, "label": {"zh": label.zh, "en": label.en}, **values}, kind)
