"""What it costs to take in a table of 10,000 people, if all of its rows are good, and if every one is wrong.

`hearthgate-cloud import` as a process, with a trial of each table: its processor time, from its start to its last line.
Beside it `sqlite-utils` puts the same table into a database of its own, as it stands.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from benchmarks._machine import describe, work_folder
from benchmarks._report import finish, show
from firmware_sim.worlds.demo.processes import scripts

ROWS = 10_000
HEADING = "flat,name_zh,name_en,plan,card_format,facility,number"
KINDS = {"good": "yearly", "wrong": "none such"}
"""The plan of every row of a table."""


def write_table(file: Path, plan: str) -> None:
    """Three people to a flat, each with a plan and a card."""
    rows = (f"1-{row // 3},张{row},Zhang {row},{plan},H10301,21,{row + 1}" for row in range(ROWS))
    file.write_text("\n".join((HEADING, *rows)), encoding="utf-8")


def spent_s(command: Sequence[str], *, may_refuse: bool = False) -> float:
    """The processor time of a program, in seconds. Raises ``CalledProcessError`` for one that fails."""
    before = getrusage(RUSAGE_CHILDREN)
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    if ended.returncode and not may_refuse:
        raise subprocess.CalledProcessError(ended.returncode, command)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    spent: dict[str, float] = {}
    with work_folder() as name:
        folder = Path(name)
        machine = describe(folder)
        cloud = scripts("hearthgate-cloud")
        spent_s([cloud, "init", str(folder / "cloud"), "--site", "oak-court"])
        for kind, plan in KINDS.items():
            table = folder / f"{kind}.csv"
            write_table(table, plan)
            command = [cloud, "import", str(table), "--dry-run", "--new-flats", "--dir", str(folder / "cloud")]
            spent[kind] = spent_s(command, may_refuse=kind == "wrong")
        bare = [sys.executable, "-m", "sqlite_utils", "insert", str(folder / "bare.db"), "people"]
        spent["bare"] = spent_s([*bare, str(folder / "good.csv"), "--csv"])
    rows = [[kind, f"{cost:.2f}", f"{cost / ROWS * 1e6:.0f}"] for kind, cost in spent.items()]
    show(f"A table of {ROWS:,} people", ("rows", "CPU s", "µs a row"), rows)
    finish("imports", {"rows": ROWS, "cpu_s": {kind: round(cost, 3) for kind, cost in spent.items()}}, machine)


if __name__ == "__main__":
    main()
