"""What kinds of station are made of: the type of a kind, and one class for each archetype with the events its kinds
share.

A kind is a subclass that declares its own events, and the one instance of it: ``DOOR = Door("door", ...)``. A station
records through that instance, so it cannot name an event, a fault or a text that its kind does not declare.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Literal, NotRequired, TypedDict, TypeVar, get_args

from msgspec.structs import replace

from contract.decide import Mode
from contract.device_events import CommandEvents, cleared_fields
from contract.event_types import EventType, Look, Record, declared_in, event
from contract.events import Grade
from contract.occupancy import CAME_IN, WENT_OUT, Counted, Moved
from contract.phrases import Noun, Phrase

Archetype = Literal["portal", "session", "box", "till", "watch", "feeder", "unknown"]
"""What a kind is to its users: a way through, something used for a while, boxes to be opened, something that sells,
something that only watches, or something that feeds other points. Of an ``unknown`` one nothing is assumed."""

IN_OR_OUT_OF_SERVICE = frozenset({Mode.SCHEDULED, Mode.OUT_OF_SERVICE})
ALL_MODES = frozenset(Mode)

PhaseT = TypeVar("PhaseT", bound=str)
FaultT = TypeVar("FaultT", bound=str)
TextT = TypeVar("TextT", bound=str)


class Undeclared(LookupError):
    """A station names a fault, a text or an event that its kind does not declare."""


def fault_fields(fault: str) -> None:
    """What is wrong, by its word."""


def mode_fields(mode: str, number: int) -> None:
    """``number`` is that of the document which ordered the mode."""


class Kind(Generic[PhaseT, FaultT, TextT]):
    """A kind of station as both sides know it. ``name`` is what a wiring calls it.

    ``modes`` are those that one of its points can be set to, ``classes`` what plans may ration it as, the usual one
    first. ``phases``, ``faults`` and ``texts`` are the words for what it reports, for what may be wrong with it, and
    for what it shows to people beside reasons. ``events`` are all that it may record, by their kinds.
    """

    archetype: ClassVar[Archetype] = "unknown"
    grade: ClassVar[Grade] = "value"
    """Of the events that every kind has."""

    def __init__(
        self,
        name: str,
        noun: Noun,
        *,
        modes: frozenset[Mode] = IN_OR_OUT_OF_SERVICE,
        classes: Mapping[str, Noun] = {},
        phases: Mapping[PhaseT, Phrase] = {},
        faults: Mapping[FaultT, Phrase] = {},
        texts: Mapping[TextT, Phrase] = {},
    ) -> None:
        """Raises ``ValueError`` for a word without words, for an event of another kind's, and where a mode that holds
        it open would give something away."""
        self.name, self.noun, self.modes, self.classes = name, noun, modes, classes
        self.phases, self.faults, self.texts = phases, faults, texts
        zh, en = noun.one.zh, noun.one.en
        self.mode_set = EventType(
            f"{name}.mode",
            "alarm",
            self.grade,
            f"{zh}的模式已变更",
            f"{en} set to another mode",
            mode_fields,
            says=("mode",),
        )
        self.fault_noted = EventType(
            f"{name}.fault", "alarm", self.grade, f"{zh}故障", f"{en} fault", fault_fields, says=("fault",)
        )
        self.fault_cleared = EventType(
            f"{name}.fault_cleared",
            "quiet",
            self.grade,
            f"{zh}故障已消除",
            f"{en} fault cleared",
            cleared_fields,
            says=("fault",),
        )
        self.events = declared_in(self)
        self._check()

    def text(self, word: TextT) -> TextT:
        """The id of a text that this kind may show. Raises ``Undeclared`` for another."""
        if word not in self.texts:
            raise Undeclared(f"{self.name} has no words for the text {word}")
        return word

    def fault(self, word: FaultT, *, present: bool) -> Record:
        """The event of a fault that is there, or is gone. Raises ``Undeclared`` for one that this kind has not."""
        if word not in self.faults:
            raise Undeclared(f"{self.name} has no words for the fault {word}")
        return self.fault_noted(fault=word) if present else self.fault_cleared(fault=word)

    def check(self, record: Record) -> None:
        """Raises ``Undeclared`` for an event that this kind does not declare."""
        if record.kind not in self.events:
            raise Undeclared(f"{self.name} records {record.kind}, which it does not declare")

    def _check(self) -> None:
        shared = {event.family for event in declared_in(*type(self).__bases__).values()}
        foreign = sorted(kind for kind, event in self.events.items() if event.family not in shared | {self.name})
        if foreign:
            raise ValueError(f"{self.name} declares events of another family: {', '.join(foreign)}")
        if Mode.HOLD_OPEN in self.modes and self.archetype != "portal":
            raise ValueError(f"{self.name} is no way through, and would serve everybody while it is held open")
        tables: tuple[Mapping[Any, Phrase], ...] = (self.phases, self.faults, self.texts)
        for table, words in zip(tables, _words_of(type(self)), strict=False):
            if words is not None and words != table.keys():
                raise ValueError(f"{self.name} has not exactly the words it names: {', '.join(words ^ table.keys())}")


def _words_of(kind: type) -> list[frozenset[str] | None]:
    """The words that a kind names as the types of its phases, faults and texts; None where it names no types."""
    bases = (get_args(base) for base in getattr(kind, "__orig_bases__", ()))
    return [None if isinstance(word, TypeVar) else frozenset(get_args(word)) for base in bases for word in base]


AnyKind = Kind[Any, Any, Any]


CREDENTIALS: Mapping[str, Phrase] = {
    "code": Phrase("凭代码", "with a code"),
    "pass": Phrase("凭签名通行码", "with a signed pass"),
    "phone": Phrase("凭手机", "with a phone"),
    "plate": Phrase("凭车牌", "by number plate"),
    "token": Phrase("凭打印码", "with a printed code"),
}
"""With what somebody asked, where it was no card."""


class DecisionFields(TypedDict):
    """``digest`` names the credential, and ``credential`` its kind where it was no card (``CREDENTIALS``). What the
    decision rests on stands in ``facts`` (``contract.recorded_facts``): the direction, the number of the ``roster``,
    the version of the ``rule``, and more. Where the rule was not asked, or a station had a reason of its own, and in
    events of older software, these three stand by themselves. ``warning`` is the reason that anti-passback has noted
    beside letting somebody pass. ``shown_s`` is the moment (UTC seconds) that a telephone signed, of a pass that was
    good: the same at two points is one picture of a screen."""

    reason: str
    digest: str
    credential: NotRequired[str]
    holder: NotRequired[str]
    facts: NotRequired[bytes]
    direction: NotRequired[str]
    roster: NotRequired[int]
    rule: NotRequired[int]
    warning: NotRequired[str]
    shown_s: NotRequired[int]


def duress_fields(holder: str, direction: str, digest: str) -> None:
    """Whose PIN it was, and of which credential. It is silent: no list, stream or screen shows it."""


class ServingKind(Kind[PhaseT, FaultT, TextT]):
    """A kind at which people ask with a card, or an operator on their behalf."""

    allowed = EventType(
        "access.allowed",
        "good",
        "access",
        "放行",
        "Allowed",
        DecisionFields,
        looks={
            ("reason", "override"): Look("alarm", Phrase("紧急封闭期间放行", "Let into a lockdown")),
            ("warning", "already_inside"): Look("alarm", Phrase("放行，但已在内", "Allowed, though already inside")),
            ("warning", "not_inside"): Look("alarm", Phrase("放行，但未曾进入", "Allowed out, though not inside")),
        },
        says=("credential",),
    )
    duress = EventType("access.duress", "alarm", "access", "被胁迫", "Under duress", duress_fields, silent=True)
    refused = EventType("access.refused", "bad", "access", "拒绝", "Refused", DecisionFields, says=("credential",))
    ordered = CommandEvents.done


class PortalKind(ServingKind[PhaseT, FaultT, TextT]):
    """A way through: a door, a turnstile, a barrier, a lift."""

    archetype = "portal"
    grade = "access"
    counts: ClassVar[Counted] = "people"
    """What passes: it counts in a zone in which the same is counted."""
    moves: ClassVar[Mapping[str, Moved]] = {}
    """What its own events say of how many are inside, by their kinds; ``passed`` says the same of every portal."""

    def moved(self, event: str, data: Mapping[str, Any]) -> Moved | None:
        """What an event of one of its points says of the zone behind it; None where it says nothing."""
        if event != self.passed.kind:
            return self.moves.get(event)
        went = WENT_OUT if data.get("direction") == "out" else CAME_IN
        return went if data.get("holder") else replace(went, names_doubt=1)

    @event(
        "access.passed",
        "quiet",
        "access",
        "进入",
        "Entered",
        looks={("direction", "out"): Look("quiet", Phrase("离开", "Left"))},
    )
    def passed(self, holder: str, direction: str) -> None:
        """Somebody who was allowed to go through has done so."""

    @event("access.not_entered", "quiet", "access", "没有通过", "Did not pass")
    def not_entered(self, holder: str, direction: str) -> None:
        """Somebody who was allowed to go through has not done so."""


class BoxKind(ServingKind[PhaseT, FaultT, TextT]):
    """Boxes that are opened for one person: lockers, a key cabinet."""

    archetype = "box"
    grade = "access"


class TillKind(ServingKind[PhaseT, FaultT, TextT]):
    """Something that sells."""

    archetype = "till"


class WatchKind(Kind[PhaseT, FaultT, TextT]):
    """Something that only watches or calls: a room's climate, a help button."""

    archetype = "watch"


