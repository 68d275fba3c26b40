"""The one way to read silent alarms: every look at them is written in the audit."""

from cloud.devices.event_views import EventPage, list_silent
from cloud.store.database import Clock, Store
from cloud.web.operators import record

ROWS = 50


class SilentAlarmService:
    """The service that shows silent alarms. Any thread may use it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def look(self, by: str, before: int | None = None) -> EventPage:
        """The newest first, of those older than the cursor. What cannot be audited is not shown."""
        with self._store.writing() as connection:
            record(connection, self._clock(), by, "silent.seen")
            return list_silent(connection, before, ROWS)
