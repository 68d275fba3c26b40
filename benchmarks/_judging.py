"""Whether a figure met its target, and whether the machine was quiet enough to say so. No I/O."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from benchmarks._rows import Row

Verdict = Literal["yes", "no", "cannot be judged", "no target"]

MAX_BUSY_RATIO = 1.1
"""Wall time of a fixed piece of work to its processor time: 1 where nobody else wants the core."""
MAX_LATE_MS = 1.0
"""How late the latest of a hundred short sleeps ends, at the 99th percentile."""
MAX_OTHERS = 0.25
"""Processor time of all other programs while a benchmark runs, in cores."""
MAX_OTHERS_OF_CPU = 1.0
"""The same, for processor time: half of this machine's cores, from where on caches are cold at every turn. A decision
took 1.6 times as much then."""


class Probe(Struct, frozen=True):
    """How idle the machine was at one moment."""

    busy_ratio: float
    late_p99_ms: float


class IdleControl(Struct, frozen=True):
    """The machine before and after a benchmark, and what other programs used of it meanwhile, in cores."""

    before: Probe
    after: Probe
    others_cores: float

    def disturbance(self) -> str:
        """What kept the machine from being idle; empty if nothing did."""
        busy = max(self.before.busy_ratio, self.after.busy_ratio)
        late = max(self.before.late_p99_ms, self.after.late_p99_ms)
        found = [
            f"other programs used {self.others_cores:.2f} cores" if self.others_cores > MAX_OTHERS else "",
            f"idle work took {busy:.2f} × its processor time" if busy > MAX_BUSY_RATIO else "",
            f"sleeps ended {late:.1f} ms late" if late > MAX_LATE_MS else "",
        ]
        return ", ".join(word for word in found if word)


class Judged(Struct, frozen=True, kw_only=True):
    """The figure of a row, and the verdict on it. ``why`` says what kept it from being judged. ``value`` is None where
    nothing was measured."""

    value: float | None
    met: Verdict
    why: str = ""
    beside: float | None = None
    ratio: float | None = None


class MissingFigure(Exception):
    """A program did not print a figure that a row names."""


def figure(figures: Mapping[str, Any], at: str) -> float | str:
    """The figure that stands there; a text says why there is none. Raises ``MissingFigure``."""
    found: Any = figures
    for key in at.split("/"):
        if isinstance(found, str):
            return found
        if not isinstance(found, Mapping) or key not in found:
            raise MissingFigure(f"{at}: there is no {key}")
        found = found[key]
    if not isinstance(found, int | float | str):
        raise MissingFigure(f"{at} is no number")
    return found


def judged(row: Row, figures: Mapping[str, Any], idle: IdleControl | None = None) -> Judged:
    """The verdict on a row. Without an idle control the machine counts as quiet."""
    found = figure(figures, row.at)
    if isinstance(found, str):
        return Judged(value=None, met="cannot be judged", why=found)
    value = found * row.scale
    peer = figure(figures, row.beside.at) if row.beside else None
    beside = peer * (1 if row.beside and row.beside.unit else row.scale) if isinstance(peer, int | float) else None
    met, why = _verdict(row, value, figures, idle)
    if isinstance(peer, str):
        why = "; ".join(word for word in (why, peer) if word)
    return Judged(
        value=value,
        met=met,
        why=why,
        beside=beside,
        ratio=value / beside if beside and row.beside and not row.beside.unit else None,
    )


def _verdict(row: Row, value: float, figures: Mapping[str, Any], idle: IdleControl | None) -> tuple[Verdict, str]:
    if row.most is None and row.least is None:
        return "no target", ""
    met = (row.most is None or value <= row.most) and (row.least is None or value >= row.least)
    disturbed = idle.disturbance() if idle and row.kind != "exact" else ""
    if row.kind == "cpu" and idle and idle.others_cores <= MAX_OTHERS_OF_CPU:
        disturbed = ""
    if disturbed and not (met and row.kind != "wall ratio"):
        return "cannot be judged", disturbed
    if not met and row.most is not None and row.least_work is not None:
        least = figure(figures, row.least_work.at)
        if not isinstance(least, str) and least * row.scale > row.most:
            return "cannot be judged", f"{row.least_work.en} takes {number(least * row.scale)} {row.unit} here"
    return "yes" if met else "no", ""


def target(row: Row) -> str:
    """As it is shown: ``≤ 50``. Empty without one."""
    bounds = [("≤", row.most), ("≥", row.least)]
    return ", ".join(f"{sign} {number(bound)}" for sign, bound in bounds if bound is not None)


def number(value: float) -> str:
    """Three digits of it, with commas from a thousand on."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
