"""What a post says is taken by its meaning; what cannot be is unknown, and nothing it says is a fault of ours."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.ocpp.values import (
    ENERGY,
    MAX_SAMPLES,
    MAX_TEXT,
    MAX_W,
    MAX_WH,
    POWER,
    Sampled,
    connector,
    energy_wh,
    moment_ms,
    sampled,
    text,
)

NOON_MS = 1_795_435_200_000
"""2026-11-23, 12:00 UTC."""
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
KEYS = st.sampled_from(["sampled_value", "value", "unit", "measurand", "phase", "unit_of_measure", "multiplier"])
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20
)


def moment(*samples: dict[str, Any]) -> dict[str, Any]:
    return {"timestamp": "2026-11-23T12:00:00Z", "sampled_value": list(samples)}


def energy(value: object, unit: str = "Wh", **more: object) -> dict[str, Any]:
    return {"value": value, "unit": unit, "measurand": ENERGY, **more}


def power(value: object, unit: str = "W", **more: object) -> dict[str, Any]:
    return {"value": value, "unit": unit, "measurand": POWER, **more}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2026-11-23T12:00:00Z", NOON_MS),
        ("2026-11-23T12:00:00.250Z", NOON_MS + 250),
        ("2026-11-23T20:00:00+08:00", NOON_MS),
        ("2026-11-23T12:00:00", NOON_MS),
        (" 2026-11-23T12:00:00Z ", NOON_MS),
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59Z", None),
        ("2100-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("yesterday", None),
        ("", None),
        (None, None),
        ({"at": 1}, None),
    ],
)
def test_a_time_is_utc_unless_it_says_otherwise(said: object, meant: int | None) -> None:
    assert moment_ms(said) == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [(0, 0.0), (1000, 1000.0), ("12.5", 12.5), (-9, None), ("nan", None), (True, None), (MAX_WH * 2, None), ([], None)],
)
def test_a_register_runs_from_zero_to_what_no_post_has_given(said: object, meant: float | None) -> None:
    assert energy_wh(said) == meant


@pytest.mark.parametrize(
    ("said", "meant"), [(0, 0), (1, 1), (99, 99), (100, None), (-5, None), ("1", None), (True, None)]
)
def test_a_connector_is_a_small_number(said: object, meant: int | None) -> None:
    assert connector(said) == meant


def test_a_text_is_cut_and_can_be_written_down() -> None:
    assert text("  04A1  ") == "04A1"
    assert text(7) == "7"
    assert text(True) == text(1.5) == text(None) == text(["a"]) == ""
    assert len(text("x" * 10_000)) == MAX_TEXT
    assert text("04\ud800").encode() == b"04?"


@pytest.mark.parametrize(
    ("sample", "meant_wh"),
    [
        (energy("1500"), 1500),
        (energy(1.5, "kWh"), 1500),
        (energy("1500", ""), 1500),
        ({"value": "1500"}, 1500),
        (energy(15, unit_of_measure={"unit": "Wh", "multiplier": 2}), 1500),
        (energy(1.5, unit_of_measure={"unit": "kWh"}), 1500),
        (energy("1500", "Joule"), None),
        (energy("-1"), None),
        (energy("much"), None),
        (energy(1e9, "kWh"), None),
    ],
)
def test_energy_comes_in_any_unit(sample: dict[str, Any], meant_wh: float | None) -> None:
    assert sampled([moment(sample)]) == Sampled(meant_wh, None, None if meant_wh is None else NOON_MS)


def test_of_several_moments_the_newest_that_can_be_counts() -> None:
    found = sampled([moment(energy(100), power(7, "kW")), moment(energy(200)), moment(energy("none"))])
    assert found == Sampled(200, 7000, NOON_MS)


def test_phases_are_added_up_where_there_is_no_total() -> None:
    phases = [power(1000, phase=phase) for phase in ("L1", "L2", "L3-N")]
    assert sampled([moment(*phases)]).power_w == 3000
    assert sampled([moment(*phases, power(2900))]).power_w == 2900
    assert sampled([moment(power(1000, phase="N"))]).power_w is None


def test_what_is_measured_besides_is_nothing_to_us() -> None:
    found = sampled([moment({"value": "50", "unit": "Hz", "measurand": "Frequency"}, energy(5))])
    assert found == Sampled(5, None, NOON_MS)


def test_a_moment_that_is_no_list_is_one() -> None:
    assert sampled(moment(energy(5))) == Sampled(5, None, NOON_MS)


def test_of_a_flood_of_samples_the_first_are_looked_at() -> None:
    flood = [{"value": 1, "measurand": "Voltage"}] * MAX_SAMPLES
    assert sampled([moment(*flood, energy(5))]) == Sampled()


@given(JSON)
def test_whatever_a_post_says_comes_to_what_can_be(said: Any) -> None:
    found = sampled(said)
    assert found.energy_wh is None or 0 <= found.energy_wh <= 3 * MAX_WH
    assert found.power_w is None or 0 <= found.power_w <= 3 * MAX_W
    assert 0 <= (moment_ms(said) or 0) < 4_102_444_800_000
    assert connector(said) is None or 0 <= (connector(said) or 0) < 100
    text(said).encode()


def at(time: str, *samples: dict[str, Any]) -> dict[str, Any]:
    return {"timestamp": time, "sampled_value": list(samples)}


NOW, BEGIN = energy(300, context="Sample.Periodic"), energy(100, context="Transaction.Begin")
END = energy(400, context="Transaction.End")


@pytest.mark.parametrize(
    ("samples", "meant_wh", "begin_wh"),
    [
        ([NOW, BEGIN], 300, 100),
        ([BEGIN, NOW], 300, 100),
        ([BEGIN, END], 400, 100),
        ([NOW, END, BEGIN], 400, 100),
        ([BEGIN], 100, 100),
        ([energy(7, location="EV"), energy(5, location="Inlet"), energy(6)], 6, None),
        ([energy(5, location="Inlet")], 5, None),
        ([energy(5, location="EV")], None, None),
    ],
)
def test_a_register_counts_by_its_context_and_location(
    samples: list[dict[str, Any]], meant_wh: float | None, begin_wh: float | None
) -> None:
    found = sampled([moment(*samples)])
    assert (found.energy_wh, found.begin_wh) == (meant_wh, begin_wh)


def test_moments_count_by_time_where_all_have_one() -> None:
    late, early = at("2026-11-23T12:00:00Z", energy(300)), at("2026-11-23T11:00:00Z", energy(200))
    assert sampled([late, early]) == Sampled(300, None, NOON_MS)
    assert sampled([late, at("yesterday", energy(200))]) == Sampled(200, None, None)
