"""What a case is, and which steps lead from one state of it to the next. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, structs

from cloud.web.rejected import Rejected
from cloud.web.sentence import N_

MAX_NOTE = 200
IS_TAKEN = N_("%(name)s has this case already. Nothing was changed.")
IS_OVER = N_("This case is over. Nothing was changed.")


class Grade(StrEnum):
    """How much depends on it that somebody comes. The worst first."""

    LIFE_SAFETY = "life_safety"
    SECURITY = "security"
    SERVICE = "service"


class Team(StrEnum):
    """Who looks after it first."""

    GUARDS = "guards"
    REPAIRS = "repairs"


class CaseState(StrEnum):
    """How far a case is."""

    REPORTED = "reported"
    ACCEPTED = "accepted"
    SOLVED = "solved"


class Action(StrEnum):
    """What an operator does about a case."""

    ACCEPT = "accept"
    ASSIGN = "assign"
    SOLVE = "solve"


STEPS: Mapping[tuple[CaseState, Action], CaseState] = {
    (CaseState.REPORTED, Action.ACCEPT): CaseState.ACCEPTED,
    (CaseState.REPORTED, Action.ASSIGN): CaseState.ACCEPTED,
    (CaseState.REPORTED, Action.SOLVE): CaseState.SOLVED,
    (CaseState.ACCEPTED, Action.ASSIGN): CaseState.ACCEPTED,
    (CaseState.ACCEPTED, Action.SOLVE): CaseState.SOLVED,
}
"""Every step that there is; any other is refused."""


class CaseKind(Struct, frozen=True):
    """A sort of case, by the ``name`` that the database has for it. ``text`` is what pages call it. One that
    ``closes`` is over as soon as what it tells of is over; any other waits for a person to say so. ``parts`` are the
    texts for words that tell several of them apart, where these are no faults."""

    name: str
    text: str
    grade: Grade
    team: Team = Team.GUARDS
    closes: bool = False
    parts: Mapping[str, str] = {}


class CasePlace(Struct, frozen=True):
    """Where something is: a device, and one of its points, or a zone. All are names, empty for none; without a device
    it is the cloud itself."""

    device: str = ""
    point: str = ""
    zone: str = ""
    cell: str = ""


class Alarm(Struct, frozen=True):
    """Something has begun, or ``is_over``. ``part`` tells apart what may be wrong at one place at the same time, such
    as faults by their words. ``at_ms`` is when, by the clock of who reports it; ``late`` if that was no news."""

    kind: str
    place: CasePlace
    part: str
    at_ms: int
    is_over: bool = False
    late: bool = False

    @property
    def key(self) -> str:
        """Of the one open case there may be of this."""
        return "/".join((self.place.device, self.place.point or self.place.zone, self.kind, self.part))


class Case(Struct, frozen=True):
    """A case. ``reported_ms`` is when it began by the clock of who reported it, ``noted_ms`` when the cloud heard of
    it. It has happened ``count`` times since, at ``last_ms`` the last time; ``recovered_ms`` is when it was over.
    ``rings`` counts how often somebody was called, at ``rung_ms`` the last time."""

    key: str
    kind: str
    grade: Grade
    team: Team
    device: str
    point: str
    zone: str
    cell: str
    part: str
    late: bool
    count: int
    reported_ms: int
    noted_ms: int
    last_ms: int
    recovered_ms: int | None = None
    accepted_ms: int | None = None
    accepted_by: str = ""
    assignee: str = ""
    note: str = ""
    solved_ms: int | None = None
    solved_by: str = ""
    rings: int = 0
    rung_ms: int | None = None
    id: int | None = None
    """None before it is stored."""

    @property
    def state(self) -> CaseState:
        if self.solved_ms is not None:
            return CaseState.SOLVED
        return CaseState.REPORTED if self.accepted_ms is None else CaseState.ACCEPTED


def opened(alarm: Alarm, kind: CaseKind, now_ms: int) -> Case:
    """The case of an alarm that has none yet."""
    place = alarm.place
    return Case(
        key=alarm.key,
        kind=kind.name,
        grade=kind.grade,
        team=kind.team,
        device=place.device,
        point=place.point,
        zone=place.zone,
        cell=place.cell,
        part=alarm.part,
        late=alarm.late,
        count=1,
        reported_ms=alarm.at_ms,
        noted_ms=now_ms,
        last_ms=alarm.at_ms,
    )


def again(case: Case, alarm: Alarm, now_ms: int) -> Case:
    """The case of an alarm that comes once more. The first that is news makes a late case ring."""
    is_news = case.late and not alarm.late
    noted_ms = now_ms if is_news else case.noted_ms
    late = case.late and alarm.late
    changed = structs.replace(case, count=case.count + 1, last_ms=alarm.at_ms, recovered_ms=None)
    return structs.replace(changed, late=late, noted_ms=noted_ms)


def recovered(case: Case, at_ms: int, now_ms: int, *, closes: bool) -> Case:
    """The case when what it tells of is over."""
    over = structs.replace(case, recovered_ms=at_ms)
    return structs.replace(over, solved_ms=now_ms) if closes else over


def after(case: Case, action: Action, by: str, now_ms: int, *, note: str = "", assignee: str = "") -> Case:
    """The case after a step. Raises ``Rejected`` for one that does not lead on: a second guard is told who has it."""
    state = STEPS.get((case.state, action))
    if state is None and case.state is CaseState.SOLVED:
        raise Rejected(IS_OVER, status=409)
    if state is None:
        raise Rejected(IS_TAKEN, status=409, name=case.assignee)
    changed = structs.replace(case, note=note or case.note)
    if state is CaseState.SOLVED:
        return structs.replace(changed, solved_ms=now_ms, solved_by=by)
    is_first = case.accepted_ms is None
    return structs.replace(
        changed,
        accepted_ms=now_ms if is_first else case.accepted_ms,
        accepted_by=by if is_first else case.accepted_by,
        assignee=assignee or by,
    )
