"""Contacts that switch the mains: they may weld or stick open. A contactor is a large one that reports where it is."""

from firmware_sim.board.board import Board
from firmware_sim.parts.contact import Signal
from firmware_sim.parts.lock import Relay
from firmware_sim.parts.wire import Wire


class PowerContact:
    """The main contact of a relay: it follows the armature unless it has welded or sticks open. ``closed`` tells."""

    def __init__(self, relay: Relay) -> None:
        self.welded = False
        self.stuck_open = False
        self._armature = relay.pulled
        self.closed = Wire(on=relay.pulled.on)
        relay.pulled.watch(lambda _: self._update())

    def weld(self) -> None:
        """It is closed for good, whatever the coil does."""
        self._spoil(welded=True)

    def stick_open(self) -> None:
        """It is open for good, whatever the coil does."""
        self._spoil(stuck_open=True)

    def mend(self) -> None:
        """Somebody fits a new one."""
        self._spoil()

    def view(self) -> dict[str, object]:
        return {
            "coil": self._armature.on,
            "closed": self.closed.on,
            "welded": self.welded,
            "stuck_open": self.stuck_open,
        }

    def _spoil(self, *, welded: bool = False, stuck_open: bool = False) -> None:
        self.welded, self.stuck_open = welded, stuck_open
        self._update()

    def _update(self) -> None:
        self.closed.put(self.welded or (self._armature.on and not self.stuck_open))


class Contactor:
    """Feeds a bank of sockets. An auxiliary contact, forced to move with the main ones, tells the board where they are.

    `drop_out_ms` and `pull_in_ms` are those of a small 25 A contactor.
    """

    def __init__(
        self,
        board: Board,
        *,
        pin: int,
        active_high: bool = True,
        feedback: Signal | None = None,
        name: str = "contactor",
        pull_in_ms: float = 20.0,
        drop_out_ms: float = 15.0,
    ) -> None:
        self.name = name
        relay = Relay(board, pin=pin, active_high=active_high, pull_in_ms=pull_in_ms, drop_out_ms=drop_out_ms)
        self.contact = PowerContact(relay)
        if feedback is not None:
            feedback.put(self.contact.closed.on)
            self.contact.closed.watch(feedback.put)

    def view(self) -> dict[str, object]:
        return {"kind": "contactor", **self.contact.view()}
