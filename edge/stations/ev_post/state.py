"""What a charging post is to its station: its settings, its phases and what is known of it. Pure."""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from contract.decide import Mode
from contract.event_types import Record
from contract.reasons import Reason
from edge.archetypes.account import Reading
from edge.archetypes.faults import Faulty
from edge.archetypes.phases import next_phase
from edge.archetypes.protocol import Decided, Effect, Keep, Send
from edge.archetypes.session import HOUR_MS, MINUTE_MS, Tariff
from edge.stations.ev_post import transactions
from edge.stations.ev_post.local_list import LocalList
from edge.stations.ev_post.messages import (
    PORT,
    CardShown,
    Connected,
    Standing,
    StartSaid,
    Status,
    ToPost,
    Unended,
    Verdict,
)
from edge.stations.ev_post.transactions import Book

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
            if not 0 < value <= most:
                raise ValueError(f"{name} lies above 0 and is at most {most}")
        if not 5 <= self.meter_s <= 300:
            raise ValueError("meter_s lies between 5 and 300")


Question = CardShown | StartSaid


class Repeated(Struct, frozen=True):
    """A row that was recorded, and how often it came again since."""

    row: Record
    times: int = 0


class EvPostState(Faulty, frozen=True):
    """``here`` is how the post is connected, ``greeted`` that it was set up since. ``status`` is what it says of the
    connector, ``whole`` of itself as a whole; empty before it has. ``before`` are the registers that were told of
    transactions before anybody's card, by their number. ``asked`` are the questions whose cards are being
    weighed, by their number. ``wanted`` is who is awaited to begin, ``given_up`` who was awaited last and in vain.
    ``instead`` is what the post is told where its promise could not be recorded. ``waiting`` is the holder who
    waits for the end of the session, ``reserved_for`` the one for whom a free post is held. ``why`` is the reason
    for which the running session was told to stop, ``stop`` why the last one ended. ``rebooted``: the post has
    started anew and shown nothing since of what ran; ``doubted``: it has shown that it runs no more. ``repeated``
    are rows that come again.
    ``availability`` is the newest order by which it was told whether it may serve anybody.
    ``tag`` is what the running transaction began with, as long as that is remembered.
    ``strays`` counts readings of power without a session. ``offset_ms``: how far the post's clock lags behind ours.
    ``counted_ms``, ``kept_ms``, ``told_ms``, ``left_ms`` are when time was last counted, the book last kept, progress
    last told, and the post last heard."""

    point: str
    settings: EvPostSettings
    phase: Phase = "free"
    here: Connected | None = None
    greeted: bool = False
    status: Status | Literal[""] = ""
    whole: Status | Literal[""] = ""
    power_w: float = 0
    tag: str = ""
    before: tuple[tuple[str, Reading], ...] = ()
    standing: Standing = Standing()
    strays: int = 0
    rebooted: bool = False
    doubted: bool = False
    repeated: tuple[Repeated, ...] = ()
    emergency: str = ""
    mode: Mode = Mode.SCHEDULED
    turn: int = 0
    availability: str = ""
    asked: tuple[tuple[str, Question], ...] = ()
    wanted: Decided | None = None
    given_up: Decided | None = None
    instead: Verdict | None = None
    waiting: str = ""
    reserved_for: str = ""
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


Step = tuple[EvPostState, list[Effect]]


def is_offered(state: EvPostState) -> bool:
    """Whether somebody may begin: the post is heard, says that it is well, and serves nobody without a session."""
    well = not {"faulted", "unavailable"} & {state.status, state.whole} and not state.faults & BLOCKING
    return state.here is not None and well and not state.emergency


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
    return Standing(numbers, tuple(unended), awaited, plugged, live is None and is_offered(state))


def to(state: EvPostState, trigger: Trigger) -> EvPostState:
    return replace(state, phase=next_phase(NEXT, state.phase, trigger))


def numbered(state: EvPostState, what: str) -> tuple[EvPostState, str]:
    """A name for an order, so that its answer is known again."""
    return replace(state, turn=state.turn + 1), f"{what}:{state.turn + 1}"


def tell(message: ToPost) -> Send:
    return Send(PORT, message)


def promise(message: ToPost) -> Send:
    """Say what lets a post give power: not before it is on the disk what was recorded and kept of it."""
    return Send(PORT, message, "durable")


def keep(state: EvPostState) -> Keep:
    return Keep(transactions.write(state.book))
