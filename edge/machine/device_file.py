"""A device file as the loop reads it: a port or a keyboard, which is plugged in late, pulled out, and found again.

A device that is not there, or no more, is normal: an adapter is unplugged, a port appears late at boot. It is said in
``why_down``, and opened again.
"""

import errno
import logging
import os
import termios
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
"""Between two tries to open; it doubles."""
MAX_READ = 4096


class DeviceFile:
    """A device file, opened now or as soon as it is there. ``on_bytes`` gets what comes, in whatever pieces;
    ``why_down`` is empty while it is open."""

    def __init__(self, device: Path, loop: AbstractEventLoop, open_it: Callable[[Path], int]) -> None:
        """``open_it`` gives a descriptor that never blocks, or raises ``OSError``."""
        self.on_bytes: Callable[[bytes], object] = lambda data: None
        self.why_down = ""
        self._device, self._loop, self._open_it = device, loop, open_it
        self._fd: int | None = None
        self._again: TimerHandle | None = None
        self._pause_s = FIRST_PAUSE_S
        self._open()

    def send(self, data: bytes) -> None:
        """Write, if it is there; otherwise it goes nowhere."""
        if self._fd is None:
            return
        try:
            if os.write(self._fd, data) < len(data):
                self._lost("it takes no more bytes")
        except OSError as error:
            self._lost(_explain(error))

    def close(self) -> None:
        """Let go of it, for good."""
        if self._again is not None:
            self._again.cancel()
        self._let_go()
        self.why_down = "closed"

    def _open(self) -> None:
        try:
            self._fd = self._open_it(self._device)
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


def _close(fd: int) -> None:
    """Close without waiting for bytes that nobody takes: the kernel would, for half a minute."""
    try:
        termios.tcflush(fd, termios.TCOFLUSH)
    except termios.error:
        log.debug("it was gone, or is no line, and cannot be emptied")
    os.close(fd)


def _explain(error: OSError) -> str:
    match error.errno:
        case errno.EAGAIN | errno.EBUSY:
            return "it is in use by another program; if that is the agent, stop it first"
        case errno.ENOTTY:
            return "it is no serial line"
        case errno.EIO | errno.ENODEV:
            return "it has hung up"
    return error.strerror or str(error)
