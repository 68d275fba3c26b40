"""The pages of enrolments at readers: one that waits for its card, and the desk's loop through people without one."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from cloud.cards.enrol import EnrolmentService
from cloud.cards.enrolment_store import (
    DeskLoop,
    EnrolmentView,
    buildings,
    cardless,
    find_enrolment,
    find_loop,
    last_enrolments,
)
from cloud.cards.pages import readers
from cloud.cards.rule import Recipient
from cloud.devices.registry import site_of
from cloud.people.pages import person_page
from cloud.web.context import N_, RequestContext, Said, page_for, service
from cloud.web.domain import LivePage, Panel, Piece, Visit
from cloud.web.forms import REJECTED, Clerk, Fields, attempt
from cloud.web.panels import render_panels
from cloud.web.params import Id, Text
from cloud.web.query import PanelsOf
from cloud.web.roles import Right
from contract.decide import Direction

PEOPLE_SHOWN = 50
DONE_SHOWN = 20

Enrolments = Annotated[EnrolmentService, Depends(service(EnrolmentService))]
Looking = Annotated[RequestContext, Depends(page_for(Right.PEOPLE))]

WHY: Mapping[str, str] = {
    "card_taken": N_("Somebody has this card already."),
    "card_void": N_("This card is void: take another one."),
    "no_answer": N_("The device has not answered in time. Try again."),
    "no_such_person": N_("Whoever the card was for is no longer listed."),
    "not_a_card": N_("The device sent something that is no card. Try again."),
    "undeliverable": N_("The device of this reader is offline."),
    "unknown": N_("The device did not confirm in time. Try again."),
    "done": N_("The device read the card, and its number did not arrive. Hold the card there again."),
}
"""Why there is no card, beside what a device says."""
STEPS: Mapping[str, str] = {
    "": N_("The reader is being asked to wait for a card…"),
    "open": N_("The reader waits. Hold the card to it."),
    "first_read": N_("The card was read once. Hold the same card there once more."),
    "read": N_("The card was read."),
}
DONE: Mapping[str, str] = {
    "undone": N_("Undone: nobody has that card, it lies in stock."),
}

router = APIRouter()


def _waiting(visit: Visit, found: EnrolmentView) -> Mapping[str, Any]:
    """What is shown of one enrolment; the page is loaded again when it ends."""
    return {
        "awaited": found.state == "waiting",
        "shape": (found.command, found.state),
        "steps": STEPS,
        "whys": WHY,
        "place": next((one.label for one in readers(visit) if one.name == found.point), None),
    }


def _loop(visit: Visit, loop: DeskLoop) -> Mapping[str, Any]:
    site = site_of(visit.connection).name
    done = last_enrolments(visit.connection, site, loop=loop.id, limit=DONE_SHOWN)
    current = next((one for one in done if one.state == "waiting"), None)
    return {
        **(_waiting(visit, current) if current else {"steps": STEPS, "whys": WHY, "place": None}),
        "awaited": loop.ended_ms is None,
        "shape": (loop.ended_ms, [(one.command, one.state) for one in done]),
        "current": current,
        "done": [one for one in done if one is not current],
        "people": cardless(
            visit.connection, site, building=loop.building, unit=loop.unit, after=loop.after, limit=PEOPLE_SHOWN
        ),
    }


def _step(values: Mapping[str, Any]) -> Iterable[Piece]:
    """How far the reader is, which a stream keeps fresh."""
    found = values.get("current", values.get("enrolment"))
    return (Piece("enrolment-step", "_enrolment_step.html", {"found": found}),) if found else ()


PANELS = (
    Panel("enrolment", 0, "_enrolment.html", _waiting, _step, Right.PEOPLE),
    Panel("desk", 0, "_desk_loop.html", _loop, _step, Right.PEOPLE),
)


def _find_enrolment(visit: Visit, command: str) -> EnrolmentView | None:
    return find_enrolment(visit.connection, site_of(visit.connection).name, command)


def _find_loop(visit: Visit, loop: str) -> DeskLoop | None:
    return find_loop(visit.connection, site_of(visit.connection).name, loop)


LIVE = (LivePage("enrolment", _find_enrolment), LivePage("desk", _find_loop))


@router.post("/people/{person}/cards/tap")
def begin(person: Id, context: Clerk, enrolling: Enrolments, fields: Fields) -> Response:
    """Have a reader wait for a card for somebody."""

    def act() -> str:
        point, label = fields.get("point", ""), fields.get("label", "")
        return enrolling.begin(context.by, point, Recipient(person), reader=direction_in(fields), label=label)

    return attempt(context, act, "/cards/enrolments/{}".format, REJECTED, partial(person_page, context, person))


@router.post("/parties/{party}/cards/tap")
def begin_for_party(party: Id, context: Clerk, enrolling: Enrolments, fields: Fields) -> Response:
    """Have a reader wait for a family card."""

    def act() -> str:
        point, label, to = fields.get("point", ""), fields.get("label", ""), Recipient(party=party)
        return enrolling.begin(context.by, point, to, reader=direction_in(fields), label=label)

    return attempt(context, act, "/cards/enrolments/{}".format, REJECTED)


@router.post("/people/{person}/cards/claim")
def claim(person: Id, context: Clerk, enrolling: Enrolments, fields: Fields) -> Response:
    """Give somebody the card of an unknown read."""

    def act() -> None:
        arrival, label = int(fields.get("arrival", "")), fields.get("label", "")
        enrolling.claim(context.by, arrival, Recipient(person), label)

    return attempt(context, act, f"/people/{person}?done=claimed", REJECTED, partial(person_page, context, person))


@router.get("/cards/enrolments/{command}", dependencies=[Depends(PanelsOf("enrolment"))])
def enrolment(command: str, context: Looking, done: str = "") -> HTMLResponse:
    return enrolment_page(context, command, context.confirm(DONE, done))


def enrolment_page(context: RequestContext, command: str, said: Said | None) -> HTMLResponse:
    return _live_page(context, "enrolment", command, _find_enrolment, N_("Enrol a card by tap"), said)


def _live_page(
    context: RequestContext, page: str, of: str, find: Callable[[Visit, str], Any], title: str, said: Said | None
) -> HTMLResponse:
    """A page of cards that is kept fresh, about what ``find`` finds by the rest of its address."""
    about = {"title": title, "section": "/cards"}
    return render_panels(
        context, page, lambda visit: find(visit, of), lambda _found: about, of=of, said=said, live=True
    )


@router.post("/cards/enrolments/{command}/cancel")
def cancel(command: str, context: Clerk, enrolling: Enrolments) -> Response:
    act = partial(enrolling.cancel, context.by, command)
    return attempt(context, act, f"/cards/enrolments/{command}", REJECTED, partial(enrolment_page, context, command))


@router.post("/cards/enrolments/{command}/undo")
def undo(command: str, context: Clerk, enrolling: Enrolments) -> Response:
    def then(found: EnrolmentView) -> str:
        return f"/cards/desk/{found.loop}?done=undone" if found.loop else f"/cards/enrolments/{command}?done=undone"

    act = partial(enrolling.undo, context.by, command)
    return attempt(context, act, then, REJECTED, partial(enrolment_page, context, command))


@router.get("/cards/desk")
def desk(context: Looking, building: Text = "", unit: Text = "") -> HTMLResponse:
    return desk_page(context, None, {"building": building, "unit": unit})


def desk_page(context: RequestContext, said: Said | None, asked: Mapping[str, str]) -> HTMLResponse:
    """Whom a loop would be about, and the form that begins one."""
    building, unit = asked.get("building", ""), asked.get("unit", "")
    with context.store.reading() as connection:
        site = site_of(connection).name
        people = cardless(connection, site, building=building, unit=unit, limit=PEOPLE_SHOWN)
        units, visit = buildings(connection, site), Visit(connection, context.clock(), {}, {})
        points = readers(visit)
    return context.render(
        "desk.html", said=said, people=people, units=units, asked={"building": building, "unit": unit}, readers=points
    )


@router.post("/cards/desk")
def begin_loop(context: Clerk, enrolling: Enrolments, fields: Fields) -> Response:
    def act() -> str:
        where = {"building": fields.get("building", ""), "unit": fields.get("unit", "")}
        batch, point = fields.get("batch", ""), fields.get("point", "")
        return enrolling.begin_loop(context.by, point, reader=direction_in(fields), batch=batch, **where)

    def again(said: Said) -> Response:
        return desk_page(context, said, fields)

    return attempt(context, act, "/cards/desk/{}".format, REJECTED, again)


@router.get("/cards/desk/{loop}", dependencies=[Depends(PanelsOf("desk"))])
def desk_loop(loop: str, context: Looking, done: str = "") -> HTMLResponse:
    return loop_page(context, loop, context.confirm(DONE, done))


def loop_page(context: RequestContext, loop: str, said: Said | None) -> HTMLResponse:
    return _live_page(context, "desk", loop, _find_loop, N_("Issue cards"), said)


@router.post("/cards/desk/{loop}/next")
def go_on(loop: str, context: Clerk, enrolling: Enrolments, fields: Fields) -> Response:
    """The next person: whose turn it is comes later, or once more after a card that was not read."""
    act = partial(enrolling.next_of_loop, context.by, loop, skip="skip" in fields)
    return attempt(context, act, f"/cards/desk/{loop}", REJECTED, partial(loop_page, context, loop))


@router.post("/cards/desk/{loop}/end")
def end_loop(loop: str, context: Clerk, enrolling: Enrolments) -> Response:
    act = partial(enrolling.end_loop, loop, context.by)
    return attempt(context, act, f"/cards/desk/{loop}", REJECTED, partial(loop_page, context, loop))


def direction_in(fields: Mapping[str, str]) -> Direction:
    return "out" if fields.get("reader") == "out" else "in"
