import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from firmware_sim.board.board import Board
from firmware_sim.parts.button import PushButton
from firmware_sim.parts.door import Door
from firmware_sim.parts.relay import Load, Lock
from firmware_sim.time.clock import VirtualLoop
from tests.firmware_sim.support.story import in_virtual_time

STRIKE, CONTACT, BUTTON = 17, 27, 26


class Entrance:
    """A door with one lock, an exit button beside it, and a hand on the lock's relay."""

    def __init__(self, loop: asyncio.AbstractEventLoop, load: Load = "power_to_unlock", **door: bool) -> None:
        self.board = Board(loop, seed=1, pulls={STRIKE: "down", CONTACT: "up", BUTTON: "up"})
        self.lock = Lock(self.board, pin=STRIKE, load=load)
        self.button = PushButton(self.board, pin=BUTTON, releases=[self.lock.supply] if load == "power_to_lock" else [])
        self.door = Door(
            self.board,
            contact_pin=CONTACT,
            locks=[self.lock],
            exit_button=self.button,
            inside_handle=door.get("inside_handle", False),
            contact_reversed=door.get("contact_reversed", False),
        )

    def unlock(self, unlocked: bool = True) -> None:
        self.board.pin(STRIKE).drive(unlocked or None)

    @property
    def contact_closed(self) -> bool:
        return not self.board.pin(CONTACT).level


def entrance(load: Load = "power_to_unlock", **door: bool) -> Entrance:
    return Entrance(asyncio.get_running_loop(), load, **door)


@in_virtual_time
async def test_a_locked_door_does_not_give() -> None:
    here = entrance()
    assert here.door.push() is False
    assert await here.door.enter(2.0) is False
    assert (here.door.angle, here.contact_closed) == (0.0, True)


@in_virtual_time
async def test_an_unlocked_door_opens_under_a_hand_and_closes_by_itself() -> None:
    here = entrance()
    here.unlock()
    await asyncio.sleep(0.1)
    assert here.door.push() is True
    await asyncio.sleep(0.05)
    assert 0 < here.door.angle < 4, "a leaf is heavy: it has hardly moved yet"
    assert here.contact_closed
    await asyncio.sleep(2)
    assert (here.door.angle, here.contact_closed) == (80.0, False)
    here.door.let_go()
    await asyncio.sleep(1)
    assert 0 < here.door.angle < 80
    await asyncio.sleep(4)
    assert (here.door.angle, here.door.shut, here.contact_closed) == (0.0, True, True)


@in_virtual_time
async def test_a_person_waits_for_the_click_and_walks_through() -> None:
    here = entrance()
    asyncio.get_running_loop().call_later(1.0, here.unlock)
    assert await here.door.enter(3.0) is True


@in_virtual_time
async def test_a_strike_that_locks_while_the_door_is_open_lets_it_fall_shut_and_holds_it_then() -> None:
    here = entrance()
    here.unlock()
    await asyncio.sleep(0.1)
    here.door.push()
    here.unlock(False)
    await asyncio.sleep(2)
    assert (here.lock.locked, here.door.held) == (True, False)
    here.door.let_go()
    await asyncio.sleep(5)
    assert here.door.held


@in_virtual_time
async def test_a_door_that_is_held_or_wedged_stays_where_it_is() -> None:
    here = entrance()
    here.unlock()
    await asyncio.sleep(0.1)
    here.door.push()
    await asyncio.sleep(2)
    here.door.hold()
    here.door.let_go()
    await asyncio.sleep(60)
    assert here.door.angle == 80.0
    here.door.wedge()
    here.door.let_go()
    await asyncio.sleep(60)
    assert (here.door.angle, here.door.view()["wedged"]) == (80.0, True)
    here.door.unwedge()
    await asyncio.sleep(5)
    assert here.door.shut


@in_virtual_time
async def test_force_opens_a_locked_door() -> None:
    here = entrance()
    here.door.force()
    await asyncio.sleep(2)
    assert (here.lock.locked, here.contact_closed) == (True, False)


@in_virtual_time
async def test_a_reversed_contact_tells_the_opposite() -> None:
    here = entrance(contact_reversed=True)
    assert not here.contact_closed
    here.door.force()
    await asyncio.sleep(2)
    assert here.contact_closed


@pytest.mark.parametrize("load", ["power_to_unlock", "power_to_lock"])
@in_virtual_time
async def test_out_by_the_exit_button_where_the_magnet_needs_no_software_and_the_strike_does(load: Load) -> None:
    here = entrance(load)
    assert await here.door.leave(1.0) is (load == "power_to_lock")


@in_virtual_time
async def test_out_by_the_inside_handle_whatever_the_lock_does() -> None:
    here = entrance(inside_handle=True)
    assert await here.door.leave() is True
    assert here.lock.locked


@in_virtual_time
async def test_a_door_nobody_touches_sets_no_timer() -> None:
    here = entrance()
    at_start = list(here.board.moves)
    await asyncio.sleep(30 * 24 * 3600)
    assert list(here.board.moves) == at_start


class AnyOldHow(RuleBasedStateMachine):
    """Hands, wedges and relays in any order: a leaf never leaves a locked frame, and the contact tells the truth."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.here = Entrance(self.loop)
        self.leaving_held = False
        self.here.board.pin(CONTACT).watch(self._contact_moved)

    def _contact_moved(self, level: bool, at_ns: int) -> None:
        if level and self.here.door.held:
            self.leaving_held = True

    @rule(seconds=st.floats(0.0, 6.0))
    def wait(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))

    @rule(unlocked=st.booleans())
    def relay(self, unlocked: bool) -> None:
        self.here.unlock(unlocked)

    @rule()
    def push(self) -> None:
        held = self.here.door.held
        assert self.here.door.push() is not held

    @rule(act=st.sampled_from(["hold", "let_go", "wedge", "unwedge"]))
    def touch(self, act: str) -> None:
        getattr(self.here.door, act)()

    @invariant()
    def a_held_leaf_is_shut(self) -> None:
        assert not self.leaving_held
        assert not (self.here.door.held and self.here.door.angle > 0)
        assert 0 <= self.here.door.angle <= 101

    def teardown(self) -> None:
        self.here.door.unwedge()
        for _ in range(60):
            self.here.door.let_go()
        self.loop.run_until_complete(asyncio.sleep(20))
        self.loop.close()
        assert (self.here.door.shut, self.here.contact_closed) == (True, True)


def test_a_leaf_never_passes_a_locked_frame_and_always_comes_home() -> None:
    run_state_machine_as_test(AnyOldHow)


@given(st.floats(0.01, 3.0))
def test_a_leaf_let_go_at_any_time_falls_shut(held_s: float) -> None:
    loop = VirtualLoop()
    here = Entrance(loop)
    here.door.force()
    loop.run_until_complete(asyncio.sleep(held_s))
    here.door.let_go()
    loop.run_until_complete(asyncio.sleep(10))
    loop.close()
    assert (here.door.shut, here.contact_closed) == (True, True)
