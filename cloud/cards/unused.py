"""Cards that nobody uses: counted from the events of devices, a piece at a time, by a worker of its own.

Of the use of a card only the newest day is held. A card that nobody uses goes on opening what it did: this is a list
for a person to look at, and nothing ends by it.
"""

from msgspec import Struct
from sqlalchemy import Connection, delete, func, insert, select

from cloud.cards import store
from cloud.cards.rule import CardState
from cloud.cards.store import CardRow
from cloud.cards.tables import card_use_marks, card_uses
from cloud.devices.erasure import decode_stored
from cloud.devices.event_views import last_arrival
from cloud.devices.registry import site_of
from cloud.people.tables import card_forms, credentials
from cloud.store.chunks import chunks
from cloud.store.database import Store
from cloud.store.schema import event_series, events
from contract.archetypes import ServingKind
from contract.decide import DAY_MS
from contract.sealing import DIGEST_BYTES

UNUSED_DAYS = 90
MAX_DAYS = 3_650
AT_ONCE = 2_000
"""Events that one step reads: some 20 ms."""
STEPS_AT_ONCE = 50


class UnusedCard(Struct, frozen=True):
    """A card in use that opened nothing for so long; ``day_ms`` is the last day it did, None if it never has."""

    card: CardRow
    day_ms: int | None


class UseCounter:
    """The worker that counts which cards are used: it reads events behind ingest, from where it was."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def count(self) -> None:
        """Count what has arrived, as far as one look may take."""
        for _ in range(STEPS_AT_ONCE):
            with self._store.writing() as connection:
                if not count_step(connection, site_of(connection).name):
                    return


def count_step(connection: Connection, site: str) -> bool:
    """Count the next events; False once there are no more."""
    marked = select(card_use_marks.c.arrival).where(card_use_marks.c.site == site)
    after, upto = connection.execute(marked).scalar() or 0, last_arrival(connection)
    series = select(event_series.c.id).where(
        event_series.c.site == site, event_series.c.kind == ServingKind.allowed.kind
    )
    some = select(events.c.arrival, events.c.received_ms, events.c.stored).where(
        events.c.series.in_(series), events.c.arrival > after, events.c.arrival <= upto
    )
    rows = connection.execute(some.order_by(events.c.arrival).limit(AT_ONCE)).all()
    days: dict[bytes, int] = {}
    for row in rows:
        digest = _digest(row.stored)
        if digest:
            days[digest] = max(days.get(digest, 0), row.received_ms // DAY_MS * DAY_MS)
    _keep(connection, site, days)
    reached = rows[-1].arrival if len(rows) == AT_ONCE else upto
    connection.execute(delete(card_use_marks).where(card_use_marks.c.site == site))
    connection.execute(insert(card_use_marks).values(site=site, arrival=reached))
    return len(rows) == AT_ONCE


def _digest(stored: bytes) -> bytes:
    try:
        digest = bytes.fromhex(str(decode_stored(stored).data.get("digest", "")))
    except ValueError:
        return b""
    return digest if len(digest) == DIGEST_BYTES else b""


def _keep(connection: Connection, site: str, days: dict[bytes, int]) -> None:
    for some in chunks(sorted(days)):
        mine = card_uses.c.site == site, card_uses.c.digest.in_(some)
        known = {row.digest: row.day_ms for row in connection.execute(select(card_uses).where(*mine))}
        newer = [digest for digest in some if known.get(digest, -1) < days[digest]]
        connection.execute(delete(card_uses).where(card_uses.c.site == site, card_uses.c.digest.in_(newer)))
        if newer:
            rows = [{"site": site, "digest": digest, "day_ms": days[digest]} for digest in newer]
            connection.execute(insert(card_uses), rows)


def unused_cards(
    connection: Connection, site: str, days: int, now_ms: int, *, after: int = 0, limit: int
) -> list[UnusedCard]:
    """Cards in use that were issued so many days ago, and opened nothing since."""
    before_ms = now_ms - days * DAY_MS
    own = select(card_uses.c.day_ms).where(card_uses.c.site == site, card_uses.c.digest == credentials.c.digest)
    derived = (
        select(func.max(card_uses.c.day_ms))
        .join(card_forms, (card_forms.c.site == card_uses.c.site) & (card_forms.c.digest == card_uses.c.digest))
        .where(card_forms.c.site == site, card_forms.c.credential_id == credentials.c.id)
    )
    own_day = func.coalesce(own.scalar_subquery(), 0)
    derived_day = func.coalesce(derived.scalar_subquery(), 0)
    query = select(credentials.c.id, own_day.label("own"), derived_day.label("derived")).where(
        credentials.c.id > after,
        credentials.c.state == CardState.ISSUED,
        func.coalesce(credentials.c.issued_ms, credentials.c.added_ms) < before_ms,
        own_day < before_ms - DAY_MS,
        derived_day < before_ms - DAY_MS,
    )
    last = {
        row.id: max(row.own, row.derived) for row in connection.execute(query.order_by(credentials.c.id).limit(limit))
    }
    return [UnusedCard(card, last[card.id] or None) for card in store.cards_of_ids(connection, last)]
