"""The page of cases, and what is done about one."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from cloud.cases.panels import find_cases
from cloud.cases.rule import Action
from cloud.cases.service import CaseService
from cloud.web.context import N_, ReadingZone, RequestContext, Said, service
from cloud.web.domain import Nav, NavGroup
from cloud.web.forms import REJECTED, Fields, Guard, attempt
from cloud.web.panels import render_panels
from cloud.web.params import Id
from cloud.web.query import PanelsOf
from cloud.web.roles import Part

DONE: Mapping[str, str] = {
    "accept": N_("You have this case now."),
    "assign": N_("The case is given on."),
    "solve": N_("The case is closed."),
}

CaseServices = Annotated[CaseService, Depends(service(CaseService))]

router = APIRouter(prefix="/cases")
NAV = (Nav(NavGroup.DAILY, "/cases", N_("Cases"), after="/doors", parts=(Part.ZONE,)),)


@router.get("", dependencies=[Depends(PanelsOf("cases"))])
def cases(context: ReadingZone, done: str = "") -> HTMLResponse:
    return cases_page(context, context.confirm(DONE, done))


def cases_page(context: RequestContext, said: Said | None) -> HTMLResponse:
    return render_panels(context, "cases", find_cases, lambda _: {"title": N_("Cases")}, live=True, said=said)


@router.post("/{case}/{action}")
def act(case: Id, action: Action, context: Guard, case_service: CaseServices, fields: Fields) -> Response:
    said = {"note": fields.get("note", ""), "assignee": fields.get("assignee", "")}
    step = partial(case_service.act, context.by, case, action, **said)
    return attempt(context, step, f"/cases?done={action}", REJECTED, partial(cases_page, context))
