"""A pseudo-terminal for tests in real time: the device has one end of the line, the test the other."""

import asyncio
import os
import select
import threading
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.edge.support.wires import heard_together


class Pty:
    """``link`` leads to the device's end, as a fixed name in ``/dev`` would. ``heard`` gets what the device sends."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.heard: Callable[[bytes], object] = lambda data: None
        self._loop = asyncio.get_running_loop()
        self._fd = -1
        self.plug_in()

    def plug_in(self) -> None:
        self._fd, device = os.openpty()
        tty.setraw(device)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(os.ttyname(device))
        os.close(device)
        os.set_blocking(self._fd, False)
        self._loop.add_reader(self._fd, self._read)

    def unplug(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def say(self, data: bytes) -> None:
        os.write(self._fd, data)

    def _read(self) -> None:
        # While no program has the device's end open, reading fails.
        with suppress(OSError):
            self.heard(os.read(self._fd, 4096))


@contextmanager
def pty(folder: Path) -> Iterator[Pty]:
    """Plugged in, and unplugged at the end."""
    made = Pty(folder / "meters")
    try:
        yield made
    finally:
        made.unplug()


@contextmanager
def served(link: Path, instruments: Sequence[Callable[[bytes], bytes]], *, collide: bool = False) -> Iterator[None]:
    """Instruments on a pseudo-terminal, from a thread of their own: for commands that run to their end."""
    ours, device = os.openpty()
    tty.setraw(device)
    link.symlink_to(os.ttyname(device))
    ended, end = os.pipe()

    def serve() -> None:
        while True:
            ready, _, _ = select.select([ours, ended], [], [])
            if ended in ready:
                return
            for said in heard_together(instruments, os.read(ours, 4096), collide=collide):
                os.write(ours, said)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        os.write(end, b".")
        thread.join()
        for fd in (ours, device, ended, end):
            os.close(fd)
