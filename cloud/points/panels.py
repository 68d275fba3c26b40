"""What the page of all points and the page of one show of points: their cards, modes and orders."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from msgspec import Struct

from cloud.commands.rule import HeldPoint, mode_orders
from cloud.commands.store import Order, PointState, find_order, list_orders, list_points
from cloud.points.filter import GROUPS, Group, PointFilter, Points, group_of, read_filter
from cloud.points.rule import camera_address
from cloud.points.store import camera_of
from cloud.web.domain import LivePage, Panel, Piece, Visit, no_pieces, one_piece
from cloud.web.roles import Part, Right
from contract.decide import HOUR_MS, Mode

ORDERS_SHOWN = 20
ORDERS_OF_POINT = 5
NEWS_FOR_MS = HOUR_MS
"""How long a card tells of the last order to its point. After that it stands in the list only."""
OTHERS = tuple(group for group in GROUPS if group not in ("portal", "charging"))


class Drift(Struct, frozen=True):
    """A mode that is desired of some points, and those of them that have not taken it up."""

    mode: Mode
    desired: int
    lacking: list[PointState]


def drifts(points: Sequence[PointState]) -> list[Drift]:
    """Every mode that some point still has to take up."""
    desired = {mode: [point for point in points if point.mode is mode] for mode in Mode}
    lacking = {mode: [point for point in these if point.drifts] for mode, these in desired.items()}
    return [Drift(mode, len(desired[mode]), these) for mode, these in lacking.items() if these]


def find_points(visit: Visit, of: str) -> Points | None:
    """All points, with the filter that the address of a stream names."""
    point_filter = read_filter(dict(parse_qsl(of)))
    return None if point_filter is None else list_chosen(visit, point_filter)


def list_chosen(visit: Visit, point_filter: PointFilter) -> Points:
    """All points, with those that the filter matches, and the newest orders."""
    points = list_points(visit.connection, visit.now_ms)
    return Points(points, list_orders(visit.connection, ORDERS_SHOWN), point_filter, visit.now_ms)


def find_one_point(visit: Visit, name: str) -> PointState | None:
    return next((point for point in list_points(visit.connection, visit.now_ms) if point.name == name), None)


def shape_of_point(point: PointState) -> tuple[object, ...]:
    """What the forms of a point depend on."""
    return point.name, point.mode, point.drifts, point.why, point.lost_ms, point.kind


def shape_of_orders(orders: Sequence[Order], now_ms: int) -> list[object]:
    return [(one.id, one.state_at(now_ms)) for one in orders]


def outcome(visit: Visit, points: Iterable[PointState]) -> dict[str, Any]:
    """The order that this visit comes from, and whether an answer to that or to the mode just set is still to come."""
    asked = visit.query.get("order", "")
    order = find_order(visit.connection, asked) if asked else None
    lacking = any(point.drifts and point.online and not point.why for point in points)
    is_sent = order is not None and order.state_at(visit.now_ms) == "sent"
    return {"order": order, "awaited": is_sent or ("mode" in visit.query and lacking)}


def _head(visit: Visit, about: Points) -> dict[str, Any]:
    return outcome(visit, about.of_group)


def _point_head(visit: Visit, point: PointState) -> dict[str, Any]:
    return {**outcome(visit, [point]), "shape": shape_of_point(point)}


def _standing(_visit: Visit, about: Points) -> dict[str, Any]:
    """Orders that hold points open or lock them down, and modes that some point lacks."""
    held = [HeldPoint(one.name, one.device, one.mode, one.term) for one in about.points if one.term]
    standing = mode_orders(held)
    offline = {point.name for point in about.points if not point.online}
    return {
        "standing": standing,
        "offline": offline,
        "drifts": drifts(about.of_group),
        "shape": [(one.id, one.until_ms, one.points) for one in standing],
    }


def _standing_pieces(values: Mapping[str, Any]) -> Iterable[Piece]:
    yield Piece("drifts", "_drifts.html")
    for one in values["standing"]:
        yield Piece(f"order-{one.id}-now", "_mode_order.html", {"one": one})


def cards_of(*groups: Group) -> Callable[[Visit, Points], dict[str, Any] | None]:
    """Finds the cards of points of these groups. What charges has a card of its own."""

    def look(visit: Visit, about: Points) -> dict[str, Any] | None:
        by_group = {group: [point for point in about.chosen if group_of(point) == group] for group in groups}
        shown = [point for points in by_group.values() for point in points]
        if not shown:
            return None
        last = {one.point: one for one in reversed(about.orders) if visit.now_ms - one.issued_ms < NEWS_FOR_MS}
        shape = [(shape_of_point(one), one.name in last and last[one.name].state_at(visit.now_ms)) for one in shown]
        return {"groups": by_group, "shown": shown, "last_orders": last, "shape": shape}

    return look


def _card_pieces(values: Mapping[str, Any]) -> Iterable[Piece]:
    return (Piece(f"point-{one.name}-now", "_point.html", {"point": one}) for one in values["shown"])


def _all_doors(_visit: Visit, about: Points) -> dict[str, Any] | None:
    is_for_doors = about.filter.show in ("", "portal") and any(
        one.archetype == "portal" and one.registered for one in about.points
    )
    return {} if is_for_doors else None


def _camera(visit: Visit, point: PointState) -> dict[str, Any] | None:
    camera = camera_of(visit.connection, point.name)
    return {"camera": camera, "address": camera_address(camera, point.name, visit.now_ms)} if camera else None


def _none(_visit: Visit, about: Points) -> dict[str, Any] | None:
    """What to say where no point is shown."""
    return None if about.chosen else {}


def _orders(visit: Visit, about: Points) -> dict[str, Any]:
    return {"shape": shape_of_orders(about.orders, visit.now_ms)}


def _orders_of_point(visit: Visit, point: PointState) -> dict[str, Any] | None:
    orders = list_orders(visit.connection, ORDERS_OF_POINT, point=point.name)
    return {"orders": orders, "shape": shape_of_orders(orders, visit.now_ms)} if orders else None


PANELS = (
    Panel("points", 0, "_points_head.html", _head, one_piece("picks", "_picks.html"), asks=("order", "mode")),
    Panel("points", 20, "_standing.html", _standing, _standing_pieces),
    Panel("points", 30, "_cards.html", cards_of("portal"), _card_pieces),
    Panel("points", 50, "_cards.html", cards_of(*OTHERS), _card_pieces),
    Panel("points", 55, "_no_points.html", _none, no_pieces),
    Panel("points", 60, "_all_doors.html", _all_doors),
    Panel("points", 80, "_orders.html", _orders, no_pieces),
    Panel(
        "point",
        0,
        "_point_head.html",
        _point_head,
        one_piece("point-title", "_point_title.html"),
        asks=("order", "mode"),
    ),
    Panel("point", 10, "_point_facts.html", pieces=one_piece("point-facts", "_point_facts_now.html")),
    Panel("point", 20, "_point_orders.html"),
    Panel("point", 16, "_point_camera.html", _camera, no_pieces, right=Right.DOORS),
    Panel("point", 60, "_point_order_list.html", _orders_of_point, no_pieces),
)
LIVE = (
    LivePage("points", find_points, shows_emergencies=True, parts=(Part.ZONE,)),
    LivePage("point", find_one_point, lambda name, event: event.point == name, parts=(Part.ZONE,)),
)
