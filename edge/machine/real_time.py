"""Real-time scheduling, for all threads of a process or for none: one that the machine preempts while it holds the
interpreter's lock has all others wait for it, whatever their priority."""

import logging
import os
import resource
import signal
from asyncio import AbstractEventLoop, TimerHandle
from contextlib import suppress
from pathlib import Path

log = logging.getLogger(__name__)

CALM_S = 60.0
"""How long a process that computed for too long is an ordinary one."""


def schedule(policy: int, priority: int) -> None:
    """Schedule every thread of this process so, the libraries' too; those that they start inherit it. Raises
    ``OSError`` where the system does not permit it."""
    for thread in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # it has ended just now
            os.sched_setscheduler(int(thread.name), policy, os.sched_param(priority))


class RealTimeOption:
    """Real-time priority for a process whose unit permits it: ``LimitRTPRIO`` says up to which, and ``LimitRTTIME``
    must say for how long a thread may compute without a pause. One that does so longer makes the whole process an
    ordinary one for a minute, so that it keeps nobody else from the processor."""

    def __init__(self, loop: AbstractEventLoop, highest: int) -> None:
        """Take it, if that is permitted."""
        permitted, _ = resource.getrlimit(resource.RLIMIT_RTPRIO)
        self._loop, self._priority = loop, highest if permitted == resource.RLIM_INFINITY else min(highest, permitted)
        self._again: TimerHandle | None = None
        if self._priority == 0:
            return
        if resource.getrlimit(resource.RLIMIT_RTTIME)[0] == resource.RLIM_INFINITY:
            log.warning("no real-time priority: the unit sets LimitRTPRIO and no LimitRTTIME")
            return
        signal.signal(signal.SIGXCPU, lambda _number, _frame: self._give_up())
        self._take()

    def close(self) -> None:
        if self._again is not None:
            self._again.cancel()

    def _take(self) -> None:
        try:
            schedule(os.SCHED_RR, self._priority)
        except OSError as error:
            log.warning("no real-time priority: %s", error.strerror)

    def _give_up(self) -> None:
        """Within the signal's handler: at once, and nothing that could wait for what it interrupts."""
        schedule(os.SCHED_OTHER, 0)
        self._loop.call_soon_threadsafe(self._calm_down)

    def _calm_down(self) -> None:
        log.warning("a thread computed without a pause; no real-time priority for %.0f s", CALM_S)
        self.close()
        self._again = self._loop.call_later(CALM_S, self._take)
