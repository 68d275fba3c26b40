"""Every published figure in one go: `python3 dev.py bench [--json] [--write] [NAME ...]`.

Runs the benchmarks one after the other, watches what else the machine does meanwhile, and says of each row whether it
met its target, missed it, or cannot be judged here and now. ``--json`` prints one line of JSON for each row and nothing
else. ``--write`` puts the rows into ``benchmarks/figures.jsonl`` in the place of those that these programs had there,
and makes the tables of both READMEs anew.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import _readme, _rows
from benchmarks._figures import Line, encoded, line_of, merged, read, write
from benchmarks._idle import watching
from benchmarks._judging import IdleControl, Judged, MissingFigure, judged
from benchmarks._report import show
from dev import ROOT

MISSING = "missing"
PROGRAMS = sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py"))


class Failed(Exception):
    """A benchmark ended without its last line."""


def found_by(program: str, *, quiet: bool) -> dict[str, Any]:
    """What a benchmark found, by its last line; what it prints before is handed on. Raises ``Failed``."""
    last = ""
    command = [sys.executable, "-m", f"benchmarks.{program}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if line.startswith('{"benchmark"'):
                last = line
            elif not quiet:
                print(line, end="", flush=True)
    if child.returncode or not last:
        raise Failed(f"{program} ended with {child.returncode}")
    return dict(json.loads(last))


def lines_of(program: str, found: dict[str, Any], idle: IdleControl, commit: str) -> list[Line]:
    """A line for each row of the program."""
    date = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return [
        line_of(row, _judged(row, found["figures"], idle), found["machine"], idle, commit, date)
        for row in _rows.rows(program)
    ]


def _judged(row: _rows.Row, figures: dict[str, Any], idle: IdleControl) -> Judged:
    try:
        return judged(row, figures, idle)
    except MissingFigure as missing:
        return Judged(value=None, met="cannot be judged", why=f"{MISSING}: {missing}")


def commit_here() -> str:
    """The commit of this tree, with a + where files differ from it."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        named = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return "unknown"
    return named.stdout.strip()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python3 dev.py bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", metavar="NAME", nargs="*", help="a benchmark; without a name, all of them")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each row, and nothing else")
    parser.add_argument("--write", action="store_true", help="put the rows into figures.jsonl and the READMEs")
    chosen = parser.parse_intermixed_args(arguments)
    lines: list[Line] = []
    failed: list[str] = []
    commit = commit_here()
    for program in chosen.names or PROGRAMS:
        try:
            with watching() as watched:
                found = found_by(program, quiet=chosen.json)
        except Failed as failure:
            failed.append(program)
            print(failure, file=sys.stderr)
            continue
        new = lines_of(program, found, watched.idle, commit)
        lines += new
        for line in new if chosen.json else ():
            print(encoded(line), flush=True)
        if chosen.write:
            write(merged(read(), new))
            _readme.write()
    if not chosen.json:
        show("All figures", ("figure", "measured", "target", "", "beside it"), [line.cells() for line in lines])
    return int(bool(failed) or any(line.why.startswith(MISSING) for line in lines))


if __name__ == "__main__":
    sys.exit(main())
