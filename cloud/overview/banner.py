"""The line above every page: what is in force on the site that nobody may overlook, wherever they are looking."""

from msgspec import Struct
from sqlalchemy import Connection

from cloud.cases.store import count_open
from cloud.commands.store import list_locked_down
from cloud.devices.registry import site_of
from cloud.emergencies.store import ZoneState, list_zone_states
from cloud.store.labels import Label

NAMED = 3
"""Points that the line names; of more it gives the number."""


class Banner(Struct, frozen=True):
    """The emergencies that stand, drills among them, the points that are locked down or are to be, and how many cases
    are open."""

    emergencies: list[ZoneState] = []
    locked: list[Label] = []
    cases: int = 0

    @property
    def named(self) -> list[Label]:
        return self.locked[:NAMED]

    @property
    def beside(self) -> int:
        """How many are locked down beside those that are named."""
        return len(self.locked) - len(self.named)


def site_banner(connection: Connection, now_ms: int) -> Banner:
    standing = [one for one in list_zone_states(connection, now_ms) if one.ended is None]
    open_cases = sum(count_open(connection, site_of(connection).name).values())
    return Banner(standing, list_locked_down(connection, now_ms), open_cases)
