"""What a post's station counts while it gives power, and what an end belongs to."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.archetypes.session import Tariff
from edge.stations.ev_post.messages import Booted, Left, StopRemotely
from tests.edge.support.posts import ANNA, BEN, NOON_MS, Rig

MINUTE_MS = 60_000
HALF_MINUTE_MS = 30_000


def charging(meter_wh: float | None = 1000, **chosen: object) -> tuple[Rig, str]:
    """A session that has just begun."""
    rig = Rig(**chosen)
    rig.connect()
    number = rig.begin(ANNA, meter_wh).transaction
    rig.status("charging")
    rig.sent.clear()
    return rig, number


@pytest.mark.parametrize("volts", [230, 233, 235, 240, 253])
@pytest.mark.parametrize(("phases", "power_w"), [(1, 7_400), (3, 22_000)])
def test_energy_counts_at_mains_above_nominal(phases: int, power_w: float, volts: int) -> None:
    rig, number = charging(power_w=power_w, session_wh=200_000)
    drawn_w = phases * 32 * volts
    for turn in range(1, 121):
        rig.wait(HALF_MINUTE_MS)
        rig.meter(number, 1000 + drawn_w * turn / 120, drawn_w, rig.wall_ms)
    assert rig.report.live["energy_wh"] == drawn_w
    rig.stop(number, 1000 + drawn_w)
    assert rig.ends() == [("pulled", drawn_w)]
    assert rig.told("ev_post.meter_doubted") == []


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("late_s", [1, 3, 30])
def test_energy_of_late_readings_counts_in_full(late_s: int, timed: bool) -> None:
    rig, number = charging(session_wh=200_000)
    chance, base_ms = random.Random(1), rig.now_ms
    for turn in range(1, 121):
        rig.now_ms = base_ms + turn * HALF_MINUTE_MS + int(chance.random() * late_s * 1000)
        read_ms = NOON_MS + base_ms + turn * HALF_MINUTE_MS
        rig.meter(number, 1000 + 22_000 * turn / 120, 22_000, read_ms if timed else None)
    assert rig.report.live["energy_wh"] == 22_000


@pytest.mark.parametrize("timed", [True, False])
def test_energy_of_queued_readings_counts_in_full(timed: bool) -> None:
    rig, number = charging()
    rig.hear(Left())
    began_ms, rig.now_ms = rig.now_ms, rig.now_ms + 20 * MINUTE_MS
    rig.connect(booted=False)
    for turn in range(1, 41):
        rig.now_ms += 10
        read_ms = NOON_MS + began_ms + turn * HALF_MINUTE_MS
        rig.meter(number, 1000 + 7000 * turn / 120, 7000, read_ms if timed else None)
    assert rig.report.live["energy_wh"] == round(7000 / 3)


def test_queued_readings_stop_a_session_at_its_limit() -> None:
    rig, number = charging(session_wh=2_000)
    began_ms, rig.now_ms = rig.now_ms, rig.now_ms + 60 * MINUTE_MS
    for turn in range(1, 121):
        rig.meter(number, 1000 + 7000 * turn / 120, 7000, NOON_MS + began_ms + turn * HALF_MINUTE_MS)
    assert [one.transaction for one in rig.orders(StopRemotely)] == [number]


def test_a_lifetime_register_between_readings_adds_nothing() -> None:
    rig, number = charging(0, session_wh=5_000)
    for turn in range(1, 201):
        rig.wait(HALF_MINUTE_MS)
        rig.meter(number, turn * 58)
        rig.meter("", 4_000_000 + turn * 58, None)
        if rig.orders(StopRemotely):
            break
    assert 5_000 <= turn * 58 <= 5_200
    rig.stop(number, turn * 58, "Remote")
    assert rig.ends() == [("energy_limit", turn * 58)]


def test_readings_without_number_count_where_none_has_one() -> None:
    rig, _ = charging()
    for turn in range(1, 11):
        rig.wait(MINUTE_MS)
        rig.meter("", 1000 + turn * 100)
    assert rig.report.live["energy_wh"] == 1000


def test_a_session_register_between_lifetime_ends_loses_nothing() -> None:
    rig, number = charging(4_076_000)
    for turn in range(1, 5):
        rig.wait(15 * MINUTE_MS)
        rig.meter(number, turn * 1750)
    assert rig.report.live["energy_wh"] == 7000
    rig.wait(MINUTE_MS)
    rig.stop(number, 4_083_100)
    assert rig.ends() == [("pulled", 7100)]


def test_impossible_energy_is_bounded_and_told_as_fault() -> None:
    rig, number = charging(power_w=7_400)
    for turn in range(1, 21):
        rig.wait(MINUTE_MS)
        rig.meter(number, 1001 + turn * 367, 22_000, rig.wall_ms)
    assert "meter_doubted" in rig.report.faults
    assert {one["why"] for one in rig.told("ev_post.meter_doubted")} == {"rate"}
    rig.stop(number, 1001 + 7340)
    (end,) = rig.ends()
    assert 2_000 < end[1] < 3_000
    rig.begin(ANNA, 9000)
    assert "meter_doubted" not in rig.report.faults


def test_energy_counted_too_much_is_taken_back() -> None:
    tariff = {"prices": ({"fen_per_kwh": 100},)}
    rig, number = charging(tariff=msgspec.convert(tariff, Tariff))
    for wh in (1000, 1160, 1010, 1020):
        rig.wait(MINUTE_MS)
        rig.meter(number, wh, 7000, rig.wall_ms)
    rig.wait(MINUTE_MS)
    rig.stop(number, 1030)
    (end,) = rig.told("session.ended")
    assert (end["energy_wh"], [line["mwh"] for line in end["receipt"]["lines"]]) == (30, [30_000])
    assert [one["why"] for one in rig.told("ev_post.meter_doubted")] == ["other", "less"]


def test_beginning_told_with_a_reading_counts_from_there() -> None:
    rig, number = charging(None)
    rig.wait(MINUTE_MS)
    rig.meter(number, 1100, begin_wh=1000)
    assert rig.report.live["energy_wh"] == 100


@settings(max_examples=50)
@given(
    drawn_w=st.integers(0, 24_000),
    heard=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 400)), max_size=60),
    numbered=st.lists(st.booleans(), min_size=61, max_size=61),
    early=st.booleans(),
    repeats=st.integers(1, 3),
)
def test_billed_energy_is_that_of_both_ends(
    drawn_w: int, heard: list[tuple[int, int]], numbered: list[bool], early: bool, repeats: int
) -> None:
    """Readings late, lost, repeated and out of order, before or after a line that breaks: both ends decide."""
    rig, number = charging(1000, session_wh=200_000)
    began_ms = rig.now_ms
    for turn, late_s in sorted(heard, key=lambda one: one[0] * 30 + one[1]):
        rig.now_ms = max(rig.now_ms, began_ms + turn * HALF_MINUTE_MS + late_s * 1000)
        read_ms = NOON_MS + began_ms + turn * HALF_MINUTE_MS
        rig.meter(number if numbered[turn] else "", 1000 + drawn_w * turn / 120, drawn_w, read_ms)
    ended_ms = NOON_MS + began_ms + 60 * HALF_MINUTE_MS
    if not early:
        rig.hear(Left())
        rig.wait(60 * MINUTE_MS, beats=False)
        rig.connect(booted=False)
    for _ in range(repeats):
        rig.stop(number, 1000 + drawn_w / 2, at_ms=ended_ms)
    assert [round(wh, 1) for _, wh in rig.ends()] == [drawn_w / 2]
    assert rig.told("ev_post.meter_doubted") == []


@pytest.mark.parametrize("number", ["9223372036854775807", "4294967295", "-1", "0", ""])
def test_number_never_given_counts_and_ends_what_runs(number: str) -> None:
    rig, given = charging(session_wh=10_000)
    for turn in range(1, 200):
        rig.wait(HALF_MINUTE_MS)
        rig.meter(given if turn <= 20 else number, 1000 + turn * 58)
        if rig.orders(StopRemotely):
            break
    assert turn == 173
    rig.stop(number, 1000 + turn * 58, "Remote")
    rig.status("occupied")
    assert rig.ends() == [("energy_limit", turn * 58)]


def test_number_of_nobody_ends_what_its_tag_began() -> None:
    rig, _ = charging()
    rig.wait(10 * MINUTE_MS)
    rig.stop("2147483647", 1600, "Local", tag=ANNA.lower())
    assert rig.ends() == [("card", 600)]


def test_reading_of_unknown_number_counts_where_it_fits() -> None:
    rig, _ = charging()
    for turn in range(1, 11):
        rig.wait(MINUTE_MS)
        rig.meter("2147483647", 1000 + turn * 100)
        rig.meter("4711", 500_000, 7000)
    assert rig.report.live["energy_wh"] == 1000


def test_a_reading_told_late_is_no_stray_power() -> None:
    rig, number = charging()
    rig.wait(10 * MINUTE_MS)
    rig.stop(number, 2000)
    for minute in range(1, 5):
        rig.meter(number, 1000 + minute * 100, 7000, rig.wall_ms - minute * MINUTE_MS)
    assert rig.report.faults == frozenset()
    assert rig.orders(StopRemotely) == []


def test_readings_of_transaction_told_late_are_its_own() -> None:
    rig, number = charging()
    rig.wait(60 * MINUTE_MS)
    old = rig.begin(BEN, 100, at_ms=rig.wall_ms - 120 * MINUTE_MS)
    rig.meter(old.transaction, 400, 7000, rig.wall_ms - 110 * MINUTE_MS)
    rig.stop(old.transaction, None, at_ms=rig.wall_ms - 100 * MINUTE_MS)
    rig.stop(number, 2000)
    assert rig.ends() == [("pulled", 300), ("pulled", 1000)]


@pytest.mark.parametrize("sign", ["available", "boot", "reconnect"])
def test_stray_power_ends_with_what_the_post_says(sign: str) -> None:
    rig = Rig()
    rig.connect()
    for _ in range(2):
        rig.meter("", 1000, 3000)
    assert rig.card(ANNA) == "blocked"
    if sign == "available":
        rig.status("available")
    elif sign == "boot":
        rig.hear(Booted("Acme", "Two", "1"))
    else:
        rig.hear(Left())
        rig.connect(booted=False)
    assert rig.card(ANNA) == "accepted"
    for _ in range(2):
        rig.meter("", 1000, 3000)
    assert "stray_power" in rig.report.faults


@settings(max_examples=80)
@given(st.data(), st.lists(st.integers(0, 5_000), min_size=1, max_size=3), st.booleans())
def test_billed_energy_survives_any_order_of_messages(data: st.DataObject, drawn_wh: list[int], queued: bool) -> None:
    """Transactions of 2.0.1, one after the other: their beginnings, readings and ends come in any order and again."""
    rig = Rig(session_wh=200_000)
    rig.connect()
    messages, at_ms, register_wh = list[tuple[str, str, int, int]](), rig.wall_ms, 1000
    for turn, wh in enumerate(drawn_wh):
        name = f"tx-{turn}"
        messages += [
            ("begin", name, at_ms, register_wh),
            ("meter", name, at_ms + 30 * MINUTE_MS, register_wh + wh // 2),
        ]
        at_ms, register_wh = at_ms + 60 * MINUTE_MS, register_wh + wh
        messages.append(("end", name, at_ms, register_wh))
        at_ms += MINUTE_MS
    if queued:
        rig.hear(Left())
        rig.wait(at_ms - rig.wall_ms, beats=False)
        rig.connect(booted=False)
    again = data.draw(st.lists(st.sampled_from(messages), max_size=4))
    for kind, name, then_ms, wh in data.draw(st.permutations([*messages, *again])):
        rig.now_ms = max(rig.now_ms, then_ms - NOON_MS)
        if kind == "begin":
            rig.begin(ANNA, wh, at_ms=then_ms, transaction=name)
        elif kind == "meter":
            rig.meter(name, wh, 0, then_ms)
        else:
            rig.stop(name, wh, at_ms=then_ms)
    rig.wait(10 * MINUTE_MS)
    billed = {one["session"]: one["energy_wh"] for one in rig.told("session.ended")}
    billed |= {one["session"]: one["energy_wh"] for one in rig.told("ev_post.late_end")}
    assert sorted(billed.values()) == sorted(drawn_wh)
