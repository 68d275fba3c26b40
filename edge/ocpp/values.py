"""What a post says, weighed by its meaning: the schemas of OCPP let a connector be -5, a meter -9, a time "yesterday".

Every function takes whatever JSON holds and answers None, or an empty text, for what cannot be.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

MAX_TEXT = 36
"""The longest idTag, transaction and message of either version (CiString20, identifierString[36])."""
MAX_WH = 1e10
"""Ten gigawatt-hours: no meter of a post has counted so far."""
MAX_W = 1e6
MAX_SAMPLES = 200
"""Sampled values that are looked at in one message; posts send some thirty."""
END_OF_TIME = datetime(2100, 1, 1, tzinfo=UTC)

ENERGY, POWER = "Energy.Active.Import.Register", "Power.Active.Import"
FACTORS = {"": 1.0, "Wh": 1.0, "kWh": 1000.0, "W": 1.0, "kW": 1000.0}
PHASES = frozenset({"L1", "L2", "L3", "L1-N", "L2-N", "L3-N"})


def text(value: object, longest: int = MAX_TEXT) -> str:
    """A text without its margins, cut to its longest. JSON holds half characters, which nobody could write down."""
    if type(value) is int:
        return str(value)[:longest]
    return value.strip()[:longest].encode(errors="replace").decode() if isinstance(value, str) else ""


def moment_ms(value: object) -> int | None:
    """A time as ISO 8601 in UTC milliseconds; one that names no zone is taken for UTC."""
    try:
        moment = datetime.fromisoformat(text(value, 64))
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    at_ms = int(moment.timestamp() * 1000)
    return at_ms if at_ms >= 0 and moment < END_OF_TIME else None


def energy_wh(value: object) -> float | None:
    """A meter's register in watt-hours."""
    return _number(value, MAX_WH)


def connector(value: object) -> int | None:
    """A connector's number; 0 is the post itself."""
    return value if type(value) is int and 0 <= value < 100 else None


class Sampled(Struct, frozen=True):
    """What a message of meter values comes to. ``at_ms`` is when its register was read, by the post's clock, and
    ``begin_wh`` what it tells of the beginning of the transaction."""

    energy_wh: float | None = None
    power_w: float | None = None
    at_ms: int | None = None
    begin_wh: float | None = None


class _Moment(Struct, frozen=True):
    """The samples of one moment: those of now (of the end first), and those of the beginning."""

    at_ms: int | None
    now: list[Mapping[str, Any]]
    begin: list[Mapping[str, Any]]


def sampled(meter_values: object) -> Sampled:
    """The newest energy and power of a list of meter values of either version, in Wh and W whatever their units.

    Moments are taken by their time where all tell one, and else by their place in the list. A value without a measurand
    is the energy register, one without a unit is in Wh or W. Phases are added up where no total is given. What the
    register stood at when the transaction began is the newest only where nothing else is told.
    """
    moments = list(_moments(meter_values))
    if all(moment.at_ms is not None for moment in moments):
        moments.sort(key=lambda moment: moment.at_ms or 0)
    energy = power = begin = at_ms = None
    for moment in moments:
        begin = _total(moment.begin, ENERGY, begin, MAX_WH)
        power = _total(moment.now, POWER, power, MAX_W)
        if (total := _total(moment.now, ENERGY, None, MAX_WH)) is not None:
            energy, at_ms = total, moment.at_ms
    return Sampled(begin if energy is None else energy, power, at_ms, begin)


def _moments(meter_values: object) -> Iterable[_Moment]:
    """The moments that hold samples, with at most ``MAX_SAMPLES`` in all."""
    left = MAX_SAMPLES
    entry: Any
    for entry in meter_values if isinstance(meter_values, list) else [meter_values]:
        entry = entry if isinstance(entry, Mapping) else {}
        values = entry.get("sampled_value")
        samples = [one for one in values if isinstance(one, Mapping)] if isinstance(values, list) else []
        samples = [one for one in samples[:left] if one.get("location") != "EV"]
        left -= len(samples)
        if samples:
            samples.sort(key=lambda one: (one.get("context") != "Transaction.End", one.get("location") == "Inlet"))
            begin = [one for one in samples if one.get("context") == "Transaction.Begin"]
            now = [one for one in samples if one.get("context") != "Transaction.Begin"]
            yield _Moment(moment_ms(entry.get("timestamp")), now, begin)


def _total(samples: list[Mapping[str, Any]], measurand: str, before: float | None, most: float) -> float | None:
    """What the samples of one moment say of a measurand, or what was known before."""
    phases: dict[str, float] = {}
    for sample in samples:
        if (sample.get("measurand") or ENERGY) != measurand:
            continue
        value = _scaled(sample, most)
        if value is None:
            continue
        if not sample.get("phase"):
            return value
        if sample["phase"] in PHASES:
            phases[text(sample["phase"])[:2]] = value
    return sum(phases.values()) if phases else before


def _scaled(sample: Mapping[str, Any], most: float) -> float | None:
    """A sample in Wh or W. In OCPP 2.0.1 the unit stands in a table of its own, with a power of ten."""
    table = sample.get("unit_of_measure")
    unit, tens = (table.get("unit"), table.get("multiplier")) if isinstance(table, Mapping) else (sample.get("unit"), 0)
    factor = FACTORS.get(text(unit))
    tens = tens if type(tens) is int and -6 <= tens <= 6 else 0
    value = _number(sample.get("value"), most)
    return None if factor is None or value is None else _number(value * factor * 10.0**tens, most)


def _number(value: object, most: float) -> float | None:
    """A number, or a text that is one, from 0 to the most."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        value = float(value)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) and 0 <= value <= most else None
