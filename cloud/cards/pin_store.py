"""What is kept of PINs, beside each card and each of its forms: a verifier of 8 bytes, and never the digits."""

from collections.abc import Mapping

from msgspec import Struct
from sqlalchemy import Connection, select, update

from cloud.cards.rule import WITH_PIN, CardState
from cloud.people.tables import card_forms, credentials


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
    query = select(*(credentials.c[name] for name in names)).where(*mine).order_by(credentials.c.id)
    return [
        PinCard(row.id, row.label, (row.digest, *_forms(connection, site, row.id)), row.sealed, row.pin_digits)
        for row in connection.execute(query)
    ]


def _forms(connection: Connection, site: str, card: int) -> list[bytes]:
    of_card = card_forms.c.site == site, card_forms.c.credential_id == card
    return list(connection.execute(select(card_forms.c.digest).where(*of_card)).scalars())


def put_pin(connection: Connection, site: str, card: int, verifiers: Mapping[bytes, bytes], digits: int | None) -> None:
    """Keep the verifiers of a card's PIN, by the digests of its forms, and how many digits it has. Without a verifier a
    form has no PIN any more."""
    own = update(credentials).where(credentials.c.id == card)
    digest = connection.execute(own.values(pin_digits=digits).returning(credentials.c.digest)).scalar_one()
    connection.execute(own.values(pin=verifiers.get(digest)))
    for form in _forms(connection, site, card):
        of_form = update(card_forms).where(card_forms.c.site == site, card_forms.c.digest == form)
        connection.execute(of_form.values(pin=verifiers.get(form)))


def forget_pin(connection: Connection, site: str, card: int) -> None:
    """It was its holder's, and goes with them."""
    put_pin(connection, site, card, {}, None)
