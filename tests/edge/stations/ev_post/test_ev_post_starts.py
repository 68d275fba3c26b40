"""Starts from afar and at our reader, who waits, and what a start waits for."""

import pytest

from contract.decide import Mode
from contract.reasons import Reason
from edge.archetypes.protocol import CannotRecord, ModeChanged
from edge.stations.ev_post.messages import (
    Done,
    Left,
    SetOperative,
    StartRemotely,
    StopRemotely,
    Verdict,
)
from tests.edge.support.orders import stops
from tests.edge.support.post_phases import HOUR_MS, MINUTE_MS, charging, ready
from tests.edge.support.posts import ANNA, BEN, STRANGER, ordered


def test_an_operator_begins_a_session_from_afar() -> None:
    rig = ready()
    rig.take(rig.decided(ANNA, told=ordered("9")))
    (order,) = rig.orders(StartRemotely)
    rig.hear(Done(order.order, "accepted"))
    assert rig.phase == "starting"
    assert rig.card(order.tag.upper()) == "accepted"
    at_ms = rig.wall_ms
    verdict = rig.begin(order.tag, 1000, at_ms=at_ms)
    rig.wait(HOUR_MS)
    assert verdict.word == "accepted"
    assert rig.begin(order.tag, 1000, at_ms=at_ms).transaction == verdict.transaction
    rig.stop(verdict.transaction, 2000)
    (end,) = rig.told("session.ended")
    assert (end["by"], end["session"], end["energy_wh"]) == ("operator", order.tag, 1000)


@pytest.mark.parametrize("how", ["rejected", "timeout", "offline"])
def test_a_start_that_the_post_refuses_is_given_up(how: str) -> None:
    rig = ready()
    rig.take(rig.decided(ANNA, told=ordered("9")))
    rig.hear(Done(rig.orders(StartRemotely)[0].order, how))
    assert rig.phase == "free"
    assert rig.told("ev_post.not_begun")[0]["why"] == how


def test_a_beginning_that_crosses_the_giving_up_is_stopped_and_known_for_whose_it_is() -> None:
    rig = ready()
    rig.take(rig.decided(ANNA, told=ordered("9")))
    (order,) = rig.orders(StartRemotely)
    rig.hear(Done(order.order, "timeout"))
    at_ms = rig.wall_ms
    assert rig.card(order.tag) == "blocked"
    verdict = rig.begin(order.tag, 1000, at_ms=at_ms)
    assert verdict.word == "blocked"
    assert rig.begin(order.tag, 1000, at_ms=at_ms).transaction == verdict.transaction
    assert [one.transaction for one in rig.orders(StopRemotely)] == [verdict.transaction]
    assert "access.refused" not in rig.kinds
    rig.stop(verdict.transaction, 1020, "Remote")
    (unbooked,) = rig.told("ev_post.unbooked")
    assert (unbooked["digest"], unbooked["energy_wh"]) == (rig.decided(ANNA).digest.hex(), 20)
    assert rig.ends() == []


def test_one_person_may_wait_and_what_gets_free_is_theirs_for_five_minutes() -> None:
    rig, number = charging()
    assert rig.card(BEN) == "concurrent"
    assert rig.card(BEN) == "concurrent"
    assert [data["holder"] for data in rig.told("session.waiting")] == [rig.holders[BEN].hex()]
    rig.stop(number, 1500)
    assert rig.report.reserved_for == rig.holders[BEN].hex()
    assert (rig.report.live["reserved"], rig.report.live["waiting"]) == (True, False)
    rig.wait(5 * MINUTE_MS)
    assert rig.report.reserved_for == ""


def test_whoever_waited_ends_the_wait_by_beginning() -> None:
    rig, number = charging()
    rig.take(rig.decided(BEN))
    rig.stop(number, 1500)
    rig.begin(BEN)
    assert rig.report.reserved_for == ""
    assert "reserved" not in rig.wakes


def test_nobody_waits_for_their_own_session_or_with_a_card_that_is_refused() -> None:
    rig, number = charging()
    rig.take(rig.decided(ANNA, told=ordered("1")))
    rig.card(STRANGER)
    rig.stop(number, 1500)
    assert rig.report.reserved_for == ""


def test_nobody_waits_beyond_a_fire() -> None:
    rig, number = charging()
    rig.card(BEN)
    rig.emergency()
    rig.stop(number, 1500)
    assert rig.report.reserved_for == ""


def test_a_car_that_takes_nothing_more_for_long_is_full() -> None:
    rig, number = charging()
    rig.meter(number, 3000)
    rig.status("sated")
    rig.wait(30 * MINUTE_MS)
    rig.status("sated")
    rig.wait(30 * MINUTE_MS)
    assert rig.orders(StopRemotely)[0].transaction == number
    rig.stop(number, 3000, "Remote")
    assert rig.ends() == [("full", 2000.0)]


def test_a_car_that_has_not_drawn_yet_is_not_full() -> None:
    rig, number = charging()
    rig.meter(number, 1000, 0)
    rig.status("sated")
    rig.wait(3 * HOUR_MS)
    assert rig.orders(StopRemotely) == []


def test_a_car_that_draws_again_or_draws_whatever_is_said_is_not_full() -> None:
    rig, number = charging()
    rig.meter(number, 3000)
    rig.status("sated")
    rig.wait(50 * MINUTE_MS)
    rig.meter(number, 3100, 7000)
    rig.wait(50 * MINUTE_MS)
    rig.status("charging")
    rig.wait(2 * HOUR_MS)
    assert rig.orders(StopRemotely) == []


def test_a_post_that_gives_nothing_for_now_leaves_the_car_unfilled() -> None:
    rig, number = charging()
    rig.meter(number, 3000)
    rig.status("suspended")
    rig.wait(3 * HOUR_MS)
    assert rig.orders(StopRemotely) == []


