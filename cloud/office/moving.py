"""Moving day: who leaves a flat and who comes, carried out as one. Each domain brings its steps (``MovingStep``); here
are those of the members, their memberships, their cards and the flat itself.

A plan that follows the person goes with whoever pays for it, the places of the family with it. One that follows the
flat passes to whoever comes, or waits there.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct, structs
from sqlalchemy import Connection

from cloud.devices.registry import site_of
from cloud.flats.rule import Tenure
from cloud.flats.store import change_flat, find_flat
from cloud.office.party_service import MAX_NAME, add_member, end_place, found_party, is_there
from cloud.office.person_store import cards_in_use, family_cards
from cloud.office.rule import HomeGround
from cloud.parties.party import AT_HOME, MemberRole, Party, PartyKind, PartyMember
from cloud.parties.store import add_party, add_party_member, list_party_members
from cloud.people.members import Membership
from cloud.people.membership_store import find_plan, labels_of
from cloud.people.memberships import add_membership, check_all_places, end_membership
from cloud.people.plans import Plan
from cloud.people.store import add_person, change_membership, memberships_of, memberships_of_party
from cloud.store.database import Clock, Store
from cloud.store.labels import Label
from cloud.web.domain import MovingDay, MovingStep
from cloud.web.names import clean_text
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_, Sentence

NOBODY_MOVES = N_("Say who leaves or who comes. Nothing was changed.")
NO_HOUSEHOLD = N_("A moving day is made at the household of a flat. Nothing was changed.")
NOT_A_MEMBER = N_("Somebody who is to leave does not belong to it any more. Nothing was changed.")
NO_NAME = N_("Whoever comes needs a name. Nothing was changed.")


class StepPreview(Struct, frozen=True):
    """What one step of a moving day will do."""

    name: str
    lines: Sequence[str]


class MovingService:
    """The service that carries moving days out. Any thread may use it; ``by`` is the operator's name. What is rejected
    leaves no trace."""

    def __init__(self, store: Store, clock: Clock, steps: Sequence[MovingStep]) -> None:
        self._store, self._clock = store, clock
        self._steps = sorted(steps, key=lambda step: step.place)

    def preview(self, day: MovingDay) -> list[StepPreview]:
        """What each step will do. It is tried and undone, so that what will be refused is refused here already. Raises
        ``Rejected``."""
        with self._store.reading() as connection:
            shown = [StepPreview(step.name, step.preview(connection, day)) for step in self._steps]
        with self._store.trying() as connection:
            self._carry_out(connection, "", day)
        return shown

    def carry_out(self, by: str, day: MovingDay) -> None:
        """All steps, or none of them. Raises ``Rejected``."""
        with self._store.writing() as connection:
            self._carry_out(connection, by, day)

    def _carry_out(self, connection: Connection, by: str, day: MovingDay) -> None:
        now_ms = self._clock()
        if not (day.leavers or day.newcomers):
            raise Rejected(NOBODY_MOVES, "leavers")
        if found_party(connection, day.party).kind is not PartyKind.FLAT:
            raise Rejected(NO_HOUSEHOLD, "party")
        for step in self._steps:
            lines = len(step.preview(connection, day))
            day = step.carry_out(connection, now_ms, by, day)
            record(connection, now_ms, by, "moving.carried_out", f"party {day.party}", step=step.name, lines=str(lines))


def _preview_members(connection: Connection, day: MovingDay) -> list[Sentence]:
    names = _names(connection, day)
    leaves = N_("%(name)s leaves; the home ends that evening")
    comes = N_("%(name)s comes; the home begins that morning")
    leaving = [Sentence(leaves, name=names[one]) for one in day.leavers if one in names]
    known = [one.name or names.get(one.person or 0) for one in day.newcomers]
    coming = [Sentence(comes, name=name) for name in known if name is not None]
    return leaving + coming


def _move_members(connection: Connection, now_ms: int, by: str, day: MovingDay) -> MovingDay:
    ground = HomeGround(day.ground) if day.ground else None
    leaving = set(day.leavers)
    mine = [one for one in _members(connection, day.party, now_ms) if one.person in leaving]
    if {one.person for one in mine} != leaving:
        raise Rejected(NOT_A_MEMBER, "leavers", 409)
    for member in mine:
        end_place(connection, now_ms, by, member, ground, max(day.out_ms, now_ms))
    newcomers = []
    for one in day.newcomers:
        person = one.person or _add_person(connection, now_ms, by, one.name)
        window = max(day.in_ms, now_ms), one.until_ms
        add_member(connection, now_ms, by, PartyMember(0, day.party, person, MemberRole(one.role), *window))
        newcomers.append(structs.replace(one, person=person))
    return structs.replace(day, newcomers=tuple(newcomers))


def _add_person(connection: Connection, now_ms: int, by: str, name: Label | None) -> int:
    zh, en = (clean_text(text, MAX_NAME) for text in (name.zh, name.en)) if name else ("", "")
    if not (zh or en):
        raise Rejected(NO_NAME, "name")
    added = add_person(connection, zh or en, en or zh)
    record(connection, now_ms, by, "person.added", f"person {added}")
    return added


class _Fate(Struct, frozen=True):
    """What becomes of a membership on a moving day: it goes with its payer, passes to whoever comes, waits at the flat,
    or ends."""

    membership: Membership
    plan: Plan
    what: str


def _fates(connection: Connection, day: MovingDay) -> Iterator[_Fate]:
    leaving, heirs = set(day.leavers), [one for one in day.newcomers if one.role in AT_HOME]
    held = [one for one in memberships_of_party(connection, day.party) if not one.end_ms or day.out_ms < one.end_ms]
    gone = {one.plan for one in held if one.payer and one.person in leaving}
    passed: set[str] = set()
    for one in held:
        plan = find_plan(connection, one.plan)
        if plan is None or one.person is None:
            continue
        if plan.follows == "person" and plan.term != "lease":
            if one.plan in gone or (one.person in leaving and plan.places is None):
                yield _Fate(one, plan, "goes")
        elif one.person in leaving or one.person not in _people(connection, day.party):
            if plan.term == "lease" or plan.name in passed or (plan.places is not None and not one.payer):
                yield _Fate(one, plan, "ends")
            else:
                passed.add(plan.name)
                yield _Fate(one, plan, "passes" if heirs else "waits")


_SAID = {
    "goes": N_("%(plan)s of %(name)s goes with who pays for it"),
    "passes": N_("%(plan)s of %(name)s passes to whoever comes, that evening"),
    "waits": N_("%(plan)s of %(name)s waits at the flat for whoever comes next"),
    "ends": N_("%(plan)s of %(name)s ends that evening"),
}


def _preview_memberships(connection: Connection, day: MovingDay) -> list[Sentence]:
    fates = list(_fates(connection, day))
    names = labels_of(connection, {fate.membership.person or 0 for fate in fates})
    return [Sentence(_SAID[fate.what], plan=fate.plan.label, name=names[fate.membership.person or 0]) for fate in fates]


def _move_memberships(connection: Connection, now_ms: int, by: str, day: MovingDay) -> MovingDay:
    fates, at_ms = list(_fates(connection, day)), max(day.out_ms, now_ms)
    heir = next((one.person for one in day.newcomers if one.role in AT_HOME), None)
    for fate in fates:
        if fate.what == "passes" and heir is not None:
            _end_alone(connection, now_ms, by, fate.membership, at_ms)
            heirs = structs.replace(fate.membership, id=0, person=heir, from_ms=at_ms)
            add_membership(connection, now_ms, by, heirs)
    for fate in fates:
        if fate.what == "ends":
            end_membership(connection, now_ms, by, fate.membership, at_ms)
    going = [fate for fate in fates if fate.what == "goes"]
    _regroup(connection, now_ms, by, day, [fate.membership for fate in going if fate.plan.places is not None])
    for fate in going:
        if fate.plan.places is None:
            _put_into(connection, now_ms, by, fate.membership, None)
    check_all_places(connection, day.party, now_ms)
    return day


def _end_alone(connection: Connection, now_ms: int, by: str, one: Membership, at_ms: int) -> None:
    """Without the family's: somebody else pays from then on."""
    end_membership(connection, now_ms, by, structs.replace(one, payer=False), at_ms)


