"""What a stream of meter readings says of what is plugged in: too much, full, pulled, the same as before. Pure.

Nothing is judged by one idle sample: each state must last. A reading that cannot be is no reading.
"""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from contract.sessions import Stop
from edge.archetypes.session import HOUR_MS, Limits

APPARENT_MARGIN, APPARENT_MARGIN_W = 1.1, 5.0
"""No load takes more than volts times amperes; meters err most where there is little to measure."""
OVER_POWER_MS = 3_000
"""Two samples above the limit trip, or one that is followed by none below it for so long."""
FROZEN_AFTER_MS, FROZEN_AFTER_WH = 5 * 60_000, 2.0
"""Digits that stand still are a doubt only where they contradict each other: power that is said to flow for five
minutes at least, and for so long that the register, which counts whole watt-hours, must have moved. The supply of an
inverter is steady to the digit."""
SAME_SHARE = 0.3
SAME_FOR_MS = 5_000
"""After an interruption a load is the same if for so long it draws what it drew, but for this share (or, where that
is less, for the power below which it would be full)."""


class Sample(Struct, frozen=True):
    """A reading that can be believed, within these bounds; the most that an instrument of ours can measure is 100 A."""

    voltage_v: Annotated[float, Meta(ge=180, le=260)]
    current_a: Annotated[float, Meta(ge=0, le=120)]
    power_w: Annotated[float, Meta(ge=0, le=26_000)]
    energy_wh: Annotated[float, Meta(ge=0, le=1e9)]
    frequency_hz: float = 0


def believed(values: Mapping[str, float] | None) -> Sample | None:
    """The reading as a sample; None if something is missing or cannot be (``NaN`` lies within no bounds)."""
    try:
        sample = msgspec.convert(values, Sample)
    except msgspec.ValidationError:
        return None
    apparent_w = sample.voltage_v * sample.current_a
    return sample if sample.power_w <= apparent_w * APPARENT_MARGIN + APPARENT_MARGIN_W else None


class Meter(Struct, frozen=True):
    """The last sample, None before the first or once the meter is lost, and since when it has been exactly this one."""

    sample: Sample | None = None
    since_ms: int = 0


def sampled(meter: Meter, sample: Sample, now_ms: int) -> Meter:
    return meter if sample == meter.sample else Meter(sample, now_ms)


def is_frozen(meter: Meter, now_ms: int) -> bool:
    """Whether the meter says that power flows, and that nothing has come of it."""
    if meter.sample is None or meter.sample.power_w <= 0:
        return False
    counts_after_ms = FROZEN_AFTER_WH * HOUR_MS / meter.sample.power_w
    return now_ms - meter.since_ms >= max(FROZEN_AFTER_MS, counts_after_ms)


class Load(Struct, frozen=True):
    """Since when the load has drawn too much, as little as a full battery, as little as none, and what it drew before;
    None where it does not."""

    over_ms: int | None = None
    low_ms: int | None = None
    none_ms: int | None = None
    same_ms: int | None = None


def followed(load: Load, limits: Limits, power_w: float, before_w: float, now_ms: int) -> Load:
    """The load after one more sample. ``before_w`` is what it drew before an interruption."""
    same = abs(power_w - before_w) <= max(SAME_SHARE * before_w, limits.full_w)
    return Load(
        _since(load.over_ms, power_w > limits.power_w, now_ms),
        _since(load.low_ms, power_w < limits.full_w, now_ms),
        _since(load.none_ms, power_w < limits.pulled_w, now_ms),
        _since(load.same_ms, same, now_ms),
    )


def stops(load: Load, limits: Limits, now_ms: int, *, plugged: bool) -> Stop | None:
    """Why what is plugged in should get no more, judged after a sample. Where a contact says that it is still
    ``plugged`` in, it is not pulled, however little it draws."""
    if load.over_ms is not None and load.over_ms < now_ms:
        return Stop.OVER_POWER
    if not plugged and _lasts(load.none_ms, limits.pulled_ms, now_ms):
        return Stop.PULLED
    return Stop.FULL if _lasts(load.low_ms, limits.full_ms, now_ms) else None


def is_same(load: Load, now_ms: int) -> bool:
    return _lasts(load.same_ms, SAME_FOR_MS, now_ms)


def _since(since_ms: int | None, holds: bool, now_ms: int) -> int | None:
    if not holds:
        return None
    return now_ms if since_ms is None else since_ms


def _lasts(since_ms: int | None, for_ms: int, now_ms: int) -> bool:
    return since_ms is not None and now_ms - since_ms >= for_ms
