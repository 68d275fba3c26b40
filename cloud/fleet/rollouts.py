"""A roll-out: a change of wiring goes to one device first, the canary, and to all others once that has kept it.

Pure: the states are the table below, and whatever a device has said goes in as a report. A roll-out that stops takes
back what its devices have not applied, so that one that was away does not take it up when it returns.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, structs

from contract.decide import HOUR_MS
from contract.messages import Reported

State = Literal["canary", "rest", "done", "stopped"]
Trigger = Literal["begun", "kept", "settled", "failed", "late", "stop"]
LegState = Literal["unsent", "sent", "applied", "refused", "reverted", "kept"]

NEXT: dict[tuple[State, Trigger], State] = {
    ("canary", "kept"): "rest",
    ("canary", "failed"): "stopped",
    ("canary", "late"): "stopped",
    ("canary", "stop"): "stopped",
    ("rest", "settled"): "done",
    ("rest", "failed"): "stopped",
    ("rest", "stop"): "stopped",
}
"""Where a trigger leads. A pair that does not stand here leaves the state as it is."""

CANARY_WITHIN_MS = HOUR_MS
"""How long a canary may take: its door may be held open, or it may be away. Any other device takes as long as it
needs."""
MAX_DEVICES = 1_000
FAILED = ("refused", "reverted")


class Leg(Struct, frozen=True):
    """One device of a roll-out. ``former`` is the wiring that was desired of it before, ``number`` that of the document
    that carries the new one, 0 before it is sent. ``kept`` is a device that goes on with the former one."""

    device: str
    wiring: str
    state: LegState = "unsent"
    why: str = ""
    number: int = 0
    former: str = ""


class Rollout(Struct, frozen=True):
    """One roll-out. Times are UTC milliseconds."""

    id: str
    by: str
    reason: str
    canary: str
    started_ms: int
    legs: tuple[Leg, ...]
    state: State = "canary"
    why: str = ""
    ended_ms: int | None = None

    @property
    def live(self) -> bool:
        return self.state in ("canary", "rest")


def apply_reports(rollout: Rollout, reports: Mapping[str, Reported], now_ms: int) -> Rollout:
    """Go on by what the devices have reported."""
    if not rollout.live:
        return rollout
    rollout = structs.replace(rollout, legs=tuple(_reported(leg, reports.get(leg.device)) for leg in rollout.legs))
    failed = next((leg for leg in rollout.legs if leg.state in FAILED), None)
    if failed is not None:
        return _stopped(rollout, "failed", f"{failed.device}: {failed.why}", now_ms)
    if rollout.state == "canary":
        if _canary(rollout).state == "applied":
            rollout = structs.replace(rollout, state=NEXT["canary", "kept"])
        elif now_ms >= rollout.started_ms + CANARY_WITHIN_MS:
            minutes = CANARY_WITHIN_MS // 60_000
            return _stopped(rollout, "late", f"{rollout.canary} has not applied it within {minutes} minutes", now_ms)
    if rollout.state == "rest" and all(leg.state == "applied" for leg in rollout.legs):
        return structs.replace(rollout, state=NEXT["rest", "settled"], ended_ms=now_ms)
    return rollout


def stop(rollout: Rollout, why: str, now_ms: int) -> Rollout:
    """Stop on a person's word. One that is over stays as it is."""
    return _stopped(rollout, "stop", why, now_ms) if rollout.live else rollout


def due(rollout: Rollout) -> list[Leg]:
    """The devices that the wiring is to be sent to now."""
    if not rollout.live:
        return []
    unsent = [leg for leg in rollout.legs if leg.state == "unsent"]
    return [leg for leg in unsent if rollout.state == "rest" or leg.device == rollout.canary]


def sent(rollout: Rollout, device: str, number: int, former: str) -> Rollout:
    """Note that the wiring is on its way to a device, in the document of this number."""
    return _with(rollout, device, state="sent", number=number, former=former)


def withdrawn(before: Rollout, after: Rollout) -> list[Leg]:
    """The devices of which the former wiring is to be desired again."""
    if after.state != "stopped" or before.state == "stopped":
        return []
    return [leg for leg in after.legs if leg.number and leg.state != "applied"]


def _canary(rollout: Rollout) -> Leg:
    return next(leg for leg in rollout.legs if leg.device == rollout.canary)


def _reported(leg: Leg, report: Reported | None) -> Leg:
    """A device speaks of the document it has, which may be a newer one that carries the same wiring."""
    if leg.state != "sent" or report is None or report.number < leg.number:
        return leg
    if report.status in ("applied", "refused", "reverted"):
        return structs.replace(leg, state=report.status, why="" if report.status == "applied" else report.why)
    return structs.replace(leg, why=report.why)


def _stopped(rollout: Rollout, trigger: Trigger, why: str, now_ms: int) -> Rollout:
    legs = tuple(structs.replace(leg, state="kept") if leg.state in ("unsent", "sent") else leg for leg in rollout.legs)
    return structs.replace(rollout, state=NEXT[rollout.state, trigger], why=why, legs=legs, ended_ms=now_ms)


def _with(rollout: Rollout, device: str, **changes: object) -> Rollout:
    legs = tuple(structs.replace(leg, **changes) if leg.device == device else leg for leg in rollout.legs)
    return structs.replace(rollout, legs=legs)