def _regroup(connection: Connection, now_ms: int, by: str, day: MovingDay, going: Sequence[Membership]) -> None:
    """Memberships that go along share their places in a party of their own, which has no flat."""
    if not going:
        return
    site, people = site_of(connection).name, sorted({one.person for one in going if one.person is not None})
    payer = next((one.person for one in going if one.payer and one.person is not None), people[0])
    name = labels_of(connection, {payer})[payer]
    party = add_party(connection, site, Party(0, PartyKind.FLAT, name.zh, name.en, None, now_ms))
    record(connection, now_ms, by, "party.added", f"party {party}", moved_from=f"party {day.party}")
    for person in people:
        role = MemberRole.PAYER if person == payer else MemberRole.ADULT
        add_party_member(connection, site, PartyMember(0, party, person, role, now_ms))
        record(connection, now_ms, by, "member.added", f"person {person}", party=str(party), role=role.value)
    for one in going:
        _put_into(connection, now_ms, by, one, party)


def _put_into(connection: Connection, now_ms: int, by: str, one: Membership, party: int | None) -> None:
    change_membership(connection, one.id, party_id=party)
    detail = {"membership": str(one.id), "party": str(party or "")}
    record(connection, now_ms, by, "membership.changed", f"person {one.person}", **detail)


def _cards_back(connection: Connection, day: MovingDay) -> Iterator[tuple[int, int, str]]:
    """Person, id and label of the cards of those who leave and hold nothing else."""
    for person in day.leavers:
        held = memberships_of(connection, person)
        if not any(not one.end_ms or day.out_ms < one.end_ms for one in held):
            for card, label in cards_in_use(connection, person):
                yield person, card, label


