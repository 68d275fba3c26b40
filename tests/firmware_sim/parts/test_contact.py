import asyncio

from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.board.board import Board
from firmware_sim.parts.contact import Contact
from firmware_sim.time.clock import run_virtual
from tests.firmware_sim.support.story import in_virtual_time


@given(st.integers(), st.lists(st.tuples(st.booleans(), st.floats(0, 0.02)), max_size=12))
def test_a_contact_may_bounce_but_ends_where_it_was_put(seed: int, moves: list[tuple[bool, float]]) -> None:
    async def ends() -> tuple[bool, bool]:
        board = Board(asyncio.get_running_loop(), seed=seed, pulls={27: "up"})
        contact = Contact(board, pin=27, name="test", bounce_ms=5)
        for closed, wait_s in moves:
            contact.put(closed)
            await asyncio.sleep(wait_s)
        await asyncio.sleep(0.006)
        return contact.closed, board.pin(27).level

    closed = moves[-1][0] if moves else False
    assert run_virtual(ends()) == (closed, not closed)


@in_virtual_time
async def test_bounces_are_over_within_the_bounce_time_and_there_are_some() -> None:
    board = Board(asyncio.get_running_loop(), seed=1, pulls={27: "up"})
    contact = Contact(board, pin=27, name="test", bounce_ms=5, max_bounces=4)
    for turn in range(20):
        start_ns = turn * 10**9
        await asyncio.sleep(turn - asyncio.get_running_loop().time())
        contact.put(turn % 2 == 0)
        await asyncio.sleep(0.5)
        assert all(move.at_ns - start_ns <= 5_000_000 for move in board.moves if move.at_ns >= start_ns)
    assert len(board.moves) > 40


@in_virtual_time
async def test_a_welded_contact_never_moves() -> None:
    board = Board(asyncio.get_running_loop(), seed=1, pulls={27: "up"})
    contact = Contact(board, pin=27, name="test", closed=True)
    contact.welded = True
    contact.put(False)
    await asyncio.sleep(1)
    assert board.pin(27).level is False
