"""Looks: who looked at a person's movements, when, and for what purpose.

A purpose holds for one login and one person, for half an hour. It is a word of a closed list, or the number of a case.
"""

import re
from enum import StrEnum

from msgspec import Struct
from sqlalchemy import Connection, insert, select

from cloud.devices.event_series import shown
from cloud.devices.registry import site_of
from cloud.store.database import Clock, Store
from cloud.store.schema import event_series, events, people
from cloud.store.scope import Scope, person_seen, point_seen
from cloud.web.i18n import N_
from cloud.web.operators import Login, record
from cloud.web.rejected import Rejected
from cloud.web.tables import looks
from contract.decide import MINUTE_MS

PURPOSE_LASTS_MS = 30 * MINUTE_MS
CASE = re.compile(r"[0-9A-Za-z][0-9A-Za-z/-]{0,39}")
"""The number of a case, as people write it."""

NO_PURPOSE = N_("Choose a purpose, or give the number of a case: letters, digits, / and -. Nothing is shown.")
NO_PERSON = N_("There is no such person.")
NO_EVENT = N_("There is no such event, or it names nobody.")


class Purpose(StrEnum):
    """Why somebody looks at a person's movements."""

    REFUSED = "refused"
    ASKED = "asked"
    SAFETY = "safety"
    DAMAGE = "damage"
    COMPLAINT = "complaint"
    AUTHORITY = "authority"
    AUDIT = "audit"


class LookView(Struct, frozen=True):
    """One look. ``purpose`` is one of ``Purpose``, or the number of a case."""

    at_ms: int
    operator: str
    purpose: str


def person_in_event(connection: Connection, site: str, arrival: int) -> int | None:
    """Whom an event names, at a point that this login sees."""
    query = select(people.c.id).join(events, events.c.holder == people.c.holder)
    query = query.join(event_series, event_series.c.id == events.c.series).where(event_series.c.site == site)
    seen = query.where(events.c.arrival == arrival, point_seen(connection, event_series.c.point), shown())
    person: int | None = connection.execute(seen).scalar()
    return person


def read_purpose(chosen: str, case: str) -> str:
    """A word of the list, or else the number of a case. Raises ``Rejected``."""
    case = case.strip()
    if case:
        if not CASE.fullmatch(case) or case in list(Purpose):
            raise Rejected(NO_PURPOSE, "case")
        return case
    if chosen not in list(Purpose):
        raise Rejected(NO_PURPOSE, "purpose")
    return chosen


def add_look(
    connection: Connection, site: str, person: int, operator: str, login: bytes, purpose: str, now_ms: int
) -> None:
    """Note a look. The login of that hash may see the person's movements for a while."""
    values = {"operator": operator, "login": login, "person_id": person, "purpose": purpose}
    connection.execute(insert(looks).values(site=site, at_ms=now_ms, **values))


def looked_at(connection: Connection, site: str, login: Login, now_ms: int) -> frozenset[bytes]:
    """The holders of those whose movements this login may see now, those of records merged into theirs too."""
    mine = (looks.c.site == site) & (looks.c.login == login.id_hash) & (looks.c.at_ms > now_ms - PURPOSE_LASTS_MS)
    same = (looks.c.person_id == people.c.id) | (looks.c.person_id == people.c.merged_into)
    query = select(people.c.holder).join(looks, same).where(mine)
    return frozenset(connection.execute(query).scalars())


def list_looks(connection: Connection, site: str, person: int, limit: int = 50) -> list[LookView]:
    """Who looked at somebody, the newest first."""
    query = select(looks.c.at_ms, looks.c.operator, looks.c.purpose)
    query = query.where(looks.c.site == site, looks.c.person_id == person).order_by(looks.c.id.desc()).limit(limit)
    return [LookView(*row) for row in connection.execute(query)]


class LookService:
    """The service that notes for what purpose an operator looks at a person's movements. Any thread may use it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def look_at_person(self, login: Login, scope: Scope, person: int, purpose: str) -> None:
        """For half an hour this login sees the person's movements. Raises ``Rejected``."""
        with self._store.reading(scope) as connection:
            seen = select(people.c.id).where(people.c.id == person, person_seen(connection, people.c.id))
            if connection.execute(seen).first() is None:
                raise Rejected(NO_PERSON, "person", 404)
        self._note(login, person, purpose)

    def look_at_event(self, login: Login, scope: Scope, arrival: int, purpose: str) -> None:
        """For half an hour this login sees whom events name that name the same person. Raises ``Rejected``."""
        with self._store.reading(scope) as connection:
            person = person_in_event(connection, site_of(connection).name, arrival)
        if person is None:
            raise Rejected(NO_EVENT, "event", 404)
        self._note(login, person, purpose)

    def _note(self, login: Login, person: int, purpose: str) -> None:
        now_ms = self._clock()
        with self._store.writing() as connection:
            add_look(connection, site_of(connection).name, person, login.operator.name, login.id_hash, purpose, now_ms)
            record(connection, now_ms, login.operator.name, "movements.seen", f"person {person}", purpose=purpose)
