"""The golden table of decisions: what each of its rows asks, and by which facts."""

import tomllib
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from contract.decide import HOUR_MS, RULE_VERSION, Facts, Grant, Mode, Request, Standing, Tier, Trust
from contract.demands import Assurance, Demand, PinVerdict
from contract.occupancy import Whereabouts, ZoneCount
from contract.pass_verdicts import PassVerdict
from contract.quantities import Account, Accounts, Allotment, Quantity
from contract.schedules import Schedule, Windows, day_number
from contract.zone_rules import PageZone
from tests.contract.allotments import own, used

Row = dict[str, Any]

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

GOLDEN: Row = tomllib.loads((Path(__file__).parents[1] / "fixtures" / "decisions.toml").read_text())


def in_force(rows: list[Row]) -> list[Row]:
    """The rows that hold for this version of the rule."""
    return [row for row in rows if row.get("last_rule", RULE_VERSION) >= RULE_VERSION]


def _cases_of(table: Row) -> list[Row]:
    """A case for each row of a table."""
    said, kept = table.get("set", {}), {key: table[key] for key in ("last_rule",) if key in table}
    return [
        {"name": f"{table['name']}: {', '.join(map(str, row))}", "set": said | changes, "reason": changes.pop("reason")}
        | kept
        for row in table["rows"]
        for changes in [dict(zip(table["columns"], row, strict=True))]
    ]


_ALL_CASES: list[Row] = GOLDEN["case"] + [case for table in GOLDEN["table"] for case in _cases_of(table)]
ORDER = in_force(GOLDEN["order"])
CASES = in_force(_ALL_CASES)
CARDS = in_force(GOLDEN["card"])
OUTDATED: list[Row] = [row for row in GOLDEN["order"] + _ALL_CASES if row not in ORDER + CASES]


class Asked(NamedTuple):
    """What `decide` is asked."""

    request: Request
    grant: Grant | None
    facts: Facts
    now_ms: int


def asked(changes: Row) -> Asked:
    """The base scenario of the golden table with these changes."""
    said: Row = GOLDEN["base"] | changes
    now_ms = _now_ms(said)
    pin = None if said["pin"] == "none" else PinVerdict(said["pin"])
    verdict = None if said["pass"] == "none" else PassVerdict(said["pass"])
    request = Request(said["point"], bytes(16), said["direction"], pin, verdict)
    return Asked(request, _grant(said) if said["known"] else None, _facts(said, now_ms), now_ms)


def asked_of_card(card: Row) -> tuple[Request, list[Grant], Facts, int]:
    """The same for a card with several grants."""
    said = card.get("set", {})
    request, _, facts, now_ms = asked(said)
    return request, [_grant(GOLDEN["base"] | said | grant) for grant in card["grants"]], facts, now_ms


def _now_ms(said: Row) -> int:
    return local_ms(said["at"], said["zone"]) if "at" in said else to_ms(said["now"])


def _grant(said: Row) -> Grant:
    first, last = said.get("first_day"), said.get("last_day")
    schedule = _week(said["week"]) if "week" in said else _daily(said["hours"], said["days"])
    special = {day_number(date.fromisoformat(day)): windows(hours) for day, hours in said.get("special", {}).items()}
    return Grant(
        holder=bytes(8),
        tier=Tier(said["tier"]),
        points=dict.fromkeys(said["covers"], replace(schedule, days=special)),
        standing=Standing(said["standing"]),
        valid_from_ms=local_ms(f"{first} 00:00", said["zone"]) if first else to_ms(said.get("valid_from")),
        valid_until_ms=_after_ms(last, said["zone"]) if last else to_ms(said.get("valid_until")),
        allotments=_allotments(said),
        override=said["override"],
        pin=bytes(range(8)) if said["has_pin"] else b"",
        assurance=Assurance[said["assurance"].upper()],
        family=said["family"],
    )


def _after_ms(day: str, zone: str) -> int:
    return local_ms(f"{date.fromisoformat(day) + timedelta(days=1)} 00:00", zone)


def _facts(said: Row, now_ms: int) -> Facts:
    return Facts(
        zone=ZoneInfo(said["zone"]),
        clock=Trust(said["clock"]),
        clock_floor_ms=now_ms - HOUR_MS if "at" in said else to_ms(said["floor"]),
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
        demand=Demand(_week(said["pin_week"]) if "pin_week" in said else None, Assurance[said["at_least"].upper()]),
        interlocked=said["interlocked"],
        counted=PageZone(**said["counted"]) if "counted" in said else None,
        zone_count=ZoneCount(**said["count"]) if "count" in said else None,
        whereabouts=_whereabouts(said, now_ms),
    )


def _whereabouts(said: Row, now_ms: int) -> Whereabouts:
    is_inside = {"inside": True, "outside": False}.get(said["whereabouts"])
    return Whereabouts(is_inside, None if said["since_s"] == "unknown" else now_ms - said["since_s"] * 1000)


def _daily(hours: str, days: list[int]) -> Schedule:
    window = tuple(GOLDEN["hours"][hours])
    return Schedule(tuple((window,) if day in days else () for day in range(7)))


def _week(text: str) -> Schedule:
    """``Mon-Fri 06:00-22:00; Sat 08:00-12:00``."""
    week: list[Windows] = [()] * 7
    for part in text.split("; "):
        days, _, hours = part.partition(" ")
        first, _, last = days.partition("-")
        for day in range(WEEKDAYS.index(first), WEEKDAYS.index(last or first) + 1):
            week[day] = windows(hours)
    return Schedule(tuple(week))


def windows(text: str) -> Windows:
    """``06:00-09:00, 17:00-22:00``, or ``shut``."""
    if text == "shut":
        return ()
    return tuple((minute(start), minute(end)) for start, end in (span.split("-") for span in text.split(", ")))


def minute(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def local_ms(text: str, zone: str) -> int:
    """``2026-10-25 02:30``, or ``2026-10-25 02:30 again`` for the second time that the clock of the zone shows it."""
    said = text.removesuffix(" again")
    fold = int(said != text)
    return int(datetime.fromisoformat(said).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()) * 1000


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
