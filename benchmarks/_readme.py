"""The tables of both READMEs, made from the figures last measured: ``python3 -m benchmarks._readme`` writes them.

A table stands between ``<!-- figures NAME -->`` and ``<!-- end of figures -->``. NAME is that of a table, or
``machine`` for the line that says where, when and under which load all of it was measured.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from benchmarks import _figures
from benchmarks._figures import Line
from benchmarks._judging import number
from benchmarks._rows import Row, Table, tables
from dev import ROOT

MARKED = re.compile(r"(<!-- figures (?P<name>\w+) -->\n).*?(<!-- end of figures -->)", re.DOTALL)


class Words(NamedTuple):
    """What a table says in one language, beside the words of its rows."""

    language: str
    columns: tuple[str, ...]
    verdicts: Mapping[str, str]
    not_measured: str
    machine: str


ENGLISH = Words(
    "en",
    ("figure", "measured", "target", "met", "beside it, in the same run"),
    {"yes": "yes", "no": "**missed**", "cannot be judged": "cannot be judged", "no target": ""},
    "**not measured**",
    "Measured {dates}, at {commits}, on {cores} cores ({cpu}), Linux {kernel}, {filesystem}, Python {python}; an append"
    " of 4 KiB with `fdatasync` took {syncs} µs, the load was {loads}, other programs used {others} cores.",
)
CHINESE = Words(
    "zh",
    ("项目", "实测", "目标", "达到", "同一次运行的对照"),
    {"yes": "是", "no": "**否**", "cannot be judged": "无法判断", "no target": ""},
    "**未测**",
    "测于 {dates}，提交 {commits}；{cores} 核（{cpu}），Linux {kernel}，{filesystem}，Python {python}；追加 4 KiB 并"
    " `fdatasync` 用 {syncs} µs，负载 {loads}，其他程序占用 {others} 核。",
)
PAGES = {"README.md": ENGLISH, "README.zh-CN.md": CHINESE}


def page(text: str, words: Words, lines: Mapping[str, Line]) -> str:
    """The page with its tables made anew. Raises ``KeyError`` if it names a table that there is not."""
    made = {table.name: _table(table, words, lines) for table in tables()}
    made["machine"] = _machine(words, lines.values()) + "\n"
    return MARKED.sub(lambda mark: f"{mark[1]}\n{made[mark['name']]}\n{mark[3]}", text)


def write() -> None:
    lines = _figures.read()
    for name, words in PAGES.items():
        path = ROOT / name
        path.write_text(page(path.read_text("utf-8"), words, lines), "utf-8", newline="\n")


def _table(table: Table, words: Words, lines: Mapping[str, Line]) -> str:
    if table.dimension:
        return _growth(table, words, lines)
    return _markdown(words.columns, [_cells(row, words, lines.get(row.key)) for row in table.rows])


def _cells(row: Row, words: Words, line: Line | None) -> list[str]:
    what = _said(row, words)
    if line is None:
        return [what, words.not_measured, "", "", ""]
    verdict = words.verdicts[line.met]
    if line.why and words is ENGLISH:
        verdict = f"{verdict}: {line.why}"
    target = f"{line.target} {line.unit}" if line.target else ""
    return [what, _measured(line, words), target, verdict, _beside(row, words, line)]


def _measured(line: Line, words: Words) -> str:
    return words.not_measured if line.value is None else _figures.measured(line)


def _beside(row: Row, words: Words, line: Line) -> str:
    if line.beside is None or row.beside is None:
        return ""
    what = row.beside.zh if words is CHINESE else row.beside.en
    times = "" if line.beside.ratio is None else f"; {number(line.beside.ratio)} ×"
    return f"{what} {number(line.beside.value)} {line.beside.unit}{times}"


def _growth(table: Table, words: Words, lines: Mapping[str, Line]) -> str:
    """A line for each figure, a column for each size."""
    assert table.dimension is not None
    sizes = sorted({row.size for row in table.rows})
    shown: dict[str, dict[int, str]] = {}
    for row in table.rows:
        line = lines.get(row.key)
        value = words.not_measured if line is None or line.value is None else number(line.value)
        shown.setdefault(f"{_said(row, words)}, {row.unit}", {})[row.size] = value
    title = table.dimension[words is CHINESE]
    rows = [[what, *(values.get(size, "") for size in sizes)] for what, values in shown.items()]
    return _markdown((title, *(f"{size:,}" for size in sizes)), rows)


def _said(row: Row, words: Words) -> str:
    return row.zh if words is CHINESE else row.en


def _machine(words: Words, lines: Iterable[Line]) -> str:
    found = list(lines)
    if not found:
        return words.not_measured
    machines = [line.machine for line in found]
    return words.machine.format(
        dates=_span(sorted({line.date.partition(" ")[0] for line in found})),
        commits=", ".join(f"`{commit}`" for commit in dict.fromkeys(line.commit for line in found)),
        cores=machines[0].cores,
        cpu=machines[0].cpu,
        kernel=machines[0].kernel,
        filesystem=machines[0].filesystem,
        python=machines[0].python,
        syncs=_span([f"{one:g}" for one in sorted({machine.fdatasync_us for machine in machines})]),
        loads=_span([f"{one:g}" for one in sorted({machine.load for machine in machines})]),
        others=_span([f"{one:.2f}" for one in sorted({line.idle.others_cores for line in found})]),
    )


def _span(ordered: list[str]) -> str:
    return ordered[0] if ordered[0] == ordered[-1] else f"{ordered[0]} – {ordered[-1]}"


def _markdown(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(columns), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


if __name__ == "__main__":
    write()
