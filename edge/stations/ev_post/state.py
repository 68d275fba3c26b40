"""What a charging post is to its station: its settings, its phases, what is known of it, and how it is told to stop."""

from typing import Literal

import msgspec
from msgspec import Struct

from contract.event_types import Record
from contract.kinds.ev_post import EV_POST, Fault
from contract.reasons import Reason
from contract.sessions import Stop
from edge.archetypes.account import RegisterReading
from edge.archetypes.protocol import BARRING, Decided, Persist, Send, Wake
from edge.archetypes.session import HOUR_MS, MINUTE_MS, Session, Tariff
from edge.archetypes.session_step import SessionState, SessionStep
from edge.archetypes.station import require
from edge.stations.ev_post import transactions
from edge.stations.ev_post.local_list import LocalList
from edge.stations.ev_post.messages import (
    PORT,
    CardShown,
    Connected,
    Standing,
    StartReported,
    Status,
    StopRemotely,
    ToPost,
    Unended,
    Verdict,
)
from edge.stations.ev_post.transactions import Book, Transaction

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

CLASS = "ev"
MAX_W, MAX_SESSION_MS, MAX_SESSION_WH = 350_000, 24 * HOUR_MS, 200_000
MAX_AWAY_MS = 72 * HOUR_MS
"""No outage that is told of is longer; what a post says of one that is comes from a clock that was set."""
OF_STATION = frozenset({Reason.BUSY, Reason.FAULTED, Reason.RESERVED})
"""Reasons that speak of the post and not of the card."""
BLOCKING = frozenset({"post_faulted", "stray_power", "silent"})
"""Faults with which nothing begins."""
LATE_MS = MINUTE_MS
"""A beginning that is told of later than this happened while the post was alone."""
SETTLE_MS = 2 * MINUTE_MS
"""How long the end of a transaction may be on its way, after the post shows that nothing runs any more."""
STOP_AGAIN_MS = 30_000
STOPS_IN_VAIN = 3
RUNNING = frozenset({"charging", "sated", "suspended"})
"""What a post says of itself while a transaction runs."""


class EvPostSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """No session is longer than ``session_ms`` or draws more than ``session_wh``; the post gives at most ``power_w``.
    ``meter_s``: how often it tells its meter. ``plug_in_within_s``: how long it waits for the plug after a card.
    A car that has drawn and then takes nothing more for ``full_ms`` is full. Without the cloud for
    ``offline_limit_ms`` nothing begins. ``tariff`` is what a session costs."""

    power_w: float = 22_000
    session_ms: int = 10 * HOUR_MS
    session_wh: int = 60_000
    meter_s: int = 30
    plug_in_within_s: int = 90
    full_ms: int = HOUR_MS
    offline_limit_ms: int = 12 * HOUR_MS
    tariff: Tariff = Tariff()

    def __post_init__(self) -> None:
        for name, value, most in (
            ("power_w", self.power_w, MAX_W),
            ("session_ms", self.session_ms, MAX_SESSION_MS),
            ("session_wh", self.session_wh, MAX_SESSION_WH),
            ("offline_limit_ms", self.offline_limit_ms, 3 * 24 * HOUR_MS),
            ("plug_in_within_s", self.plug_in_within_s, 600),
            ("full_ms", self.full_ms, MAX_SESSION_MS),
        ):
            require(0 < value <= most, f"{name} lies above 0 and is at most {most}")
        require(5 <= self.meter_s <= 300, "meter_s lies between 5 and 300")


Question = CardShown | StartReported


class Repeated(Struct, frozen=True):
    """A row that was recorded, and how often it came again since."""

    row: Record
    times: int = 0


