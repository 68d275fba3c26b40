"""Cases of what no event tells: devices that are not heard, a broker that the cloud does not hear, and what else stands
for a time. It is looked at now and then; what stands no more is over."""

from collections.abc import Callable, Iterable

from sqlalchemy import Connection

from cloud.cases import store
from cloud.cases.fold import fold
from cloud.cases.rule import Alarm, CasePlace
from cloud.cases.standing import STANDING
from cloud.devices.presence import OFFLINE_AFTER_MS, Presence
from cloud.devices.registry import site_of
from cloud.devices.views import list_devices
from cloud.line.worker import Worker
from cloud.store.database import Clock, Store

EVERY_S = 5.0
LINE_AFTER_MS = 30_000
"""A broker that is started anew is back before that."""
BROKER, DEVICE = "broker_lost", "device_offline"


class CaseWatch:
    """Looks at what stands. ``trouble`` says why there is no broker, empty while there is one."""

    def __init__(self, store: Store, clock: Clock, trouble: Callable[[], str]) -> None:
        self._store, self._clock, self._trouble = store, clock, trouble
        self._without_ms: int | None = None
        self._with_ms: int | None = None

    def look(self) -> None:
        """Devices are looked at only once the broker has been there for long enough to say who is."""
        now_ms = self._clock()
        if self._trouble():
            self._with_ms, self._without_ms = None, self._without_ms or now_ms
        else:
            self._without_ms, self._with_ms = None, self._with_ms or now_ms
        lost_ms, heard_ms = self._without_ms, self._with_ms
        is_lost = lost_ms is not None and now_ms - lost_ms >= LINE_AFTER_MS
        with self._store.writing() as connection:
            if is_lost or heard_ms is not None:
                lost = [Alarm(BROKER, CasePlace(), "", lost_ms or now_ms)] if is_lost else []
                _settle(connection, BROKER, lost, now_ms)
            if heard_ms is not None and now_ms - heard_ms >= OFFLINE_AFTER_MS:
                _settle(connection, DEVICE, _offline(connection, now_ms), now_ms)
            site = site_of(connection).name
            for kind, find in STANDING.items():
                _settle(connection, kind, find(connection, site, now_ms), now_ms)


def _offline(connection: Connection, now_ms: int) -> list[Alarm]:
    """Devices that were heard once, are not heard now and are not given up."""
    silent = [
        one
        for one in list_devices(connection)
        if one.presence(now_ms) is Presence.OFFLINE and one.lost_ms is None and one.heard_ms is not None
    ]
    return [Alarm(DEVICE, CasePlace(one.name), "", one.heard_ms or now_ms) for one in silent]


def _settle(connection: Connection, kind: str, standing: Iterable[Alarm], now_ms: int) -> None:
    """Open a case of what stands and has none, and end those of what does not. What a person has closed since it began
    stays closed."""
    site = site_of(connection).name
    known = store.open_of_kinds(connection, site, [kind])
    by_key = {one.key: one for one in standing}
    closed = store.closed_by_people(connection, site, by_key.keys() - known.keys())
    begun = [one for key, one in by_key.items() if key not in known and closed.get(key, -1) < one.at_ms]
    gone = [
        Alarm(kind, CasePlace(case.device, case.point, case.zone), case.part, now_ms, is_over=True)
        for key, case in known.items()
        if key not in by_key
    ]
    store.put_cases(connection, site, fold(known, [*begun, *gone], now_ms))


def watch_worker(store_: Store, clock: Clock, trouble: Callable[[], str]) -> Worker[None]:
    """The thread that does so while the cloud runs."""
    look = CaseWatch(store_, clock, trouble).look
    return Worker[None]("case_watch", "nobody looks who is not heard", look=look, every_s=EVERY_S)
