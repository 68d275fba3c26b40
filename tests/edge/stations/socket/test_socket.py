"""A charging socket, told by what happens at it."""

import pytest

from contract.reasons import Reason
from edge.archetypes.protocol import (
    HOLD_LEASE_MS,
    Drive,
    Levels,
    Record,
    Restored,
    Show,
)
from edge.archetypes.session import Price, Tariff
from edge.stations import socket as kind
from edge.stations.socket.state import NEXT, SocketSettings
from tests.contract.allotments import own
from tests.edge.support.socket_phases import HOUR_MS, MINUTE_MS, in_phase, ready
from tests.edge.support.sockets import ANNA, BEN, CARL, Socket, card_of, ordered


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
            socket.boot(Restored(kept, 5_000), {})
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
    effects = ready().tap(allotment=own("ebikes", 60, 500))
    names = [type(effect).__name__ for effect in effects]
    assert names[:6] == ["Record", "Record", "Spend", "Persist", "Drive", "Wake"]
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
