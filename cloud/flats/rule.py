"""Flats, and the places of the estate that lead to them: what the zones *home* and *own floor* of a plan mean. Pure."""

import re
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

HOME, OWN_FLOOR = "home", "own-floor"
RELATIVE_ZONES = (HOME, OWN_FLOOR)
"""Zones of a plan that are others for each flat. No zone of a site has one of these names."""
MAX_FLOOR, MAX_AREA_M2 = 200, 100_000


class Tenure(StrEnum):
    """Who lives in a flat, as far as anybody said."""

    OWNER = "owner"
    TENANT = "tenant"
    UNKNOWN = ""


class Flat(Struct, frozen=True):
    """A flat under the name that residents give it, as ``3-1-702``. ``unit`` is empty in a building without units,
    ``flat`` is its number there."""

    name: str = ""
    building: str = ""
    unit: str = ""
    floor: int | None = None
    flat: str = ""
    area_m2: float | None = None
    tenure: Tenure = Tenure.UNKNOWN
    vacant: bool = False

    @property
    def entrance(self) -> str:
        """Building and unit: what a point is said to lead into."""
        return entrance(self.building, self.unit)


def entrance(building: str, unit: str) -> str:
    """Building and unit as one name, as ``3-1``."""
    return "-".join(part for part in (building, unit) if part)


def read_flat_name(name: str) -> Flat:
    """The flat of that name. ``3-1-702`` is building 3, unit 1, flat 702, and ``2-502`` building 2, flat 502. Flats are
    counted by floor: 702 and 1202 are on floors 7 and 12. Of any other name nothing is known."""
    parts = re.fullmatch(r"(\w{1,10})-(?:(\w{1,10})-)?(\w{1,10})", name)
    if parts is None:
        return Flat(name)
    building, unit, flat = parts[1], parts[2] or "", parts[3]
    return Flat(name, building, unit, int(flat[:-2]) if re.fullmatch(r"[1-9]\d{2,3}", flat, re.ASCII) else None, flat)


class Place(Struct, frozen=True):
    """A place that serves some flats only: a unit's door, a floor of a unit, or what belongs to one flat."""

    unit: str = ""
    floor: int | None = None
    flat: str = ""

    @property
    def zone(self) -> str:
        """As which zone a plan opens it."""
        return HOME if self.floor is None else OWN_FLOOR

    @property
    def name(self) -> str:
        """What it is numbered under for good (table ``profiles``)."""
        if self.flat:
            return f"flat {self.flat}"
        return f"unit {self.unit}" if self.floor is None else f"floor {self.floor} of {self.unit}"


def gate_name(point: str) -> str:
    """What a gate by itself is numbered under, as a place is."""
    return f"gate {point}"


def place_of_point(unit: str, floor: int | None, flat: str) -> Place | None:
    """Which place a point serves; None for one that serves no flat more than another. A point of a flat is that
    flat's alone, wherever it stands."""
    if flat:
        return Place(flat=flat)
    return Place(unit, floor) if unit else None


def places_of_flat(flat: Flat) -> list[Place]:
    """The places that serve a flat, be there points or not."""
    asked = ("", None, flat.name), (flat.entrance, None, ""), (flat.entrance, flat.floor, "")
    return list(dict.fromkeys(place for where in asked if (place := place_of_point(*where)) is not None))


def served(points: Iterable[tuple[str, int | None, str]]) -> set[Place]:
    """The places that points serve, given as unit, floor and flat."""
    return {place for point in points if (place := place_of_point(*point)) is not None}
