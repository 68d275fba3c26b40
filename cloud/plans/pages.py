"""The pages of plans: all of them, and one with its editor."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from cloud.devices.registry import site_of
from cloud.flats.rule import HOME, OWN_FLOOR
from cloud.hours.rule import ALWAYS_NAME
from cloud.hours.store import hours_labels
from cloud.people.plans import Plan
from cloud.people.store import list_plans
from cloud.plans.form import FREE_ROWS, MAX_ROWS, form_of, read_plan, rows_in
from cloud.plans.service import PlanService
from cloud.plans.store import holders_of
from cloud.points.setup_store import class_labels
from cloud.points.zone_store import view_zones
from cloud.quantities.words import PERIODS, UNITS
from cloud.setup.document import BadSetup
from cloud.setup.service import NeedsAccept, Outdated, Preview
from cloud.store.labels import Label
from cloud.web.auth import Right
from cloud.web.context import N_, ReadingConfig, RequestContext, Said, form_for, or_404, service
from cloud.web.domain import Nav, NavGroup
from cloud.web.forms import NOT_RIGHT, NOTHING_TYPED, Fields
from cloud.web.pages import see_other
from cloud.web.rejected import Rejected
from contract.decide import Tier

DONE: Mapping[str, str] = {
    "made": N_(
        "The plan is added. It opens nothing yet: choose its hours below, then give it to people on their pages."
    ),
    "changed": N_("Changed. Online doors apply it within a second, offline ones when they reconnect."),
    "removed": N_("The plan is removed."),
}
GRAVE = N_("This change is grave: read whom it concerns, then save it with the code below. Nothing was changed yet.")
MEANWHILE = N_("Somebody else has changed the setup meanwhile: look again. Nothing was changed.")
TIERS: Mapping[str, str] = {
    Tier.FOUNDER: N_("Founder"),
    Tier.STAFF: N_("Staff"),
    Tier.RESIDENT: N_("Resident"),
    Tier.MEMBER: N_("Member"),
    Tier.RIDER: N_("Rider"),
    Tier.GUEST: N_("Guest"),
}
RELATIVE = {HOME: N_("Home: own unit, own garage"), OWN_FLOOR: N_("Own floor of the lift")}
"""Zones that are others for each flat, as the editor calls them."""

Writer = Annotated[RequestContext, Depends(form_for(Right.SETUP))]
Plans = Annotated[PlanService, Depends(service(PlanService))]

router = APIRouter(prefix="/plans")
NAV = (Nav(NavGroup.ESTATE, "/plans", N_("Plans"), right=Right.CONFIG),)


@router.get("")
def plans(context: ReadingConfig, done: str = "") -> HTMLResponse:
    return plans_page(context, context.confirm(DONE, done))


def plans_page(context: RequestContext, said: Said | None, *, typed: Mapping[str, str] = NOTHING_TYPED) -> HTMLResponse:
    with context.store.reading() as connection:
        listed = list_plans(connection)
        held = {plan.name: holders_of(connection, plan.name).count for plan in listed}
        zones = {zone.name: zone.label for zone in view_zones(connection)}
        hours = hours_labels(connection)
    return context.render(
        "plans.html",
        said=said,
        plans=listed,
        held=held,
        zones=zones,
        hours=hours,
        tiers=TIERS,
        relative=RELATIVE,
        typed=typed,
    )


@router.get("/{name}")
def plan(name: str, context: ReadingConfig, done: str = "") -> HTMLResponse:
    return plan_page(context, name, context.confirm(DONE, done))


def plan_page(
    context: RequestContext,
    name: str,
    said: Said | None,
    *,
    typed: Mapping[str, str] = NOTHING_TYPED,
    wanted: Preview | None = None,
) -> HTMLResponse:
    """``typed`` is what the form holds that was refused, ``wanted`` what it would change if it is grave."""
    with context.store.reading() as connection:
        found = or_404(next((plan for plan in list_plans(connection) if plan.name == name), None))
        zones, hours = view_zones(connection), hours_labels(connection)
        holders, classes = holders_of(connection, name), class_labels(connection, site_of(connection).name)
    fields = typed or form_of(found)
    return context.render(
        "plan.html",
        said=said,
        plan=found,
        fields=fields,
        preview=wanted,
        zones=[(zone.name, zone.label, zone.points) for zone in zones],
        hours=hours,
        holders=holders,
        tiers=TIERS,
        relative=RELATIVE,
        rows=[*rows_in(fields), *({} for _ in range(FREE_ROWS))][:MAX_ROWS],
        classes=classes,
        units=UNITS,
        periods=PERIODS,
        always=ALWAYS_NAME,
    )


@router.post("")
def make(context: Writer, plans: Plans, fields: Fields) -> Response:
    again = partial(plans_page, context, typed=fields)
    name = fields.get("name", "").strip()
    label = Label(fields.get("label_zh", ""), fields.get("label_en", "")).named(name)
    new = Plan(name, Tier.MEMBER, 0, None, {}, label)
    return _answer(context, lambda: plans.make(context.by, new), f"/plans/{name}?done=made", again)


@router.post("/{name}")
def change(name: str, context: Writer, plans: Plans, fields: Fields) -> Response:
    with context.store.reading() as connection:
        before = or_404(next((plan for plan in list_plans(connection) if plan.name == name), None))
    try:
        new = read_plan(name, fields, before)
    except Rejected as wrong:
        return plan_page(context, name, context.say("bad", wrong.sentence), typed=fields)
    except ValueError:
        return plan_page(context, name, context.say("bad", NOT_RIGHT), typed=fields)
    act = partial(plans.change, context.by, new, fields.get("accept", ""))
    again = partial(plan_page, context, name, typed=fields)
    return _answer(context, act, f"/plans/{name}?done=changed", again, grave=True)


@router.post("/{name}/remove")
def remove(name: str, context: Writer, plans: Plans, fields: Fields) -> Response:
    act = partial(plans.remove, context.by, name, fields.get("accept", ""))
    return _answer(context, act, "/plans?done=removed", partial(plan_page, context, name), grave=True)


def _answer(
    context: RequestContext,
    act: Callable[[], Preview],
    then: str,
    again: Callable[..., Response],
    *,
    grave: bool = False,
) -> Response:
    """Does what a form asks for, and leads on; or shows the form again with what is wrong with it."""
    try:
        act()
    except Rejected as wrong:
        return again(context.say("bad", wrong.sentence))
    except BadSetup as wrong:
        return again(context.say("bad", wrong.problems[0]))
    except Outdated:
        return again(context.say("bad", MEANWHILE))
    except NeedsAccept as wants:
        shown = {"wanted": wants.preview} if grave else {}
        return again(context.say("bad", GRAVE), **shown)
    return see_other(then)
