"""The page before a change is made: what the last month would have looked like under it."""

from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from cloud.hours.pages import one_page, read_fields
from cloud.hours.setup_tables import HoursRow, row_of
from cloud.people.plans import Plan
from cloud.people.store import list_plans
from cloud.plans.form import read_plan
from cloud.plans.pages import MEANWHILE, plan_page
from cloud.points.store import point_labels
from cloud.replay.service import LastMonthService, TriedChange
from cloud.setup.document import BadSetup
from cloud.setup.pages import MAX_PAGE_BYTES, NO_FILE, Sent, preview
from cloud.setup.service import Outdated, SetupService, Tried
from cloud.web.context import N_, RequestContext, form_for, or_404, page_for, service
from cloud.web.errors import page
from cloud.web.forms import NOT_RIGHT, NOTHING_DONE, Fields
from cloud.web.pages import see_other
from cloud.web.rejected import Rejected
from cloud.web.roles import Right

Looking = Annotated[RequestContext, Depends(page_for(Right.PEOPLE))]
Trying = Annotated[RequestContext, Depends(form_for(Right.PEOPLE))]
TryingSetup = Annotated[RequestContext, Depends(form_for(Right.SETUP))]
Setup = Annotated[SetupService, Depends(service(SetupService))]
Months = Annotated[LastMonthService, Depends(service(LastMonthService))]

router = APIRouter(prefix="/last-month", max_body_size=2 * MAX_PAGE_BYTES)


@router.post("/setup")
def try_setup(context: TryingSetup, setup: Setup, months: Months, sent: Sent) -> Response:
    """A setup as the settings page sends it."""
    if sent is None:
        return page(context.request, 422, NOTHING_DONE, NO_FILE)
    again = partial(preview, setup=setup, sent=sent)
    change = TriedChange(N_("Settings"), sent.called, "/settings", again)
    return _begin(context, months, change, lambda: setup.try_out(sent, context.by))


@router.post("/plans/{name}")
def try_plan(name: str, context: TryingSetup, setup: Setup, months: Months, fields: Fields) -> Response:
    """A plan as its editor sends it."""
    with context.store.reading() as connection:
        before = or_404(next((plan for plan in list_plans(connection) if plan.name == name), None))

    def tried() -> Tried:
        return setup.try_rows(context.by, Plan, {name: read_plan(name, fields, before)})

    again = partial(plan_page, name=name, said=None, typed=fields)
    return _begin(context, months, TriedChange(N_("Plan"), name, f"/plans/{name}", again), tried)


@router.post("/hours/{name}")
def try_hours(name: str, context: Trying, setup: Setup, months: Months, fields: Fields) -> Response:
    """Hours as their editor sends them."""

    def tried() -> Tried:
        return setup.try_rows(context.by, HoursRow, {name: row_of(read_fields(name, fields))})

    again = partial(one_page, name=name, said=None, typed=fields)
    return _begin(context, months, TriedChange(N_("Hours"), name, f"/hours/{name}", again), tried)


def _begin(
    context: RequestContext, months: LastMonthService, change: TriedChange, tried: Callable[[], Tried]
) -> Response:
    try:
        return see_other(f"/last-month/{months.begin(context.by, change, tried())}")
    except Rejected as wrong:
        text: str = wrong.sentence
    except BadSetup as wrong:
        text = wrong.problems[0]
    except Outdated:
        text = MEANWHILE
    except ValueError:
        text = NOT_RIGHT
    return page(context.request, 422, NOTHING_DONE, text, back=change.back)


@router.get("/{code}")
def last_month(code: str, context: Looking, months: Months) -> HTMLResponse:
    """Each look goes on a little, and the browser looks again until it is done."""
    found = or_404(months.look(context.by, code))
    with context.store.reading() as connection:
        labels = point_labels(connection)
    shows_names = Right.MOVEMENTS in context.login.rights
    answer = context.render("last_month.html", run=code, month=found, labels=labels, shows_names=shows_names)
    if not found.is_done:
        answer.headers["Refresh"] = "0"
    return answer


@router.get("/{code}/change")
def tried_change(code: str, context: Looking, months: Months) -> Response:
    """The change as it was typed: there it is made. Whoever looks no more at the replay has ended it."""
    return or_404(months.change_of(context.by, code)).again(context)
