"""What an installer does on a bus while the agent is stopped: reads every instrument, gives a new PZEM its address, and
sets its energy counter to zero.

All PZEMs leave the factory with one address, and answer to a general one besides.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from msgspec.structs import replace

from edge.config.device_config import DeviceConfig
from edge.config.peripherals import Bus, Instrument
from edge.instruments.modbus import (
    GENERAL_ADDRESS,
    LAST_ADDRESS,
    Failure,
    Outcome,
    Read,
    Registers,
    Request,
    ResetEnergy,
    Write,
)
from edge.instruments.modbus_line import ModbusLine, timing_of
from edge.instruments.models import ADDRESS_REGISTER, MODELS, Values
from edge.instruments.polling import Tap, Unit
from edge.instruments.serial_line import SerialLine
from edge.machine.mendable import Mendable

MODEL = "pzem004t"
WHERE = Read(GENERAL_ADDRESS, 3, ADDRESS_REGISTER[MODEL], 1)
BEHIND_S = 0.4
"""A second meter answers at most so long after the first."""
TRIES = 3
"""Noise seldom spoils as many answers in a row. Two meters that answer at once seldom do so to the very bit, and hardly
three times."""
SEVERAL = "two meters answer at once, or the cable is bad; connect the new meter alone"
NOBODY = "no meter answers; look at its 5 V, its mains (a PZEM lives from what it measures), and RX and TX"


class AddressNotGiven(Mendable):
    """The meter has not got its address. The text says why, and what to do."""


class LineUnusable(Mendable):
    """A line, or an instrument on it, that cannot be used. The text says which, and why."""


@contextmanager
def open_lines(device: DeviceConfig, buses: Sequence[Bus]) -> Iterator[list[tuple[Bus, ModbusLine]]]:
    """The lines of the buses, all of them there. Raises ``LineUnusable`` where one is not."""
    loop = asyncio.get_running_loop()
    with ExitStack() as opened:
        lines = []
        for bus in buses:
            port = SerialLine(device.path.parent / bus.device, bus.baud, loop)
            opened.callback(port.close)
            if port.why_down:
                raise LineUnusable(f"bus {bus.name}: {device.path.parent / bus.device}: {port.why_down}")
            lines.append((bus, ModbusLine(port, timing_of(bus), loop)))
        yield lines


async def look_at_all(line: ModbusLine, devices: Sequence[Unit]) -> list[dict[str, Any]]:
    """What every instrument says, or why it says nothing, one row for each."""
    return [
        {
            "instrument": str(tap),
            "model": unit.model_name,
            "address": unit.address,
            "channel": tap.channel,
            "values": values,
            "why": unit.faults.get(tap, ""),
        }
        for unit in devices
        for tap, values in (await _patient_look(line, unit)).items()
    ]


async def reset_energy(line: ModbusLine, meter: Instrument) -> tuple[float, float]:
    """Set a PZEM's energy counter to zero. Returns what it showed before and after. Raises ``LineUnusable``."""
    before_wh = await _energy_wh(line, meter)
    await line.ask(ResetEnergy(meter.address))
    return before_wh, await _energy_wh(line, meter)


async def _energy_wh(line: ModbusLine, meter: Instrument) -> float:
    tap = Tap("", "meter", None)
    unit = Unit(meter.model, meter.address, [tap])
    values = (await _patient_look(line, unit))[tap]
    if values is None:
        raise LineUnusable(f"the meter at address {meter.address} cannot be read: {unit.faults[tap]}")
    return values["energy_wh"]


async def _patient_look(line: ModbusLine, unit: Unit) -> dict[Tap, Values | None]:
    """What a device's taps say; it is asked again where anything is wrong."""
    for _ in range(TRIES):
        values = await unit.look(line)
        if not unit.faults:
            break
    return values


async def give_address(line: ModbusLine, address: int, present: int = GENERAL_ADDRESS) -> int:
    """Have the meter that answers to ``present`` answer to ``address`` from now on. Returns what its address was.

    Raises ``AddressNotGiven``, having changed nothing, if there is not just one such meter, or another has the address.
    """
    if not 1 <= address <= LAST_ADDRESS:
        raise AddressNotGiven(f"an address lies between 1 and {LAST_ADDRESS}")
    former = await _alone(line, replace(WHERE, unit=present))
    for request in MODELS[MODEL].reads(present):  # what they measure differs, where their addresses do not
        await _alone(line, request)
    if former == address:
        return former
    if await _hear(line, *MODELS[MODEL].reads(address)) != Failure("silent"):
        raise AddressNotGiven(
            f"address {address} is taken by another meter; give the new one another, or connect it alone"
        )
    await _hear(line, Write(present, ADDRESS_REGISTER[MODEL], address))
    if await _hear(line, replace(WHERE, unit=address)) != Registers((address,)):
        raise AddressNotGiven(
            f"the meter was told to be {address}, and does not answer as that; it may be {former} still"
        )
    return former


async def _alone(line: ModbusLine, request: Request) -> int:
    """The first register that is read. Raises ``AddressNotGiven`` unless just one meter answers, every time."""
    outcomes = [await _hear(line, request) for _ in range(TRIES)]
    if all(outcome == Failure("silent") for outcome in outcomes):
        raise AddressNotGiven(NOBODY)
    answers = [outcome for outcome in outcomes if isinstance(outcome, Registers)]
    if len(answers) < TRIES:
        raise AddressNotGiven(SEVERAL)
    return answers[0].values[0]


async def _hear(line: ModbusLine, request: Request) -> Outcome:
    """What comes, and whether anything comes after it: a second meter may answer just behind the first."""
    strays = line.master.strays
    outcome = await line.ask(request)
    await asyncio.sleep(BEHIND_S)
    return Failure("garbage") if line.master.strays > strays else outcome
