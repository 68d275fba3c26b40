"""What guards a zone: its fire panel, its smoke detector and its emergency stop."""

from collections.abc import Sequence

from firmware_sim.board.board import Board
from firmware_sim.parts.contact import Contact, Signal
from firmware_sim.parts.wire import Supply


class FirePanel:
    """A fire alarm panel: a loop that is closed while all is well, and a relay that breaks the locks' supply by itself.

    An alarm and a broken wire both open the loop. Only the alarm releases the doors in hardware, and closes the second
    contact, if that is wired.
    """

    def __init__(
        self,
        board: Board,
        *,
        pin: int,
        confirm_pin: int | None = None,
        name: str = "fire panel",
        releases: Sequence[Supply] = (),
    ) -> None:
        self._name = name
        self._alarm = self._wire_broken = False
        self._releases = releases
        self._contact = Contact(board, pin=pin, name=name, closed=True)
        self._second = None if confirm_pin is None else Contact(board, pin=confirm_pin, name=f"{name} confirm")

    def alarm(self, on: bool = True) -> None:
        """Set it off, or reset it."""
        self._alarm = on
        self._update()

    def break_wire(self, broken: bool = True) -> None:
        """Break the wire of its loop, or mend it."""
        self._wire_broken = broken
        self._update()

    def view(self) -> dict[str, object]:
        return {"kind": "fire_panel", "alarm": self._alarm, "wire_broken": self._wire_broken}

    def _update(self) -> None:
        self._contact.put(not self._alarm and not self._wire_broken)
        if self._second is not None:
            self._second.put(self._alarm)
        for supply in self._releases:
            supply.break_by(self._name, broken=self._alarm)


class SmokeDetector(Signal):
    """A smoke detector with a dry contact, which is on while there is smoke in its chamber.

    The usual kind opens its contact (`active` high), so that its broken wire reads like smoke.
    """

    def view(self) -> dict[str, object]:
        return {"kind": "smoke_detector", "smoke": self.on}


class EmergencyStop(Signal):
    """A red mushroom button that stays in until it is twisted. What it cuts by its other contacts is wired beside us.

    The usual kind opens its contact (`active` high), so that its broken wire reads like a pressed button.
    """

    def view(self) -> dict[str, object]:
        return {"kind": "emergency_stop", "pressed": self.on}
