"""A charging session, whatever draws the power: its record, its limits and its price. Pure.

Time and energy are counted in slices as they are measured, and money in fen, whole numbers throughout. What is kept of
a session over a restart is its record with the last reading of the meter's register, so nothing is counted twice.
"""

from functools import lru_cache
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import asdict, replace

from contract.archetypes import SessionKind, SessionNamed
from contract.decide import Grant, Tier
from contract.quantities import Unit
from edge.archetypes.account import MARGIN
from edge.archetypes.protocol import Decided, Record, Spend
from edge.archetypes.station import require

ClassName = Literal["ebike", "phone"]
By = Literal["card", "operator", "post"]

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
DAY_MINUTES = 24 * 60
REGISTER_STEP_MWH = 1_000
"""The register of a PZEM-004T counts whole watt-hours."""
MAX_PRICES = 24


class Limits(Struct, frozen=True):
    """What one class of socket allows, and how it tells a load from none. See ``LimitChoices`` for each limit."""

    power_w: float
    start_w: float
    start_ms: int
    full_w: float
    full_ms: int
    pulled_w: float
    pulled_ms: int
    session_ms: int
    session_wh: int


USUAL: dict[ClassName, Limits] = {
    "ebike": Limits(1_000, 10, MINUTE_MS, 30, 30 * MINUTE_MS, 2, 10_000, 8 * HOUR_MS, 2_000),
    "phone": Limits(120, 1, 2 * MINUTE_MS, 1.5, 20 * MINUTE_MS, 0.3, 30_000, 4 * HOUR_MS, 200),
}
"""What holds where a config says nothing. The limits of e-bikes would cut off every phone, hence two classes."""
CEILINGS: dict[ClassName, Limits] = {
    "ebike": Limits(2_200, 100, 5 * MINUTE_MS, 100, HOUR_MS, 10, MINUTE_MS, 10 * HOUR_MS, 5_000),
    "phone": Limits(240, 10, 5 * MINUTE_MS, 5, HOUR_MS, 1, MINUTE_MS, 8 * HOUR_MS, 1_000),
}
"""What no config may exceed. 2,200 W is what a 10 A socket carries at 220 V; 240 W the most that USB delivers."""


class LimitChoices(Struct, frozen=True, forbid_unknown_fields=True):
    """Those limits that a config sets itself, each up to the ceiling of its class.

    More than ``power_w`` is too much. A load draws ``start_w`` within ``start_ms`` of switching on; it is full after
    ``full_ms`` below ``full_w`` and pulled after ``pulled_ms`` below ``pulled_w``. No session is longer than
    ``session_ms`` or draws more than ``session_wh``.
    """

    power_w: float | None = None
    start_w: float | None = None
    start_ms: int | None = None
    full_w: float | None = None
    full_ms: int | None = None
    pulled_w: float | None = None
    pulled_ms: int | None = None
    session_ms: int | None = None
    session_wh: int | None = None


@lru_cache
def limits_of(name: ClassName, chosen: LimitChoices) -> Limits:
    """The limits of a class with what a config chose. Raises ``ValueError`` for a choice above the hard ceiling, or one
    that would switch a rule off."""
    ceiling = CEILINGS[name]
    choices = {limit: value for limit, value in asdict(chosen).items() if value is not None}
    for limit, value in choices.items():
        most = getattr(ceiling, limit)
        require(0 < value <= most, f"{limit} of a socket for {name} lies above 0 and is at most {most}")
    limits = replace(USUAL[name], **choices)
    require(limits.pulled_w < min(limits.start_w, limits.full_w), "pulled_w is less than start_w and full_w")
    return limits


class Price(Struct, frozen=True, forbid_unknown_fields=True):
    """What a slice of a session costs, if it fits: the holder is of one of ``tiers`` (of any if there is none), the
    time of day lies from ``from_minute`` to before ``until_minute`` (over midnight if the second is the lesser), and
    the power is at most ``up_to_w``. It is ``fen_per_hour`` and ``fen_per_kwh``, added up."""

    tiers: tuple[Tier, ...] = ()
    from_minute: int = 0
    until_minute: int = DAY_MINUTES
    up_to_w: float | None = None
    fen_per_hour: int = 0
    fen_per_kwh: int = 0

    def __post_init__(self) -> None:
        is_of_day = 0 <= self.from_minute < DAY_MINUTES and 0 < self.until_minute <= DAY_MINUTES
        require(is_of_day, "from_minute and until_minute are minutes of a day, 0 to 1440")
        require(self.from_minute != self.until_minute, "from_minute and until_minute differ")
        require(min(self.fen_per_hour, self.fen_per_kwh) >= 0, "a price is not below 0")


