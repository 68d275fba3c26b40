"""The golden table of decisions: what each of its rows asks, and by which facts."""

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from contract.decide import (
    HOUR_MS,
    RULE_VERSION,
    Assurance,
    Demand,
    Facts,
    Grant,
    Mode,
    PinVerdict,
    Request,
    Standing,
    Tier,
    Trust,
)
from contract.quantities import Account, Accounts, Allotment, Quantity
from contract.schedules import Schedule
from tests.contract.allotments import own, used

Row = dict[str, Any]

GOLDEN: Row = tomllib.loads((Path(__file__).parents[1] / "fixtures" / "decisions.toml").read_text())


def in_force(rows: list[Row]) -> list[Row]:
    """The rows that hold for this version of the rule."""
    return [row for row in rows if row.get("last_rule", RULE_VERSION) >= RULE_VERSION]


ORDER = in_force(GOLDEN["order"])
CASES = in_force(GOLDEN["case"])
OUTDATED: list[Row] = [row for row in GOLDEN["order"] + GOLDEN["case"] if row not in ORDER + CASES]


class Asked(NamedTuple):
    """What `decide` is asked."""

    request: Request
    grant: Grant | None
    facts: Facts
    now_ms: int


def asked(changes: Row) -> Asked:
    """The base scenario of the golden table with these changes."""
    said: Row = GOLDEN["base"] | changes
    pin = PinVerdict(said["pin"]) if "pin" in said else None
    request = Request(point=said["point"], digest=bytes(16), direction=said["direction"], pin=pin)
    return Asked(request, _grant(said) if said["known"] else None, _facts(said), to_ms(said["now"]))


def _grant(said: Row) -> Grant:
    return Grant(
        holder=bytes(8),
        tier=Tier(said["tier"]),
        points=dict.fromkeys(said["covers"], _schedule(said["hours"], said["days"])),
        standing=Standing(said["standing"]),
        valid_from_ms=to_ms(said.get("valid_from")),
        valid_until_ms=to_ms(said.get("valid_until")),
        allotments=_allotments(said),
        override=said["override"],
        pin=bytes(range(8)) if said["has_pin"] else b"",
        assurance=Assurance[said["assurance"].upper()],
    )


def _facts(said: Row) -> Facts:
    asks = _schedule(said["pin_hours"], range(7)) if "pin_hours" in said else None
    return Facts(
        zone=ZoneInfo(said["zone"]),
        clock=Trust(said["clock"]),
        clock_floor_ms=to_ms(said["floor"]),
        roster_age_ms=None if said["roster_age_h"] == "never" else said["roster_age_h"] * HOUR_MS,
        free_exit=said["free_exit"],
        busy=said["busy"],
        faulted=said["faulted"],
        mode=Mode(said["mode"]),
        roster_damaged=said["roster_damaged"],
        offline=said["offline"],
        used=_accounts(said),
        reserved_for=bytes.fromhex(said["reserved_for"]),
        can_be_held=said["can_be_held"],
        demand=Demand(asks, Assurance[said["at_least"].upper()]),
        interlocked=said["interlocked"],
    )


def _schedule(hours: str, days: list[int] | range) -> Schedule:
    window = tuple(GOLDEN["hours"][hours])
    return Schedule(tuple((window,) if day in days else () for day in range(7)))


def _allotments(said: Row) -> dict[str, Allotment]:
    if "lent" in said:
        return {said["allotment_of"]: Allotment("charging", (Quantity(unit="visits", **said["lent"]),))}
    return {said["allotment_of"]: own("charging", **said["allotted"])} if "allotted" in said else {}


def _accounts(said: Row) -> dict[str, Accounts] | None:
    if "lent" in said:
        return {"charging": {"visits": Account(**said["visits"])}}
    return None if said["used"] == "unknown" else {"charging": used(**said["used"])}


def to_ms(moment: datetime | None) -> int:
    return 0 if moment is None else int(moment.timestamp()) * 1000 + moment.microsecond // 1000
