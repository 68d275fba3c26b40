"""Orders that hold points open or lock them down, each until its end: what stands now, and who ordered it."""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from sqlalchemy import Connection

from cloud.commands.store import Term, list_desired
from contract.decide import Mode


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


def list_held_points(connection: Connection, now_ms: int) -> list[HeldPoint]:
    """Every point that an order holds open or locks down at this moment."""
    return [
        HeldPoint(point, one.device, mode, term)
        for one in list_desired(connection)
        for point, term in one.terms.items()
        if (mode := one.mode_of(point, now_ms)) is not Mode.SCHEDULED
    ]


def list_mode_orders(connection: Connection, now_ms: int) -> list[ModeOrder]:
    """Every order that stands, the oldest first."""
    return mode_orders(list_held_points(connection, now_ms))


def mode_orders(points: Iterable[HeldPoint]) -> list[ModeOrder]:
    """The orders that hold these points, the oldest first."""
    by_order: dict[str, list[HeldPoint]] = {}
    for held in points:
        by_order.setdefault(held.term.order, []).append(held)
    return sorted(map(_mode_order, by_order.values()), key=lambda order: (order.since_ms, order.id))


def _mode_order(held: Sequence[HeldPoint]) -> ModeOrder:
    """Of the points that one order holds."""
    term = held[0].term
    until_ms = max(one.term.until_ms for one in held)
    points = tuple(sorted(one.name for one in held))
    return ModeOrder(term.order, held[0].mode, term.by, term.reason, term.since_ms, until_ms, points)
