"""The use case of adding people, with its row in the audit."""

from msgspec import structs

from cloud.devices.registry import site_of
from cloud.parties.party import MemberRole, PartyMember
from cloud.parties.store import add_party_member, take_household
from cloud.people import store
from cloud.people.members import Membership
from cloud.people.memberships import add_membership
from cloud.store.database import Clock, Store
from cloud.store.labels import Label
from cloud.web.names import clean_text
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_

MAX_NAME, MAX_UNIT = 60, 40
"""Characters of a name of a person, and of a building and flat."""

NO_NAME = N_("A person needs a name, in Chinese or in English. Nothing was changed.")


class PeopleService:
    """The service that adds people. Any thread may use it; ``by`` is the operator's name. What is rejected leaves no
    trace."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def add_person(self, by: str, name: Label, unit: str = "", membership: Membership | None = None) -> int:
        """The new person's id, which the membership is given too. One name is enough; ``unit`` is building and flat,
        empty for riders and staff. Raises ``Rejected``, or ``ValueError`` for what is no name."""
        zh, en, unit = clean_text(name.zh, MAX_NAME), clean_text(name.en, MAX_NAME), clean_text(unit, MAX_UNIT)
        if not (zh or en):
            raise Rejected(NO_NAME, "body")
        with self._store.writing() as connection:
            now_ms = self._clock()
            added = store.add_person(connection, zh or en, en or zh)
            if unit:
                site = site_of(connection).name
                household = take_household(connection, site, unit, now_ms)
                add_party_member(connection, site, PartyMember(0, household, added, MemberRole.ADULT))
            record(connection, now_ms, by, "person.added", f"person {added}")
            if membership:
                add_membership(connection, now_ms, by, structs.replace(membership, person=added))
        return added