class Tariff(Struct, frozen=True, forbid_unknown_fields=True):
    """The first of ``prices`` that fits counts; where none fits, nothing is asked, and neither in the first
    ``free_minutes``. Whoever leaves a full battery at the socket has ``idle_grace_minutes``, and then pays
    ``idle_fen_per_minute`` for each minute in which somebody waits (``idle_always``: for every one), up to
    ``idle_cap_fen`` in all."""

    free_minutes: int = 0
    prices: tuple[Price, ...] = ()
    idle_grace_minutes: int = 10
    idle_fen_per_minute: int = 0
    idle_cap_fen: int = 0
    idle_always: bool = False

    def __post_init__(self) -> None:
        require(len(self.prices) <= MAX_PRICES, f"there are at most {MAX_PRICES} prices")
        least = min(self.free_minutes, self.idle_grace_minutes, self.idle_fen_per_minute, self.idle_cap_fen)
        require(least >= 0, "minutes and prices are not below 0")
        is_capped = self.idle_cap_fen > 0 or not self.idle_fen_per_minute
        require(is_capped, "idle_cap_fen says how much idling may cost at most")


class Line(Struct, frozen=True):
    """What was used at one pair of prices."""

    fen_per_hour: int
    fen_per_kwh: int
    ms: int = 0
    mwh: int = 0

    @property
    def fen(self) -> int:
        """What the line costs; a begun fen is not asked for."""
        return self.ms * self.fen_per_hour // HOUR_MS + self.mwh * self.fen_per_kwh // 1_000_000


class Session(Struct, frozen=True):
    """One session. ``id`` is the ticket of its decision; ``holder`` and ``digest`` are hex.

    ``used_ms`` and ``used_mwh`` are what was drawn, ``span_ms`` the time since it began with every interruption.
    ``register_wh`` is what the meter's register last stood at, and ``still_ms`` for how long it has stood there.
    ``minute`` is the site's time of day as it was last order_record, when the span was ``minute_at_ms``.
    ``power_w`` is what the load last drew, ``loaded`` whether there was one. ``ended`` is why it has stopped drawing.
    """

    id: str
    holder: str
    digest: str
    tier: Tier
    by: By
    class_name: str
    limit_ms: int
    limit_wh: int
    allotment: str = ""
    started_minute: int | None = None
    minute: int | None = None
    minute_at_ms: int = 0
    used_ms: int = 0
    used_mwh: int = 0
    span_ms: int = 0
    register_wh: float | None = None
    still_ms: int = 0
    power_w: float = 0
    loaded: bool = False
    idle_minutes: int = 0
    lines: tuple[Line, ...] = ()
    ended: str = ""


def of_decision(
    outcome: Decided, grant: Grant, point: str, *, by: By, class_name: str, limit_ms: int, limit_wh: int
) -> Session:
    """The session that begins with a decision. It is called by that decision's ticket."""
    allotment = grant.allotments.get(point)
    return Session(
        id=outcome.ticket,
        holder=grant.holder.hex(),
        digest=outcome.digest.hex(),
        tier=grant.tier,
        by=by,
        class_name=class_name,
        limit_ms=limit_ms,
        limit_wh=limit_wh,
        allotment="" if allotment is None else allotment.name,
        started_minute=outcome.minute,
        minute=outcome.minute,
    )


def running(session: Session | None) -> str:
    """What a session is called, empty where none runs."""
    return "" if session is None else session.id


def is_holders(session: Session | None, outcome: Decided) -> bool:
    """Whether whoever began the session stands at the point again, with the same credential."""
    return (
        session is not None
        and outcome.order_record is None
        and bool(outcome.digest)
        and outcome.digest.hex() == session.digest
    )


def draw(
    session: Session, register_wh: float | None, power_w: float, elapsed_ms: int, most_w: float, tariff: Tariff
) -> Session:
    """Count what the meter says was drawn since it was last read; None for a register that nobody can go by yet. One
    that runs backwards or was reset counts nothing, and neither does one that jumps by more than ``most_w`` could have
    drawn since it last moved: where it jumped from a wrong value back to the right one, that was counted before."""
    still_ms = session.still_ms + elapsed_ms
    moved_mwh = 0
    if register_wh is not None and session.register_wh is not None:
        moved_mwh = round((register_wh - session.register_wh) * 1000)
    most_mwh = most_w * MARGIN * still_ms / 3600 + REGISTER_STEP_MWH
    mwh = moved_mwh if 0 <= moved_mwh <= most_mwh else 0
    if session.register_wh is None or moved_mwh:
        session = replace(session, register_wh=register_wh)
        still_ms = 0
    return replace(count(session, elapsed_ms, mwh, power_w, tariff), still_ms=still_ms)


def count(session: Session, elapsed_ms: int, mwh: int, power_w: float, tariff: Tariff) -> Session:
    """The session with a slice more of time and energy. ``mwh`` below 0 takes back what was counted too much."""
    ms = elapsed_ms if session.loaded else 0
    lines = _priced(session, power_w, ms, max(0, mwh), tariff)
    return replace(
        session,
        used_ms=session.used_ms + ms,
        used_mwh=session.used_mwh + mwh,
        span_ms=session.span_ms + elapsed_ms,
        lines=_corrected(lines, -mwh) if mwh < 0 else lines,
    )


