"""Answers as calls and the command line give them in JSON: words of closed lists, and beside them sentences to read."""

from msgspec import Struct, structs

from cloud.explain import why_words, words
from cloud.explain.rule import MAY_BE, Cause, PointOpening
from cloud.explain.who import Told, WhoOpened
from cloud.explain.why import Explained
from cloud.store.labels import Label
from cloud.web.i18n import Language
from contract.explain import Step


class OpeningAnswer(Struct, frozen=True):
    """An opening. It began between ``from_ms`` and ``to_ms``, and lasted until ``until_ms`` if it ``lasts``. ``event``
    is the arrival number of the event that says so. ``passed`` is null where no sensor tells. ``may_be`` are the causes
    that the device cannot tell apart, a mechanical key among them; the recorded one alone where it can."""

    cause: str
    may_be: list[str]
    from_ms: int
    to_ms: int
    lasts: bool
    until_ms: int | None
    passed: bool | None
    direction: str
    event: int
    sentence: str
    name: Label | None = None
    flat: str | None = None
    by: str = ""
    reason: str = ""
    emergency: str = ""


class DoubtAnswer(Struct, frozen=True):
    """An interval in which more may have happened. ``to_ms`` is null while it has no end."""

    why: str
    from_ms: int
    to_ms: int | None
    count: int
    sentence: str


class BesideAnswer(Struct, frozen=True):
    """The opening before or after, without whom it names."""

    cause: str
    from_ms: int
    to_ms: int


class WhoAnswer(Struct, frozen=True):
    """Who or what opened a point from ``from_ms`` to ``to_ms``. It is ``known`` if any opening is on record, and
    ``complete`` if nothing says that more may have happened. ``may_be`` is what opens it without a record, where none
    is known."""

    point: str
    from_ms: int
    to_ms: int
    known: bool
    complete: bool
    may_be: list[str]
    openings: list[OpeningAnswer]
    doubts: list[DoubtAnswer]
    before: BesideAnswer | None
    after: BesideAnswer | None
    text: list[str]


class StepAnswer(Struct, frozen=True):
    """One check of the order, by its name in the contract, and what came of it."""

    check: str
    outcome: str
    reason: str | None
    change: str


class WalkAnswer(Struct, frozen=True):
    """The order over one grant; ``plan`` is the plan that it comes from."""

    plan: Label | None
    reason: str
    steps: list[StepAnswer]


class FactAnswer(Struct, frozen=True):
    """A fact that the rule weighed; ``source`` is recorded, reported, known or assumed."""

    name: str
    value: str | int | None
    source: str


class WhyAnswer(Struct, frozen=True):
    """Why the rule says what it says of a credential at a point. ``stopped_at`` is the check that decided, null where
    all passed. ``roster`` is the number of the roster that the grants were taken from, null where they are today's;
    ``as_then`` if they are those of ``at_ms``. ``recorded`` is what the device said then, ``today`` what the rule says
    now."""

    point: str
    at_ms: int
    allow: bool
    reason: str
    stopped_at: str | None
    change: str
    roster: int | None
    as_then: bool
    recorded: str | None
    today: str | None
    walks: list[WalkAnswer]
    facts: list[FactAnswer]
    text: list[str]

    def without_grants(self) -> "WhyAnswer":
        """The same for those who do not see what people hold."""
        return structs.replace(self, change="", walks=[], text=self.text[:2])


def why_of(found: Explained, language: Language) -> WhyAnswer:
    """The explanation in JSON's terms."""
    decision, stop = found.explanation.decision, found.first.stop
    return WhyAnswer(
        found.place.name,
        found.at_ms,
        allow=decision.allowed,
        reason=decision.reason,
        stopped_at=stop.check if stop else None,
        change=language.say(stop.change) if stop and stop.change else "",
        roster=found.basis.roster,
        as_then=found.basis.as_then,
        recorded=found.recorded,
        today=found.today,
        walks=[
            WalkAnswer(plan, walk.reason, [_step(step, language) for step in walk.steps])
            for walk, plan in zip(found.explanation.walks, found.plans, strict=True)
        ],
        facts=[FactAnswer(one.name, one.value, one.source) for one in found.facts],
        text=why_words.why_lines(found, language),
    )


def _step(step: Step, language: Language) -> StepAnswer:
    return StepAnswer(step.check, step.outcome, step.reason, language.say(step.change) if step.change else "")


def who_of(found: WhoOpened, language: Language) -> WhoAnswer:
    """The answer in JSON's terms."""
    answer = found.answer
    doubts = [
        DoubtAnswer(one.why, one.from_ms, one.to_ms, one.count, words.doubt(one, language)) for one in answer.doubts
    ]
    return WhoAnswer(
        found.place.name,
        answer.start_ms,
        answer.end_ms,
        known=bool(answer.openings),
        complete=not doubts,
        may_be=[] if answer.openings else list(MAY_BE[Cause.UNKNOWN]),
        openings=[_opening(told, language) for told in found.openings],
        doubts=doubts,
        before=_beside(answer.before),
        after=_beside(answer.after),
        text=words.who_lines(found, language),
    )


def _opening(told: Told, language: Language) -> OpeningAnswer:
    one = told.opening
    return OpeningAnswer(
        one.cause,
        list(MAY_BE.get(one.cause, (one.cause,))),
        one.from_ms,
        one.to_ms,
        one.lasts,
        one.until_ms,
        one.passed,
        one.direction,
        one.arrival,
        words.sentence(told, language),
        name=told.person.name if told.person else None,
        flat=told.person.unit if told.person else None,
        by=told.by,
        reason=told.reason,
        emergency=one.detail,
    )


def _beside(one: PointOpening | None) -> BesideAnswer | None:
    return None if one is None else BesideAnswer(one.cause, one.from_ms, one.to_ms)
