"""What ends a session at a socket, and how."""

from collections.abc import Callable
from typing import Any

import pytest

from contract.decide import Mode
from contract.reasons import Reason
from edge.archetypes.protocol import (
    Edge,
    Emergency,
    ModeChanged,
    Reading,
    Rest,
    Send,
)
from edge.stations import socket as kind
from edge.stations.bank import Cut
from tests.edge.support.socket_phases import (
    HOUR_MS,
    MINUTE_MS,
    PHONES,
    charged,
    heats,
    loads,
    meters,
    ready,
)
from tests.edge.support.sockets import ANNA, BEN, Socket, ordered

ENDS: list[tuple[str, Callable[[Socket], object], int]] = [
    ("full", loads(20), 30 * MINUTE_MS + 1_000),
    ("pulled", loads(0), 11_000),
    ("over_power", loads(1_100), 2_000),
    ("over_temp", heats(70), 1_000),
    ("meter_lost", meters("silent"), 30_000),
    ("meter_lost", meters("absurd"), 30_000),
    ("meter_lost", meters("low volts"), 30_000),
    ("meter_lost", meters("frozen"), 5 * MINUTE_MS + 1_000),
    ("time_limit", lambda _: None, 8 * HOUR_MS),
    ("energy_limit", loads(900), int(2.3 * HOUR_MS)),
    ("leakage", lambda socket: socket.edge("leakage", True), 0),
    ("card", lambda socket: socket.tap(ANNA, Reason.REPORTED_LOST), 0),
    ("operator", lambda socket: socket.stop(), 0),
    ("operator", lambda socket: socket.take(ModeChanged(Mode.OUT_OF_SERVICE, 3)), 0),
    ("quota", lambda socket: socket.quota_spent(), 0),
    ("fire", lambda socket: socket.emergency("loop_broken"), 0),
    ("smoke", lambda socket: socket.emergency("smoke"), 0),
    ("estop", lambda socket: socket.emergency("estop"), 0),
    ("drill", lambda socket: socket.emergency("drill"), 0),
]


@pytest.mark.parametrize(("reason", "change", "wait_ms"), ENDS, ids=[str(row[0]) for row in ENDS])
def test_a_session_ends_for_its_reason_and_the_power_goes_first(
    reason: str, change: Callable[[Socket], object], wait_ms: int
) -> None:
    socket = charged(change, wait_ms)
    assert not socket.on
    assert socket.end["reason"] == reason
    assert kind.KIND.report(socket.state).live["reason"] == reason


@pytest.mark.parametrize(
    ("change", "wait_ms"),
    [
        (loads(20), 30 * MINUTE_MS - 2_000),
        (loads(1.9), 9_000),
        (loads(1_000), MINUTE_MS),
        (heats(69.9), MINUTE_MS),
        (meters("silent"), 28_000),
        (lambda socket: socket.quota_spent("00000000000000ee"), 0),
        (lambda socket: socket.take(ModeChanged(Mode.LOCKDOWN, 3)), MINUTE_MS),
    ],
)
def test_a_session_goes_on_short_of_any_reason(change: Callable[[Socket], object], wait_ms: int) -> None:
    socket = charged(change, wait_ms)
    assert (socket.phase, socket.on) == ("charging", True)


def test_power_above_the_limit_trips_after_three_seconds_even_if_nothing_more_is_read() -> None:
    socket = Socket().charging()
    socket.load_w = 1_500
    socket.wait(1_000)
    assert socket.on
    socket.wait(2_999, read=False)
    assert socket.on
    socket.wait(1, read=False)
    assert socket.end["reason"] == "over_power"


@pytest.mark.parametrize(
    "happens",
    [
        Emergency(True, "smoke"),
        Edge("leakage", True),
        Reading("thermometer", {"temperature_c": 80.0}),
    ],
    ids=["smoke", "leakage", "heat"],
)
def test_safety_acts_before_it_is_written_down(happens: Any) -> None:
    assert Socket().charging().take(happens)[0] == Rest("relay")


def test_the_holder_ends_it_with_the_same_card_whatever_the_rule_says_of_it_now() -> None:
    socket = charged(lambda one: one.tap(ANNA, Reason.EXPIRED), 0)
    assert socket.end["reason"] == "card"
    assert "access.refused" not in socket.kinds


def test_a_tap_that_the_reader_says_twice_ends_nothing() -> None:
    socket = ready()
    socket.tap()
    assert socket.tap() == []
    assert socket.on


def test_an_operator_who_starts_where_it_runs_already_does_not_end_it() -> None:
    socket = Socket().charging()
    socket.wait(5_000)
    socket.tap(ANNA, Reason.BUSY, told=ordered("c1", "session_start"))
    assert socket.on


def test_an_order_to_stop_is_recorded() -> None:
    socket = charged(lambda one: one.stop(), 0)
    assert [told["op"] for told in socket.told("command.done")] == ["session_stop"]


def test_a_warning_of_heat_is_given_once_and_again_after_it_has_cooled() -> None:
    socket = Socket().charging()
    for celsius, warnings in ((59, 0), (60, 1), (65, 1), (58, 1), (61, 1), (54, 1), (60, 2)):
        socket.celsius = celsius
        socket.wait(1_000)
        assert len(socket.told("session.warned")) == warnings
    assert socket.told("session.warned")[0] == {
        "session": "00000000000000a1",
        "what": "temperature",
        "temperature_c": 60,
    }


def test_a_thermometer_that_falls_silent_cuts_like_a_meter() -> None:
    socket = Socket().charging()
    socket.celsius = 30
    socket.wait(5_000)
    socket.celsius = None
    socket.wait(30_000)
    assert (socket.on, socket.end["reason"], socket.faults) == (False, "meter_lost", {"thermometer_lost"})
    socket.celsius = 31
    socket.wait(1_000)
    assert (socket.phase, socket.faults) == ("free", set())


def test_time_is_spent_although_the_meter_is_silent() -> None:
    socket = Socket().charging(allotment=PHONES)
    before_ms = socket.spent["00000000000000a1"].used["minutes"]
    socket.meter = "silent"
    socket.wait(20_000)
    assert socket.on
    assert socket.spent["00000000000000a1"].used["minutes"] >= before_ms + 14_000


def test_a_meter_that_comes_back_frees_the_socket_but_resumes_nothing() -> None:
    socket = charged(meters("silent"), 31_000)
    assert (socket.phase, socket.faults) == ("faulted", {"meter_lost"})
    socket.meter = "good"
    socket.wait(MINUTE_MS)
    assert (socket.phase, socket.on) == ("free", False)


def test_a_meter_that_goes_on_as_before_is_frozen_and_says_nothing_about_the_relay() -> None:
    socket = charged(meters("frozen"), MINUTE_MS, bank="bank-a")
    socket.stop()
    socket.wait(29_000)
    assert (socket.phase, socket.faults) == ("free", set())
    socket.wait(2_000)
    assert (socket.phase, socket.faults) == ("faulted", {"meter_lost"})
    assert Send("bank-a", Cut()) not in socket.sent


def test_a_frozen_meter_stays_lost_until_a_digit_moves() -> None:
    socket = charged(meters("frozen"), 10 * MINUTE_MS)
    assert (socket.phase, socket.faults) == ("faulted", {"meter_lost"})
    socket.tap(BEN)
    assert not socket.on
    socket.meter = "good"
    socket.wait(1_000)
    assert socket.phase == "free"


def test_every_end_takes_back_what_it_waited_for() -> None:
    socket = charged(lambda one: one.stop(), 0)
    assert set(socket.wakes) == {"meter", "offline", "forget"}
