"""What can be done at a scanner: something is held before it, and its cable is pulled."""

from typing import Annotated

from msgspec import Meta

from firmware_sim.parts.hardware import ControlError, Hardware, PartCommand, Way, named
from firmware_sim.parts.portal import Portal

MAX_TEXT = 2_000
"""More than any device takes, so that too much can be tried."""


class Scan(PartCommand, frozen=True):
    """Hold a pass, a printed code or a number plate before a scanner such as ``gym.in``, and `walk` through if it
    opens. Answered with whether somebody passed, where they wanted to."""

    scanner: str
    text: Annotated[str, Meta(max_length=MAX_TEXT)]
    walk: bool = False

    async def run(self, hardware: Hardware) -> dict[str, object] | None:
        if not self.text.strip():
            raise ControlError("nothing is held before the scanner: type a pass, or a number plate")
        named(self.scanner, hardware.scanners, "scanner").show(self.text)
        if not self.walk:
            return None
        point, _, direction = self.scanner.rpartition(".")
        way: Way = "out" if direction == "out" else "in"
        return {"passed": await hardware.get(Portal, point, "point").walk(way)}


class PullScanner(PartCommand, frozen=True):
    """Pull a scanner's cable, or put it back."""

    scanner: str
    pulled: bool = True

    async def run(self, hardware: Hardware) -> None:
        named(self.scanner, hardware.scanners, "scanner").plugged_in = not self.pulled
