"""The idle control: how much of the machine a benchmark had to itself."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from statistics import quantiles
from time import perf_counter, process_time, sleep

from benchmarks._judging import IdleControl, Probe

WORK = 20_000_000
"""Of fixed work: a few tenths of a second."""
SLEEPS, SLEEP_S = 100, 0.002


def probe() -> Probe:
    """Some tenths of a second of fixed work, then of short sleeps."""
    began_s, cpu_s = perf_counter(), process_time()
    sum(range(WORK))
    busy_ratio = (perf_counter() - began_s) / (process_time() - cpu_s)
    late_ms = []
    for _ in range(SLEEPS):
        began_s = perf_counter()
        sleep(SLEEP_S)
        late_ms.append((perf_counter() - began_s - SLEEP_S) * 1000)
    return Probe(round(busy_ratio, 3), round(quantiles(late_ms, n=100, method="inclusive")[98], 3))


class Watched:
    """``idle`` is there once the block has ended."""

    idle: IdleControl


@contextmanager
def watching() -> Iterator[Watched]:
    """Watch the machine while the block runs. What the block starts must have ended with it."""
    watched = Watched()
    before = probe()
    began_s, busy_s, ours_s = perf_counter(), _busy_s(), _ours_s()
    yield watched
    took_s = perf_counter() - began_s
    others_s = (_busy_s() - busy_s) - (_ours_s() - ours_s)
    watched.idle = IdleControl(before, probe(), round(max(0.0, others_s / took_s), 3))


def _busy_s() -> float:
    """Processor time of the whole machine so far, and what its host kept from it; nothing where it does not say."""
    try:
        fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    except OSError:
        return 0.0
    user, nice, system, _idle, _waiting, irq, softirq, stolen = (int(field) for field in fields)
    return (user + nice + system + irq + softirq + stolen) / os.sysconf("SC_CLK_TCK")


def _ours_s() -> float:
    """Processor time of this process and of all that it started and that has ended."""
    spent = (getrusage(RUSAGE_SELF), getrusage(RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in spent)
