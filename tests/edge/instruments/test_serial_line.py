"""A serial line as bytes: what arrives, what is sent, and a plug that is pulled. The line is a pseudo-terminal."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from edge.instruments.serial_line import SerialLine
from edge.machine import device_file
from tests.edge.support.ptys import pty
from tests.edge.support.waiting import until


def in_real_time(story: Callable[[Path], Coroutine[Any, Any, None]]) -> Callable[[Path], None]:
    @wraps(story)
    def test(tmp_path: Path) -> None:
        asyncio.run(story(tmp_path))

    return test


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_file, "FIRST_PAUSE_S", 0.01)


def opened(device: Path) -> tuple[SerialLine, bytearray]:
    """The line, and all that comes over it."""
    line, came = SerialLine(device, 9600, asyncio.get_running_loop()), bytearray()
    line.on_bytes = came.extend
    return line, came


EVERY_BYTE = bytes(range(256))


@in_real_time
async def test_every_byte_passes_unchanged_both_ways(tmp_path: Path) -> None:
    with pty(tmp_path) as other:
        heard = bytearray()
        other.heard = heard.extend
        line, came = opened(other.link)
        assert line.why_down == ""
        line.send(EVERY_BYTE)
        other.say(EVERY_BYTE)
        await until(lambda: len(heard) == len(came) == 256)
        assert heard == came == EVERY_BYTE
        line.close()


@in_real_time
async def test_a_plug_that_is_pulled_is_said_and_found_again(tmp_path: Path) -> None:
    with pty(tmp_path) as other:
        line, came = opened(other.link)
        other.unplug()
        await until(lambda: line.why_down)
        line.send(b"into the void")
        other.plug_in()
        await until(lambda: not line.why_down)
        other.say(b"back")
        await until(lambda: came == b"back")
        line.close()


@in_real_time
async def test_a_line_that_is_not_there_yet_is_opened_when_it_comes(tmp_path: Path) -> None:
    line, came = opened(tmp_path / "meters")
    assert line.why_down == "No such file or directory"
    with pty(tmp_path) as other:
        await until(lambda: not line.why_down)
        other.say(b"here")
        await until(lambda: came == b"here")
        line.close()


@in_real_time
async def test_a_file_that_is_no_line_is_refused_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "meters").write_text("not a line")
    line, _ = opened(tmp_path / "meters")
    assert line.why_down == "it is no serial line"
    line.close()


@in_real_time
async def test_a_second_program_on_the_line_is_told_so(tmp_path: Path) -> None:
    with pty(tmp_path) as other:
        first, _ = opened(other.link)
        second, _ = opened(other.link)
        assert first.why_down == ""
        assert "in use" in second.why_down
        first.close()
        await until(lambda: not second.why_down)
        second.close()


@in_real_time
async def test_a_closed_line_stays_closed_and_leaves_nothing_open(tmp_path: Path) -> None:
    before = set(Path("/proc/self/fd").iterdir())
    with pty(tmp_path) as other:
        line, _ = opened(other.link)
        line.close()
        assert line.why_down == "closed"
        line.send(b"nothing")
    gone, _ = opened(tmp_path / "nowhere")
    gone.close()
    assert set(Path("/proc/self/fd").iterdir()) == before


@in_real_time
async def test_what_lay_on_the_line_before_it_was_opened_is_thrown_away(tmp_path: Path) -> None:
    with pty(tmp_path) as other:
        other.say(b"an old answer")
        line, came = opened(other.link)
        other.say(b"a new one")
        await until(lambda: came)
        assert came == b"a new one"
        line.close()
