"""A charging socket, told by what happens at it."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from contract.decide import Allotment, Mode, Tier
from contract.reasons import Reason
from edge.archetypes.protocol import (
    HOLD_LEASE_MS,
    CloudHeard,
    Drive,
    Edge,
    Emergency,
    Found,
    Keep,
    Levels,
    ModeChanged,
    Reading,
    Record,
    Rest,
    Send,
    Show,
    Spend,
    Wake,
)
from edge.archetypes.session import Price, Tariff, read_kept
from edge.stations import socket as kind
from edge.stations.bank import Clear, Cut, Want
from edge.stations.socket.state import NEXT, SocketSettings
from tests.edge.support.sockets import ANNA, BEN, CARL, POINT, Socket, card_of, decision, ordered, values

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
PHONES = Allotment("phones", 120, 200)


def ready(**settings: Any) -> Socket:
    """A free socket whose meter has been heard."""
    socket = Socket(**settings)
    socket.wait(1_000)
    assert (socket.phase, socket.on) == ("free", False)
    return socket


def in_phase(phase: str, **settings: Any) -> Socket:
    """A socket led into a phase by what people do."""
    socket = ready(**settings)
    if phase in ("charging", "checking", "finished"):
        socket.charging()
    match phase:
        case "starting":
            socket.tap()
        case "checking":
            socket.restart()
        case "finished":
            socket.load_w = 10
            socket.wait(30 * MINUTE_MS + 2_000)
        case "faulted":
            socket.edge("leakage", True)
            socket.edge("leakage", False)
        case "emergency":
            socket.emergency()
    assert socket.phase == phase
    socket.records.clear()
    return socket


def trigger(socket: Socket, name: str) -> None:
    """Cause what a trigger of the table stands for."""
    match name:
        case "start":
            socket.tap(BEN, ticket="00000000000000b2")
        case "load":
            socket.load_w = 200
            socket.wait(1_000)
        case "interrupt" if socket.phase == "charging":
            socket.take(Levels({}))
        case "interrupt":
            kept = Socket().charging().kept
            socket.boot(Found(kept, 5_000), {})
        case "resume":
            socket.wait(10_000)
        case "full":
            socket.load_w = 10
            socket.wait(30 * MINUTE_MS + 2_000)
        case "end" if socket.phase == "finished":
            socket.wait(10 * MINUTE_MS)
        case "end":
            socket.wait(4_000)
            socket.stop()
        case "fail":
            socket.edge("leakage", True)
        case "clear":
            socket.tap(CARL, resets=True)
        case "alarm":
            socket.emergency()
        case "restore":
            socket.emergency(active=False)


@pytest.mark.parametrize(("before", "cause"), NEXT, ids=str)
def test_each_row_of_the_table_happens_at_the_socket(before: str, cause: str) -> None:
    socket = in_phase(before)
    trigger(socket, cause)
    assert socket.phase == NEXT[before, cause]  # type: ignore[index]


def test_a_socket_is_found_by_its_name_with_what_it_may_be_wired_to() -> None:
    found = kind.KIND
    assert (set(found.inputs), set(found.outputs)) == ({"leakage", "plug"}, {"relay", "green", "red"})
    assert found.instruments == {"meter": True, "thermometer": False}


# A start


def test_a_tap_records_keeps_and_only_then_drives_the_relay() -> None:
    effects = ready().tap(allotment=Allotment("ebikes", 60, 500))
    names = [type(effect).__name__ for effect in effects]
    assert names[:6] == ["Record", "Record", "Spend", "Keep", "Drive", "Wake"]
    assert effects[4] == Drive("relay", HOLD_LEASE_MS, "durable")
    assert [effect.kind for effect in effects if isinstance(effect, Record)] == ["access.allowed", "session.started"]


def test_a_beginning_says_who_what_and_how_far() -> None:
    socket = ready()
    socket.tap()
    assert socket.told("session.started") == [
        {
            "session": "00000000000000a1",
            "holder": ANNA.hex(),
            "digest": card_of(ANNA).hex(),
            "class": "ebike",
            "by": "card",
            "limits": {"ms": 8 * HOUR_MS, "wh": 2_000},
        }
    ]


@pytest.mark.parametrize("phase", ["free", "starting", "charging", "checking", "finished", "faulted", "emergency"])
def test_a_refused_card_drives_nothing_and_changes_nothing(phase: str) -> None:
    socket = in_phase(phase)
    before = socket.state
    socket.tap(BEN, Reason.EXPIRED)
    assert socket.state == before
    assert socket.kinds == ["access.refused"]
    assert socket.shown == Show("red", "expired")


def test_an_operator_starts_for_a_holder_and_that_is_recorded() -> None:
    socket = ready()
    socket.tap(told=ordered("c1", "session_start"))
    assert socket.kinds == ["command.done", "access.allowed", "session.started"]
    assert socket.told("session.started")[0]["by"] == "operator"


def test_the_lease_is_renewed_while_it_charges_and_only_then() -> None:
    socket = Socket().charging()
    for _ in range(20):
        socket.wait(1_000)
        assert socket.on
    socket.stop()
    socket.wait(HOUR_MS)
    assert not socket.on
    assert "lease" not in socket.wakes


def test_nothing_that_is_drawn_is_no_load_and_costs_nothing() -> None:
    socket = ready(tariff=Tariff(prices=(Price(fen_per_hour=100, fen_per_kwh=100),)))
    socket.tap()
    socket.load_w = 9
    socket.wait(59_000)
    assert socket.on
    socket.wait(1_000)
    assert (socket.on, socket.end["reason"], socket.end["receipt"]["fen"]) == (False, "no_load", 0)


def test_low_power_just_after_switching_on_is_never_full() -> None:
    socket = in_phase("starting", class_name="phone", limits=SocketSettings().limits)
    socket.load_w = 0.5
    socket.wait(2 * MINUTE_MS)
    assert socket.end["reason"] == "no_load"


def test_a_relay_that_never_brings_power_is_suspect_after_some_sessions() -> None:
    socket = ready()
    for number in range(3):
        assert "relay_open" not in socket.faults
        socket.tap(ticket=f"{number:016x}")
        socket.wait(61_000)
    assert "relay_open" in socket.faults
    socket.charging(ticket="00000000000000ff")
    assert "relay_open" not in socket.faults


def test_an_empty_socket_says_nothing_about_its_relay() -> None:
    socket = Socket(levels={"plug": False})
    socket.wait(1_000)
    for number in range(5):
        socket.tap(ticket=f"{number:016x}")
        socket.wait(61_000)
    assert socket.faults == set()


def test_what_cannot_be_recorded_is_not_started() -> None:
    socket = ready()
    socket.tap()
    socket.cannot_record()
    assert (socket.phase, socket.on, socket.end["reason"]) == ("free", False, "cannot_record")
    assert socket.shown == Show("red", "cannot_record")


@pytest.mark.parametrize("reason", [Reason.HELD_OPEN, Reason.FREE_EXIT])
def test_a_mode_that_frees_a_door_gives_no_power(reason: Reason) -> None:
    socket = ready()
    socket.tap(reason=reason)
    assert (socket.phase, socket.kinds) == ("free", ["access.refused"])


# Ends


def charged(change: Callable[[Socket], object], wait_ms: int, **settings: Any) -> Socket:
    """A session to which something happens, and then time passes."""
    socket = Socket(**settings).charging()
    socket.wait(10_000)
    change(socket)
    socket.wait(wait_ms)
    return socket


def loads(power_w: float) -> Callable[[Socket], object]:
    return lambda socket: setattr(socket, "load_w", power_w)


def meters(how: str) -> Callable[[Socket], object]:
    return lambda socket: setattr(socket, "meter", how)


def heats(celsius: float) -> Callable[[Socket], object]:
    return lambda socket: setattr(socket, "celsius", celsius)


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
    assert kind.report(socket.state).live["reason"] == reason


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
    before_ms = socket.spent["00000000000000a1"].used_ms
    socket.meter = "silent"
    socket.wait(20_000)
    assert socket.on
    assert socket.spent["00000000000000a1"].used_ms >= before_ms + 14_000


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


# Progress, spending and keeping


def test_progress_is_told_every_five_minutes_and_kept_every_half() -> None:
    socket = Socket().charging()
    socket.wait(21 * MINUTE_MS)
    told = socket.told("session.progress")
    assert len(told) == 4
    assert told[-1] == {"session": "00000000000000a1", "energy_wh": 66.0, "power_w": 200.0, "ms": 1_199_000}


def test_what_a_rationed_holder_uses_is_spent_at_every_reading() -> None:
    socket = Socket().charging(allotment=PHONES)
    socket.wait(30 * MINUTE_MS)
    assert socket.spent["00000000000000a1"] == Spend("00000000000000a1", ANNA.hex(), "phones", 30 * MINUTE_MS, 100_000)


def test_a_holder_without_a_ration_spends_nothing() -> None:
    socket = Socket().charging()
    socket.wait(MINUTE_MS)
    assert socket.spent == {}


def test_the_receipt_follows_the_holders_tier() -> None:
    tariff = Tariff(prices=(Price(tiers=(Tier.RIDER,), fen_per_kwh=60), Price(fen_per_kwh=100)))
    socket = Socket(tariff=tariff).charging(900)
    socket.wait(HOUR_MS)
    socket.stop()
    assert socket.end["receipt"]["fen"] == 54


def test_a_screen_sees_how_it_goes_and_never_who() -> None:
    socket = Socket().charging()
    socket.wait(60 * MINUTE_MS)
    live = dict(kind.report(socket.state).live)
    assert live == {
        "class": "ebike",
        "power_w": 200.0,
        "temperature_c": None,
        "reason": "",
        "waiting": False,
        "reserved": False,
        "session": "00000000000000a1",
        "energy_wh": 200.0,
        "minutes": 60,
        "minutes_left": 420,
        "free_at_minutes": 420,
    }
    assert ANNA.hex() not in msgspec.json.encode(live).decode()


def test_a_load_that_tails_off_is_likely_free_soon() -> None:
    socket = charged(loads(20), 10 * MINUTE_MS)
    assert kind.report(socket.state).live["free_at_minutes"] == 20


# A battery that is full, and who waits


IDLE = Tariff(idle_fen_per_minute=5, idle_cap_fen=50)


def full(tariff: Tariff = IDLE, wait: bool = False) -> Socket:
    """A full battery whose plug is still in, after ten minutes of grace."""
    socket = Socket(levels={"plug": True}, tariff=tariff)
    socket.charging()
    socket.load_w = 0
    socket.wait(31 * MINUTE_MS)
    assert (socket.phase, socket.on, socket.told("session.ended")) == ("finished", False, [])
    if wait:
        socket.tap(BEN)
    socket.wait(9 * MINUTE_MS)
    return socket


def test_idling_costs_nothing_in_its_grace_and_while_nobody_waits() -> None:
    socket = full()
    socket.wait(HOUR_MS)
    socket.edge("plug", False)
    assert (socket.phase, socket.end["reason"], socket.end["receipt"]["idle_fen"]) == ("free", "full", 0)


def test_idling_costs_while_somebody_waits_and_that_is_said_before() -> None:
    socket = full(wait=True)
    socket.wait(5 * MINUTE_MS)
    assert socket.told("session.idle") == [{"session": "00000000000000a1", "fen_per_minute": 5, "cap_fen": 50}]
    socket.edge("plug", False)
    assert socket.end["receipt"]["idle_fen"] == 20


def test_idling_costs_always_where_the_site_says_so_and_never_more_than_its_cap() -> None:
    socket = full(Tariff(idle_fen_per_minute=5, idle_cap_fen=50, idle_always=True))
    socket.wait(HOUR_MS)
    assert (socket.phase, socket.end["reason"], socket.end["receipt"]["idle_fen"]) == ("free", "full", 50)


def test_a_full_battery_whose_plug_nobody_sees_leaves_the_socket_to_others() -> None:
    socket = in_phase("finished")
    assert not kind.report(socket.state).busy
    socket.load_w = 200
    socket.tap(BEN)
    assert socket.phase == "starting"


def test_a_pulled_plug_ends_it_at_once() -> None:
    socket = Socket(levels={"plug": True}).charging()
    socket.edge("plug", False)
    assert (socket.on, socket.end["reason"]) == (False, "pulled")


def test_one_person_may_wait_and_has_five_minutes_when_it_ends() -> None:
    socket = Socket().charging()
    socket.wait(5_000)
    socket.tap(BEN)
    socket.tap(CARL)
    assert socket.told("session.waiting") == [{"session": "00000000000000a1", "holder": BEN.hex()}]
    assert socket.shown == Show("red", "busy")
    socket.stop()
    assert kind.report(socket.state).reserved_for == BEN.hex()
    socket.wait(5 * MINUTE_MS - 1)
    assert kind.report(socket.state).reserved_for == BEN.hex()
    socket.wait(1)
    assert kind.report(socket.state).reserved_for == ""


def test_who_charges_does_not_wait_for_themselves_with_another_card() -> None:
    socket = Socket().charging()
    socket.take(msgspec.structs.replace(decision(ANNA, Reason.BUSY), digest=b"another card...."))
    assert (socket.told("session.waiting"), socket.on) == ([], True)


def test_who_waited_and_comes_ends_the_wait() -> None:
    socket = Socket().charging()
    socket.tap(BEN)
    socket.stop()
    socket.tap(BEN, ticket="00000000000000b2")
    assert kind.report(socket.state).reserved_for == ""
    assert "reserved" not in socket.wakes


# Boot, crash, power back


def test_a_socket_starts_dead() -> None:
    socket = Socket()
    assert not socket.on
    assert Socket().take(Levels({}))[0] == Rest("relay")


def test_before_the_meter_is_heard_nothing_starts() -> None:
    socket = Socket()
    assert kind.report(socket.state).faulted
    socket.take(decision())
    assert (socket.on, socket.told("access.refused")[0]["reason"]) == (False, "faulted")


def test_a_meter_that_is_silent_from_the_start_is_a_fault() -> None:
    socket = Socket()
    socket.meter = "silent"
    socket.wait(30_000)
    assert socket.faults == {"meter_lost"}


def test_after_a_short_interruption_the_same_load_goes_on_in_the_same_session() -> None:
    socket = Socket().charging(allotment=PHONES)
    socket.wait(30 * MINUTE_MS)
    socket.restart(60_000)
    assert (socket.phase, socket.on) == ("checking", False)
    socket.wait(10_000)
    assert (socket.phase, socket.on) == ("charging", True)
    assert socket.kinds[-2:] == ["session.interrupted", "session.resumed"]
    socket.wait(30 * MINUTE_MS)
    socket.stop()
    assert socket.end["energy_wh"] == 200
    assert socket.end["ms"] == pytest.approx(60 * MINUTE_MS, abs=10_000)
    assert socket.spent["00000000000000a1"].used_mwh == 200_000


def test_what_the_register_counted_unseen_is_counted_once_over_any_number_of_restarts() -> None:
    socket = Socket().charging()
    socket.wait(30 * MINUTE_MS)
    for _ in range(10):
        socket.drawn_wh += 0.5
        socket.restart(5_000)
        socket.wait(MINUTE_MS)
    drawn_wh = socket.drawn_wh - 5_000
    socket.stop()
    assert socket.end["energy_wh"] == pytest.approx(drawn_wh, abs=2)


@pytest.mark.parametrize(
    "how",
    ["too long", "not allowed", "another load", "no load", "silent meter", "over voltage"],
)
def test_a_session_that_cannot_be_known_to_be_the_same_ends_as_power_loss(how: str) -> None:
    socket = Socket(resume=how != "not allowed").charging()
    socket.wait(MINUTE_MS)
    socket.load_w = {"another load": 400.0, "no load": 0.0}.get(how, socket.load_w)
    socket.meter = {"silent meter": "silent", "over voltage": "low volts"}.get(how, "good")
    socket.restart(10 * MINUTE_MS + (how == "too long"))
    socket.wait(2 * MINUTE_MS)
    assert (socket.on, socket.end["reason"]) == (False, "power_loss")
    assert socket.told("session.interrupted")


def test_after_a_cut_nothing_goes_on_before_somebody_knows_how_long_it_was() -> None:
    socket = Socket(resume=True).charging()
    socket.wait(MINUTE_MS)
    document = socket.kept
    socket.restart(unknown=True)
    socket.wait(5 * MINUTE_MS)
    assert (socket.phase, socket.on, socket.kept) == ("checking", False, document)
    socket.take(Found(document, 6 * MINUTE_MS))
    socket.wait(MINUTE_MS)
    assert (socket.phase, socket.on) == ("charging", True)


@pytest.mark.parametrize("how", ["nobody ever knows", "it was long"])
def test_after_a_long_cut_it_ends_whenever_that_is_known(how: str) -> None:
    socket = Socket(resume=True).charging()
    socket.wait(MINUTE_MS)
    document = socket.kept
    socket.restart(unknown=True)
    if how == "it was long":
        socket.take(Found(document, 10 * MINUTE_MS + 1))
    socket.wait(11 * MINUTE_MS)
    assert (socket.phase, socket.on, socket.end["reason"]) == ("free", False, "power_loss")


@pytest.mark.parametrize("gap_ms", [5_000, 10 * MINUTE_MS + 1, None])
def test_what_was_drawn_after_the_last_page_is_counted_though_the_session_does_not_go_on(gap_ms: int | None) -> None:
    socket = Socket(resume=False).charging(800)
    socket.wait(59_000)
    kept = read_kept(socket.kept).session
    assert kept is not None
    assert kept.used_mwh < (socket.drawn_wh - 5_000 - 5) * 1_000
    socket.boot(Found(socket.kept, gap_ms), {})
    assert (socket.phase, socket.on) == ("checking", False)
    socket.wait(2_000)
    assert (socket.phase, socket.end["reason"]) == ("free", "power_loss")
    assert socket.end["energy_wh"] == pytest.approx(socket.drawn_wh - 5_000, abs=2)


def test_a_restart_while_the_last_watt_hours_are_awaited_makes_no_old_session_young() -> None:
    socket = Socket().charging()
    socket.wait(MINUTE_MS)
    kept = socket.kept
    socket.restart(11 * MINUTE_MS)
    assert (socket.phase, socket.kept) == ("checking", kept)


def test_a_session_whose_meter_stays_silent_after_a_cut_ends_without_its_last_watt_hours() -> None:
    socket = Socket().charging()
    socket.wait(MINUTE_MS)
    socket.meter = "silent"
    socket.restart(11 * MINUTE_MS)
    socket.wait(29_000)
    assert socket.phase == "checking"
    socket.wait(2_000)
    assert (socket.end["reason"], socket.faults) == ("power_loss", {"meter_lost"})


def test_a_socket_out_of_service_resumes_nothing() -> None:
    socket = Socket().charging()
    socket.wait(MINUTE_MS)
    document = socket.kept
    socket.boot(None, {})
    socket.take(ModeChanged(Mode.OUT_OF_SERVICE, 1))
    socket.take(Found(document, 5_000))
    socket.wait(MINUTE_MS)
    assert (socket.on, socket.end["reason"]) == (False, "power_loss")


def test_what_a_meter_that_stood_still_makes_up_for_is_not_counted_to_the_next_session() -> None:
    socket = Socket().charging(800)
    socket.meter = "frozen"
    socket.wait(15_000)
    socket.stop()
    began_wh = socket.drawn_wh
    socket.tap(BEN, ticket="00000000000000b2")
    socket.wait(MINUTE_MS)
    socket.meter = "good"
    socket.wait(5_000)
    socket.stop()
    _, ben = socket.told("session.ended")
    assert ben["energy_wh"] <= socket.drawn_wh - began_wh + 1


def test_the_page_on_which_a_session_has_ended_has_the_fault_on_it() -> None:
    socket = Socket().charging()
    effects = socket.edge("leakage", True)
    first = next(effect for effect in effects if isinstance(effect, Keep))
    assert read_kept(first.document).latched == ("leakage",)


def test_a_load_that_was_never_seen_is_not_resumed() -> None:
    socket = in_phase("starting")
    socket.restart()
    assert (socket.phase, socket.end["reason"]) == ("free", "power_loss")


def test_what_has_ended_never_resumes_however_often_it_starts() -> None:
    socket = charged(lambda one: one.stop(), 0)
    for _ in range(3):
        socket.restart()
        socket.wait(5_000)
    assert not socket.on
    assert {data["session"] for data in socket.told("session.ended")} == {"00000000000000a1"}
    assert {data["reason"] for data in socket.told("session.ended")} == {"operator"}
    socket.wait(MINUTE_MS)
    assert socket.kept == b""


def test_an_end_is_written_again_once_and_not_once_more_when_its_age_is_known() -> None:
    socket = charged(lambda one: one.stop(), 0)
    document = socket.kept
    socket.restart(unknown=True)
    socket.take(Found(document, 5_000))
    assert len(socket.told("session.ended")) == 2


def test_a_full_battery_found_after_a_restart_is_over() -> None:
    socket = full()
    socket.restart()
    assert (socket.phase, socket.end["reason"]) == ("free", "full")


def test_a_keeper_that_comes_back_finds_its_relay_at_rest_and_the_load_is_looked_at_again() -> None:
    socket = Socket().charging()
    socket.take(Levels({}))
    assert (socket.phase, socket.on) == ("checking", False)
    socket.wait(10_000)
    assert (socket.phase, socket.on) == ("charging", True)


def test_a_latched_fault_outlives_a_restart() -> None:
    socket = in_phase("faulted")
    socket.restart()
    socket.wait(1_000)
    assert (socket.phase, socket.faults) == ("faulted", {"leakage"})


def test_what_was_kept_and_cannot_be_read_counts_as_a_fault() -> None:
    socket = Socket(found=Found(b"rubbish", 5_000))
    socket.wait(1_000)
    assert (socket.phase, socket.faults) == ("faulted", {"kept_unreadable"})


# The cloud is lost


def test_a_session_goes_on_without_the_cloud_until_the_offline_limit() -> None:
    socket = Socket(offline_limit_ms=HOUR_MS).charging()
    socket.wait(HOUR_MS - 3_000)
    assert socket.on
    socket.wait(1_000)
    assert socket.end["reason"] == "offline_limit"


def test_a_cloud_that_is_heard_gives_the_whole_time_again() -> None:
    socket = Socket(offline_limit_ms=HOUR_MS).charging()
    socket.wait(HOUR_MS - 5_000)
    socket.take(CloudHeard())
    socket.wait(HOUR_MS - 1_000)
    assert socket.on


def test_the_rule_is_told_after_how_long_nothing_begins() -> None:
    assert kind.report(ready().state).offline_limit_ms == 12 * HOUR_MS


# Sensors that lie, relays that weld


def test_power_after_switching_off_is_a_welded_relay_and_cuts_the_bank() -> None:
    socket = charged(lambda one: one.stop(), 0, bank="bank-a")
    socket.stray_w = 200
    socket.sent.clear()
    socket.wait(6_000)
    assert (socket.phase, socket.faults) == ("faulted", {"relay_stuck"})
    assert Send("bank-a", Cut()) in socket.sent
    socket.wait(15_000)
    assert socket.faults == {"relay_stuck", "power_persists"}
    socket.stray_w = 0
    socket.wait(1_000)
    assert socket.faults == {"relay_stuck"}


def test_the_last_of_the_current_is_no_welded_relay() -> None:
    socket = charged(lambda one: one.stop(), 0)
    socket.stray_w = 200
    socket.wait(3_000)
    socket.stray_w = 5
    socket.wait(MINUTE_MS)
    assert (socket.phase, socket.faults) == ("free", set())


def test_power_at_a_free_socket_is_a_welded_relay_too() -> None:
    socket = ready()
    socket.stray_w = 6
    socket.wait(6_000)
    assert socket.faults == {"relay_stuck"}


def test_a_socket_does_not_resume_over_a_relay_that_does_not_open() -> None:
    socket = Socket().charging()
    socket.stray_w = 200
    socket.restart()
    socket.wait(10_000)
    assert (socket.phase, socket.on, socket.end["reason"]) == ("faulted", False, "relay_stuck")


@pytest.mark.parametrize("how", ["hot", "leaking", "drawing", "unheard", "in an emergency", "from afar", "no right"])
def test_a_fault_is_not_cleared_while_something_is_wrong(how: str) -> None:
    socket = in_phase("faulted")
    match how:
        case "hot":
            socket.celsius = 61
        case "leaking":
            socket.edge("leakage", True)
        case "drawing":
            socket.stray_w = 20
        case "unheard":
            socket.meter = "silent"
            socket.wait(30_000)
        case "in an emergency":
            socket.emergency()
    socket.wait(1_000)
    before = socket.faults
    socket.tap(CARL, Reason.FAULTED, resets=how != "no right", told=ordered("c1") if how == "from afar" else None)
    assert socket.faults == before
    assert "leakage" in socket.faults


def test_whoever_may_clears_a_fault_at_the_socket_and_is_named() -> None:
    socket = in_phase("faulted", bank="bank-a")
    socket.tap(CARL, resets=True)
    assert socket.told("socket.fault_cleared") == [{"fault": "leakage", "by": CARL.hex()}]
    assert Send("bank-a", Clear(CARL.hex())) in socket.sent
    socket.charging(holder=BEN, ticket="00000000000000b2")


# Emergency


@pytest.mark.parametrize("phase", ["free", "starting", "charging", "checking", "finished", "faulted"])
def test_an_emergency_is_dead_and_stays_dead_until_a_person_resets_it(phase: str) -> None:
    socket = in_phase(phase)
    assert socket.emergency("smoke")[0] == Rest("relay")
    socket.load_w = 200
    socket.wait(2 * MINUTE_MS)
    socket.tap(BEN)
    socket.take(decision(CARL, ticket="00000000000000c3"))
    socket.take(Levels({}))
    socket.wait(2 * MINUTE_MS)
    assert (socket.phase, socket.on) == ("emergency", False)
    socket.emergency(active=False)
    socket.wait(2 * MINUTE_MS)
    assert (socket.phase, socket.on) == ("faulted" if phase == "faulted" else "free", False)


def test_an_emergency_found_at_the_start_ends_what_was_kept() -> None:
    kept = Socket().charging().kept
    socket = Socket()
    socket.state = kind.start(POINT, socket.settings)
    socket.emergency("fire")
    socket.take(Found(kept, 1_000))
    socket.take(Levels({}))
    socket.load_w = 200
    socket.wait(2 * MINUTE_MS)
    assert (socket.phase, socket.on, len(socket.told("session.ended"))) == ("emergency", False, 1)


# What is forbidden


def test_a_second_start_on_one_socket_is_refused_whatever_the_rule_said() -> None:
    socket = Socket().charging()
    socket.take(decision(BEN, ticket="00000000000000b2"))
    assert len(socket.told("session.started")) == 1
    assert socket.told("access.refused")[0]["reason"] == "busy"


@pytest.mark.parametrize("phase", ["faulted", "emergency"])
def test_a_start_from_afar_on_a_faulted_socket_is_refused_whatever_the_rule_said(phase: str) -> None:
    socket = in_phase(phase)
    socket.take(decision(told=ordered("c1", "session_start")))
    assert (socket.on, socket.told("session.started")) == (False, [])


def test_a_socket_out_of_service_starts_nothing() -> None:
    socket = ready()
    socket.take(ModeChanged(Mode.OUT_OF_SERVICE, 3))
    socket.take(decision())
    assert (socket.on, socket.told("socket.mode")) == (False, [{"mode": "out_of_service", "number": 3}])


# The bank upstream


def test_a_socket_wants_its_bank_while_it_has_a_session() -> None:
    socket = ready(bank="bank-a")
    socket.sent.clear()
    socket.charging()
    assert socket.sent == [Send("bank-a", Want(True))]
    socket.stop()
    assert socket.sent[-1] == Send("bank-a", Want(False))


def test_without_a_word_from_its_bank_nothing_starts() -> None:
    socket = ready(bank="bank-a")
    socket.state = msgspec.structs.replace(socket.state, supply=None)
    assert kind.report(socket.state).faulted


def test_a_bank_that_is_lost_takes_its_sockets_with_it_and_gives_them_back() -> None:
    socket = Socket(bank="bank-a").charging()
    socket.supply(live=True)
    assert socket.on
    socket.supply(ready=False)
    assert (socket.on, socket.end["reason"], socket.phase) == (False, "bank_lost", "faulted")
    socket.supply()
    assert (socket.phase, socket.on) == ("free", False)


# Settings


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"class": "ebike", "limits": {"power_w": 2_201}}, "power_w of a socket for ebike"),
        ({"class": "phone", "limits": {"power_w": 1_000}}, "power_w of a socket for phone"),
        ({"limits": {"session_ms": 8 * HOUR_MS + 1}}, "session_ms of a socket for phone"),
        ({"cut_c": 71}, "cut_c is at most 70"),
        ({"warn_c": 70}, "warn_c lies above 0 and below cut_c"),
        ({"lost_ms": 30_001}, "lost_ms lies between 1 and 30000"),
        ({"offline_limit_ms": 0}, "offline_limit_ms lies between"),
        ({"class": "toaster"}, "Invalid enum value 'toaster'"),
        ({"clas": "phone"}, "unknown field `clas`"),
    ],
)
def test_settings_beyond_the_ceilings_are_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=why):
        msgspec.convert(settings, SocketSettings)


def test_an_unwired_class_is_the_one_with_the_least_power() -> None:
    assert SocketSettings().class_name == "phone"


def test_a_phone_and_a_scooter_have_limits_of_their_own() -> None:
    socket = Socket(class_name="phone").charging(18)
    socket.wait(HOUR_MS)
    assert socket.on
    socket.load_w = 121
    socket.wait(2_000)
    assert socket.end["reason"] == "over_power"


def test_a_wake_up_from_before_means_nothing_now() -> None:
    socket = ready()
    for name in ("lease", "load", "check", "over_power", "idle", "cool", "reserved"):
        before = socket.state
        socket.wakes[name] = socket.now_ms
        socket.wait(1, read=False)
        assert (socket.state, socket.on) == (before, False)


def test_a_reading_of_some_other_instrument_changes_nothing() -> None:
    socket = ready()
    before = socket.state
    assert socket.take(Reading("barometer", values(1, 1))) == []
    assert socket.state == before


def test_the_meters_watch_begins_with_the_levels() -> None:
    assert Wake("meter", 30_000) in Socket().take(Levels({}))
