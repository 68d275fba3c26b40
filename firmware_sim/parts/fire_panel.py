"""A fire alarm panel: a loop that is closed while all is well, and a relay that breaks the locks' supply by itself."""

from collections.abc import Sequence
from typing import Protocol

from firmware_sim.board.board import Board
from firmware_sim.parts.contact import Contact


class Releasable(Protocol):
    """What a fire panel can release in hardware."""

    def break_supply(self, by: str, *, broken: bool = True) -> None: ...


class FirePanel:
    """Normally closed: an alarm and a broken wire both open the loop. Only the alarm releases the doors in hardware,
    and closes the second contact, if that is wired."""

    def __init__(
        self,
        board: Board,
        *,
        pin: int,
        confirm_pin: int | None = None,
        name: str = "fire panel",
        releases: Sequence[Releasable] = (),
    ) -> None:
        self.name = name
        self.alarm_on = False
        self.wire_broken = False
        self._releases = releases
        self._contact = Contact(board, pin=pin, name=name, closed=True)
        self._second = None if confirm_pin is None else Contact(board, pin=confirm_pin, name=f"{name} confirm")

    def alarm(self) -> None:
        self.alarm_on = True
        self._update()

    def clear(self) -> None:
        """Somebody has reset the panel."""
        self.alarm_on = False
        self._update()

    def break_wire(self) -> None:
        self.wire_broken = True
        self._update()

    def mend_wire(self) -> None:
        self.wire_broken = False
        self._update()

    def view(self) -> dict[str, object]:
        return {"kind": "fire_panel", "alarm": self.alarm_on, "wire_broken": self.wire_broken}

    def _update(self) -> None:
        self._contact.put(not self.alarm_on and not self.wire_broken)
        if self._second is not None:
            self._second.put(self.alarm_on)
        for part in self._releases:
            part.break_supply(self.name, broken=self.alarm_on)
