import asyncio
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from firmware_sim.board.board import Board
from firmware_sim.parts.emergency import FirePanel
from firmware_sim.parts.turnstile import Turnstile
from firmware_sim.time.clock import VirtualLoop
from tests.firmware_sim.support.story import in_virtual_time

UNLOCK, SENSOR, EXIT_SENSOR, FIRE = 22, 23, 25, 24


class Gate:
    """A turnstile and a hand on its unlock contact."""

    def __init__(self, loop: asyncio.AbstractEventLoop, **turnstile: Any) -> None:
        self.board = Board(loop, seed=1, pulls={UNLOCK: "down", SENSOR: "up", EXIT_SENSOR: "up", FIRE: "up"})
        self.turnstile = Turnstile(self.board, unlock_pin=UNLOCK, sensor_pin=SENSOR, **turnstile)

    def unlock(self, unlocked: bool = True) -> None:
        self.board.pin(UNLOCK).drive(unlocked or None)

    def away(self, pin: int = SENSOR) -> bool:
        return not self.board.pin(pin).level


def gate(**turnstile: Any) -> Gate:
    return Gate(asyncio.get_running_loop(), **turnstile)


@in_virtual_time
async def test_a_locked_arm_does_not_give() -> None:
    here = gate()
    assert here.turnstile.push() is False
    assert await here.turnstile.enter(2.0) is False
    assert (here.turnstile.angle, list(here.board.moves)) == (0.0, [])


@in_virtual_time
async def test_a_released_arm_turns_one_third_in_about_a_second_and_is_locked_again() -> None:
    here = gate()
    loop = asyncio.get_running_loop()
    here.unlock()
    await asyncio.sleep(0.1)
    began = loop.time()
    assert await here.turnstile.enter() is True
    assert 0.6 < loop.time() - began < 1.5
    assert (here.turnstile.passed, here.turnstile.locked) == ({"in": 1, "out": 0}, True)
    assert here.turnstile.push() is False, "the contact is still closed, but the pawl has dropped"
    here.unlock(False)
    await asyncio.sleep(0.1)
    here.unlock()
    await asyncio.sleep(0.1)
    assert here.turnstile.push() is True


@in_virtual_time
async def test_the_sensor_closes_while_the_arm_is_away_from_home() -> None:
    here = gate()
    here.unlock()
    await asyncio.sleep(0.1)
    here.turnstile.push()
    await asyncio.sleep(0.5)
    assert 8 < here.turnstile.angle < 112
    assert here.away()
    await asyncio.sleep(1)
    assert (here.turnstile.angle, here.away()) == (0.0, False)


@in_virtual_time
async def test_a_worn_machine_lets_a_second_person_through_while_the_contact_is_closed() -> None:
    here = gate(relocks=False)
    here.unlock()
    await asyncio.sleep(0.1)
    assert await here.turnstile.enter() is True
    assert await here.turnstile.enter() is True
    assert here.turnstile.passed["in"] == 2


@in_virtual_time
async def test_a_turn_once_begun_goes_through_even_if_the_lock_comes_back() -> None:
    here = gate()
    here.unlock()
    await asyncio.sleep(0.1)
    here.turnstile.push()
    here.unlock(False)
    await asyncio.sleep(2)
    assert here.turnstile.passed["in"] == 1


@in_virtual_time
async def test_the_way_out_is_free_and_may_have_a_sensor_of_its_own() -> None:
    here = gate(exit_sensor_pin=EXIT_SENSOR)
    here.turnstile.push("out")
    await asyncio.sleep(0.5)
    assert (here.away(SENSOR), here.away(EXIT_SENSOR)) == (False, True)
    await asyncio.sleep(1)
    assert await here.turnstile.leave() is True
    assert here.turnstile.passed["out"] == 2


@in_virtual_time
async def test_where_the_way_out_is_barred_it_needs_the_lock_drawn() -> None:
    here = gate(exit_free=False)
    assert await here.turnstile.leave(1.0) is False
    here.unlock()
    assert await here.turnstile.leave(1.0) is True


