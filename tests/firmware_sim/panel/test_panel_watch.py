"""How often the panel looks at a board: never faster than a page needs, and not at all when nobody looks."""

import asyncio
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any, cast

import pytest

from contract.phrases import Phrase
from firmware_sim.control.control import BoardControl, BoardGone
from firmware_sim.panel.watch import LOOKS_APART_S, STILL_MS, Snapshot, Watch
from firmware_sim.panel.world import Card, PanelDevice
from firmware_sim.time.clock import run_virtual
from tests.firmware_sim.support.panel_world import PARTS, switch

Looks = list[float]


class Board:
    """Stands for a board: its arm turns for as long as it is told to, and it can be away."""

    def __init__(self) -> None:
        self.looks: Looks = []
        self.turning = False
        self.away = False
        self.moved = asyncio.Event()

    async def view(self) -> dict[str, Any]:
        if self.away:
            raise BoardGone("gone")
        now = asyncio.get_running_loop().time()
        self.looks.append(now)
        return {"at_ns": round(now * 1e9), "points": {"gym": now if self.turning else 0}, "zones": {}}

    async def wait_move(self, *, since_ns: int, timeout_ms: int) -> None:
        async with asyncio.timeout(timeout_ms / 1000):
            await self.moved.wait()
        self.moved.clear()


class OneDevice:
    """A world of one device, whose agent is away."""

    cards: tuple[Card, ...] = ()
    name, label = "gym", Phrase("健身房", "Gym")

    def __init__(self) -> None:
        self.plugs = {part: switch(part != "agent") for part in PARTS}
        self.board = Board()
        self.control = cast("BoardControl", self.board)
        self.devices = {"gym": cast("PanelDevice", self)}
        self.watch = Watch(self.devices)

    async def status(self) -> dict[str, Any] | None:
        return None

    async def look_on(self, seconds: float) -> list[Snapshot]:
        """Look at the page for a while; what it was told."""
        told: list[Snapshot] = []

        async def follow() -> None:
            number = 0
            while True:
                number, changed = await self.watch.after(number)
                told.extend(changed)

        async with self.watch.looking():
            following = asyncio.create_task(follow())
            await asyncio.sleep(seconds)
            following.cancel()
        return told


def seen(story: Callable[[OneDevice], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        await story(OneDevice())

    run_virtual(main())


def test_nobody_looks_while_nobody_has_the_page_open() -> None:
    async def story(world: OneDevice) -> None:
        await asyncio.sleep(60)
        assert world.board.looks == []
        await world.look_on(1)
        looks = len(world.board.looks)
        await asyncio.sleep(60)
        assert len(world.board.looks) == looks

    seen(story)


def test_a_still_board_is_looked_at_now_and_then_and_told_once() -> None:
    async def story(world: OneDevice) -> None:
        told = await world.look_on(60)
        assert len(told) == 1
        assert len(world.board.looks) <= 60 / (STILL_MS / 1000 + LOOKS_APART_S) + 2

    seen(story)


def test_a_moving_board_is_looked_at_four_times_a_second() -> None:
    async def story(world: OneDevice) -> None:
        world.board.turning = True
        told = await world.look_on(10)
        assert len(told) == len(world.board.looks) == 10 / LOOKS_APART_S

    seen(story)


@pytest.mark.parametrize(("moves_at", "looked_at"), [(10.0, 10.0), (10.3, 10.5)])
def test_the_first_move_of_a_pin_is_seen_at_once_but_never_sooner_than_a_look_apart(
    moves_at: float, looked_at: float
) -> None:
    async def story(world: OneDevice) -> None:
        asyncio.get_running_loop().call_later(moves_at, world.board.moved.set)
        await world.look_on(11)
        assert looked_at in world.board.looks
        assert min(later - earlier for earlier, later in pairwise(world.board.looks)) >= LOOKS_APART_S

    seen(story)


def test_what_was_done_at_the_panel_is_seen_at_once() -> None:
    async def story(world: OneDevice) -> None:
        asyncio.get_running_loop().call_later(10.0, world.watch.nudge, "gym")
        await world.look_on(11)
        assert 10.0 in world.board.looks

    seen(story)


def test_a_board_that_is_away_is_shown_as_away_and_found_again() -> None:
    async def story(world: OneDevice) -> None:
        world.board.away = True

        def back() -> None:
            world.board.away = False

        asyncio.get_running_loop().call_later(5, back)
        told = await world.look_on(10)
        assert [snapshot["points"] for snapshot in told] == [{}, {"gym": 0}]

    seen(story)


def test_a_second_viewer_is_told_everything_though_nothing_moves() -> None:
    async def story(world: OneDevice) -> None:
        async with world.watch.looking():
            await asyncio.sleep(5)
            assert len(await world.look_on(1)) == 1

    seen(story)


def test_a_closed_watch_lets_every_viewer_go() -> None:
    """Or a page left open in a browser keeps the demo from ending."""

    async def story(world: OneDevice) -> None:
        async with world.watch.looking():
            waiting = asyncio.create_task(world.watch.after(100))
            await asyncio.sleep(1)
            assert not waiting.done()
            world.watch.close()
            await waiting
            assert world.watch.closed

    seen(story)
