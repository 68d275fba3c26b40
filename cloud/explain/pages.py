"""The pages that explain: who or what opened a point, for a purpose; and why the rule answers somebody as it does."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from cloud.commands.store import list_points
from cloud.explain import why_words, words
from cloud.explain.moments import BadMoment, read_moment
from cloud.explain.store import find_event, find_place
from cloud.explain.who import Asker, WhoOpened, WhoService
from cloud.explain.why import Explained, WhyService
from cloud.people.store import PersonView, digest_of_card, find_person
from cloud.web.context import N_, ReadingZone, RequestContext, Said, form_for, or_404, page_for, service
from cloud.web.domain import Panel, Visit
from cloud.web.forms import NOTHING_TYPED, Fields
from cloud.web.looks import Purpose, read_purpose
from cloud.web.pages import see_other
from cloud.web.params import Cursor, Id, Text
from cloud.web.rejected import Rejected
from cloud.web.roles import Part, Right

NO_CARD = N_("This person has no card: there is nothing that a reader could know them by.")
NO_MOMENT = N_("Say the day and the time, such as 2027-01-15 03:12.")

WhoForm = Annotated[RequestContext, Depends(form_for(Right.READ, Part.ZONE))]
Explaining = Annotated[RequestContext, Depends(page_for(Right.DIRECTORY))]
"""Whoever sees what people hold, for that is what an explanation tells."""
Why = Annotated[WhyService, Depends(service(WhyService))]
Who = Annotated[WhoService, Depends(service(WhoService))]

router = APIRouter()


@router.get("/points/{name}/who")
def ask_who(name: str, context: ReadingZone, at: Text = "") -> HTMLResponse:
    return _who_page(context, name, {"at": at})


@router.post("/points/{name}/who")
def who_opened(name: str, context: WhoForm, who: Who, fields: Fields) -> Response:
    """The answer stands on the page that this makes, and in no address: who has it again, has asked again."""
    try:
        purpose = read_purpose(fields.get("purpose", ""), fields.get("case", ""))
        moment = read_moment(fields.get("at", ""), context.pages.zone, context.clock())
        found = who.ask(asker_of(context), name, moment.at_ms, purpose, lasts_ms=moment.lasts_ms)
    except BadMoment:
        return _who_page(context, name, fields, context.say("bad", NO_MOMENT))
    except Rejected as wrong:
        return _who_page(context, name, fields, context.say("bad", wrong.sentence), status=wrong.status)
    return _who_page(context, name, fields, found=found)


def asker_of(context: RequestContext) -> Asker:
    """Whoever asks, as the audit names them, with what they see."""
    return Asker(context.by, context.login.id_hash, context.scope)


def _who_page(
    context: RequestContext,
    name: str,
    typed: dict[str, str],
    said: Said | None = None,
    *,
    status: int = 0,
    found: WhoOpened | None = None,
) -> HTMLResponse:
    with context.store.reading() as connection:
        place = or_404(find_place(connection, name))
    return context.render(
        "who.html",
        said=said,
        status=status,
        place=place,
        typed={**NOTHING_TYPED, **typed},
        found=found,
        told=words,
        purposes=list(Purpose),
    )


@router.get("/people/{person}/why")
def why_person(
    person: Id, context: Explaining, why: Why, point: Text = "", at: Text = "", card: Cursor = None
) -> HTMLResponse:
    """Why somebody may pass at a point or may not: now, or at a time."""
    said, found = None, None
    with context.store.reading() as connection:
        about = or_404(find_person(connection, person))
        chosen = next((one for one in about.cards if one.id == card), about.cards[0] if about.cards else None)
        digest = digest_of_card(connection, chosen.id) if chosen else None
        points = list_points(connection, context.clock())
    if point and digest is None:
        said = context.say("bad", NO_CARD)
    elif point and digest is not None:
        try:
            at_ms = read_moment(at, context.pages.zone, context.clock()).at_ms if at else None
            found = why.why(digest, point, at_ms, scope=context.scope)
        except BadMoment:
            said = context.say("bad", NO_MOMENT)
        except Rejected as wrong:
            said = context.say("bad", wrong.sentence)
    asked = {"point": point, "at": at, "card": chosen.id if chosen else None}
    return _why_page(context, said, found, person=about, points=points, asked=asked, event=None)


@router.get("/events/{arrival}/why")
def why_event(arrival: Id, context: ReadingZone, why: Why) -> Response:
    """Why a device decided so. Where the event does not say whom it is about, a purpose is asked for first."""
    with context.store.reading() as connection:
        event = or_404(find_event(connection, arrival))
    if event.is_nameless:
        return see_other(f"/events/{arrival}/look")
    said, found, status = None, None, 0
    try:
        found = why.why_event(event, scope=context.scope)
    except Rejected as wrong:
        said, status = context.say("bad", wrong.sentence), wrong.status
    return _why_page(context, said, found, status=status, person=None, points=[], asked={}, event=event)


def _why_page(context: RequestContext, said: Said | None, found: Explained | None, **values: Any) -> HTMLResponse:
    return context.render("why.html", said=said, found=found, told=why_words, **values)


def _ask_why(visit: Visit, person: PersonView) -> dict[str, Any] | None:
    return {"points": list_points(visit.connection, visit.now_ms)} if person.cards else None


PANELS = (
    Panel("point", 65, "_ask_who.html"),
    Panel("person", 35, "_ask_why.html", _ask_why),
)
