"""Real-time priority: all threads or none, only where it is permitted, and never for one that computes for ever."""

import asyncio
import logging
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from edge.machine import real_time
from edge.machine.real_time import RealTimeOption
from firmware_sim.time.clock import VirtualLoop

THREADS = """
import os, threading
from edge.machine.real_time import schedule

ended, policies = threading.Event(), []

def work():
    ended.wait()
    policies.append(os.sched_getscheduler(threading.get_native_id()))

before = threading.Thread(target=work, daemon=True)
before.start()
schedule(os.SCHED_BATCH, 0)
after = threading.Thread(target=work, daemon=True)
after.start()
ended.set()
before.join(), after.join()
print([*policies, os.sched_getscheduler(0)] == [os.SCHED_BATCH] * 3)
"""
"""SCHED_BATCH, for it needs no permission."""


class Machine:
    """What the kernel permits, and what it was asked for."""

    def __init__(self) -> None:
        self.permitted, self.pause_s = 99, 200_000
        self.asked: list[tuple[int, int]] = []
        self.refuses = False

    def limit(self, which: int) -> tuple[int, int]:
        limit = self.permitted if which == resource.RLIMIT_RTPRIO else self.pause_s
        return limit, limit

    def schedule(self, policy: int, priority: int) -> None:
        if self.refuses:
            raise PermissionError(1, "Operation not permitted")
        self.asked.append((policy, priority))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Nothing of the test takes real-time priority."""
    machine, former = Machine(), signal.getsignal(signal.SIGXCPU)
    monkeypatch.setattr(resource, "getrlimit", machine.limit)
    monkeypatch.setattr(real_time, "schedule", machine.schedule)
    yield machine
    signal.signal(signal.SIGXCPU, former)


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    with closing(VirtualLoop()) as loop:
        yield loop


def test_all_threads_are_scheduled_older_and_newer() -> None:
    done = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "True\n"


@pytest.mark.parametrize(("permitted", "priority"), [(99, 5), (3, 3), (resource.RLIM_INFINITY, 5)])
def test_option_takes_no_more_than_is_permitted(
    loop: VirtualLoop, machine: Machine, permitted: int, priority: int
) -> None:
    machine.permitted = permitted
    RealTimeOption(loop, 5)
    assert machine.asked == [(os.SCHED_RR, priority)]


def test_option_is_off_without_permission(
    loop: VirtualLoop, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.permitted = 0
    RealTimeOption(loop, 5)
    assert (machine.asked, caplog.messages) == ([], [])


def test_option_is_off_without_a_guard(loop: VirtualLoop, machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    machine.pause_s = resource.RLIM_INFINITY
    RealTimeOption(loop, 5)
    assert machine.asked == []
    assert caplog.messages == ["no real-time priority: the unit sets LimitRTPRIO and no LimitRTTIME"]


def test_option_that_is_refused_is_said_once(
    loop: VirtualLoop, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.refuses = True
    RealTimeOption(loop, 5)
    assert caplog.messages == ["no real-time priority: Operation not permitted"]


def test_thread_without_pause_ends_priority_for_a_minute(
    loop: VirtualLoop, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    """The kernel's signal is answered at once, not in the loop's next turn: there may never be one."""
    caplog.set_level(logging.WARNING)
    option = RealTimeOption(loop, 5)
    signal.raise_signal(signal.SIGXCPU)
    assert machine.asked == [(os.SCHED_RR, 5), (os.SCHED_OTHER, 0)]
    loop.run_until_complete(asyncio.sleep(real_time.CALM_S - 1))
    assert caplog.messages == ["a thread computed without a pause; no real-time priority for 60 s"]
    assert len(machine.asked) == 2
    loop.run_until_complete(asyncio.sleep(2))
    assert machine.asked[2:] == [(os.SCHED_RR, 5)]
    option.close()
