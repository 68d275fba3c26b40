"""A bank of sockets: the contactor that feeds them, and what may befall the contacts of relays and contactors."""

from firmware_sim.board.board import Board
from firmware_sim.parts.charger import Socket
from firmware_sim.parts.contact import Signal
from firmware_sim.parts.hardware import Hardware, PointCommand, PointWiring, named
from firmware_sim.parts.kind import PartKind
from firmware_sim.parts.relay import PowerContact, Relay

PULL_IN_MS, DROP_OUT_MS = 20.0, 15.0
"""Of a small 25 A contactor."""


class Contactor(PowerContact):
    """Feeds a bank of sockets. An auxiliary contact, forced to move with the main one, tells the board where it is."""

    def __init__(self, board: Board, *, pin: int, active_high: bool = True, feedback: Signal | None = None) -> None:
        super().__init__(Relay(board, pin=pin, active_high=active_high, pull_in_ms=PULL_IN_MS, drop_out_ms=DROP_OUT_MS))
        if feedback is not None:
            feedback.put(self.closed.on)
            self.closed.watch(feedback.put)

    def view(self) -> dict[str, object]:
        return {"kind": "contactor", **super().view()}


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
    hardware.parts[point.name] = Contactor(
        hardware.board,
        pin=wiring.pin,
        active_high=wiring.relay == "high",
        feedback=hardware.signal(point, "feedback"),
    )


def view(hardware: Hardware, point: str) -> dict[str, object]:
    """How a bank looks."""
    return {"contactor": hardware.view(point)}


def _contact(hardware: Hardware, point: str) -> PowerContact:
    relays = {name: socket.relay for name, socket in hardware.all(Socket).items()}
    return named(point, relays | hardware.all(Contactor), "relay or contactor")


PART = PartKind(fit, CONTACT_COMMANDS, view, fits_first=True)
