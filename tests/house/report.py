"""How the code stands: `python3 -m tests.house.report [--json] [--against REF] [--lower-ceilings]`.

Prints for each package and folder how long its files and functions are and what else the targets speak of, product
code and tests apart. `--against` prints the same of another commit beside it. What is still over a target stands by
name in `ceilings.json`, which `test_report.py` keeps; `--lower-ceilings` writes into it what has been mended or moved.
"""

import argparse
import io
import json
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dev import ROOT
from tests.house import measure, sources
from tests.house.measure import SourceFile, Tree

GROUPS = {"product": sources.PACKAGES, "tests": ("tests", "benchmarks", "dev.py")}
FILE_LINES, FUNCTION_LINES = "lines of a file", "lines of a function"
CLASSES, CIRCLE = "classes of one name in a package", "folders in one circle of imports"
TARGETS = {
    "product": {FILE_LINES: 400, FUNCTION_LINES: 60, CLASSES: 1, CIRCLE: 1},
    "tests": {FILE_LINES: 400},
}
"""The most that there may be of each."""
CEILINGS = ROOT / "tests" / "house" / "ceilings.json"

Files = Sequence[SourceFile]
Over = dict[str, dict[str, int]]
"""By target: the name of what is over it → its size."""


def function_lines(files: Files) -> list[int]:
    return [function.lines for file in files for function in file.functions]


def above(values: Sequence[int], target: str) -> int:
    return sum(value > TARGETS["product"][target] for value in values)


OF_FILES: dict[str, Callable[[Files], int]] = {
    "files": len,
    "file median": lambda files: measure.nth([file.lines for file in files], 50),
    "file p90": lambda files: measure.nth([file.lines for file in files], 90),
    "files over": lambda files: above([file.lines for file in files], FILE_LINES),
    "functions": lambda files: len(function_lines(files)),
    "function median": lambda files: measure.nth(function_lines(files), 50),
    "function p90": lambda files: measure.nth(function_lines(files), 90),
    "functions over": lambda files: above(function_lines(files), FUNCTION_LINES),
    "Any": lambda files: sum(file.any_uses for file in files),
    "statements": lambda files: sum(file.statements for file in files),
}
OF_PACKAGES: dict[str, Callable[[Files], int]] = {
    "names twice": lambda files: len(measure.classes_twice(files)),
    "in circles": lambda files: sum(map(len, measure.folder_circles(files))),
}
"""What can be said of a package, not of one folder in it: names of classes, and folders that import in a circle."""

Row = dict[str, int]


def packages(files: Files) -> Iterator[tuple[str, Files]]:
    for name in dict.fromkeys(file.package for file in files):
        yield name, [file for file in files if file.package == name]


def rows(group: str, files: Files) -> dict[str, Row]:
    """The group, each package, and each folder by itself: without those that lie in it."""
    found = {group: row(files, OF_FILES | OF_PACKAGES)}
    for package, its_files in packages(files):
        found[package] = row(its_files, OF_FILES | OF_PACKAGES)
        folders = sorted({file.folder for file in its_files})
        if len(folders) > 1:
            for folder in folders:
                found[f"{folder}/"] = row([file for file in its_files if file.folder == folder], OF_FILES)
    return found


def row(files: Files, measures: dict[str, Callable[[Files], int]]) -> Row:
    return {name: of(files) for name, of in measures.items()}


def sizes(files: Files) -> Over:
    """By target: each name that it can be said of → its size."""
    functions = [(f"{file.path} {function.name}", function.lines) for file in files for function in file.functions]
    return {
        FILE_LINES: {file.path: file.lines for file in files},
        FUNCTION_LINES: dict(sorted(functions, key=lambda found: found[1])),  # of those of one name the longest
        CLASSES: measure.classes_twice(files),
        CIRCLE: {folder: len(circle) for circle in measure.folder_circles(files) for folder in circle},
    }


def over(group: str, files: Files) -> Over:
    """What is over the targets of the group."""
    found = sizes(files)
    return {
        target: {name: size for name, size in sorted(found[target].items()) if size > most}
        for target, most in TARGETS[group].items()
    }


def complaints(found: Over, ceilings: Over) -> list[str]:
    """What is over a target and above its ceiling, and each ceiling that holds nothing any more."""
    lines = []
    for target, names in found.items():
        listed = ceilings.get(target, {})
        lines += [
            f"{name}: {size} {target}; at most {listed.get(name, 'the target')}"
            for name, size in names.items()
            if size > listed.get(name, 0)
        ]
        lines += [f"{name}: no longer over; run --lower-ceilings" for name in listed if name not in names]
    return lines


