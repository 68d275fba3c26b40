"""A serial line as bytes in and out, driven by the loop: no thread of its own, and 8N1, as the instruments have it.

A line that is not there, or no more, is normal: an adapter is unplugged, a port appears late at boot. It is said in
``why_down``, and opened again. One process has it at a time, or two masters would talk across each other.
"""

import errno
import fcntl
import logging
import os
import termios
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

log = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
"""Between two tries to open; it doubles."""
MAX_READ = 4096


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


class SerialLine:
    """A ``BusPort`` on a serial port or a pseudo-terminal."""

    def __init__(self, device: Path, baud: int, loop: AbstractEventLoop) -> None:
        """Opens it, now or as soon as it is there."""
        self.on_bytes: Callable[[bytes], object] = lambda data: None
        self.why_down = ""
        self._device, self._speed, self._loop = device, getattr(termios, f"B{baud}"), loop
        self._fd: int | None = None
        self._again: TimerHandle | None = None
        self._pause_s = FIRST_PAUSE_S
        self._open()

    def send(self, data: bytes) -> None:
        if self._fd is None:
            return
        try:
            if os.write(self._fd, data) < len(data):
                self._lost("it takes no more bytes")
        except OSError as error:
            self._lost(_explain(error))

    def close(self) -> None:
        """Let go of the line, for good."""
        if self._again is not None:
            self._again.cancel()
        self._let_go()
        self.why_down = "closed"

    def _open(self) -> None:
        try:
            self._fd = _open_raw(self._device, self._speed)
        except OSError as error:
            self._lost(_explain(error))
            return
        if self.why_down:
            log.info("the line %s is there", self._device)
        self.why_down = ""
        self._loop.add_reader(self._fd, self._read, self._fd)

    def _read(self, fd: int) -> None:
        try:
            data = os.read(fd, MAX_READ)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(_explain(error))
            return
        if data:
            self._pause_s = FIRST_PAUSE_S
            self.on_bytes(data)
        else:
            self._lost("it has hung up")

    def _lost(self, why: str) -> None:
        if not self.why_down:
            log.warning("the line %s is lost: %s", self._device, why)
        self.why_down = why
        self._let_go()
        self._again = self._loop.call_later(self._pause_s, self._open)
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def _let_go(self) -> None:
        if self._fd is not None:
            self._loop.remove_reader(self._fd)
            _close(self._fd)
            self._fd = None


def _open_raw(device: Path, speed: int) -> int:
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


def _close(fd: int) -> None:
    """Close without waiting for bytes that nobody takes: the kernel would, for half a minute."""
    try:
        termios.tcflush(fd, termios.TCOFLUSH)
    except termios.error:
        log.debug("the line was gone before it could be emptied")
    os.close(fd)


def _explain(error: OSError) -> str:
    match error.errno:
        case errno.EAGAIN:
            return "it is in use by another program; if that is the agent, stop it first"
        case errno.ENOTTY:
            return "it is no serial line"
        case errno.EIO:
            return "it has hung up"
    return error.strerror or str(error)
