"""The use cases of parties: made, named, joined and left, each with its row in the audit. Whoever leaves a company, a
club, a class or a crew leaves its plans at the same moment; a home ends as ``cloud.office.rule`` allows."""

from msgspec import structs
from sqlalchemy import Connection

from cloud.devices.registry import site_of
from cloud.flats.store import find_flat
from cloud.office.person_service import HOME_STAYS
from cloud.office.rule import HomeGround, why_home_stays
from cloud.parties import store as rows
from cloud.parties.party import AT_HOME, MemberRole, Party, PartyKind, PartyMember, by_day, common
from cloud.people.membership_store import find_plan, person_ended
from cloud.people.memberships import check_party_places, end_membership, zone_of
from cloud.people.service import NO_NAME as NO_PERSON_NAME
from cloud.people.store import add_person, memberships_of_party
from cloud.store.database import Clock, Store
from cloud.store.labels import Label
from cloud.web.names import clean_text
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_

MAX_NAME = 60
NO_PARTY = N_("There is no such household or company, or it has ended. Nothing was changed.")
NO_MEMBER = N_("They do not belong to it any more. Nothing was changed.")
NO_PERSON = N_("There is no such person.")
PERSON_ENDED = N_("This person has ended: nothing can be given to them. Nothing was changed.")
NO_NAME = N_("It needs a name, in Chinese or in English. Nothing was changed.")
NO_FLAT = N_("There is no flat of this name. Nothing was changed.")
FLAT_TAKEN = N_("A household lives there already: add people to it, or make a moving day. Nothing was changed.")
IS_MEMBER = N_("They belong to it already at that time. Nothing was changed.")
ENDS_EARLY = N_("The last day comes before the first day. Nothing was changed.")
NO_LEASE = N_("They have no lease here. Nothing was changed.")
NOT_LATER = N_("A renewed lease ends later than the old one, and after today. Nothing was changed.")
HOME_ENDS_HERE = N_("This would end somebody's home: end it with its ground instead. Nothing was changed.")
HAS_HOMES = N_("People have their home here: end it for each of them, or make a moving day. Nothing was changed.")


