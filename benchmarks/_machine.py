"""What a figure was measured on: the machine, its disk at this moment, and the versions of what was measured."""

import os
import platform
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, perf_counter_ns, process_time
from typing import Any, NamedTuple

from benchmarks._report import spread
from firmware_sim.worlds.demo.brokers import find_mosquitto

PACKAGES = ("paho-mqtt", "msgspec", "cryptography", "gpiozero", "pymodbus", "sqlalchemy", "fastapi", "uvicorn")
SYNCS = 200
ON_DISK = Path("/var/tmp")
"""Where the benchmarks work unless TMPDIR says otherwise: /tmp lies in memory on many systems."""


def work_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder on a real disk, gone at the end."""
    where = os.environ.get("TMPDIR") or (ON_DISK if ON_DISK.is_dir() else None)
    return tempfile.TemporaryDirectory(prefix="hearthgate-bench-", dir=where)


def describe(folder: Path) -> dict[str, Any]:
    """The machine and the versions, for the table's foot and the JSON line."""
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu(),
        "kernel": platform.release(),
        "load": round(os.getloadavg()[0], 1),
        "disk": {"filesystem": _filesystem(folder), "fdatasync_4k_us": disk_sync_us(folder)},
        "versions": {
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            "mosquitto": _mosquitto(),
            **{name: version(name) for name in PACKAGES},
        },
    }


def cpu_s(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Spent(NamedTuple):
    """What a piece of work took of the clock and of this process's processor, and the bytes that it had written."""

    wall_s: float
    cpu_s: float
    written_bytes: int


@contextmanager
def spending() -> Iterator[list[Spent]]:
    """The list holds what the block took once it has ended."""
    spent: list[Spent] = []
    began_s, began_cpu_s, began_bytes = perf_counter(), process_time(), _written_bytes()
    yield spent
    spent.append(Spent(perf_counter() - began_s, process_time() - began_cpu_s, _written_bytes() - began_bytes))


def _written_bytes() -> int:
    """By this process to a disk so far; nothing where the system does not say."""
    try:
        lines = Path("/proc/self/io").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def resident_mib(pid: int) -> float:
    """Memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def disk_sync_us(folder: Path) -> dict[str, float]:
    """Append 4 KiB and ``fdatasync``, many times: what the disk asks for one durable write, in microseconds."""
    path = folder / "sync-probe"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    block, took = os.urandom(4096), []
    for _ in range(SYNCS):
        began = perf_counter_ns()
        os.write(descriptor, block)
        os.fdatasync(descriptor)
        took.append((perf_counter_ns() - began) / 1000)
    os.close(descriptor)
    path.unlink()
    found = spread(took)
    return {"p50": round(found.p50), "p99": round(found.p99)}


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model")))
    return next(names, platform.machine())


def _filesystem(folder: Path) -> str:
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return "unknown"
    over = [(place, kind) for place, kind in mounts if folder.resolve().is_relative_to(place)]
    return max(over, key=lambda mount: len(mount[0]), default=("", "unknown"))[1]


def _mosquitto() -> str:
    program = find_mosquitto()
    if program is None:
        return "not installed"
    said = subprocess.run([program, "-h"], capture_output=True, text=True, check=False).stdout
    return said.split()[2] if said.startswith("mosquitto version") else "unknown"
