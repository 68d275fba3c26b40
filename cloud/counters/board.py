"""What pages and calls show of counted zones: how many are inside, what is in doubt, and whether to count the room."""

from msgspec import Struct
from sqlalchemy import Connection

from cloud.counters.rule import ZoneTally, needs_recount
from cloud.counters.store import counted_zones, load_states
from cloud.devices.registry import site_of
from cloud.points.rule import Counted, SiteZone
from cloud.store.labels import Label
from cloud.store.scope import scope_of
from contract.occupancy import MAX_INSIDE


class CountView(Struct, frozen=True):
    """A counted zone at this moment. ``inside`` is None while nobody knows how many are, and may be wrong by ``doubt``.
    ``unnamed`` passages nobody can name, None where there were so many that no name counts. With ``recount`` somebody
    should count the room."""

    zone: str
    label: Label
    counts: Counted
    inside: int | None
    doubt: int
    unnamed: int | None
    capacity: int | None
    fire_limit: int | None
    recount: bool

    @property
    def most(self) -> int | None:
        """How many are comfortable, or may be inside at all; None where nothing bounds it."""
        return self.capacity or self.fire_limit

    @property
    def is_full(self) -> bool:
        """Whether nobody more is let in for certain."""
        return self.inside is not None and self.most is not None and self.inside - self.doubt >= self.most


def list_counts(connection: Connection) -> list[CountView]:
    """The counted zones that whoever asks sees, by name."""
    states, scope = load_states(connection, site_of(connection).name), scope_of(connection)
    zones = counted_zones(connection)
    return [_view(zone, states.get(name) or ZoneTally(name)) for name, zone in zones.items() if scope.sees_zone(name)]


def _view(zone: SiteZone, state: ZoneTally) -> CountView:
    count = state.count
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
    )