class FeederKind(Kind[PhaseT, FaultT, TextT]):
    """Something that feeds other points, and that nobody opens or uses."""

    archetype = "feeder"


_OfClass = TypedDict("_OfClass", {"class": str})


class SessionNamed(_OfClass):
    """``by`` says how it began: with a card, by an operator, or at the post."""

    session: str
    holder: str
    digest: str
    by: str


class SessionStarted(SessionNamed):
    limits: dict[str, int]


class SessionEnded(SessionNamed):
    """It stands without the event of the beginning. ``receipt`` says what is to be paid, in fen."""

    reason: str
    energy_wh: float
    ms: int
    started_minute: int | None
    receipt: dict[str, Any]


def used_fields(session: str, energy_wh: float, ms: int) -> None:
    """What the session has used so far."""


class SessionKind(ServingKind[PhaseT, FaultT, TextT]):
    """Something that one person uses for a while: a charging socket, a post, a wash, a tap."""

    archetype = "session"

    started = EventType("session.started", "good", "value", "开始使用", "Session started", SessionStarted)
    full = EventType("session.full", "quiet", "value", "已充满", "Fully charged", used_fields)
    interrupted = EventType("session.interrupted", "alarm", "value", "使用中断", "Session interrupted", used_fields)
    ended = EventType("session.ended", "quiet", "value", "使用结束", "Session ended", SessionEnded, behind="persisted")

    @event("session.progress", "quiet", "value", "使用中", "Session in progress")
    def progress(self, session: str, energy_wh: float, ms: int, power_w: float) -> None:
        """What the session has used so far, and draws now."""

    @event("session.idle", "quiet", "value", "已充满，尚未拔出", "Full, and still plugged in")
    def idle(self, session: str, fen_per_minute: int, cap_fen: int) -> None:
        """What it costs from now on to stay plugged in, and at most."""

    @event("session.resumed", "quiet", "value", "恢复使用", "Session resumed")
    def resumed(self, session: str) -> None:
        """The interruption is over."""

    @event("session.waiting", "quiet", "value", "正在等待使用", "Waiting for it")
    def waiting(self, session: str, holder: str) -> None:
        """``holder`` waits for the end of this session."""


ARCHETYPE_FAMILIES: Mapping[str, Phrase] = {
    "access": Phrase("人员通行", "People passing"),
    "session": Phrase("使用", "Sessions"),
}
"""The families of events that kinds share."""
