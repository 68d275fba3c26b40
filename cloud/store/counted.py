"""Which zones count who is inside, by what the setup says of them."""

from sqlalchemy import or_

from cloud.store.schema import zones

HAS_ANTI_PASSBACK = zones.c.anti_passback != "none"
IS_COUNTED = or_(
    zones.c.kind == "counted", zones.c.capacity.is_not(None), zones.c.fire_limit.is_not(None), HAS_ANTI_PASSBACK
)
"""Whether anything depends on how many are inside, or who."""
