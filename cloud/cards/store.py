"""The rows of cards, changed one by one. Whatever may change a roster says whose grants it concerns."""

import secrets
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import Connection, Select, bindparam, func, insert, select, update

from cloud.cards.pin_store import forget_pin
from cloud.cards.rule import Card, CardKind, CardState, Recipient, assurance_of, form_digests
from cloud.devices.registry import site_of
from cloud.keys.keys import NumberSeal
from cloud.people.tables import card_forms, credentials
from cloud.store.chunks import chunks
from cloud.store.labels import Label
from cloud.store.prepared import Prepared
from cloud.store.revision import touch, touch_permits
from cloud.store.schema import parties, party_members, people
from cloud.store.tables import permits
from contract.decide import Standing
from contract.demands import Assurance
from contract.roster import HOLDER_BYTES
from contract.sealing import DigestKey


class CardRow(Struct, frozen=True):
    """A card of the register, with who has it. Its number is nobody's business once it is enrolled."""

    id: int
    kind: str
    label: str
    state: str
    standing: str
    batch: str
    deposit_fen: int
    added_ms: int
    issued_ms: int | None
    number_known: bool
    person: int | None
    person_name: Label | None
    party: int | None
    party_name: Label | None
    permit: int | None = None

    @property
    def recipient(self) -> Recipient:
        return Recipient(self.person, self.party, self.permit)


class NewCard(Struct, frozen=True, kw_only=True):
    """What is to be written of a card. ``digests`` are those of all its forms, its own first; ``sealed`` is empty of
    one that is known by its digest alone: any shop may have made it. ``key`` is the public half of a telephone's, empty
    of all others."""

    digests: tuple[bytes, ...]
    label: str
    sealed: bytes = b""
    assurance: Assurance = Assurance.COPYABLE
    kind: CardKind = CardKind.CARD
    state: CardState = CardState.ISSUED
    to: Recipient = Recipient()
    batch: str = ""
    deposit_fen: int = 0
    key: bytes = b""


def seal_card(card: Card, label: str, digest_key: DigestKey, numbers: NumberSeal, **more: Any) -> NewCard:
    """A card whose number is known. Raises ``ValueError`` or ``KeyError`` for one that cannot be."""
    digests, assurance = form_digests(digest_key, card), assurance_of(card)
    sealed = numbers.close(card.text(), digests[0])
    return NewCard(digests=digests, sealed=sealed, assurance=assurance, label=label, **more)


def insert_card(connection: Connection, site: str, new: NewCard, now_ms: int) -> tuple[int, int]:
    """The new credential's id, and how many of its forms were left out, as another card has them. Raises SQLAlchemy's
    ``IntegrityError`` if its own form is known already."""
    is_issued = new.state is CardState.ISSUED
    values = {
        "person_id": new.to.person,
        "party_id": new.to.party,
        "permit_id": new.to.permit,
        "kind": new.kind,
        "digest": new.digests[0],
        "sealed": new.sealed,
        "assurance": new.assurance,
        "label": new.label,
        "standing": Standing.ACTIVE,
        "added_ms": now_ms,
        "state": new.state,
        "batch": new.batch,
        "deposit_fen": new.deposit_fen,
        "issued_ms": now_ms if is_issued else None,
        "key": new.key or None,
    }
    added = int(connection.execute(_ADD_CARD, values).scalar_one())
    others = [digest for digest in new.digests[1:] if not cards_with(connection, site, [digest])]
    _ADD_FORM.run_many(connection, [(site, digest, added) for digest in others])
    touch_holders(connection, site, new.to)
    return added, len(new.digests) - 1 - len(others)


def add_card(
    connection: Connection,
    person: int,
    card: Card,
    label: str,
    *,
    digest_key: DigestKey,
    numbers: NumberSeal,
    now_ms: int,
) -> int:
    """A card of somebody's; returns its id. Raises ``ValueError`` for a card that cannot be, SQLAlchemy's
    ``IntegrityError`` for one that somebody has already."""
    new = seal_card(card, label, digest_key, numbers, to=Recipient(person))
    return insert_card(connection, site_of(connection).name, new, now_ms)[0]


