"""From a device's config to the parts on its board: what an installer does with a wiring table and a screwdriver."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edge.config import DeviceConfig, Point
from firmware_sim.board import Board, Resistor
from firmware_sim.parts.button import PushButton
from firmware_sim.parts.door import Door
from firmware_sim.parts.emergency_stop import EmergencyStop
from firmware_sim.parts.fire_panel import FirePanel, Releasable
from firmware_sim.parts.lock import Load, Lock
from firmware_sim.parts.reader import WiegandReader
from firmware_sim.parts.smoke_detector import SmokeDetector
from firmware_sim.parts.turnstile import Turnstile

Portal = Door | Turnstile


@dataclass
class Hardware:
    """Everything wired to one board, by name: portals by point, readers by ``point.direction``, panels by zone."""

    board: Board
    portals: dict[str, Portal] = field(default_factory=dict)
    locks: dict[str, Lock] = field(default_factory=dict)
    readers: dict[str, WiegandReader] = field(default_factory=dict)
    exit_buttons: dict[str, PushButton] = field(default_factory=dict)
    fire_panels: dict[str, FirePanel] = field(default_factory=dict)
    reset_keys: dict[str, PushButton] = field(default_factory=dict)
    smoke_detectors: dict[str, SmokeDetector] = field(default_factory=dict)
    emergency_stops: dict[str, EmergencyStop] = field(default_factory=dict)


def resistors(config: DeviceConfig) -> dict[int, Resistor]:
    """The external pulls that the config speaks of, by pin."""
    outputs = [output for point in config.points for output in point.outputs.values()]
    return {output.pin: output.external_pull for output in outputs if output.external_pull is not None}


def wire(board: Board, config: DeviceConfig) -> Hardware:
    """Put a part on every pin that the config names. Raises ``KeyError`` for a kind no part is known for."""
    hardware = Hardware(board)
    for point in config.points:
        for direction, reader in point.readers.items():
            name = f"{point.name}.{direction}"
            hardware.readers[name] = WiegandReader(board, d0=reader.d0, d1=reader.d1, name=name)
        hardware.portals[point.name] = PORTALS[point.kind](hardware, point)
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


def _released(hardware: Hardware, config: DeviceConfig, zone: str) -> list[Releasable]:
    """What the fire panel frees by wire alone: turnstile arms drop, magnets lose their supply."""
    released: list[Releasable] = []
    for point in config.points:
        portal, lock = hardware.portals[point.name], hardware.locks.get(point.name)
        if point.zone == zone and isinstance(portal, Turnstile):
            released.append(portal)
        if point.zone == zone and lock is not None and lock.load == "power_to_lock":
            released.append(lock)
    return released


def _door(hardware: Hardware, point: Point) -> Portal:
    wiring = point.outputs["lock"]
    load: Load = "power_to_lock" if wiring.load == "power_to_lock" else "power_to_unlock"
    lock = Lock(hardware.board, pin=wiring.pin, load=load, name=point.name, active_high=wiring.relay == "high")
    hardware.locks[point.name] = lock
    button = point.inputs.get("exit_button")
    if button is not None:
        hardware.exit_buttons[point.name] = PushButton(hardware.board, pin=button.pin, name=f"{point.name} exit button")
    return Door(
        hardware.board,
        contact_pin=point.inputs["contact"].pin,
        locks=[lock],
        name=point.name,
        exit_button=hardware.exit_buttons.get(point.name),
    )


def _turnstile(hardware: Hardware, point: Point) -> Portal:
    unlock, exit_arm = point.outputs["unlock"], point.inputs.get("exit_arm")
    return Turnstile(
        hardware.board,
        unlock_pin=unlock.pin,
        sensor_pin=point.inputs["arm"].pin,
        exit_sensor_pin=None if exit_arm is None else exit_arm.pin,
        name=point.name,
        active_high=unlock.relay == "high",
        exit_free=point.free_exit,
    )


PORTALS: Mapping[str, Callable[[Hardware, Point], Portal]] = {"door": _door, "turnstile": _turnstile}
