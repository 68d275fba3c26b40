"""How a benchmark tells what it found: a table to read, a verdict on each target, and one last line of JSON."""

import json
from collections.abc import Sequence
from statistics import quantiles
from typing import Any

from msgspec import Struct
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import _rows
from benchmarks._judging import MissingFigure, judged, number, target
from benchmarks._rows import Row

console = Console(width=120, highlight=False)


class Spread(Struct, frozen=True):
    """How a quantity was spread over its samples, in the unit of the samples."""

    count: int
    p50: float
    p99: float
    p999: float
    max: float

    def row(self, digits: int = 1) -> list[str]:
        """The cells of a table with the columns ``SPREAD``."""
        return [str(self.count), *(f"{value:.{digits}f}" for value in (self.p50, self.p99, self.p999, self.max))]

    def figures(self) -> dict[str, float]:
        names = ("p50", "p99", "p999", "max")
        return {"count": self.count, **{name: round(getattr(self, name), 3) for name in names}}


SPREAD = ("samples", "p50", "p99", "p99.9", "max")


def spread(samples: Sequence[float]) -> Spread:
    """At least two samples."""
    cuts = quantiles(samples, n=1000, method="inclusive")
    return Spread(len(samples), cuts[499], cuts[989], cuts[998], max(samples))


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table whose first column says what was measured."""
    table = Table(title=title, box=box.SIMPLE, title_justify="left", title_style="bold")
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place else "left")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def finish(name: str, figures: dict[str, Any], machine: dict[str, Any]) -> None:
    """The verdicts on the rows of this program in ``rows.toml``, the machine, and the JSON line. A missed target is
    said, and is no error. The machine counts as quiet here: ``bench`` watches it (see ``_idle``)."""
    last = json.dumps({"benchmark": name, "figures": figures, "machine": machine})
    for row in _rows.rows(name):
        console.print(_verdict(row, json.loads(last)["figures"]), soft_wrap=True)
    disk, versions = machine["disk"], machine["versions"]
    console.print(
        f"\n{machine['cores']} cores, {machine['cpu']}, Linux {machine['kernel']}, load {machine['load']}; "
        f"{disk['filesystem']}, 4 KiB write + fdatasync p50 {disk['fdatasync_4k_us']['p50']} µs, "
        f"p99 {disk['fdatasync_4k_us']['p99']} µs; "
        + ", ".join(f"{package} {version}" for package, version in versions.items()),
        soft_wrap=True,
    )
    print(last, flush=True)


def _verdict(row: Row, figures: dict[str, Any]) -> str:
    try:
        found = judged(row, figures)
    except MissingFigure as missing:
        return f"MISSING  {row.key}: {missing}"
    value = "–" if found.value is None else f"{number(found.value)} {row.unit}"
    bound = f", target {target(row)}" if target(row) else ""
    why = f" ({found.why})" if found.why else ""
    return f"{found.met:16}  {row.key}: {value}{bound}{why}"
