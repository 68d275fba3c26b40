"""The use cases of memberships: given, renewed, changed, suspended and ended, each with its row in the audit.

A shared plan's places are counted here, over the rows in use, and nowhere later: the one too many is refused with the
names of those who hold them. A family stands on its payer: it ends, rests and is renewed with theirs.
"""

from collections.abc import Iterable, Mapping, Sequence
from zoneinfo import ZoneInfo

from msgspec import structs
from sqlalchemy import Connection

from cloud.devices.registry import site_of
from cloud.parties.store import find_party, home_of_person, list_party_members
from cloud.people import membership_store as rows
from cloud.people import store
from cloud.people.members import Membership, Obstacle, obstacle
from cloud.people.membership_store import find_plan
from cloud.people.plans import RESIDENT, Plan
from cloud.people.store import find_membership, memberships_of, memberships_of_party, names_of
from cloud.people.terms import (
    LAST_MS,
    after_days,
    end_with_payer,
    is_for_life,
    payer_of,
    renewal,
    renewed_with_payer,
    rest_with_payer,
    start_of_day,
    term_days,
    too_many,
)
from cloud.store.database import Clock, Store
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_
from contract.decide import Standing

NO_PERSON = N_("There is no such person.")
PERSON_ENDED = N_("This person has ended: nothing can be given to them. Nothing was changed.")
NO_PARTY = N_("There is no such household or company, or it has ended. Nothing was changed.")
NO_MEMBERSHIP = N_("There is no such membership.")
NO_PLAN = N_("There is no such plan.")
LIVES_HERE = N_(
    "Whoever belongs to a flat has this plan, as long as they do: add the person to a household instead. "
    "Nothing was changed."
)
ENDS_EARLY = N_("The last day comes before the first day. Nothing was changed.")
ENDS_LATE = N_("The last day is too far ahead. Nothing was changed.")
IS_OVER = N_("This membership has ended: renew it, or give the plan anew. Nothing was changed.")
NEEDS_HOUSEHOLD = N_("This plan is shared by a household: name the building and flat.")
NOT_A_MEMBER = N_("This person does not belong to it at that time: add them as a member first. Nothing was changed.")
NEEDS_PAYER = N_("Nobody pays for this plan at that time: give it to the payer first. Nothing was changed.")
HAS_PAYER = N_("%(name)s pays for this plan already. Nothing was changed.")
PLACES_TAKEN = N_("The %(places)s places are taken by %(names)s. Nothing was changed.")
NOT_QUALIFIED = N_("This plan needs the qualification %(name)s, which is missing or has run out. Nothing was changed.")
NO_TERM = N_("This plan has no term to be renewed: change its last day instead. Nothing was changed.")
NOT_IN_USE = N_("A suspended membership is not renewed: activate it first. Nothing was changed.")

OBSTACLES: Mapping[Obstacle, str] = {
    Obstacle.SAME_PLAN: N_("This person has the same plan at that time already: check the list of their plans."),
    Obstacle.TOO_MANY: N_("This person has as many memberships as devices can store: end some of them first."),
}


