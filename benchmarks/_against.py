"""What each benchmark costs beside another commit: `python3 dev.py bench --against REF [--minutes N] [NAME ...]`.

Both trees run each program in turn, cut short, round by round until the time is over; the first of a pair is the other
one in every second round. What counts is the processor time of a program and of all that it starts, by the medians of
the rounds. Exit code 1 if a program fails or costs more than the limit.
"""

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from time import monotonic

from benchmarks._report import show
from benchmarks._short import NAME, SHORT
from dev import ROOT

LIMIT = 1.05
"""The most that a row may cost, as a share of what it cost then."""
ROUNDS = 9
LAST_LINES = 6
PATIENCE_S = 180.0
"""For one short run: it takes some ten seconds."""
TREES = "then", "now"

Costs = dict[tuple[str, str], list[float]]
"""By program and tree: its seconds of processor time, round by round."""


@contextmanager
def checked_out(ref: str) -> Iterator[Path]:
    """The files of a commit. Raises ``SystemExit`` with code 2 if there is none of that name."""
    try:
        archive = subprocess.run(["git", "archive", ref], cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError:
        print(f"--against {ref}: there is no git here; install it", file=sys.stderr)
        raise SystemExit(2) from None
    if archive.returncode:
        print(
            f"--against {ref}: {archive.stderr.decode().strip()}; name a commit of this checkout",
            file=sys.stderr,
        )
        raise SystemExit(2)
    with tempfile.TemporaryDirectory(prefix="hearthgate-then-") as folder:
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
            files.extractall(folder, filter="data")
        _name_entry_points(Path(folder))
        yield Path(folder)


def _name_entry_points(tree: Path) -> None:
    """Where the tree has what others look up by name, such as its pin factory: the environment names those of now."""
    project = tomllib.loads((tree / "pyproject.toml").read_text())["project"]
    described = tree / f"{project['name']}-{project['version']}.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    groups = project.get("entry-points", {}).items()
    lines = [
        line for group, points in groups for line in (f"[{group}]", *(f"{name} = {at}" for name, at in points.items()))
    ]
    (described / "entry_points.txt").write_text("\n".join(lines) + "\n")


def compile_all(tree: Path) -> None:
    """Or the first round would pay for it."""
    subprocess.run([sys.executable, "-m", "compileall", "-q", "-x", r"/\.", str(tree)], check=False)


def cost_s(tree: Path, name: str) -> float:
    """The processor time of one short run, with all that it starts. Raises ``SubprocessError``."""
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-P", str(Path(__file__).with_name("_short.py"))],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), NAME: name},
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure(trees: dict[str, Path], names: Sequence[str], minutes: float) -> tuple[Costs, set[str]]:
    """Rounds until the next one would end too late; and the programs that failed, which are not run again."""
    costs: Costs = {(name, tree): [] for name in names for tree in trees}
    failed: set[str] = set()
    began_s = monotonic()
    for number in range(ROUNDS):
        round_began_s = monotonic()
        for name in (name for name in names if name not in failed):
            for tree in TREES if number % 2 == 0 else reversed(TREES):
                try:
                    costs[name, tree].append(cost_s(trees[tree], name))
                except subprocess.SubprocessError as error:
                    failed.add(name)
                    last = "\n  ".join(str(getattr(error, "stderr", "")).splitlines()[-LAST_LINES:])
                    print(
                        f"{name} failed in the tree of {tree}: {error}\n  {last}",
                        file=sys.stderr,
                    )
                    break
            latest = ", ".join(f"{tree} {costs[name, tree][-1]:.2f} s" for tree in TREES if costs[name, tree])
            print(f"{number + 1} {name}: {latest}", flush=True)
        now_s = monotonic()
        print(f"round {number + 1} took {now_s - round_began_s:.0f} s", flush=True)
        if now_s - began_s + (now_s - round_began_s) > minutes * 60:
            break
    return costs, failed


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python3 dev.py bench --against",
        description=(__doc__ or "").partition("\n")[0],
    )
    parser.add_argument("ref", metavar="REF", help="the commit to compare with")
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help="a benchmark; without a name, all of them",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=11.0,
        help="no round begins that would end later",
    )
    chosen = parser.parse_intermixed_args(arguments)
    names = chosen.names or list(SHORT)
    if unknown := sorted(set(names) - set(SHORT)):
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are: {', '.join(SHORT)}")
    with checked_out(chosen.ref) as then:
        trees = dict(zip(TREES, (then, ROOT), strict=True))
        for tree in trees.values():
            compile_all(tree)
        costs, failed = measure(trees, names, chosen.minutes)
    rows, dear = [], []
    for name in names:
        if name in failed:
            continue
        was, now = costs[name, "then"], costs[name, "now"]
        ratio = median(now) / median(was)
        dear += [name] if ratio > LIMIT else []
        spread = [f"{min(seconds):.2f} to {max(seconds):.2f}" for seconds in (was, now)]
        rows.append([name, f"{median(was):.2f}", f"{median(now):.2f}", *spread, f"{ratio:.3f}"])
    show(
        f"Processor time, s, {chosen.ref} and now",
        ("program", "then", "now", "then, all", "now, all", "ratio"),
        rows,
    )
    print(f"above {LIMIT}: {', '.join(dear) or 'none'}; failed: {', '.join(sorted(failed)) or 'none'}")
    return int(bool(dear or failed))


if __name__ == "__main__":
    sys.exit(main())
