"""A red mushroom button that stays in until it is twisted. What it cuts by its other contacts is wired beside us."""

from typing import Literal

from firmware_sim.board.board import Board
from firmware_sim.parts.contact import Signal


class EmergencyStop:
    """The usual kind opens its contact (`active` high), so that its broken wire reads like a pressed button."""

    def __init__(
        self, board: Board, *, pin: int, name: str = "emergency stop", active: Literal["high", "low"] = "high"
    ) -> None:
        self.name = name
        self._signal = Signal(board, pin=pin, name=name, active=active)

    def press(self) -> None:
        self._signal.put(True)

    def twist(self) -> None:
        """Somebody lets the button out again."""
        self._signal.put(False)

    def view(self) -> dict[str, object]:
        return {"kind": "emergency_stop", "pressed": self._signal.on}
