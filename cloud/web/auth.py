"""Who may log in, and what they may do.

There is no default password: the first operator is made on the command line or by the demo. Passwords are stored as
argon2id, login secrets as their SHA-256, so a stolen database logs nobody in.
"""

import secrets
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from msgspec import Struct, structs
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from cloud.devices.registry import site_of
from cloud.store.database import Clock, Store
from cloud.web import assignments, operators
from cloud.web.names import UnclearName, clean_login, look
from cloud.web.networks import network_of
from cloud.web.operators import Login, Operator
from cloud.web.roles import Assignment
from cloud.web.roles import Right as Right
from cloud.web.roles import Role as Role
from cloud.web.second_factor import SecondFactor, forget_factor
from cloud.web.secret_hash import secret_hash
from cloud.web.throttle import Limit, Throttle
from cloud.web.tokens import end_tokens

MINUTE_MS = 60_000
LOGIN_LASTS_MS = 12 * 60 * MINUTE_MS
"""A shift. A login is not prolonged by use."""
HALF_LASTS_MS, MAX_HALF = 5 * MINUTE_MS, 1_000
"""How long a code may be waited for, and of how many at a time."""
MIN_PASSWORD = 10
MAX_PASSWORD = 200
"""Characters. The upper bound keeps a stranger from making us hash megabytes."""
MAX_NAME = 40
HASHING_AT_ONCE = 2
"""One hash takes 64 MiB; a flood of logins must not take the machine's memory."""
MAX_WAITING_HASHES = 6
"""Those that wait for one of these places. Each has a thread of the web's pool, of which pages need the others."""


class WrongPassword(Exception):
    """Wrong name or password, or the name rests after wrong tries: a stranger cannot tell which."""


class TooManyTries(Exception):
    """This address has to wait."""


class Busy(Exception):
    """More passwords are judged at this moment than the machine takes; nothing was counted against anybody."""


class WeakPassword(Exception):
    """The new password is not long enough, or too long."""


class NameTaken(Exception):
    """There is an operator of that name, or of one that looks the same."""


class BadName(Exception):
    """Nobody can be called so; the text says why."""


class LastAdmin(Exception):
    """Without this one there would be no administrator who may log in."""


class CodeNeeded(Exception):
    """Name and password are right, and the operator has a second factor: ``half`` is what a code completes to a login,
    within five minutes."""

    def __init__(self, half: str) -> None:
        super().__init__("a code of the second factor is needed")
        self.half = half


class HalfLogin(Struct, frozen=True):
    """Somebody whose password was right, and whose code is still to come."""

    operator: Operator
    expires_ms: int


class NoLogin(Exception):
    """No login of that operator is so called: it has ended."""


class NoOperator(Exception):
    """There is no operator of that name."""


AT_ONE_ADDRESS = Limit(20, 5 * MINUTE_MS)
NAME_FROM_ONE_ADDRESS = Limit(5, 15 * MINUTE_MS)
NAME_FROM_STRANGERS = Limit(50, 60 * MINUTE_MS)
"""From all addresses together at which the operator has never logged in, or not for long: whoever guesses from many of
them has 1,200 tries a day, and keeps nobody out who comes from where they usually do."""


Tries = Sequence[tuple[Throttle, str]]
"""Where a try is counted, each with its key."""


