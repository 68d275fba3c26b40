"""What is done to the cables of a board: those of its readers, its buses and the mains."""

from firmware_sim.parts.command import named
from firmware_sim.parts.hardware import Hardware, PartCommand


class SwapWires(PartCommand, frozen=True):
    """Connect a reader's D0 and D1 the wrong way round, or put that right."""

    reader: str
    swapped: bool = True

    async def run(self, hardware: Hardware) -> None:
        named(self.reader, hardware.readers, "reader").swapped = self.swapped


class Glitch(PartCommand, frozen=True):
    """One stray pulse on a reader's wires."""

    reader: str

    async def run(self, hardware: Hardware) -> None:
        named(self.reader, hardware.readers, "reader").glitch()


class PullBus(PartCommand, frozen=True):
    """Pull the cable of a bus out of the device, or put it back."""

    bus: str
    pulled: bool = True

    async def run(self, hardware: Hardware) -> None:
        named(self.bus, hardware.buses, "bus").plugged_in = not self.pulled


class CutMains(PartCommand, frozen=True):
    """Cut the mains of all sockets, or bring it back. The device lives on: it has a supply of its own."""

    cut: bool = True

    async def run(self, hardware: Hardware) -> None:
        hardware.mains.supply.put(not self.cut)


CABLE_COMMANDS = (SwapWires, Glitch, PullBus, CutMains)
