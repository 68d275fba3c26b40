"""Series of events: all events of one device that agree in point, kind and reason.

Every event has the number of its series in the place of these four, and an index has the events of each series in the
order of their arrival. So whoever filters events picks the series that match, which are few, and reads no event that
does not.
"""

from collections.abc import Collection, Sequence
from heapq import nlargest, nsmallest

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarSelect,
    bindparam,
    case,
    func,
    insert,
    literal_column,
    select,
)

from cloud.store.prepared import Prepared
from cloud.store.schema import MAX_INTEGER, devices, event_series, events
from cloud.store.scope import point_seen
from contract.decide import DAY_MS
from contract.kinds import vocabulary

MAX_SERIES_PER_DEVICE = 2_000
"""Points, kinds and reasons are a device's own words. What it says beyond these shares a last series, which is found by
the device alone: no honest device has a tenth as many. Silent events keep their kind, and with it their silence."""
MAX_SERIES_IN_MEMORY = 100_000
LATE_WITHIN_MS = DAY_MS
"""An event that was on its way longer stands, for whoever asks for a span of time, where it arrived."""

Blob = bytes | bytearray
EventColumns = tuple[str, str, int, int, str, Blob | None, str | None]
"""What an event says of itself in its row, before its bytes."""
EventRow = tuple[int, int, int, int, int, int, int, str, Blob | None, Blob, int]
"""A row of the table ``events``, its columns in their order. A plain tuple of plain numbers, texts and ``bytearray``:
for each value of another type, a truth or ``bytes``, the driver looks for an adapter, half as long as the row takes."""

Key = tuple[int, str, str, str | None]
"""The device (by id), point, kind and reason of a series."""


class EventFilter(Struct, frozen=True):
    """Empty fields ask for nothing. ``kind`` may be a family (``door``) or a whole kind (``door.forced``), ``holder``
    is a person as devices know one. ``since_ms`` and ``until_ms`` are a half-open span of UTC milliseconds in which it
    happened, 0 for no bound: see ``happened_ms``."""

    device: str = ""
    point: str = ""
    kind: str = ""
    reason: str = ""
    holder: bytes | None = None
    since_ms: int = 0
    until_ms: int = 0

    @property
    def is_timed(self) -> bool:
        return bool(self.since_ms or self.until_ms)


class SeriesNumbers(dict[Key, int]):
    """The numbers of a site's series, remembered between the transactions of ingest. One that is new is made as soon as
    it is asked for. Whoever rolls a transaction back clears them."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._connection: Connection | None = None
        self.keys_of: dict[int, Key] = {}
        """The key of each number. That of a device's last series has no words."""

    def use(self, connection: Connection) -> None:
        """Find and make series in this transaction from now on."""
        if len(self) > MAX_SERIES_IN_MEMORY:
            self.clear()
        self._connection = connection

    def clear(self) -> None:
        super().clear()
        self.keys_of.clear()

    def __missing__(self, key: Key) -> int:
        assert self._connection is not None, "no transaction is used"  # noqa: S101
        number, found = find_series(self._connection, self._site, key)
        self[key], self.keys_of[number] = number, found
        return number


def write_rows(connection: Connection, rows: Sequence[EventRow]) -> None:
    """Add these events."""
    _INSERT_EVENT.run_many(connection, rows)


def find_series(connection: Connection, site: str, key: Key) -> tuple[int, Key]:
    """The number of a series, which is made if it is new, and its key: that of the last where there are too many."""
    device_id, point, kind, reason = key
    values = {"site": site, "device_id": device_id, "point": point, "kind": kind, "reason": reason or ""}
    of_device = event_series.c.device_id == device_id
    mine = select(event_series.c.id).where(*(event_series.c[name] == value for name, value in values.items()))
    number = connection.execute(mine).scalar()
    if number is None:
        count = connection.execute(select(func.count()).where(of_device)).scalar_one()
        last = device_id, "", kind if kind in vocabulary().silent else "", None
        if count >= MAX_SERIES_PER_DEVICE and key != last:
            return find_series(connection, site, last)
        number = connection.execute(insert(event_series).values(values).returning(event_series.c.id)).scalar_one()
    return int(number), key


