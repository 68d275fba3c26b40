"""Tokens of programs: what an operator lets one do in their name, for a time.

A token never may more than its owner at that moment, ends with the account, and is taken by the API alone.
"""

import secrets
from collections.abc import Collection

from msgspec import Struct
from sqlalchemy import Connection, delete, func, insert, select, update

from cloud.devices.registry import site_of
from cloud.store.database import Clock, Store
from cloud.web.names import clean_text
from cloud.web.operators import OPERATOR_COLUMNS, SEEN_EVERY_MS, Login, Operator, record
from cloud.web.rejected import Rejected
from cloud.web.roles import Right
from cloud.web.secret_hash import secret_hash
from cloud.web.sentence import N_
from cloud.web.tables import api_tokens, operators
from contract.decide import DAY_MS

PREFIX = "hgt_"
"""By it scanners of public code know a token that was left lying about."""
TOKEN_BYTES = 32
MAX_TOKENS, MAX_NAME, MAX_DAYS = 20, 40, 366
NO_NAME = N_("Write what the token is for. Nothing was made.")
NO_SCOPE = N_("Choose what the token may do. Nothing was made.")
NOT_YOURS = N_("A token may do no more than you: leave out %(rights)s. Nothing was made.")
BAD_DAYS = N_("A token counts for 1 to %(most)s days. Nothing was made.")
TOO_MANY = N_("You have %(most)s tokens: end those that nobody needs. Nothing was made.")
NO_TOKEN = N_("There is no such token of yours: it has ended.")


class Token(Struct, frozen=True):
    """A token as its owner knows it; what is sent is stored nowhere. Times are UTC milliseconds."""

    id: int
    name: str
    scopes: tuple[str, ...]
    created_ms: int
    expires_ms: int
    used_ms: int | None = None


class TokenService:
    """The service of tokens. Any thread may use it. What is rejected leaves no trace."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def make(self, owner: Operator, name: str, scopes: Collection[Right], days: int) -> str:
        """A new token, which is shown now and never again. Raises ``Rejected``, or ``ValueError`` for what is no
        name."""
        now_ms, text, called = self._clock(), PREFIX + secrets.token_urlsafe(TOKEN_BYTES), clean_text(name, MAX_NAME)
        if not called:
            raise Rejected(NO_NAME, "name")
        if not scopes:
            raise Rejected(NO_SCOPE, "scopes")
        if beyond := sorted(set(scopes) - owner.assignment.rule.rights):
            raise Rejected(NOT_YOURS, "scopes", rights=", ".join(beyond))
        if not 1 <= days <= MAX_DAYS:
            raise Rejected(BAD_DAYS, "days", most=MAX_DAYS)
        with self._store.writing() as connection:
            site = site_of(connection).name
            if len(list_tokens(connection, site, owner.id, now_ms)) >= MAX_TOKENS:
                raise Rejected(TOO_MANY, status=409, most=MAX_TOKENS)
            made = Token(0, called, tuple(sorted(scopes)), now_ms, now_ms + days * DAY_MS)
            _add(connection, site, owner.id, made, secret_hash(text))
            record(connection, now_ms, owner.name, "token.made", called, scopes=", ".join(sorted(scopes)))
        return text

    def list_of(self, owner: Operator) -> list[Token]:
        """Those that count, the newest first."""
        with self._store.reading() as connection:
            return list_tokens(connection, site_of(connection).name, owner.id, self._clock())

    def end(self, owner: Operator, token: int, by: str) -> None:
        """Raises ``Rejected``."""
        with self._store.writing() as connection:
            name = _end(connection, site_of(connection).name, owner.id, token)
            if name is None:
                raise Rejected(NO_TOKEN, status=404)
            record(connection, self._clock(), by, "token.ended", name)

    def login_of(self, text: str) -> Login | None:
        """In whose name a program speaks, and what it may."""
        now_ms, token_hash = self._clock(), secret_hash(text)
        with self._store.reading() as connection:
            found = _find(connection, site_of(connection).name, token_hash, now_ms)
        if found is not None and now_ms - found.seen_ms >= SEEN_EVERY_MS:
            with self._store.writing() as connection:
                _note_used(connection, site_of(connection).name, token_hash, now_ms)
        return found


def list_tokens(connection: Connection, site: str, operator_id: int, now_ms: int) -> list[Token]:
    mine = api_tokens.c.site == site, api_tokens.c.operator_id == operator_id, api_tokens.c.expires_ms > now_ms
    columns = [api_tokens.c[name] for name in Token.__struct_fields__]
    rows = connection.execute(select(*columns).where(*mine).order_by(api_tokens.c.id.desc()))
    return [Token(row.id, row.name, tuple(row.scopes.split(",")), *row[3:]) for row in rows]


def end_tokens(connection: Connection, site: str, operator_id: int) -> None:
    """All of an operator's."""
    connection.execute(delete(api_tokens).where(api_tokens.c.site == site, api_tokens.c.operator_id == operator_id))


def standing_tokens(connection: Connection, site: str, hashes: Collection[bytes], now_ms: int) -> set[bytes]:
    """Those of these hashes that are tokens which count."""
    stand = api_tokens.c.site == site, api_tokens.c.expires_ms > now_ms, operators.c.disabled.is_(False)
    query = select(api_tokens.c.token_hash).join_from(api_tokens, operators)
    return set(connection.execute(query.where(*stand, api_tokens.c.token_hash.in_(hashes))).scalars())


def _find(connection: Connection, site: str, token_hash: bytes, now_ms: int) -> Login | None:
    counts = api_tokens.c.site == site, api_tokens.c.expires_ms > now_ms, operators.c.disabled.is_(False)
    own = api_tokens.c.scopes, api_tokens.c.expires_ms, api_tokens.c.created_ms, func.coalesce(api_tokens.c.used_ms, 0)
    query = select(*OPERATOR_COLUMNS, *own).join_from(api_tokens, operators)
    row = connection.execute(query.where(*counts, api_tokens.c.token_hash == token_hash)).first()
    if row is None:
        return None
    *of_operator, scopes, expires_ms, created_ms, used_ms = row
    known = frozenset(Right(one) for one in scopes.split(",") if one in list(Right))
    return Login(Operator(*of_operator), token_hash, "", expires_ms, created_ms, used_ms, scopes=known)


def _add(connection: Connection, site: str, operator_id: int, made: Token, token_hash: bytes) -> None:
    values = {"name": made.name, "token_hash": token_hash, "scopes": ",".join(made.scopes)}
    span = {"created_ms": made.created_ms, "expires_ms": made.expires_ms}
    connection.execute(insert(api_tokens).values(site=site, operator_id=operator_id, **values, **span))


def _end(connection: Connection, site: str, operator_id: int, token: int) -> str | None:
    """What it was called; None if there is none."""
    mine = api_tokens.c.site == site, api_tokens.c.operator_id == operator_id, api_tokens.c.id == token
    name: str | None = connection.execute(delete(api_tokens).where(*mine).returning(api_tokens.c.name)).scalar()
    return name


def _note_used(connection: Connection, site: str, token_hash: bytes, now_ms: int) -> None:
    mine = api_tokens.c.site == site, api_tokens.c.token_hash == token_hash
    connection.execute(update(api_tokens).where(*mine).values(used_ms=now_ms))
