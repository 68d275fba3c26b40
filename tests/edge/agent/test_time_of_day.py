"""The hour of a price is what the site's wall clock shows, also over summer time and a clock that is corrected."""

import asyncio
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.decide import Trust
from contract.schedules import wall_clock
from edge.agent.agent import Agent
from edge.agent.decider import Decider
from edge.agent.ports import AgentPorts
from edge.archetypes.protocol import TimeOfDay
from edge.archetypes.session import (
    DAY_MINUTES,
    HOUR_MS,
    MINUTE_MS,
    Price,
    Session,
    Tariff,
    at_minute,
    count,
    minute_of_day,
)
from edge.config import device_config
from edge.keeper.protocol import Snapshot, ToKeeper
from tests.edge.archetypes.test_session import session
from tests.edge.stations.ev_post.test_ends import charging
from tests.edge.support.cards import KEY, NOW_MS, Cards, LoopClock
from tests.edge.support.kinds import add_kind
from tests.edge.support.recordings import HandRecording
from tests.edge.support.sockets import Socket
from tests.firmware_sim.support.story import in_virtual_time

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT, DAY = Price(from_minute=0, until_minute=240, fen_per_kwh=50), Price(fen_per_kwh=100)
TARIFF = Tariff(prices=(NIGHT, DAY))


def wall_minute(now_ms: int) -> int:
    local = wall_clock(BERLIN, now_ms)
    assert local is not None
    return local.hour * 60 + local.minute


def offset(now_ms: int) -> object:
    return datetime.fromtimestamp(now_ms / 1000, BERLIN).utcoffset()


def midnight_ms(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=BERLIN).timestamp() * 1000)


@pytest.mark.parametrize(("day", "night_hours"), [("2026-03-28", 4), ("2026-03-29", 3), ("2026-10-25", 5)])
def test_night_price_ends_by_the_wall_clock(day: str, night_hours: int) -> None:
    """Cheap from 0:00 to 4:00: three hours when the clocks go forward, five when they go back."""
    begin_ms = midnight_ms(day)
    one = session(started_minute=0, minute=0)
    for minute in range(8 * 60):
        one = at_minute(one, wall_minute(begin_ms + minute * MINUTE_MS), 0)
        one = count(one, MINUTE_MS, 1_000, 200, TARIFF)
    assert {line.fen_per_kwh: line.ms for line in one.lines} == {
        50: night_hours * HOUR_MS,
        100: (8 - night_hours) * HOUR_MS,
    }


@given(
    st.sampled_from([midnight_ms("2026-03-29"), midnight_ms("2026-10-25"), midnight_ms("2026-05-04")]),
    st.integers(-3 * HOUR_MS, 3 * HOUR_MS),
    st.none() | st.integers(0, DAY_MINUTES - 1),
    st.lists(st.tuples(st.integers(0, 15 * MINUTE_MS), st.integers(0, 15 * MINUTE_MS)), min_size=1, max_size=60),
)
def test_minute_follows_the_wall_clock(
    midnight: int, off_ms: int, started_minute: int | None, slices: list[tuple[int, int]]
) -> None:
    """Whatever it was told at the beginning, and however late behind a slice: right to a minute once it is told."""
    now_ms, late_ms = midnight + off_ms, 0
    one: Session = session(started_minute=started_minute, minute=started_minute)
    for more_ms, uncounted_ms in slices:
        one = count(one, late_ms + more_ms, 0, 200, TARIFF)
        now_ms, late_ms = now_ms + late_ms + more_ms, uncounted_ms
        one = at_minute(one, wall_minute(now_ms + late_ms), late_ms)
        shown = minute_of_day(one)
        assert shown is not None
        jumped = offset(now_ms) != offset(now_ms + late_ms)
        assert jumped or (wall_minute(now_ms) - shown) % DAY_MINUTES in (0, 1, DAY_MINUTES - 1)
    assert one.started_minute == started_minute, "what is told of the beginning stays"


def test_session_of_an_older_version_goes_on() -> None:
    assert minute_of_day(session(started_minute=1_430, minute=None, span_ms=15 * MINUTE_MS)) == 5
    assert minute_of_day(session(started_minute=None, minute=None, span_ms=15 * MINUTE_MS)) is None


