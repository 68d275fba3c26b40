"""What answers are called, and the sentences that they are told in: for pages, calls and the command line alike.

The English texts are the keys of the catalogue.
"""

from collections.abc import Mapping

from cloud.explain.rule import Cause, GapReason, PointOpening, RecordGap
from cloud.explain.who import Told, WhoOpened
from cloud.web import words
from cloud.web.i18n import N_, Language

CAUSES: Mapping[Cause, str] = {
    Cause.CARD: N_("With a card: %(who)s."),
    Cause.CODE: N_("With a code that was keyed: %(who)s."),
    Cause.OVERRIDE: N_("During a lockdown, with card and PIN: %(who)s."),
    Cause.REMOTE: N_("An operator opened it from afar: %(by)s. Reason given: %(reason)s."),
    Cause.EXIT_CARD: N_("On the way out, which is free, with a card: %(who)s."),
    Cause.EXIT_BUTTON: N_("The exit button inside was pressed. It asks nobody for a name."),
    Cause.EXIT: N_("Somebody went out. The way out is free and asks nobody for a name."),
    Cause.HELD_OPEN: N_("It was held open for everybody. Ordered by %(by)s, reason given: %(reason)s."),
    Cause.EMERGENCY: N_("An emergency released it: %(detail)s. Nobody needs a card then."),
    Cause.RELEASED: N_("Its lock lost its power: a fire release, a key switch or a power cut. Not by this device."),
    Cause.FORCED: N_(
        "It was opened while it was locked: by force, with a mechanical key, or by a handle inside. "
        "The device cannot tell which."
    ),
    Cause.FOLLOWED: N_("Somebody went in behind another person, before it was locked again."),
    Cause.UNKNOWN: N_("It was open, and no record says what opened it. A mechanical key, for one, leaves none."),
}
PASSED: Mapping[bool, str] = {True: N_("Somebody went through."), False: N_("Nobody went through.")}
SAID_ALREADY = frozenset({Cause.EXIT, Cause.FOLLOWED, Cause.UNKNOWN})
BOTH = N_("%(came)s %(passed)s")
DOUBTS: Mapping[GapReason, str] = {
    GapReason.LOST: N_("From %(from)s to %(to)s: %(count)s records of the device are lost."),
    GapReason.MISSING: N_("From %(from)s to %(to)s: %(count)s records are missing here, or cannot be read."),
    GapReason.UNWRITTEN: N_("From %(from)s to %(to)s: the device could not write down %(count)s events."),
    GapReason.RESTART: N_(
        "Some time between %(from)s, when it last recorded anything, and %(to)s, when it started, the device was not "
        "running. What happened at the point then is not recorded, and a lock that is held by power was free."
    ),
    GapReason.KEEPER: N_(
        "From %(from)s to %(to)s the process that owns the inputs did not run: openings were not seen."
    ),
    GapReason.CLOCK: N_("Between %(from)s and %(to)s something was recorded by a clock that nobody had set."),
    GapReason.UNHEARD: N_("Since %(from)s the device has not sent everything: records of that time may still come."),
    GapReason.FORGOTTEN: N_("Until %(to)s: records are no longer kept."),
    GapReason.NOT_BEGUN: N_("Until %(to)s: nothing is on record, for the records of the point begin then."),
    GapReason.TOO_MANY: N_("From %(from)s on there are more records than were read: ask about a shorter time."),
}
WORDS_OF_CAUSES: Mapping[Cause, str] = {
    Cause.CARD: N_("card"),
    Cause.CODE: N_("code"),
    Cause.OVERRIDE: N_("override in a lockdown"),
    Cause.REMOTE: N_("opened from afar"),
    Cause.EXIT_CARD: N_("card on the way out"),
    Cause.EXIT_BUTTON: N_("exit button"),
    Cause.EXIT: N_("free way out"),
    Cause.HELD_OPEN: N_("held open"),
    Cause.EMERGENCY: N_("emergency"),
    Cause.RELEASED: N_("lock without power"),
    Cause.FORCED: N_("opened while locked"),
    Cause.FOLLOWED: N_("followed another person"),
    Cause.UNKNOWN: N_("unknown"),
}

