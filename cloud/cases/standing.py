"""What is so for a time and no event tells of: each kind of case, with what finds where it stands now.

A domain that knows of something that somebody should look after adds a line.
"""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from cloud.cases.rule import Alarm, CasePlace
from cloud.cases.store import known_places
from cloud.counters.closing import stayed_behind
from cloud.permits.store import overstayed_since
from cloud.points.exits import exits_of_hard_zones
from contract.decide import HOUR_MS

Finder = Callable[[Connection, str, int], list[Alarm]]
"""Gives an alarm for each that stands now, for a site, at a time (UTC milliseconds). What a person has closed is opened
anew for an alarm that began later."""


def _overstays(connection: Connection, site: str, _now_ms: int) -> list[Alarm]:
    """One for each kind of permit; closed by a guard, it is opened anew for those of another hour."""
    since = overstayed_since(connection, site)
    return [Alarm("overstayed", CasePlace(), kind, ms // HOUR_MS * HOUR_MS) for kind, ms in since.items()]


def _still_inside(connection: Connection, _site: str, now_ms: int) -> list[Alarm]:
    return [
        Alarm("still_inside", CasePlace(zone=one.zone), "", one.closed_ms) for one in stayed_behind(connection, now_ms)
    ]


def _exits_unnamed(connection: Connection, site: str, now_ms: int) -> list[Alarm]:
    found = exits_of_hard_zones(connection)
    places = known_places(connection, site, [way.point for way in found])
    return [Alarm("exit_unnamed", places[way.point], "", now_ms) for way in found]


STANDING: Mapping[str, Finder] = {
    "overstayed": _overstays,
    "still_inside": _still_inside,
    "exit_unnamed": _exits_unnamed,
}
