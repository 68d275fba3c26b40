"""The use case of emergencies: people are accounted for. Drills are ordered by commands."""

from cloud.emergencies.store import emergency_of, find_watched, tick
from cloud.store.database import Clock, Store
from cloud.web import operators


class NoSuchZone(LookupError):
    """No device watches over a zone of this name."""


class MusterService:
    """The service that notes who has been seen outside of a zone in an emergency. Any thread may use it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def account_for(self, by: str, zone: str, holder: bytes, *, seen: bool) -> None:
        """Somebody has been seen, or was ticked off by mistake; without an emergency nothing is noted. Raises
        ``NoSuchZone``."""
        now_ms = self._clock()
        with self._store.writing() as connection:
            if find_watched(connection, zone) is None:
                raise NoSuchZone(zone)
            if emergency_of(connection, zone, now_ms) is not None:
                tick(connection, zone, holder, by, now_ms, seen=seen)
                action = "muster.seen" if seen else "muster.unseen"
                operators.record(connection, now_ms, by, action, zone, holder=holder.hex())
