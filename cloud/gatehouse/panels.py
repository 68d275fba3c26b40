"""What the guard's page shows: the gates, what has to be looked up, emergency vehicles, and keys that are out."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from cloud.commands.store import PointState
from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import EventView, list_events
from cloud.devices.registry import site_of
from cloud.gatehouse import store
from cloud.gatehouse.rule import CAUSE_WORDS, HELD_MINUTES, OPENING_REASONS
from cloud.gatehouse.service import gates
from cloud.points.panels import outcome, shape_of_point
from cloud.web.domain import LivePage, Panel, Piece, Visit, no_pieces
from cloud.web.roles import Right

SHOWN_ENTRIES = 5
SHOWN_EVENTS = 12


class Gatehouse(Struct, frozen=True):
    """What the page is about: the gates as they are now."""

    gates: Sequence[PointState]


def find_gatehouse(visit: Visit, _of: str = "") -> Gatehouse:
    return Gatehouse(gates(visit.connection, visit.now_ms))


def _head(visit: Visit, about: Gatehouse) -> Mapping[str, Any]:
    return outcome(visit, about.gates)


def _gates(_visit: Visit, about: Gatehouse) -> Mapping[str, Any]:
    shape = [(shape_of_point(gate), gate.online, gate.emergency) for gate in about.gates]
    return {"reasons": OPENING_REASONS, "shape": shape}


def _gate_pieces(values: Mapping[str, Any]) -> list[Piece]:
    return [Piece(f"gate-{one.name}-now", "_gate_now.html", {"gate": one}) for one in values["guard"].gates]


def _entries(visit: Visit, _about: Gatehouse) -> Mapping[str, Any]:
    unsaid = store.unsaid_entries(visit.connection, site_of(visit.connection).name, SHOWN_ENTRIES)
    shape = [entry.id for entry in unsaid]
    return {"unsaid": unsaid, "causes": CAUSE_WORDS, "minutes": HELD_MINUTES, "shape": shape}


def _keys(visit: Visit, _about: Gatehouse) -> Mapping[str, Any]:
    out = store.keys_out(visit.connection, site_of(visit.connection).name)
    return {"out": out, "shape": [loan.id for loan in out]}


def _latest(visit: Visit, _about: Gatehouse) -> Mapping[str, Any]:
    return {"events": list_events(visit.connection, EventFilter(), limit=SHOWN_EVENTS).rows}


def _any_event(_of: str, _event: EventView) -> bool:
    return True


PANELS = (
    Panel("guard", 0, "_guard_head.html", _head, asks=("order",), right=Right.DOORS),
    Panel("guard", 20, "_gates.html", _gates, _gate_pieces, right=Right.DOORS),
    Panel("guard", 30, "_look_up.html", right=Right.DOORS),
    Panel("guard", 40, "_emergency_vehicles.html", _entries, no_pieces, right=Right.DOORS),
    Panel("guard", 50, "_keys_out.html", _keys, no_pieces, right=Right.DOORS),
    Panel("guard", 60, "_latest.html", _latest, right=Right.DOORS),
)
LIVE = LivePage("guard", find_gatehouse, _any_event)
