"""What tests read and write of cards and memberships past the use cases."""

from sqlalchemy import Connection, select

from cloud.cards.rule import Card
from cloud.keys.keys import NumberSeal
from cloud.people.store import change_membership
from cloud.people.tables import credentials


def card_of(connection: Connection, credential: int, numbers: NumberSeal) -> Card:
    """The card of a credential, decrypted. Raises ``KeysUnusable``."""
    mine = select(credentials.c.sealed, credentials.c.digest).where(credentials.c.id == credential)
    row = connection.execute(mine).one()
    return Card.from_text(numbers.open(row.sealed, row.digest))


def set_membership_window(connection: Connection, membership: int, from_ms: int, until_ms: int) -> None:
    change_membership(connection, membership, from_ms=from_ms, until_ms=until_ms)
