"""Cases of what devices record: folded from their events, in ingest's transaction."""

from collections.abc import Sequence

from sqlalchemy import Connection

from cloud.cases import store
from cloud.cases.fold import ALARM_EVENTS, alarms_in, fold
from cloud.devices.reactions import Reaction, Recorded
from cloud.devices.registry import site_of


def note_cases(connection: Connection, recorded: Sequence[Recorded], now_ms: int) -> None:
    """Open, count and close the cases of these events."""
    site = site_of(connection).name
    places = store.known_places(connection, site, (one.event.point for one in recorded))
    alarms = [
        alarm for one in recorded for alarm in alarms_in(one.event, places, one.device.name, now_ms, replay=one.replay)
    ]
    known = store.open_by_key(connection, site, (alarm.key for alarm in alarms))
    store.put_cases(connection, site, fold(known, alarms, now_ms))


CASES_OF_EVENTS = Reaction(ALARM_EVENTS, note_cases)