class MembershipService:
    """The service that changes memberships. Any thread may use it; ``by`` is the operator's name. What is rejected
    leaves no trace."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def add(self, by: str, new: Membership) -> int:
        """The new membership's id. Without a last day it lasts for the plan's term. Raises ``Rejected``."""
        with self._store.writing() as connection:
            return add_membership(connection, self._clock(), by, new)

    def renew(self, by: str, membership: int) -> int:
        """Have it last for another term, and those of the family that end with it; returns the new membership's id. It
        adjoins the old end until the plan's days of grace are over. Raises ``Rejected``."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            old = _found_membership(connection, membership)
            plan = _found_plan(connection, old.plan)
            days = term_days(plan)
            if days is None or not old.end_ms:
                raise Rejected(NO_TERM, "plan", 409)
            if old.standing is not Standing.ACTIVE:
                raise Rejected(NOT_IN_USE, "standing", 409)
            grace_days = plan.grace_days if old.ended_ms is None else 0
            start_ms, until_ms = renewal(old.end_ms, days, grace_days, now_ms, zone_of(connection))
            both = [old, *renewed_with_payer(_shared_with(connection, old), old)]
            new = [structs.replace(one, from_ms=start_ms, until_ms=until_ms, ended_ms=None) for one in both]
            added = [_insert(connection, now_ms, by, one, plan, "membership.renewed") for one in new]
            _check_places(connection, new[0], plan, now_ms)
        return added[0]

    def change_window(self, by: str, membership: int, from_ms: int, until_ms: int) -> None:
        """Give it another first and last day (0 for no bound). Raises ``Rejected``."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            old = _found_membership(connection, membership)
            plan = _found_plan(connection, old.plan)
            if _is_over(old, now_ms):
                raise Rejected(IS_OVER, "until_ms", 409)
            new = structs.replace(old, from_ms=from_ms, until_ms=until_ms)
            _check_window(new)
            if new.until_ms and new.until_ms < now_ms:
                raise Rejected(ENDS_EARLY, "until_ms")
            new = _fit(connection, new, plan, now_ms)
            _check_obstacles(connection, new)
            store.change_membership(connection, new.id, from_ms=new.from_ms, until_ms=new.until_ms)
            _note(connection, now_ms, by, "membership.changed", new, window=f"{new.from_ms}..{new.until_ms}")
            _check_places(connection, new, plan, now_ms)
            _end_family(connection, now_ms, by, new, plan)

    def end(self, by: str, membership: int, at_ms: int = 0) -> None:
        """It ends at that moment, now unless given, and the family's of the same plan with the payer's. One that has
        not begun is taken back. Raises ``Rejected``."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            old = _found_membership(connection, membership)
            if _is_over(old, now_ms):
                raise Rejected(IS_OVER, "until_ms", 409)
            end_membership(connection, now_ms, by, old, max(at_ms, now_ms))

    def set_standing(self, by: str, membership: int, standing: Standing) -> int | None:
        """Suspend it or let it count again, and the family's with the payer's; returns whose it is. Raises
        ``Rejected``."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            old = _found_membership(connection, membership)
            plan = _found_plan(connection, old.plan)
            if old.standing is standing:
                return old.person
            new = structs.replace(old, standing=standing)
            if standing is Standing.ACTIVE:
                _fit(connection, new, plan, now_ms)
                _check_obstacles(connection, new)
            _set_standing(connection, now_ms, by, new)
            for one in _follow(connection, old, standing, plan, now_ms):
                _check_obstacles(connection, one)
                _set_standing(connection, now_ms, by, one, old.id if standing is not Standing.ACTIVE else None)
            if standing is Standing.ACTIVE:
                _check_places(connection, new, plan, now_ms)
        return old.person


def add_membership(connection: Connection, now_ms: int, by: str, new: Membership) -> int:
    """Give somebody, or a whole party, a plan; returns the new membership's id. Raises ``Rejected``."""
    plan = _found_plan(connection, new.plan)
    if plan.name == RESIDENT.name:
        raise Rejected(LIVES_HERE, "plan")
    if new.person is not None:
        _check_person(connection, new.person)
    if new.person is not None and new.party is None and plan.places is not None:
        new = structs.replace(new, party=home_of_person(connection, site_of(connection).name, new.person))
        if new.party is None:
            raise Rejected(NEEDS_HOUSEHOLD, "unit")
    _check_window(new)
    if not new.from_ms and new.person is not None:
        ended = (one.end_ms for one in memberships_of(connection, new.person) if one.plan == new.plan)
        new = structs.replace(new, from_ms=now_ms if any(0 < end_ms <= now_ms for end_ms in ended) else 0)
    days = term_days(plan)
    if days is not None and not new.until_ms:
        zone = zone_of(connection)
        start_ms = new.from_ms or start_of_day(now_ms, zone)
        new = structs.replace(new, from_ms=start_ms, until_ms=after_days(start_ms, days, zone))
    new = _fit(connection, new, plan, now_ms)
    _check_window(new)
    added = _insert(connection, now_ms, by, new, plan, "membership.added")
    _check_places(connection, new, plan, now_ms)
    return added


