"""A bought charging post that speaks OCPP: this device is its central system, with the network down as with it up.

The post owns its relay, its meter and its plug; what is ours is whom it serves, for how long, and that it stops. It may
be alone for hours and tell of them later, so nothing is believed twice: see ``transactions``. Its clock may lie, so
limits run on ours. A post that is not heard, that says it is faulted, or that gives power to nobody is not offered.
"""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from contract.decide import Decision, Mode
from contract.reasons import Reason
from contract.sessions import Stop, stop_of_emergency
from edge import local_list, transactions
from edge.local_list import LocalList
from edge.ocpp_words import (
    NEVER_GIVEN,
    PORT,
    AskListVersion,
    Booted,
    CardShown,
    Configure,
    Configured,
    Connected,
    Done,
    FromPost,
    Left,
    ListVersion,
    MeterSaid,
    Nonsense,
    SayAgain,
    SetOperative,
    StartRemotely,
    StartSaid,
    Status,
    StatusSaid,
    StopRemotely,
    StopSaid,
    ToPost,
    Verdict,
    Wish,
    Word,
    card_bytes,
    number_of,
)
from edge.session import (
    HOUR_MS,
    KEEP_AGAIN_MS,
    MINUTE_MS,
    PROGRESS_AGAIN_MS,
    By,
    Session,
    Tariff,
    draw,
    ended,
    energy_wh,
    progress,
    spent,
    started,
)
from edge.stations import (
    BARRING,
    Ask,
    CloudHeard,
    Decided,
    Due,
    Effect,
    Emergency,
    Faulty,
    Found,
    Input,
    Keep,
    Levels,
    ModeChanged,
    QuotaSpent,
    Received,
    Record,
    Report,
    Send,
    Show,
    StopOrdered,
    Wake,
    decided,
    refuse,
    set_fault,
)
from edge.transactions import Book, Parked, Transaction, Unreadable

Phase = Literal["free", "starting", "charging", "stopping"]
Trigger = Literal["ask", "give_up", "begin", "stop", "end"]

NEXT: dict[tuple[Phase, Trigger], Phase] = {
    ("free", "ask"): "starting",
    ("starting", "give_up"): "free",
    ("free", "begin"): "charging",
    ("starting", "begin"): "charging",
    ("charging", "stop"): "stopping",
    ("charging", "end"): "free",
    ("stopping", "end"): "free",
}
"""Where a trigger leads. A pair that does not stand here leaves the phase as it is."""

INPUTS: dict[str, bool] = {}
OUTPUTS = {"green": False, "red": False}
LINES = {PORT: True}

CLASS = "ev"
MAX_ASKED = 8
"""Cards that are being weighed at once; a post asks for one after the other."""
GREET_MS = 10_000
"""A post that has just connected boots first, if it has to. Until then it would not hear us."""
SILENT_MS = 3 * MINUTE_MS
"""Three beats of its heart."""
GONE_MS = MINUTE_MS
STOP_AGAIN_MS = 30_000
STOPS_IN_VAIN = 3
SETTLE_MS = 2 * MINUTE_MS
"""How long the end of a transaction may be on its way, after the post shows that nothing runs any more."""
FORGET_MS = 10_000
LATE_MS = MINUTE_MS
"""A beginning that is told of later than this happened while the post was alone."""
CLOCK_OFF_MS = 2 * MINUTE_MS
STRAY_W = 50.0
"""More than a post's own electronics draw, less than any car."""
WEIGH_AGAIN_MS = 15 * MINUTE_MS
LIST_AGAIN_MS = 5 * MINUTE_MS
NONSENSE_MS = HOUR_MS
MAX_W, MAX_SESSION_MS, MAX_SESSION_WH = 350_000, 24 * HOUR_MS, 200_000