def test_what_lets_a_post_give_power_waits_for_its_record() -> None:
    rig = ready()
    rig.card(ANNA)
    assert rig.promised == []
    verdict = rig.begin(ANNA)
    assert rig.promised == [verdict]
    rig.stop(verdict.transaction, 1000)
    rig.take(rig.decided(ANNA))
    assert rig.promised == [verdict, *rig.orders(StartRemotely)]


def test_what_gives_nothing_or_has_happened_already_waits_for_nothing() -> None:
    rig = ready()
    rig.stop(rig.begin(STRANGER).transaction, 1000)
    rig.hear(Left())
    rig.wait(10 * HOUR_MS)
    rig.connect()
    assert rig.begin(ANNA, at_ms=rig.wall_ms - 5 * HOUR_MS).word == "accepted"
    assert rig.promised == []


def test_a_beginning_that_cannot_be_recorded_is_refused_and_stopped() -> None:
    rig = ready()
    at_ms = rig.wall_ms
    verdict = rig.begin(ANNA, at_ms=at_ms)
    rig.take(CannotRecord("ocpp"))
    assert [(one.word, one.transaction) for one in rig.orders(Verdict)] == [("blocked", verdict.transaction)]
    assert [one.transaction for one in rig.orders(StopRemotely)] == [verdict.transaction]
    assert rig.begin(ANNA, at_ms=at_ms).word == "blocked"
    rig.stop(verdict.transaction, 1000, "DeAuthorized")
    assert rig.ends() == [("cannot_record", 0.0)]


def test_a_remote_beginning_that_is_told_again_is_not_encouraged_while_it_is_stopped() -> None:
    rig = ready()
    rig.take(rig.decided(ANNA, told=ordered("9")))
    (order,) = rig.orders(StartRemotely)
    verdict = rig.begin(order.tag)
    rig.take(stops(rig.report, "10"))
    again = rig.begin(order.tag)
    assert (again.word, again.transaction) == ("blocked", verdict.transaction)


def test_a_post_is_not_asked_to_begin_what_cannot_be_recorded() -> None:
    rig = ready()
    rig.take(rig.decided(ANNA, told=ordered("9")))
    rig.take(CannotRecord("ocpp"))
    assert rig.phase == "free"
    assert rig.told("ev_post.not_begun")[0]["why"] == "cannot_record"


def test_a_start_that_nobody_plugs_in_for_is_given_up() -> None:
    rig = ready()
    rig.take(rig.decided(ANNA))
    rig.wait(4 * MINUTE_MS)
    assert rig.phase == "free"


def test_a_tap_at_our_own_reader_starts_and_stops() -> None:
    rig = ready()
    rig.take(rig.decided(ANNA))
    verdict = rig.begin(rig.orders(StartRemotely)[0].tag)
    rig.wait(HOUR_MS)
    rig.take(rig.decided(BEN))
    assert rig.orders(StopRemotely) == []
    rig.take(rig.decided(ANNA))
    assert rig.orders(StopRemotely)[0].transaction == verdict.transaction
    rig.stop(verdict.transaction, 1500, "Remote")
    assert rig.ends() == [("card", 500.0)]


@pytest.mark.parametrize(
    ("cause", "reason"), [("fire", "fire"), ("smoke", "smoke"), ("estop", "estop"), ("drill", "drill")]
)
def test_in_an_emergency_the_post_stops_and_serves_nobody_until_the_reset(cause: str, reason: str) -> None:
    rig, number = charging()
    rig.emergency(cause=cause)
    assert rig.phase == "emergency"
    assert rig.orders(StopRemotely)[0].transaction == number
    assert [order.operative for order in rig.orders(SetOperative)] == [False]
    rig.stop(number, 1500, "Remote")
    assert rig.ends() == [(reason, 500.0)]
    assert rig.report.faulted
    assert rig.card(BEN) == "blocked"
    verdict = rig.begin(BEN)
    assert verdict.word == "blocked"
    assert rig.orders(StopRemotely)[0].transaction == verdict.transaction
    rig.stop(verdict.transaction, 1000, "DeAuthorized")
    rig.hear(Left())
    rig.connect(booted=False)
    rig.status("available")
    assert [order.operative for order in rig.orders(SetOperative)] == [False, False]
    rig.emergency(False)
    assert [order.operative for order in rig.orders(SetOperative)] == [True]
    assert not rig.report.faulted


@pytest.mark.parametrize("reason", [Reason.HELD_OPEN, Reason.FREE_EXIT])
def test_a_mode_that_frees_a_door_gives_no_power(reason: Reason) -> None:
    rig = ready()
    rig.reasons[ANNA] = reason
    assert rig.card(ANNA) == "blocked"
    assert rig.begin(ANNA).word == "blocked"
    assert [order.transaction for order in rig.orders(StopRemotely)]
    assert rig.told("session.started") == []
    rig.take(rig.decided(ANNA))
    assert rig.orders(StartRemotely) == []
    assert {data["reason"] for data in rig.told("access.refused")} == {"out_of_service"}
    assert rig.told("access.allowed") == []


@pytest.mark.parametrize("mode", [Mode.LOCKDOWN, Mode.OUT_OF_SERVICE])
def test_whoever_was_let_in_before_a_lockdown_and_has_not_begun_does_not(mode: Mode) -> None:
    rig = ready()
    rig.take(rig.decided(ANNA))
    (order,) = rig.orders(StartRemotely)
    rig.take(ModeChanged(mode, 4))
    assert not rig.orders(SetOperative)[-1].operative
    assert [data["why"] for data in rig.told("ev_post.not_begun")] == [mode.value]
    assert rig.begin(order.tag).word == "blocked"
    assert rig.told("session.started") == []
