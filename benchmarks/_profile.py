"""Where the processor time of a hot path goes: `python3 -m benchmarks._profile [PATH ...]`, all of them without a name.

A benchmark runs under the sampling profiler `py-spy` (installed into ``.peers`` by ``peers.lock``), with all that it
starts. Of the samples on a processor, those of the path are counted for the innermost function of ours that they were
in; what a library or SQLite did is counted for the function that called it. Imports are left out. Linux, and root or
leave to trace processes.
"""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from benchmarks._machine import work_folder
from benchmarks._peers import PEERS, NotInstalled, install
from benchmarks._report import show
from dev import ROOT

RATE = 250
"""Samples a second."""
SHOWN = 10
OURS = re.compile(r"^(?P<function>.*) \((?P<file>(?:contract|service|edge|cloud|firmware_sim)/.*):\d+\)$")
IMPORTS = "_find_and_load"
WAITS = re.compile(r"(?:^|\.)(?:select|wait|get|accept|_worker) \((?:selectors|threading|queue|socket|concurrent/)")
"""As the innermost frame: it waits, whatever the system said at that moment."""
NOT_OURS = "libraries alone"


class HotPath(NamedTuple):
    """The benchmark that walks it, with its arguments; words of the command line of its process, or none for the
    benchmark's own; and a pattern of a frame that its samples are within, or none."""

    program: str
    process: str
    within: str


PATHS = {
    "decision": HotPath("decision", "", "decide_frame"),
    "relay-keeper": HotPath("badge_to_relay", "hearthgate-edge keeper", ""),
    "relay-agent": HotPath("badge_to_relay", "run --config", ""),
    "event-agent": HotPath("event_to_cloud", "run --config", ""),
    "event-cloud": HotPath("event_to_cloud", "hearthgate-cloud serve", r"\(cloud/(?:ingest|line|store)|\(paho/"),
    "ingest": HotPath("ingest", "", r"Ingest\.commit \("),
    "virtual-time": HotPath("virtual_time", "", "_run_once"),
    "change": HotPath("roster 20 30", "hearthgate-cloud serve", r"Publisher\.refresh"),
    "viewer": HotPath("viewers", "hearthgate-cloud serve", ""),
    "page": HotPath("queries 1000000", "hearthgate-cloud serve", r"\(cloud/(?!serve|app|web/auth)"),
}


def sampled(program: str, samples: Path) -> list[str]:
    """The stacks of a benchmark, outermost frame first, each with how often it was seen."""
    how = ["--subprocesses", "--nonblocking", "--rate", str(RATE), "--format", "raw", "--output", str(samples)]
    benchmark = [sys.executable, "-m", *f"benchmarks.{program}".split()]
    command = [str(PEERS / "bin" / "py-spy"), "record", *how, "--", *benchmark]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return samples.read_text().splitlines()


def counted(stacks: Iterable[str], path: HotPath) -> Counter[str]:
    """The samples of a path, by function of ours."""
    found: Counter[str] = Counter()
    for stack in stacks:
        frames, _, count = stack.rpartition(" ")
        processes = re.findall(r'process \d+:"([^"]*)"', frames)
        of_process = path.process in processes[-1] if path.process and processes else len(processes) == 1
        *outer, last = frames.split(";")
        if of_process and re.search(path.within, frames) and IMPORTS not in frames and not WAITS.search(last):
            found[_innermost([*outer, last])] += int(count)
    return found


def _innermost(frames: list[str]) -> str:
    for frame in reversed(frames):
        if of_ours := OURS.match(frame):
            return f"{of_ours['file']} {of_ours['function'].rpartition('.')[2]}"
    return NOT_OURS


def main(names: list[str]) -> None:
    try:
        install()
    except NotInstalled as missing:
        sys.exit(str(missing))
    chosen = {name: PATHS[name] for name in names or PATHS}
    with work_folder() as folder:
        stacks: dict[str, list[str]] = {}
        for name, path in chosen.items():
            if path.program not in stacks:
                stacks[path.program] = sampled(path.program, Path(folder) / path.program)
            found = counted(stacks[path.program], path)
            total = max(found.total(), 1)
            rows = [[what, f"{count / total:.0%}"] for what, count in found.most_common(SHOWN)]
            show(f"{name}: {total:,} samples", ("function of ours", "share"), rows)


if __name__ == "__main__":
    main(sys.argv[1:])
