"""The routes of `/api/v1` about cards: the register, the stock, and enrolments at readers."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from msgspec import Struct
from pydantic import Field

from cloud.cards.enrol import WINDOW_MS, EnrolmentService
from cloud.cards.enrolment_store import Cardless, EnrolmentView, cardless, find_enrolment
from cloud.cards.rule import MAX_BATCH, Card, CardState, Recipient
from cloud.cards.service import MAX_DEPOSIT_FEN, MAX_LABEL, CardService
from cloud.cards.store import CardFilter, CardRow, find_card, list_cards
from cloud.cards.unknown_reads import UnknownRead, unknown_reads
from cloud.cards.unused import MAX_DAYS, UNUSED_DAYS, UnusedCard, unused_cards
from cloud.devices.registry import site_of
from cloud.people.api import StandingIn
from cloud.web.bodies import Added, Shown, Strict, answer_of
from cloud.web.context import RequestContext, call_for, or_404, service
from cloud.web.params import ACCEPTED, Clerk, Cursor, Id, Limit, Text
from cloud.web.roles import Right
from contract.commands import MAX_ENROL_MS

Cards = Annotated[CardService, Depends(service(CardService))]
Enrolments = Annotated[EnrolmentService, Depends(service(EnrolmentService))]
Directory = Annotated[RequestContext, Depends(call_for(Right.DIRECTORY))]
"""Whoever may see everybody: whose a card is, is asked of the whole site."""
Looking = Annotated[RequestContext, Depends(call_for(Right.PEOPLE))]
"""When somebody last used a card tells of their movements."""
Deposit = Annotated[int, Field(ge=0, le=MAX_DEPOSIT_FEN)]
Command = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]

router = APIRouter(prefix="/api/v1")


class NumberIn(Strict):
    """A card as it is printed. ``facility`` is left out where the format has none."""

    format: str = Field(max_length=20)
    facility: int | None = Field(None, ge=0, lt=1 << 32)
    number: int = Field(ge=0, lt=1 << 80)

    @property
    def card(self) -> Card:
        return Card(self.format, self.facility, self.number)


class CardIn(NumberIn):
    """A card that somebody gets."""

    label: Shown = Field("", max_length=MAX_LABEL)
    deposit_fen: Deposit = 0


class BatchIn(Strict):
    """A batch of cards for the stock: one number a line, behind it what is printed on the card."""

    batch: Shown = Field(min_length=1, max_length=MAX_LABEL)
    format: str = Field(max_length=20)
    facility: int | None = Field(None, ge=0, lt=1 << 32)
    numbers: str = Field(max_length=MAX_BATCH * 100)
    deposit_fen: Deposit = 0


class RecipientIn(Strict):
    """Who gets a card: a ``person``, or a ``party`` as its family card."""

    person: Id | None = None
    party: Id | None = None
    label: Shown = Field("", max_length=MAX_LABEL)

    @property
    def to(self) -> Recipient:
        return Recipient(self.person, self.party)


class EnrolmentIn(RecipientIn):
    """At the ``reader`` of a point. With neither a person nor a party the card goes into stock."""

    point: str = Field(max_length=80)
    reader: Literal["in", "out"] = "in"
    batch: Shown = Field("", max_length=MAX_LABEL)
    window_ms: int = Field(WINDOW_MS, ge=1_000, le=MAX_ENROL_MS)


class ClaimIn(RecipientIn):
    """The unknown read that arrived under this number."""

    arrival: Id


class Taken(Struct, frozen=True):
    """How many cards were taken into stock."""

    count: int


class EnrolmentBegun(Struct, frozen=True):
    """Ask for ``/api/v1/enrolments/ID`` to see what became of it."""

    id: str


@router.post("/people/{person}/credentials", status_code=201)
def add_card(person: Id, body: CardIn, context: Clerk, cards: Cards) -> Added:
    to = Recipient(person)
    return Added(id=cards.add_card(context.by, to, body.card, body.label, body.deposit_fen))


@router.post("/parties/{party}/credentials", status_code=201)
def add_family_card(party: Id, body: CardIn, context: Clerk, cards: Cards) -> Added:
    to = Recipient(party=party)
    return Added(id=cards.add_card(context.by, to, body.card, body.label, body.deposit_fen))


@router.patch("/credentials/{card}", status_code=204)
def change_card(card: Id, body: StandingIn, context: Clerk, cards: Cards) -> None:
    """Suspend a card, report it lost, or take it into use again."""
    cards.set_standing(context.by, card, body.standing)


@router.get("/cards", response_model=answer_of(list[CardRow]))
def list_register(
    context: Directory,
    state: CardState | None = None,
    batch: Text = "",
    text: Text = "",
    after: Cursor = None,
    limit: Limit = 50,
) -> list[CardRow]:
    """Cards in the order they were added; ``text`` is a part of what is printed on them."""
    with context.store.reading() as connection:
        asked = CardFilter(state or "", batch, text)
        return list_cards(connection, asked, after=after or 0, limit=limit)


@router.post("/cards/find", response_model=answer_of(CardRow))
def find(body: NumberIn, context: Looking, cards: Cards) -> CardRow:
    """Whose a card is, by its number, which stands in no address."""
    return or_404(cards.find(body.card), "no card of this number is known here")


@router.post("/cards/batch", status_code=201, response_model=answer_of(Taken))
def add_batch(body: BatchIn, context: Clerk, cards: Cards) -> Taken:
    facts = body.numbers, body.format, body.facility, body.batch, body.deposit_fen
    return Taken(cards.add_batch(context.by, *facts))


@router.get("/cards/unused", response_model=answer_of(list[UnusedCard]))
def list_unused(
    context: Looking,
    days: Annotated[int, Query(ge=1, le=MAX_DAYS)] = UNUSED_DAYS,
    after: Cursor = None,
    limit: Limit = 50,
) -> list[UnusedCard]:
    """Cards in use that opened nothing for so many days."""
    with context.store.reading() as connection:
        site = site_of(connection).name
        return unused_cards(connection, site, days, context.clock(), after=after or 0, limit=limit)


@router.get("/cards/{card}", response_model=answer_of(CardRow))
def one_card(card: Id, context: Directory) -> CardRow:
    with context.store.reading() as connection:
        return or_404(find_card(connection, card), "there is no such card")


@router.post("/cards/{card}/give", status_code=204)
def give(card: Id, body: RecipientIn, context: Clerk, cards: Cards) -> None:
    """Give a card of the stock, or one that came back."""
    cards.give(context.by, card, body.to, body.label)


@router.post("/cards/{card}/return", status_code=204)
def take_back(card: Id, context: Clerk, cards: Cards) -> None:
    cards.take_back(context.by, card)


@router.post("/cards/{card}/void", status_code=204)
def void(card: Id, context: Clerk, cards: Cards) -> None:
    """It never opens anything again."""
    cards.void(context.by, card)


@router.get("/people-without-card", response_model=answer_of(list[Cardless]))
def list_cardless(
    context: Looking, building: Text = "", unit: Text = "", after: Cursor = None, limit: Limit = 50
) -> list[Cardless]:
    with context.store.reading() as connection:
        site = site_of(connection).name
        return cardless(connection, site, building=building, unit=unit, after=after or 0, limit=limit)


@router.post("/enrolments", status_code=ACCEPTED, response_model=answer_of(EnrolmentBegun))
def enrol(body: EnrolmentIn, context: Clerk, enrolling: Enrolments) -> EnrolmentBegun:
    """Have a reader wait for a card, which is held there twice."""
    more = {"label": body.label, "batch": body.batch}
    begun = enrolling.begin(context.by, body.point, body.to, reader=body.reader, window_ms=body.window_ms, **more)
    return EnrolmentBegun(begun)


@router.get("/enrolments/{command}", response_model=answer_of(EnrolmentView))
def one_enrolment(command: Command, context: Looking) -> EnrolmentView:
    with context.store.reading() as connection:
        found = find_enrolment(connection, site_of(connection).name, command)
    return or_404(found, "there is no such enrolment")


@router.post("/enrolments/{command}/cancel", status_code=204)
def cancel(command: Command, context: Clerk, enrolling: Enrolments) -> None:
    enrolling.cancel(context.by, command)


@router.post("/enrolments/{command}/undo", status_code=204)
def undo(command: Command, context: Clerk, enrolling: Enrolments) -> None:
    """Take back what an enrolment did: the card lies in stock."""
    enrolling.undo(context.by, command)


@router.get("/unknown-cards", response_model=answer_of(list[UnknownRead], without=("digest",)))
def list_unknown(context: Looking, point: Text) -> list[UnknownRead]:
    """Unknown cards that were held at a point within the last five minutes."""
    with context.store.reading() as connection:
        return unknown_reads(connection, point, context.clock())


@router.post("/unknown-cards/claim", status_code=201)
def claim(body: ClaimIn, context: Clerk, enrolling: Enrolments) -> Added:
    """Give somebody the card of an unknown read, by that read alone."""
    return Added(id=enrolling.claim(context.by, body.arrival, body.to, body.label))
