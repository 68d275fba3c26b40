"""What a zone asks of who enters it: not to come in twice, and not to be one too many. Pure."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from contract.occupancy import MAX_INSIDE, Counted, Whereabouts, ZoneCount

AntiPassback = Literal["none", "soft", "timed", "hard"]
"""What becomes of who comes in while inside: nothing, a note, a refusal for some minutes, one until they leave."""
Places = Annotated[int, Meta(ge=0, le=MAX_INSIDE)]
"""So many may be inside; 0 for any number."""
MAX_TIMED_S = 24 * 60 * 60


class PageZone(Struct, frozen=True, omit_defaults=True):
    """The rule of a zone that counts. ``comfort`` is when it is full, ``limit`` what the fire code allows. Where
    anti-passback is ``timed``, or cannot be ``hard`` just now, nobody comes in twice within ``timed_s`` seconds."""

    counts: Counted = "people"
    comfort: Places = 0
    limit: Places = 0
    anti_passback: AntiPassback = "none"
    timed_s: Annotated[int, Meta(ge=1, le=MAX_TIMED_S)] = 180


def refuses_second_entry(zone: PageZone, where: Whereabouts, count: ZoneCount | None, now_ms: int) -> bool:
    """Whether anti-passback stops somebody from coming in who is inside already. It is hard only while everybody who
    left is known to have left; else it gives way after some minutes."""
    if zone.anti_passback == "hard" and count is not None and count.is_fresh and count.names_doubt == 0:
        return True
    if zone.anti_passback == "soft" or where.since_ms is None:
        return False
    return 0 <= now_ms - where.since_ms < zone.timed_s * 1000


def is_at_limit(zone: PageZone, count: ZoneCount | None) -> bool:
    """Whether one more may be more than the fire code allows. A count that nobody knows is never taken for none."""
    return bool(zone.limit) and (count is None or count.inside >= zone.limit)


def is_full(zone: PageZone, count: ZoneCount | None) -> bool:
    """Whether the zone is full for certain. In doubt nobody is turned away for comfort."""
    return bool(zone.comfort) and count is not None and count.inside - count.count_doubt >= zone.comfort
