"""The page that finds who is meant, for every form that names a person by ``person_search`` of ``_parts.html``.

What else stands in the form comes along, and goes on to the form's own address with whoever is chosen. A number of a
card stands in no address, so the search is a form as well.
"""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from cloud.cards.pages import Cards
from cloud.cards.service import CardService
from cloud.cards.store import CardFilter, list_cards
from cloud.people.store import PersonView, find_people, list_people
from cloud.store.schema import MAX_INTEGER
from cloud.web.forms import Clerk, FormItems
from cloud.web.pages import local_path
from cloud.web.params import Text

MOST = 20
"""People that are offered at once."""
SEARCH = "find_"
"""Before the name of the field for which the text is typed."""

Field = Annotated[str, Query(pattern=r"^[a-z_0-9]{1,30}$")]

router = APIRouter()


@router.post("/people/choose")
def choose(context: Clerk, cards: Cards, items: FormItems, field: Field, to: Text, say: Text) -> HTMLResponse:
    """``field`` is the form's name for the person's number, ``to`` its address, and ``say`` what its button says."""
    text = next((value.strip() for name, value in items if name == SEARCH + field), "")
    with context.store.reading() as connection:
        found = people_meant(connection, cards, text) if text else []
    return context.render(
        "person_choice.html",
        text=text,
        found=found,
        is_cut=len(found) == MOST,
        field=field,
        to=local_path(to),
        caption=say,
        carried=[(name, value) for name, value in items if name not in ("csrf", field, SEARCH + field)],
    )


def people_meant(connection: Connection, cards: CardService, text: str) -> list[PersonView]:
    """Whom a text may mean, the surest first: by their number, by that of a card, by name or flat, and by what is
    printed on a card. Who has ended is left out."""
    found: dict[int, PersonView] = {}
    for person in _meant(connection, cards, text):
        if person.ended_ms is None and len(found) < MOST:
            found.setdefault(person.id, person)
    return list(found.values())


def _meant(connection: Connection, cards: CardService, text: str) -> Iterator[PersonView]:
    numbers = [int(text)] if text.isascii() and text.isdigit() and int(text) <= MAX_INTEGER else []
    numbers += [card.person for card in cards.with_number(connection, text) if card.person is not None]
    yield from find_people(connection, numbers)
    yield from list_people(connection, text, limit=MOST).people
    listed = list_cards(connection, CardFilter(text=text), limit=MOST)
    yield from find_people(connection, [card.person for card in listed if card.person is not None])
