"""Which events count for a zone, and for how much: the one reading of them, on their device and in the cloud. Pure.

Most are told by the kind of their point. Where a way is held open, or released by an emergency, nobody sees who passes:
from then on the count is in doubt, until a person has counted the room.
"""

from collections.abc import Mapping
from typing import Any

from contract.archetypes import PortalKind
from contract.decide import Mode
from contract.device_events import EmergencyEvents
from contract.kinds import kind_of, known_kinds
from contract.occupancy import UNSEEN, Counted, Moved

EMERGENCIES = frozenset({EmergencyEvents.began.kind, EmergencyEvents.standing.kind})
"""They name their zone themselves."""


def counted_at(kind: str) -> Counted | None:
    """What passes a point of this kind; None where nobody does."""
    station = kind_of(kind)
    return station.counts if isinstance(station, PortalKind) else None


def moved_by(kind: str, event: str, data: Mapping[str, Any]) -> Moved | None:
    """What an event of a point of this kind says of the zone behind it; None where it says nothing."""
    station = kind_of(kind)
    if not isinstance(station, PortalKind):
        return None
    if event == station.mode_set.kind:
        return UNSEEN if data.get("mode") == Mode.HOLD_OPEN else None
    return station.moved(event, data)


def counting_events() -> frozenset[str]:
    """The kinds of all events that may count."""
    portals = [kind for kind in known_kinds().values() if isinstance(kind, PortalKind)]
    theirs = {event for kind in portals for event in (kind.passed.kind, kind.mode_set.kind, *kind.moves)}
    return EMERGENCIES | theirs