class Authenticator:
    """Logs operators in and out. Safe to call from any thread."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        hasher: PasswordHasher | None = None,
        second_factor: SecondFactor | None = None,
    ) -> None:
        """Without ``second_factor`` nobody is asked for one: for programs on the machine itself."""
        self._second_factor = second_factor
        self._half = OrderedDict[bytes, HalfLogin]()
        self._store = store
        self._clock = clock
        self._hasher = hasher or PasswordHasher()
        self._hashing = BoundedSemaphore(HASHING_AT_ONCE)
        self._admitted = BoundedSemaphore(HASHING_AT_ONCE + MAX_WAITING_HASHES)
        self._counting = Lock()
        self._by_address = Throttle(AT_ONE_ADDRESS)
        self._by_both = Throttle(NAME_FROM_ONE_ADDRESS)
        self._by_strangers = Throttle(NAME_FROM_STRANGERS)
        # Verified against where the name is unknown, so that both answers take equally long.
        self._nobody = self._hasher.hash(secrets.token_urlsafe())

    def add_operator(self, name: str, password: str, role: Role, by: str, of: str = "") -> int:
        """The new operator's id. ``of`` is the zone, cell or party that the role is for. Raises ``BadName``,
        ``assignments.BadAssignment``, ``WeakPassword`` or ``NameTaken``."""
        try:
            name = clean_login(name)
        except UnclearName as wrong:
            raise BadName(str(wrong)) from None
        if len(name) > MAX_NAME:
            raise BadName(f"a name has at most {MAX_NAME} characters")
        password_hash = self._hash(password)
        try:
            with self._store.writing() as connection:
                assignment = assignments.check_assignment(connection, Assignment(role, of))
                if look(name) in {look(one.name) for one in operators.list_operators(connection)}:
                    raise NameTaken(name)
                added = operators.add_operator(connection, name, password_hash, assignment, self._clock())
                operators.record(connection, self._clock(), by, "operator.added", name, **_detail(assignment))
        except IntegrityError:
            raise NameTaken(name) from None
        return added

    def log_in(self, name: str, password: str, address: str, browser: str = "", code: str = "") -> tuple[str, Login]:
        """A new login and its secret, which is nowhere else; ``browser`` is what its owner knows it by. Raises
        ``TooManyTries``, ``WrongPassword`` or ``Busy``; of somebody with a second factor ``CodeNeeded`` without a
        ``code``, and with one what ``SecondFactor.judge`` raises."""
        account = self._judge(name, password, address, self._clock())
        if self._second_factor is not None and self._second_factor.is_asked(account):
            if not code:
                raise CodeNeeded(self._begin_half(account))
            self._second_factor.judge(account, code)
        return self._open(account, address, browser)

    def complete(self, half: str, code: str, address: str, browser: str = "") -> tuple[str, Login]:
        """The login of somebody who was asked for a code. Raises ``WrongPassword`` where nobody was, or not lately,
        and what ``SecondFactor.judge`` raises."""
        name, now_ms = secret_hash(half), self._clock()
        with self._counting:
            known = self._half.get(name)
        if known is None or known.expires_ms <= now_ms or self._second_factor is None:
            raise WrongPassword
        self._second_factor.judge(known.operator, code)
        with self._counting:
            self._half.pop(name, None)
        with self._store.reading() as connection:
            account = operators.find_operator(connection, known.operator.name)
        if account is None or account[0].disabled:
            raise WrongPassword
        return self._open(account[0], address, browser)

    def _begin_half(self, account: Operator) -> str:
        half = secrets.token_urlsafe(32)
        with self._counting:
            self._half[secret_hash(half)] = HalfLogin(account, self._clock() + HALF_LASTS_MS)
            if len(self._half) > MAX_HALF:
                self._half.popitem(last=False)
        return half

    def _open(self, account: Operator, address: str, browser: str) -> tuple[str, Login]:
        now_ms, secret = self._clock(), secrets.token_urlsafe(32)
        login = Login(
            structs.replace(account, last_login_ms=now_ms),
            secret_hash(secret),
            secrets.token_urlsafe(24),
            now_ms + LOGIN_LASTS_MS,
            created_ms=now_ms,
            seen_ms=now_ms,
            address=address,
            browser=browser,
        )
        with self._store.writing() as connection:
            operators.add_login(connection, login, now_ms)
            operators.know_network(connection, account.id, network_of(address), now_ms)
            operators.record(connection, now_ms, account.name, "login", address=address)
        return secret, login

    def login_of(self, secret: str) -> Login | None:
        """The login that a cookie or bearer token stands for, while it stands."""
        now_ms = self._clock()
        with self._store.reading() as connection:
            login = operators.find_login(connection, secret_hash(secret), now_ms)
        if login is not None and now_ms - login.seen_ms >= operators.SEEN_EVERY_MS:
            with self._store.writing() as connection:
                operators.note_seen(connection, login.id_hash, now_ms)
        return login

    def logins_of(self, operator: Operator) -> list[Login]:
        """Those that stand, the newest first."""
        with self._store.reading() as connection:
            return operators.list_logins(connection, operator.id, self._clock())

    def end_login(self, operator: Operator, name: str, by: str) -> None:
        """End one login of an operator. Raises ``NoLogin``."""
        with self._store.writing() as connection:
            listed = operators.list_logins(connection, operator.id, self._clock())
            found = next((one for one in listed if one.name == name), None)
            if found is None:
                raise NoLogin(name)
            operators.end_login(connection, found.id_hash)
            operators.record(connection, self._clock(), by, "login.ended", operator.name, address=found.address)

    def end_other_logins(self, login: Login) -> None:
        """End all of an operator's logins but the one that asks for it."""
        with self._store.writing() as connection:
            operators.end_logins(connection, login.operator.id, but=login.id_hash)
            name = login.operator.name
            operators.record(connection, self._clock(), name, "operator.logged_out", name)

    def log_out(self, login: Login) -> None:
        with self._store.writing() as connection:
            operators.end_login(connection, login.id_hash)
            operators.record(connection, self._clock(), login.operator.name, "logout")

    def change_password(self, login: Login, old: str, new: str, address: str) -> None:
        """Ends every other login of this operator. Raises ``WeakPassword``, ``WrongPassword``, ``TooManyTries`` or
        ``Busy``."""
        name, now_ms = login.operator.name, self._clock()
        self._judge(name, old, address, now_ms)
        password_hash = self._hash(new)
        with self._store.writing() as connection:
            operators.set_password(connection, login.operator.id, password_hash)
            operators.end_logins(connection, login.operator.id, but=login.id_hash)
            operators.record(connection, now_ms, name, "password.changed", name)

    def reset_password(self, name: str, new: str, by: str) -> None:
        """For somebody who has forgotten theirs; ends logins and tokens. Raises ``WeakPassword`` or ``NoOperator``."""
        password_hash = self._hash(new)
        with self._store.writing() as connection:
            account = operators.find_operator(connection, name)
            if account is None:
                raise NoOperator(name)
            operators.set_password(connection, account[0].id, password_hash)
            operators.end_logins(connection, account[0].id)
            end_tokens(connection, site_of(connection).name, account[0].id)
            operators.record(connection, self._clock(), by, "password.reset", name)
        with self._counting:
            self._half = OrderedDict((key, one) for key, one in self._half.items() if one.operator.name != name)

    def admit(self, name: str, address: str, by: str) -> None:
        """Let somebody log in from an address while strangers guess at their name. Raises ``NoOperator``."""
        with self._store.writing() as connection:
            account = operators.find_operator(connection, name)
            if account is None:
                raise NoOperator(name)
            operators.know_network(connection, account[0].id, network_of(address), self._clock())
            operators.record(connection, self._clock(), by, "operator.admitted", name, address=address)

    def set_disabled(self, operator: Operator, disabled: bool, by: str) -> None:
        """Disabling ends the operator's logins at once. Raises ``LastAdmin``."""
        with self._store.writing() as connection:
            if disabled:
                _keep_an_admin(connection, operator)
            operators.set_disabled(connection, operator.id, disabled)
            action = "operator.disabled" if disabled else "operator.enabled"
            operators.record(connection, self._clock(), by, action, operator.name)

    def set_assignment(self, operator: Operator, assignment: Assignment, by: str) -> None:
        """Give an operator another role. Raises ``assignments.BadAssignment`` or ``LastAdmin``."""
        with self._store.writing() as connection:
            assignment = assignments.check_assignment(connection, assignment)
            if assignment.role is not Role.ADMIN:
                _keep_an_admin(connection, operator)
            operators.set_assignment(connection, operator.id, assignment)
            operators.record(connection, self._clock(), by, "operator.changed", operator.name, **_detail(assignment))

    def end_logins(self, operator: Operator, by: str) -> None:
        """Log somebody out everywhere, their programs too."""
        with self._store.writing() as connection:
            operators.end_logins(connection, operator.id)
            end_tokens(connection, site_of(connection).name, operator.id)
            operators.record(connection, self._clock(), by, "operator.logged_out", operator.name)

    def remove_operator(self, operator: Operator, by: str) -> None:
        """Forget an operator and end their logins; the audit keeps what they did. Raises ``LastAdmin``."""
        with self._store.writing() as connection:
            _keep_an_admin(connection, operator)
            site = site_of(connection).name
            forget_factor(connection, site, operator.id)
            end_tokens(connection, site, operator.id)
            operators.remove_operator(connection, operator.id)
            operators.record(connection, self._clock(), by, "operator.removed", operator.name, role=operator.role)

    def _hash(self, password: str) -> str:
        if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
            raise WeakPassword
        with self._turn():
            return self._hasher.hash(password)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """A place to hash in, after a short wait at most. Raises ``Busy``."""
        if not self._admitted.acquire(blocking=False):
            raise Busy
        try:
            with self._hashing:
                yield
        finally:
            self._admitted.release()

    def _matches(self, password_hash: str, password: str) -> bool:
        with self._turn():
            try:
                self._hasher.verify(password_hash, password[:MAX_PASSWORD])
            except (VerificationError, InvalidHashError):
                return False
        return len(password) <= MAX_PASSWORD

    def _judge(self, name: str, password: str, address: str, now_ms: int) -> Operator:
        """Whose name and password these are. A try is counted before it is judged, or as many as come at once would all
        be judged. Raises ``TooManyTries``, ``WrongPassword`` or ``Busy``."""
        network = network_of(address)
        with self._store.reading() as connection:
            account = operators.find_operator(connection, name)
            usual = account is not None and operators.knows_network(connection, account[0].id, network, now_ms)
        of_name = [(self._by_both, f"{name}\n{network}"), *([] if usual else [(self._by_strangers, name)])]
        self._count(network, of_name, now_ms)
        try:
            matches = self._matches(account[1] if account else self._nobody, password)
        except Busy:
            self._withdraw(network, of_name, now_ms)
            raise
        if account is None or account[0].disabled or not matches:
            self._record_wrong(name if account else "", address, now_ms)
            raise WrongPassword
        self._withdraw(network, of_name, now_ms)
        with self._counting:
            self._by_both.forget(f"{name}\n{network}")
        return account[0]

    def _count(self, network: str, of_name: Tries, now_ms: int) -> None:
        """Count a try. While a name rests its tries are counted against the address alone: nobody keeps it resting.

        Raises ``TooManyTries`` or ``WrongPassword``.
        """
        with self._counting:
            if self._by_address.blocks(network, now_ms):
                raise TooManyTries
            self._by_address.count(network, now_ms)
            if any(throttle.blocks(key, now_ms) for throttle, key in of_name):
                raise WrongPassword
            for throttle, key in of_name:
                throttle.count(key, now_ms)

    def _withdraw(self, network: str, of_name: Tries, now_ms: int) -> None:
        with self._counting:
            for throttle, key in ((self._by_address, network), *of_name):
                throttle.withdraw(key, now_ms)

    def _record_wrong(self, known_name: str, address: str, now_ms: int) -> None:
        """A name nobody has is not recorded: people type their password into the wrong field."""
        with self._store.writing() as connection:
            operators.record(connection, now_ms, known_name, "login.refused", address=address)


def _detail(assignment: Assignment) -> dict[str, str]:
    """What the audit says of a role."""
    return {"role": assignment.role.value} | ({"of": assignment.of} if assignment.of else {})


def _keep_an_admin(connection: Connection, leaving: Operator) -> None:
    others = (one for one in operators.list_operators(connection) if one.id != leaving.id and not one.disabled)
    if leaving.role == Role.ADMIN and not any(one.role == Role.ADMIN for one in others):
        raise LastAdmin(leaving.name)
