"""How devices are to be: the modes of their points with their terms, the orders that hold points, and their wiring.
Pure."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, structs

from contract.decide import MINUTE_MS, Mode
from contract.kinds import MODE_LASTS_MS, has_mode
from contract.messages import Reported
from contract.sealing import wiring_hash

SETTLED = frozenset({"applied", "refused", "reverted"})
"""What a device reports of a document once it is done with it."""


class TooLong(ValueError):
    """No order of this mode lasts so long, or the mode has no end. The text says how long it may last."""


class Term(Struct, frozen=True):
    """The time for which a point is to be in its mode, set by an ``order`` which may hold other points as well. Nobody
    knows ``by`` of one from before modes had an end. Times are UTC milliseconds."""

    order: str
    since_ms: int
    until_ms: int
    by: str = ""
    reason: str = ""


class DesiredState(Struct, frozen=True):
    """The state that is desired of a device, and what it last reported. An empty ``wiring`` is the file that the device
    has. ``terms`` are those of modes that end by themselves."""

    device: str
    number: int
    issued_ms: int
    modes: dict[str, Mode]
    reported: Reported | None
    wiring: str = ""
    wired_ms: int = 0
    terms: dict[str, Term] = {}

    def mode_of(self, point: str, now_ms: int) -> Mode:
        """The mode that a point is to be in now. One whose time is over is so no more, whoever has noted it."""
        term = self.terms.get(point)
        if term is not None and term.until_ms <= now_ms:
            return Mode.SCHEDULED
        return self.modes.get(point, Mode.SCHEDULED)

    def reported_mode(self, point: str, now_ms: int) -> Mode | None:
        """The mode of a point as the device last reported it, None if it never did. One that lasts so long at most is
        over by itself, though the device was not heard since."""
        if self.reported is None:
            return None
        mode = self.reported.modes.get(point, Mode.SCHEDULED)
        lasts_ms = MODE_LASTS_MS.get(mode)
        is_over = lasts_ms is not None and self.reported.at_ms + lasts_ms <= now_ms
        return Mode.SCHEDULED if is_over else mode

    @property
    def wiring_hash(self) -> str:
        """The name of the wiring, empty if it is the device's own."""
        return wiring_hash(self.wiring.encode()) if self.wiring else ""

    @property
    def drifts(self) -> bool:
        """Whether the device goes by another wiring than it is to since ``wired_ms``, or has not said yet."""
        if not self.wiring and not self.wired_ms:
            return False
        latest = self.reported
        return latest is None or latest.number < self.number or self.wiring_hash not in ("", latest.wiring_hash)


class ModeOrder(Struct, frozen=True):
    """One order that stands. ``points`` are those that it still holds: what was set otherwise since is not among them.
    Nobody knows ``by`` of one from before orders had an end. Times are UTC milliseconds."""

    id: str
    mode: Mode
    by: str
    reason: str
    since_ms: int
    until_ms: int
    points: tuple[str, ...]


class HeldPoint(Struct, frozen=True):
    """A point in a mode that ends by itself, and the term of the order that holds it there."""

    name: str
    device: str
    mode: Mode
    term: Term


def new_term(order: str, mode: Mode, by: str, reason: str, now_ms: int, minutes: int | None) -> Term | None:
    """The term of a new order of this name; None for a mode that has no end. Raises ``TooLong``."""
    most_ms = MODE_LASTS_MS.get(mode)
    if most_ms is None:
        if minutes is not None:
            raise TooLong(f"{mode.value} lasts until another mode is set: leave out the minutes")
        return None
    lasts_ms = most_ms if minutes is None else minutes * MINUTE_MS
    if not 0 < lasts_ms <= most_ms:
        raise TooLong(f"{mode.value} lasts 1 to {most_ms // MINUTE_MS} minutes; renew it when it ends")
    return Term(order, now_ms, now_ms + lasts_ms, by, reason)


def lasting(state: DesiredState, kinds: Mapping[str, str], now_ms: int) -> DesiredState:
    """The same without what is over and without modes that their points have not got; at a point whose kind nobody
    knows yet it is left to end. A mode from before there were ends is given one."""
    modes = not_scheduled({point: state.mode_of(point, now_ms) for point in state.modes})
    modes = {point: mode for point, mode in modes.items() if not kinds.get(point) or has_mode(kinds[point], mode)}
    terms = {
        point: state.terms.get(point) or Term(f"before-{mode.value}", now_ms, now_ms + MODE_LASTS_MS[mode])
        for point, mode in modes.items()
        if mode in MODE_LASTS_MS
    }
    return structs.replace(state, modes=modes, terms=terms)


def is_out(state: DesiredState, point: str, now_ms: int) -> bool:
    return state.mode_of(point, now_ms) is Mode.OUT_OF_SERVICE


def not_scheduled(modes: Mapping[str, Mode]) -> dict[str, Mode]:
    return {point: mode for point, mode in modes.items() if mode is not Mode.SCHEDULED}


def held_points(states: Iterable[DesiredState], now_ms: int) -> list[HeldPoint]:
    """Every point that an order holds open or locks down at this moment."""
    return [
        HeldPoint(point, state.device, mode, term)
        for state in states
        for point, term in state.terms.items()
        if (mode := state.mode_of(point, now_ms)) is not Mode.SCHEDULED
    ]


def mode_orders(points: Iterable[HeldPoint]) -> list[ModeOrder]:
    """The orders that hold these points, the oldest first."""
    by_order: dict[str, list[HeldPoint]] = {}
    for held in points:
        by_order.setdefault(held.term.order, []).append(held)
    return sorted(map(_mode_order, by_order.values()), key=lambda order: (order.since_ms, order.id))


def _mode_order(held: Sequence[HeldPoint]) -> ModeOrder:
    """Of the points that one order holds."""
    term = held[0].term
    until_ms = max(point.term.until_ms for point in held)
    points = tuple(sorted(point.name for point in held))
    return ModeOrder(term.order, held[0].mode, term.by, term.reason, term.since_ms, until_ms, points)


def is_news(before: Reported | None, reported: Reported) -> bool:
    """Whether what a device says of its document counts after what it said before; what is older does not.

    A device that started without the time may seem to speak earlier than it did. Its word that a document is settled
    counts all the same, once.
    """
    if before is None or (reported.number, reported.at_ms) >= (before.number, before.at_ms):
        return True
    settles = before.status not in SETTLED and reported.status in SETTLED
    return reported.number == before.number and settles
