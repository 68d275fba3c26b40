"""A bought charging post that speaks OCPP: this device is its central system, with the network down as with it up.

The post owns its relay, its meter and its plug; what is ours is whom it serves, for how long, and that it stops. It may
be alone for hours and tell of them later, so nothing is believed twice: see ``transactions``. Its clock may lie, so
limits run on ours. A post that is not heard, that says it is faulted, or that gives power to nobody is not offered.
"""

from collections.abc import Mapping
from typing import get_args

from msgspec.structs import replace

from contract.commands import SessionStopArgs
from contract.decide import Decision
from contract.kinds.ev_post import EV_POST, Fault
from contract.kinds.ev_post import Phase as Shown
from contract.reasons import Reason
from contract.sessions import Stop, stop_of_emergency
from edge.archetypes.protocol import (
    BARRING,
    CannotRecord,
    CloudAuthenticated,
    CommandReceived,
    Decided,
    Due,
    Emergency,
    Input,
    Levels,
    ModeChanged,
    QuotaSpent,
    Received,
    Report,
    Restored,
    TimeOfDay,
    Wake,
)
from edge.archetypes.session import HOUR_MS, MINUTE_MS, Session, at_minute, ended, energy_wh, running
from edge.archetypes.station import Station, Unreadable, read_document
from edge.stations.ev_post import local_list
from edge.stations.ev_post.begins import answer, ask, at_reader, begin, cannot_record, give_up
from edge.stations.ev_post.ends import end_reported, forget_strays, read_meter, settle, stop_sated, unheard
from edge.stations.ev_post.health import (
    booted,
    doubt,
    forget_whole,
    record,
    record_repeated,
    status_reported,
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
    MeterReported,
    Nonsense,
    StartReported,
    StatusReported,
    StopReported,
    Turned,
    TurnedAway,
    What,
)
from edge.stations.ev_post.orders import (
    WEIGH_AGAIN_MS,
    asks,
    greet,
    list_card,
    order_availability,
    say_what_holds,
    send_next_update,
    weigh_listed,
)
from edge.stations.ev_post.state import CLASS, SETTLE_MS, EvPostSettings, EvPostState, EvPostStep, standing, to_post
from edge.stations.ev_post.transactions import Book

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
TURNED_AWAY_MS = HOUR_MS
TURNED: tuple[Turned, ...] = get_args(Turned)
PASSING: tuple[Fault, ...] = (*NONSENSE.values(), *TURNED)
"""Faults that are over when the post has not given cause for them again for a while."""
IMPLAUSIBLE_POWER = 1.5
"""So many times what the post can give is no power but a wrong unit; a mains voltage that is high makes it 1.2."""


