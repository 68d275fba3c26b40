"""Riders' requests as they are stored."""

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select, update

from cloud.joining.rule import A_RIDER, WAITS_MS, JoinRequest, JoinState
from cloud.joining.tables import join_requests

_COLUMNS = [join_requests.c["permit_id" if name == "permit" else name] for name in JoinRequest.__struct_fields__]


def add_request(connection: Connection, site: str, **values: object) -> int:
    added = insert(join_requests).values(site=site, **values).returning(join_requests.c.id)
    return int(connection.execute(added).scalar_one())


def find_request(connection: Connection, site: str, request: int) -> JoinRequest | None:
    mine = join_requests.c.site == site, join_requests.c.id == request
    row = connection.execute(select(*_COLUMNS).where(*mine)).first()
    return None if row is None else JoinRequest(*row)


def request_of(connection: Connection, site: str, hub: str, secret_hash: bytes) -> JoinRequest | None:
    """The request whose page has this secret name."""
    mine = join_requests.c.site == site, join_requests.c.hub == hub, join_requests.c.secret_hash == secret_hash
    row = connection.execute(select(*_COLUMNS).where(*mine)).first()
    return None if row is None else JoinRequest(*row)


def is_let_in(connection: Connection, site: str, key: bytes, since_ms: int) -> bool:
    """Whether the telephone with this key was let in when a guard answered it last, no longer ago than that."""
    mine = join_requests.c.site == site, join_requests.c.key == key, join_requests.c.answered_ms > since_ms
    by_guard = join_requests.c.answered_by != A_RIDER
    newest = select(join_requests.c.answer).where(*mine, by_guard).order_by(join_requests.c.id.desc()).limit(1)
    return connection.execute(newest).scalar() == JoinState.LET_IN


def waiting_requests(connection: Connection, site: str, now_ms: int, hub: str = "") -> list[JoinRequest]:
    """Those without an answer, of one hub or of all. Who waits longest comes first."""
    mine = join_requests.c.site == site, join_requests.c.answer == "", join_requests.c.asked_ms > now_ms - WAITS_MS
    query = select(*_COLUMNS).where(*mine).order_by(join_requests.c.id)
    return [JoinRequest(*row) for row in connection.execute(query.where(join_requests.c.hub == hub) if hub else query)]


def count_of_phone(connection: Connection, site: str, phone: bytes, key: bytes, since_ms: int) -> int:
    """How often this number has asked since then, or the telephone with this key under whatever number."""
    theirs = or_(join_requests.c.phone == phone, join_requests.c.key == key)
    return _count(connection, site, theirs, join_requests.c.asked_ms > since_ms)


def count_of_hub(connection: Connection, site: str, hub: str, since_ms: int) -> int:
    """How many have asked there since then, but for those who were known."""
    by_guard = join_requests.c.answered_by != A_RIDER
    return _count(connection, site, join_requests.c.hub == hub, by_guard, join_requests.c.asked_ms > since_ms)


def _count(connection: Connection, site: str, *which: ColumnElement[bool]) -> int:
    count = select(func.count()).select_from(join_requests).where(join_requests.c.site == site, *which)
    return int(connection.execute(count).scalar_one())


def answer_request(connection: Connection, site: str, request: int, **values: object) -> None:
    mine = join_requests.c.site == site, join_requests.c.id == request
    connection.execute(update(join_requests).where(*mine).values(values))


def delete_requests(connection: Connection, site: str, before_ms: int) -> int:
    """Those that were asked before then; returns how many."""
    some = select(join_requests.c.id).where(join_requests.c.site == site, join_requests.c.asked_ms < before_ms)
    gone = delete(join_requests).where(join_requests.c.site == site, join_requests.c.id.in_(some.limit(500)))
    return connection.execute(gone).rowcount
