"""The sentences of a decision that is explained: where the rule stopped, what would change it, and by which facts."""

from collections.abc import Mapping

from cloud.explain.facts import FactSource, FactUsed
from cloud.explain.why import Explained
from cloud.web import words
from cloud.web.i18n import N_, Language
from contract.decide import HOUR_MS
from contract.explain import Outcome, Walk
from contract.phrases import Phrase

ALLOWED, REFUSED = N_("Allowed at %(point)s: %(reason)s."), N_("Refused at %(point)s: %(reason)s.")
STOPPED = N_("The rule stopped at this check: %(check)s.")
STOPPED_PLAN = N_("The rule stopped at this check: %(check)s, for the plan %(plan)s.")
PASSED = N_("Every check passed.")
PASSED_PLAN = N_("Every check passed, for the plan %(plan)s.")
CHANGE = N_("What would change it: %(change)s.")
THEN = N_("At %(at)s the device said: %(reason)s.")
OTHERWISE = N_("With the grants and facts below the rule says otherwise than the device did then.")
TODAY = N_("Now the rule says: %(reason)s.")

BASES: Mapping[str, str] = {
    "now": N_("Grants: as the records stand at this moment."),
    "then": N_("Grants: of roster %(number)s, issued at %(at)s."),
    "today": N_("Grants: those of today. No roster of that time is kept, so people and plans may have been others."),
}
FACTS: Mapping[str, str] = {
    "mode": N_("Mode of the point"),
    "clock": N_("Clock of the device"),
    "roster_age": N_("Age of the roster"),
    "faulted": N_("Out of order"),
    "busy": N_("In use"),
    "pin": N_("PIN"),
    "used": N_("What was used of the allowance"),
    "inside": N_("Inside the zone"),
}
SOURCES: Mapping[FactSource, str] = {
    FactSource.RECORDED: N_("recorded by the device then"),
    FactSource.REPORTED: N_("as the device last reported"),
    FactSource.KNOWN: N_("as the cloud knows it"),
    FactSource.ASSUMED: N_("assumed: nobody recorded it"),
}
OUTCOMES: Mapping[Outcome, str] = {
    Outcome.PASSED: N_("passed"),
    Outcome.NOTED: N_("noted; nobody is kept in"),
    Outcome.STOPPED: N_("stopped here"),
    Outcome.OPENED: N_("lets pass at once"),
    Outcome.NOT_WEIGHED: N_("not reached"),
}
PINS: Mapping[str, str] = {
    "right": N_("keyed, and right"),
    "wrong": N_("keyed, and wrong"),
    "blocked": N_("blocked after too many wrong ones"),
}
OF_ONE = N_("%(what)s: %(value)s (%(of)s)")
NOBODY_KNOWS = N_("nobody knows")
YES, NO, NOT_KEYED = N_("yes"), N_("no"), N_("not keyed")
COUNTED, UNDER_AN_HOUR = N_("as far as devices have told"), N_("less than an hour")


def verdict(found: Explained, language: Language) -> str:
    """What the rule says, and where."""
    decision = found.explanation.decision
    values = {"point": language.label(found.place.label), "reason": language.reason(decision.reason)}
    return language.say(ALLOWED if decision.allowed else REFUSED) % values


def remedy(found: Explained, language: Language) -> str:
    """What the person at the door can do."""
    return language.remedy(found.explanation.decision.reason)


def stop(found: Explained, language: Language, *, with_plan: bool = True) -> str:
    """At which check the rule stopped."""
    plan = language.label(found.plan) if found.plan and with_plan else ""
    step = found.first.stop
    if step is None:
        return language.say(PASSED_PLAN if plan else PASSED) % {"plan": plan}
    return language.say(STOPPED_PLAN if plan else STOPPED) % {"check": language.say(step.name), "plan": plan}


def change(walk: Walk, language: Language) -> str:
    """What would change it; empty where nothing has to."""
    step = walk.stop
    return "" if step is None or step.change is None else language.say(CHANGE) % {"change": language.say(step.change)}


def then(found: Explained, language: Language) -> list[str]:
    """What the device said, and what the rule says now, where the question is about the past."""
    said = []
    if found.recorded is not None:
        values = {"at": language.moment(found.at_ms), "reason": language.reason(found.recorded)}
        said.append(language.say(THEN) % values)
        if found.recorded != found.explanation.decision.reason:
            said.append(language.say(OTHERWISE))
    if found.today is not None:
        said.append(language.say(TODAY) % {"reason": language.reason(found.today)})
    return said


def basis(found: Explained, language: Language) -> str:
    """What the grants were taken from."""
    one = found.basis
    if one.roster is None or one.issued_ms is None:
        return language.say(BASES["now" if one.as_then else "today"])
    return language.say(BASES["then"]) % {"number": one.roster, "at": language.moment(one.issued_ms)}


def fact(one: FactUsed, language: Language) -> str:
    """A fact with its value and its source."""
    values = {
        "what": language.say(FACTS[one.name]),
        "value": value(one, language),
        "of": language.say(SOURCES[one.source]),
    }
    return language.say(OF_ONE) % values


def value(one: FactUsed, language: Language) -> str:
    """What a fact is, in words."""
    match one.name:
        case "mode":
            return language.say(words.mode(one.value))
        case "clock":
            return language.say(words.of(words.TRUSTS, one.value))
        case "roster_age":
            age_ms = one.value if isinstance(one.value, int) else 0
            return language.span(age_ms) if age_ms >= HOUR_MS else language.say(UNDER_AN_HOUR)
        case "pin":
            return language.say(PINS[str(one.value)]) if one.value else language.say(NOT_KEYED)
        case "used":
            return language.say(COUNTED)
        case "inside":
            return language.say(NOBODY_KNOWS) if one.value is None else str(one.value)
        case _:
            return language.say(YES if one.value else NO)


def grant_line(walk: Walk, plan: str, language: Language) -> str:
    """What the rule says of another grant of the same credential."""
    name: str | Phrase = walk.stop.name if walk.stop else PASSED
    values = {"what": plan or "–", "value": language.reason(walk.reason), "of": language.say(name)}
    return language.say(OF_ONE) % values


def why_lines(found: Explained, language: Language) -> list[str]:
    """The whole explanation as lines to read."""
    lines = [verdict(found, language), remedy(found, language), stop(found, language), change(found.first, language)]
    lines += [*then(found, language), basis(found, language)]
    others = list(zip(found.explanation.walks, found.plans, strict=True))[1:]
    lines += [grant_line(walk, language.label(plan) if plan else "", language) for walk, plan in others]
    return [line for line in [*lines, *(fact(one, language) for one in found.facts)] if line]