@in_virtual_time
async def test_a_person_who_steps_back_moves_the_arm_and_does_not_pass() -> None:
    here = gate()
    here.unlock()
    await asyncio.sleep(0.1)
    assert here.turnstile.hesitate() is True
    await asyncio.sleep(2)
    assert (here.turnstile.angle, here.turnstile.passed["in"], here.turnstile.locked) == (0.0, 0, False)
    assert any(move.pin == SENSOR for move in here.board.moves)


@in_virtual_time
async def test_a_jammed_arm_stays_away_from_home_until_somebody_frees_it() -> None:
    here = gate()
    here.turnstile.jam()
    here.unlock()
    assert await here.turnstile.enter(5.0) is False
    await asyncio.sleep(3600)
    assert (here.away(), here.turnstile.view()["jammed"]) == (True, True)
    here.turnstile.clear_jam()
    await asyncio.sleep(2)
    assert (here.turnstile.angle, here.away()) == (0.0, False)
    assert await here.turnstile.enter() is True


@in_virtual_time
async def test_an_arm_can_jam_in_the_middle_of_a_turn() -> None:
    here = gate()
    here.unlock()
    await asyncio.sleep(0.1)
    here.turnstile.push()
    await asyncio.sleep(0.5)
    here.turnstile.jam()
    await asyncio.sleep(60)
    assert 8 < here.turnstile.angle < 112
    assert here.away()


@in_virtual_time
async def test_force_turns_a_locked_arm() -> None:
    here = gate()
    assert here.turnstile.force() is True
    assert here.turnstile.force() is False, "it is turning already"
    await asyncio.sleep(2)
    assert (here.turnstile.passed["in"], here.turnstile.locked) == (1, True)


@in_virtual_time
async def test_in_a_fire_the_arm_drops_and_everybody_walks_through_until_the_panel_is_reset() -> None:
    here = gate()
    panel = FirePanel(here.board, pin=FIRE, releases=[here.turnstile.supply])
    panel.alarm()
    assert await here.turnstile.enter(0.0) is True
    assert await here.turnstile.leave(0.0) is True
    assert (here.turnstile.arm_dropped, here.away(), here.turnstile.passed["in"]) == (True, False, 0)
    panel.alarm(False)
    assert here.turnstile.locked
    assert await here.turnstile.enter(1.0) is False


@in_virtual_time
async def test_a_fire_in_the_middle_of_a_turn_drops_the_arm_too() -> None:
    here = gate()
    here.unlock()
    await asyncio.sleep(0.1)
    here.turnstile.push()
    await asyncio.sleep(0.5)
    here.turnstile.supply.break_by("power cut")
    await asyncio.sleep(0.1)
    assert (here.turnstile.angle, here.away(), here.turnstile.view()["arm_dropped"]) == (0.0, False, True)


class AnyOldHow(RuleBasedStateMachine):
    """Pushes, locks, jams and fires in any order: nobody passes a locked arm, and the sensor tells the truth."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.here = Gate(self.loop)
        self.turnstile = self.here.turnstile
        self.pushes = 0

    @rule(seconds=st.floats(0.0, 2.0))
    def wait(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    @rule(unlocked=st.booleans())
    def relay(self, unlocked: bool) -> None:
        self.here.unlock(unlocked)

    @rule(act=st.sampled_from(["push", "hesitate"]))
    def push(self, act: str) -> None:
        locked = self.turnstile.locked
        gave = getattr(self.turnstile, act)()
        assert not (gave and locked)
        self.pushes += gave

    @rule(act=st.sampled_from(["jam", "clear_jam"]))
    def meddle(self, act: str) -> None:
        getattr(self.turnstile, act)()

    @rule(broken=st.booleans())
    def supply(self, broken: bool) -> None:
        self.turnstile.supply.break_by("test", broken=broken)

    @invariant()
    def no_more_pass_than_push(self) -> None:
        assert self.turnstile.passed["in"] <= self.pushes
        assert 0 <= self.turnstile.angle <= 120

    def teardown(self) -> None:
        self.turnstile.clear_jam()
        self.loop.run_until_complete(asyncio.sleep(5))
        self.loop.close()
        assert (self.turnstile.angle, self.here.away(), self.turnstile.view()["home"]) == (0.0, False, True)


def test_nobody_passes_a_locked_arm_and_the_arm_always_comes_home() -> None:
    run_state_machine_as_test(AnyOldHow)
