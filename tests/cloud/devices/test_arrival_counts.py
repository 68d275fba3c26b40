"""Counts of arrived events: by kind and reason, and by how late each came."""

from hypothesis import given
from hypothesis import strategies as st

from cloud.devices.arrival_counts import ArrivalCounts
from cloud.devices.event_series import EventRow
from cloud.devices.lateness import LIVE_WITHIN_MS, OLD_FROM_MS, lateness
from contract.decide import Trust

NOW_MS = 1_800_000_000_000
KEYS = {1: (7, "gym", "access.allowed", "allowed"), 2: (7, "gym", "door.opened", None)}
AGES_MS = st.sampled_from([-5, 0, LIVE_WITHIN_MS, LIVE_WITHIN_MS + 1, OLD_FROM_MS, 10 * OLD_FROM_MS])
EVENTS = st.lists(st.tuples(AGES_MS, st.sampled_from(Trust), st.sampled_from([1, 2])))


@given(EVENTS, st.booleans())
def test_batch_is_counted_event_by_event(events: list[tuple[int, Trust, int]], replay: bool) -> None:
    rows: list[EventRow] = [
        (one, 1, one, NOW_MS, int(replay), NOW_MS - age_ms, 0, "b" if clock is Trust.UNSET else "", None, b"", series)
        for one, (age_ms, clock, series) in enumerate(events, 1)
    ]
    counts = ArrivalCounts.none()
    counts.count_rows(rows, KEYS)
    late = [lateness(None if clock is Trust.UNSET else age_ms, replay) for age_ms, clock, _ in events]
    assert {one: late.count(one) for one in late} == counts.lateness
    kinds = [KEYS[series][2:] for _, _, series in events]
    assert {one: kinds.count(one) for one in kinds} == counts.kinds


def test_transactions_are_added() -> None:
    total, later = ArrivalCounts.none(), ArrivalCounts.none()
    later.kinds["door.opened", None] = 2
    later.lost = 3
    total.add(later)
    total.add(later)
    assert (total.kinds, total.lost) == ({("door.opened", None): 4}, 6)
