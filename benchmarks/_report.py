"""How a benchmark tells what it found: a table to read, a verdict on each target, and one last line of JSON."""

import json
from collections.abc import Sequence
from statistics import quantiles
from typing import Any

from msgspec import Struct
from rich import box
from rich.console import Console
from rich.table import Table

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


class Target(Struct, frozen=True):
    """A figure, and what it must reach: at most ``limit``, or with ``at_least`` that much."""

    what: str
    value: float
    limit: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def line(self) -> str:
        sign, verdict = "≥" if self.at_least else "≤", "met" if self.met else "MISSED"
        return f"{verdict:6}  {self.what}: {_number(self.value)} {self.unit}, target {sign} {_number(self.limit)}"


def spread(samples: Sequence[float]) -> Spread:
    """At least two samples."""
    cuts = quantiles(samples, n=1000, method="inclusive")
    return Spread(len(samples), cuts[499], cuts[989], cuts[998], max(samples))


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table whose first column says what was measured."""
    table = Table(title=title, box=box.SIMPLE, title_justify="left", title_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def finish(name: str, targets: Sequence[Target], figures: dict[str, Any], machine: dict[str, Any]) -> None:
    """The verdicts, the machine, and the JSON line. A missed target is told, and is no error."""
    for target in targets:
        console.print(target.line(), soft_wrap=True)
    disk, versions = machine["disk"], machine["versions"]
    console.print(
        f"\n{machine['cores']} cores, {machine['cpu']}, Linux {machine['kernel']}, load {machine['load']}; "
        f"{disk['filesystem']}, 4 KiB write + fdatasync p50 {disk['fdatasync_4k_us']['p50']} µs, "
        f"p99 {disk['fdatasync_4k_us']['p99']} µs; "
        + ", ".join(f"{package} {number}" for package, number in versions.items()),
        soft_wrap=True,
    )
    told = [{"what": one.what, "value": round(one.value, 3), "limit": one.limit, "met": one.met} for one in targets]
    print(json.dumps({"benchmark": name, "figures": figures, "targets": told, "machine": machine}), flush=True)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
