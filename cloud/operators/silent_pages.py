"""The page of silent alarms: who passed under duress, for administrators only."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse

from cloud.operators.silent_alarms import SilentAlarmService
from cloud.web.context import N_, RequestContext, page_for, service
from cloud.web.domain import Nav, NavGroup
from cloud.web.params import Cursor
from cloud.web.roles import Right

Looking = Annotated[RequestContext, Depends(page_for(Right.SILENT))]
Alarms = Annotated[SilentAlarmService, Depends(service(SilentAlarmService))]

router = APIRouter()
NAV = (Nav(NavGroup.OFFICE, "/silent-alarms", N_("Silent alarms"), right=Right.SILENT),)


@router.get("/silent-alarms")
def silent_alarms(context: Looking, alarms: Alarms, before: Cursor = None) -> HTMLResponse:
    return context.render("silent_alarms.html", page=alarms.look(context.by, before))