STRAYS = 2
"""Readings in a row."""
MAX_AWAY_MS = 72 * HOUR_MS
"""No outage that is told of is longer; what a post says of one that is comes from a clock that was set."""
NO_CARD = b"\0"
"""Before a tag that is no number of a card: no card of that many bits exists, so nobody can have it."""
OF_STATION = frozenset({Reason.BUSY, Reason.FAULTED, Reason.RESERVED})
"""Reasons that speak of the post and not of the card."""
TAKEN_AWAY = frozenset({Reason.SUSPENDED, Reason.REPORTED_LOST})
BLOCKING = frozenset({"post_faulted", "stray_power", "silent"})
"""Faults with which nothing begins."""
WORDS: dict[Reason, Word] = {
    Reason.ALLOWED: "accepted",
    Reason.EXPIRED: "expired",
    Reason.UNKNOWN_CREDENTIAL: "invalid",
    Reason.NO_ROSTER: "invalid",
    Reason.BUSY: "concurrent",
}
"""What the post is told of a card; it is blocked for any other reason."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """No session is longer than ``session_ms`` or draws more than ``session_wh``; the post gives at most ``power_w``.
    ``meter_s``: how often it tells its meter. ``plug_in_within_s``: how long it waits for the plug after a card.
    Without the cloud for ``offline_limit_ms`` nothing begins."""

    power_w: float = 22_000
    session_ms: int = 10 * HOUR_MS
    session_wh: int = 60_000
    meter_s: int = 30
    plug_in_within_s: int = 90
    offline_limit_ms: int = 12 * HOUR_MS
    tariff: Tariff = Tariff()

    def __post_init__(self) -> None:
        for name, value, most in (
            ("power_w", self.power_w, MAX_W),
            ("session_ms", self.session_ms, MAX_SESSION_MS),
            ("session_wh", self.session_wh, MAX_SESSION_WH),
            ("offline_limit_ms", self.offline_limit_ms, 3 * 24 * HOUR_MS),
            ("plug_in_within_s", self.plug_in_within_s, 600),
        ):
            if not 0 < value <= most:
                raise ValueError(f"{name} lies above 0 and is at most {most}")
        if not 5 <= self.meter_s <= 300:
            raise ValueError("meter_s lies between 5 and 300")


Question = CardShown | StartSaid


class State(Faulty, frozen=True):
    """``here`` is how the post is connected, ``greeted`` that it was set up since. ``status`` is what it says of the
    connector; empty before it has. ``asked`` are the questions whose cards are being weighed, by their number.
    ``wanted`` is who is awaited to begin. ``why`` is the reason for which the running session was told to stop,
    ``stop`` why the last one ended. ``doubted``: the post has started anew and not yet said that it still runs.
    ``strays`` counts readings of power without a session. ``offset_ms``: how far the post's clock lags behind ours.
    ``counted_ms``, ``kept_ms``, ``told_ms``, ``left_ms`` are when time was last counted, the book last kept, progress
    last told, and the post last heard."""

    point: str
    settings: Settings
    phase: Phase = "free"
    here: Connected | None = None
    greeted: bool = False
    status: Status | Literal[""] = ""
    power_w: float = 0
    strays: int = 0
    doubted: bool = False
    emergency: str = ""
    mode: Mode = Mode.SCHEDULED
    turn: int = 0
    asked: tuple[tuple[str, Question], ...] = ()
    wanted: Decided | None = None
    book: Book = Book()
    why: str = ""
    stops: int = 0
    offset_ms: int = 0
    counted_ms: int = 0
    kept_ms: int = 0
    told_ms: int = 0
    left_ms: int | None = None
    cards: LocalList = LocalList()
    stop: str = ""


Step = tuple[State, list[Effect]]


def start(point: str, settings: Settings) -> State:
    return State(point, settings)


def report(state: State) -> Report:
    session = state.book.session
    return Report(
        _shown(state),
        busy=state.book.live is not None or state.phase == "starting",
        faulted=not _is_offered(state),
        faults=state.faults,
        quiet=state.book.live is None and state.phase == "free",
        user="" if session is None else session.digest,
        offline_limit_ms=state.settings.offline_limit_ms,
        live=_live(state, session),
    )


def _is_offered(state: State) -> bool:
    """Whether somebody may begin: the post is heard, says that it is well, and serves nobody without a session."""
    well = state.status not in ("faulted", "unavailable") and not state.faults & BLOCKING
    return state.here is not None and well and not state.emergency


def _shown(state: State) -> str:
    if state.emergency:
        return "emergency"
    if state.here is None:
        return "absent"
    return state.phase if _is_offered(state) or state.book.live else "faulted"


def _live(state: State, session: Session | None) -> dict[str, object]:
    live: dict[str, object] = {"class": CLASS, "power_w": round(state.power_w), "reason": state.stop}
    if session is None:
        return live
    left_ms = max(0, session.limit_ms - session.span_ms)
    return {
        **live,
        "session": session.id,
        "energy_wh": round(energy_wh(session)),
        "minutes": session.span_ms // MINUTE_MS,
        "minutes_left": left_ms // MINUTE_MS,
        "free_at_minutes": left_ms // MINUTE_MS,
    }


def step(state: State, happened: Input, now_ms: int) -> Step:
    """Take one input to completion. Inputs that mean nothing to a post change nothing."""
    match happened:
        case Received(message=message):
            return _heard(state, message, now_ms)
        case Decided(about=about) if about:
            return _weighed(state, happened, now_ms)
        case Decided():
            return _at_reader(state, happened)
        case StopOrdered(told=told) if state.book.session is not None:
            state, effects = _stop(state, Stop.OPERATOR)
            return state, [Record("command.done", told), *effects]
        case QuotaSpent(session=one) if state.book.session is not None and state.book.session.id == one:
            return _stop(state, Stop.QUOTA)
        case Emergency(active=active, cause=cause):
            return _emergency(state, active, cause)
        case ModeChanged(mode=mode, number=number) if mode is not state.mode:
            state, effects = _availability(replace(state, mode=mode))
            return state, [Record("ev_post.mode", {"mode": mode.value, "number": number}), *effects]
        case CloudHeard():
            return state, _weigh(state, 1)
        case Found(document=document, age_ms=age_ms) if state.book == Book():
            return _found(state, document, age_ms, now_ms)
        case Levels():
            return state, [Wake("gone", GONE_MS)] if state.here is None else []
        case Due(name=name):
            return _due(state, name, now_ms)
    return state, []


def _due(state: State, name: str, now_ms: int) -> Step:
    match name:
        case "greet":
            return _greet(state)
        case "gone" if state.here is None:
            return set_fault(state, "ev_post", "silent", present=True)
        case "silent":
            return set_fault(state, "ev_post", "silent", present=True)
        case "start" if state.phase == "starting":
            return _given_up(state, "nobody_plugged_in")
        case "limit":
            return _stop(state, Stop.TIME_LIMIT)
        case "stop_again" if state.phase == "stopping":
            return _stop_again(state)
        case "settle":
            return _settle(state, now_ms)
        case "weigh":
            return state, [*_weigh(state, len(state.cards.wanted)), Wake("weigh", WEIGH_AGAIN_MS)]
        case "list":
            return _list_next(state)
        case "forget":
            state = replace(state, book=replace(state.book, unsure=""))
            return state, [_keep(state)]
    if name.startswith("nonsense_"):
        return set_fault(state, "ev_post", name, present=False)
    return state, []


def _to(state: State, trigger: Trigger) -> State:
    return replace(state, phase=NEXT.get((state.phase, trigger), state.phase))


def _order(state: State, what: str) -> tuple[State, str]:
    """A name for an order, so that its answer is known again."""
    return replace(state, turn=state.turn + 1), f"{what}:{state.turn + 1}"


def _send(message: ToPost) -> Send:
    return Send(PORT, message)


# What the post says


def _heard(state: State, message: FromPost, now_ms: int) -> Step:
    if isinstance(message, Left):
        return replace(state, here=None, greeted=False, left_ms=now_ms), [Wake("silent", None), Wake("gone", GONE_MS)]
    if isinstance(message, Connected):
        return _connected(state, message)
    state, effects = set_fault(state, "ev_post", "silent", present=False)
    effects.append(Wake("silent", SILENT_MS))
    if not state.greeted and state.here is not None:
        state, greeted = _greet(state)
        effects += greeted
    state, told = _told(state, message, now_ms)
    return state, effects + told


def _told(state: State, message: FromPost, now_ms: int) -> Step:
    match message:
        case CardShown() | StartSaid():
            return _ask(state, message, now_ms)
        case MeterSaid():
            return _metered(state, message, now_ms)
        case StopSaid():
            return _stopped(state, message, now_ms)
        case StatusSaid():
            return _status(state, message)
        case Booted():
            told = {"vendor": message.vendor, "model": message.model, "firmware": message.firmware}
            # A post that was without power says so of its transaction, or has forgotten it.
            state = replace(state, doubted=state.book.live is not None)
            return state, [Record("ev_post.booted", told), Wake("settle", SETTLE_MS)]
        case Done():
            return _done(state, message)
        case Configured():
            told_of = [Record("ev_post.configured", {"refused": list(message.refused)})]
            state, effects = _list_next(replace(state, cards=local_list.limited(state.cards, message)))
            return state, [*told_of, *effects]
        case ListVersion():
            return _list_next(replace(state, cards=local_list.found(state.cards, message)))
        case Nonsense(what=what):
            state, effects = set_fault(state, "ev_post", f"nonsense_{what}", present=True)
            return state, [*effects, Wake(f"nonsense_{what}", NONSENSE_MS)]
    return state, []


def _connected(state: State, here: Connected) -> Step:
    """A post is there. Two that go by one name would take turns, so each time is told."""
    state = replace(state, here=here, greeted=False)
    replaced = [Record("ev_post.replaced", {"version": here.version})] if here.replaced else []
    return state, [*replaced, Wake("gone", None), Wake("greet", GREET_MS), Wake("silent", SILENT_MS)]


def _greet(state: State) -> Step:
    """Tell the post what holds here, and hear how it stands: what was said before it left may be no longer so."""
    if state.here is None:
        return state, []
    state = replace(state, greeted=True)
    effects: list[Effect] = [Wake("greet", None)]
    if state.phase == "stopping":
        state, again = _stop_again(state)
        effects += again
    state, available = _availability(state)
    effects += [*available, _send(SayAgain("status"))]
    if state.book.live is not None:
        effects.append(_send(SayAgain("meter")))
    if state.here is not None and state.here.leads:
        effects += [_send(Configure(_wishes(state.settings))), _send(AskListVersion()), Wake("weigh", WEIGH_AGAIN_MS)]
    return state, effects


def _wishes(settings: Settings) -> dict[Wish, str]:
    """How a post is set up: it asks for every card, and alone it serves whom its list names and nobody else."""
    return {
        "heartbeat_s": "60",
        "ping_s": "20",
        "meter_s": str(settings.meter_s),
        "measurands": "Energy.Active.Import.Register,Power.Active.Import",
        "plug_in_within_s": str(settings.plug_in_within_s),
        "local_list": "true",
        "offline_by_list": "true",
        "list_before_asking": "false",
        "offline_for_strangers": "false",
        "stop_strangers": "true",
        "ask_for_remote": "false",
        "attempts": "5",
        "retry_s": "30",
    }


def _status(state: State, said: StatusSaid) -> Step:
    """A post as a whole can be faulted; all else is said of the connector."""
    effects: list[Effect] = []
    if said.at_ms is not None:
        state = replace(state, offset_ms=said.heard_ms - said.at_ms)
        state, effects = set_fault(state, "ev_post", "clock_off", present=abs(state.offset_ms) > CLOCK_OFF_MS)
    if not said.whole:
        doubted = state.doubted and said.status not in ("charging", "suspended")
        state = replace(state, status=said.status, doubted=doubted)
    state, noted = set_fault(state, "ev_post", "post_faulted", present=said.status == "faulted")
    effects += noted
    if said.status == "available" and state.book.live is not None:
        effects.append(Wake("settle", SETTLE_MS))
    return state, effects


def _done(state: State, done: Done) -> Step:
    what = done.order.partition(":")[0]
    if what == "start" and not done.accepted and state.phase == "starting":
        return _given_up(state, done.how)
    if what == "operative":
        refused = not done.accepted and done.how not in ("offline", "timeout")
        return set_fault(state, "ev_post", "disobeys", present=refused)
    if what == "list":
        state = replace(state, cards=local_list.answered(state.cards, done))
        if done.how == "version_mismatch":
            return state, [_send(AskListVersion())]
        return _list_next(state) if done.accepted else (state, [Wake("list", LIST_AGAIN_MS)])
    return state, []


# Who may begin


def _ask(state: State, question: Question, now_ms: int) -> Step:
    """Have the card of a question weighed. One that no card can have is weighed too: it is unknown, and recorded so.
    Where we told the post to begin, the tag is the ticket of a decision that stands."""
    tag, wanted = question.tag.lower(), state.wanted
    ours = next((one for one in state.book.transactions if one.session is not None and one.session.id == tag), None)
    if isinstance(question, StartSaid) and ours is not None:
        return state, [_send(Verdict(question.call, "accepted", ours.number))]
    if wanted is not None and tag == wanted.ticket:
        if isinstance(question, StartSaid):
            return _begin(state, question, wanted, now_ms)
        return state, [_send(Verdict(question.call, "accepted"))]
    if len(state.asked) >= MAX_ASKED:
        return state, [_send(Verdict(question.call, "blocked"))]
    state, about = _order(state, "card")
    state = replace(state, asked=(*state.asked, (about, question)))
    return state, [Ask(card_bytes(tag) or NO_CARD + tag.encode(), about)]


def _weighed(state: State, found: Decided, now_ms: int) -> Step:
    if found.about.startswith("list:"):
        return _weighed_again(state, found)
    question = next((one for about, one in state.asked if about == found.about), None)
    if question is None:
        return state, []
    state = replace(state, asked=tuple(one for one in state.asked if one[0] != found.about))
    state, listed = _listed(state, question.tag, found)
    state, effects = (
        _answered(state, question, found) if isinstance(question, CardShown) else _begun(state, question, found, now_ms)
    )
    return state, effects + listed


def _answered(state: State, shown: CardShown, found: Decided) -> Step:
    """Somebody shows a card before plugging in, or to stop: the holder may always do that."""
    session = state.book.session
    if session is not None and found.digest.hex() == session.digest:
        return state, [_send(Verdict(shown.call, "accepted"))]
    told = [] if found.decision.allowed else refuse(found)
    return state, [_send(Verdict(shown.call, _word(found))), *told]


def _word(found: Decided) -> Word:
    return WORDS.get(found.decision.reason, "blocked")


def _begun(state: State, told: StartSaid, found: Decided, now_ms: int) -> Step:
    """A transaction began. If it was told of before, the answer is the first one."""
    known = transactions.same(state.book, found.digest.hex(), told)
    if known is not None:
        word: Word = "blocked" if known.session is None else "accepted"
        return state, [_send(Verdict(told.call, word, known.number))]
    live = state.book.live
    if live is None:
        return _begin(state, told, found, now_ms)
    if _is_older(told, live):
        return _book_late(state, told, found, now_ms)
    # The post has begun another one: the end of the one before is lost, and while it ran this card was refused as busy.
    state, effects = _end(state, live, Stop.POWER_LOSS, now_ms)
    state, asks = _ask(state, told, now_ms)
    return state, effects + asks


def _is_older(told: StartSaid, live: Transaction) -> bool:
    return told.at_ms is not None and live.at_ms is not None and told.at_ms < live.at_ms


def _begin(state: State, told: StartSaid, found: Decided, now_ms: int) -> Step:
    """A transaction of its own. What was drawn while the post was alone is booked whatever the rule says by now; what
    begins under our eyes against the rule is stopped."""
    ago_ms = _ago_ms(state, told, now_ms)
    weighed: list[Effect] = [] if ago_ms > LATE_MS or found is state.wanted else [decided(found)]
    one, word = _opened(state, told, found, late=ago_ms > LATE_MS)
    one = replace(one, session=_with_past(one.session, ago_ms, state.settings))
    state = replace(_to(state, "begin"), book=transactions.put(state.book, one), wanted=None, why="", stops=0, stop="")
    state = replace(state, counted_ms=now_ms - ago_ms, kept_ms=now_ms, told_ms=now_ms, doubted=False)
    effects: list[Effect] = [*weighed, *_said(state, one, told, word), _send(Verdict(told.call, word, one.number))]
    effects += [Wake("start", None), Wake("settle", None)]
    if one.session is not None:
        effects.append(Wake("limit", max(0, one.session.limit_ms - ago_ms)))
    state, parked = _unpark(state, one, now_ms)
    if state.book.live is not None and word != "accepted":
        state, stopped = _stop(state, Stop.DEAUTHORIZED)
        parked += stopped
    return state, effects + parked


def _book_late(state: State, told: StartSaid, found: Decided, now_ms: int) -> Step:
    """A transaction that was over before the one that runs began; its end is still to be told."""
    one, word = _opened(state, told, found, late=True)
    one = replace(one, late=True, session=_with_past(one.session, LATE_MS + 1, state.settings))
    state = replace(state, book=transactions.put(state.book, one))
    effects: list[Effect] = [*_said(state, one, told, word), _send(Verdict(told.call, word, one.number))]
    state, parked = _unpark(state, one, now_ms)
    return state, [*effects, *parked, Wake("settle", SETTLE_MS)]


def _opened(state: State, told: StartSaid, found: Decided, *, late: bool) -> tuple[Transaction, Word]:
    """The transaction, and what the post is told of its card."""
    reason, grant = found.decision.reason, found.decision.grant
    accepted = found.decision.allowed or (late and reason in OF_STATION)
    accepted = accepted and grant is not None and not state.emergency
    by: By = "post" if late else "operator" if found.told is not None else "card"
    session = None
    if grant is not None and (accepted or late):
        allotment = grant.allotments.get(state.point)
        session = Session(
            id=found.ticket,
            holder=grant.holder.hex(),
            digest=found.digest.hex(),
            tier=grant.tier,
            by=by,
            class_name=CLASS,
            limit_ms=state.settings.session_ms,
            limit_wh=state.settings.session_wh,
            allotment="" if allotment is None else allotment.name,
            started_minute=None if late else found.minute,
            register_wh=told.meter_wh,
            loaded=True,
        )
    connector = 1 if state.here is None else state.here.connector
    number = told.transaction or transactions.fresh_number(state.book, number_of(found.ticket, connector))
    one = Transaction(number, found.digest.hex(), told.at_ms, told.meter_wh, session)
    return one, "accepted" if accepted else "blocked" if found.decision.allowed else _word(found)


def _said(state: State, one: Transaction, told: StartSaid, word: Word) -> list[Effect]:
    """What is recorded and kept of a beginning. The post's own time stands beside ours, for it may be wrong."""
    session = one.session
    post = {
        "transaction": one.number,
        "post_at_ms": told.at_ms,
        "heard_ms": told.heard_ms,
        "offset_ms": state.offset_ms,
    }
    began = Record("ev_post.began", {**post, "session": "" if session is None else session.id, "told": word})
    booked: list[Effect] = [] if session is None else [started(session), *spent(session)]
    return [began, *booked, _keep(state)]


