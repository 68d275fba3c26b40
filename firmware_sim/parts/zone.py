"""What is done at the fire panel, the detectors and the switches of a zone."""

from firmware_sim.parts.command import named
from firmware_sim.parts.hardware import Hardware, PartCommand


class ZoneCommand(PartCommand, frozen=True):
    """The base of the commands for one zone."""

    zone: str


class Fire(ZoneCommand, frozen=True):
    """Set off a zone's fire panel, or silence it."""

    on: bool = True

    async def run(self, hardware: Hardware) -> None:
        panel = named(self.zone, hardware.fire_panels, "zone")
        panel.alarm() if self.on else panel.clear()


class BreakWire(ZoneCommand, frozen=True):
    """Break the wire of a zone's fire loop, or mend it."""

    broken: bool = True

    async def run(self, hardware: Hardware) -> None:
        panel = named(self.zone, hardware.fire_panels, "zone")
        panel.break_wire() if self.broken else panel.mend_wire()


class Smoke(ZoneCommand, frozen=True):
    """Blow smoke into a zone's detector, or let it clear."""

    on: bool = True

    async def run(self, hardware: Hardware) -> None:
        detector = named(self.zone, hardware.smoke_detectors, "smoke detector")
        detector.fill() if self.on else detector.air()


class PressEmergencyStop(ZoneCommand, frozen=True, tag="emergency_stop"):
    """Press a zone's emergency stop, or twist it out again."""

    on: bool = True

    async def run(self, hardware: Hardware) -> None:
        button = named(self.zone, hardware.emergency_stops, "emergency stop")
        button.press() if self.on else button.twist()


class ResetKey(ZoneCommand, frozen=True):
    """Turn the key that resets a zone after an emergency."""

    async def run(self, hardware: Hardware) -> None:
        named(self.zone, hardware.reset_keys, "zone").press()


ZONE_COMMANDS = (Fire, BreakWire, Smoke, PressEmergencyStop, ResetKey)
