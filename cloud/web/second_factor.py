"""A second factor of operators: a code that an app makes anew every 30 seconds (TOTP, RFC 6238), and codes on paper for
when the app is lost.

The secret is encrypted in the database, as card numbers are. No code counts twice, and wrong ones are throttled like
passwords.
"""

import secrets
from base64 import b32encode
from collections.abc import Sequence

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from msgspec import Struct
from sqlalchemy import Connection, delete, insert, select, update

from cloud.devices.registry import site_of
from cloud.keys.keys import NumberSeal
from cloud.store.database import Clock, Store
from cloud.web.operators import Operator, record
from cloud.web.secret_hash import secret_hash
from cloud.web.tables import operators, recovery_codes, second_factors
from cloud.web.throttle import Limit, Throttle
from contract.decide import MINUTE_MS

SECRET_BYTES, DIGITS, STEP_S = 20, 6, 30
"""As every app expects them: RFC 6238, section 4."""
STEPS_OFF = (0, -1, 1)
"""The clock of a telephone may be half a minute off, either way."""
CODES, CODE_GROUPS, GROUP_LETTERS = 10, 4, 4
OF_CODES = Limit(5, 15 * MINUTE_MS)
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without those that are taken for others on paper: 5 bits each."""


class WrongCode(Exception):
    """Not the code of this moment, or it was used already."""


class TooManyCodes(Exception):
    """So many wrong codes that this operator has to wait."""


class Enrolment(Struct, frozen=True):
    """What an app needs: the secret in base32, and the address that a QR code holds."""

    secret: str
    address: str


def matching_step(secret: bytes, code: str, now_ms: int, after_step: int) -> int | None:
    """The step of time whose code this is: of this moment or next to it, and later than ``after_step``. Pure."""
    made = TOTP(secret, DIGITS, SHA1(), STEP_S)  # noqa: S303 - what apps know; no collision helps against an HMAC
    now = now_ms // 1000 // STEP_S
    for step in (now + off for off in STEPS_OFF):
        if step > after_step and secrets.compare_digest(made.generate(step * STEP_S), code.encode()):
            return step
    return None


class SecondFactor:
    """The second factors of all operators. Any thread may use it. ``seal`` encrypts their secrets."""

    def __init__(self, store: Store, seal: NumberSeal, clock: Clock) -> None:
        self._store, self._seal, self._clock = store, seal, clock
        self._wrong = Throttle(OF_CODES)

    def is_asked(self, operator: Operator) -> bool:
        """Whether a code is asked of them."""
        with self._store.reading() as connection:
            known = _find(connection, site_of(connection).name, operator.id)
        return known is not None and known.confirmed_ms is not None

    def begin(self, operator: Operator, community: str) -> Enrolment:
        """A new secret, in the place of one that was not confirmed. Raises ``WrongCode`` where one is."""
        secret = secrets.token_bytes(SECRET_BYTES)
        with self._store.writing() as connection:
            site = site_of(connection).name
            known = _find(connection, site, operator.id)
            if known is not None and known.confirmed_ms is not None:
                raise WrongCode
            forget_factor(connection, site, operator.id)
            _add(connection, site, operator.id, self._seal.close(secret.hex(), _about(operator)))
        made = TOTP(secret, DIGITS, SHA1(), STEP_S)  # noqa: S303
        return Enrolment(b32encode(secret).decode(), made.get_provisioning_uri(operator.name, community))

    def confirm(self, operator: Operator, code: str) -> Sequence[str]:
        """The app shows the right code: it is asked from now on. Returns the codes for paper, which are nowhere else.
        Raises ``WrongCode`` or ``TooManyCodes``."""
        with self._store.reading() as connection:
            known = _find(connection, site_of(connection).name, operator.id)
        if known is None or known.confirmed_ms is not None:
            raise WrongCode
        step, now_ms = self._check(operator, known, code), self._clock()
        on_paper = [_on_paper() for _ in range(CODES)]
        with self._store.writing() as connection:
            if not _confirm(connection, site_of(connection).name, operator.id, now_ms, step, on_paper):
                raise WrongCode  # it was confirmed at the same moment
            record(connection, now_ms, operator.name, "factor.added", operator.name)
        return on_paper

    def judge(self, operator: Operator, code: str) -> None:
        """Use up a code of the app, or one from paper. Raises ``WrongCode`` or ``TooManyCodes``."""
        with self._store.reading() as connection:
            known = _find(connection, site_of(connection).name, operator.id)
        if known is None:
            raise WrongCode
        if not code.strip().isdecimal() and self._use_paper(operator, code):
            return
        step = self._check(operator, known, code)
        with self._store.writing() as connection:
            if not _use_step(connection, site_of(connection).name, operator.id, step):
                raise WrongCode

    def end(self, operator: Operator, by: str) -> None:
        """No code is asked any more."""
        with self._store.writing() as connection:
            if forget_factor(connection, site_of(connection).name, operator.id):
                record(connection, self._clock(), by, "factor.removed", operator.name)

    def _check(self, operator: Operator, known: "_Known", code: str) -> int:
        """Counted before it is judged. Raises ``WrongCode`` or ``TooManyCodes``."""
        now_ms = self._clock()
        if self._wrong.blocks(operator.name, now_ms):
            raise TooManyCodes
        self._wrong.count(operator.name, now_ms)
        secret = bytes.fromhex(self._seal.open(known.sealed, _about(operator)))
        digits = code.replace(" ", "")
        is_code = digits.isascii() and digits.isdecimal() and len(digits) == DIGITS
        step = matching_step(secret, digits, now_ms, known.last_step) if is_code else None
        if step is None:
            raise WrongCode
        self._wrong.forget(operator.name)
        return step

    def _use_paper(self, operator: Operator, code: str) -> bool:
        """Whether it is one of those on paper. Raises ``TooManyCodes``."""
        now_ms = self._clock()
        if self._wrong.blocks(operator.name, now_ms):
            raise TooManyCodes
        with self._store.writing() as connection:
            is_one = _use_on_paper(connection, site_of(connection).name, operator.id, code)
            if is_one:
                record(connection, now_ms, operator.name, "factor.paper_used", operator.name)
        return is_one


def names_with_factor(connection: Connection, site: str) -> set[str]:
    """The operators of whom a code is asked."""
    asked = second_factors.c.site == site, second_factors.c.confirmed_ms.is_not(None)
    named = select(operators.c.name).join_from(second_factors, operators).where(*asked)
    return set(connection.execute(named).scalars())


def forget_factor(connection: Connection, site: str, operator_id: int) -> bool:
    """Whether there was one."""
    for table in (recovery_codes, second_factors):
        gone = connection.execute(delete(table).where(table.c.site == site, table.c.operator_id == operator_id))
    return bool(gone.rowcount)


class _Known(Struct, frozen=True):
    sealed: bytes
    confirmed_ms: int | None
    last_step: int


def _find(connection: Connection, site: str, operator_id: int) -> _Known | None:
    columns = [second_factors.c[name] for name in _Known.__struct_fields__]
    mine = second_factors.c.site == site, second_factors.c.operator_id == operator_id
    row = connection.execute(select(*columns).where(*mine)).first()
    return None if row is None else _Known(*row)


def _add(connection: Connection, site: str, operator_id: int, sealed: bytes) -> None:
    values = {"site": site, "operator_id": operator_id, "sealed": sealed, "last_step": 0}
    connection.execute(insert(second_factors).values(values))


def _confirm(
    connection: Connection, site: str, operator_id: int, now_ms: int, step: int, on_paper: Sequence[str]
) -> bool:
    """Whether it was not confirmed before."""
    mine = second_factors.c.site == site, second_factors.c.operator_id == operator_id
    new = update(second_factors).where(*mine, second_factors.c.confirmed_ms.is_(None))
    if not connection.execute(new.values(confirmed_ms=now_ms, last_step=step)).rowcount:
        return False
    whose = {"site": site, "operator_id": operator_id}
    connection.execute(insert(recovery_codes), [{**whose, "code_hash": secret_hash(_plain(one))} for one in on_paper])
    return True


def _use_step(connection: Connection, site: str, operator_id: int, step: int) -> bool:
    """Whether nobody has used a code of this step or a later one."""
    mine = second_factors.c.site == site, second_factors.c.operator_id == operator_id
    later = update(second_factors).where(*mine, second_factors.c.last_step < step)
    return bool(connection.execute(later.values(last_step=step)).rowcount)


def _use_on_paper(connection: Connection, site: str, operator_id: int, code: str) -> bool:
    """Whether it is one of theirs; it is none any more."""
    mine = recovery_codes.c.site == site, recovery_codes.c.operator_id == operator_id
    used = delete(recovery_codes).where(*mine, recovery_codes.c.code_hash == secret_hash(_plain(code)))
    return bool(connection.execute(used).rowcount)


def _about(operator: Operator) -> bytes:
    """To what a secret is bound: it opens for no other operator."""
    return b"second factor:%d" % operator.id


def _on_paper() -> str:
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(GROUP_LETTERS)) for _ in range(CODE_GROUPS))
    return "-".join(groups)


def _plain(code: str) -> str:
    """As it is hashed, however it was typed."""
    return "".join(code.split()).replace("-", "").upper()
