"""The models of instrument: which registers each is read by, and what they say, by name and unit.

Every model is read by the same few blocks each time, no two of one length, so that even an answer that came far too
late would be the same registers. What cannot be is said to be absurd, never shortened to a number: unknown is never
zero. A meter lives from the mains that it measures; without them it says nothing, or that there is no voltage.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from edge.instruments.modbus import Read

Values = Mapping[str, float]
Doubt = Literal["absurd", "open", "shorted"]
"""Why there is an answer and no value: it cannot be true; the wire of the sensor is broken; its ends touch."""
Blocks = Sequence[Sequence[int]]

PLAUSIBLE = {
    "voltage_v": (80.0, 300.0),
    "current_a": (0.0, 120.0),
    "power_w": (0.0, 26_000.0),
    "energy_wh": (0.0, 10_000_000.0),
    "frequency_hz": (45.0, 65.0),
    "power_factor": (0.0, 1.0),
    "temperature_c": (-40.0, 125.0),
}
"""What the instruments can measure (PZEM-004T-100A: 80 to 260 V, 100 A, 23 kW, 9999.99 kWh, 45 to 65 Hz), and a little
more. Whether a value is a good one is for the station to say."""
POWER_MARGIN, POWER_MARGIN_W = 1.1, 5.0
"""No load takes more than volts times amperes; meters err most where there is little to measure."""
OPEN, SHORTED = 0x8000, 0x7FFF
"""What a thermistor board says of a channel without a thermistor."""


class Model(Struct, frozen=True):
    """A model: how many ``(function, first register, count)`` reads it takes, and what its registers say. ``channel``
    counts only for a model with several."""

    blocks: tuple[tuple[Literal[3, 4], int, int], ...]
    decode: Callable[[Blocks, int | None], Values | Doubt]

    def reads(self, address: int) -> list[Read]:
        """The requests of one look at the instrument of this address."""
        return [Read(address, *block) for block in self.blocks]


def _pzem004t(blocks: Blocks, _channel: int | None) -> Values | Doubt:
    """32-bit values have their low word first."""
    (volts, amps, amps_high, watts, watts_high, wh, wh_high, hertz, factor, _alarm), *_ = blocks
    return plausible(
        {
            "voltage_v": volts / 10,
            "current_a": (amps_high << 16 | amps) / 1000,
            "power_w": (watts_high << 16 | watts) / 10,
            "energy_wh": float(wh_high << 16 | wh),
            "frequency_hz": hertz / 10,
            "power_factor": factor / 100,
        }
    )


def _sdm120(blocks: Blocks, _channel: int | None) -> Values | Doubt:
    """IEEE floats, high word first; the power factor has the sign of its angle."""
    now, total = blocks
    return plausible(
        {
            "voltage_v": _float(now, 0),
            "current_a": _float(now, 6),
            "power_w": _float(now, 12),
            "energy_wh": _float(total, 0) * 1000,
            "frequency_hz": _float(now, 70),
            "power_factor": abs(_float(now, 30)),
        }
    )


def _ntc8(blocks: Blocks, channel: int | None) -> Values | Doubt:
    """Signed tenths of a degree."""
    (registers,) = blocks
    raw = registers[channel or 0]
    if raw in (OPEN, SHORTED):
        return "open" if raw == OPEN else "shorted"
    return plausible({"temperature_c": (raw - 0x10000 if raw >= 0x8000 else raw) / 10})


MODELS = {
    "pzem004t": Model(((4, 0, 10),), _pzem004t),
    "sdm120": Model(((4, 0, 72), (4, 342, 2)), _sdm120),
    "ntc8": Model(((3, 0, 8),), _ntc8),
}
"""Registers of the PZEM-004T v3 and the Eastron SDM120 as their manuals have them; ``ntc8`` is a board for eight
thermistors. The total of an SDM120 stands too far from the rest for one read."""
ADDRESS_REGISTER = {"pzem004t": 2}
"""The holding register of those models that are given their address over the bus."""


def plausible(values: dict[str, float]) -> Values | Doubt:
    """The values, unless one of them cannot be. ``NaN`` cannot."""
    if any(not low <= values[name] <= high for name, (low, high) in PLAUSIBLE.items() if name in values):
        return "absurd"
    if "power_w" in values:
        apparent_va = values["voltage_v"] * values["current_a"]
        if values["power_w"] > apparent_va * POWER_MARGIN + POWER_MARGIN_W:
            return "absurd"
    return values


def _float(registers: Sequence[int], at: int) -> float:
    (value,) = struct.unpack(">f", struct.pack(">HH", *registers[at : at + 2]))
    return float(value)