class EvPostState(SessionState, frozen=True):
    """``here`` is how the post is connected, ``greeted`` that it was set up since. ``status`` is what it says of the
    connector, ``whole`` of itself as a whole; empty before it has. ``before`` are the registers that were told of
    transactions before anybody's card, by their number. ``asked`` are the questions whose cards are being
    weighed, by their number. ``wanted`` is who is awaited to begin, ``given_up`` who was awaited last and in vain.
    ``instead`` is what the post is told where its promise could not be recorded. ``why`` is the reason for which the
    running session was told to stop. ``rebooted``: the post has started anew and shown nothing since of what ran;
    ``doubted``: it has shown that it runs no more. ``repeated`` are rows that come again. ``availability`` is the
    newest order by which it was told whether it may serve anybody. ``tag`` is what the running transaction began with,
    as long as that is remembered. ``strays`` counts readings of power without a session. ``offset_ms``: how far the
    post's clock lags behind ours. ``left_ms`` is when the post was last heard."""

    settings: EvPostSettings
    phase: Phase = "free"
    here: Connected | None = None
    greeted: bool = False
    status: Status | Literal[""] = ""
    whole: Status | Literal[""] = ""
    power_w: float = 0
    tag: str = ""
    before: tuple[tuple[str, RegisterReading], ...] = ()
    standing: Standing = Standing()
    strays: int = 0
    rebooted: bool = False
    doubted: bool = False
    repeated: tuple[Repeated, ...] = ()
    emergency: str = ""
    turn: int = 0
    availability: str = ""
    asked: tuple[tuple[str, Question], ...] = ()
    wanted: Decided | None = None
    given_up: Decided | None = None
    instead: Verdict | None = None
    book: Book = Book()
    why: str = ""
    stops: int = 0
    offset_ms: int = 0
    left_ms: int | None = None
    cards: LocalList = LocalList()

    @property
    def session(self) -> Session | None:
        """The session that runs."""
        return self.book.session

    @property
    def is_offered(self) -> bool:
        """Whether somebody may begin: the post is heard, says that it is well, and serves nobody without a session."""
        well = not {"faulted", "unavailable"} & {self.status, self.whole} and not self.faults & BLOCKING
        return self.here is not None and well and not self.emergency

    @property
    def is_barred(self) -> bool:
        """Whether nobody may be served, whatever card they hold."""
        return bool(self.emergency) or self.mode in BARRING


def standing(state: EvPostState) -> Standing:
    """What the server may know of this connector, to find out whose a message is."""
    live, known = state.book.live, state.book.transactions
    unended = [
        Unended(state.tag if one == live else "", tuple(r.wh for r in transactions.account_of(one).registers if r.sure))
        for one in known
        if not one.over
    ]
    awaited = tuple(one.ticket for one in (state.wanted, state.given_up) if one is not None)
    numbers = (*(one.number for one in known), *(number for number, _ in state.before))
    plugged = live is None and (state.status == "occupied" or state.status in RUNNING)
    return Standing(numbers, tuple(unended), awaited, plugged, live is None and state.is_offered)


class EvPostStep(SessionStep[EvPostState, Fault]):
    """One step of a post, as far as all its rules need it."""

    kind = EV_POST
    table = NEXT

    def persist(self) -> Persist:
        return Persist(msgspec.json.encode(self.state.book))

    def put(self, transaction: Transaction) -> None:
        """Note a transaction that is new or has changed."""
        self.do(book=transactions.put(self.state.book, transaction))

    def number(self, what: str) -> str:
        """A new name for an order, so that its answer is known again."""
        self.do(turn=self.state.turn + 1)
        return f"{what}:{self.state.turn}"

    def stop(self, why: Stop) -> None:
        """Have the post end what runs. It is over when the post says so; the first reason stands."""
        if self.state.book.live is not None and self.state.phase != "stopping":
            self.to("stop", why=why.value, stops=0)
            self.stop_again()

    def stop_again(self) -> None:
        live = self.state.book.live
        if live is not None:
            order = self.number("stop")
            self.do(stops=self.state.stops + 1)
            self.set_fault("will_not_stop", present=self.state.stops > STOPS_IN_VAIN)
            self.do(to_post(StopRemotely(order, live.number)), Wake("stop_again", STOP_AGAIN_MS))


def to_post(message: ToPost) -> Send:
    return Send(PORT, message)


def promise(message: ToPost) -> Send:
    """Say what lets a post give power: not before it is on the disk what was recorded and kept of it."""
    return Send(PORT, message, "durable")
