"""Whose meter and whose thermistor moved when one socket was under load: what a load test finds. Pure."""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

Verdict = Literal["ok", "crossed_meter", "no_load", "several_moved", "unread", "crossed_thermometer", "not_warmed"]
"""Of a meter: the socket's own moved and no other; another moved in its place; none did; the own and others did; its
own cannot be read. Of a thermistor: the socket's own grew warmest; another did; none grew warm."""
LEAST_C = 1.5
"""A thermistor that is held in the hand, or sits in a socket under load, rises by more; the weather does not."""


class LoadTrial(Struct, frozen=True):
    """One socket under load. ``before`` and ``after`` have what every instrument of the line said, by its name, in
    watts or degrees; None where it could not be read."""

    point: str
    own: str
    before: Mapping[str, float | None]
    after: Mapping[str, float | None]

    def rises(self) -> dict[str, float]:
        """By how much each instrument rose that could be read both times."""
        return {
            name: after - before
            for name, before in self.before.items()
            if before is not None and (after := self.after.get(name)) is not None
        }


class LoadFinding(Struct, frozen=True):
    """What a trial shows of a point's instrument; ``instead`` are the instruments that moved and should not have."""

    point: str
    instrument: str
    verdict: Verdict
    instead: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        return self.verdict == "ok"


def judge_meter(trial: LoadTrial, least_w: float) -> LoadFinding:
    """Which meter saw the load of ``least_w`` or more. Two sockets with crossed meters and crossed relays look right to
    each other, unless the load is plugged into one of them only."""
    rises = trial.rises()
    moved = [name for name, rise in rises.items() if rise >= least_w]
    others = tuple(name for name in moved if name != trial.own)
    verdict: Verdict
    if trial.own in moved:
        verdict = "several_moved" if others else "ok"
    elif others:
        verdict = "crossed_meter"
    else:
        verdict = "no_load" if trial.own in rises else "unread"
    return LoadFinding(trial.point, trial.own, verdict, others)


def judge_thermometer(trial: LoadTrial) -> LoadFinding:
    """Which thermistor grew warmest: those beside it may follow a little."""
    rises = trial.rises()
    warmest = max(rises, key=lambda name: rises[name], default="")
    if rises.get(warmest, 0.0) < LEAST_C:
        return LoadFinding(trial.point, trial.own, "not_warmed" if trial.own in rises else "unread")
    if warmest == trial.own:
        return LoadFinding(trial.point, trial.own, "ok")
    return LoadFinding(trial.point, trial.own, "crossed_thermometer", (warmest,))


def crossed_with(findings: Sequence[LoadFinding]) -> list[tuple[str, str]]:
    """The pairs of instruments that stand in each other's place: to exchange their addresses mends both."""
    moved_for = {finding.instrument: finding.instead[0] for finding in findings if len(finding.instead) == 1}
    return sorted((own, other) for own, other in moved_for.items() if own < other and moved_for.get(other) == own)
