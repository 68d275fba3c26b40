"""The use cases of riders at the gate: one asks, a guard answers with one tap, and the rider has a permit."""

import hashlib
import secrets
from functools import partial

from sqlalchemy import Connection

from cloud.bars.rule import clean_phone
from cloud.bars.store import bars_of_mark
from cloud.devices.registry import site_of
from cloud.joining import store
from cloud.joining.rule import (
    ENDING_DIGITS,
    MAX_OF_PHONE,
    MAX_WAITING,
    PHONE_SPAN_MS,
    JoinRequest,
    JoinState,
)
from cloud.keys.keys import KeyFolder
from cloud.line.worker import Worker
from cloud.permits.kinds import PermitKind
from cloud.permits.service import PermitAsked, PermitService
from cloud.store.database import Clock, Store
from cloud.web.names import clean_text
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_
from contract.decide import DAY_MS
from contract.sealing import credential_digest

MAX_NAME = 20
SECRET_BYTES = 16
KEPT_MS = 30 * DAY_MS
FORGET_EVERY_S = 3600.0

NO_CONSENT = N_("Tick that you agree: without it nothing is kept, and the guard lets you in by hand.")
NO_NAME = N_("Write your name, as the guard may call you.")
NO_PHONE = N_("A telephone number has 5 to 15 digits.")
IS_FULL = N_("Too many wait here already: go to the guard.")
TOO_OFTEN = N_("This number has asked %(most)s times within the hour: go to the guard.")
IS_BARRED = N_("Go to the guard, please.")
NO_REQUEST = N_("Nobody waits under this number any more. Nothing was changed.")


class JoinService:
    """The service of riders who ask to be let in. Any thread may use it; ``by`` is the operator's name."""

    def __init__(self, store: Store, keys: KeyFolder, clock: Clock, permit_service: PermitService) -> None:
        self._store, self._keys, self._clock, self._permits = store, keys, clock, permit_service

    def ask(self, hub: str, name: str, phone: str, *, consents: bool, is_robot: bool = False) -> str:
        """A rider asks at this hub; returns what their page is called. A robot is answered as anybody is, and nothing
        is kept of it. Raises ``Rejected``, or ``ValueError`` for what is no name."""
        if not consents:
            raise Rejected(NO_CONSENT, "consent")
        shown, digits, now_ms = clean_text(name, MAX_NAME), _digits(phone), self._clock()
        if not shown:
            raise Rejected(NO_NAME, "name")
        secret = secrets.token_urlsafe(SECRET_BYTES)
        if is_robot:
            return secret
        hashed = credential_digest(self._keys.digest, b"phone:" + digits.encode())
        with self._store.writing() as connection:
            site = site_of(connection).name
            self._check(connection, site, hub, hashed, now_ms)
            request = store.add_request(
                connection,
                site,
                hub=hub,
                name=shown,
                phone=hashed,
                ending=digits[-ENDING_DIGITS:],
                secret_hash=_hash(secret),
                asked_ms=now_ms,
            )
            record(connection, now_ms, "rider", "join.asked", f"request {request}")
        return secret

    def look(self, hub: str, secret: str) -> tuple[JoinState, str]:
        """What has become of a request, and the digits of the code that it was let in with."""
        with self._store.reading() as connection:
            request = store.request_of(connection, site_of(connection).name, hub, _hash(secret))
        state = JoinState.WAITING if request is None else request.state(self._clock())
        if request is None or state is not JoinState.LET_IN or request.permit is None:
            return state, ""
        return state, self._permits.tell(request.permit).code

    def waiting(self) -> list[JoinRequest]:
        """Who waits, longest first."""
        with self._store.reading() as connection:
            return store.waiting_requests(connection, site_of(connection).name, self._clock())

    def let_in(self, by: str, request: int) -> int:
        """Answer with a rider's permit; returns it. Raises ``Rejected``."""
        known = self._known(request)
        permit = self._permits.draw(by, PermitAsked(kind=PermitKind.RIDER, name=known.name, code=True)).permit
        try:
            self._answer(by, known, "let_in", "join.let_in", permit)
        except Rejected:  # another guard was quicker
            self._permits.end(by, permit)
            raise
        return permit

    def refuse(self, by: str, request: int) -> None:
        """Raises ``Rejected``."""
        self._answer(by, self._known(request), "refused", "join.refused", None)

    def _known(self, request: int) -> JoinRequest:
        with self._store.reading() as connection:
            known = store.find_request(connection, site_of(connection).name, request)
        if known is None or known.state(self._clock()) is not JoinState.WAITING:
            raise Rejected(NO_REQUEST, status=409)
        return known

    def _answer(self, by: str, known: JoinRequest, answer: str, action: str, permit: int | None) -> None:
        now_ms = self._clock()
        values = {"answer": answer, "answered_by": by, "answered_ms": now_ms, "permit_id": permit}
        with self._store.writing() as connection:
            if not store.answer_request(connection, site_of(connection).name, known.id, **values):
                raise Rejected(NO_REQUEST, status=409)
            record(connection, now_ms, by, action, f"request {known.id}")

    def _check(self, connection: Connection, site: str, hub: str, hashed: bytes, now_ms: int) -> None:
        """Raises ``Rejected`` for one too many, and for a telephone that is barred."""
        if any(one.bar.counts_at(now_ms) for one in bars_of_mark(connection, site, phone=hashed)):
            raise Rejected(IS_BARRED, status=403)
        if store.count_of_phone(connection, site, hashed, now_ms - PHONE_SPAN_MS) >= MAX_OF_PHONE:
            raise Rejected(TOO_OFTEN, "phone", 429, most=MAX_OF_PHONE)
        if len(store.waiting_requests(connection, site, now_ms, hub)) >= MAX_WAITING:
            raise Rejected(IS_FULL, status=429)


def _digits(phone: str) -> str:
    try:
        return clean_phone(phone)
    except ValueError:
        raise Rejected(NO_PHONE, "phone") from None


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def forget_requests(store_: Store, clock: Clock) -> None:
    """Delete what is older than a rider was told that it is kept."""
    with store_.writing() as connection:
        store.delete_requests(connection, site_of(connection).name, clock() - KEPT_MS)


def join_worker(store_: Store, clock: Clock) -> Worker[None]:
    """The thread that does so while the cloud runs."""
    look = partial(forget_requests, store_, clock)
    return Worker[None]("riders", "requests of riders are not deleted", look=look, every_s=FORGET_EVERY_S)
