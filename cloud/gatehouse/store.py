"""The gatehouse as it is stored: keys that are out, emergency vehicles, and what flats answered."""

from sqlalchemy import Connection, insert, select, update

from cloud.gatehouse.rule import EmergencyEntry, FlatAnswer, KeyLoan, Ring
from cloud.gatehouse.tables import emergency_entries, flat_rings, key_loans

_LOAN = [key_loans.c[name] for name in KeyLoan.__struct_fields__]
_ENTRY = [emergency_entries.c[name] for name in EmergencyEntry.__struct_fields__]


def keys_out(connection: Connection, site: str) -> list[KeyLoan]:
    """Mechanical keys that nobody has brought back; the one that is out longest comes first."""
    query = select(*_LOAN).where(key_loans.c.site == site, key_loans.c.returned_ms.is_(None))
    return [KeyLoan(*row) for row in connection.execute(query.order_by(key_loans.c.given_ms, key_loans.c.id))]


def add_loan(connection: Connection, site: str, loan: KeyLoan) -> None:
    values = {"key": loan.key, "taken_by": loan.taken_by, "reason": loan.reason}
    given = {"given_by": loan.given_by, "given_ms": loan.given_ms}
    connection.execute(insert(key_loans).values(site=site, **values, **given))


def end_loan(connection: Connection, site: str, loan: int, by: str, now_ms: int) -> str | None:
    """Note that a key is back. Returns what it is called; None for one that is not out."""
    out = key_loans.c.site == site, key_loans.c.id == loan, key_loans.c.returned_ms.is_(None)
    back = update(key_loans).where(*out).values(returned_ms=now_ms, returned_to=by).returning(key_loans.c.key)
    key: str | None = connection.execute(back).scalar()
    return key


def add_entry(connection: Connection, site: str, by: str, at_ms: int, order: str, points: str) -> None:
    values = {"site": site, "by": by, "at_ms": at_ms, "order": order, "points": points}
    connection.execute(insert(emergency_entries).values(values))


def say_cause(connection: Connection, site: str, entry: int, cause: str, by: str) -> bool:
    """Whether there was one of which it was not yet said."""
    unsaid = (emergency_entries.c.site == site) & (emergency_entries.c.id == entry) & (emergency_entries.c.cause == "")
    said = update(emergency_entries).where(unsaid).values(cause=cause, said_by=by)
    return bool(connection.execute(said).rowcount)


def unsaid_entries(connection: Connection, site: str, limit: int) -> list[EmergencyEntry]:
    """Emergency vehicles of which nobody has said what they came for, the newest first."""
    query = select(*_ENTRY).where(emergency_entries.c.site == site, emergency_entries.c.cause == "")
    query = query.order_by(emergency_entries.c.id.desc()).limit(limit)
    return [EmergencyEntry(*row) for row in connection.execute(query)]


def note_ring(connection: Connection, site: str, flat: str, ring: Ring) -> None:
    """Keep what a flat said last."""
    mine = flat_rings.c.site == site, flat_rings.c.flat == flat
    values = {"answer": ring.answer, "at_ms": ring.at_ms}
    if not connection.execute(update(flat_rings).where(*mine).values(values)).rowcount:
        connection.execute(insert(flat_rings).values(site=site, flat=flat, **values))


def rings_since(connection: Connection, site: str, since_ms: int) -> dict[str, Ring]:
    """By flat what it said last to whoever rang it since then."""
    query = select(flat_rings).where(flat_rings.c.site == site, flat_rings.c.at_ms >= since_ms)
    return {row.flat: Ring(FlatAnswer(row.answer), row.at_ms) for row in connection.execute(query)}
