"""Scanners at work: real bytes over a pseudo-terminal, events of a keyboard, pauses, and a plug that is pulled."""

import asyncio
import errno
import fcntl
import os
from collections.abc import Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from edge.config.peripherals import Scanner
from edge.machine import device_file
from edge.scanners.keyboard import EVIOCGRAB
from edge.scanners.keys import typed
from edge.scanners.lines import PAUSE_ENDS_S
from edge.scanners.scanning import Scanning, open_line
from firmware_sim.parts.scanner import Scanner as SimulatedScanner
from tests.edge.support.ptys import pty
from tests.edge.support.waiting import until
from tests.firmware_sim.support.story import in_virtual_time

PASS = "HG1ABCDEFGH234567"


def in_real_time(story: Callable[[Path], Coroutine[Any, Any, None]]) -> Callable[[Path], None]:
    @wraps(story)
    def test(tmp_path: Path) -> None:
        asyncio.run(story(tmp_path))

    return test


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_file, "FIRST_PAUSE_S", 0.01)


class Gate:
    """A gate with one scanner, and what was scanned there."""

    def __init__(self, folder: Path, scanner: Scanner) -> None:
        self.scanned: list[tuple[str, str, str, str]] = []
        loop = asyncio.get_running_loop()
        self.scanning = Scanning(
            {("gate", "in"): scanner}, lambda wired: open_line(folder, wired, loop), loop, self._scan
        )
        self.scanning.start()

    def _scan(self, *scanned: str) -> None:
        self.scanned.append((scanned[0], scanned[1], scanned[2], scanned[3]))

    @property
    def why_down(self) -> str:
        return self.scanning.faults().get("gate.scanner", "")


@in_real_time
async def test_scanner_on_serial_port_is_read(tmp_path: Path) -> None:
    with pty(tmp_path) as other:
        gate = Gate(tmp_path, Scanner("meters", baud=115200))
        assert gate.scanning.faults() == {}
        other.say(b"\x1b[A\r" + PASS.encode() + b"\r\n" + "京A12345\n".encode("gb18030"))
        await until(lambda: len(gate.scanned) == 3)
        assert gate.scanned == [
            ("gate", "in", "", "not_text"),
            ("gate", "in", PASS, ""),
            ("gate", "in", "京A12345", ""),
        ]
        await gate.scanning.close()


@in_real_time
async def test_unplugged_scanner_is_a_fault_and_comes_back(tmp_path: Path) -> None:
    with pty(tmp_path) as other:
        gate = Gate(tmp_path, Scanner("meters"))
        other.unplug()
        await until(lambda: gate.why_down)
        other.plug_in()
        await until(lambda: not gate.why_down)
        other.say(PASS.encode() + b"\r")
        await until(lambda: gate.scanned)
        await gate.scanning.close()


@in_real_time
async def test_keyboard_is_held_for_this_process_alone(tmp_path: Path) -> None:
    """The kernel's events come over a pipe, for a container has no input device; what the kernel is asked is seen."""
    os.mkfifo(tmp_path / "event0")
    asked: list[tuple[int, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fcntl, "ioctl", lambda _fd, request, on: asked.append((request, on)))
        keyboard = os.open(tmp_path / "event0", os.O_RDWR)
        gate = Gate(tmp_path, Scanner("event0", line="keyboard"))
        os.write(keyboard, typed(PASS))
        await until(lambda: gate.scanned)
    assert gate.scanned == [("gate", "in", PASS, "")]
    assert asked == [(EVIOCGRAB, 1)]
    await gate.scanning.close()
    os.close(keyboard)


@in_real_time
async def test_file_that_is_no_keyboard_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("no keyboard")
    gate = Gate(tmp_path, Scanner("notes", line="keyboard"))
    assert gate.why_down == "it is no keyboard"
    await gate.scanning.close()


@in_real_time
async def test_keyboard_of_another_program_is_said(tmp_path: Path) -> None:
    (tmp_path / "event0").touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fcntl, "ioctl", _busy)
        gate = Gate(tmp_path, Scanner("event0", line="keyboard"))
    assert "in use by another program" in gate.why_down
    await gate.scanning.close()


def _busy(*_: object) -> None:
    raise OSError(errno.EBUSY, "Device or resource busy")


@in_virtual_time
async def test_pause_ends_a_text_without_ending(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()
    simulated, scanned = SimulatedScanner(loop, ending=b""), list[str]()
    scanning = Scanning(
        {("gate", "in"): Scanner("s")}, lambda _: simulated.open(), loop, lambda _p, _d, text, _w: scanned.append(text)
    )
    scanning.start()
    simulated.show(PASS)
    await asyncio.sleep(PAUSE_ENDS_S)
    assert scanned == []
    await asyncio.sleep(0.1)
    assert scanned == [PASS]
    simulated.show(PASS)
    await asyncio.sleep(0.1)
    await scanning.close()
    await asyncio.sleep(60)
    assert scanned == [PASS]
