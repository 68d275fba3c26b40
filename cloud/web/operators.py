"""Operators, their logins, and the audit: what each of them did, chained like a device's journal."""

import json
from collections.abc import Collection, Sequence

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from cloud.store.prepared import Prepared
from cloud.web.roles import Assignment, Right, Role
from cloud.web.tables import audit, logins, operator_networks, operators
from contract.decide import DAY_MS, MINUTE_MS
from contract.events import CHAIN_START, chain

MIN_REASON, MAX_REASON = 2, 200
"""Characters. Two make a word in Chinese, and whoever locks down at a fire types no more."""
"""Characters of a reason that somebody gives for a entry, and that stands in the audit."""


MAX_LOGINS = 20
"""Of one operator. Of more, the oldest end."""
SEEN_EVERY_MS = 10 * MINUTE_MS
"""A request within this time of the last that was noted is not written down."""
NAME_BYTES = 8
MAX_NETWORKS = 16
NETWORK_USUAL_MS = 90 * DAY_MS
"""How long an operator counts as usual where they logged in, or where they were admitted on the command line."""


class Operator(Struct, frozen=True):
    """Somebody who may log in. ``role`` is one of ``cloud.web.roles.Role``, ``of`` the zone, cell or party that it is
    for, empty where it has none."""

    id: int
    name: str
    role: str
    disabled: bool
    created_ms: int
    of: str = ""
    last_login_ms: int | None = None

    @property
    def assignment(self) -> Assignment:
        return Assignment(Role(self.role), self.of)


class Login(Struct, frozen=True):
    """A login that stands: whose it is, and the token its forms must carry. ``seen_ms`` is its last request, to some
    minutes, ``address`` and ``browser`` where it was made. ``scopes`` are those of a token of a program, which has no
    forms."""

    operator: Operator
    id_hash: bytes
    csrf: str
    expires_ms: int
    created_ms: int = 0
    seen_ms: int = 0
    address: str = ""
    browser: str = ""
    scopes: frozenset[Right] | None = None

    @property
    def rights(self) -> frozenset[Right]:
        """What may be done by it: what its operator may, and of a token no more than its ``scopes``."""
        mine = self.operator.assignment.rule.rights
        return mine if self.scopes is None else mine & self.scopes

    @property
    def name(self) -> str:
        """What tells it from others of its operator. It logs nobody in."""
        return self.id_hash[:NAME_BYTES].hex()


OPERATOR_COLUMNS = tuple(operators.c[name] for name in Operator.__struct_fields__)
_LOGIN = tuple(logins.c[name] for name in Login.__struct_fields__[1:] if name != "scopes")


def add_operator(connection: Connection, name: str, password_hash: str, assignment: Assignment, now_ms: int) -> int:
    """The new operator's id. Raises ``IntegrityError`` if the name is taken."""
    values = {
        "name": name,
        "password_hash": password_hash,
        "role": assignment.role,
        "of": assignment.of,
        "created_ms": now_ms,
    }
    return int(connection.execute(insert(operators).values(values).returning(operators.c.id)).scalar_one())


def list_operators(connection: Connection) -> list[Operator]:
    return [Operator(*row) for row in connection.execute(select(*OPERATOR_COLUMNS).order_by(operators.c.name))]


def find_operator(connection: Connection, name: str) -> tuple[Operator, str] | None:
    """The operator of that name, and the hash of their password."""
    row = connection.execute(
        select(*OPERATOR_COLUMNS, operators.c.password_hash).where(operators.c.name == name)
    ).first()
    return None if row is None else (Operator(*row[:-1]), row[-1])


def set_assignment(connection: Connection, operator_id: int, assignment: Assignment) -> None:
    """Their logins stay: each request looks at the role anew."""
    connection.execute(
        update(operators).where(operators.c.id == operator_id).values(role=assignment.role, of=assignment.of)
    )


def set_password(connection: Connection, operator_id: int, password_hash: str) -> None:
    connection.execute(update(operators).where(operators.c.id == operator_id).values(password_hash=password_hash))


def set_disabled(connection: Connection, operator_id: int, disabled: bool) -> None:
    """Disabling an operator ends their logins in the same transaction."""
    connection.execute(update(operators).where(operators.c.id == operator_id).values(disabled=disabled))
    if disabled:
        end_logins(connection, operator_id)


def remove_operator(connection: Connection, operator_id: int) -> None:
    """Their logins end in the same transaction."""
    end_logins(connection, operator_id)
    connection.execute(delete(operator_networks).where(operator_networks.c.operator_id == operator_id))
    connection.execute(delete(operators).where(operators.c.id == operator_id))


def add_login(connection: Connection, login: Login, now_ms: int) -> None:
    """Open a login; those that have run out, and of too many the oldest, are swept away on the occasion."""
    of_operator = logins.c.operator_id == login.operator.id
    newest = select(logins.c.id_hash).where(of_operator).order_by(logins.c.created_ms.desc()).limit(MAX_LOGINS - 1)
    connection.execute(delete(logins).where(logins.c.expires_ms <= now_ms))
    connection.execute(delete(logins).where(of_operator, logins.c.id_hash.not_in(newest)))
    mine = operators.c.id == login.operator.id
    connection.execute(update(operators).where(mine).values(last_login_ms=now_ms))
    connection.execute(
        insert(logins).values(
            id_hash=login.id_hash,
            operator_id=login.operator.id,
            csrf=login.csrf,
            created_ms=now_ms,
            expires_ms=login.expires_ms,
            seen_ms=now_ms,
            address=login.address,
            browser=login.browser,
        )
    )


def find_login(connection: Connection, id_hash: bytes, now_ms: int) -> Login | None:
    """The login of that hash, if it has not run out and its operator may still log in."""
    found = _find_logins(connection, now_ms, logins.c.id_hash == id_hash)
    return found[0] if found else None


