"""Orders that hold points open or lock them down, each until its end: what stands now, and who ordered it."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection

from cloud.store.orders import DesiredView, list_desired
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


def list_mode_orders(connection: Connection, now_ms: int) -> list[ModeOrder]:
    """Every order that stands, the oldest first."""
    return standing_orders(list_desired(connection), now_ms)


def active_lockdowns(connection: Connection, now_ms: int) -> list[ModeOrder]:
    """The lockdowns that stand, the oldest first."""
    return [one for one in list_mode_orders(connection, now_ms) if one.mode is Mode.LOCKDOWN]


def standing_orders(documents: Iterable[DesiredView], now_ms: int) -> list[ModeOrder]:
    found: dict[str, dict[str, Any]] = {}
    for one in documents:
        for point, term in one.terms.items():
            mode = one.mode_of(point, now_ms)
            if mode is Mode.SCHEDULED:
                continue
            order = found.setdefault(term.order, {"points": [], "until_ms": 0, "term": term, "mode": mode})
            order["points"].append(point)
            order["until_ms"] = max(order["until_ms"], term.until_ms)
    made = [
        ModeOrder(
            id=name,
            mode=one["mode"],
            by=one["term"].by,
            reason=one["term"].reason,
            since_ms=one["term"].since_ms,
            until_ms=one["until_ms"],
            points=tuple(sorted(one["points"])),
        )
        for name, one in found.items()
    ]
    return sorted(made, key=lambda order: (order.since_ms, order.id))