def _ago_ms(state: State, told: StartSaid, now_ms: int) -> int:
    """How long ago a transaction began by the post's clock, as far as that can be: not before it was last heard."""
    if told.at_ms is None:
        return 0
    ago_ms = told.heard_ms - told.at_ms - state.offset_ms
    most_ms = MAX_AWAY_MS if state.left_ms is None else now_ms - state.left_ms + LATE_MS
    return ago_ms if 0 < ago_ms <= most_ms else 0


def _with_past(session: Session | None, ago_ms: int, settings: Settings) -> Session | None:
    """What was drawn unheard came at a power that nobody saw: it is bounded by what a whole session can be."""
    if session is None or ago_ms <= LATE_MS:
        return session
    return replace(session, still_ms=settings.session_ms)


def _at_reader(state: State, found: Decided) -> Step:
    """Somebody at a reader of ours, or an operator from afar: the post is asked to begin."""
    session = state.book.session
    if session is not None and found.told is None and found.digest and found.digest.hex() == session.digest:
        return _stop(state, Stop.CARD)
    if not found.decision.allowed:
        return state, refuse(found)
    if not _is_offered(state) or state.phase != "free" or found.decision.grant is None:
        return state, refuse(replace(found, decision=Decision(Reason.FAULTED, found.decision.grant)))
    state, order = _order(replace(_to(state, "ask"), wanted=found), "start")
    told: list[Effect] = [] if found.told is None else [Record("command.done", found.told)]
    within_ms = state.settings.plug_in_within_s * 1000 + STOP_AGAIN_MS
    asked: list[Effect] = [
        _send(StartRemotely(order, found.ticket)),
        Wake("start", within_ms),
        Show("green", "starting"),
    ]
    return state, [*told, decided(found), *asked]


