"""Requests of residents that their data be erased, recorded for the office, and what became of them."""

from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, insert, select, update

from cloud.devices.registry import site_of
from cloud.phones.service import A_PHONE
from cloud.phones.tables import erasure_requests
from cloud.store.database import Clock, Store
from cloud.store.labels import Label
from cloud.store.schema import people
from cloud.web.names import clean_text
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_

MAX_SAID = 500
MAX_OPEN = 3
"""Requests of one person that wait for an answer."""
MAX_LISTED = 200

WAITS_ALREADY = N_("Three requests wait for the office already. Nothing was changed.")
NO_REQUEST = N_("There is no such request, or it has an answer. Nothing was changed.")
NO_ANSWER = N_("Say what was erased, and what stays and why: 2 to 500 characters. Nothing was changed.")


class ErasureRequest(Struct, frozen=True):
    """What somebody asked to be erased, and what the office answered."""

    id: int
    person: int
    name: Label
    said: str
    asked_ms: int
    answer: str
    answered_by: str
    answered_ms: int | None


class ErasureService:
    """The service that records requests to erase, and what became of them. Any thread may use it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def ask(self, person: int, said: str) -> None:
        """Raises ``Rejected``, or ``ValueError`` for what cannot be written."""
        words, now_ms = clean_text(said, MAX_SAID), self._clock()
        with self._store.writing() as connection:
            site = site_of(connection).name
            if sum(one.answered_ms is None for one in list_requests(connection, site, person)) >= MAX_OPEN:
                raise Rejected(WAITS_ALREADY, status=409)
            _add_request(connection, site, person_id=person, said=words, asked_ms=now_ms)
            record(connection, now_ms, A_PHONE, "erasure.asked", f"person {person}")

    def answer(self, by: str, request: int, answer: str) -> None:
        """The office has done what it can. Raises ``Rejected``, or ``ValueError`` for what cannot be written."""
        words, now_ms = clean_text(answer, MAX_SAID), self._clock()
        if len(words) < 2:
            raise Rejected(NO_ANSWER, "answer")
        with self._store.writing() as connection:
            site = site_of(connection).name
            person = _answer(connection, site, request, answer=words, answered_by=by, answered_ms=now_ms)
            record(connection, now_ms, by, "erasure.answered", f"person {person}", text=words)


def _add_request(connection: Connection, site: str, **values: object) -> None:
    connection.execute(insert(erasure_requests).values(site=site, **values))


def _answer(connection: Connection, site: str, request: int, **values: object) -> int:
    mine = erasure_requests.c.site == site, erasure_requests.c.id == request, erasure_requests.c.answered_ms.is_(None)
    changed = update(erasure_requests).where(*mine).values(values).returning(erasure_requests.c.person_id)
    person = connection.execute(changed).scalar_one_or_none()
    if person is None:
        raise Rejected(NO_REQUEST, status=404)
    return int(person)


def list_requests(connection: Connection, site: str, person: int | None = None) -> list[ErasureRequest]:
    """Those without an answer first, then the newest; of one person or of all."""
    query = select(erasure_requests, people.c.name_zh, people.c.name_en)
    query = query.join(people, people.c.id == erasure_requests.c.person_id).where(erasure_requests.c.site == site)
    if person is not None:
        query = query.where(erasure_requests.c.person_id == person)
    order = erasure_requests.c.answered_ms.is_not(None), erasure_requests.c.id.desc()
    return [_request(row) for row in connection.execute(query.order_by(*order).limit(MAX_LISTED))]


def _request(row: Any) -> ErasureRequest:
    answered = row.answer, row.answered_by, row.answered_ms
    return ErasureRequest(row.id, row.person_id, Label(row.name_zh, row.name_en), row.said, row.asked_ms, *answered)
