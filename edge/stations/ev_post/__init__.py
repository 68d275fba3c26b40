"""A bought charging post that speaks OCPP: this device is its central system, with the network down as with it up.

The post owns its relay, its meter and its plug; what is ours is whom it serves, for how long, and that it stops. It may
be alone for hours and tell of them later, so nothing is believed twice: see ``transactions``. Its clock may lie, so
limits run on ours. A post that is not heard, that says it is faulted, or that gives power to nobody is not offered.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from contract.commands import SessionStopArgs
from contract.decide import Decision, Mode
from contract.kinds.ev_post import EV_POST, Fault
from contract.kinds.ev_post import Phase as Shown
from contract.reasons import Reason
from contract.sessions import Stop, stop_of_emergency
from edge.archetypes.faults import set_fault
from edge.archetypes.protocol import (
    BARRING,
    CannotRecord,
    CloudHeard,
    CommandReceived,
    Decided,
    Due,
    Effect,
    Emergency,
    Found,
    Input,
    Levels,
    ModeChanged,
    QuotaSpent,
    Received,
    Report,
    TimeOfDay,
    Wake,
)
from edge.archetypes.session import HOUR_MS, MINUTE_MS, Session, at_minute, ended, energy_wh, running
from edge.archetypes.station import Station
from edge.stations.ev_post import local_list, transactions
from edge.stations.ev_post.begins import answered, ask, at_reader, begun, cannot_record, give_up
from edge.stations.ev_post.card_list import listed, send_next, weigh, weighed_again
from edge.stations.ev_post.ends import metered, sated, settle, stop, stop_again, stopped, unheard
from edge.stations.ev_post.greeting import WEIGH_AGAIN_MS, greet, is_barred, order_availability, say_what_holds
from edge.stations.ev_post.health import (
    TURNED,
    booted,
    connected,
    doubt,
    forget_whole,
    record,
    record_repeated,
    status_said,
    turned_away,
)
from edge.stations.ev_post.messages import (
    PORT,
    Alive,
    AskListVersion,
    Booted,
    CardShown,
    Configured,
    Connected,
    Done,
    FromPost,
    Left,
    ListVersion,
    MeterSaid,
    Nonsense,
    StartSaid,
    StatusSaid,
    StopSaid,
    TurnedAway,
    What,
)
from edge.stations.ev_post.state import (
    CLASS,
    SETTLE_MS,
    EvPostSettings,
    EvPostState,
    Step,
    is_offered,
    keep,
    standing,
    tell,
    to,
)
from edge.stations.ev_post.transactions import Book, Unreadable

INPUTS: dict[str, bool] = {}
OUTPUTS = {"green": False, "red": False}
LINES = {PORT: True}

GREET_MS = 10_000
"""A post that has just connected boots first, if it has to. Until then it would not hear us."""
SILENT_MS = 3 * MINUTE_MS
"""Three beats of its heart."""
GONE_MS = MINUTE_MS
LIST_AGAIN_MS = 5 * MINUTE_MS
NONSENSE_MS = HOUR_MS
NONSENSE: Mapping[What, Fault] = {
    "connector": "nonsense_connector",
    "frame": "nonsense_frame",
    "power": "nonsense_power",
    "start": "nonsense_start",
    "status": "nonsense_status",
    "transaction": "nonsense_transaction",
}
PASSING: tuple[Fault, ...] = (*NONSENSE.values(), *TURNED)
"""Faults that are over when the post has not given cause for them again for a while."""
IMPLAUSIBLE_POWER = 1.5
"""So many times what the post can give is no power but a wrong unit; a mains voltage that is high makes it 1.2."""


def start(point: str, settings: EvPostSettings) -> EvPostState:
    return EvPostState(point, settings)


def report(state: EvPostState) -> Report:
    session = state.book.session
    return Report(
        _shown(state),
        busy=state.book.live is not None or state.phase == "starting",
        faulted=not is_offered(state),
        faults=state.faults,
        quiet=state.book.live is None and state.phase == "free",
        user="" if session is None else session.digest,
        reserved_for=state.reserved_for,
        offline_limit_ms=state.settings.offline_limit_ms,
        live=_live(state, session),
    )


def _shown(state: EvPostState) -> Shown:
    if state.emergency:
        return "emergency"
    if state.here is None:
        return "absent"
    return state.phase if is_offered(state) or state.book.live else "faulted"


def _live(state: EvPostState, session: Session | None) -> dict[str, object]:
    live: dict[str, object] = {
        "class": CLASS,
        "power_w": round(state.power_w),
        "reason": state.stop,
        "waiting": bool(state.waiting),
        "reserved": bool(state.reserved_for),
    }
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


def step(state: EvPostState, happened: Input, now_ms: int) -> Step:
    """Take one input to completion, and tell the server what is known of this connector by now."""
    state, effects = _step(state, happened, now_ms)
    stands = standing(state)
    if stands == state.standing:
        return state, effects
    return replace(state, standing=stands), [tell(stands), *effects]


def _step(state: EvPostState, happened: Input, now_ms: int) -> Step:
    """Inputs that mean nothing to a post change nothing."""
    match happened:
        case Received(message=message):
            return _heard(state, message, now_ms)
        case Decided(about=about) if about:
            return _weighed(state, _for_power(happened), now_ms)
        case Decided():
            return at_reader(state, _for_power(happened))
        case CommandReceived(told=told, args=SessionStopArgs(session=named)) if named == running(state.book.session):
            state, effects = stop(state, Stop.OPERATOR)
            return state, [EV_POST.ordered(**told), *effects]
        case CannotRecord():
            return cannot_record(state)
        case QuotaSpent(session=one) if one == running(state.book.session):
            return stop(state, Stop.QUOTA)
        case Emergency(active=active, cause=cause):
            return _emergency(state, active, cause)
        case ModeChanged(mode=mode, number=number) if mode is not state.mode:
            state, effects = _to_mode(state, mode)
            return state, [EV_POST.mode_set(mode=mode.value, number=number), *effects]
        case CloudHeard():
            return state, weigh(state, 1)
        case TimeOfDay(minute=minute) if (live := state.book.live) is not None and live.session is not None:
            session = at_minute(live.session, minute, max(0, now_ms - state.counted_ms))
            return replace(state, book=transactions.put(state.book, replace(live, session=session))), []
        case Found(document=document, age_ms=age_ms) if state.book == Book():
            return _found(state, document, age_ms, now_ms)
        case Levels():
            return state, [Wake("gone", GONE_MS)] if state.here is None else []
        case Due(name=name):
            return _due(state, name, now_ms)
    return state, []


def _for_power(found: Decided) -> Decided:
    """A mode that holds a door open, or an exit that is free, gives nobody power."""
    if not found.decision.allowed or found.decision.reason is Reason.ALLOWED:
        return found
    return replace(found, decision=Decision(Reason.OUT_OF_SERVICE, found.decision.grant))


def _due(state: EvPostState, name: str, now_ms: int) -> Step:
    match name:
        case "greet":
            return greet(state)
        case "gone" if state.here is None:
            return set_fault(state, EV_POST, "silent", present=True)
        case "silent":
            return set_fault(state, EV_POST, "silent", present=True)
        case "start" if state.phase == "starting":
            return give_up(state, "nobody_plugged_in")
        case "limit":
            return stop(state, Stop.TIME_LIMIT)
        case "stop_again" if state.phase == "stopping":
            return stop_again(state)
        case "settle":
            return settle(state, now_ms)
        case "full":
            return sated(state)
        case "whole":
            return forget_whole(state)
        case "repeated":
            return record_repeated(state)
        case "reserved":
            return replace(state, reserved_for=""), []
        case "weigh":
            return state, [*weigh(state, len(state.cards.wanted)), Wake("weigh", WEIGH_AGAIN_MS)]
        case "list":
            return send_next(state)
        case "forget":
            state = replace(state, book=replace(state.book, unsure=""))
            return state, [keep(state)]
    over = next((fault for fault in PASSING if fault == name), None)
    return (state, []) if over is None else set_fault(state, EV_POST, over, present=False)


# What the post says


def _heard(state: EvPostState, message: FromPost, now_ms: int) -> Step:
    if isinstance(message, Left):
        return replace(state, here=None, greeted=False, left_ms=now_ms), [
            Wake("silent", None),
            Wake("gone", GONE_MS),
            Wake("whole", SETTLE_MS),
        ]
    if isinstance(message, Connected):
        return _connected(state, message)
    if isinstance(message, TurnedAway):
        return turned_away(state, message)
    state, effects = set_fault(state, EV_POST, "silent", present=False)
    effects.append(Wake("silent", SILENT_MS))
    if isinstance(message, Alive):
        return state, effects
    if not state.greeted and state.here is not None:
        state, greeted = greet(state)
        effects += greeted
    state, told = _told(state, message, now_ms)
    return state, effects + told


def _told(state: EvPostState, message: FromPost, now_ms: int) -> Step:
    match message:
        case CardShown() | StartSaid():
            return ask(state, message, now_ms)
        case MeterSaid(power_w=float(power_w)) if power_w > state.settings.power_w * IMPLAUSIBLE_POWER:
            state, effects = _told(state, Nonsense("power"), now_ms)
            state, counted = metered(state, replace(message, power_w=None), now_ms)
            return state, effects + counted
        case MeterSaid():
            return metered(state, message, now_ms)
        case StopSaid():
            return stopped(state, message, now_ms)
        case StatusSaid():
            return status_said(state, message)
        case Booted():
            return booted(state, message)
        case Done():
            return _done(state, message)
        case Configured():
            state, refused = record(state, EV_POST.configured(refused=list(message.refused)))
            state, effects = send_next(replace(state, cards=local_list.limited(state.cards, message)))
            return state, [*refused, *effects]
        case ListVersion():
            return send_next(replace(state, cards=local_list.found(state.cards, message)))
        case Nonsense(what=what):
            state, effects = set_fault(state, EV_POST, NONSENSE[what], present=True)
            return state, [*effects, Wake(NONSENSE[what], NONSENSE_MS)]
    return state, []


def _connected(state: EvPostState, here: Connected) -> Step:
    """A post is there. Two that go by one name would take turns, so each time is told."""
    state, effects = connected(state, here)
    effects += [Wake("gone", None), Wake("greet", GREET_MS), Wake("silent", SILENT_MS)]
    if state.phase == "stopping" or is_barred(state):
        # Most posts hear this before they have booted; it is said again after that.
        state, urgent = say_what_holds(state)
        effects += urgent
    return state, effects


def _done(state: EvPostState, done: Done) -> Step:
    what = done.order.partition(":")[0]
    if what == "start" and not done.accepted and state.phase == "starting":
        return give_up(state, done.how)
    if what == "stop" and done.how == "rejected" and state.rebooted:
        return doubt(replace(state, doubted=True))
    if what == "operative" and done.how == "timeout" and done.order == state.availability and is_barred(state):
        return order_availability(state)
    if what == "operative":
        refused = not done.accepted and done.how not in ("offline", "timeout")
        return set_fault(state, EV_POST, "disobeys", present=refused)
    if what == "list":
        state = replace(state, cards=local_list.answered(state.cards, done))
        if done.how == "version_mismatch":
            return state, [tell(AskListVersion())]
        return send_next(state) if done.accepted else (state, [Wake("list", LIST_AGAIN_MS)])
    return state, []


def _weighed(state: EvPostState, found: Decided, now_ms: int) -> Step:
    if found.about.startswith("list:"):
        return weighed_again(state, found)
    question = next((one for about, one in state.asked if about == found.about), None)
    if question is None:
        return state, []
    state = replace(state, asked=tuple(one for one in state.asked if one[0] != found.about))
    state, sent = listed(state, question.tag, found)
    state, effects = (
        answered(state, question, found) if isinstance(question, CardShown) else begun(state, question, found, now_ms)
    )
    return state, effects + sent


def _emergency(state: EvPostState, active: bool, cause: str) -> Step:
    """The keeper cuts what it can reach; a post is told to stop, and to serve nobody until the reset."""
    if not active:
        return order_availability(replace(state, emergency=""))
    state = replace(state, emergency=cause or "fire", waiting="", reserved_for="")
    effects: list[Effect] = []
    if state.phase == "starting":
        state, effects = give_up(state, "emergency")
    state, stopped = stop(state, stop_of_emergency(cause))
    state, barred = order_availability(replace(state, why=stop_of_emergency(cause).value if state.book.live else ""))
    return state, [*stopped, *barred, *effects]


def _to_mode(state: EvPostState, mode: Mode) -> Step:
    """Whoever was let in a moment before and has not begun is let in no more."""
    state, effects = replace(state, mode=mode), list[Effect]()
    if mode in BARRING and state.phase == "starting":
        state, effects = give_up(state, mode.value)
    state, barred = order_availability(state)
    return state, effects + barred


# What is kept


def _found(state: EvPostState, document: bytes, age_ms: int | None, now_ms: int) -> Step:
    """The post went on while nobody was here; it is asked as soon as it connects."""
    try:
        book = transactions.read(document)
    except Unreadable:
        return set_fault(state, EV_POST, "kept_unreadable", present=True)
    state = replace(state, book=book, counted_ms=now_ms - (age_ms or 0), kept_ms=now_ms, told_ms=now_ms)
    # Whether an end was written down in time nobody knows after a restart, so it is written again.
    unsure = [one.session for one in book.transactions if one.number == book.unsure and one.session is not None]
    effects: list[Effect] = [ended(session, state.settings.tariff) for session in unsure]
    if book.live is None:
        return state, effects
    state = to(state, "begin")
    if book.session is None:
        state, stopped = stop(state, Stop.DEAUTHORIZED)
        return state, effects + stopped
    if age_ms is None and book.live is not None:
        unbounded = unheard(state, book.live)
        state = replace(state, book=transactions.put(book, unbounded))
    left_ms = book.session.limit_ms - book.session.span_ms - (age_ms or 0)
    return state, [*effects, Wake("limit", max(0, left_ms))]


KIND = Station(EV_POST, INPUTS, OUTPUTS, EvPostSettings, start, step, report, lines=LINES)