def end_membership(connection: Connection, now_ms: int, by: str, old: Membership, at_ms: int) -> None:
    """It ends at that moment, and the family's with the payer's; one that has not begun by then is taken back."""
    plan = _found_plan(connection, old.plan)
    _end(connection, now_ms, by, old, at_ms)
    _end_family(connection, now_ms, by, structs.replace(old, ended_ms=at_ms), plan)


def check_party_places(connection: Connection, party: int, newcomers: Iterable[int], now_ms: int) -> None:
    """Whether the places of all plans that a whole party holds suffice for its members. Raises ``Rejected``."""
    for one in memberships_of_party(connection, party):
        if one.person is None:
            _check_places(connection, one, _found_plan(connection, one.plan), now_ms, newcomers)


def check_all_places(connection: Connection, party: int, now_ms: int) -> None:
    """Whether no plan is held by more of a party than it has places. Raises ``Rejected``."""
    for plan in {one.plan: one for one in memberships_of_party(connection, party)}.values():
        _check_places(connection, plan, _found_plan(connection, plan.plan), now_ms, ())


def zone_of(connection: Connection) -> ZoneInfo:
    """The time zone of the site, by whose calendar days are counted."""
    return ZoneInfo(site_of(connection).zone)


def _fit(connection: Connection, new: Membership, plan: Plan, now_ms: int) -> Membership:
    """The membership as it can be held: within the payer's window. Raises ``Rejected``."""
    at_ms = max(new.from_ms, now_ms)
    if new.party is not None and not new.id:
        _check_belongs(connection, new.party, new.person, at_ms)
    if new.person is not None and not _is_qualified(connection, new.person, plan, at_ms):
        raise Rejected(NOT_QUALIFIED, "plan", name=plan.qualification)
    if plan.places is None or new.party is None or new.person is None:
        return new
    others = [one for one in _shared_with(connection, new) if one.id != new.id]
    payer = payer_of(others, at_ms, for_life=is_for_life(plan))
    if not new.payer:
        if payer is None:
            raise Rejected(NEEDS_PAYER, "payer")
        return new if is_for_life(plan) else _no_later(new, payer.end_ms)
    rivals = (one for one in others if one.payer and one.standing is Standing.ACTIVE and one.person != new.person)
    rival = next((one for one in rivals if one.overlaps(new)), None)
    if rival is not None:
        raise Rejected(HAS_PAYER, "payer", name=names_of(connection, [rival.person or 0])[0])
    return new


def _is_qualified(connection: Connection, person: int, plan: Plan, at_ms: int) -> bool:
    if not plan.qualification:
        return True
    return rows.is_qualified(connection, site_of(connection).name, person, plan.qualification, at_ms)


def _no_later(one: Membership, until_ms: int) -> Membership:
    """The same, ending then at the latest; 0 is no bound."""
    if not until_ms or 0 < one.until_ms <= until_ms:
        return one
    return structs.replace(one, until_ms=until_ms)


def _shared_with(connection: Connection, one: Membership) -> list[Membership]:
    """The rows of the same plan and party, itself among them."""
    if one.party is None:
        return []
    return [other for other in memberships_of_party(connection, one.party) if other.plan == one.plan]


def _insert(connection: Connection, now_ms: int, by: str, new: Membership, plan: Plan, action: str) -> int:
    _check_obstacles(connection, structs.replace(new, id=0))
    added = store.add_membership(connection, new)
    _note(connection, now_ms, by, action, structs.replace(new, id=added), plan=plan.name)
    return added


def _end(connection: Connection, now_ms: int, by: str, old: Membership, at_ms: int) -> None:
    if old.from_ms >= at_ms:
        rows.remove_membership(connection, old)
        _note(connection, now_ms, by, "membership.removed", old, plan=old.plan)
    else:
        store.change_membership(connection, old.id, ended_ms=at_ms)
        _note(connection, now_ms, by, "membership.ended", old, plan=old.plan)


