"""Tells systemd how this process is: ready, alive, ending. Where no systemd asks, nobody is told."""

import logging
import os
import socket
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

log = logging.getLogger(__name__)

PULSES_A_LIMIT = 3
"""A pulse starts a third of the allowed time after the last one, so a slow disk has two thirds to let it through."""

Through = Callable[[Callable[[], object]], object]
"""A way through a thread: it soon calls what it is given there, without waiting for it. ``Executor.submit`` is one."""


class Systemd:
    """The service manager that started this process, by sd_notify(3) and sd_watchdog_enabled(3).

    ``watchdog_s`` is how long it waits for a sign of life, 0 if for none.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_s = _watchdog_s(environ)

    def tell(self, line: str) -> None:
        """Say ``READY=1`` and the like. It never waits: a door comes before a full socket."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
                out.setblocking(False)
                out.sendto(line.encode(), self._address)
        except OSError as wrong:
            log.warning("systemd was not told %s: %s", line, wrong)


def _watchdog_s(environ: Mapping[str, str]) -> float:
    mine = environ.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
    limit_us = environ.get("WATCHDOG_USEC", "")
    return int(limit_us) / 1e6 if mine and limit_us.isdecimal() else 0.0


class Watchdog:
    """Gives systemd its sign of life while the loop and every thread move, and none once one of them stands still.

    A pulse goes through all threads at once; when the last has come back to the loop systemd is told, and only then
    does the next one start. So a thread that is stuck holds one callback, however long it lasts.
    """

    def __init__(self, systemd: Systemd, loop: AbstractEventLoop, threads: Sequence[Through] = ()) -> None:
        self._systemd = systemd
        self._loop = loop
        self._threads = threads
        self._away = 0
        self._next: TimerHandle | None = None
        self._closed = False

    def start(self) -> None:
        """Begin, if systemd watches this process."""
        if self._systemd.watchdog_s:
            self._pulse()

    def close(self) -> None:
        """No pulse starts after this."""
        self._closed = True
        if self._next is not None:
            self._next.cancel()

    def _pulse(self) -> None:
        self._away = len(self._threads) + 1
        for through in self._threads:
            through(self._turn_back)
        self._loop.call_soon(self._returned)

    def _turn_back(self) -> None:
        """On a thread. At the end of the process the loop may be gone by now."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._returned)

    def _returned(self) -> None:
        self._away -= 1
        if self._away == 0 and not self._closed:
            self._systemd.tell("WATCHDOG=1")
            self._next = self._loop.call_later(self._systemd.watchdog_s / PULSES_A_LIMIT, self._pulse)