def cards_with(connection: Connection, site: str, digests: Sequence[bytes]) -> list[int]:
    """The cards of which one of these is a form, those first whose own form it is."""
    own = [_OWN_FORM.first(connection, digest) for digest in digests]
    derived = [_OTHER_FORM.first(connection, site, digest) for digest in digests]
    return list(dict.fromkeys(found[0] for found in (*own, *derived) if found))


# An import asks for each form of each of its cards.
_ADD_CARD = insert(credentials).returning(credentials.c.id)
_ADD_FORM = Prepared(insert(card_forms), "site", "digest", "credential_id")
_OWN_FORM = Prepared(select(credentials.c.id).where(credentials.c.digest == bindparam("digest")), "digest")
_OTHER_FORM = Prepared(
    select(card_forms.c.credential_id).where(
        card_forms.c.site == bindparam("site"), card_forms.c.digest == bindparam("digest")
    ),
    *("site", "digest"),
)


class SealedNumber(NamedTuple):
    """The number of a card, encrypted, and the digest that it opens with."""

    id: int
    sealed: bytes
    digest: bytes


def sealed_numbers(connection: Connection, cards: Iterable[int]) -> list[SealedNumber]:
    """Those of these cards whose number is known."""
    known = credentials.c.id.in_(list(cards)), credentials.c.sealed != b"", credentials.c.kind == CardKind.CARD
    query = select(credentials.c.id, credentials.c.sealed, credentials.c.digest).where(*known)
    return [SealedNumber(*row) for row in connection.execute(query)]


def find_card(connection: Connection, card: int) -> CardRow | None:
    row = connection.execute(_CARDS.where(credentials.c.id == card)).first()
    return None if row is None else _card(row)


def set_card_standing(connection: Connection, card: int, standing: Standing) -> bool:
    """Suspend, lose or restore a card. False if there is no such card."""
    changed = update(credentials).where(credentials.c.id == card).values(standing=standing)
    columns = (credentials.c[name] for name in ("person_id", "party_id", "permit_id"))
    holder = connection.execute(changed.returning(*columns)).first()
    to = Recipient() if holder is None else Recipient(*holder)
    touch_holders(connection, site_of(connection).name, to)
    return holder is not None


def give(connection: Connection, site: str, card: int, to: Recipient, label: str, now_ms: int) -> None:
    """Give a card that nobody has."""
    forget_pin(connection, site, card)
    values: dict[str, object] = {"person_id": to.person, "party_id": to.party, "permit_id": to.permit}
    values |= {"state": CardState.ISSUED, "issued_ms": now_ms, "standing": Standing.ACTIVE}
    values |= {"label": label} if label else {}
    connection.execute(update(credentials).where(credentials.c.id == card).values(values))
    touch_holders(connection, site, to)


def take_back(connection: Connection, site: str, card: CardRow, state: CardState) -> None:
    """Nobody has the card any more: it lies in stock, came back, or is void. Its PIN was its holder's."""
    forget_pin(connection, site, card.id)
    values: dict[str, object] = dict.fromkeys(("person_id", "party_id", "permit_id", "issued_ms"))
    values |= {"state": state, "standing": Standing.ACTIVE}
    connection.execute(update(credentials).where(credentials.c.id == card.id).values(values))
    touch_holders(connection, site, card.recipient)


def take_holder(connection: Connection, site: str, party: int) -> None:
    """Have devices know a party, if none does yet."""
    mine = parties.c.site == site, parties.c.id == party, parties.c.holder.is_(None)
    connection.execute(update(parties).where(*mine).values(holder=secrets.token_bytes(HOLDER_BYTES)))


def has_members(connection: Connection, site: str, party: int) -> bool:
    """Whether anybody was ever entered as a member."""
    mine = party_members.c.site == site, party_members.c.party_id == party
    return connection.execute(select(party_members.c.id).where(*mine).limit(1)).first() is not None


