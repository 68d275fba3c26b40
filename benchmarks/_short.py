"""One benchmark, cut short: `BENCHMARK=NAME python benchmarks/_short.py`, with PYTHONPATH at the tree that is to run.

Its figures mean nothing then; what it costs still tells one tree from another. Only numbers that programs of older
trees know as well are changed, here and in the processes that they spawn.
"""

import importlib
import inspect
import os
from collections.abc import Mapping, Sequence
from typing import Any

NAME, TINY_TOO = "BENCHMARK", "BENCHMARK_TINY"
SENDERS, BATCHES = 60, 5
KNOWN_CARD = "H10301:21:10006"
"""Older programs showed unknown cards, and waited for rows that an agent does not write."""
SHORT: Mapping[str, Mapping[str, object]] = {
    "backlog": {"EVENTS": 10_000},
    "badge_to_relay": {"BADGES": 20, "REFLEX_TAPS": 5, "NEXT_PERSON_S": 0.2},
    "cards": {"SIZES": (1_000, 20_000), "ROUNDS": 2, "BADGES": 100},
    "crowd": {"DEVICES": 300},
    "decision": {
        "CARDS": 20_000,
        "ROUNDS": 4,
        "ROUND": 2_000,
        "WARM_UP": 4_000,
        "STARTS": 2,
        "BADGES": 100,
        "HIT_RATE": 1.0,
    },
    "devices": {"SIZES": (50, 200), "EVENTS": 300},
    "durable_append": {"APPENDS": 500, "BURSTS": 4},
    "event_to_cloud": {"EVENTS": 40, "UNKNOWN_CARD": KNOWN_CARD},
    "faults": {"MINUTES": 0.2, "DEVICES": 2},
    "hub": {"WATCHED_S": 3.0},
    "imports": {"ROWS": 500},
    "ingest": {"SENDERS": SENDERS, "BATCHES": BATCHES, "EVENTS": SENDERS * BATCHES * 100, "RUNS": 1, "WIRE_RUNS": 1},
    "passes": {"PASSES": 100, "ROUNDS": 2},
    "peers": {"EVENTS": 5_000, "ROUNDS": 1, "MESSAGES": 100, "MAY_INSTALL": False},
    "queries": {"SIZES": (40_000,), "ASKED": 5},
    "roster": {"GRANTS": 10_000, "REVOCATIONS": 8, "SIZES": (1_000, 10_000), "CHANGES": 10},
    "socket_cut": {},
    "sockets": {"RUN_S": 2.0},
    "viewers": {"VIEWERS": {0: 0, 1: 1, 100: 10, 1_000: 50}, "WATCHED_S": 2.0, "SETTLED_S": 0.5, "LOGINS": 2},
    "virtual_time": {},
    "zone_news": {"PASSAGES": 20},
}
TINY: Mapping[str, Mapping[str, object]] = {
    "backlog": {"EVENTS": 1_000},
    "badge_to_relay": {"BADGES": 2, "REFLEX_TAPS": 2, "BUSY": 0, "SETTLED_S": 0.2},
    "cards": {"SIZES": (100,), "ROUNDS": 1, "ROUND": 200, "BADGES": 10},
    "crowd": {"DEVICES": 5},
    "decision": {"CARDS": 2_000, "ROUNDS": 2, "ROUND": 200, "WARM_UP": 400, "BADGES": 10},
    "devices": {"SIZES": (3,), "EVENTS": 30},
    "durable_append": {"APPENDS": 50, "BURSTS": 2},
    "event_to_cloud": {"EVENTS": 3, "WARM_UP": 2},
    "faults": {"MINUTES": 0.1, "DEVICES": 1},
    "hub": {"SETTLED_S": 0.0, "WATCHED_S": 0.2},
    "imports": {"ROWS": 20},
    "ingest": {"SENDERS": 6, "BATCHES": 2, "EVENTS": 1_200},
    "passes": {"PASSES": 5, "ROUNDS": 1},
    "peers": {"EVENTS": 500, "POSTS": 2, "MESSAGES": 10},
    "queries": {"SIZES": (2_000,), "ASKED": 2},
    "roster": {"CARDS": 200, "GRANTS": 1_000, "REVOCATIONS": 2, "SIZES": (10, 20), "CHANGES": 2},
    "sockets": {"RUN_S": 0.5, "SETTLED_S": 0.5, "BUSES": 4},
    "viewers": {"VIEWERS": {0: 0, 1: 1, 100: 2, 1_000: 3}, "WATCHED_S": 0.2, "SETTLED_S": 0.1},
    "zone_news": {"PASSAGES": 2, "DEVICES": 3, "INSIDE": 5},
}
"""Smaller still where ``BENCHMARK_TINY`` is set: for a test that wants to know only whether every figure is printed."""
HOURS = {"QUIET": 60.0, "USUAL": 16.0, "BUSY": 3.0, "IDLE_HUB": 0.2, "TOWN": 3.0}
"""Of the lives in virtual time; a tenth of it for tiny ones."""
ARGUMENTS: Mapping[str, Sequence[object]] = {"ingest": (SENDERS, BATCHES), "roster": ([20, 30],)}
"""Of those that take any: in an older tree some take none."""
TINY_ARGUMENTS: Mapping[str, Sequence[object]] = {"ingest": (6, 2), "roster": ([2, 3],)}


def shortened(name: str, *, tiny: bool = False) -> Any:
    """The module of a benchmark with small numbers."""
    module = importlib.import_module(f"benchmarks.{name}")
    numbers = {**SHORT[name], **(TINY.get(name, {}) if tiny else {})}
    for constant, value in numbers.items():
        if hasattr(module, constant):
            setattr(module, constant, value)
    for life, hours in HOURS.items() if name == "virtual_time" else ():
        if hasattr(module, life):
            setattr(module, life, getattr(module, life)._replace(hours=hours / 10 if tiny else hours))
    return module


if __name__ in ("__main__", "__mp_main__"):  # also in each process that a benchmark spawns
    benchmark = shortened(os.environ[NAME], tiny=TINY_TOO in os.environ)

if __name__ == "__main__":
    takes_any = inspect.signature(benchmark.main).parameters
    arguments = TINY_ARGUMENTS if TINY_TOO in os.environ else ARGUMENTS
    benchmark.main(*(arguments.get(os.environ[NAME], ()) if takes_any else ()))
