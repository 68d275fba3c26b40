"""The guard's page, and what it leads to: a flat that is rung, a plate or a code that is looked up."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from cloud.devices.registry import site_of
from cloud.gatehouse.lookup import look_up
from cloud.gatehouse.panels import find_gatehouse
from cloud.gatehouse.rule import ANSWER_WORDS, EntryCause, FlatAnswer
from cloud.gatehouse.service import GatehouseService, gates
from cloud.permits.rule import day_of
from cloud.permits.words import STATE_WORDS
from cloud.web.context import N_, RequestContext, Said, page_for, service
from cloud.web.domain import Nav, NavGroup
from cloud.web.forms import REJECTED, Fields, Guard, attempt, number_in
from cloud.web.pages import with_query
from cloud.web.panels import render_panels
from cloud.web.params import Id, Text
from cloud.web.query import PanelsOf
from cloud.web.rejected import Rejected
from cloud.web.roles import Right

DONE: Mapping[str, str] = {
    "held": N_("Sent: the gates are held open. What came is asked below, when there is time."),
    "explained": N_("Noted what it was."),
    "key-out": N_("Noted who took the key."),
    "key-back": N_("Noted that the key is back."),
    "rung": N_("Noted what the flat said."),
}
WHY_HELD = N_("An emergency vehicle")
NOTHING_FOUND = N_("No flat and no permit of today is called so: write a flat as it is listed, or a whole plate.")
NO_SUCH_CODE = N_("No permit that counts now has this code. Ask which flat they come to, and ring it.")

Gatehouses = Annotated[GatehouseService, Depends(service(GatehouseService))]
AtGate = Annotated[RequestContext, Depends(page_for(Right.DOORS))]

router = APIRouter(prefix="/guard")
NAV = (Nav(NavGroup.DAILY, "/guard", N_("Gate"), right=Right.DOORS),)


@router.get("", dependencies=[Depends(PanelsOf("guard"))])
def guard_page(context: AtGate, done: str = "") -> HTMLResponse:
    return _page(context, context.confirm(DONE, done))


@router.get("/find")
def find(context: AtGate, text: Text = "", done: str = "") -> HTMLResponse:
    """Flats of that name, each to be rung, and permits of today by plate."""
    return _found_page(context, text, context.confirm(DONE, done))


@router.post("/rung")
def rung(context: Guard, gatehouse: Gatehouses, fields: Fields) -> Response:
    """What the flat said. Whoever it said yes to gets a permit, and the page with its code."""
    flat, back = fields.get("flat", ""), partial(_found_page, context, fields.get("flat", ""))

    def act() -> str:
        answer = FlatAnswer(fields.get("answer", ""))
        if answer is not FlatAnswer.YES:
            return with_query("/guard/find", {}, text=gatehouse.note_answer(context.by, flat, answer), done="rung")
        headcount = number_in(fields, "headcount") if "headcount" in fields else 1
        drawn = gatehouse.let_in(context.by, flat, fields.get("name", ""), headcount)
        return f"/permits/{drawn.permit}/drawn"

    return attempt(context, act, str, REJECTED, back)


@router.post("/code")
def check_code(context: Guard, gatehouse: Gatehouses, fields: Fields) -> Response:
    """The permit whose code a visitor says. The code stands in no address, and in no answer."""
    try:
        view = gatehouse.find_by_code(context.by, fields.get("code", ""))
    except Rejected as rejected:
        return _page(context, context.say("bad", rejected.sentence))
    if view is None:
        return _page(context, context.say("bad", NO_SUCH_CODE))
    with context.store.reading() as connection:
        doors = gates(connection, context.clock())
    return context.render("guard_code.html", view=view, gates=doors, states=STATE_WORDS)


@router.post("/emergency")
def let_help_in(context: Guard, gatehouse: Gatehouses) -> Response:
    reason = context.language.say(WHY_HELD)
    return _attempt(context, lambda: gatehouse.let_help_in(context.by, reason), "held")


@router.post("/emergency/{entry}")
def say_cause(entry: Id, context: Guard, gatehouse: Gatehouses, fields: Fields) -> Response:
    return _attempt(
        context, lambda: gatehouse.say_cause(context.by, entry, EntryCause(fields.get("cause", ""))), "explained"
    )


@router.post("/keys")
def give_key(context: Guard, gatehouse: Gatehouses, fields: Fields) -> Response:
    asked = [fields.get(name, "") for name in ("key", "taken_by", "why")]
    return _attempt(context, lambda: gatehouse.give_key(context.by, *asked), "key-out")


@router.post("/keys/{loan}/back")
def take_key_back(loan: Id, context: Guard, gatehouse: Gatehouses) -> Response:
    return _attempt(context, lambda: gatehouse.take_key_back(context.by, loan), "key-back")


def _attempt(context: RequestContext, act: Callable[[], object], done: str) -> Response:
    return attempt(context, act, f"/guard?done={done}", REJECTED, partial(_page, context))


def _page(context: RequestContext, said: Said | None) -> HTMLResponse:
    return render_panels(
        context, "guard", find_gatehouse, lambda _about: {"title": N_("Gatehouse")}, said=said, live=True
    )


def _found_page(context: RequestContext, text: str, said: Said | None = None) -> HTMLResponse:
    now_ms = context.clock()
    with context.store.reading() as connection:
        found = look_up(connection, site_of(connection).name, text.strip(), day_of(now_ms, context.pages.zone))
    if text and said is None and not found.any:
        said = context.say("bad", NOTHING_FOUND)
    words = {"answers": ANSWER_WORDS, "states": STATE_WORDS}
    return context.render("guard_find.html", said=said, status=200, text=text, found=found, **words)
