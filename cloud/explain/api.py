"""The routes of `/api/v1` that explain: who or what opened a point, and why the rule answers somebody as it does."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import Field

from cloud.explain.answers import WhoAnswer, WhyAnswer, who_of, why_of
from cloud.explain.pages import Who, Why, asker_of
from cloud.explain.store import find_event
from cloud.people.store import digest_of_card, find_person
from cloud.web.bodies import Strict, answer_of
from cloud.web.context import RequestContext, call_for, or_404
from cloud.web.looks import read_purpose
from cloud.web.params import Cursor, Id, Text, ZoneReader
from cloud.web.roles import Right
from contract.decide import MINUTE_MS

MAX_MS = 253_370_764_800_000
"""The beginning of the year 9999."""
At = Annotated[int | None, Query(ge=0, le=MAX_MS)]
Directory = Annotated[RequestContext, Depends(call_for(Right.DIRECTORY))]

router = APIRouter(prefix="/api/v1")


class WhoIn(Strict):
    """About which moment somebody asks (UTC milliseconds, and how long it lasts), and for what purpose: a word of the
    list, or the number of a case."""

    at_ms: Annotated[int, Field(ge=0, le=MAX_MS)]
    lasts_ms: Annotated[int, Field(ge=0, le=60 * MINUTE_MS)] = MINUTE_MS
    purpose: str = Field("", max_length=20)
    case: str = Field("", max_length=40)


@router.post("/points/{name}/who", response_model=answer_of(WhoAnswer))
def who_opened(name: str, body: WhoIn, context: ZoneReader, who: Who) -> WhoAnswer:
    """Who or what opened a point, and what of that time is not on record. The question stands in the audit, and whoever
    is named can see it."""
    purpose = read_purpose(body.purpose, body.case)
    found = who.ask(asker_of(context), name, body.at_ms, purpose, lasts_ms=body.lasts_ms)
    return who_of(found, context.language)


@router.get("/people/{person}/why", response_model=answer_of(WhyAnswer))
def why_person(
    person: Id, point: Text, context: Directory, why: Why, card: Cursor = None, at_ms: At = None
) -> WhyAnswer:
    """Why somebody may pass at a point or may not, with one of their cards: now, or at a moment."""
    with context.store.reading() as connection:
        about = or_404(find_person(connection, person), "there is no such person")
        cards = [one.id for one in about.cards if card in (None, one.id)]
        digest = or_404(digest_of_card(connection, cards[0]) if cards else None, "this person has no such card")
    return why_of(why.why(digest, point, at_ms, scope=context.scope), context.language)


@router.get("/events/{arrival}/why", response_model=answer_of(WhyAnswer))
def why_event(arrival: Id, context: ZoneReader, why: Why) -> WhyAnswer:
    """Why a device decided as an event says. What somebody holds is told to those who see that, and whoever may not
    know whom the event is about is told nothing."""
    with context.store.reading() as connection:
        event = or_404(find_event(connection, arrival), "there is no such event")
    if event.is_nameless:
        raise HTTPException(403, f"say for what purpose you look: POST /api/v1/events/{arrival}/looks")
    found = why_of(why.why_event(event, scope=context.scope), context.language)
    return found if Right.DIRECTORY in context.login.rights else found.without_grants()
