"""The use cases of riders at the gate: one asks, a guard answers with one tap, and the rider has a permit: with a pass
for the telephone that asked, and a code."""

import secrets
from collections.abc import Sequence
from functools import partial

from msgspec import Struct
from sqlalchemy import Connection

from cloud.bars.rule import clean_phone
from cloud.bars.store import bars_of_mark
from cloud.cards.held_keys import close_key, key_of, open_key
from cloud.cards.phone_keys import Offer
from cloud.cards.slots import Slot, carried_ahead
from cloud.devices.registry import site_of
from cloud.joining import store
from cloud.joining.rule import (
    A_RIDER,
    ENDING_DIGITS,
    KEPT_MS,
    MAX_A_MINUTE,
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
from cloud.store.database import Clock, JoinedStore, Store
from cloud.web.names import clean_text
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.secret_hash import secret_hash
from cloud.web.sentence import N_
from contract.cose import key_id_of
from contract.decide import MINUTE_MS
from contract.sealing import credential_digest

MAX_NAME = 20
SECRET_BYTES = 16
FORGET_EVERY_S = 3600.0
NO_CONSENT = N_("Tick that you agree: without it nothing is kept, and the guard lets you in by hand.")
NO_NAME = N_("Write your name, as the guard may call you.")
NO_PHONE = N_("A telephone number has 5 to 15 digits.")
IS_FULL = N_("Too many wait here already: go to the guard.")
TOO_MANY_AT_ONCE = N_("Too many ask here at once: wait a minute, or go to the guard.")
TOO_OFTEN = N_("This number or phone has asked %(most)s times within the hour: go to the guard.")
IS_BARRED = N_("Go to the guard, please.")
NO_REQUEST = N_("Nobody waits under this number any more. Nothing was changed.")
NOT_KNOWN = N_("This phone is not known here any more: fill in the form once more.")


class JoinAnswer(Struct, frozen=True):
    """What a rider's page shows. Once they are let in: the ``digits`` of their code; and the pass that was signed for
    the key of their telephone (``key_id`` in hex), with ``slots`` where that key is held here."""

    state: JoinState
    digits: str = ""
    key_id: str = ""
    carried: bytes = b""
    slots: Sequence[Slot] = ()


class JoinService:
    """The service of riders who ask to be let in. Any thread may use it; ``by`` is the operator's name. What is
    rejected leaves no trace."""

    def __init__(self, store: Store, keys: KeyFolder, clock: Clock) -> None:
        self._store, self._keys, self._clock = store, keys, clock

    def ask(
        self, hub: str, name: str, phone: str, offer: Offer | None = None, *, consents: bool, is_robot: bool = False
    ) -> str:
        """A rider asks at this hub with the key that their telephone ``offer``s; returns what their page is called. A
        telephone that a guard has let in before is let in. A robot is answered as anybody is, and nothing is kept of
        it. Raises ``Rejected``, or ``ValueError`` for what is no name."""
        if not consents:
            raise Rejected(NO_CONSENT, "consent")
        shown, digits = clean_text(name, MAX_NAME), _digits(phone)
        if not shown:
            raise Rejected(NO_NAME, "name")
        secret = secrets.token_urlsafe(SECRET_BYTES)
        if is_robot:
            return secret
        hashed = credential_digest(self._keys.digest, b"phone:" + digits.encode())
        with self._store.writing() as connection:
            self._ask(connection, hub, secret, offer, name=shown, phone=hashed, ending=digits[-ENDING_DIGITS:])
        return secret

    def again(self, hub: str, secret: str, offer: Offer | None) -> str:
        """A telephone that was let in not long ago comes again: one tap, and nothing to type. Returns what its new page
        is called. Raises ``Rejected``."""
        made = secrets.token_urlsafe(SECRET_BYTES)
        with self._store.writing() as connection:
            site = site_of(connection).name
            before = store.request_of(connection, site, hub, secret_hash(secret))
            if before is None or not self._is_known(connection, site, before):
                raise Rejected(NOT_KNOWN, status=409)
            said = {"name": before.name, "ending": before.ending}
            if not self._ask(connection, hub, made, offer, phone=before.phone, **said):
                raise Rejected(NOT_KNOWN, status=409)
        return made

    def knows(self, hub: str, secret: str) -> bool:
        """Whether the telephone whose page is called so may come again without a form."""
        with self._store.reading() as connection:
            site = site_of(connection).name
            before = store.request_of(connection, site, hub, secret_hash(secret))
            return before is not None and self._is_known(connection, site, before)

    def look(self, hub: str, secret: str) -> JoinAnswer:
        """What has become of a request. Raises ``KeysUnusable`` for a database of other keys."""
        with self._store.reading() as connection:
            site = site_of(connection).name
            request = store.request_of(connection, site, hub, secret_hash(secret))
            if request is None:
                return JoinAnswer(JoinState.WAITING)
            state = request.state(self._clock())
            if state is not JoinState.LET_IN or request.permit is None:
                return JoinAnswer(state)
            permit_service = self._permits(connection)
            view, digits = permit_service.find(request.permit), permit_service.tell(request.permit).code
        if view is None or not view.permit.counts_at(self._clock()):
            return JoinAnswer(JoinState.GONE)
        if not request.carried:
            return JoinAnswer(state, digits)
        slots = self._slots(request) if request.held_key else ()
        return JoinAnswer(state, digits, key_id_of(request.key).hex(), request.carried, slots)

    def waiting(self) -> list[JoinRequest]:
        """Who waits, longest first."""
        with self._store.reading() as connection:
            return store.waiting_requests(connection, site_of(connection).name, self._clock())

    def let_in(self, by: str, request: int) -> int:
        """Let a rider in; returns their permit. Raises ``Rejected``."""
        with self._store.writing() as connection:
            return self._let_in(connection, by, self._known(connection, request))

    def refuse(self, by: str, request: int) -> None:
        """Raises ``Rejected``."""
        with self._store.writing() as connection:
            self._answer(connection, by, self._known(connection, request), JoinState.REFUSED)

    def _ask(
        self, connection: Connection, hub: str, secret: str, offer: Offer | None, *, phone: bytes, **said: object
    ) -> bool:
        """Whether the telephone was let in at once. Raises ``Rejected``."""
        site, now_ms = site_of(connection).name, self._clock()
        key, held = key_of(offer, site, hub)
        self._check(connection, site, phone, key, now_ms)
        is_known = held is None and store.is_let_in(connection, site, key, now_ms - KEPT_MS)
        if not is_known:
            self._check_queue(connection, site, hub, now_ms)
        request = store.add_request(
            connection,
            site,
            hub=hub,
            phone=phone,
            secret_hash=secret_hash(secret),
            asked_ms=now_ms,
            key=key,
            held_key=close_key(self._keys, held, key),
            **said,
        )
        record(connection, now_ms, A_RIDER, "join.asked", f"request {request}")
        if is_known:
            self._let_in(connection, A_RIDER, self._known(connection, request))
        return is_known

    def _is_known(self, connection: Connection, site: str, before: JoinRequest) -> bool:
        keeps_key = bool(before.key) and not before.held_key
        return keeps_key and store.is_let_in(connection, site, before.key, self._clock() - KEPT_MS)

    def _let_in(self, connection: Connection, by: str, known: JoinRequest) -> int:
        permit_service = self._permits(connection)
        permit = permit_service.draw(by, PermitAsked(kind=PermitKind.RIDER, name=known.name, code=True)).permit
        carried = permit_service.carry(permit, known.key) if known.key else b""
        self._answer(connection, by, known, JoinState.LET_IN, permit_id=permit, carried=carried)
        return permit

    def _permits(self, connection: Connection) -> PermitService:
        return PermitService(JoinedStore(connection), self._keys, self._clock)

    def _known(self, connection: Connection, request: int) -> JoinRequest:
        """Raises ``Rejected`` for one that does not wait."""
        known = store.find_request(connection, site_of(connection).name, request)
        if known is None or known.state(self._clock()) is not JoinState.WAITING:
            raise Rejected(NO_REQUEST, status=409)
        return known

    def _answer(self, connection: Connection, by: str, known: JoinRequest, answer: JoinState, **values: object) -> None:
        now_ms = self._clock()
        values |= {"answer": answer, "answered_by": by, "answered_ms": now_ms}
        store.answer_request(connection, site_of(connection).name, known.id, **values)
        record(connection, now_ms, by, f"join.{answer}", f"request {known.id}")

    def _slots(self, request: JoinRequest) -> Sequence[Slot]:
        held = open_key(self._keys, request.held_key, request.key)
        return carried_ahead(request.carried, request.key, held, self._clock())

    def _check(self, connection: Connection, site: str, phone: bytes, key: bytes, now_ms: int) -> None:
        """Raises ``Rejected`` for a telephone that is barred, and for one that asks too often."""
        if any(one.bar.counts_at(now_ms) for one in bars_of_mark(connection, site, phone=phone)):
            raise Rejected(IS_BARRED, status=403)
        if store.count_of_phone(connection, site, phone, key, now_ms - PHONE_SPAN_MS) >= MAX_OF_PHONE:
            raise Rejected(TOO_OFTEN, "phone", 429, most=MAX_OF_PHONE)

    def _check_queue(self, connection: Connection, site: str, hub: str, now_ms: int) -> None:
        """Raises ``Rejected`` for one too many at this hub."""
        if len(store.waiting_requests(connection, site, now_ms, hub)) >= MAX_WAITING:
            raise Rejected(IS_FULL, status=429)
        if store.count_of_hub(connection, site, hub, now_ms - MINUTE_MS) >= MAX_A_MINUTE:
            raise Rejected(TOO_MANY_AT_ONCE, status=429)


def _digits(phone: str) -> str:
    try:
        return clean_phone(phone)
    except ValueError:
        raise Rejected(NO_PHONE, "phone") from None


def forget_requests(store_: Store, clock: Clock) -> None:
    """Delete what is older than a rider was told that it is kept."""
    with store_.writing() as connection:
        store.delete_requests(connection, site_of(connection).name, clock() - KEPT_MS)


def join_worker(store_: Store, clock: Clock) -> Worker[None]:
    """The thread that does so while the cloud runs."""
    look = partial(forget_requests, store_, clock)
    return Worker[None]("riders", "requests of riders are not deleted", look=look, every_s=FORGET_EVERY_S)
