"""A charging post, told by what it says and what is said to it."""

import pytest

from contract.reasons import Reason
from edge.archetypes.protocol import QuotaSpent
from edge.stations.ev_post.messages import (
    Left,
    MeterReported,
    SayAgain,
    StopRemotely,
)
from tests.edge.support.orders import stops
from tests.edge.support.post_phases import HOUR_MS, MINUTE_MS, charging, ready
from tests.edge.support.posts import ANNA, BEN, STRANGER


def test_a_session_from_card_to_end() -> None:
    rig = ready()
    assert rig.card(ANNA) == "accepted"
    verdict = rig.begin(ANNA, 1000)
    assert verdict.word == "accepted"
    assert rig.kinds == ["access.allowed", "ev_post.began", "session.started"]
    rig.wait(30 * MINUTE_MS)
    rig.meter(verdict.transaction, 4000)
    assert rig.report.live["energy_wh"] == 3000
    rig.wait(30 * MINUTE_MS)
    assert rig.stop(verdict.transaction, 7000).word == "accepted"
    (end,) = rig.told("session.ended")
    assert (end["reason"], end["energy_wh"], end["ms"]) == ("pulled", 6000, HOUR_MS)
    assert rig.phase == "free"


def test_a_start_that_is_sent_again_gets_the_first_number() -> None:
    rig = ready()
    at_ms = rig.wall_ms
    first = rig.begin(ANNA, at_ms=at_ms)
    rig.wait(HOUR_MS)
    assert rig.begin(ANNA, at_ms=at_ms).transaction == first.transaction
    rig.restart()
    rig.connect(booted=False)
    assert rig.begin(ANNA, at_ms=at_ms).transaction == first.transaction
    rig.stop(first.transaction, 2000)
    assert rig.begin(ANNA, at_ms=at_ms).transaction == first.transaction
    assert rig.kinds.count("session.started") == 1
    assert rig.ends() == [("pulled", 1000.0)]


def test_a_stop_that_is_sent_again_counts_nothing_twice() -> None:
    rig, number = charging()
    rig.wait(HOUR_MS)
    rig.stop(number, 3000)
    assert rig.stop(number, 3000).word == "accepted"
    assert rig.ends() == [("pulled", 2000.0)]


def test_a_stranger_is_refused_and_answered_all_the_same() -> None:
    rig = ready()
    assert rig.card(STRANGER) == "invalid"
    assert rig.card("no card") == "invalid"
    verdict = rig.begin(STRANGER, 1000)
    assert verdict.word == "invalid"
    assert int(verdict.transaction) > 0
    assert [order.transaction for order in rig.orders(StopRemotely)] == [verdict.transaction]
    rig.stop(verdict.transaction, 1010, "DeAuthorized")
    assert rig.ends() == []
    assert rig.told("ev_post.unbooked")[0]["energy_wh"] == 10


def test_nobody_begins_where_somebody_charges() -> None:
    rig, _ = charging()
    assert rig.card(BEN) == "concurrent"


def test_the_holder_may_always_show_the_card_to_stop() -> None:
    rig, number = charging()
    rig.reasons[ANNA] = Reason.SUSPENDED
    assert rig.card(ANNA.lower()) == "accepted"
    rig.stop(number, 1500, "Local", tag=ANNA)
    assert rig.ends() == [("card", 500.0)]


def test_a_transaction_of_an_outage_is_booked_with_the_time_of_the_post() -> None:
    rig = ready()
    rig.hear(Left())
    rig.wait(10 * HOUR_MS)
    rig.connect()
    began_ms = rig.wall_ms - 5 * HOUR_MS
    number = rig.begin(ANNA, 1000, at_ms=began_ms).transaction
    rig.stop(number, 9000, at_ms=began_ms + 2 * HOUR_MS)
    (end,) = rig.told("session.ended")
    assert (end["by"], end["energy_wh"], end["ms"]) == ("post", 8000, 2 * HOUR_MS)


def test_a_transaction_of_an_outage_is_booked_even_if_the_card_was_revoked_since() -> None:
    rig = ready()
    rig.hear(Left())
    rig.wait(10 * HOUR_MS)
    rig.reasons[ANNA] = Reason.REPORTED_LOST
    rig.connect()
    verdict = rig.begin(ANNA, 1000, at_ms=rig.wall_ms - 5 * HOUR_MS)
    assert verdict.word == "blocked"
    rig.stop(verdict.transaction, 3000)
    assert rig.told("session.ended")[0]["energy_wh"] == 2000


@pytest.mark.parametrize("unknown", ["-1", "0", ""])
def test_an_end_without_a_number_belongs_to_what_runs(unknown: str) -> None:
    rig, _ = charging()
    rig.wait(HOUR_MS)
    assert rig.stop(unknown, 2000).word == "accepted"
    assert rig.ends() == [("pulled", 1000.0)]


def test_an_end_that_comes_before_its_beginning_waits_for_it() -> None:
    rig = ready()
    rig.hear(Left())
    rig.wait(10 * HOUR_MS)
    rig.connect()
    began_ms = rig.wall_ms - 5 * HOUR_MS
    assert rig.stop("-1", 4000, at_ms=began_ms + HOUR_MS).word == "accepted"
    assert rig.stop("-1", 4000, at_ms=began_ms + HOUR_MS).word == "accepted"
    assert rig.kinds.count("ev_post.unknown_end") == 1
    rig.begin(ANNA, 1000, at_ms=began_ms)
    assert rig.ends() == [("pulled", 3000.0)]
    assert rig.phase == "free"


