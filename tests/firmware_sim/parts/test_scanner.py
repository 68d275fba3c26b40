"""A simulated scanner: what it sends, how long that takes, and what a pulled cable does."""

import asyncio
import os
from pathlib import Path

import pytest

from firmware_sim.parts.hardware import ControlError
from firmware_sim.parts.rs485 import Terminal
from firmware_sim.parts.scanner import Scanner
from firmware_sim.parts.scanning import PullScanner, Scan
from firmware_sim.worlds.board.process import serial_lines
from tests.edge.support.waiting import until
from tests.firmware_sim.support.boards import Site
from tests.firmware_sim.support.story import in_virtual_time


@in_virtual_time
async def test_text_takes_its_time_on_the_line() -> None:
    scanner, came = Scanner(asyncio.get_running_loop(), baud=9600), bytearray()
    port = scanner.open()
    port.on_bytes = came.extend
    scanner.show("A" * 95)
    await asyncio.sleep(0.099)
    assert came == b""
    await asyncio.sleep(0.002)
    assert came == b"A" * 95 + b"\r"
    scanner.hang_up()
    assert port.why_down == "closed"


@in_virtual_time
async def test_pulled_cable_carries_nothing() -> None:
    site = Site("gate")
    came = bytearray()
    site.hardware.scanners["east-gate.in"].open().on_bytes = came.extend
    await site.do(PullScanner("east-gate.in"))
    await site.do(Scan("east-gate.in", "HG1"))
    await site.do(PullScanner("east-gate.in", pulled=False))
    await asyncio.sleep(1)
    assert came == b""
    await site.do(Scan("east-gate.in", "HG1"))
    await asyncio.sleep(1)
    assert came == b"HG1\r"


@in_virtual_time
async def test_whoever_scans_walks_if_it_opens() -> None:
    """Nobody has opened here: they stay outside."""
    site = Site("gate")
    assert (await site.do(Scan("east-gate.in", "HG1", walk=True)))["passed"] is False
    assert (await site.point())["scanners"]["in"]["texts_sent"] == 1


@pytest.mark.parametrize(
    ("scan", "complaint"),
    [(Scan("west.in", "HG1"), "no scanner 'west.in' here; there is east-gate.in"), (Scan("east-gate.in", " "), "type")],
)
def test_scan_of_nothing_is_refused(scan: Scan, complaint: str) -> None:
    @in_virtual_time
    async def story() -> None:
        with pytest.raises(ControlError, match=complaint):
            await Site("gate").do(scan)

    story()


def test_scanner_is_a_terminal_in_real_time(tmp_path: Path) -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        scanner = Scanner(loop, baud=115200)
        end = Terminal(loop, scanner, tmp_path / "scanner")
        fd = os.open(tmp_path / "scanner", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        came = bytearray()
        loop.add_reader(fd, lambda: came.extend(os.read(fd, 100)))
        scanner.show("HG1")
        await until(lambda: came == b"HG1\r")
        loop.remove_reader(fd)
        os.close(fd)
        end.close()

    asyncio.run(story())


@in_virtual_time
async def test_simulated_line_lies_beside_the_config() -> None:
    site = Site("gate")
    with pytest.raises(OSError, match=r'a simulated line lies beside the config; write device = "east-gate.in"'):
        list(serial_lines(site.config, site.hardware))
