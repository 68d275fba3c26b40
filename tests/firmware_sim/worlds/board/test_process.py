"""A board with the sample wiring: by itself in virtual time, and as the process that outlives a keeper."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from firmware_sim.control.commands import (
    BreakWire,
    Fire,
    Glitch,
    Moves,
    PressEmergencyStop,
    ResetKey,
    Smoke,
    SwapWires,
    Tap,
    TapAndWalk,
    View,
    WaitMove,
)
from firmware_sim.parts.door import Hold, LetGo
from firmware_sim.parts.hardware import Command, ControlError
from firmware_sim.parts.portal import Force, Free, Press, Stick, Walk
from firmware_sim.parts.turnstile import ClearJam, Jam
from firmware_sim.time.clock import run_virtual
from firmware_sim.worlds.board.visitors import run_visitors
from tests.firmware_sim.support.boards import Site

CARD = "H10301:21:15890"
GYM, GATE = "gym-turnstile", "east-gate"


def at(config_name: str, story: Callable[[Site], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        await story(Site(config_name))

    run_virtual(main())


def test_a_tap_is_answered_with_the_times_of_its_first_and_last_pulse() -> None:
    async def story(site: Site) -> None:
        tapped = await site.do(Tap(f"{GYM}.in", CARD))
        assert tapped["last_ns"] - tapped["first_ns"] == pytest.approx(25e6)
        moves = (await site.do(Moves()))["moves"]
        assert {move["name"] for move in moves} == {f"{GYM}.in.d0", f"{GYM}.in.d1"}
        assert len(moves) == 2 * 26
        assert (await site.point())["readers"]["in"]["frames_sent"] == 1

    at("turnstile", story)


def test_a_person_walks_through_an_open_turnstile_and_is_stopped_by_a_locked_one() -> None:
    async def story(site: Site) -> None:
        assert await site.do(Walk(GYM)) == {"passed": False}
        assert await site.do(Walk(GYM, "out")) == {"passed": True}
        unlock = site.unlock()
        assert (await site.do(TapAndWalk(f"{GYM}.in", CARD)))["passed"] is True
        portal = (await site.point())["portal"]
        assert (portal["passed_in"], portal["passed_out"], portal["home"]) == (1, 1, True)
        unlock.close()

    at("turnstile", story)


def test_a_door_is_broken_open_held_and_let_go() -> None:
    async def story(site: Site) -> None:
        with pytest.raises(ControlError, match="is shut"):
            await site.do(Hold(GATE))
        await site.do(Force(GATE))
        await site.do(WaitMove(f"{GATE}.contact"))
        await site.do(Hold(GATE))
        await asyncio.sleep(60)
        assert (await site.point())["portal"]["shut"] is False
        await site.do(LetGo(GATE))
        await asyncio.sleep(60)
        assert (await site.point())["portal"]["shut"] is True

    at("door", story)


def test_the_exit_button_is_pressed_sticks_and_is_repaired() -> None:
    async def story(site: Site) -> None:
        await site.do(Press(GATE))
        assert (await site.point())["exit_button"]["pressed"] is True
        await asyncio.sleep(1)
        assert (await site.point())["exit_button"]["pressed"] is False
        await site.do(Stick(GATE))
        await asyncio.sleep(1)
        assert (await site.point())["exit_button"] == {"kind": "button", "pressed": True, "stuck": True}
        await site.do(Free(GATE))
        assert (await site.point())["exit_button"]["pressed"] is False

    at("door", story)


def test_a_fire_drops_the_arm_and_a_broken_wire_does_not() -> None:
    async def story(site: Site) -> None:
        await site.do(BreakWire("gym"))
        assert (await site.point())["portal"]["arm_dropped"] is False
        await site.do(BreakWire("gym", broken=False))
        await site.do(Fire("gym"))
        assert (await site.point())["portal"]["arm_dropped"] is True
        await site.do(Fire("gym", on=False))
        await site.do(ResetKey("gym"))
        zones = (await site.do(View()))["zones"]
        assert zones["gym"]["fire_panel"]["alarm"] is False
        assert zones["gym"]["reset_key"]["pressed"] is True

    at("turnstile", story)


def test_a_detector_and_a_stop_are_worked_and_seen_at_their_zone() -> None:
    async def story(site: Site) -> None:
        for on in (True, False):
            await site.do(Smoke("gym", on=on))
            await site.do(PressEmergencyStop("gym", on=on))
            await asyncio.sleep(0.1)
            zone = (await site.do(View()))["zones"]["gym"]
            assert (zone["smoke_detector"]["smoke"], zone["emergency_stop"]["pressed"]) == (on, on)

    at("turnstile", story)


def test_a_gate_without_a_detector_has_none_to_blow_smoke_into() -> None:
    async def story(site: Site) -> None:
        zone = (await site.do(View()))["zones"]["estate"]
        assert (zone["smoke_detector"], zone["emergency_stop"]) == (None, None)
        with pytest.raises(ControlError, match="no smoke detector 'estate' here"):
            await site.do(Smoke("estate"))

    at("door", story)


def test_an_arm_jams_and_is_freed() -> None:
    async def story(site: Site) -> None:
        await site.do(Jam(GYM))
        assert await site.do(Walk(GYM, "out")) == {"passed": False}
        assert (await site.point())["portal"]["home"] is False
        await site.do(ClearJam(GYM))
        await asyncio.sleep(5)
        assert (await site.point())["portal"]["home"] is True
        await site.do(Force(GYM))
        await asyncio.sleep(5)
        assert (await site.point())["portal"]["passed_in"] == 1

    at("turnstile", story)


def test_swapped_wires_turn_every_bit() -> None:
    async def story(site: Site) -> None:
        await site.do(SwapWires(f"{GYM}.in"))
        await site.do(Tap(f"{GYM}.in", "1000"))
        pulses = [move["name"][-1] for move in (await site.do(Moves()))["moves"] if not move["level"]]
        assert "".join(pulses) == "0111"
        await site.do(SwapWires(f"{GYM}.in", swapped=False))
        await site.do(Glitch(f"{GYM}.in"))
        assert len((await site.do(Moves()))["moves"]) == 2 * 4 + 1

    at("turnstile", story)


def test_a_move_is_waited_for_by_name_and_level() -> None:
    async def story(site: Site) -> None:
        assert await site.do(WaitMove(f"{GYM}.unlock", timeout_ms=100)) == {"move": None}
        waiting = asyncio.create_task(site.do(WaitMove(f"{GYM}.unlock", level=False)))
        unlock = site.unlock()
        await asyncio.sleep(1)
        assert not waiting.done()
        unlock.off()
        move = (await waiting)["move"]
        assert (move["pin"], move["level"], move["cause"], move["at_ns"]) == (17, False, "host", 1_100_000_000)
        earlier = await site.do(WaitMove(f"{GYM}.unlock", level=True, since_ns=0))
        assert earlier["move"]["at_ns"] == 100_000_000
        unlock.close()

    at("turnstile", story)


def test_moves_in_one_instant_are_told_apart() -> None:
    async def story(site: Site) -> None:
        unlock = site.unlock()
        unlock.off()
        first, second = (await site.do(Moves()))["moves"]
        assert first["at_ns"] < second["at_ns"]
        waited = await site.do(WaitMove(since_ns=first["at_ns"], timeout_ms=1))
        assert waited["move"] == second
        unlock.close()

    at("turnstile", story)


def test_the_view_tells_outputs_by_name() -> None:
    async def story(site: Site) -> None:
        assert (await site.point())["outputs"]["green"] == {"pin": 23, "level": False, "active": False, "held": False}
        green = site.unlock(23)
        assert (await site.point())["outputs"]["green"] == {"pin": 23, "level": True, "active": True, "held": True}
        green.close()

    at("door", story)


@pytest.mark.parametrize(
    ("order", "complaint"),
    [
        (Tap("cellar.in", CARD), f"no reader 'cellar.in' here; there is {GYM}.in"),
        (Tap(f"{GYM}.in", "1" * 300), "a frame is 1 to 256"),
        (TapAndWalk(f"{GYM}.in", "H99:1:1"), "no card format"),
        (Walk("cellar"), f"no point 'cellar' here; there is {GYM}"),
        (Press(GYM), f"no exit button '{GYM}' here; there is none"),
        (Hold(GYM), "no door 'gym-turnstile' here"),
        (Fire("cellar"), "no zone 'cellar' here; there is gym"),
        (WaitMove("cellar.lock"), f"no pin 'cellar.lock' here; there is {GYM}.arm, "),
    ],
)
def test_an_order_for_what_is_not_there_is_refused(order: Command, complaint: str) -> None:
    async def story(site: Site) -> None:
        with pytest.raises(ControlError, match=complaint):
            await site.do(order)

    at("turnstile", story)


def test_a_second_card_waits_for_the_first() -> None:
    async def story(site: Site) -> None:
        first = asyncio.create_task(site.do(Tap(f"{GYM}.in", CARD)))
        await asyncio.sleep(0)
        with pytest.raises(ControlError, match="still sending the card before"):
            await site.do(Tap(f"{GYM}.in", CARD))
        await first
        await site.do(Tap(f"{GYM}.in", CARD))

    at("turnstile", story)


def test_neighbours_come_by_themselves() -> None:
    async def story(site: Site) -> None:
        visitors = asyncio.create_task(run_visitors(site.config, site.hardware))
        await asyncio.sleep(600)
        visitors.cancel()
        assert 2 <= site.hardware.readers[f"{GYM}.in"].frames_sent <= 20

    at("turnstile", story)
