"""What a stream of readings says of what is plugged in."""

import math

import pytest

from contract.sessions import Stop
from edge.archetypes.power import (
    FROZEN_AFTER_MS,
    Load,
    Meter,
    Sample,
    believed,
    followed,
    is_frozen,
    is_same,
    sampled,
    stops,
)
from edge.archetypes.session import USUAL, ClassName
from tests.edge.support.sockets import values

EBIKE = USUAL["ebike"]


def judge(powers: list[tuple[int, float]], name: ClassName = "ebike", *, plugged: bool = False) -> Stop | None:
    """The judgement after samples of so many watts, each at its second."""
    load, limits, stop = Load(), USUAL[name], None
    for second, power_w in powers:
        load = followed(load, limits, power_w, 0, second * 1_000)
        stop = stops(load, limits, second * 1_000, plugged=plugged)
    return stop


@pytest.mark.parametrize(
    ("name", "powers", "stop"),
    [
        ("ebike", [(0, 1_001)], None),
        ("ebike", [(0, 1_001), (1, 1_001)], Stop.OVER_POWER),
        ("ebike", [(0, 1_001), (1, 999), (2, 1_001)], None),
        ("ebike", [(0, 1_000), (1, 1_000)], None),
        ("phone", [(0, 121), (1, 121)], Stop.OVER_POWER),
        ("ebike", [(0, 29), (1_799, 29)], None),
        ("ebike", [(0, 29), (1_800, 29)], Stop.FULL),
        ("ebike", [(0, 29), (900, 30), (1_800, 29)], None),
        ("phone", [(0, 1.4), (1_200, 1.4)], Stop.FULL),
        ("phone", [(0, 5), (4_000, 5)], None),
        ("ebike", [(0, 1.9), (9, 1.9)], None),
        ("ebike", [(0, 1.9), (10, 1.9)], Stop.PULLED),
        ("phone", [(0, 0.2), (30, 0.2)], Stop.PULLED),
        ("ebike", [(0, 0)], None),
    ],
)
def test_each_state_must_last(name: ClassName, powers: list[tuple[int, float]], stop: Stop | None) -> None:
    assert judge(powers, name) is stop


def test_what_a_contact_says_is_plugged_in_is_not_pulled_but_full_in_time() -> None:
    assert judge([(0, 0), (60, 0)], plugged=True) is None
    assert judge([(0, 0), (1_800, 0)], plugged=True) is Stop.FULL


@pytest.mark.parametrize(
    "change",
    [
        {"voltage_v": 179.9},
        {"voltage_v": 260.1},
        {"power_w": -1},
        {"power_w": math.nan},
        {"energy_wh": math.inf},
        {"energy_wh": -1},
        {"current_a": 200},
        {"current_a": 0.1, "power_w": 500},
    ],
)
def test_a_reading_that_cannot_be_is_no_reading(change: dict[str, float]) -> None:
    assert believed(values(200, 5_000)) is not None
    assert believed({**values(200, 5_000), **change}) is None


@pytest.mark.parametrize("name", ["voltage_v", "current_a", "power_w", "energy_wh"])
def test_a_reading_that_lacks_something_is_no_reading(name: str) -> None:
    said = values(200, 5_000)
    del said[name]
    assert believed(said) is None
    assert believed(None) is None


def test_more_power_than_allowed_is_believed_so_that_it_trips_at_once() -> None:
    assert believed(values(9_000, 5_000)) is not None


def test_a_meter_is_frozen_when_no_digit_moves_for_five_minutes() -> None:
    sample = Sample(230, 1, 230, 5_000, 50)
    meter = sampled(sampled(Meter(), sample, 0), sample, FROZEN_AFTER_MS - 1)
    assert not is_frozen(meter, FROZEN_AFTER_MS - 1)
    assert is_frozen(meter, FROZEN_AFTER_MS)
    assert not is_frozen(sampled(meter, Sample(230.1, 1, 230, 5_000, 50), FROZEN_AFTER_MS), FROZEN_AFTER_MS)


@pytest.mark.parametrize(("power_w", "minutes"), [(5.0, 24), (10.0, 12), (24.0, 5), (2_000.0, 5)])
def test_a_steady_supply_is_no_frozen_meter(power_w: float, minutes: int) -> None:
    """At an inverter every digit may stand still until the register, in whole watt-hours, must have moved."""
    meter = sampled(Meter(), Sample(230, power_w / 230, power_w, 5_000, 50), 0)
    assert not is_frozen(meter, minutes * 60_000 - 1)
    assert is_frozen(meter, minutes * 60_000)


def test_a_meter_without_power_is_not_frozen() -> None:
    assert not is_frozen(sampled(Meter(), Sample(230, 0, 0, 5_000, 50), 0), 24 * 3_600_000)


@pytest.mark.parametrize(
    ("before_w", "power_w", "same"), [(200, 259, True), (200, 261, False), (200, 141, True), (200, 0, False)]
)
def test_a_load_is_the_same_if_it_draws_what_it_drew(before_w: float, power_w: float, same: bool) -> None:
    load = Load()
    for second in range(6):
        load = followed(load, EBIKE, power_w, before_w, second * 1_000)
    assert is_same(load, 5_000) is same
    assert not is_same(load, 4_999)
