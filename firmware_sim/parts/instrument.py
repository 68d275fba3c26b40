"""What may befall the instruments of a point: meters and thermistors on a bus."""

from typing import Annotated, Any, TypeVar

from msgspec import Meta

from firmware_sim.parts.hardware import ControlError, Hardware, PointCommand
from firmware_sim.parts.meter import Lie, Meter, Ntc8, Sensor
from firmware_sim.parts.modbus_slave import Slave

MAX_LATE_MS = 60_000
Found = TypeVar("Found", bound=Slave[Any])


def find(hardware: Hardware, kind: type[Found], name: str) -> Found:
    """The instrument of that name, ``point.instrument``, which has to be of that class. Raises `ControlError`."""
    instrument = hardware.get(Slave, name, "instrument")
    if not isinstance(instrument, kind):
        raise ControlError(f"{name} is no {'thermometer' if kind is Ntc8 else 'meter'}")
    return instrument


class InstrumentCommand(PointCommand, frozen=True, kw_only=True):
    """The base of the commands for one instrument, which is a meter unless another is named."""

    instrument: str = "meter"

    @property
    def name(self) -> str:
        return f"{self.point}.{self.instrument}"


class MuteMeter(InstrumentCommand, frozen=True):
    """Have an instrument of a point fall silent, or speak again."""

    muted: bool = True

    async def run(self, hardware: Hardware) -> None:
        find(hardware, Slave, self.name).muted = self.muted


class FreezeMeter(InstrumentCommand, frozen=True):
    """Have an instrument go on saying what it says now, or measure again."""

    frozen: bool = True

    async def run(self, hardware: Hardware) -> None:
        find(hardware, Slave, self.name).freeze(self.frozen)


class LieMeter(InstrumentCommand, frozen=True):
    """Have a meter tell half or double the truth, nothing, or the absurd; with None, the truth again."""

    how: Lie | None

    async def run(self, hardware: Hardware) -> None:
        find(hardware, Meter, self.name).tell_lies(self.how)


class LateMeter(InstrumentCommand, frozen=True):
    """Have an instrument answer so much later than it would; 0 is in time again."""

    late_ms: Annotated[int, Meta(ge=0, le=MAX_LATE_MS)]

    async def run(self, hardware: Hardware) -> None:
        find(hardware, Slave, self.name).late_s = self.late_ms / 1000


class GarbleMeter(InstrumentCommand, frozen=True):
    """Have an instrument send a wrong checksum, or the right one again."""

    garbled: bool = True

    async def run(self, hardware: Hardware) -> None:
        find(hardware, Slave, self.name).bad_crc = self.garbled


class ResetEnergy(InstrumentCommand, frozen=True):
    """Have a meter's counter of energy begin anew, as some do by themselves."""

    async def run(self, hardware: Hardware) -> None:
        find(hardware, Meter, self.name).reset_energy()


class BreakSensor(PointCommand, frozen=True):
    """Tear a point's thermistor off, short its wires, or with None connect it again."""

    how: Sensor | None
    instrument: str = "thermometer"

    async def run(self, hardware: Hardware) -> None:
        name = f"{self.point}.{self.instrument}"
        board = find(hardware, Ntc8, name)
        board.break_sensor(board.channels[name], self.how)


class CrossMeters(InstrumentCommand, frozen=True):
    """Swap the cables of two points' instruments: each then measures what the other did."""

    other: str

    async def run(self, hardware: Hardware) -> None:
        name, their_name = self.name, f"{self.other}.{self.instrument}"
        if isinstance(find(hardware, Slave, name), Meter):
            meter, their_meter = find(hardware, Meter, name), find(hardware, Meter, their_name)
            socket = meter.socket
            meter.move_to(their_meter.socket)
            their_meter.move_to(socket)
        else:
            board, their_board = find(hardware, Ntc8, name), find(hardware, Ntc8, their_name)
            channel, their_channel = board.channels[name], their_board.channels[their_name]
            socket, their_socket = board.sockets[channel], their_board.sockets[their_channel]
            board.sockets[channel], their_board.sockets[their_channel] = their_socket, socket


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