def _given_up(state: State, why: str) -> Step:
    ticket = "" if state.wanted is None else state.wanted.ticket
    state = replace(_to(state, "give_up"), wanted=None)
    return state, [Record("ev_post.not_begun", {"session": ticket, "why": why}), Wake("start", None)]


# While it runs


def _metered(state: State, said: MeterSaid, now_ms: int) -> Step:
    """Power without a session is a fault, whatever status the post says."""
    state = replace(state, power_w=said.power_w if said.power_w is not None else state.power_w)
    live = state.book.live
    if live is not None and (said.transaction in NEVER_GIVEN or said.transaction == live.number):
        return _drawn(replace(state, doubted=False), live, said, now_ms)
    if said.power_w is None:
        return state, []
    state = replace(state, strays=state.strays + 1 if said.power_w >= STRAY_W and live is None else 0)
    state, effects = set_fault(state, "ev_post", "stray_power", present=state.strays >= STRAYS)
    if state.strays >= STRAYS and said.transaction not in NEVER_GIVEN:
        state, order = _order(state, "stop")
        effects.append(_send(StopRemotely(order, said.transaction)))
    return state, effects


def _drawn(state: State, live: Transaction, said: MeterSaid, now_ms: int) -> Step:
    if live.session is None or said.energy_wh is None:
        return state, []
    session = _counted(state, live.session, said.energy_wh, now_ms - state.counted_ms)
    session = replace(session, power_w=state.power_w)
    state = replace(state, counted_ms=now_ms, book=transactions.put(state.book, replace(live, session=session)))
    effects: list[Effect] = []
    if now_ms - state.told_ms >= PROGRESS_AGAIN_MS:
        state = replace(state, told_ms=now_ms)
        effects.append(progress(session))
    if now_ms - state.kept_ms >= KEEP_AGAIN_MS:
        state = replace(state, kept_ms=now_ms)
        effects += [*spent(session), _keep(state)]
    if session.used_mwh >= session.limit_wh * 1000:
        state, stopped = _stop(state, Stop.ENERGY_LIMIT)
        effects += stopped
    return state, effects


