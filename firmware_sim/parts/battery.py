"""What is charged: packs on a constant-current, constant-voltage curve, plain loads, and cars. Pure.

Energy and charge are closed forms of the time that has passed, so a night of charging costs as much as a second.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol


class Appliance(Protocol):
    """Anything with a mains plug."""

    @property
    def power_factor(self) -> float:
        """Of what it draws."""

    @property
    def power_w(self) -> float:
        """What it draws now, if the mains is there."""

    def run(self, seconds: float) -> float:
        """Let it run from the mains for a time. Returns the energy it drew, in joules."""

    def lose_power(self) -> None:
        """The mains is gone."""

    def view(self) -> dict[str, object]:
        """What it is, and how full."""


class Pack(NamedTuple):
    """A battery with its charger. The charger holds ``charge_a`` until the pack has come to ``full_v``, then holds that
    voltage while the current falls, and ends at ``cut_off_a``.

    ``resistance_ohm`` stands for all that lifts the pack's voltage while it is charged, polarization among it;
    ``accepted`` is the share of the charge that the pack keeps. ``resting_w`` is drawn once it is full: a light, a fan,
    a float voltage. The figures of `PACKS` are those of common packs, rounded.
    """

    name: str
    capacity_ah: float
    empty_v: float
    full_v: float
    resistance_ohm: float
    charge_a: float
    cut_off_a: float
    efficiency: float
    resting_w: float
    power_factor: float
    accepted: float = 1.0

    @property
    def span_v(self) -> float:
        return self.full_v - self.empty_v

    @property
    def knee(self) -> float:
        """The state of charge, 0 to 1, at which constant current ends."""
        return 1 - self.charge_a * self.resistance_ohm / self.span_v

    @property
    def settling_s(self) -> float:
        """How long the current takes to fall to 37 % at constant voltage."""
        return self.resistance_ohm * self.capacity_ah * 3600 / (self.span_v * self.accepted)

    @property
    def charge_per_s(self) -> float:
        """How fast the state of charge grows at constant current."""
        return self.charge_a * self.accepted / (self.capacity_ah * 3600)


class Battery:
    """A pack on its charger. ``charge`` is its state of charge, 0 to 1."""

    def __init__(self, pack: Pack, charge: float = 0.2) -> None:
        if not 0 <= charge <= 1:
            raise ValueError(f"a state of charge is 0 to 1, not {charge}")
        self.pack = pack
        self.charge = charge
        self.full = False
        self.power_factor = pack.power_factor

    @property
    def current_a(self) -> float:
        """Into the pack."""
        return min(self.pack.charge_a, self.pack.span_v * (1 - self.charge) / self.pack.resistance_ohm)

    @property
    def power_w(self) -> float:
        pack, current_a = self.pack, self.current_a
        if self.full or current_a <= pack.cut_off_a:
            return pack.resting_w
        volts = pack.empty_v + pack.span_v * self.charge + current_a * pack.resistance_ohm
        return volts * current_a / pack.efficiency

    def run(self, seconds: float) -> float:
        joules = 0.0
        for phase in (self._constant_current, self._constant_voltage, self._rest):
            took_s, used = phase(seconds)
            seconds -= took_s
            joules += used
        return joules

    def lose_power(self) -> None:
        self.full = False  # the charger starts over when the mains is back

    def view(self) -> dict[str, object]:
        return {"what": self.pack.name, "charge_percent": round(self.charge * 100, 1), "full": self.full}

    def _constant_current(self, seconds: float) -> tuple[float, float]:
        pack = self.pack
        to_knee_s = (pack.knee - self.charge) / pack.charge_per_s
        if self.full or to_knee_s <= 0:
            return 0.0, 0.0
        took_s = min(seconds, to_knee_s)
        before = self.charge
        self.charge = before + took_s * pack.charge_per_s
        mean_v = pack.empty_v + pack.span_v * (before + self.charge) / 2 + pack.charge_a * pack.resistance_ohm
        return took_s, mean_v * pack.charge_a * took_s / pack.efficiency

    def _constant_voltage(self, seconds: float) -> tuple[float, float]:
        pack, current_a = self.pack, self.current_a
        if self.full or seconds <= 0:
            return 0.0, 0.0
        to_end_s = pack.settling_s * math.log(max(current_a / pack.cut_off_a, 1.0))
        took_s = min(seconds, to_end_s)
        self.full = seconds >= to_end_s
        settled = -math.expm1(-took_s / pack.settling_s)
        self.charge += (1 - self.charge) * settled
        return took_s, pack.full_v * current_a * pack.settling_s * settled / pack.efficiency

    def _rest(self, seconds: float) -> tuple[float, float]:
        return seconds, self.pack.resting_w * seconds


class Load:
    """Something that draws the same for as long as it is plugged in."""

    def __init__(self, name: str, power_w: float, power_factor: float) -> None:
        self.name, self.power_w, self.power_factor = name, power_w, power_factor

    def run(self, seconds: float) -> float:
        return self.power_w * seconds

    def lose_power(self) -> None:
        """It is as before when the mains is back."""

    def view(self) -> dict[str, object]:
        return {"what": self.name}


PACKS = (
    # 48 V 20 Ah, 13 cells in a row, on a 3 A charger: seven and a half hours from empty.
    Pack("ebike_lithium", 20, 42.0, 54.6, 0.4, 3.0, 0.3, 0.88, 3.0, 0.62),
    # Four 12 V blocks in a row on a 2.8 A charger, which keeps them on a float voltage once they are full.
    Pack("ebike_lead", 20, 46.0, 58.8, 1.2, 2.8, 0.4, 0.84, 6.0, 0.60, accepted=0.9),
    # 5 Ah, one cell; the phone itself goes on drawing a little.
    Pack("phone", 5, 3.4, 4.4, 0.08, 3.5, 0.15, 0.78, 0.6, 0.50),
    # Two cells in a row at 100 W: a quarter of an hour from empty, and a charger that ends while it still gives much.
    Pack("phone_fast", 2.5, 6.8, 8.8, 0.008, 10.0, 5.0, 0.90, 0.6, 0.60),
    # 10 Ah, one cell, and converters on both sides.
    Pack("power_bank", 10, 3.3, 4.2, 0.04, 3.6, 0.2, 0.75, 0.5, 0.50),
)
APPLIANCES: Mapping[str, Callable[[float], Appliance]] = {
    **{pack.name: partial(Battery, pack) for pack in PACKS},
    "heater": lambda _: Load("heater", 1500.0, 1.0),
    "nothing": lambda _: Load("nothing", 0.15, 0.4),
}
"""What people plug in, by name, from a state of charge. ``nothing`` is a charger with nothing on its other end."""

FULL_AT, TAPERS_AT = 1.0, 0.8


@dataclass
class Car:
    """A car with a battery at a charging post; ``level`` runs from 0 to 1. It takes less from four fifths on."""

    capacity_wh: float = 40_000.0
    level: float = 0.5
    most_w: float = 7_000.0

    @property
    def wants_w(self) -> float:
        if self.level >= FULL_AT:
            return 0.0
        over = max(0.0, self.level - TAPERS_AT) / (FULL_AT - TAPERS_AT)
        return self.most_w * max(0.05, 1.0 - over)