def _family_cards_back(connection: Connection, day: MovingDay) -> list[tuple[int, str]]:
    """Those of the household, where all who belonged to it have left."""
    newcomers = {one.person for one in day.newcomers}
    if not day.leavers or _people(connection, day.party) - set(day.leavers) - newcomers:
        return []
    return family_cards(connection, day.party)


def _preview_cards(connection: Connection, day: MovingDay) -> list[Sentence]:
    names, text = _names(connection, day), N_("Card %(card)s of %(name)s is to be returned")
    own = [
        Sentence(text, card=label, name=names[person])
        for person, _, label in _cards_back(connection, day)
        if person in names
    ]
    family = N_("Family card %(card)s is to be returned")
    return own + [Sentence(family, card=label) for _, label in _family_cards_back(connection, day)]


def _note_cards(connection: Connection, now_ms: int, by: str, day: MovingDay) -> MovingDay:
    for person, card, _ in list(_cards_back(connection, day)):
        record(connection, now_ms, by, "card.to_return", f"person {person}", card=str(card))
    for card, _ in _family_cards_back(connection, day):
        record(connection, now_ms, by, "card.to_return", f"party {day.party}", card=str(card))
    return day


def _preview_flat(connection: Connection, day: MovingDay) -> list[Sentence]:
    leaving, stays = set(day.leavers), _people(connection, day.party) - set(day.leavers)
    if leaving and not stays and not day.newcomers:
        return [Sentence(N_("The flat is vacant from then on"))]
    return []


def _change_flat(connection: Connection, _now_ms: int, _by: str, day: MovingDay) -> MovingDay:
    site = site_of(connection).name
    party = found_party(connection, day.party)
    flat = find_flat(connection, site, party.flat) if party.flat else None
    if flat is None:
        return day
    stay = [one for one in list_party_members(connection, site, day.party) if one.ended_ms is None]
    tenure = flat.tenure
    for role, kept in ((MemberRole.TENANT, Tenure.TENANT), (MemberRole.OWNER, Tenure.OWNER)):
        if any(one.role == role.value for one in day.newcomers):
            tenure = kept
    changed = structs.replace(flat, vacant=not stay, tenure=tenure)
    if changed != flat:
        change_flat(connection, site, changed)
    return day


def _members(connection: Connection, party: int, now_ms: int) -> list[PartyMember]:
    """Who belongs to it, and whose end nobody has entered."""
    found = list_party_members(connection, site_of(connection).name, party)
    return [one for one in found if one.ended_ms is None and is_there(one, now_ms)]


def _people(connection: Connection, party: int) -> set[int]:
    """Who belongs to it and was not ended."""
    found = list_party_members(connection, site_of(connection).name, party)
    return {one.person for one in found if one.ended_ms is None}


def _names(connection: Connection, day: MovingDay) -> dict[int, Label]:
    return labels_of(connection, {*day.leavers, *(one.person for one in day.newcomers if one.person is not None)})


STEPS = (
    MovingStep(0, "members", _preview_members, _move_members),
    MovingStep(10, "memberships", _preview_memberships, _move_memberships),
    MovingStep(20, "cards", _preview_cards, _note_cards),
    MovingStep(30, "flat", _preview_flat, _change_flat),
)