def touch_holders(connection: Connection, site: str, to: Recipient) -> None:
    """The grants of whoever has a card may be others now. Those of a family card are kept with a member's."""
    if to.permit is not None:
        touch_permits(connection, site, permits.c.id == to.permit)
    elif to.party is None:
        touch(connection, () if to.person is None else (to.person,))
    else:
        take_holder(connection, site, to.party)
        mine = party_members.c.site == site, party_members.c.party_id == to.party
        touch(connection, connection.execute(select(party_members.c.person_id).where(*mine)).scalars().all())


class CardFilter(Struct, frozen=True):
    """Which cards are asked for; what is empty asks for nothing. ``text`` is a part of what is printed on them, such as
    the last digits."""

    state: str = ""
    batch: str = ""
    text: str = ""
    person: int | None = None
    party: int | None = None


def list_cards(connection: Connection, asked: CardFilter, *, after: int = 0, limit: int) -> list[CardRow]:
    """Cards in the order they were added. The keys of telephones are none, nor are the codes, plates and tokens of
    permits."""
    query = _CARDS.where(credentials.c.id > after, _IS_CARD)
    for column, wanted in ((credentials.c.state, asked.state), (credentials.c.batch, asked.batch)):
        query = query.where(column == wanted) if wanted else query
    if asked.text:
        query = query.where(credentials.c.label.contains(asked.text, autoescape=True))
    for column, holder in ((credentials.c.person_id, asked.person), (credentials.c.party_id, asked.party)):
        query = query.where(column == holder) if holder is not None else query
    return _listed(connection, query.order_by(credentials.c.id).limit(limit))


def cards_of_ids(connection: Connection, ids: Iterable[int]) -> list[CardRow]:
    found: list[CardRow] = []
    for some in chunks(list(ids)):
        found += _listed(connection, _CARDS.where(credentials.c.id.in_(some)).order_by(credentials.c.id))
    return found


def holders_of_several(connection: Connection, limit: int) -> list[CardRow]:
    """The cards in use of people who have more than one, person by person."""
    is_card = credentials.c.kind != CardKind.PHONE
    in_use = is_card, credentials.c.state == CardState.ISSUED, credentials.c.standing == Standing.ACTIVE
    several = select(credentials.c.person_id).where(*in_use, credentials.c.person_id.is_not(None))
    several = several.group_by(credentials.c.person_id).having(func.count() > 1).order_by(credentials.c.person_id)
    mine = credentials.c.person_id.in_(several.limit(limit))
    query = _CARDS.where(mine, *in_use).order_by(credentials.c.person_id, credentials.c.id)
    return _listed(connection, query)


class StockCount(Struct, frozen=True):
    """How many cards of a batch are in a state."""

    batch: str
    state: str
    count: int


def count_cards(connection: Connection) -> list[StockCount]:
    columns = credentials.c.batch, credentials.c.state
    query = select(*columns, func.count().label("many")).where(_IS_CARD)
    query = query.group_by(*columns).order_by(*columns)
    return [StockCount(*row) for row in connection.execute(query)]


_IS_CARD = (credentials.c.kind != CardKind.PHONE) & (
    credentials.c.permit_id.is_(None) | (credentials.c.kind == CardKind.CARD)
)
_CARDS: Select[Any] = (
    select(
        credentials,
        people.c.name_zh,
        people.c.name_en,
        parties.c.name_zh.label("party_zh"),
        parties.c.name_en.label("party_en"),
    )
    .outerjoin(people, people.c.id == credentials.c.person_id)
    .outerjoin(parties, parties.c.id == credentials.c.party_id)
)


def _listed(connection: Connection, query: Select[Any]) -> list[CardRow]:
    return [_card(row) for row in connection.execute(query)]


def _card(row: Any) -> CardRow:
    return CardRow(
        id=row.id,
        kind=row.kind,
        label=row.label,
        state=row.state,
        standing=row.standing,
        batch=row.batch,
        deposit_fen=row.deposit_fen,
        added_ms=row.added_ms,
        issued_ms=row.issued_ms,
        number_known=bool(row.sealed),
        person=row.person_id,
        person_name=None if row.name_zh is None else Label(row.name_zh, row.name_en),
        permit=row.permit_id,
        party=row.party_id,
        party_name=None if row.party_zh is None else Label(row.party_zh, row.party_en),
    )