def missed(session: Session, gap_ms: int) -> Session:
    """Time has gone by in which the load was off."""
    return replace(session, span_ms=session.span_ms + gap_ms, still_ms=session.still_ms + gap_ms)


def _corrected(lines: tuple[Line, ...], mwh: int) -> tuple[Line, ...]:
    """The lines with so much energy less, the last ones first."""
    left: list[Line] = []
    for line in reversed(lines):
        less = min(line.mwh, mwh)
        mwh -= less
        left.insert(0, replace(line, mwh=line.mwh - less))
    return tuple(left)


def _priced(session: Session, power_w: float, ms: int, mwh: int, tariff: Tariff) -> tuple[Line, ...]:
    price = price_of(tariff, session, power_w)
    if price is None or not session.loaded or session.used_ms < tariff.free_minutes * MINUTE_MS:
        return session.lines
    slices = {(line.fen_per_hour, line.fen_per_kwh): line for line in session.lines}
    line = slices.get((price.fen_per_hour, price.fen_per_kwh), Line(price.fen_per_hour, price.fen_per_kwh))
    slices[price.fen_per_hour, price.fen_per_kwh] = replace(line, ms=line.ms + ms, mwh=line.mwh + mwh)
    return tuple(slices.values())


def price_of(tariff: Tariff, session: Session, power_w: float) -> Price | None:
    """The price of this moment. While nobody knows the time of day, only prices for the whole day fit."""
    minute = minute_of_day(session)
    return next((price for price in tariff.prices if _fits(price, session.tier, minute, power_w)), None)


def _fits(price: Price, tier: Tier, minute: int | None, power_w: float) -> bool:
    begin, end = price.from_minute, price.until_minute
    if (price.tiers and tier not in price.tiers) or (price.up_to_w is not None and power_w > price.up_to_w):
        return False
    if minute is None or (begin, end) == (0, DAY_MINUTES):
        return (begin, end) == (0, DAY_MINUTES)
    return begin <= minute < end if begin < end else minute >= begin or minute < end


def minute_of_day(session: Session) -> int | None:
    """What the site's wall clock shows at the end of what was counted. A session of an older version was told once."""
    minute, at_ms = session.minute, session.minute_at_ms
    if minute is None:
        minute, at_ms = session.started_minute, 0
    return None if minute is None else (minute + (session.span_ms - at_ms) // MINUTE_MS) % DAY_MINUTES


def at_minute(session: Session, minute: int, uncounted_ms: int) -> Session:
    """The session after the wall clock was told: summer time, a corrected clock or a first time change what hour a
    price is for, and nothing that is counted already. ``uncounted_ms`` is how long ago the last slice ended."""
    return replace(session, minute=minute, minute_at_ms=session.span_ms + uncounted_ms)


def idle_fen(session: Session, tariff: Tariff) -> int:
    """What idling costs so far."""
    return min(session.idle_minutes * tariff.idle_fen_per_minute, tariff.idle_cap_fen)


def receipt(session: Session, tariff: Tariff) -> dict[str, Any]:
    """What is to be paid for a session and how it comes about, in fen."""
    lines = [{**asdict(line), "fen": line.fen} for line in session.lines]
    idle = idle_fen(session, tariff)
    return {
        "fen": sum(line.fen for line in session.lines) + idle,
        "tier": session.tier.value,
        "free_minutes": tariff.free_minutes,
        "lines": lines,
        "idle_minutes": session.idle_minutes,
        "idle_fen": idle,
    }


def _named(session: Session) -> SessionNamed:
    """Whose session it is, and how it began."""
    return {
        "session": session.id,
        "holder": session.holder,
        "digest": session.digest,
        "class": session.class_name,
        "by": session.by,
    }


def started(session: Session) -> Record:
    """The event of a beginning."""
    return SessionKind.started(**_named(session), limits={"ms": session.limit_ms, "wh": session.limit_wh})


def progress(session: Session) -> Record:
    """What is told of a session every few minutes."""
    wh, power_w = energy_wh(session), session.power_w
    return SessionKind.progress(session=session.id, energy_wh=wh, power_w=power_w, ms=session.used_ms)


def ended(session: Session, tariff: Tariff) -> Record:
    """The event of an end; it stands without that of the beginning. What is kept says so first."""
    return SessionKind.ended(
        **_named(session),
        reason=session.ended,
        energy_wh=energy_wh(session),
        ms=session.used_ms,
        started_minute=session.started_minute,
        receipt=receipt(session, tariff),
    )


def energy_wh(session: Session) -> float:
    return session.used_mwh / 1000


def spent(session: Session) -> list[Spend]:
    """What the session has used in all, for the ledger; nothing where its holder is not rationed."""
    if not session.allotment:
        return []
    used: dict[Unit, int] = {"minutes": session.used_ms, "wh": session.used_mwh}
    return [Spend(session.id, session.holder, session.allotment, used, over=bool(session.ended))]