def test_socket_prices_by_the_hour_it_is_told() -> None:
    """It began at 10:00 by a clock that was wrong: it is 1:00."""
    socket = Socket(tariff=TARIFF).charging(900)
    socket.wait(HOUR_MS)
    socket.take(TimeOfDay(60))
    socket.wait(HOUR_MS)
    socket.stop()
    lines = {line["fen_per_kwh"]: round(line["ms"] / HOUR_MS, 2) for line in socket.end["receipt"]["lines"]}
    assert lines == {100: 1.0, 50: 1.0}


def test_socket_without_a_session_needs_no_hour() -> None:
    socket = Socket()
    assert socket.take(TimeOfDay(60)) == []
    assert socket.phase == "free"


def test_post_prices_by_the_hour_it_is_told() -> None:
    """Nobody knew the time when it began; it is 3:50, and at 4:00 the night is over."""
    rig, number = charging(tariff=msgspec.convert({"prices": [msgspec.to_builtins(NIGHT)]}, Tariff))
    for wh in range(1000, 5000, 1000):
        rig.wait(10 * MINUTE_MS)
        rig.meter(number, wh, 6000, rig.wall_ms)
        if wh == 2000:
            rig.take(TimeOfDay(230))
    rig.stop(number, 4000)
    (end,) = rig.told("session.ended")
    assert [(line["fen_per_kwh"], line["ms"]) for line in end["receipt"]["lines"]] == [(50, 10 * MINUTE_MS)]


CLOCKED = """
from msgspec import Struct

from contract.kinds.clocked import KIND as CLOCKED
from edge.archetypes.protocol import Report, TimeOfDay
from edge.archetypes.station import Station

def start(point, settings):
    return point

def step(state, happened, now_ms):
    return state, [CLOCKED.seen(number=happened.minute)] if isinstance(happened, TimeOfDay) else []

def report(state):
    return Report("idle", offline_limit_ms=1 if state == "sells" else None)

KIND = Station(CLOCKED, {}, {}, Struct, start, step, report)
"""
HUB = '[device]\nsite = "s"\nname = "hub"\n\n[cloud]\nbroker = "mqtt://127.0.0.1"\n' + "".join(
    f'\n[[point]]\nname = "{name}"\nkind = "clocked"\nzone = "hub"\n' for name in ("sells", "opens")
)


class Hub:
    """An agent of two points, one of which sells by the hour."""

    def __init__(self, folder: Path) -> None:
        add_kind(folder, "clocked", CLOCKED)
        (folder / "hub.toml").write_text(HUB)
        loop = asyncio.get_running_loop()
        self.clock, self.cards, self.recording = LoopClock(loop), Cards(), HandRecording()
        decider = Decider(self.cards, self.clock, KEY)
        loaded = device_config.load(folder / "hub.toml")
        self.agent = Agent(loaded, AgentPorts(loop, self.clock, self.recording, decider, self))
        self.agent.handle(Snapshot({}, []))

    def send(self, message: ToKeeper) -> None:
        """The keeper is told nothing here."""

    def recorded(self) -> list[tuple[str, object]]:
        """What the points were told behind a reading of each."""
        self.recording.rows.clear()
        for point in ("sells", "opens"):
            self.agent.read(point, "meter", None)
        return [(point, data["number"]) for point, _kind, data in self.recording.rows]


@in_virtual_time
async def test_agent_tells_each_new_minute_once(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    shown = datetime.fromtimestamp(NOW_MS / 1000, hub.cards.zone)
    minute = shown.hour * 60 + shown.minute
    assert hub.recorded() == [("sells", minute)]
    assert hub.recorded() == []
    await asyncio.sleep(60)
    assert hub.recorded() == [("sells", minute + 1)]
    hub.cards.zone = ZoneInfo("UTC")
    assert hub.recorded() == [("sells", (minute + 1 - 8 * 60) % DAY_MINUTES)]


@in_virtual_time
async def test_agent_tells_no_minute_it_does_not_know(tmp_path: Path) -> None:
    hub = Hub(tmp_path)
    hub.clock.trust = Trust.UNSET
    assert hub.recorded() == []
    hub.clock.trust, hub.cards.zone = Trust.SYNCED, None
    assert hub.recorded() == []