def _counted(state: State, session: Session, meter_wh: float | None, elapsed_ms: int) -> Session:
    """The session with what the meter says now. One that says nothing has not moved, as far as anybody knows."""
    register_wh = session.register_wh if meter_wh is None else meter_wh
    if register_wh is None:
        return replace(session, used_ms=session.used_ms + elapsed_ms, span_ms=session.span_ms + elapsed_ms)
    settings = state.settings
    return draw(session, register_wh, session.power_w, max(0, elapsed_ms), settings.power_w, settings.tariff)


# How it ends


def _stop(state: State, why: Stop) -> Step:
    """Have the post end what runs. It is over when the post says so; the first reason stands."""
    if state.book.live is None or state.phase == "stopping":
        return state, []
    state = replace(_to(state, "stop"), why=why.value, stops=0)
    return _stop_again(state)


def _stop_again(state: State) -> Step:
    live = state.book.live
    if live is None:
        return state, []
    state, order = _order(replace(state, stops=state.stops + 1), "stop")
    state, effects = set_fault(state, "ev_post", "will_not_stop", present=state.stops > STOPS_IN_VAIN)
    return state, [*effects, _send(StopRemotely(order, live.number)), Wake("stop_again", STOP_AGAIN_MS)]


def _stopped(state: State, said: StopSaid, now_ms: int) -> Step:
    """An end is always taken. One that belongs to nothing is kept, for its beginning may yet be told."""
    answer = _send(Verdict(said.call, "accepted"))
    one = transactions.ended_by(state.book, said)
    if one is None:
        book, new = transactions.park(state.book, said)
        state = replace(state, book=book)
        told = {"transaction": said.transaction, "post_at_ms": said.at_ms, "heard_ms": said.heard_ms}
        parked: list[Effect] = [Record("ev_post.unknown_end", {**told, "meter_wh": said.meter_wh}), _keep(state)]
        return state, [*(parked if new else []), answer]
    if one.over:
        state, effects = _more(state, one, said.meter_wh)
        return state, [*effects, answer]
    why = Stop(state.why) if one == state.book.live and state.why else transactions.stop_of(said.reason, said.tag)
    state, effects = _end(state, one, why, now_ms, Parked("", said.at_ms, said.meter_wh, said.reason))
    return state, [*effects, answer]


