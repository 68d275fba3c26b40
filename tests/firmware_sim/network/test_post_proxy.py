"""What the proxy between a post and its central system does to the post's readings."""

import json
from typing import Any

import pytest

from firmware_sim.network.post_proxy import OURS, ReadingFaults, Readings


def reading(turn: int, wh: float, version: str = "1.6") -> list[Any]:
    sample: dict[str, Any] = {"value": f"{wh}", "measurand": "Energy.Active.Import.Register"}
    power: dict[str, Any] = {"value": "7.0", "unit": "kW", "measurand": "Power.Active.Import"}
    meter = [{"timestamp": f"T{turn}", "sampledValue": [sample, power]}]
    if version == "1.6":
        return [2, f"m{turn}", "MeterValues", {"connectorId": 1, "transactionId": 1, "meterValue": meter}]
    return [2, f"m{turn}", "TransactionEvent", {"eventType": "Updated", "meterValue": meter}]


START = [2, "a", "StartTransaction", {"connectorId": 1, "idTag": "04A1", "meterStart": 1000, "timestamp": "T0"}]
STOP = [2, "z", "StopTransaction", {"transactionId": 1, "meterStop": 1100, "timestamp": "T9"}]


def told(seed: int, faults: ReadingFaults, version: str = "1.6") -> tuple[Readings, list[list[Any]]]:
    readings = Readings(seed, faults)
    frames, _ = readings.passed_on(START)
    for turn in range(1, 101):
        frames += readings.passed_on(reading(turn, 1000 + turn, version))[0]
    return readings, frames + readings.passed_on(STOP)[0]


def test_the_same_seed_does_the_same() -> None:
    assert told(1, ReadingFaults())[1] == told(1, ReadingFaults())[1] != told(2, ReadingFaults())[1]


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_readings_are_dropped_and_repeated_but_no_end(version: str) -> None:
    readings, frames = told(1, ReadingFaults(), version)
    assert min(readings.done[what] for what in ("dropped", "held", "repeated")) > 5
    assert frames[0] == START
    assert [frame for frame in frames if frame[1] == "z"] == [STOP]
    times = [frame[3]["meterValue"][0]["timestamp"] for frame in frames if "meterValue" in frame[3]]
    assert len(set(times)) < 100
    assert times != sorted(times, key=lambda time: int(time[1:]))
    calls = [frame[1] for frame in frames]
    assert len(calls) == len(set(calls))
    assert any(str(call).startswith(OURS) for call in calls)


def test_a_reading_that_is_kept_back_is_answered() -> None:
    readings = Readings(1, ReadingFaults(drop=1.0))
    assert readings.passed_on(reading(1, 1001)) == ([], True)
    assert readings.passed_on(START) == ([START], False)
    assert readings.passed_on([3, "x", {}]) == ([[3, "x", {}]], False)


def test_registers_and_powers_are_scaled_together() -> None:
    readings, frames = told(1, ReadingFaults(0, 0, 0, scale=1.1))
    assert frames[0] == START
    assert frames[-1][3]["meterStop"] == 1110
    assert readings.told_wh == pytest.approx(110)
    (energy, power) = frames[1][3]["meterValue"][0]["sampledValue"]
    assert (float(energy["value"]), float(power["value"])) == (1001.1, 7.7)


def test_a_reset_register_goes_on_from_zero() -> None:
    readings, frames = told(1, ReadingFaults(0, 0, 0, reset_after=50))
    values = [float(frame[3]["meterValue"][0]["sampledValue"][0]["value"]) for frame in frames[1:-1]]
    assert values[48:51] == [1049, 0, 1]
    assert (frames[-1][3]["meterStop"], readings.told_wh) == (50, 100)


def test_what_a_post_said_is_not_changed() -> None:
    before = json.dumps(STOP)
    told(1, ReadingFaults(scale=2.0))
    assert json.dumps(STOP) == before
