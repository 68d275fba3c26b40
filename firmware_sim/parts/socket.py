"""A charging socket: its relay, its contacts and its instruments, and what is plugged in there."""

from typing import Annotated, Literal

from msgspec import Meta

from firmware_sim.parts.bank import CONTACT_COMMANDS, Contactor
from firmware_sim.parts.battery import APPLIANCES
from firmware_sim.parts.charge_point import EvPost
from firmware_sim.parts.charger import BAD_CONTACT_OHM, Socket
from firmware_sim.parts.hardware import Hardware, PointCommand, PointWiring
from firmware_sim.parts.instrument import INSTRUMENT_COMMANDS
from firmware_sim.parts.kind import PartKind
from firmware_sim.parts.meter import METERS, Meter, Ntc8
from firmware_sim.parts.modbus_slave import Slave
from firmware_sim.parts.rs485 import Rs485Bus

What = Literal["ebike_lithium", "ebike_lead", "phone", "phone_fast", "power_bank", "heater", "nothing"]


class PlugIn(PointCommand, frozen=True):
    """Plug something into a socket, in place of what is in; ``nothing`` is a charger with nothing on its other end."""

    what: What
    charge_percent: Annotated[float, Meta(ge=0, le=100)] = 20.0

    async def run(self, hardware: Hardware) -> None:
        _socket(hardware, self.point).plug_in(APPLIANCES[self.what](self.charge_percent / 100))


class Unplug(PointCommand, frozen=True):
    """Pull the plug out of a socket or a charging post."""

    async def run(self, hardware: Hardware) -> None:
        post = hardware.all(EvPost).get(self.point)
        (post or _socket(hardware, self.point)).unplug()


class Overheat(PointCommand, frozen=True):
    """Have a socket's contact go bad: under load it grows hot, and may run away. ``ambient_c`` heats the air too."""

    contact_ohm: Annotated[float, Meta(gt=0, le=100)] = BAD_CONTACT_OHM
    ambient_c: Annotated[float, Meta(ge=-40, le=150)] | None = None

    async def run(self, hardware: Hardware) -> None:
        _socket(hardware, self.point).overheat(self.contact_ohm, self.ambient_c)


class Cool(PointCommand, frozen=True):
    """Repair a socket's contact and wait until it is cold."""

    async def run(self, hardware: Hardware) -> None:
        _socket(hardware, self.point).cool()


class TripLeakage(PointCommand, frozen=True):
    """Have a socket's residual-current monitor see a leakage, or none any more."""

    on: bool = True

    async def run(self, hardware: Hardware) -> None:
        _socket(hardware, self.point).trip_leakage(self.on)


def fit(hardware: Hardware, point: PointWiring) -> None:
    """The socket, its relay and its instruments."""
    wiring, bank = point.outputs["relay"], point.settings.get("bank")
    socket = hardware.parts[point.name] = Socket(
        hardware.board,
        relay_pin=wiring.pin,
        mains=hardware.mains,
        active_high=wiring.relay == "high",
        upstream=hardware.get(Contactor, bank) if bank else None,
        plug=hardware.signal(point, "plug"),
        leakage=hardware.signal(point, "leakage"),
        name=point.name,
    )
    for key, instrument in point.instruments.items():
        bus, name = hardware.buses[instrument.bus], f"{point.name}.{key}"
        if instrument.channel is None:
            meter: Meter = METERS[instrument.model](instrument.address, socket=socket, name=name)
            bus.slaves.append(meter)
            hardware.parts[name] = meter
        else:
            board = hardware.parts[name] = _thermistor_board(bus, instrument.address)
            board.sockets[instrument.channel], board.channels[name] = socket, instrument.channel


def view(hardware: Hardware, point: str) -> dict[str, object]:
    """How a socket looks, with its instruments."""
    slaves = {name.rpartition("."): slave for name, slave in hardware.all(Slave).items()}
    return {
        "socket": hardware.view(point),
        "instruments": {key: slave.view() for (owner, _, key), slave in slaves.items() if owner == point},
    }


def _thermistor_board(bus: Rs485Bus, address: int) -> Ntc8:
    """The one of that address, for all points whose thermistors it has."""
    for slave in bus.slaves:
        if isinstance(slave, Ntc8) and slave.address == address:
            return slave
    board = Ntc8(address, name=f"{bus.name} thermistors {address}")
    bus.slaves.append(board)
    return board


def _socket(hardware: Hardware, point: str) -> Socket:
    return hardware.get(Socket, point, "socket")


PART = PartKind(fit, (PlugIn, Unplug, Overheat, Cool, TripLeakage, *CONTACT_COMMANDS, *INSTRUMENT_COMMANDS), view)
