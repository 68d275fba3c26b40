"""A push button or key switch between a pin and ground."""

from collections.abc import Sequence

from firmware_sim.board.board import Board
from firmware_sim.parts.contact import Signal
from firmware_sim.parts.wire import Supply


class PushButton(Signal):
    """A button that closes its contact while it is pressed. A key switch is one that is pushed and left so.

    `releases` are supplies of locks that its second pole breaks for as long as it is pressed, whatever software does.
    """

    def __init__(
        self,
        board: Board,
        *,
        pin: int,
        name: str = "button",
        releases: Sequence[Supply] = (),
        bounce_ms: float = 4.0,
    ) -> None:
        super().__init__(board, pin=pin, name=name, bounce_ms=bounce_ms)
        self.stuck = False
        self._name = name
        self._loop = board.loop
        self._releases = releases

    def press(self, press_ms: float = 300.0) -> None:
        """Push it and let it go again."""
        self.push()
        self._loop.call_later(press_ms / 1000, self.let_go)

    def push(self) -> None:
        self.put(True)

    def let_go(self) -> None:
        if not self.stuck:
            self.put(False)

    def stick(self) -> None:
        """It is pressed and does not come back."""
        self.stuck = True
        self.push()

    def free(self) -> None:
        """Somebody repairs it."""
        self.stuck = False
        self.let_go()

    def view(self) -> dict[str, object]:
        return {"kind": "button", "pressed": self.on, "stuck": self.stuck}

    def put(self, on: bool) -> None:
        super().put(on)
        for supply in self._releases:
            supply.break_by(f"button {self._name}", broken=on)
