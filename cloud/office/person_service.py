"""The use cases of a person's record: name, traits, guardians and qualifications changed, the person ended, two records
of one person made one. Each change has its row in the audit."""

from collections.abc import Mapping

from sqlalchemy import Connection

from cloud.devices.registry import site_of
from cloud.office import person_store as rows
from cloud.office.rule import HomeGround, HomeStays, why_home_stays
from cloud.parties.party import AT_HOME, Party, PartyKind, PartyMember, by_day
from cloud.parties.store import change_party_member, parties_of_people
from cloud.people.members import Membership, Obstacle, obstacle
from cloud.people.membership_store import find_plan
from cloud.people.memberships import check_all_places, end_membership, zone_of
from cloud.people.store import memberships_of
from cloud.people.traits import Tag, Verified, is_month
from cloud.store.database import Clock, Store
from cloud.store.labels import Label
from cloud.web.names import clean_text
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_
from contract.decide import Standing

MAX_NAME, MAX_QUALIFICATION = 60, 60
NO_PERSON = N_("There is no such person.")
IS_ENDED = N_("This person has ended already. Nothing was changed.")
NO_NAME = N_("A person needs a name, in Chinese or in English. Nothing was changed.")
NO_MONTH = N_("The month of birth is a month such as 1957-03. Nothing was changed.")
NOT_THERE = N_("It is not there any more. Nothing was changed.")
NO_QUALIFICATION = N_("A qualification needs a name. Nothing was changed.")
ENDS_EARLY = N_("The last day comes before the first day. Nothing was changed.")
OWN_GUARDIAN = N_("Nobody is their own guardian. Nothing was changed.")
SAME_RECORD = N_("Choose two records: this one and the duplicate. Nothing was changed.")
BOTH_HOLD = N_("Both have the plan %(plan)s at the same time: end one of the two first. Nothing was changed.")
TOO_MANY = N_("Together they have more memberships than devices can store: end some of them first.")

HOME_STAYS: Mapping[HomeStays, str] = {
    HomeStays.NO_GROUND: N_("A home ends on the person's own word or on a ground of the list. Nothing was changed."),
    HomeStays.NOT_A_CHILD: N_("A guardian's word ends the home of a child only. Nothing was changed."),
    HomeStays.NO_LEASE: N_("This person has no lease that could be over: enter its last day first."),
    HomeStays.LEASE_RUNS: N_("The lease and its 7 days of grace are not over yet. Nothing was changed."),
}
"""What is said where a home does not end."""


