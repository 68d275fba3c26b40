"""Refusals by day: what is counted as events arrive is what a look at every event would count."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import list_events
from cloud.devices.refusals import NO_DAY, count_refused, local_day
from cloud.devices.tables import refusal_days
from cloud.keys.keys import KeyFolder
from cloud.store.database import open_store
from contract.decide import DAY_MS, HOUR_MS, Trust
from contract.events import Event, encode_event
from tests.cloud.support.ingest_world import NOW_MS, World
from tests.cloud.support.sender import SITE, Sender

ZONE = ZoneInfo("Asia/Shanghai")


class Happening(NamedTuple):
    """An event of a device: a refusal, or that it has learned the time in this boot."""

    kind: str
    at_ms: int
    mono_ms: int
    boot: str
    clock: Trust
    reason: str
    offset_ms: int

    def stored(self, seq: int) -> bytes:
        fix, why = {"offset_ms": self.offset_ms, "error_ms": 5}, {"reason": self.reason}
        data: dict[str, Any] = {**fix} if self.kind == "device.clock_fixed" else {**why}
        return encode_event(Event(seq, self.at_ms, self.mono_ms, self.boot, self.clock, "gym", self.kind, data))


HAPPENINGS = st.builds(
    Happening,
    st.sampled_from(["access.refused"] * 3 + ["device.clock_fixed", "access.allowed"]),
    st.integers(NOW_MS - 2 * DAY_MS, NOW_MS + DAY_MS) | st.sampled_from([-1, 0, 1 << 62]),
    st.integers(0, 3 * HOUR_MS),
    st.sampled_from(["b1", "b2"]),
    st.sampled_from(Trust),
    st.sampled_from(["expired", "barred"]),
    st.integers(NOW_MS - 2 * DAY_MS, NOW_MS),
)


@contextmanager
def world() -> Iterator[World]:
    with TemporaryDirectory(dir="/dev/shm") as name:
        folder = Path(name)
        store = open_store(f"sqlite:///{folder / 'cloud.db'}")
        yield World(store, KeyFolder.create(folder / "keys"))
        store.close()


def counted(here: World) -> Counter[tuple[str, str]]:
    with here.store.reading() as connection:
        rows = connection.execute(select(refusal_days.c.day, refusal_days.c.reason, refusal_days.c.count))
        return Counter({(day, reason): count for day, reason, count in rows if count})


def scanned(here: World) -> Counter[tuple[str, str]]:
    with here.store.reading() as connection:
        found = list_events(connection, EventFilter(kind="access.refused"), limit=1000).rows
    days = Counter((local_day(one.shown_ms, ZONE), one.reason or "") for one in found)
    return Counter({key: count for key, count in days.items() if key[0] != NO_DAY})


@settings(max_examples=40)
@given(st.lists(st.tuples(HAPPENINGS, st.booleans()), max_size=25))
def test_counts_are_those_of_a_scan(happenings: list[tuple[Happening, bool]]) -> None:
    """Whatever the clocks said, in batches of any size, sent twice, and fixed before, between or after."""
    with world() as here:
        gym = here.add(Sender())
        sent = 0
        for happening, ends_batch in happenings:
            gym.keep(happening.stored(len(gym.rows) + 1))
            if ends_batch:
                here.take(gym, gym.events(max(1, sent), len(gym.rows)))
                sent = len(gym.rows)
        if sent < len(gym.rows):
            here.take(gym, gym.events(sent + 1, len(gym.rows)))
        assert here.reasons() == []
        assert counted(here) == scanned(here)


def test_learned_time_moves_refusals_to_their_day() -> None:
    with world() as here:
        gym = here.add(Sender())
        refused = Happening("access.refused", NOW_MS - 3 * DAY_MS, 60_000, "b1", Trust.UNSET, "expired", 0)
        fixed = refused._replace(kind="device.clock_fixed", clock=Trust.SYNCED, offset_ms=NOW_MS - 60_000)
        gym.keep(refused.stored(1))
        here.take(gym, gym.events(1, 1))
        before, after = local_day(refused.at_ms, ZONE), local_day(NOW_MS, ZONE)
        assert counted(here) == {(before, "expired"): 1}
        gym.keep(fixed.stored(2))
        here.take(gym, gym.events(2, 2))
        assert counted(here) == {(after, "expired"): 1}
        with here.store.reading() as connection:
            assert [count_refused(connection, SITE, day) for day in (before, after, "2000-01-01")] == [0, 1, 0]


@pytest.mark.parametrize(
    ("at", "day"),
    [("2026-11-30T15:59:59.999+00:00", "2026-11-30"), ("2026-11-30T16:00:00+00:00", "2026-12-01")],
)
def test_day_begins_at_local_midnight(at: str, day: str) -> None:
    assert local_day(int(datetime.fromisoformat(at).timestamp() * 1000), ZONE) == day


@pytest.mark.parametrize("at_ms", [-1, 1 << 62])
def test_impossible_time_has_no_day(at_ms: int) -> None:
    assert local_day(at_ms, ZONE) == NO_DAY