def lowered(found: Over, ceilings: Over) -> Over:
    """The ceilings that still hold something, as low as they can be."""
    return {target: _lowered(names, ceilings.get(target, {})) for target, names in found.items()}


def _lowered(names: dict[str, int], listed: dict[str, int]) -> dict[str, int]:
    """What is gone leaves its ceiling to what has the same name in another folder: it has moved."""
    gone = {_last(name): most for name, most in listed.items() if name not in names}
    ceilings = {name: listed.get(name, gone.get(_last(name), 0)) for name in names}
    return {name: min(size, ceilings[name]) for name, size in names.items() if ceilings[name]}


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def read_ceilings() -> dict[str, Over]:
    found: dict[str, Over] = json.loads(CEILINGS.read_text())
    return found


def write_ceilings(trees: dict[str, Tree]) -> None:
    listed = read_ceilings()
    lower = {group: lowered(over(group, tree.files), listed[group]) for group, tree in trees.items()}
    CEILINGS.write_text(json.dumps(lower, indent=2) + "\n")


def read_groups(root: Path) -> dict[str, Tree]:
    return {group: measure.read_tree(root, tops) for group, tops in GROUPS.items()}


def read_commit(ref: str) -> dict[str, Tree]:
    """The same of a commit. Raises ``SystemExit`` with code 2 if there is none of that name."""
    try:
        done = subprocess.run(["git", "archive", ref], cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError:
        print(f"--against {ref}: there is no git here; install it", file=sys.stderr)
        raise SystemExit(2) from None
    if done.returncode:
        print(f"--against {ref}: {done.stderr.decode().strip()}; name a commit of this checkout", file=sys.stderr)
        raise SystemExit(2)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            archive.extractall(folder, [file for file in archive if file.name.endswith(".py")], filter="data")
        return read_groups(Path(folder))


def as_json(trees: dict[str, Tree]) -> dict[str, object]:
    return {
        group: {
            "rows": rows(group, tree.files),
            "over": over(group, tree.files),
            "circles": measure.folder_circles(tree.files),
            "left aside": [left._asdict() for left in tree.aside],
        }
        for group, tree in trees.items()
    }


def printed(group: str, tree: Tree) -> Iterator[str]:
    """The table of one group, what is over its targets, and what was left aside."""
    names = [*OF_FILES, *OF_PACKAGES]
    found = rows(group, tree.files)
    width = max(map(len, found))
    for line in zip(*(_heading(name) for name in names), strict=True):
        yield " " * width + "".join(f"{word:>11}" for word in line)
    for name, row in found.items():
        yield f"{name:{width}}" + "".join(f"{row.get(measure, ''):>11}" for measure in names)
    for target, offenders in over(group, tree.files).items():
        yield f"over {TARGETS[group][target]} {target}: {len(offenders)}"
        yield from (f"  {size:5} {name}" for name, size in sorted(offenders.items(), key=lambda item: -item[1]))
    for left in tree.aside:
        yield f"left aside: {left.files} files, {left.why}, of {left.statements} statements"


def _heading(name: str) -> tuple[str, str]:
    """Two lines, the second the last word."""
    before, _, last = name.rpartition(" ")
    return before, last


def compared(group: str, then: Tree, now: Tree) -> Iterator[str]:
    """Each measure of the group and of each package, then and now."""
    before, after = rows(group, then.files), rows(group, now.files)
    for name in (name for name in before | after if not name.endswith("/")):
        yield f"{name:21}{'then':>10}{'now':>10}"
        for measured in after.get(name, before.get(name, {})):
            was, is_now = (row.get(name, {}).get(measured, 0) for row in (before, after))
            change = f"{(is_now - was) / was:+10.1%}" if was and is_now != was else ""
            yield f"  {measured:19}{was:10}{is_now:10}{change}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.house.report", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--json", action="store_true", help="print one object")
    parser.add_argument("--against", metavar="REF", help="another commit, to compare with")
    parser.add_argument("--lower-ceilings", action="store_true", help="take out of ceilings.json what was mended")
    chosen = parser.parse_args(arguments)
    then = read_commit(chosen.against) if chosen.against else None
    trees = read_groups(ROOT)
    if chosen.lower_ceilings:
        write_ceilings(trees)
        return
    if chosen.json:
        print(json.dumps({"now": as_json(trees), **({"then": as_json(then)} if then else {})}, indent=2))
        return
    for group, tree in trees.items():
        print("\n".join(compared(group, then[group], tree) if then else printed(group, tree)), end="\n\n")


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends it in silence
    main()