def test_an_old_transaction_told_beside_one_that_runs_ends_nothing() -> None:
    rig, number = charging()
    old = rig.begin(BEN, 100, at_ms=rig.wall_ms - HOUR_MS)
    rig.stop(old.transaction, 600, at_ms=rig.wall_ms - HOUR_MS // 2)
    assert rig.ends() == [("pulled", 500.0)]
    rig.wait(HOUR_MS)
    rig.stop(number, 2000)
    assert rig.ends() == [("pulled", 500.0), ("pulled", 1000.0)]


def test_a_new_transaction_ends_one_whose_end_was_lost() -> None:
    rig, number = charging()
    rig.wait(HOUR_MS)
    rig.meter(number, 2000)
    rig.wait(MINUTE_MS)
    second = rig.begin(BEN, 2500)
    assert second.word == "accepted"
    assert rig.ends() == [("power_loss", 1000.0)]
    rig.stop(number, 2400)
    assert rig.told("ev_post.late_end")[0]["energy_wh"] == 1400
    rig.stop(number, 2400)
    assert rig.kinds.count("ev_post.late_end") == 1


def test_a_post_that_lost_power_ends_what_ran_unless_it_says_otherwise() -> None:
    rig, number = charging()
    rig.wait(HOUR_MS)
    rig.hear(Left())
    rig.connect()
    rig.wait(10 * MINUTE_MS)
    assert rig.ends() == [("power_loss", 0.0)]
    rig, number = charging()
    rig.hear(Left())
    rig.connect()
    rig.stop(number, 1800, "PowerLoss")
    rig.wait(10 * MINUTE_MS)
    assert rig.ends() == [("power_loss", 800.0)]


@pytest.mark.parametrize("knows_age", [True, False])
def test_a_session_goes_on_while_the_agent_starts_anew(knows_age: bool) -> None:
    rig, number = charging()
    rig.wait(30 * MINUTE_MS)
    rig.meter(number, 2000)
    rig.wait(15 * MINUTE_MS)
    rig.restart(knows_age=knows_age)
    assert rig.report.busy
    rig.connect(booted=False)
    rig.meter(number, 2500)
    rig.wait(15 * MINUTE_MS)
    rig.stop(number, 3000)
    assert rig.ends() == [("pulled", 2000.0)]


def test_a_lost_line_ends_no_session_and_offers_nothing() -> None:
    rig, _ = charging()
    rig.hear(Left())
    assert rig.phase == "absent"
    assert rig.report.faulted
    rig.wait(5 * MINUTE_MS)
    assert "silent" in rig.report.faults
    rig.connect(booted=False)
    rig.status("charging")
    assert rig.phase == "charging"
    assert "silent" not in rig.report.faults
    assert isinstance(rig.orders(SayAgain)[0], SayAgain)


def test_a_post_without_a_heartbeat_is_not_offered() -> None:
    rig = ready()
    rig.wait(5 * MINUTE_MS, beats=False)
    assert rig.report.faulted
    rig.hear(MeterReported("", None, None))
    assert not rig.report.faulted


@pytest.mark.parametrize("status", ["faulted", "unavailable"])
def test_a_post_that_says_it_is_unwell_is_not_offered(status: str) -> None:
    rig = ready()
    rig.status(status)
    assert rig.report.faulted
    rig.status("available")
    assert not rig.report.faulted


def test_power_is_believed_before_a_status() -> None:
    rig = ready()
    rig.meter("", 1000, 3000)
    assert not rig.report.faulted
    rig.meter("", 1100, 3000)
    assert "stray_power" in rig.report.faults
    assert rig.report.faulted
    rig.meter("", 1100, 0)
    assert not rig.report.faulted


def test_a_transaction_that_nobody_began_is_stopped() -> None:
    rig = ready()
    rig.meter("4711", 1000, 3000)
    rig.meter("4711", 1100, 3000)
    assert [order.transaction for order in rig.orders(StopRemotely)] == ["4711"]


def test_a_finished_transaction_is_not_revived_by_its_meter() -> None:
    rig, number = charging()
    rig.stop(number, 1500)
    rig.meter(number, 9000, 0)
    assert not rig.report.busy
    assert rig.ends() == [("pulled", 500.0)]


def test_the_time_is_limited_by_our_clock() -> None:
    rig, number = charging(session_ms=HOUR_MS)
    rig.wait(44 * MINUTE_MS)
    assert rig.orders(StopRemotely) == []
    rig.wait(MINUTE_MS)
    assert [order.transaction for order in rig.orders(StopRemotely)] == [number]
    rig.stop(number, 2000, "Remote")
    assert rig.ends() == [("time_limit", 1000.0)]


def test_the_energy_is_limited() -> None:
    rig, number = charging(session_wh=5000)
    rig.wait(HOUR_MS)
    rig.meter(number, 6000)
    rig.stop(number, 6001, "Remote")
    assert rig.ends() == [("energy_limit", 5001.0)]


def test_a_spent_quota_stops_the_post() -> None:
    rig, number = charging()
    rig.take(QuotaSpent("another"))
    assert rig.orders(StopRemotely) == []
    rig.take(QuotaSpent(rig.report.live["session"]))
    assert rig.orders(StopRemotely)[0].transaction == number
    rig.stop(number, 1500, "Remote")
    assert rig.ends() == [("quota", 500.0)]


def test_a_post_that_will_not_stop_is_told_again_and_reported() -> None:
    rig, number = charging()
    rig.take(stops(rig.report, "7"))
    rig.wait(150_000)
    assert len(rig.orders(StopRemotely)) == 6
    assert "will_not_stop" in rig.report.faults
    rig.stop(number, 1500, "Remote")
    assert rig.ends() == [("operator", 500.0)]
    assert "will_not_stop" not in rig.report.faults
