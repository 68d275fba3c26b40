"""A smoke detector with a dry contact: it says so while there is smoke in its chamber."""

from typing import Literal

from firmware_sim.board.board import Board
from firmware_sim.parts.contact import Signal


class SmokeDetector:
    """The usual kind opens its contact (`active` high), so that its broken wire reads like smoke."""

    def __init__(
        self, board: Board, *, pin: int, name: str = "smoke detector", active: Literal["high", "low"] = "high"
    ) -> None:
        self.name = name
        self._signal = Signal(board, pin=pin, name=name, active=active)

    def fill(self) -> None:
        """Smoke gets into the chamber."""
        self._signal.put(True)

    def air(self) -> None:
        """The smoke is gone."""
        self._signal.put(False)

    def view(self) -> dict[str, object]:
        return {"kind": "smoke_detector", "smoke": self._signal.on}