def _more(state: State, one: Transaction, meter_wh: float | None) -> Step:
    """The end of a transaction that was given up for lost: what it drew unheard is counted now, and once."""
    if one.session is None or meter_wh is None:
        return state, []
    session = _counted(state, replace(one.session, still_ms=state.settings.session_ms), meter_wh, 0)
    if session.used_mwh <= one.session.used_mwh:
        return state, []
    state = replace(state, book=transactions.put(state.book, replace(one, session=session)))
    told = {"session": session.id, "energy_wh": energy_wh(session)}
    return state, [Record("ev_post.late_end", told), *spent(session), _keep(state)]


def _unpark(state: State, one: Transaction, now_ms: int) -> Step:
    book, parked = transactions.unpark(state.book, one)
    if parked is None:
        return state, []
    return _end(replace(state, book=book), one, transactions.stop_of(parked.reason, ""), now_ms, parked)


def _end(state: State, one: Transaction, why: Stop, now_ms: int, told: Parked | None = None) -> Step:
    """A transaction is over. Time is what the post's clock says between its two ends, but no more than passed here."""
    is_live = one == state.book.live
    meter_wh = None if told is None else told.meter_wh
    effects: list[Effect] = []
    if one.session is None:
        drawn_wh = 0.0 if meter_wh is None or one.meter_wh is None else meter_wh - one.meter_wh
        if drawn_wh > 0:
            unbooked = {"transaction": one.number, "digest": one.digest, "energy_wh": drawn_wh}
            effects.append(Record("ev_post.unbooked", unbooked))
        over = replace(one, over=True)
    else:
        here_ms = max(0, now_ms - state.counted_ms) if is_live else MAX_AWAY_MS
        there_ms = None if told is None else _between_ms(one.at_ms, told.at_ms)
        unknown_ms = here_ms if is_live else 0
        elapsed_ms = unknown_ms if there_ms is None else min(here_ms, max(0, there_ms - one.session.span_ms))
        session = replace(_counted(state, one.session, meter_wh, elapsed_ms), ended=why.value)
        over = replace(one, over=True, session=session)
        effects += [ended(session, state.settings.tariff), *spent(session), Wake("forget", FORGET_MS)]
        state = replace(state, book=replace(state.book, unsure=one.number))
    state = replace(state, book=transactions.put(state.book, over))
    if is_live:
        state, cleared = set_fault(state, "ev_post", "will_not_stop", present=False)
        state = replace(_to(state, "end"), why="", stops=0, stop=why.value, power_w=0)
        effects += [*cleared, Wake("limit", None), Wake("stop_again", None)]
    return state, [*effects, _keep(state)]