def list_logins(connection: Connection, operator_id: int, now_ms: int) -> list[Login]:
    """The logins of an operator that stand, the newest first."""
    return _find_logins(connection, now_ms, logins.c.operator_id == operator_id)


def _find_logins(connection: Connection, now_ms: int, which: ColumnElement[bool]) -> list[Login]:
    stands = which, logins.c.expires_ms > now_ms, operators.c.disabled.is_(False)
    query = select(*OPERATOR_COLUMNS, *_LOGIN).join_from(logins, operators).where(*stands)
    rows = connection.execute(query.order_by(logins.c.created_ms.desc(), logins.c.id_hash))
    return [Login(Operator(*row[: len(OPERATOR_COLUMNS)]), *row[len(OPERATOR_COLUMNS) :]) for row in rows]


def note_seen(connection: Connection, id_hash: bytes, now_ms: int) -> None:
    connection.execute(update(logins).where(logins.c.id_hash == id_hash).values(seen_ms=now_ms))


def ended_logins(connection: Connection, hashes: Collection[bytes], now_ms: int) -> set[bytes]:
    """Those of these hashes that `find_login` no longer finds."""
    stand = select(logins.c.id_hash).join_from(logins, operators)
    stand = stand.where(logins.c.id_hash.in_(hashes), logins.c.expires_ms > now_ms, operators.c.disabled.is_(False))
    return set(hashes) - set(connection.execute(stand).scalars())


def end_login(connection: Connection, id_hash: bytes) -> None:
    connection.execute(delete(logins).where(logins.c.id_hash == id_hash))


def end_logins(connection: Connection, operator_id: int, but: bytes = b"") -> None:
    """End every login of an operator, save the one whose hash is ``but``."""
    connection.execute(delete(logins).where(logins.c.operator_id == operator_id, logins.c.id_hash != but))


def know_network(connection: Connection, operator_id: int, network: str, now_ms: int) -> None:
    """The operator has logged in from there. Beyond ``MAX_NETWORKS`` the one that was used longest ago is forgotten."""
    mine = operator_networks.c.operator_id == operator_id
    connection.execute(delete(operator_networks).where(mine, operator_networks.c.network == network))
    newest = select(operator_networks.c.network).where(mine).order_by(operator_networks.c.seen_ms.desc())
    newest = newest.limit(MAX_NETWORKS - 1)
    connection.execute(delete(operator_networks).where(mine, operator_networks.c.network.not_in(newest)))
    values = {"operator_id": operator_id, "network": network, "seen_ms": now_ms}
    connection.execute(insert(operator_networks).values(values))


def knows_network(connection: Connection, operator_id: int, network: str, now_ms: int) -> bool:
    """Whether the operator has logged in from there within ``NETWORK_USUAL_MS``."""
    mine = (operator_networks.c.operator_id == operator_id) & (operator_networks.c.network == network)
    seen_ms = connection.execute(select(operator_networks.c.seen_ms).where(mine)).scalar()
    return seen_ms is not None and now_ms < seen_ms + NETWORK_USUAL_MS


class AuditEntry(Struct, frozen=True):
    """A row of the audit: who did what to whom, when. ``detail`` holds no secret and no card number."""

    id: int
    at_ms: int
    operator: str
    action: str
    subject: str
    detail: dict[str, str]


def record(connection: Connection, now_ms: int, operator: str, action: str, subject: str = "", **detail: str) -> None:
    """Write a row of the audit within the caller's writing transaction, so that the entry and its record are one."""
    last = _LAST_LINK.first(connection)
    number, before = (1, CHAIN_START) if last is None else (last[0] + 1, last[1])
    entry = AuditEntry(number, now_ms, operator, action, subject, detail)
    _ADD_ENTRY.run_many(
        connection, [(number, now_ms, operator, action, subject, json.dumps(detail), _link(before, entry))]
    )


def list_audit(connection: Connection, before: int | None = None, limit: int = 50) -> list[AuditEntry]:
    """The newest rows first, of those older than row ``before``."""
    query = select(*_ENTRY).order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(audit.c.id < before)
    return [AuditEntry(*row) for row in connection.execute(query)]


def last_entry(connection: Connection, subject: str, actions: Sequence[str]) -> AuditEntry | None:
    """The newest of these actions that was done to the subject."""
    query = select(*_ENTRY).where(audit.c.subject == subject, audit.c.action.in_(actions))
    row = connection.execute(query.order_by(audit.c.id.desc()).limit(1)).first()
    return None if row is None else AuditEntry(*row)


def first_broken_entry(connection: Connection, upto: int = 0, link: bytes = CHAIN_START) -> int | None:
    """The number of the first row that does not follow from the row before it, or None if the chain is whole. All rows
    up to ``upto``, whose link is ``link``, were deleted."""
    before, expected = link, upto + 1
    for row in connection.execute(select(*_ENTRY, audit.c.link).order_by(audit.c.id)):
        entry = AuditEntry(*row[:-1])
        if entry.id != expected or row.link != _link(before, entry):
            return expected
        before, expected = row.link, expected + 1
    return None


_LAST_LINK = Prepared(
    select(audit.c.id, audit.c.link).where(audit.c.id == select(func.max(audit.c.id)).scalar_subquery())
)
_ADD_ENTRY = Prepared(insert(audit), *audit.columns.keys())
"""An import writes tens of thousands: to compile and carry out each as other statements takes ten times as long."""
_ENTRY = (audit.c.id, audit.c.at_ms, audit.c.operator, audit.c.action, audit.c.subject, audit.c.detail)


def _link(before: bytes, entry: AuditEntry) -> bytes:
    return chain(before, msgspec.json.encode(entry, order="sorted"))
