"""From a device's config to the parts on its board: what an installer does with a wiring table and a screwdriver."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from edge.config.device_config import DeviceConfig, Point
from firmware_sim import parts
from firmware_sim.board.board import Board, Resistor
from firmware_sim.parts.button import PushButton
from firmware_sim.parts.charge_point import EvPost
from firmware_sim.parts.charger import Socket
from firmware_sim.parts.contact import Signal
from firmware_sim.parts.contactor import Contactor
from firmware_sim.parts.door import Door
from firmware_sim.parts.emergency_stop import EmergencyStop
from firmware_sim.parts.fire_panel import FirePanel, Releasable
from firmware_sim.parts.lock import Load, Lock
from firmware_sim.parts.mains import Mains
from firmware_sim.parts.meter import METERS, Meter, Ntc8
from firmware_sim.parts.modbus_slave import Slave
from firmware_sim.parts.reader import WiegandReader
from firmware_sim.parts.rs485 import Rs485Bus
from firmware_sim.parts.smoke_detector import SmokeDetector
from firmware_sim.parts.turnstile import Turnstile

Portal = Door | Turnstile


class Part(Protocol):
    """Whatever else stands on a board."""

    def view(self) -> dict[str, object]: ...


@dataclass
class Hardware:
    """Everything wired to one board, by name: portals, sockets and contactors by point, readers by ``point.direction``
    or their own name, instruments by ``point.instrument``, panels by zone. ``parts``, by point, are those of kinds that
    do not come with the gateway."""

    board: Board
    mains: Mains
    portals: dict[str, Portal] = field(default_factory=dict)
    locks: dict[str, Lock] = field(default_factory=dict)
    readers: dict[str, WiegandReader] = field(default_factory=dict)
    exit_buttons: dict[str, PushButton] = field(default_factory=dict)
    fire_panels: dict[str, FirePanel] = field(default_factory=dict)
    reset_keys: dict[str, PushButton] = field(default_factory=dict)
    smoke_detectors: dict[str, SmokeDetector] = field(default_factory=dict)
    emergency_stops: dict[str, EmergencyStop] = field(default_factory=dict)
    sockets: dict[str, Socket] = field(default_factory=dict)
    contactors: dict[str, Contactor] = field(default_factory=dict)
    buses: dict[str, Rs485Bus] = field(default_factory=dict)
    instruments: dict[str, Slave] = field(default_factory=dict)
    channels: dict[str, int] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    posts: dict[str, EvPost] = field(default_factory=dict)


Fit = Callable[[Hardware, Point], object]
"""Puts the parts of a point on the board."""


def resistors(config: DeviceConfig) -> dict[int, Resistor]:
    """The external pulls that the config speaks of, by pin."""
    outputs = [output for point in config.points for output in point.outputs.values()]
    return {output.pin: output.external_pull for output in outputs if output.external_pull is not None}


def wire(board: Board, config: DeviceConfig) -> Hardware:
    """Put a part on every pin that the config names, and every instrument on its bus. Raises
    ``KeyError`` for a kind no part is known for."""
    hardware = Hardware(board, Mains(board.loop))
    for bus in config.buses:
        hardware.buses[bus.name] = Rs485Bus(board.loop, baud=bus.baud, name=bus.name)
    for shared in config.readers:
        hardware.readers[shared.name] = WiegandReader(board, d0=shared.d0, d1=shared.d1, name=shared.name)
    for point in sorted(config.points, key=lambda point: point.kind != "bank"):  # sockets hang on a contactor
        for direction, reader in point.readers.items():
            name = f"{point.name}.{direction}"
            hardware.readers[name] = WiegandReader(board, d0=reader.d0, d1=reader.d1, name=name)
        _fit_of(point.kind)(hardware, point)
    for emergency in config.emergencies:
        zone = emergency.zone
        confirm, smoke, stop = emergency.confirm, emergency.smoke, emergency.estop
        hardware.fire_panels[zone] = FirePanel(
            board,
            pin=emergency.input.pin,
            confirm_pin=None if confirm is None else confirm.pin,
            name=f"{zone} fire panel",
            releases=_released(hardware, config, zone),
        )
        if smoke is not None:
            hardware.smoke_detectors[zone] = SmokeDetector(
                board, pin=smoke.pin, name=f"{zone} smoke detector", active=smoke.active
            )
        if stop is not None:
            hardware.emergency_stops[zone] = EmergencyStop(
                board, pin=stop.pin, name=f"{zone} emergency stop", active=stop.active
            )
        hardware.reset_keys[zone] = PushButton(board, pin=emergency.reset.pin, name=f"{zone} reset key")
    return hardware


def _fit_of(kind: str) -> Fit:
    """What puts a point of this kind on the board. A kind that is not ours brings it in its file among the parts."""
    if kind in KINDS:
        return KINDS[kind]
    try:
        fit: Fit = importlib.import_module(f"{parts.__name__}.{kind}").fit
    except (ImportError, AttributeError) as missing:
        raise KeyError(f"no part is known for {kind}: {missing}") from None
    return fit


def _released(hardware: Hardware, config: DeviceConfig, zone: str) -> list[Releasable]:
    """What the fire panel frees by wire alone: turnstile arms drop, magnets lose their supply."""
    released: list[Releasable] = []
    for point in config.points:
        portal, lock = hardware.portals.get(point.name), hardware.locks.get(point.name)
        if point.zone == zone and isinstance(portal, Turnstile):
            released.append(portal)
        if point.zone == zone and lock is not None and lock.load == "power_to_lock":
            released.append(lock)
    return released


def _signal(hardware: Hardware, point: Point, name: str) -> Signal | None:
    wiring = point.inputs.get(name)
    if wiring is None:
        return None
    return Signal(hardware.board, pin=wiring.pin, name=f"{point.name} {name}", active=wiring.active)


def _bank(hardware: Hardware, point: Point) -> None:
    wiring = point.outputs["contactor"]
    hardware.contactors[point.name] = Contactor(
        hardware.board,
        pin=wiring.pin,
        active_high=wiring.relay == "high",
        feedback=_signal(hardware, point, "feedback"),
        name=point.name,
    )


def _socket(hardware: Hardware, point: Point) -> None:
    wiring, bank = point.outputs["relay"], point.settings.get("bank")
    socket = hardware.sockets[point.name] = Socket(
        hardware.board,
        relay_pin=wiring.pin,
        mains=hardware.mains,
        active_high=wiring.relay == "high",
        upstream=hardware.contactors[bank].contact if bank else None,
        plug=_signal(hardware, point, "plug"),
        leakage=_signal(hardware, point, "leakage"),
        name=point.name,
    )
    for name, instrument in point.instruments.items():
        bus, called = hardware.buses[instrument.bus], f"{point.name}.{name}"
        if instrument.channel is None:
            meter: Meter = METERS[instrument.model](instrument.address, measures=socket, name=called)
            bus.attach(meter)
            hardware.instruments[called] = meter
        else:
            board = _thermistor_board(bus, instrument.address)
            board.sockets[instrument.channel] = socket
            hardware.instruments[called], hardware.channels[called] = board, instrument.channel


def _thermistor_board(bus: Rs485Bus, address: int) -> Ntc8:
    """The one of that address, for all points whose thermistors it has."""
    for slave in bus.slaves:
        if isinstance(slave, Ntc8) and slave.address == address:
            return slave
    board = Ntc8(address, name=f"{bus.name} thermistors {address}")
    bus.attach(board)
    return board


def _door(hardware: Hardware, point: Point) -> None:
    wiring = point.outputs["lock"]
    load: Load = "power_to_lock" if wiring.load == "power_to_lock" else "power_to_unlock"
    lock = Lock(hardware.board, pin=wiring.pin, load=load, name=point.name, active_high=wiring.relay == "high")
    hardware.locks[point.name] = lock
    button = point.inputs.get("exit_button")
    if button is not None:
        hardware.exit_buttons[point.name] = PushButton(hardware.board, pin=button.pin, name=f"{point.name} exit button")
    hardware.portals[point.name] = Door(
        hardware.board,
        contact_pin=point.inputs["contact"].pin,
        locks=[lock],
        name=point.name,
        exit_button=hardware.exit_buttons.get(point.name),
    )


def _turnstile(hardware: Hardware, point: Point) -> None:
    unlock, exit_arm = point.outputs["unlock"], point.inputs.get("exit_arm")
    hardware.portals[point.name] = Turnstile(
        hardware.board,
        unlock_pin=unlock.pin,
        sensor_pin=point.inputs["arm"].pin,
        exit_sensor_pin=None if exit_arm is None else exit_arm.pin,
        name=point.name,
        active_high=unlock.relay == "high",
        exit_free=point.free_exit,
    )


def _nothing(hardware: Hardware, point: Point) -> None:
    """It comes over the network by itself."""


KINDS: Mapping[str, Fit] = {
    "door": _door,
    "turnstile": _turnstile,
    "bank": _bank,
    "socket": _socket,
    "ev_post": _nothing,
}
