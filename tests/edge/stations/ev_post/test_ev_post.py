"""A charging post, told by what it says and what is said to it."""

import pytest

from contract.decide import Mode
from contract.reasons import Reason
from edge.archetypes.protocol import CannotRecord, CloudHeard, Found, ModeChanged, QuotaSpent
from edge.stations.ev_post.messages import (
    Booted,
    Configure,
    Configured,
    Connected,
    Done,
    Left,
    ListVersion,
    MeterSaid,
    Nonsense,
    SayAgain,
    SetOperative,
    StartRemotely,
    StatusSaid,
    StopRemotely,
    UpdateList,
    Verdict,
)
from edge.stations.ev_post.state import EvPostSettings
from tests.edge.support.orders import stops
from tests.edge.support.posts import ANNA, BEN, NOON_MS, STRANGER, Rig, ordered

HOUR_MS, MINUTE_MS = 3_600_000, 60_000


def ready(**settings: object) -> Rig:
    rig = Rig(**settings)
    rig.connect()
    rig.records.clear()
    return rig


def charging(**settings: object) -> tuple[Rig, str]:
    rig = ready(**settings)
    number = rig.begin(ANNA).transaction
    rig.status("charging")
    rig.wait(15 * MINUTE_MS)
    rig.sent.clear()
    return rig, number


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
    rig.hear(MeterSaid("", None, None))
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


def test_a_post_that_lies_about_its_clock_is_noticed_and_measured_by_ours() -> None:
    rig = Rig()
    rig.connect()
    rig.status("available", clock_off_ms=3 * HOUR_MS)
    assert "clock_off" in rig.report.faults
    number = rig.begin(ANNA, at_ms=rig.wall_ms - 3 * HOUR_MS).transaction
    (began,) = rig.told("ev_post.began")
    assert began["offset_ms"] == 3 * HOUR_MS
    assert began["heard_ms"] - began["post_at_ms"] == 3 * HOUR_MS
    rig.wait(HOUR_MS)
    rig.stop(number, 3000, at_ms=rig.wall_ms)  # its clock was put right in between
    (end,) = rig.told("session.ended")
    assert (end["ms"], end["by"]) == (HOUR_MS, "card")


def test_a_transaction_of_1970_lasts_as_long_as_we_saw() -> None:
    rig = ready()
    number = rig.begin(ANNA, at_ms=5_000).transaction
    rig.wait(HOUR_MS)
    rig.stop(number, 3000)
    assert rig.told("session.ended")[0]["ms"] == HOUR_MS


def test_values_that_cannot_be_are_no_energy() -> None:
    rig = ready()
    number = rig.begin(ANNA, None, at_ms=None).transaction
    rig.meter(number, 5000)
    rig.wait(HOUR_MS)
    rig.meter(number, 5500)
    rig.meter(number, None, None)
    rig.stop(number, None, at_ms=None)
    assert rig.ends() == [("pulled", 500.0)]


def test_a_post_is_set_up_when_it_boots() -> None:
    rig = Rig()
    rig.connect()
    (configure,) = rig.orders(Configure)
    assert configure.wishes["offline_for_strangers"] == "false"
    assert configure.wishes["stop_strangers"] == "true"
    rig.hear(Configured(("ping_s",), 50, 5))
    assert rig.told("ev_post.configured") == [{"refused": ["ping_s"]}]


def test_a_post_that_was_up_all_the_time_is_greeted_after_a_while() -> None:
    rig = Rig()
    rig.connect(booted=False)
    assert rig.orders(Configure) == []
    rig.wait(10_000)
    assert len(rig.orders(Configure)) == 1


def test_the_list_is_pushed_in_chunks_and_moves_only_on_acceptance() -> None:
    rig = ready()
    rig.hear(Configured((), 100, 1))
    rig.hear(ListVersion(41))
    (empty,) = rig.orders(UpdateList)
    assert (empty.full, empty.version, empty.cards) == (True, 42, ())
    assert rig.card(ANNA) == "accepted"
    assert rig.card(BEN) == "accepted"
    assert rig.orders(UpdateList) == []
    rig.hear(Done(empty.order, "failed"))
    rig.wait(5 * MINUTE_MS)
    (again,) = rig.orders(UpdateList)
    assert (again.full, again.version, [card.tag for card in again.cards]) == (True, 42, [ANNA])
    rig.hear(Done(again.order, "accepted"))
    (rest,) = rig.orders(UpdateList)
    assert (rest.full, rest.version, [card.tag for card in rest.cards]) == (False, 43, [BEN])
    rig.hear(Done(rest.order, "version_mismatch"))
    rig.hear(ListVersion(50))
    (whole,) = rig.orders(UpdateList)
    assert (whole.full, whole.version) == (True, 51)


