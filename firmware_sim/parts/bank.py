"""A bank of sockets: the contactor that feeds them, and what may befall the contacts of relays and contactors."""

from typing import Any

from firmware_sim.parts.contactor import Contactor, PowerContact
from firmware_sim.parts.hardware import Hardware, PointCommand
from firmware_sim.parts.kind import PartKind
from firmware_sim.parts.wiring import PointWiring


class Weld(PointCommand, frozen=True):
    """Weld the contact of a socket's relay, or of a bank's contactor: it stays closed."""

    async def run(self, hardware: Hardware) -> None:
        _contact(hardware, self.point).weld()


class StickOpen(PointCommand, frozen=True):
    """Have the contact of a socket's relay, or of a bank's contactor, stay open."""

    async def run(self, hardware: Hardware) -> None:
        _contact(hardware, self.point).stick_open()


class Mend(PointCommand, frozen=True):
    """Fit a new relay or contactor."""

    async def run(self, hardware: Hardware) -> None:
        _contact(hardware, self.point).mend()


CONTACT_COMMANDS = (Weld, StickOpen, Mend)


def fit(hardware: Hardware, point: PointWiring) -> None:
    """The contactor, with its auxiliary contact if that is wired."""
    wiring = point.outputs["contactor"]
    contactor = hardware.parts[point.name] = Contactor(
        hardware.board,
        pin=wiring.pin,
        active_high=wiring.relay == "high",
        feedback=hardware.signal(point, "feedback"),
        name=point.name,
    )
    hardware.parts[f"{point.name}.contact"] = contactor.contact


def view(hardware: Hardware, point: str) -> dict[str, Any]:
    """How a bank looks."""
    return {"contactor": hardware.view(point)}


def _contact(hardware: Hardware, point: str) -> PowerContact:
    return hardware.of_point(PowerContact, point, "contact", "relay or contactor")


PART = PartKind(fit, CONTACT_COMMANDS, view, fits_first=True)