def find_arrivals(
    connection: Connection,
    site: str,
    wanted: EventFilter,
    beyond: int,
    limit: int,
    *,
    newest_first: bool,
    last: int | None = None,
    series: Collection[int] | None = None,
    silent: bool = False,
) -> list[int]:
    """The arrival numbers of events that match, whoever they name: the newest below ``beyond``, or the oldest above it,
    and none that lies beyond ``last``. Only those of these ``series`` are looked at, if they are named; of the
    ``silent`` ones, or of those that are shown.

    Of the series that match, those are read whose next event is nearest: all others lie behind as many of these.
    """
    asked = [*wanted_words(site, wanted), point_seen(connection, event_series.c.point), shown(silent=silent)]
    if wanted.device:
        asked.append(event_series.c.device_id.in_(select(devices.c.id).where(devices.c.name == wanted.device)))
    far = (0 if newest_first else MAX_INTEGER) if last is None else last
    low, high = (far, beyond) if newest_first else (beyond, far)
    span = {"low": low, "high": high}
    if wanted.is_timed:
        span |= {"since": wanted.since_ms, "until": wanted.until_ms or MAX_INTEGER}
    next_of, read = _READ[newest_first, wanted.is_timed]
    matching = select(event_series.c.id, next_of.label("next")).where(*asked)
    found = [
        (row.next, row.id)
        for row in connection.execute(matching, span)
        if row.next is not None and (series is None or row.id in series)
    ]
    nearest = nlargest if newest_first else nsmallest
    return nearest(
        limit,
        (
            arrival
            for _, number in nearest(limit, found)
            for (arrival,) in read.all(connection, number, *span.values(), limit, 0)
        ),
    )


def wanted_words(site: str, wanted: EventFilter) -> list[ColumnElement[bool]]:
    """Whether a series is of the site, and has the point, the reason and the kind that a filter asks for."""
    asked = [event_series.c.site == site]
    asked += [event_series.c[name] == value for name in ("point", "reason") if (value := getattr(wanted, name))]
    if wanted.kind:
        family = event_series.c.kind.startswith(f"{wanted.kind}.", autoescape=True)
        asked.append((event_series.c.kind == wanted.kind) | family)
    return asked


def shown(*, silent: bool = False) -> ColumnElement[bool]:
    """Whether an event's series is of those that lists and streams show; with ``silent``, of the others. Whatever shows
    events to somebody asks this. An event without a series counts as shown, which keeps the order of arrival the
    quickest way to read them."""
    kinds = sorted(vocabulary().silent)
    return _KIND.in_(kinds) if silent else _KIND.not_in(kinds)


def happened_ms() -> ColumnElement[int]:
    """When an event happened by its device's clock; where that is later than its arrival, or more than
    ``LATE_WITHIN_MS`` before it, when it arrived. So what happened in a span of time arrived in it, or soon after."""
    took_ms = events.c.received_ms - events.c.at_ms
    believed = (took_ms >= literal_column("0")) & (took_ms < literal_column(str(LATE_WITHIN_MS)))
    return case((believed, events.c.at_ms), else_=events.c.received_ms)


def _in_span(newest_first: bool, is_timed: bool) -> tuple[list[ColumnElement[bool]], ColumnElement[int]]:
    arrival, low, high, since, until = (
        events.c.arrival,
        *(bindparam(name, type_=events.c.arrival.type) for name in ("low", "high", "since", "until")),
    )
    happened = [happened_ms() >= since, happened_ms() < until] if is_timed else []
    return [arrival > low, arrival < high, *happened], arrival.desc() if newest_first else arrival


def _next_of(newest_first: bool, is_timed: bool) -> ScalarSelect[int]:
    """The nearest event of a series; not ``max``, which would read all of them."""
    within, order = _in_span(newest_first, is_timed)
    mine = select(events.c.arrival).where(events.c.series == _SERIES, *within)
    return mine.order_by(order).limit(1).scalar_subquery()


def _arrivals(newest_first: bool, is_timed: bool) -> Prepared:
    """The nearest events of one series."""
    within, order = _in_span(newest_first, is_timed)
    mine = select(events.c.arrival).where(events.c.series == bindparam("series"), *within).order_by(order)
    names = ("low", "high", "since", "until") if is_timed else ("low", "high")
    return Prepared(mine.limit(bindparam("limit")).offset(bindparam("offset")), "series", *names, "limit", "offset")


_SERIES, _KIND = event_series.c.id, func.coalesce(event_series.c.kind, "")
_INSERT_EVENT = Prepared(insert(events), *events.columns.keys())
_READ = {
    (newest_first, is_timed): (_next_of(newest_first, is_timed), _arrivals(newest_first, is_timed))
    for newest_first in (True, False)
    for is_timed in (True, False)
}
"""How the nearest events of series are found: by whether the newest come first, and whether a span of time is asked."""
