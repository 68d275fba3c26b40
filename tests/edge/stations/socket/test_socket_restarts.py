"""A socket after boot, crash and power cut."""

import msgspec
import pytest

from contract.decide import Mode
from edge.archetypes.protocol import (
    Levels,
    ModeChanged,
    Persist,
    Rest,
    Restored,
)
from edge.stations import socket as kind
from edge.stations.socket.state import StoredSocket
from tests.edge.support.socket_phases import MINUTE_MS, PHONES, charged, full, in_phase
from tests.edge.support.sockets import BEN, Socket, decision


def test_a_socket_starts_dead() -> None:
    socket = Socket()
    assert not socket.on
    assert Socket().take(Levels({}))[0] == Rest("relay")


def test_before_the_meter_is_heard_nothing_starts() -> None:
    socket = Socket()
    assert kind.KIND.report(socket.state).faulted
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
    assert socket.spent["00000000000000a1"].used["wh"] == 200_000


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
    socket.take(Restored(document, 6 * MINUTE_MS))
    socket.wait(MINUTE_MS)
    assert (socket.phase, socket.on) == ("charging", True)


@pytest.mark.parametrize("how", ["nobody ever knows", "it was long"])
def test_after_a_long_cut_it_ends_whenever_that_is_known(how: str) -> None:
    socket = Socket(resume=True).charging()
    socket.wait(MINUTE_MS)
    document = socket.kept
    socket.restart(unknown=True)
    if how == "it was long":
        socket.take(Restored(document, 10 * MINUTE_MS + 1))
    socket.wait(11 * MINUTE_MS)
    assert (socket.phase, socket.on, socket.end["reason"]) == ("free", False, "power_loss")


@pytest.mark.parametrize("gap_ms", [5_000, 10 * MINUTE_MS + 1, None])
def test_what_was_drawn_after_the_last_page_is_counted_though_the_session_does_not_go_on(gap_ms: int | None) -> None:
    socket = Socket(resume=False).charging(800)
    socket.wait(59_000)
    kept = msgspec.json.decode(socket.kept, type=StoredSocket).session
    assert kept is not None
    assert kept.used_mwh < (socket.drawn_wh - 5_000 - 5) * 1_000
    socket.boot(Restored(socket.kept, gap_ms), {})
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
    socket.take(Restored(document, 5_000))
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
    first = next(effect for effect in effects if isinstance(effect, Persist))
    assert msgspec.json.decode(first.document, type=StoredSocket).latched == ("leakage",)


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
    socket.take(Restored(document, 5_000))
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
    socket = Socket(found=Restored(b"rubbish", 5_000))
    socket.wait(1_000)
    assert (socket.phase, socket.faults) == ("faulted", {"kept_unreadable"})
