"""The scanners of one device at work: their bytes become lines, and each line is told to the agent."""

import logging
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from contract.decide import Direction
from edge.config.peripherals import Scanner
from edge.instruments.serial_line import SerialLine
from edge.scanners.keyboard import KeyboardLine
from edge.scanners.lines import PAUSE_ENDS_S, LineAssembler, ScannedLine

log = logging.getLogger(__name__)

Place = tuple[str, Direction]
"""A point, and the way on which its scanner lets people through."""
Scanned = Callable[[str, Direction, str, str], object]
"""Hears of a point and a direction the text that was scanned, or why there is none."""


class ScannerPort(Protocol):
    """A line of a scanner. ``on_bytes`` gets what comes, in whatever pieces."""

    on_bytes: Callable[[bytes], object]

    @property
    def why_down(self) -> str:
        """Why nothing comes, empty while the line is there."""

    def close(self) -> None:
        """Let go of the line, for good."""


def open_line(folder: Path, scanner: Scanner, loop: AbstractEventLoop) -> ScannerPort:
    """The line of a scanner, whose file is named relative to a folder; it comes and goes by itself."""
    device = folder / scanner.device
    return KeyboardLine(device, loop) if scanner.line == "keyboard" else SerialLine(device, scanner.baud, loop)


class _ScannerLine:
    """One scanner: its line, and what it is sending."""

    def __init__(self, port: ScannerPort, loop: AbstractEventLoop, scanned: Callable[[ScannedLine], object]) -> None:
        self.port = port
        self._loop, self._scanned = loop, scanned
        self._assembler = LineAssembler()
        self._pause: TimerHandle | None = None
        port.on_bytes = self._receive

    def close(self) -> None:
        self._stop_pause()
        self.port.close()

    def _receive(self, data: bytes) -> None:
        self._stop_pause()
        self._tell(self._assembler.feed(data))
        if self._assembler.is_amid_line:
            self._pause = self._loop.call_later(PAUSE_ENDS_S, self._end)

    def _end(self) -> None:
        self._tell(self._assembler.end())

    def _tell(self, lines: list[ScannedLine]) -> None:
        for line in lines:
            self._scanned(line)

    def _stop_pause(self) -> None:
        if self._pause is not None:
            self._pause.cancel()


class Scanning:
    """The scanners of one device, by the places at which they stand. ``scanned`` hears each line."""

    def __init__(
        self,
        scanners: Mapping[Place, Scanner],
        open_scanner: Callable[[Scanner], ScannerPort],
        loop: AbstractEventLoop,
        scanned: Scanned,
    ) -> None:
        self._scanners, self._open_scanner, self._loop, self._scanned = scanners, open_scanner, loop, scanned
        self._lines: dict[Place, _ScannerLine] = {}

    def start(self) -> None:
        """Open their lines."""
        for place, scanner in self._scanners.items():
            self._lines[place] = self._open(place, scanner)

    async def close(self) -> None:
        """Let go of them."""
        for line in self._lines.values():
            line.close()

    def faults(self) -> dict[str, str]:
        """Why a line is gone, by ``POINT.scanner``."""
        down = ((point, line.port.why_down) for (point, _), line in self._lines.items())
        return {f"{point}.scanner": why for point, why in down if why}

    def _open(self, place: Place, scanner: Scanner) -> _ScannerLine:
        return _ScannerLine(self._open_scanner(scanner), self._loop, lambda line: self._scanned(*place, *line))
