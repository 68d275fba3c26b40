"""Cards that were enrolled before their assurance was kept: each is looked at once, by its sealed number."""

from collections import defaultdict
from typing import Any

from sqlalchemy import select, update

from cloud.cards.rule import Card, assurance_of
from cloud.keys.keys import KeyFolder
from cloud.people.tables import credentials
from cloud.store.chunks import among, chunks
from cloud.store.database import Store
from cloud.store.revision import touch
from contract.demands import Assurance


def note_assurances(store: Store, keys: KeyFolder) -> int:
    """Write down how hard it is to copy each card of which that is not known; returns how many they were. The rows of
    all cards are made anew then."""
    columns = credentials.c.id, credentials.c.digest, credentials.c.sealed
    with store.reading() as connection:
        unknown = connection.execute(select(*columns).where(credentials.c.assurance.is_(None))).all()
    found: dict[Assurance, list[int]] = defaultdict(list)
    for card in unknown:
        found[_assurance(card, keys)].append(card.id)
    if unknown:
        with store.writing() as connection:
            for assurance, cards in found.items():
                for some in chunks(cards):
                    mine = update(credentials).where(among(credentials.c.id, some))
                    connection.execute(mine.values(assurance=assurance))
            touch(connection)
    return len(unknown)


def _assurance(card: Any, keys: KeyFolder) -> Assurance:
    """A card whose number is not known may be one that any shop copies."""
    if not card.sealed:
        return Assurance.COPYABLE
    return assurance_of(Card.from_text(keys.numbers.open(card.sealed, card.digest)))
