"""Whose meter and whose thermistor moved when one socket was under load: what a load test finds. Pure."""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

Verdict = Literal["ok", "crossed_meter", "no_load", "several_moved", "unread", "crossed_thermometer", "not_warmed"]
"""Of a meter: the socket's own moved and no other; another moved in its place; none did; the own and others did; its
own cannot be read. Of a thermistor: the socket's own grew warmest; another did; none grew warm."""
LEAST_C = 1.5
"""A thermistor that is held in the hand, or sits in a socket under load, rises by more; the weather does not."""


class Trial(Struct, frozen=True):
    """One socket under load. ``before`` and ``after`` have what every instrument of the line said, by its name, in
    watts or degrees; None where it could not be read."""

    point: str
    own: str
    before: Mapping[str, float | None]
    after: Mapping[str, float | None]


class Found(Struct, frozen=True):
    """What a trial shows of a point's instrument; ``instead`` are the instruments that moved and should not have."""

    point: str
    instrument: str
    verdict: Verdict
    instead: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        return self.verdict == "ok"


def judge_meter(trial: Trial, least_w: float) -> Found:
    """Which meter saw the load of ``least_w`` or more. Two sockets with crossed meters and crossed relays look right to
    each other, unless the load is plugged into one of them only."""
    moved = [name for name, rise in _rises(trial).items() if rise >= least_w]
    others = tuple(name for name in moved if name != trial.own)
    if trial.own in moved:
        return _found(trial, "several_moved" if others else "ok", others)
    if others:
        return _found(trial, "crossed_meter", others)
    unread = trial.before.get(trial.own) is None or trial.after.get(trial.own) is None
    return _found(trial, "unread" if unread else "no_load")


def judge_thermometer(trial: Trial) -> Found:
    """Which thermistor grew warmest: those beside it may follow a little."""
    rises = _rises(trial)
    warmest = max(rises, key=lambda name: rises[name], default="")
    if not warmest or rises[warmest] < LEAST_C:
        unread = trial.before.get(trial.own) is None or trial.after.get(trial.own) is None
        return _found(trial, "unread" if unread else "not_warmed")
    return _found(trial, "ok") if warmest == trial.own else _found(trial, "crossed_thermometer", (warmest,))


def crossed_with(found: Sequence[Found]) -> list[tuple[str, str]]:
    """The pairs of instruments that stand in each other's place: to exchange their addresses mends both."""
    took = {one.instrument: one.instead[0] for one in found if len(one.instead) == 1}
    return sorted((own, other) for own, other in took.items() if own < other and took.get(other) == own)


def _rises(trial: Trial) -> dict[str, float]:
    """By how much each instrument rose that could be read both times."""
    rises = {}
    for name, before in trial.before.items():
        after = trial.after.get(name)
        if before is not None and after is not None:
            rises[name] = after - before
    return rises


def _found(trial: Trial, verdict: Verdict, instead: tuple[str, ...] = ()) -> Found:
    return Found(trial.point, trial.own, verdict, instead)