def _between_ms(begin_ms: int | None, end_ms: int | None) -> int | None:
    """The time between two of the post's, None where its clock was set in between or never went."""
    if begin_ms is None or end_ms is None or not 0 <= end_ms - begin_ms <= MAX_AWAY_MS:
        return None
    return end_ms - begin_ms


def _settle(state: State, now_ms: int) -> Step:
    """The ends that were on their way did not come."""
    effects: list[Effect] = []
    for one in state.book.transactions:
        if one.late and not one.over:
            state, lost = _end(state, one, Stop.POWER_LOSS, now_ms)
            effects += lost
    live = state.book.live
    if live is not None and (state.doubted or state.status == "available"):
        why = Stop(state.why) if state.why else Stop.POWER_LOSS
        state, lost = _end(state, live, why, now_ms)
        effects += lost
    return state, effects


def _emergency(state: State, active: bool, cause: str) -> Step:
    """The keeper cuts what it can reach; a post is told to stop, and to serve nobody until the reset."""
    if not active:
        return _availability(replace(state, emergency=""))
    state = replace(state, emergency=cause or "fire")
    effects: list[Effect] = []
    if state.phase == "starting":
        state, effects = _given_up(state, "emergency")
    state, stopped = _stop(state, stop_of_emergency(cause))
    state, barred = _availability(replace(state, why=stop_of_emergency(cause).value if state.book.live else ""))
    return state, [*stopped, *barred, *effects]