def test_a_card_that_is_refused_leaves_the_list() -> None:
    rig = ready()
    rig.hear(ListVersion(0))
    rig.hear(Done(rig.orders(UpdateList)[0].order, "accepted"))
    rig.card(ANNA)
    rig.hear(Done(rig.orders(UpdateList)[0].order, "accepted"))
    rig.reasons[ANNA] = Reason.REPORTED_LOST
    rig.card(ANNA)
    (update,) = rig.orders(UpdateList)
    assert [(card.tag, card.gone) for card in update.cards] == [(ANNA, True)]


def test_a_new_roster_has_the_list_weighed_again() -> None:
    rig = ready()
    rig.hear(ListVersion(0))
    rig.hear(Done(rig.orders(UpdateList)[0].order, "accepted"))
    for tag in (ANNA, BEN):
        rig.card(tag)
        rig.hear(Done(rig.orders(UpdateList)[0].order, "accepted"))
    rig.roster, rig.reasons[BEN] = 8, Reason.SUSPENDED
    rig.take(CloudHeard())
    (update,) = rig.orders(UpdateList)
    assert [(card.tag, card.gone) for card in update.cards] == [(BEN, True)]


def test_a_list_that_a_post_does_not_keep_is_never_sent() -> None:
    rig = ready()
    rig.hear(ListVersion(None))
    rig.card(ANNA)
    assert rig.orders(UpdateList) == []


def test_nonsense_is_told_once_an_hour() -> None:
    rig = ready()
    for _ in range(5):
        rig.hear(Nonsense("start"))
    assert rig.kinds == ["ev_post.fault"]


def test_a_second_post_of_one_name_is_told() -> None:
    rig = ready()
    rig.connect(replaced=True)
    assert "ev_post.replaced" in rig.kinds


def test_the_post_as_a_whole_may_be_faulted() -> None:
    rig = ready()
    rig.hear(StatusSaid("faulted", "GroundFailure", NOON_MS, NOON_MS, whole=True))
    assert rig.report.faulted


@pytest.mark.parametrize("wrong", [{"power_w": 0}, {"session_ms": -1}, {"session_wh": 10**9}, {"meter_s": 1}])
def test_a_setting_that_cannot_be_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EvPostSettings(**wrong)  # type: ignore[arg-type]


def test_an_age_that_is_told_later_turns_nothing_back() -> None:
    rig, number = charging()
    rig.restart(knows_age=False)
    rig.connect(booted=False)
    rig.wait(HOUR_MS)
    rig.stop(number, 2000)
    rig.take(Found(rig.kept, 5))
    assert not rig.report.busy
    assert rig.ends() == [("pulled", 1000.0)]


def test_what_cannot_be_read_is_a_fault_and_no_crash() -> None:
    rig = Rig()
    rig.kept = b"{"
    rig.restart()
    assert "kept_unreadable" in rig.report.faults


def test_post_that_connects_in_fire_hears_it_first() -> None:
    """It was away when the fire began: its stop waits for no boot, and is said again after that."""
    rig, number = charging()
    rig.hear(Left())
    rig.emergency()
    rig.sent.clear()
    rig.hear(Connected("1.6", 1, leads=True))
    for _ in range(2):
        assert [one.transaction for one in rig.orders(StopRemotely)] == [number]
        assert [one.operative for one in rig.orders(SetOperative)] == [False]
        assert rig.orders(Configure) == []
        rig.hear(Booted("Acme", "Two", "1.0"))
        rig.orders(Configure)


def test_unanswered_inoperative_is_said_again() -> None:
    """As long as nobody may be served, and for the newest order only: chains of them would never end."""
    rig = ready()
    rig.emergency()
    first = rig.orders(SetOperative)[-1]
    rig.take(ModeChanged(Mode.LOCKDOWN, 3))
    (second,) = rig.orders(SetOperative)
    for order, again in ((first, 0), (second, 1)):
        rig.hear(Done(order.order, "timeout"))
        found = rig.orders(SetOperative)
        assert [one.operative for one in found] == [False] * again
    rig.take(ModeChanged(Mode.SCHEDULED, 4))
    rig.emergency(False)
    last = rig.orders(SetOperative)[-1]
    assert last.operative
    rig.hear(Done(last.order, "timeout"))
    assert rig.orders(SetOperative) == []
    assert rig.report.faults == frozenset()