OF_FLAT = N_("%(name)s (%(flat)s)")
SOMEBODY = N_("somebody with a credential that nobody has any more")
NAMELESS = N_("somebody whose record was erased, or who was not known")
NOT_SAID = N_("not recorded")
UNKNOWN = N_("Unknown. Nothing on record opened it between %(from)s and %(to)s.")
UNKNOWN_DOUBTED = N_("But not everything is on record; what follows says where it may have been opened unseen.")
UNKNOWN_WHOLE = N_(
    "No record of that time is missing. If it was open all the same, nothing that the device watches saw it: "
    "it may have stood open since before, or have been opened with a mechanical key, which leaves no trace "
    "where no contact shows that the door opens."
)
KNOWN_DOUBTED = N_("There may have been more: not everything of that time is on record.")
BEFORE, AFTER = N_("Before: %(at)s, %(cause)s."), N_("After: %(at)s, %(cause)s.")


def summary(found: WhoOpened, language: Language) -> list[str]:
    """The sentences of an answer that are about the whole of it."""
    answer = found.answer
    if not answer.openings:
        around = {"from": language.moment(answer.start_ms), "to": language.moment(answer.end_ms)}
        return [language.say(UNKNOWN) % around, language.say(UNKNOWN_DOUBTED if answer.doubts else UNKNOWN_WHOLE)]
    return [language.say(KNOWN_DOUBTED)] if answer.doubts else []


def sentence(told: Told, language: Language) -> str:
    """How one opening came about, in words."""
    one = told.opening
    values = {
        "who": who(told, language),
        "by": actor(told.by, language),
        "reason": told.reason or language.say(NOT_SAID),
        "detail": language.say(words.cause(one.detail)) if one.detail else language.say(NOT_SAID),
    }
    came = language.say(CAUSES[one.cause]) % values
    if one.passed is None or one.cause in SAID_ALREADY:
        return came
    return language.say(BOTH) % {"came": came, "passed": language.say(PASSED[one.passed])}


def who(told: Told, language: Language) -> str:
    """Whom an opening names."""
    if told.person is None:
        return language.say(SOMEBODY if told.is_nobody else NAMELESS)
    name = language.label(told.person.name)
    return language.say(OF_FLAT) % {"name": name, "flat": told.person.unit} if told.person.unit else name


def actor(name: str, language: Language) -> str:
    """An operator's name, or what stands for one in the audit."""
    return language.say(words.ACTORS[name]) if name in words.ACTORS else name or language.say(NOT_SAID)


def when(one: PointOpening, language: Language) -> str:
    """When an opening began, as exactly as anybody knows, and how long it lasted."""
    began = language.moment(one.from_ms)
    if one.to_ms != one.from_ms and not one.lasts:
        return f"{began} – {language.moment(one.to_ms)}"
    if not one.lasts:
        return began
    return f"{began} – {'…' if one.until_ms is None else language.moment(one.until_ms)}"


def doubt(one: RecordGap, language: Language) -> str:
    """A reason to doubt, in words."""
    to = language.moment(one.to_ms) if one.to_ms is not None else "…"
    return language.say(DOUBTS[one.why]) % {"from": language.moment(one.from_ms), "to": to, "count": one.count or "?"}


def beside(text: str, one: PointOpening, language: Language) -> str:
    """The opening before or after, by its cause alone: whom it names nobody has asked."""
    cause = language.say(WORDS_OF_CAUSES[one.cause])
    return language.say(text) % {"at": when(one, language), "cause": cause}


def who_lines(found: WhoOpened, language: Language) -> list[str]:
    """The whole answer as lines to read."""
    lines = [f"{when(told.opening, language)}  {sentence(told, language)}" for told in found.openings]
    lines += summary(found, language)
    lines += [doubt(one, language) for one in found.answer.doubts]
    sides = ((BEFORE, found.answer.before), (AFTER, found.answer.after))
    return [*lines, *(beside(text, one, language) for text, one in sides if one is not None)]
