"""The socket between a board and those who hold cards to it: real sockets, a board made of answers."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.control.commands import Tap, Tapped, View, WaitMove
from firmware_sim.control.control import MAX_ORDER_BYTES, MAX_UNANSWERED, BoardControl, BoardGone, ControlServer
from firmware_sim.parts.hardware import Command, ControlError
from firmware_sim.parts.portal import Press, Walk
from firmware_sim.time.clock import run_real

PATIENCE_S = 20.0


class Answers:
    """Stands for a board: says what it was told to say, and holds a walk until it is let through."""

    def __init__(self) -> None:
        self.heard: list[Command] = []
        self.gate = asyncio.Event()
        self.walking = asyncio.Event()

    async def obey(self, order: Command) -> dict[str, Any]:
        self.heard.append(order)
        match order:
            case Walk():
                self.walking.set()
                await self.gate.wait()
                return {"passed": True}
            case Tap():
                return {"first_ns": 1, "last_ns": 2}
            case WaitMove():
                return {"move": None}
            case Press():
                raise ControlError("no exit button here")
            case _:
                return {"points": {}}


class Line:
    """A served board, and its socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answers = Answers()
        self.server = ControlServer(path, self.answers.obey)

    async def say(self, *lines: bytes) -> list[dict[str, Any]]:
        """Write to the socket by hand; one answer is awaited for each line."""
        reader, writer = await asyncio.open_unix_connection(self.path)
        writer.write(b"".join(line + b"\n" for line in lines))
        answers = [json.loads(await reader.readline()) for _ in lines]
        writer.close()
        return answers


def on_a_line(tmp_path: Path, story: Callable[[Line, BoardControl], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        line = Line(tmp_path / "control.sock")
        await line.server.start()
        try:
            async with asyncio.timeout(PATIENCE_S), BoardControl(line.path) as control:
                await story(line, control)
        finally:
            await line.server.close()

    run_real(main())


def test_board_obeys_its_owner_alone(tmp_path: Path) -> None:
    """Whoever can write to the socket holds every card."""

    async def story(line: Line, _control: BoardControl) -> None:
        assert line.path.stat().st_mode & 0o777 == 0o600

    on_a_line(tmp_path, story)


def test_an_order_reaches_the_board_and_its_answer_comes_back(tmp_path: Path) -> None:
    async def story(line: Line, control: BoardControl) -> None:
        assert await control.tap("gym.in", "1010") == Tapped(1, 2)
        assert await control.view() == {"points": {}}
        assert line.answers.heard == [Tap("gym.in", "1010"), View()]

    on_a_line(tmp_path, story)


def test_others_may_act_while_a_person_walks(tmp_path: Path) -> None:
    async def story(line: Line, control: BoardControl) -> None:
        walk = asyncio.create_task(control.walk("gym"))
        await line.answers.walking.wait()
        assert await control.view() == {"points": {}}
        assert not walk.done()
        line.answers.gate.set()
        assert await walk is True

    on_a_line(tmp_path, story)


def test_a_refusal_is_raised_with_the_boards_own_words(tmp_path: Path) -> None:
    async def story(_line: Line, control: BoardControl) -> None:
        with pytest.raises(ControlError, match="no exit button here"):
            await control.ask(Press("gym"))

    on_a_line(tmp_path, story)


def test_a_pin_that_did_not_move_is_told_by_name(tmp_path: Path) -> None:
    async def story(_line: Line, control: BoardControl) -> None:
        with pytest.raises(TimeoutError, match=r"gym\.unlock did not move to high within 50 ms"):
            await control.wait_move("gym.unlock", level=True, timeout_ms=50)

    on_a_line(tmp_path, story)


def test_without_a_board_the_cure_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(BoardGone, match="start it first"):
            await BoardControl(tmp_path / "nothing.sock").view()
        with pytest.raises(BoardGone):
            await BoardControl(tmp_path / "nothing.sock").wait_until_up(patience_s=0)

    run_real(main())


def test_a_board_that_goes_fails_what_was_under_way_and_may_come_back(tmp_path: Path) -> None:
    async def story(line: Line, control: BoardControl) -> None:
        walk = asyncio.create_task(control.walk("gym"))
        await line.answers.walking.wait()
        await line.server.close()
        with pytest.raises(BoardGone, match="has gone"):
            await walk
        with pytest.raises(BoardGone, match="start it first"):
            await control.view()
        await line.server.start()
        await control.wait_until_up()
        assert await control.view() == {"points": {}}

    on_a_line(tmp_path, story)


def test_an_order_that_cannot_be_read_is_answered_and_the_line_goes_on(tmp_path: Path) -> None:
    async def story(line: Line, _control: BoardControl) -> None:
        answers = await line.say(
            b"nonsense", b'{"id": 3, "order": {"do": "fly"}}', b'{"id": 4, "order": {"do": "view"}}'
        )
        by_id = {answer["id"]: answer for answer in answers}
        assert "not a request" in by_id[0]["error"]
        assert "fly" in by_id[3]["error"]
        assert by_id[4] == {"id": 4, "ok": {"points": {}}}

    on_a_line(tmp_path, story)


def test_an_endless_order_is_not_read_to_its_end(tmp_path: Path) -> None:
    async def story(line: Line, control: BoardControl) -> None:
        (answer,) = await line.say(b"x" * (3 * MAX_ORDER_BYTES))
        assert f"at most {MAX_ORDER_BYTES} bytes" in answer["error"]
        assert await control.view() == {"points": {}}

    on_a_line(tmp_path, story)


def test_no_caller_has_endless_orders_under_way(tmp_path: Path) -> None:
    async def story(line: Line, control: BoardControl) -> None:
        walks = [asyncio.create_task(control.walk("gym")) for _ in range(MAX_UNANSWERED)]
        await line.answers.walking.wait()
        with pytest.raises(ControlError, match="under way already"):
            await control.view()
        line.answers.gate.set()
        assert all(await asyncio.gather(*walks))

    on_a_line(tmp_path, story)
