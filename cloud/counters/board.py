"""What pages and calls show of counted zones: how many are inside, what is in doubt, and whether to count the room."""

from datetime import time
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import Connection

from cloud.counters.rule import ZoneTally, last_time_of, needs_recount
from cloud.counters.store import counted_zones, load_states
from cloud.devices.registry import site_of
from cloud.points.rule import Counted, SiteZone
from cloud.store.labels import Label
from cloud.store.scope import scope_of
from contract.decide import HOUR_MS
from contract.occupancy import MAX_INSIDE

CLOSED_SHOWN_MS = 6 * HOUR_MS
"""How long after its closing time a zone is said to be closed."""


class CountView(Struct, frozen=True):
    """A counted zone at this moment. ``inside`` is None while nobody knows how many are, and may be wrong by ``doubt``.
    ``unnamed`` passages nobody can name, None where there were so many that no name counts. With ``recount`` somebody
    should count the room; ``closed_ms`` is when it closed, where somebody is still inside, None otherwise."""

    zone: str
    label: Label
    counts: Counted
    inside: int | None
    doubt: int
    unnamed: int | None
    capacity: int | None
    fire_limit: int | None
    recount: bool
    closed_ms: int | None

    @property
    def most(self) -> int | None:
        """How many are comfortable, or may be inside at all; None where nothing bounds it."""
        return self.capacity or self.fire_limit

    @property
    def is_full(self) -> bool:
        """Whether nobody more is let in for certain."""
        return self.inside is not None and self.most is not None and self.inside - self.doubt >= self.most


def list_counts(connection: Connection, now_ms: int) -> list[CountView]:
    """The counted zones that whoever asks sees, by name."""
    site, scope = site_of(connection), scope_of(connection)
    states, clock = load_states(connection, site.name), ZoneInfo(site.zone)
    seen = {name: zone for name, zone in counted_zones(connection).items() if scope.sees_zone(name)}
    return [_view(zone, states.get(name) or ZoneTally(name), clock, now_ms) for name, zone in seen.items()]


def _view(zone: SiteZone, state: ZoneTally, clock: ZoneInfo, now_ms: int) -> CountView:
    count = state.count
    closed_ms = last_time_of(time.fromisoformat(zone.closes), clock, now_ms) if zone.closes else 0
    is_after_closing = now_ms - closed_ms < CLOSED_SHOWN_MS
    return CountView(
        zone.name,
        zone.label.named(zone.name),
        zone.counts,
        count.inside if count.is_known else None,
        count.count_doubt if count.is_known else 0,
        count.names_doubt if count.names_doubt < MAX_INSIDE else None,
        zone.capacity,
        zone.fire_limit,
        needs_recount(zone, count),
        closed_ms if is_after_closing and count.inside else None,
    )
