"""The page of the register of cards, the panel of somebody's cards, and the forms that change them."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from cloud.cards.returns import cards_to_return
from cloud.cards.rule import Card, CardState, Recipient
from cloud.cards.service import BAD_DEPOSIT, CardService
from cloud.cards.store import CardFilter, CardRow, count_cards, find_card, holders_of_several, list_cards
from cloud.cards.unknown_reads import unknown_reads
from cloud.cards.unused import MAX_DAYS, UNUSED_DAYS, unused_cards
from cloud.commands.store import PointState, list_points
from cloud.devices.registry import site_of
from cloud.people.members import STATED, stated
from cloud.people.pages import person_page
from cloud.people.store import PersonView
from cloud.web.context import N_, RequestContext, Said, page_for, service
from cloud.web.domain import Nav, NavGroup, Panel, Visit
from cloud.web.forms import NOTHING_TYPED, REJECTED, Clerk, Fields, attempt
from cloud.web.pages import local_path, with_query
from cloud.web.params import Cursor, Id, Text
from cloud.web.rejected import Rejected
from cloud.web.roles import Right
from contract.commands import COMMANDS
from contract.credentials import FORMATS

ROWS = 100

Cards = Annotated[CardService, Depends(service(CardService))]
Directory = Annotated[RequestContext, Depends(page_for(Right.DIRECTORY))]
"""Whoever may see everybody: whose a card is, is asked of the whole site."""
Looking = Annotated[RequestContext, Depends(page_for(Right.PEOPLE))]
"""When somebody last used a card tells of their movements."""

DONE: Mapping[str, str] = {
    "batch": N_("The cards lie in stock."),
    "given": N_("The card is given. Online doors apply it within a second, offline ones when they reconnect."),
    "returned": N_("The card came back. It opens nothing, and can be given again."),
    "voided": N_("The card is void: it opens nothing, and is never given again."),
}
STATES: Mapping[str, str] = {
    "stock": N_("In stock"),
    "issued": N_("Issued"),
    "returned": N_("Came back"),
    "void": N_("Void"),
}
KINDS: Mapping[str, str] = {
    "card": N_("Card"),
    "tag": N_("Tag"),
    "token": N_("Printed code"),
    "plate": N_("Plate"),
    "code": N_("Spoken code"),
}
NOT_DIGITS = N_(
    "The facility code and the number of a card are digits alone, as they are printed on it. Nothing was changed."
)
MOST_DIGITS = 25
NOT_HERE = N_("No card of this number is known here.")
NO_PERSON_NUMBER = N_("Choose a person. Nothing was changed.")

router = APIRouter()
NAV = (Nav(NavGroup.PEOPLE, "/cards", N_("Cards"), right=Right.DIRECTORY),)


def readers(visit: Visit) -> list[PointState]:
    """The points that have a reader for cards, as far as their kind says."""
    known = list_points(visit.connection, visit.now_ms)
    return [one for one in known if one.registered and one.archetype in COMMANDS["enrol"].archetypes]


def _person_cards(visit: Visit, person: PersonView) -> Mapping[str, Any]:
    chosen, rows = visit.query.get("point", ""), list_cards(visit.connection, CardFilter(person=person.id), limit=ROWS)
    ids = [one.id for one in rows] if Right.DIRECTORY in visit.rights else []
    return {
        "formats": list(FORMATS),
        "standings": STATED,
        "readers": readers(visit),
        "chosen": chosen,
        "unknown": unknown_reads(visit.connection, chosen, visit.now_ms) if chosen else [],
        "rows": rows,
        "last_digits": visit.service(CardService).last_digits(visit.connection, ids),
        "states": STATES,
    }


def _party_cards(visit: Visit, party: Any) -> Mapping[str, Any]:
    """The family cards of a household, company, club, class or crew."""
    return {
        "formats": list(FORMATS),
        "readers": readers(visit),
        "cards": list_cards(visit.connection, CardFilter(party=party.id), limit=ROWS),
    }


PANELS = (
    Panel("person", 10, "_person_cards.html", _person_cards, asks=("point",)),
    Panel("party", 15, "_party_cards.html", _party_cards, right=Right.DIRECTORY),
)


@router.get("/cards")
def register(
    context: Directory,
    state: Text = "",
    batch: Text = "",
    text: Text = "",
    after: Cursor = None,
    card: Cursor = None,
    done: str = "",
) -> HTMLResponse:
    """The register, and one ``card`` of it above the others."""
    asked = CardFilter(state, batch, text.strip())
    with context.store.reading() as connection:
        found = None if card is None else find_card(connection, card)
    return register_page(context, context.confirm(DONE, done), asked=asked, after=after or 0, found=found)


def register_page(
    context: RequestContext,
    said: Said | None,
    *,
    asked: CardFilter = CardFilter(),  # noqa: B008 - never changed
    after: int = 0,
    found: CardRow | None = None,
    typed: Mapping[str, str] = NOTHING_TYPED,
) -> HTMLResponse:
    with context.store.reading() as connection:
        rows = list_cards(connection, asked, after=after, limit=ROWS + 1)
        counts, several = count_cards(connection), holders_of_several(connection, ROWS)
    return context.render(
        "cards.html",
        said=said,
        rows=rows[:ROWS],
        next=rows[ROWS - 1].id if len(rows) > ROWS else None,
        counts=counts,
        several=several,
        asked=asked,
        found=found,
        typed=typed,
        formats=list(FORMATS),
        states=STATES,
        kinds=KINDS,
        givable=(CardState.STOCK, CardState.RETURNED),
    )


@router.post("/cards/find")
def find(context: Clerk, cards: Cards, fields: Fields) -> Response:
    """Whose a card is, by its number. A number stands in no address: addresses are kept by browsers and proxies."""
    try:
        found = cards.find(card_in(fields))
    except Rejected as wrong:
        return register_page(context, context.say("bad", wrong.sentence), typed=fields)
    return register_page(context, None if found else context.say("bad", NOT_HERE), found=found, typed=fields)


@router.post("/cards/batch")
def add_batch(context: Clerk, cards: Cards, fields: Fields) -> Response:
    def act() -> int:
        facility = _digits(fields, "facility") if "facility" in fields else None
        return cards.add_batch(
            context.by,
            fields.get("numbers", ""),
            fields.get("format", ""),
            facility,
            fields.get("batch", ""),
            fen_in(fields),
        )

    return attempt(context, act, "/cards?done=batch", REJECTED, partial(register_page, context, typed=fields))


@router.post("/cards/{card}/give")
def give(card: Id, context: Clerk, cards: Cards, fields: Fields) -> Response:
    def act() -> None:
        person = fields.get("person", "").strip()
        if not (person.isascii() and person.isdigit() and len(person) < 19):
            raise Rejected(NO_PERSON_NUMBER, "person")
        cards.give(context.by, card, Recipient(int(person)), fields.get("label", ""))

    return _change(context, fields, act, "given")


@router.post("/cards/{card}/return")
def take_back(card: Id, context: Clerk, cards: Cards, fields: Fields) -> Response:
    return _change(context, fields, partial(cards.take_back, context.by, card), "returned")


@router.post("/cards/{card}/void")
def void(card: Id, context: Clerk, cards: Cards, fields: Fields) -> Response:
    return _change(context, fields, partial(cards.void, context.by, card), "voided")


def _change(context: RequestContext, fields: Mapping[str, str], act: Callable[[], object], done: str) -> Response:
    """Back to the page that the form stands on."""
    back = local_path(fields.get("back", "/cards"))
    return attempt(context, act, with_query(back, {}, done=done), REJECTED)


@router.get("/cards/unused")
def unused(context: Looking, days: Annotated[int, Text] = UNUSED_DAYS, after: Cursor = None) -> HTMLResponse:
    """Cards that opened nothing for so long."""
    days = min(max(days, 1), MAX_DAYS)
    with context.store.reading() as connection:
        site = site_of(connection).name
        rows = unused_cards(connection, site, days, context.clock(), after=after or 0, limit=ROWS + 1)
    following = rows[ROWS - 1].card.id if len(rows) > ROWS else None
    return context.render("unused_cards.html", rows=rows[:ROWS], days=days, next=following)


@router.get("/cards/returns")
def returns(context: Directory, after: Cursor = None, done: str = "") -> HTMLResponse:
    """Cards of those who have left: who is to bring back what, and the deposit that they get for it."""
    with context.store.reading() as connection:
        rows = cards_to_return(connection, site_of(connection).name, context.clock(), after=after or 0, limit=ROWS + 1)
    following = rows[ROWS - 1].card.id if len(rows) > ROWS else None
    said = context.confirm(DONE, done)
    return context.render("cards_to_return.html", rows=rows[:ROWS], next=following, said=said)


@router.post("/people/{person}/cards")
def add_card(person: Id, context: Clerk, cards: Cards, fields: Fields) -> Response:
    def act() -> None:
        cards.add_card(context.by, Recipient(person), card_in(fields), fields.get("label", ""), fen_in(fields))

    again = partial(person_page, context, person)
    return attempt(context, act, f"/people/{person}?done=card", REJECTED, again)


@router.post("/parties/{party}/cards")
def add_family_card(party: Id, context: Clerk, cards: Cards, fields: Fields) -> Response:
    def act() -> None:
        to = Recipient(party=party)
        cards.add_card(context.by, to, card_in(fields), fields.get("label", ""), fen_in(fields))

    return attempt(context, act, f"/parties/{party}", REJECTED)


@router.post("/people/{person}/cards/{card}")
def change_card(person: Id, card: Id, context: Clerk, cards: Cards, fields: Fields) -> Response:
    return attempt(
        context,
        lambda: cards.set_standing(context.by, card, stated(fields.get("standing", ""))),
        lambda changed: f"/people/{changed.person}?done=standing",
        REJECTED,
        partial(person_page, context, person),
    )


def card_in(fields: Mapping[str, str]) -> Card:
    """Raises ``Rejected`` for what is no number."""
    facility = _digits(fields, "facility") if "facility" in fields else None
    return Card(fields.get("format", ""), facility, _digits(fields, "number"))


def _digits(fields: Mapping[str, str], name: str) -> int:
    text = fields.get(name, "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise Rejected(NOT_DIGITS, name)
    return int(text)


def fen_in(fields: Mapping[str, str]) -> int:
    """A deposit that was typed in yuan. Raises ``Rejected`` for what is no sum."""
    try:
        yuan = float(fields.get("deposit", "0"))
    except ValueError:
        raise Rejected(BAD_DEPOSIT, "deposit") from None
    if not abs(yuan) < 1e9:
        raise Rejected(BAD_DEPOSIT, "deposit")
    return round(yuan * 100)