def _availability(state: State) -> Step:
    if state.here is None:
        return state, []
    operative = not state.emergency and state.mode not in BARRING
    state, order = _order(state, "operative")
    return state, [_send(SetOperative(order, operative))]


# What is kept


def _keep(state: State) -> Keep:
    return Keep(transactions.write(state.book))


def _found(state: State, document: bytes, age_ms: int | None, now_ms: int) -> Step:
    """The post went on while nobody was here; it is asked as soon as it connects."""
    try:
        book = transactions.read(document)
    except Unreadable:
        return set_fault(state, "ev_post", "kept_unreadable", present=True)
    state = replace(state, book=book, counted_ms=now_ms - (age_ms or 0), kept_ms=now_ms, told_ms=now_ms)
    # Whether an end was written down in time nobody knows after a restart, so it is written again.
    unsure = [one.session for one in book.transactions if one.number == book.unsure and one.session is not None]
    effects: list[Effect] = [ended(session, state.settings.tariff) for session in unsure]
    if book.live is None:
        return state, effects
    state = _to(state, "begin")
    if book.session is None:
        state, stopped = _stop(state, Stop.DEAUTHORIZED)
        return state, effects + stopped
    if age_ms is None and book.live is not None:
        unbounded = replace(book.live, session=replace(book.session, still_ms=state.settings.session_ms))
        state = replace(state, book=transactions.put(book, unbounded))
    left_ms = book.session.limit_ms - book.session.span_ms - (age_ms or 0)
    return state, [*effects, Wake("limit", max(0, left_ms))]


# The list that the post keeps


def _listed(state: State, tag: str, found: Decided) -> Step:
    """A card that was weighed here goes on the list, or leaves it."""
    if card_bytes(tag) is None or state.here is None or not state.here.leads:
        return state, []
    reason, grant = found.decision.reason, found.decision.grant
    if reason not in OF_STATION or tag.upper() not in state.cards.wanted:
        allowed = found.decision.allowed and grant is not None
        cards = (
            local_list.allowed(state.cards, tag.upper(), grant.valid_until_ms)
            if allowed and grant is not None
            else local_list.refused(state.cards, tag.upper())
        )
        state = replace(state, cards=cards)
    return _list_next(state)


def _weighed_again(state: State, found: Decided) -> Step:
    """A card of the list; with the first of them a new roster is noticed, and then all of them are weighed."""
    tag, session = found.about.removeprefix("list:"), state.book.session
    effects: list[Effect] = []
    if found.roster != state.cards.roster:
        state = replace(state, cards=replace(state.cards, roster=found.roster))
        effects += _weigh(state, len(state.cards.wanted))
    state, listed = _listed(state, tag, found) if tag in state.cards.wanted else (state, [])
    if session is not None and found.digest.hex() == session.digest and found.decision.reason in TAKEN_AWAY:
        state, stopped = _stop(state, Stop.DEAUTHORIZED)
        listed += stopped
    return state, effects + listed


def _weigh(state: State, most: int) -> list[Effect]:
    cards = ((tag, card_bytes(tag)) for tag in list(state.cards.wanted)[:most])
    return [Ask(card, f"list:{tag}") for tag, card in cards if card is not None]


def _list_next(state: State) -> Step:
    if state.here is None or not state.here.leads:
        return state, []
    state, order = _order(state, "list")
    cards, update = local_list.update(state.cards, order)
    return replace(state, cards=cards), [] if update is None else [_send(update)]