class PersonService:
    """The service that changes records of people. Any thread may use it; ``by`` is the operator's name. What is
    rejected leaves no trace."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def rename(self, by: str, person: int, name: Label) -> None:
        """Raises ``Rejected``, or ``ValueError`` for what is no name."""
        zh, en = clean_text(name.zh, MAX_NAME), clean_text(name.en, MAX_NAME)
        if not (zh or en):
            raise Rejected(NO_NAME, "name")
        with self._store.writing() as connection:
            self._change(connection, by, person, "person.renamed", name_zh=zh or en, name_en=en or zh)

    def set_traits(self, by: str, person: int, born: str, verified: Verified) -> None:
        """The month of birth, empty for none, and how the office knows who it is. Raises ``Rejected``."""
        if born and not is_month(born):
            raise Rejected(NO_MONTH, "born")
        with self._store.writing() as connection:
            self._change(connection, by, person, "person.changed", born=born, verified=verified)

    def tag(self, by: str, person: int, tag: Tag, from_ms: int = 0, until_ms: int = 0) -> None:
        """Half-open, 0 for no bound. Raises ``Rejected``."""
        if until_ms and until_ms <= from_ms:
            raise Rejected(ENDS_EARLY, "until_ms")
        with self._store.writing() as connection:
            _check_active(connection, person)
            rows.put_tag(connection, site_of(connection).name, person, tag, (from_ms, until_ms))
            self._note(connection, by, "person.tagged", person, tag=tag)

    def untag(self, by: str, person: int, tag: Tag, from_ms: int = 0) -> None:
        """Raises ``Rejected``."""
        with self._store.writing() as connection:
            if not rows.remove_tag(connection, site_of(connection).name, person, tag, from_ms):
                raise Rejected(NOT_THERE, "tag", 404)
            self._note(connection, by, "person.untagged", person, tag=tag)

    def qualify(self, by: str, person: int, name: str, until_ms: int = 0) -> None:
        """0 for a qualification without an end. Raises ``Rejected``, or ``ValueError`` for what is no name."""
        cleaned = clean_text(name, MAX_QUALIFICATION)
        if not cleaned:
            raise Rejected(NO_QUALIFICATION, "name")
        with self._store.writing() as connection:
            _check_active(connection, person)
            rows.put_qualification(connection, site_of(connection).name, person, cleaned, until_ms)
            self._note(connection, by, "person.qualified", person, qualification=cleaned)

    def unqualify(self, by: str, person: int, name: str) -> None:
        """Raises ``Rejected``."""
        with self._store.writing() as connection:
            if not rows.remove_qualification(connection, site_of(connection).name, person, name):
                raise Rejected(NOT_THERE, "name", 404)
            self._note(connection, by, "person.unqualified", person, qualification=name)

    def add_guardian(self, by: str, child: int, guardian: int) -> None:
        """Raises ``Rejected``."""
        if child == guardian:
            raise Rejected(OWN_GUARDIAN, "guardian")
        with self._store.writing() as connection:
            for person in (child, guardian):
                _check_active(connection, person)
            rows.put_guardian(connection, site_of(connection).name, child, guardian)
            self._note(connection, by, "person.guarded", child, guardian=f"person {guardian}")

    def remove_guardian(self, by: str, child: int, guardian: int) -> None:
        """Raises ``Rejected``."""
        with self._store.writing() as connection:
            if not rows.remove_guardian(connection, site_of(connection).name, child, guardian):
                raise Rejected(NOT_THERE, "guardian", 404)
            self._note(connection, by, "person.unguarded", child, guardian=f"person {guardian}")

    def end(self, by: str, person: int, ground: HomeGround | None = None) -> int:
        """All that somebody holds ends, and their place in every party; returns when. Whoever has a home loses it on a
        ``ground`` only, and by day. Raises ``Rejected``."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            _check_active(connection, person)
            places = _places_now(connection, person, now_ms)
            homes = [member for member, party in places if _is_home(member, party)]
            for home in homes:
                reason = why_home_stays(ground, home.role, home.until_ms, now_ms)
                if reason is not None:
                    raise Rejected(HOME_STAYS[reason], "ground")
            at_ms = by_day(now_ms, zone_of(connection)) if homes else now_ms
            for member, _ in places:
                change_party_member(connection, site_of(connection).name, member.id, ended_ms=at_ms)
            for one in _running(connection, person, now_ms):
                end_membership(connection, now_ms, by, one, at_ms)
            rows.change_person(connection, person, ended_ms=at_ms)
            for card, _ in rows.cards_in_use(connection, person):
                self._note(connection, by, "card.to_return", person, card=str(card))
            self._note(connection, by, "person.ended", person, **({"ground": ground.value} if ground else {}))
        return at_ms

    def merge(self, by: str, stays: int, goes: int) -> None:
        """Two records of one person become one: cards, memberships, parties and traits of ``goes`` move to ``stays``,
        and ``goes`` ends. Raises ``Rejected``."""
        now_ms = self._clock()
        if stays == goes:
            raise Rejected(SAME_RECORD, "goes")
        with self._store.writing() as connection:
            for person in (stays, goes):
                _check_active(connection, person)
            self._check_one_can_hold(connection, stays, goes, now_ms)
            site = site_of(connection).name
            self._leave_double_places(connection, stays, goes, now_ms)
            moved = rows.join_records(connection, site, stays, goes)
            rows.change_person(connection, goes, ended_ms=now_ms)
            for party in {member.party for member, _ in parties_of_people(connection, site, [stays])}:
                check_all_places(connection, party, now_ms)
            counts = {kind: str(count) for kind, count in moved.items() if count}
            self._note(connection, by, "person.merged", stays, merged=f"person {goes}", **counts)
            self._note(connection, by, "person.ended", goes, into=f"person {stays}")

    def _check_one_can_hold(self, connection: Connection, stays: int, goes: int, now_ms: int) -> None:
        held = memberships_of(connection, stays)
        for one in _running(connection, goes, now_ms):
            reason = obstacle(held, one) if one.standing is Standing.ACTIVE else None
            if reason is Obstacle.SAME_PLAN:
                plan = find_plan(connection, one.plan)
                raise Rejected(BOTH_HOLD, "plan", 409, plan=plan.label if plan else one.plan)
            if reason is not None:
                raise Rejected(TOO_MANY, "plan", 409)
            held.append(one)

    def _leave_double_places(self, connection: Connection, stays: int, goes: int, now_ms: int) -> None:
        """Of two places in one party the record that goes gives its own up."""
        mine = {member.party for member, _ in _places_now(connection, stays, now_ms)}
        for member, _ in _places_now(connection, goes, now_ms):
            if member.party in mine:
                change_party_member(connection, site_of(connection).name, member.id, ended_ms=now_ms)

    def _change(self, connection: Connection, by: str, person: int, action: str, **values: str) -> None:
        _check_active(connection, person)
        rows.change_person(connection, person, **values)
        self._note(connection, by, action, person)

    def _note(self, connection: Connection, by: str, action: str, person: int, **detail: str) -> None:
        record(connection, self._clock(), by, action, f"person {person}", **detail)


def _check_active(connection: Connection, person: int) -> None:
    traits = rows.find_traits(connection, site_of(connection).name, person)
    if traits is None:
        raise Rejected(NO_PERSON, status=404)
    if traits.ended_ms is not None:
        raise Rejected(IS_ENDED, "person", 409)


def _places_now(connection: Connection, person: int, now_ms: int) -> list[tuple[PartyMember, Party]]:
    """Where somebody belongs now or will. A tenant whose lease is over has not left."""
    found = parties_of_people(connection, site_of(connection).name, [person])
    return [
        (member, party)
        for member, party in found
        if party.ended_ms is None
        and (member.ended_ms is None or now_ms < member.ended_ms)
        and (_is_home(member, party) or not member.until_ms or now_ms < member.until_ms)
    ]


def _is_home(member: PartyMember, party: Party) -> bool:
    return party.kind is PartyKind.FLAT and member.role in AT_HOME


def _running(connection: Connection, person: int, now_ms: int) -> list[Membership]:
    held = memberships_of(connection, person)
    return [one for one in held if not one.end_ms or now_ms < one.end_ms]
