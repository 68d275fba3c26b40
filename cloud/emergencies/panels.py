"""What pages show of emergencies: those that stand, and the zones in which one can be practised."""

from typing import Any

from cloud.emergencies.store import list_zone_states
from cloud.web.domain import Panel, Visit, no_pieces, one_piece


def _standing(visit: Visit, _about: object) -> dict[str, Any]:
    return {"emergencies": list_zone_states(visit.connection, visit.now_ms)}


def _standing_in_zone(visit: Visit, about: Any) -> dict[str, Any]:
    """Of the zone that the page is narrowed to."""
    states = list_zone_states(visit.connection, visit.now_ms)
    return {"emergencies": [one for one in states if about.filter.zone in ("", one.zone)]}


def _drills(visit: Visit, about: Any) -> dict[str, Any] | None:
    """Of the zones that registered devices have points in."""
    in_zone = [one for one in about.points if one.registered and about.filter.zone in ("", one.zone_name)]
    zones = {point.zone_name: point.zone for point in in_zone}
    if not zones or about.filter.show == "charging":
        return None
    standing = [one for one in list_zone_states(visit.connection, visit.now_ms) if one.ended is None]
    drills = {one.zone for one in standing if one.cause == "drill"}
    in_earnest = {one.zone for one in standing} - drills
    shape = sorted(drills), sorted(in_earnest)
    return {"zones": dict(sorted(zones.items())), "drills": drills, "in_earnest": in_earnest, "shape": shape}


PANELS = (
    *(
        Panel(page, 10, "_all_emergencies.html", look, one_piece("emergencies", "_all_emergencies.html"))
        for page, look in (("overview", _standing), ("points", _standing_in_zone))
    ),
    Panel("points", 70, "_drills.html", _drills, no_pieces),
)
