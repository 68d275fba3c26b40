"""Which zones count, and how a zone stands after a passage, a correction, a reset, and at its closing time. Pure."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from cloud.points.rule import SiteZone
from contract.occupancy import UNKNOWN_COUNT, Count, Moved

RESET_AT = time(4)
"""By the site's wall clock, when everybody is taken for gone: at no other hour are so few inside anywhere."""
RECOUNT_SHARE = 10
"""With a doubt above a tenth of its capacity somebody is to count the room."""
LEAST_RECOUNT = 4


class ZoneTally(Struct, frozen=True):
    """How a zone stands. ``counted_ms`` is when somebody last counted the room and ``emptied_ms`` when everybody was
    last taken for gone, 0 for never; ``swept_ms`` the closing time for which it was last looked who stayed.
    ``changes`` grows with whatever its devices are to be told."""

    zone: str
    count: Count = UNKNOWN_COUNT
    counted_ms: int = 0
    emptied_ms: int = 0
    swept_ms: int = 0
    changes: int = 0

    def after(self, moved: Moved, at_ms: int) -> "ZoneTally":
        """The state after a passage of that time. Who counted the room since has counted it in; it may still be unknown
        who it was."""
        if at_ms < self.emptied_ms:
            return self
        known = moved if at_ms >= self.counted_ms else Moved(0, 0, moved.names_doubt)
        return replace(self, count=self.count.after(known), changes=self.changes + 1)

    def told_again(self) -> "ZoneTally":
        """The same, and its devices are to be told."""
        return replace(self, changes=self.changes + 1)

    def swept(self, closed_ms: int) -> "ZoneTally":
        """It was looked who stayed at that closing time."""
        return replace(self, swept_ms=closed_ms)

    def corrected(self, inside: int, now_ms: int) -> "ZoneTally":
        """Somebody has counted so many."""
        count = Count(inside, 0, self.count.names_doubt)
        return replace(self, count=count, counted_ms=now_ms, changes=self.changes + 1)

    def emptied(self, now_ms: int) -> "ZoneTally":
        """Everybody is taken for gone."""
        return replace(self, count=Count(), counted_ms=now_ms, emptied_ms=now_ms, changes=self.changes + 1)


def needs_recount(zone: SiteZone, count: Count) -> bool:
    """Whether a person should count the room."""
    bearable = max(LEAST_RECOUNT, (zone.capacity or zone.fire_limit or 0) // RECOUNT_SHARE)
    return count.count_doubt > bearable


def last_time_of(day_time: time, zone: ZoneInfo, now_ms: int) -> int:
    """When the site's wall clock last showed this time of day (UTC ms)."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone)
    today = datetime.combine(now.date(), day_time, zone)
    last = today if today <= now else datetime.combine(now.date() - timedelta(days=1), day_time, zone)
    return int(last.timestamp() * 1000)
