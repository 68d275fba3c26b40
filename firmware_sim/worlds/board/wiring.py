"""From a device's config to the parts on its board: what an installer does with a wiring table and a screwdriver."""

import msgspec

from edge.config.device_config import DeviceConfig
from edge.config.tables import EmergencyInput
from firmware_sim.board.board import Board, Resistor
from firmware_sim.parts.button import PushButton
from firmware_sim.parts.emergency import EmergencyStop, FirePanel, SmokeDetector
from firmware_sim.parts.hardware import Hardware, PointWiring
from firmware_sim.parts.kind import find_part
from firmware_sim.parts.reader import WiegandReader
from firmware_sim.parts.rs485 import Rs485Bus
from firmware_sim.parts.scanner import Scanner
from firmware_sim.parts.wire import Mains


def resistors(config: DeviceConfig) -> dict[int, Resistor]:
    """The external pulls that the config speaks of, by pin."""
    outputs = [output for point in config.points for output in point.outputs.values()]
    return {output.pin: output.external_pull for output in outputs if output.external_pull is not None}


def wire(board: Board, config: DeviceConfig) -> Hardware:
    """Put a part on every pin that the config names, and every instrument on its bus. Raises
    ``ControlError`` for a kind no part is known for."""
    hardware = Hardware(board, Mains(board.loop))
    for bus in config.buses:
        hardware.buses[bus.name] = Rs485Bus(board.loop, baud=bus.baud, name=bus.name)
    for shared in config.readers:
        hardware.readers[shared.name] = WiegandReader(board, d0=shared.d0, d1=shared.d1, name=shared.name)
    for point in sorted(config.points, key=lambda point: not find_part(point.kind).fits_first):
        for direction, reader in point.readers.items():
            name = f"{point.name}.{direction}"
            hardware.readers[name] = WiegandReader(board, d0=reader.d0, d1=reader.d1, name=name)
        for direction, scanner in point.scanners.items():
            name = f"{point.name}.{direction}"
            hardware.scanners[name] = Scanner(board.loop, baud=scanner.baud, name=name)
        find_part(point.kind).fit(hardware, msgspec.convert(point, PointWiring, from_attributes=True))
    for emergency in config.emergencies:
        _wire_zone(hardware, emergency)
    return hardware


def _wire_zone(hardware: Hardware, emergency: EmergencyInput) -> None:
    """The fire panel, the detectors and the switches of a zone."""
    board, zone = hardware.board, emergency.zone
    confirm, smoke, stop = emergency.confirm, emergency.smoke, emergency.estop
    hardware.fire_panels[zone] = FirePanel(
        board,
        pin=emergency.input.pin,
        confirm_pin=None if confirm is None else confirm.pin,
        name=f"{zone} fire panel",
        releases=hardware.freed_by_fire[zone],
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
