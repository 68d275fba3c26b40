"""A push button or key switch between a pin and ground."""

from collections.abc import Sequence

from firmware_sim.board.board import Board
from firmware_sim.parts.contact import Contact
from firmware_sim.parts.wire import Supply


class PushButton:
    """Pressed, it closes its contact. A key switch is one that is pushed and left so.

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
        self._name = name
        self.stuck = False
        self.pressed = False
        self._loop = board.loop
        self._releases = releases
        self._contact = Contact(board, pin=pin, name=name, bounce_ms=bounce_ms)

    def press(self, press_ms: float = 300.0) -> None:
        """Push it and let it go again."""
        self.push()
        self._loop.call_later(press_ms / 1000, self.let_go)

    def push(self) -> None:
        self._put(pressed=True)

    def let_go(self) -> None:
        if not self.stuck:
            self._put(pressed=False)

    def stick(self) -> None:
        """It is pressed and does not come back."""
        self.stuck = True
        self.push()

    def free(self) -> None:
        """Somebody repairs it."""
        self.stuck = False
        self.let_go()

    def view(self) -> dict[str, object]:
        return {"kind": "button", "pressed": self.pressed, "stuck": self.stuck}

    def _put(self, *, pressed: bool) -> None:
        self.pressed = pressed
        self._contact.put(pressed)
        for supply in self._releases:
            supply.break_by(f"button {self._name}", broken=pressed)
