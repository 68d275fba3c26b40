"""What may befall the instruments of a point: meters and thermistors on a bus."""

from typing import Annotated

from msgspec import Meta

from firmware_sim.parts.command import ControlError
from firmware_sim.parts.hardware import Hardware, PointCommand
from firmware_sim.parts.meter import Lie, Meter, Ntc8, Sensor
from firmware_sim.parts.modbus_slave import Slave

MAX_LATE_MS = 60_000


class InstrumentCommand(PointCommand, frozen=True):
    """The base of the commands for one instrument."""

    def find(self, hardware: Hardware, name: str, point: str = "") -> Slave:
        """The instrument of that name at this point, or another. Raises `ControlError`."""
        return hardware.get(Slave, f"{point or self.point}.{name}", "instrument")

    def find_meter(self, hardware: Hardware, name: str, point: str = "") -> Meter:
        """The instrument, which has to be a meter. Raises `ControlError`."""
        found = self.find(hardware, name, point)
        if not isinstance(found, Meter):
            raise ControlError(f"{point or self.point}.{name} is no meter")
        return found

    def find_thermistor(self, hardware: Hardware, name: str, point: str = "") -> tuple[Ntc8, int]:
        """The board of the point's thermistor, and its channel there. Raises `ControlError`."""
        found = self.find(hardware, name, point)
        if not isinstance(found, Ntc8):
            raise ControlError(f"{point or self.point}.{name} is no thermometer")
        return found, found.channels[f"{point or self.point}.{name}"]


class MuteMeter(InstrumentCommand, frozen=True):
    """Have an instrument of a point fall silent, or speak again."""

    muted: bool = True
    instrument: str = "meter"

    async def run(self, hardware: Hardware) -> None:
        self.find(hardware, self.instrument).muted = self.muted


class FreezeMeter(InstrumentCommand, frozen=True):
    """Have an instrument go on saying what it says now, or measure again."""

    frozen: bool = True
    instrument: str = "meter"

    async def run(self, hardware: Hardware) -> None:
        self.find(hardware, self.instrument).freeze(self.frozen)


class LieMeter(InstrumentCommand, frozen=True):
    """Have a meter tell half or double the truth, nothing, or the absurd; with None, the truth again."""

    how: Lie | None
    instrument: str = "meter"

    async def run(self, hardware: Hardware) -> None:
        self.find_meter(hardware, self.instrument).tell_lies(self.how)


class LateMeter(InstrumentCommand, frozen=True):
    """Have an instrument answer so much later than it would; 0 is in time again."""

    late_ms: Annotated[int, Meta(ge=0, le=MAX_LATE_MS)]
    instrument: str = "meter"

    async def run(self, hardware: Hardware) -> None:
        self.find(hardware, self.instrument).late_s = self.late_ms / 1000


class GarbleMeter(InstrumentCommand, frozen=True):
    """Have an instrument send a wrong checksum, or the right one again."""

    garbled: bool = True
    instrument: str = "meter"

    async def run(self, hardware: Hardware) -> None:
        self.find(hardware, self.instrument).bad_crc = self.garbled


class ResetEnergy(InstrumentCommand, frozen=True):
    """Have a meter's counter of energy begin anew, as some do by themselves."""

    instrument: str = "meter"

    async def run(self, hardware: Hardware) -> None:
        self.find_meter(hardware, self.instrument).reset_energy()


class BreakSensor(InstrumentCommand, frozen=True):
    """Tear a point's thermistor off, short its wires, or with None connect it again."""

    how: Sensor | None
    instrument: str = "thermometer"

    async def run(self, hardware: Hardware) -> None:
        board, channel = self.find_thermistor(hardware, self.instrument)
        board.break_sensor(channel, self.how)


class CrossMeters(InstrumentCommand, frozen=True):
    """Swap the cables of two points' instruments: each then measures what the other did."""

    other: str
    instrument: str = "meter"

    async def run(self, hardware: Hardware) -> None:
        name, other = self.instrument, self.other
        if isinstance(self.find(hardware, name), Ntc8):
            board, channel = self.find_thermistor(hardware, name)
            their_board, their_channel = self.find_thermistor(hardware, name, other)
            socket, their_socket = board.sockets[channel], their_board.sockets[their_channel]
            board.sockets[channel], their_board.sockets[their_channel] = their_socket, socket
            return
        meter, their_meter = self.find_meter(hardware, name), self.find_meter(hardware, name, other)
        measured = meter.measures
        meter.measure(their_meter.measures)
        their_meter.measure(measured)


INSTRUMENT_COMMANDS = (
    MuteMeter,
    FreezeMeter,
    LieMeter,
    LateMeter,
    GarbleMeter,
    ResetEnergy,
    BreakSensor,
    CrossMeters,
)