class EvPostInput(EvPostStep):
    """One step of a post: what each input means to it."""

    def handle(self, happened: Input) -> None:
        """Take one input to completion, and tell the server what is known of this connector by now."""
        self._handle(happened)
        stands = standing(self.state)
        if stands != self.state.standing:
            self.effects.insert(0, to_post(stands))
            self.do(standing=stands)

    def _handle(self, happened: Input) -> None:
        state = self.state
        match happened:
            case Received(message=message):
                self._receive(message)
            case Decided(about=about) if about:
                self._weighed(_for_power(happened))
            case Decided():
                at_reader(self, _for_power(happened))
            case CommandReceived(order_record=command, args=SessionStopArgs(session=named)) if named == running(
                state.session
            ):
                self.do(EV_POST.ordered(**command))
                self.stop(Stop.OPERATOR)
            case CannotRecord():
                cannot_record(self)
            case QuotaSpent(session=named) if named == running(state.session):
                self.stop(Stop.QUOTA)
            case Emergency(active=True, cause=cause):
                self._emergency(cause)
            case Emergency():
                self.do(emergency="")
                order_availability(self)
            case ModeChanged(mode=mode, number=number) if mode is not state.mode:
                self.do(EV_POST.mode_set(mode=mode.value, number=number), mode=mode)
                if mode in BARRING and state.phase == "starting":
                    # Whoever was let in a moment before and has not begun is let in no more.
                    give_up(self, mode.value)
                order_availability(self)
            case CloudAuthenticated():
                self.do(*asks(state, 1))
            case TimeOfDay(minute=minute) if (live := state.book.live) is not None and live.session is not None:
                session = at_minute(live.session, minute, max(0, self.now_ms - state.counted_ms))
                self.put(replace(live, session=session))
            case Restored(document=document, age_ms=age_ms) if state.book == Book():
                self._restore(document, age_ms)
            case Levels() if state.here is None:
                self.do(Wake("gone", GONE_MS))
            case Due(name=name):
                self._wake(name)

    def _wake(self, name: str) -> None:
        state = self.state
        match name:
            case "greet":
                greet(self)
            case "gone" if state.here is None:
                self.set_fault("silent", present=True)
            case "silent":
                self.set_fault("silent", present=True)
            case "start" if state.phase == "starting":
                give_up(self, "nobody_plugged_in")
            case "limit":
                self.stop(Stop.TIME_LIMIT)
            case "stop_again" if state.phase == "stopping":
                self.stop_again()
            case "settle":
                settle(self)
            case "full":
                stop_sated(self)
            case "whole":
                forget_whole(self)
            case "repeated":
                record_repeated(self)
            case "reserved":
                self.do(reserved_for="")
            case "weigh":
                self.do(*asks(state), Wake("weigh", WEIGH_AGAIN_MS))
            case "list":
                send_next_update(self)
            case "forget":
                self.do(book=replace(state.book, unsure=""))
                self.do(self.persist())
        for fault in PASSING:
            if fault == name:
                self.set_fault(fault, present=False)

    # What the post says

    def _receive(self, message: FromPost) -> None:
        match message:
            case Left():
                gone = (Wake("silent", None), Wake("gone", GONE_MS), Wake("whole", SETTLE_MS))
                self.do(*gone, here=None, greeted=False, left_ms=self.now_ms)
            case Connected():
                self._connect(message)
            case TurnedAway(why=why):
                self.set_fault(why, present=True)
                self.do(Wake(why, TURNED_AWAY_MS))
            case _:
                self.set_fault("silent", present=False)
                self.do(Wake("silent", SILENT_MS))
                if not (isinstance(message, Alive) or self.state.greeted):
                    greet(self)
                self._follow(message)

    def _follow(self, message: FromPost) -> None:
        match message:
            case CardShown() | StartReported():
                ask(self, message)
            case MeterReported(power_w=float(power_w)) if power_w > self.state.settings.power_w * IMPLAUSIBLE_POWER:
                self._follow(Nonsense("power"))
                read_meter(self, replace(message, power_w=None))
            case MeterReported():
                read_meter(self, message)
            case StopReported():
                end_reported(self, message)
            case StatusReported():
                status_reported(self, message)
            case Booted():
                booted(self, message)
            case Done():
                self._done(message)
            case Configured():
                record(self, EV_POST.configured(refused=list(message.refused)))
                self.do(cards=local_list.limited(self.state.cards, message))
                send_next_update(self)
            case ListVersion():
                self.do(cards=local_list.version_reported(self.state.cards, message))
                send_next_update(self)
            case Nonsense(what=what):
                self.set_fault(NONSENSE[what], present=True)
                self.do(Wake(NONSENSE[what], NONSENSE_MS))

    def _connect(self, here: Connected) -> None:
        """A post is there. Two that go by one name would take turns, so each time is told."""
        self.do(here=here, greeted=False)
        forget_strays(self)
        for why in TURNED:
            self.set_fault(why, present=False)
        if here.replaced:
            record(self, EV_POST.replaced(version=here.version))
        self.do(Wake("gone", None), Wake("greet", GREET_MS), Wake("silent", SILENT_MS))
        if self.state.phase == "stopping" or self.state.is_barred:
            # Most posts hear this before they have booted; it is said again after that.
            say_what_holds(self)

    def _done(self, done: Done) -> None:
        state, what = self.state, done.order.partition(":")[0]
        match what, done.how:
            case "start", _ if not done.accepted and state.phase == "starting":
                give_up(self, done.how)
            case "stop", "rejected" if state.rebooted:
                self.do(doubted=True)
                doubt(self)
            case "operative", "timeout" if done.order == state.availability and state.is_barred:
                order_availability(self)
            case "operative", how:
                self.set_fault("disobeys", present=how not in ("accepted", "offline", "timeout"))
            case "list", how:
                self.do(cards=local_list.answered(state.cards, done))
                if how == "version_mismatch":
                    self.do(to_post(AskListVersion()))
                elif done.accepted:
                    send_next_update(self)
                else:
                    self.do(Wake("list", LIST_AGAIN_MS))

    def _weighed(self, outcome: Decided) -> None:
        if outcome.about.startswith("list:"):
            weigh_listed(self, outcome)
            return
        questions = dict(self.state.asked)
        question = questions.pop(outcome.about, None)
        if question is None:
            return
        self.do(asked=tuple(questions.items()))
        list_card(self, question.tag, outcome)
        self.ahead(answer if isinstance(question, CardShown) else begin, question, outcome)

    def _emergency(self, cause: str) -> None:
        """The keeper cuts what it can reach; a post is told to stop, and to serve nobody until the reset."""
        stop = stop_of_emergency(cause)
        self.do(emergency=cause or "fire", waiting="", reserved_for="")
        self.stop(stop)
        self.do(why=stop.value if self.state.book.live else "")
        order_availability(self)
        if self.state.phase == "starting":
            give_up(self, "emergency")

    def _restore(self, document: bytes, age_ms: int | None) -> None:
        """The post went on while nobody was here; it is asked as soon as it connects."""
        try:
            book = read_document(document, Book) or Book()
        except Unreadable:
            self.set_fault("kept_unreadable", present=True)
            return
        # Whether an end was written down in time nobody knows after a restart, so it is written again.
        unsure = (kept.session for kept in book.transactions if kept.number == book.unsure)
        again = [ended(session, self.state.settings.tariff) for session in unsure if session is not None]
        counted_ms = self.now_ms - (age_ms or 0)
        self.do(*again, book=book, counted_ms=counted_ms, persisted_ms=self.now_ms, reported_ms=self.now_ms)
        if book.live is None:
            return
        self.to("begin")
        if book.session is None:
            self.stop(Stop.DEAUTHORIZED)
            return
        if age_ms is None:
            self.put(unheard(self.state, book.live))
        left_ms = book.session.limit_ms - book.session.span_ms - (age_ms or 0)
        self.do(Wake("limit", max(0, left_ms)))


def _for_power(outcome: Decided) -> Decided:
    """A mode that holds a door open, or an exit that is free, gives nobody power."""
    if not outcome.decision.allowed or outcome.decision.reason is Reason.ALLOWED:
        return outcome
    return replace(outcome, decision=Decision(Reason.OUT_OF_SERVICE, outcome.decision.grant))


def report(state: EvPostState) -> Report:
    session = state.session
    return Report(
        _shown(state),
        busy=state.book.live is not None or state.phase == "starting",
        faulted=not state.is_offered,
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
    return state.phase if state.is_offered or state.book.live else "faulted"


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


KIND = Station(
    EV_POST,
    {},
    {"green": False, "red": False},
    EvPostSettings,
    EvPostState,
    EvPostInput.run,
    report,
    lines={PORT: True},
)
