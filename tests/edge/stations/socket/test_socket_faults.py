"""A socket without its cloud or its bank, with sensors that lie, and in an emergency."""

import msgspec
import pytest

from contract.decide import Mode
from contract.reasons import Reason
from edge.archetypes.protocol import (
    CloudAuthenticated,
    Levels,
    ModeChanged,
    Rest,
    Restored,
    Send,
)
from edge.stations import socket as kind
from edge.stations.bank import Clear, Cut, Want
from tests.edge.support.socket_phases import HOUR_MS, MINUTE_MS, charged, in_phase, ready
from tests.edge.support.sockets import BEN, CARL, POINT, Socket, decision, ordered


def test_a_session_goes_on_without_the_cloud_until_the_offline_limit() -> None:
    socket = Socket(offline_limit_ms=HOUR_MS).charging()
    socket.wait(HOUR_MS - 3_000)
    assert socket.on
    socket.wait(1_000)
    assert socket.end["reason"] == "offline_limit"


def test_a_cloud_that_is_heard_gives_the_whole_time_again() -> None:
    socket = Socket(offline_limit_ms=HOUR_MS).charging()
    socket.wait(HOUR_MS - 5_000)
    socket.take(CloudAuthenticated())
    socket.wait(HOUR_MS - 1_000)
    assert socket.on


def test_the_rule_is_told_after_how_long_nothing_begins() -> None:
    assert kind.KIND.report(ready().state).offline_limit_ms == 12 * HOUR_MS


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
    socket.state = kind.KIND.start(POINT, socket.settings)
    socket.emergency("fire")
    socket.take(Restored(kept, 1_000))
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
    assert kind.KIND.report(socket.state).faulted


def test_a_bank_that_is_lost_takes_its_sockets_with_it_and_gives_them_back() -> None:
    socket = Socket(bank="bank-a").charging()
    socket.supply(live=True)
    assert socket.on
    socket.supply(ready=False)
    assert (socket.on, socket.end["reason"], socket.phase) == (False, "bank_lost", "faulted")
    socket.supply()
    assert (socket.phase, socket.on) == ("free", False)
