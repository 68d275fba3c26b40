"""What is kept of PINs, beside each card and each of its forms: a verifier of 8 bytes, and never the digits."""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from sqlalchemy import Connection, select, update

from cloud.cards.rule import WITH_PIN, CardState
from cloud.people.tables import card_forms, credentials
from cloud.store.chunks import among, chunks


class PinCard(Struct, frozen=True):
    """A card that somebody has. ``digests`` are those of all forms in which readers report it, its own first;
    ``sealed`` is its number, empty if not known. ``pin_digits`` is None without a PIN."""

    id: int
    label: str
    digests: tuple[bytes, ...]
    sealed: bytes
    pin_digits: int | None


def pin_cards(connection: Connection, site: str, person: int) -> list[PinCard]:
    """The cards that somebody has and that a PIN may go with, the oldest first."""
    names = ("id", "label", "digest", "sealed", "pin_digits")
    mine = credentials.c.person_id == person, credentials.c.state == CardState.ISSUED, credentials.c.kind.in_(WITH_PIN)
    rows = connection.execute(select(*(credentials.c[name] for name in names)).where(*mine).order_by(credentials.c.id))
    cards = rows.all()
    forms = _forms(connection, site, [card.id for card in cards])
    return [
        PinCard(card.id, card.label, (card.digest, *forms.get(card.id, ())), card.sealed, card.pin_digits)
        for card in cards
    ]


def _forms(connection: Connection, site: str, cards: Sequence[int]) -> Mapping[int, list[bytes]]:
    """The digests of the other forms of each card that has some."""
    found: dict[int, list[bytes]] = {}
    for some in chunks(cards):
        of_cards = card_forms.c.site == site, among(card_forms.c.credential_id, some)
        for row in connection.execute(select(card_forms.c.credential_id, card_forms.c.digest).where(*of_cards)):
            found.setdefault(row.credential_id, []).append(row.digest)
    return found


def put_pin(connection: Connection, site: str, card: int, verifiers: Mapping[bytes, bytes], digits: int | None) -> None:
    """Keep the verifiers of a card's PIN, by the digests of its forms, and how many digits it has. Without a verifier a
    form has no PIN any more."""
    own = update(credentials).where(credentials.c.id == card)
    digest = connection.execute(own.values(pin_digits=digits).returning(credentials.c.digest)).scalar_one()
    connection.execute(own.values(pin=verifiers.get(digest)))
    for form in _forms(connection, site, [card]).get(card, ()):
        of_form = update(card_forms).where(card_forms.c.site == site, card_forms.c.digest == form)
        connection.execute(of_form.values(pin=verifiers.get(form)))


def forget_pin(connection: Connection, site: str, card: int) -> None:
    """It was its holder's, and goes with them."""
    put_pin(connection, site, card, {}, None)