def _end_family(connection: Connection, now_ms: int, by: str, payer: Membership, plan: Plan) -> None:
    if plan.name == RESIDENT.name or not payer.payer:
        return
    for one in end_with_payer(_shared_with(connection, payer), payer, for_life=is_for_life(plan)):
        _end(connection, now_ms, by, one, payer.end_ms)


def _follow(
    connection: Connection, payer: Membership, standing: Standing, plan: Plan, now_ms: int
) -> Sequence[Membership]:
    """The family's memberships as they are to be when the payer's changes."""
    if plan.name == RESIDENT.name or not payer.payer:
        return ()
    shared = _shared_with(connection, payer)
    if standing is not Standing.ACTIVE:
        family = rest_with_payer(shared, payer, now_ms)
    else:
        resting = rows.resting_with(connection, payer.id)
        family = [one for one in shared if one.id in resting and not _is_over(one, now_ms)]
    return [structs.replace(one, standing=standing) for one in family]


def _set_standing(connection: Connection, now_ms: int, by: str, new: Membership, with_payer: int | None = None) -> None:
    store.change_membership(connection, new.id, standing=new.standing, suspended_with=with_payer)
    _note(connection, now_ms, by, "membership.changed", new, standing=new.standing.value)


def _check_window(one: Membership) -> None:
    if one.until_ms and one.until_ms <= one.from_ms:
        raise Rejected(ENDS_EARLY, "body")
    if max(one.from_ms, one.until_ms) > LAST_MS:
        raise Rejected(ENDS_LATE, "body")


def _is_over(one: Membership, now_ms: int) -> bool:
    return 0 < one.end_ms <= now_ms


def _check_person(connection: Connection, person: int) -> None:
    ended = rows.person_ended(connection, person)
    if ended is None:
        raise Rejected(NO_PERSON, status=404)
    if ended:
        raise Rejected(PERSON_ENDED, "person", 409)


def _check_belongs(connection: Connection, party: int, person: int | None, at_ms: int) -> None:
    """Only of a new membership: who holds one already may have left the party since."""
    site = site_of(connection).name
    found = find_party(connection, site, party)
    if found is None or found.ended_ms is not None:
        raise Rejected(NO_PARTY, "party")
    spans = [one.span for one in list_party_members(connection, site, party) if one.person == person]
    if person is not None and not any(start <= at_ms and (not end or at_ms < end) for start, end in spans):
        raise Rejected(NOT_A_MEMBER, "party")


def _check_obstacles(connection: Connection, new: Membership) -> None:
    """Raises ``Rejected`` if the person cannot hold it beside what they hold."""
    if new.person is None:
        held = [one for one in _shared_with(connection, new) if one.person is None]
    else:
        held = memberships_of(connection, new.person)
    reason = obstacle(held, new)
    if reason is not None:
        raise Rejected(OBSTACLES[reason], "plan", 409)


def _check_places(
    connection: Connection, new: Membership, plan: Plan, now_ms: int, newcomers: Iterable[int] | None = None
) -> None:
    """Raises ``Rejected``, which undoes what was written, if more people hold the plan than it has places."""
    if plan.places is None or new.party is None:
        return
    members = list_party_members(connection, site_of(connection).name, new.party)
    holders = too_many(_shared_with(connection, new), members, plan.places, now_ms)
    if holders:
        late = {new.person} if newcomers is None else set(newcomers)
        names = names_of(connection, [one for one in holders if one not in late][: plan.places])
        raise Rejected(PLACES_TAKEN, "plan", places=plan.places, names=names)


def _found_membership(connection: Connection, membership: int) -> Membership:
    found = find_membership(connection, membership)
    if found is None:
        raise Rejected(NO_MEMBERSHIP, status=404)
    return found


def _found_plan(connection: Connection, name: str) -> Plan:
    plan = find_plan(connection, name)
    if plan is None:
        raise Rejected(NO_PLAN, "plan")
    return plan


def _note(connection: Connection, now_ms: int, by: str, action: str, one: Membership, **detail: str) -> None:
    subject = f"party {one.party}" if one.person is None else f"person {one.person}"
    record(connection, now_ms, by, action, subject, membership=str(one.id), **detail)
