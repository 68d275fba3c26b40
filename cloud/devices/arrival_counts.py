"""What monitoring counts of the events that arrived: their decisions, how late they came, and what was lost."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter

from msgspec import Struct

from cloud.devices.event_series import EventRow, Key
from cloud.devices.lateness import LIVE_WITHIN_MS, Lateness, lateness

_AT_MS, _SERIES = itemgetter(5), itemgetter(-1)


class ArrivalCounts(Struct):
    """Counts of events that were committed. ``kinds`` has how many came of each kind and reason, ``lost`` how many rows
    their devices had to let go unsent."""

    kinds: Counter[tuple[str, str | None]]
    lateness: Counter[Lateness]
    lost: int = 0

    @classmethod
    def none(cls) -> "ArrivalCounts":
        return cls(Counter(), Counter())

    def add(self, later: "ArrivalCounts") -> None:
        self.kinds += later.kinds
        self.lateness += later.lateness
        self.lost += later.lost

    def count_rows(self, rows: Sequence[EventRow], keys: Mapping[int, Key]) -> Mapping[int, Key]:
        """Rows of one batch; ``keys`` has the key of each series. Returns those that the batch has."""
        series = Counter(map(_SERIES, rows))
        for number, count in series.items():
            _, _, kind, reason = keys[number]
            self.kinds[kind, reason] += count
        if rows:
            self.lateness.update(_lateness_of(rows))
        return {number: keys[number] for number in series}


def _lateness_of(rows: Sequence[EventRow]) -> Mapping[Lateness, int]:
    """All rows of a batch were received at once, and mostly at once after they happened."""
    _, _, _, received_ms, replay, *_ = rows[0]
    if not replay and received_ms - min(map(_AT_MS, rows)) <= LIVE_WITHIN_MS:
        return {Lateness.LIVE: len(rows)}
    return Counter(_each_lateness(rows))


def _each_lateness(rows: Iterable[EventRow]) -> Iterable[Lateness]:
    for _, _, _, received_ms, replay, at_ms, _, boot, *_ in rows:
        yield lateness(None if boot else received_ms - at_ms, bool(replay))
