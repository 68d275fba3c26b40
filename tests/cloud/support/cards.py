"""What tests read and write of cards and memberships past the use cases."""

from sqlalchemy import Connection, select, update

from cloud.keys.keys import NumberSeal
from cloud.people.store import Card
from cloud.people.tables import credentials, memberships
from cloud.store.revision import touch


def card_of(connection: Connection, credential: int, numbers: NumberSeal) -> Card:
    """The card of a credential, decrypted. Raises ``KeysUnusable``."""
    mine = select(credentials.c.sealed, credentials.c.digest).where(credentials.c.id == credential)
    row = connection.execute(mine).one()
    return Card.from_text(numbers.open(row.sealed, row.digest))


def set_membership_window(connection: Connection, membership: int, from_ms: int, until_ms: int) -> None:
    values = {"from_ms": from_ms, "until_ms": until_ms}
    changed = update(memberships).where(memberships.c.id == membership).values(values)
    touch(connection, connection.execute(changed.returning(memberships.c.person_id)).scalars().all())
