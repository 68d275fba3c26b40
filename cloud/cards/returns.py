"""Cards to be returned: those of people who hold nothing any more, and of households and companies that have gone.

The list is read from what has ended, so nobody has to enter a card in it; a card leaves it by coming back, by becoming
void, or by its holder getting something again. Nothing ends by it.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Table, and_, exists, func, or_, select

from cloud.cards.rule import CardState
from cloud.cards.store import CardRow, cards_of_ids
from cloud.parties.party import MemberRole, earlier
from cloud.people.store import list_plans
from cloud.people.tables import credentials, memberships
from cloud.store.chunks import among
from cloud.store.labels import Label
from cloud.store.schema import parties, party_members, people
from contract.decide import DAY_MS, Standing

RENEWAL_DAYS = 30
"""So long after its last day a membership may still be renewed, and its card is not asked for."""


class CardToReturn(Struct, frozen=True):
    """A card to be returned. ``left`` is the household, company or plan that ended last, None where the whole record
    ended; ``since_ms`` is when, which may be ahead."""

    card: CardRow
    left: Label | None
    since_ms: int


def cards_to_return(
    connection: Connection, site: str, now_ms: int, *, after: int = 0, limit: int
) -> list[CardToReturn]:
    """In the order in which the cards were added. A lost card is not among them."""
    in_use = credentials.c.state == CardState.ISSUED, credentials.c.standing != Standing.LOST
    query = (
        select(credentials.c.id, func.coalesce(people.c.ended_ms, parties.c.ended_ms, 0).label("ended_ms"))
        .outerjoin(people, people.c.id == credentials.c.person_id)
        .outerjoin(parties, parties.c.id == credentials.c.party_id)
        .where(credentials.c.id > after, *in_use, or_(_person_left(site, now_ms), _party_left(site)))
    )
    ended = {row.id: row.ended_ms for row in connection.execute(query.order_by(credentials.c.id).limit(limit))}
    cards = cards_of_ids(connection, list(ended))
    ends = _last_ends(connection, site, sorted({card.person for card in cards if card.person is not None}))
    return [_line(card, ended[card.id], ends) for card in cards]


def _person_left(site: str, now_ms: int) -> ColumnElement[bool]:
    """Of a card's holder: whatever they held or belonged to has an end, or a tenancy was ended."""
    held, placed = _of(memberships), _of(party_members) & (party_members.c.site == site)
    renewable = memberships.c.until_ms > now_ms - RENEWAL_DAYS * DAY_MS
    stays = or_(party_members.c.until_ms > now_ms, party_members.c.role == MemberRole.TENANT)
    holds = exists().where(held, memberships.c.ended_ms.is_(None), or_(memberships.c.until_ms == 0, renewable))
    belongs = exists().where(placed, party_members.c.ended_ms.is_(None), or_(party_members.c.until_ms == 0, stays))
    had = or_(people.c.ended_ms.is_not(None), exists().where(held), exists().where(placed))
    return and_(credentials.c.person_id.is_not(None), had, ~holds, ~belongs)


def _of(table: Table) -> ColumnElement[bool]:
    return table.c.person_id == credentials.c.person_id


def _party_left(site: str) -> ColumnElement[bool]:
    """Of a family card: its party ended, or everybody has left it."""
    members = (party_members.c.site == site) & (party_members.c.party_id == credentials.c.party_id)
    empty = and_(exists().where(members), ~exists().where(members, party_members.c.ended_ms.is_(None)))
    return and_(credentials.c.party_id.is_not(None), or_(parties.c.ended_ms.is_not(None), empty))


def _last_ends(connection: Connection, site: str, ids: Sequence[int]) -> Mapping[int, tuple[int, Label]]:
    """By person what ended last, and when."""
    plans = {plan.name: plan.label for plan in list_plans(connection)}
    columns = party_members.c.person_id, party_members.c.until_ms, party_members.c.ended_ms
    places = select(*columns, parties.c.name_zh, parties.c.name_en).join(parties).where(party_members.c.site == site)
    held = select(memberships.c.person_id, memberships.c.until_ms, memberships.c.ended_ms, memberships.c.plan)
    found = [
        (row.person_id, earlier(row.until_ms, row.ended_ms), plans[row.plan])
        for row in connection.execute(held.where(among(memberships.c.person_id, ids)))
    ]
    found += [
        (row.person_id, earlier(row.until_ms, row.ended_ms), Label(row.name_zh, row.name_en))
        for row in connection.execute(places.where(among(party_members.c.person_id, ids)))
    ]
    return {person: (end_ms, label) for person, end_ms, label in sorted(found, key=lambda one: one[1])}


def _line(card: CardRow, ended_ms: int, ends: Mapping[int, tuple[int, Label]]) -> CardToReturn:
    since_ms, left = ends.get(card.person or 0, (ended_ms, card.party_name))
    return CardToReturn(card, left, since_ms)
