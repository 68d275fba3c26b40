"""A resident's own data: all of it as a file, and the wish that it be erased; and the office's list of these wishes."""

from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form
from fastapi.responses import HTMLResponse, Response

from cloud.devices.registry import site_of
from cloud.phones.erasure import MAX_SAID, ErasureService, list_requests
from cloud.phones.own_data import as_csv, as_json, own_lines
from cloud.phones.visit import PATH, PhoneForm, PhoneVisit, Visiting
from cloud.web.context import N_, RequestContext, Said, page_for, service
from cloud.web.domain import Nav, NavGroup
from cloud.web.forms import REJECTED, Clerk, Fields, attempt
from cloud.web.names import UnclearName
from cloud.web.params import Id
from cloud.web.rejected import Rejected
from cloud.web.roles import Right

DONE: Mapping[str, str] = {"asked": N_("Your request is with the office. The answer stands here.")}
MEDIA = {"json": "application/json", "csv": "text/csv; charset=utf-8"}

Erasures = Annotated[ErasureService, Depends(service(ErasureService))]
Looking = Annotated[RequestContext, Depends(page_for(Right.DIRECTORY))]

router = APIRouter()
NAV = (Nav(NavGroup.OFFICE, "/erasure-requests", N_("Requests to erase"), right=Right.DIRECTORY),)


@router.get(f"{PATH}/data")
def data(visit: Visiting, done: str = "") -> HTMLResponse:
    return _data_page(visit, visit.confirm(DONE, done))


@router.get(f"{PATH}/data.{{kind}}")
def download(kind: Literal["json", "csv"], visit: Visiting) -> Response:
    with visit.store.reading() as connection:
        lines = own_lines(connection, visit.site, visit.person, visit.language, visit.now_ms)
    headers = {"Content-Disposition": f'attachment; filename="my-data.{kind}"'}
    return Response((as_json if kind == "json" else as_csv)(lines), media_type=MEDIA[kind], headers=headers)


@router.post(f"{PATH}/data/erase")
def erase(visit: PhoneForm, erasures: Erasures, said: Annotated[str, Form(max_length=4 * MAX_SAID)] = "") -> Response:
    def act() -> None:
        erasures.ask(visit.phone.person, said)

    def again(wrong: Said) -> Response:
        return _data_page(visit, wrong, typed=said)

    return visit.attempt(act, f"{PATH}/data?done=asked", again, (Rejected, UnclearName))


def _data_page(visit: PhoneVisit, said: Said | None, typed: str = "") -> HTMLResponse:
    with visit.store.reading() as connection:
        requests = list_requests(connection, visit.site, visit.phone.person)
    return visit.render("me_data.html", said=said, requests=requests, typed=typed)


@router.get("/erasure-requests")
def requests(context: Looking) -> HTMLResponse:
    return _requests_page(context, None)


@router.post("/erasure-requests/{request}/answer")
def answer(request: Id, context: Clerk, erasures: Erasures, fields: Fields) -> Response:
    def act() -> None:
        erasures.answer(context.by, request, fields.get("answer", ""))

    def again(said: Said) -> Response:
        return _requests_page(context, said, typed={request: fields.get("answer", "")})

    return attempt(context, act, "/erasure-requests", REJECTED, again)


def _requests_page(context: RequestContext, said: Said | None, typed: Mapping[int, str] | None = None) -> HTMLResponse:
    with context.store.reading() as connection:
        listed = list_requests(connection, site_of(connection).name)
    return context.render("erasure_requests.html", said=said, requests=listed, typed=typed or {})