class PartyService:
    """The service that changes parties and their members. Any thread may use it; ``by`` is the operator's name. What is
    rejected leaves no trace."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def add(self, by: str, kind: PartyKind, name: Label, flat: str = "") -> int:
        """The new party's id. A household has a flat, whose name it takes unless it has one of its own. Raises
        ``Rejected``, or ``ValueError`` for what is no name."""
        zh, en = clean_text(name.zh, MAX_NAME), clean_text(name.en, MAX_NAME)
        now_ms = self._clock()
        with self._store.writing() as connection:
            site = site_of(connection).name
            home = find_flat(connection, site, clean_text(flat, MAX_NAME)) if flat else None
            if home is None and (flat or kind is PartyKind.FLAT):
                raise Rejected(NO_FLAT, "flat")
            if home and kind is PartyKind.FLAT and rows.household_of_flat(connection, site, home.name):
                raise Rejected(FLAT_TAKEN, "flat", 409)
            shown = zh or en or (home.name if home and kind is PartyKind.FLAT else "")
            if not shown:
                raise Rejected(NO_NAME, "name")
            party = Party(0, kind, shown, en or shown, home.name if home else None, now_ms)
            added = rows.add_party(connection, site, party)
            record(connection, now_ms, by, "party.added", f"party {added}", kind=kind.value)
        return added

    def rename(self, by: str, party: int, name: Label) -> None:
        """Raises ``Rejected``, or ``ValueError`` for what is no name."""
        zh, en = clean_text(name.zh, MAX_NAME), clean_text(name.en, MAX_NAME)
        if not (zh or en):
            raise Rejected(NO_NAME, "name")
        with self._store.writing() as connection:
            found_party(connection, party)
            rows.change_party(connection, site_of(connection).name, party, name_zh=zh or en, name_en=en or zh)
            record(connection, self._clock(), by, "party.renamed", f"party {party}")

    def add_member(
        self, by: str, party: int, person: int, role: MemberRole, from_ms: int = 0, until_ms: int = 0
    ) -> int:
        """The id of their place in it. ``until_ms`` of a tenant is the end of the lease. Raises ``Rejected``."""
        with self._store.writing() as connection:
            member = PartyMember(0, party, person, role, from_ms, until_ms)
            return add_member(connection, self._clock(), by, member)

    def add_newcomer(self, by: str, name: Label, member: PartyMember) -> int:
        """Somebody new joins; returns the id of their place in it. The member's person is not looked at. Raises
        ``Rejected``, or ``ValueError`` for what is no name."""
        zh, en = clean_text(name.zh, MAX_NAME), clean_text(name.en, MAX_NAME)
        if not (zh or en):
            raise Rejected(NO_PERSON_NAME, "name")
        now_ms = self._clock()
        with self._store.writing() as connection:
            person = add_person(connection, zh or en, en or zh)
            record(connection, now_ms, by, "person.added", f"person {person}")
            return add_member(connection, now_ms, by, structs.replace(member, person=person))

    def change_member(self, by: str, member: int, role: MemberRole, from_ms: int, until_ms: int) -> None:
        """Another role, or another agreed window; a tenant's renewed lease is one. Raises ``Rejected``."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            known = found_member(connection, member, now_ms)
            changed = structs.replace(known, role=role, from_ms=from_ms, until_ms=until_ms)
            _check_window(changed)
            if _is_home(connection, known) and _ends_home(known, changed, now_ms):
                raise Rejected(HOME_ENDS_HERE, "role")
            values = {"role": role, "from_ms": from_ms, "until_ms": until_ms}
            rows.change_party_member(connection, site_of(connection).name, member, **values)
            detail = {"party": str(known.party), "role": role.value}
            record(connection, now_ms, by, "member.changed", f"person {known.person}", **detail)
            check_party_places(connection, known.party, [known.person], now_ms)

    def renew_lease(self, by: str, member: int, until_ms: int) -> None:
        """A tenant's lease ends later than was agreed, be it over already or not. Raises ``Rejected``."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            known = found_member(connection, member, now_ms)
            if known.role is not MemberRole.TENANT:
                raise Rejected(NO_LEASE, "member", 409)
            if until_ms <= max(known.until_ms, now_ms):
                raise Rejected(NOT_LATER, "last_day")
            rows.change_party_member(connection, site_of(connection).name, member, until_ms=until_ms)
            record(connection, now_ms, by, "lease.renewed", f"person {known.person}", party=str(known.party))

    def end_member(self, by: str, member: int, ground: HomeGround | None = None, at_ms: int = 0) -> int:
        """They belong to it no longer, from that moment on (now unless given); returns the moment. A home ends on a
        ``ground`` only, and never at night. Raises ``Rejected``."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            known = found_member(connection, member, now_ms)
            return end_member(connection, now_ms, by, known, ground, max(at_ms, now_ms))

    def end(self, by: str, party: int) -> None:
        """A party without homes ends with all places in it and what was held as its member. Raises ``Rejected``."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            site = site_of(connection).name
            found_party(connection, party)
            members = [one for one in rows.list_party_members(connection, site, party) if is_there(one, now_ms)]
            if any(_is_home(connection, one) for one in members):
                raise Rejected(HAS_HOMES, "party", 409)
            for one in members:
                end_member(connection, now_ms, by, one, None, now_ms)
            for held in memberships_of_party(connection, party):
                if not held.end_ms or now_ms < held.end_ms:
                    end_membership(connection, now_ms, by, held, now_ms)
            rows.change_party(connection, site, party, ended_ms=now_ms)
            record(connection, now_ms, by, "party.ended", f"party {party}")


def add_member(connection: Connection, now_ms: int, by: str, member: PartyMember) -> int:
    """Somebody joins a party; returns the id of their place. Raises ``Rejected``."""
    site = site_of(connection).name
    found_party(connection, member.party)
    ended = person_ended(connection, member.person)
    if ended is None:
        raise Rejected(NO_PERSON, "person", 404)
    if ended:
        raise Rejected(PERSON_ENDED, "person", 409)
    _check_window(member)
    mine = rows.places_of_person(connection, site, member.person, member.party)
    if any(common(one.span, member.span) for one in mine) or any(
        is_there(one, now_ms) and _is_home(connection, one) for one in mine
    ):
        raise Rejected(IS_MEMBER, "person", 409)
    added = rows.add_party_member(connection, site, member)
    detail = {"party": str(member.party), "role": member.role.value}
    record(connection, now_ms, by, "member.added", f"person {member.person}", **detail)
    check_party_places(connection, member.party, [member.person], now_ms)
    return added


def end_member(
    connection: Connection, now_ms: int, by: str, known: PartyMember, ground: HomeGround | None, at_ms: int
) -> int:
    """Their place in the party ends then, and with it what they hold as its member: all of a company's, of a flat's
    what has the term of a lease. Returns when. Raises ``Rejected``."""
    at_ms = end_place(connection, now_ms, by, known, ground, at_ms)
    is_flat = found_party(connection, known.party).kind is PartyKind.FLAT
    for held in memberships_of_party(connection, known.party):
        plan = find_plan(connection, held.plan)
        goes = held.person == known.person and (not is_flat or (plan is not None and plan.term == "lease"))
        if goes and (not held.end_ms or at_ms < held.end_ms):
            end_membership(connection, now_ms, by, held, at_ms)
    return at_ms


def end_place(
    connection: Connection, now_ms: int, by: str, known: PartyMember, ground: HomeGround | None, at_ms: int
) -> int:
    """Their place in the party ends then, a home not at night; returns when. Raises ``Rejected``."""
    if _is_home(connection, known):
        reason = why_home_stays(ground, known.role, known.until_ms, at_ms)
        if reason is not None:
            raise Rejected(HOME_STAYS[reason], "ground")
        at_ms = by_day(at_ms, zone_of(connection))
    rows.change_party_member(connection, site_of(connection).name, known.id, ended_ms=at_ms)
    detail = {"party": str(known.party)} | ({"ground": ground.value} if ground else {})
    record(connection, now_ms, by, "member.ended", f"person {known.person}", **detail)
    return at_ms


def found_party(connection: Connection, party: int) -> Party:
    """A party that was not ended. Raises ``Rejected``."""
    found = rows.find_party(connection, site_of(connection).name, party)
    if found is None or found.ended_ms is not None:
        raise Rejected(NO_PARTY, "party", 404)
    return found


def found_member(connection: Connection, member: int, now_ms: int) -> PartyMember:
    """A place in a party that has not ended. Raises ``Rejected``."""
    found = rows.find_party_member(connection, site_of(connection).name, member)
    if found is None or not is_there(found, now_ms):
        raise Rejected(NO_MEMBER, "member", 404)
    return found


def is_there(member: PartyMember, now_ms: int) -> bool:
    """Whether somebody belongs to it still or will: a tenant whose lease has run out does."""
    agreed_ms = 0 if member.role is MemberRole.TENANT else member.until_ms
    return (member.ended_ms is None or now_ms < member.ended_ms) and (not agreed_ms or now_ms < agreed_ms)


def _ends_home(known: PartyMember, changed: PartyMember, now_ms: int) -> bool:
    """Whether a home would end by this change, or begin later. The end of a lease ends none."""
    is_agreed_end = changed.role is not MemberRole.TENANT and changed.until_ms and changed.until_ms != known.until_ms
    was_tenant = known.role is MemberRole.TENANT and changed.role is not known.role and changed.until_ms
    is_later = changed.from_ms > max(known.from_ms, now_ms)
    return bool(changed.role not in AT_HOME or is_agreed_end or was_tenant or is_later)


def _is_home(connection: Connection, member: PartyMember) -> bool:
    found = rows.find_party(connection, site_of(connection).name, member.party)
    return found is not None and found.kind is PartyKind.FLAT and member.role in AT_HOME


def _check_window(member: PartyMember) -> None:
    if member.until_ms and member.until_ms <= member.from_ms:
        raise Rejected(ENDS_EARLY, "until_ms")
