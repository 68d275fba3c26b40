"""What hands do at sockets, contactors and instruments of one board, and how these look."""

from collections.abc import Mapping
from typing import Any, TypeVar

from firmware_sim.control.orders import (
    BreakSensor,
    ControlError,
    Cool,
    CrossMeters,
    CutMains,
    CutPost,
    FreezeMeter,
    GarbleMeter,
    LateMeter,
    LieMeter,
    Mend,
    MuteMeter,
    Order,
    Overheat,
    PlugIn,
    PlugInCar,
    PullBus,
    PullPost,
    ResetEnergy,
    RestorePost,
    SetPostClock,
    StickOpen,
    TapPost,
    TripLeakage,
    Unplug,
    Weld,
)
from firmware_sim.parts.battery import APPLIANCES
from firmware_sim.parts.car import Car
from firmware_sim.parts.charge_point import EvPost
from firmware_sim.parts.contactor import PowerContact
from firmware_sim.parts.meter import Meter, Ntc8
from firmware_sim.parts.modbus_slave import Slave
from firmware_sim.worlds.board.wiring import Hardware

Named = TypeVar("Named")


def named(name: str, things: Mapping[str, Named], what: str) -> Named:
    """The thing of that name. Raises `ControlError`, which says what there is instead."""
    try:
        return things[name]
    except KeyError:
        raise ControlError(f"no {what} {name!r} here; there is {', '.join(sorted(things)) or 'none'}") from None


class ChargingHands:
    """Carries out the orders that are about charging."""

    def __init__(self, hardware: Hardware) -> None:
        self._hardware = hardware

    def act(self, order: Order) -> None:
        """Do it. Raises `ControlError` for what cannot be done here."""
        sockets = self._hardware.sockets
        match order:
            case PlugInCar(point, charge_percent):
                self._post(point).plug_in(Car(level=charge_percent / 100))
            case PlugIn(point, what, charge_percent):
                named(point, sockets, "socket").plug_in(APPLIANCES[what](charge_percent / 100))
            case Unplug(point) if point in self._hardware.posts:
                self._post(point).unplug()
            case Unplug(point):
                named(point, sockets, "socket").unplug()
            case Overheat(point, contact_ohm, ambient_c):
                named(point, sockets, "socket").overheat(contact_ohm, ambient_c)
            case Cool(point):
                named(point, sockets, "socket").cool()
            case TripLeakage(point, on):
                self._trip(point, on)
            case Weld(point):
                self._contact(point).weld()
            case StickOpen(point):
                self._contact(point).stick_open()
            case Mend(point):
                self._contact(point).mend()
            case PullBus(bus, pulled):
                named(bus, self._hardware.buses, "bus").plugged_in = not pulled
            case CutMains(cut):
                self._hardware.mains.supply.put(not cut)
            case CutPost(point):
                self._post(point).cut()
            case RestorePost(point):
                self._post(point).restore()
            case PullPost(point, pulled):
                post = self._post(point)
                post.pull() if pulled else post.reconnect()
            case SetPostClock(point, off_s):
                self._post(point).clock_off_s = off_s
            case _:
                self._upset(order)

    async def tap_post(self, order: TapPost) -> bool:
        """Hold a card to a charging post. Raises `ControlError`."""
        return await self._post(order.point).tap(order.tag)

    def _post(self, point: str) -> EvPost:
        return named(point, self._hardware.posts, "charging post")

    def view_point(self, point: str) -> dict[str, Any]:
        """The parts of a point that have to do with charging; nothing for other points."""
        hardware = self._hardware
        found: dict[str, Any] = {}
        if point in hardware.sockets:
            found["socket"] = hardware.sockets[point].view()
            mine = {name: slave for name, slave in hardware.instruments.items() if name.startswith(f"{point}.")}
            found["instruments"] = {name.removeprefix(f"{point}."): slave.view() for name, slave in mine.items()}
        if point in hardware.contactors:
            found["contactor"] = hardware.contactors[point].view()
        if point in hardware.posts:
            found["post"] = hardware.posts[point].view()
        return found

    def view(self) -> dict[str, Any]:
        """What the sockets of the board share."""
        buses = {name: bus.view() for name, bus in self._hardware.buses.items()}
        return {"buses": buses, "mains": self._hardware.mains.supply.on}

    def _upset(self, order: Order) -> None:
        """What befalls an instrument."""
        match order:
            case MuteMeter(point, muted, instrument):
                self._instrument(point, instrument).muted = muted
            case FreezeMeter(point, frozen, instrument):
                self._instrument(point, instrument).freeze(frozen)
            case LateMeter(point, late_ms, instrument):
                self._instrument(point, instrument).late_s = late_ms / 1000
            case GarbleMeter(point, garbled, instrument):
                self._instrument(point, instrument).bad_crc = garbled
            case LieMeter(point, how, instrument):
                self._meter(point, instrument).tell_lies(how)
            case ResetEnergy(point, instrument):
                self._meter(point, instrument).reset_energy()
            case BreakSensor(point, how, instrument):
                board, channel = self._thermistor(point, instrument)
                board.break_sensor(channel, how)
            case CrossMeters(point, other, instrument):
                self._cross(point, other, instrument)

    def _trip(self, point: str, on: bool) -> None:
        try:
            named(point, self._hardware.sockets, "socket").trip_leakage(on)
        except ValueError as wrong:
            raise ControlError(str(wrong)) from None

    def _contact(self, point: str) -> PowerContact:
        relays = {name: socket.relay for name, socket in self._hardware.sockets.items()}
        contactors = {name: contactor.contact for name, contactor in self._hardware.contactors.items()}
        return named(point, relays | contactors, "relay or contactor")

    def _instrument(self, point: str, name: str) -> Slave:
        return named(f"{point}.{name}", self._hardware.instruments, "instrument")

    def _meter(self, point: str, name: str) -> Meter:
        found = self._instrument(point, name)
        if not isinstance(found, Meter):
            raise ControlError(f"{point}.{name} is no meter")
        return found

    def _thermistor(self, point: str, name: str) -> tuple[Ntc8, int]:
        """The board of a point's thermistor, and its channel there."""
        found = self._instrument(point, name)
        if not isinstance(found, Ntc8):
            raise ControlError(f"{point}.{name} is no thermometer")
        return found, self._hardware.channels[f"{point}.{name}"]

    def _cross(self, point: str, other: str, name: str) -> None:
        if isinstance(self._instrument(point, name), Ntc8):
            (board, channel), (their_board, their_channel) = (self._thermistor(one, name) for one in (point, other))
            board.sockets[channel], their_board.sockets[their_channel] = (
                their_board.sockets[their_channel],
                board.sockets[channel],
            )
            return
        mine, theirs = self._meter(point, name), self._meter(other, name)
        socket, their_socket = mine.measures, theirs.measures
        mine.measure(their_socket)
        theirs.measure(socket)
