"""A serial line as bytes in and out, driven by the loop: no thread of its own, and 8N1, as instruments and scanners
have it. One process has it at a time, or two masters would talk across each other.
"""

import fcntl
import os
import termios
from asyncio import AbstractEventLoop
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from edge.machine.device_file import DeviceFile


class BusPort(Protocol):
    """A line with instruments. ``on_bytes`` gets what comes, in whatever pieces."""

    on_bytes: Callable[[bytes], object]

    @property
    def why_down(self) -> str:
        """Why nothing comes, empty while the line is there."""

    def send(self, data: bytes) -> None:
        """Send, if the line is there; otherwise it goes nowhere."""

    def close(self) -> None:
        """Let go of the line, for good."""


class SerialLine(DeviceFile):
    """A ``BusPort`` on a serial port or a pseudo-terminal."""

    def __init__(self, device: Path, baud: int, loop: AbstractEventLoop) -> None:
        super().__init__(device, loop, partial(_open_raw, getattr(termios, f"B{baud}")))


def _open_raw(speed: int, device: Path) -> int:
    """A descriptor that neither waits nor translates. Raises ``OSError``."""
    # A port may be without a carrier, and must not become this process's terminal.
    fd = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _, _, _, _, _, _, characters = termios.tcgetattr(fd)
        flags = termios.CS8 | termios.CREAD | termios.CLOCAL
        termios.tcsetattr(fd, termios.TCSANOW, [0, 0, flags, 0, speed, speed, characters])
        termios.tcflush(fd, termios.TCIOFLUSH)
    except termios.error as error:
        os.close(fd)
        raise OSError(*error.args) from None
    except OSError:
        os.close(fd)
        raise
    return fd
