"""A post's transactions: which of them are one, which session each is, and what is kept of them over restarts. Pure.

A post tells of a transaction as often as it likes, hours after it happened, and may lose half of it. A transaction is
known by its number, or by its card, the post's own time and the meter at its beginning.
"""

from msgspec import Struct
from msgspec.structs import replace

from contract.sessions import Stop
from edge.archetypes import account
from edge.archetypes.account import Account, Register, RegisterReading
from edge.archetypes.session import Session
from edge.stations.ev_post.messages import StartReported, StopReported, is_given

MAX_TRANSACTIONS = 32
MAX_PARKED = 16


class Transaction(Struct, frozen=True):
    """``digest`` is that of the card in hex, ``at_ms`` and ``meter_wh`` what the post said of the beginning. Without a
    ``session`` the card was refused. ``late``: it was report of afterwards, beside one that runs. ``account`` is of the
    energy it took; None in a book of an older version. ``ended_at_ms`` is when it ended by the post's clock;
    ``is_told`` that the post has told its end with its register."""

    number: str
    digest: str
    at_ms: int | None
    meter_wh: float | None
    session: Session | None
    over: bool = False
    late: bool = False
    account: Account | None = None
    ended_at_ms: int | None = None
    is_told: bool = False


class Parked(Struct, frozen=True):
    """An end without a beginning, which may yet be told of."""

    number: str
    at_ms: int | None
    meter_wh: float | None
    reason: str
    begin_wh: float | None = None


class Book(Struct, frozen=True):
    """The transactions of one connector, the oldest first, and the ends that belong to none of them. ``unsure`` is the
    number of the one whose end may not be on the disk yet."""

    transactions: tuple[Transaction, ...] = ()
    parked: tuple[Parked, ...] = ()
    unsure: str = ""

    @property
    def live(self) -> Transaction | None:
        """The one that runs now; at most one does."""
        return next((one for one in reversed(self.transactions) if not (one.over or one.late)), None)

    @property
    def session(self) -> Session | None:
        """The session that runs now."""
        return None if self.live is None else self.live.session


STOPS = {
    "EVDisconnected": Stop.PULLED,
    "Remote": Stop.REMOTE,
    "PowerLoss": Stop.POWER_LOSS,
    "Reboot": Stop.POWER_LOSS,
    "HardReset": Stop.POWER_LOSS,
    "SoftReset": Stop.POWER_LOSS,
    "ImmediateReset": Stop.POWER_LOSS,
    "EmergencyStop": Stop.ESTOP,
    "DeAuthorized": Stop.DEAUTHORIZED,
    "StoppedByEV": Stop.FULL,
    "SOCLimitReached": Stop.FULL,
    "EnergyLimitReached": Stop.ENERGY_LIMIT,
    "TimeLimitReached": Stop.TIME_LIMIT,
    "GroundFault": Stop.LEAKAGE,
    "OvercurrentFault": Stop.OVER_POWER,
}
"""Our reason for those of OCPP 1.6 and 2.0.1."""


def stop_of(reason: str, tag: str) -> Stop:
    """Why a post says that it ended something of itself; whoever ended it at the post did so by card or by hand."""
    return STOPS.get(reason, Stop.CARD if tag else Stop.USER)


def account_of(one: Transaction) -> Account:
    """The account of a transaction; of one that an older version began, from what its session has counted."""
    if one.account is not None or one.session is None:
        return one.account or account.opened(_begin_of(one))
    session, begin = one.session, _begin_of(one)
    if session.register_wh is None:
        return account.opened(begin, session.span_ms)
    energy_wh = session.used_mwh / 1000
    register = Register(session.register_wh, energy_wh - session.register_wh, None, session.span_ms - session.still_ms)
    return Account(begin, session.span_ms, energy_wh, (register,))


def _begin_of(one: Transaction) -> RegisterReading | None:
    return None if one.meter_wh is None else RegisterReading(one.meter_wh, one.at_ms)


def same(book: Book, digest: str, report: StartReported) -> Transaction | None:
    """The transaction whose beginning is told of again."""
    for one in reversed(book.transactions):
        if report.transaction and one.number == report.transaction:
            return one
        if not report.transaction and (one.digest, one.at_ms, one.meter_wh) == (digest, report.at_ms, report.meter_wh):
            return one
    return None


def put(book: Book, changed: Transaction) -> Book:
    """The book with a transaction that is new or has changed; the oldest that is over makes room."""
    if any(one.number == changed.number for one in book.transactions):
        return replace(
            book, transactions=tuple(changed if one.number == changed.number else one for one in book.transactions)
        )
    kept = [*book.transactions, changed]
    while len(kept) > MAX_TRANSACTIONS:
        kept.remove(next((one for one in kept if one.over), kept[0]))
    return replace(book, transactions=tuple(kept))


def park(book: Book, report: StopReported) -> tuple[Book, bool]:
    """Keep an end that belongs to nothing. False if it was kept already."""
    parked = Parked(report.transaction, report.at_ms, report.meter_wh, report.reason, report.begin_wh)
    if parked in book.parked:
        return book, False
    return replace(book, parked=(*book.parked, parked)[-MAX_PARKED:]), True


def unpark(book: Book, begun: Transaction) -> tuple[Book, Parked | None]:
    """The end that has waited for this beginning, if one has: that of its number, or the first that is not before it,
    by time and by meter, and has no number of another."""
    numbered = [one for one in book.parked if one.number == begun.number]
    for one in numbered or [one for one in book.parked if not is_given(one.number)]:
        timely = one.at_ms is not None and begun.at_ms is not None and one.at_ms >= begun.at_ms
        metered = one.meter_wh is not None and begun.meter_wh is not None and one.meter_wh >= begun.meter_wh
        if numbered or (timely and metered):
            return replace(book, parked=tuple(other for other in book.parked if other is not one)), one
    return book, None


def fresh_number(book: Book, number: str) -> str:
    """A number that no other transaction of the book has; the last two digits stay."""
    taken = {one.number for one in book.transactions}
    while number in taken:
        number = str(100 + int(number) % (21_000_000 * 100))
    return number
