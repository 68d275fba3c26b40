"""A door: a heavy leaf with a closer, a contact in the frame, and the locks that hold it once it is shut."""

import asyncio
from collections.abc import Sequence

from firmware_sim.board.board import Board
from firmware_sim.parts.button import PushButton
from firmware_sim.parts.contact import Contact
from firmware_sim.parts.hardware import ControlError, Hardware, PointCommand, PointWiring, Way
from firmware_sim.parts.kind import PartKind
from firmware_sim.parts.portal import PORTAL_COMMANDS, Portal, view_portal
from firmware_sim.parts.relay import Load, Lock
from firmware_sim.parts.swing import Swing
from firmware_sim.parts.wire import Wire

REACTION_S = 0.4
"""From the click of the lock to a hand that pushes."""
FORCE_S = 1.2
"""How long somebody who broke a door open keeps a hand on it."""


class Door(Portal):
    """The leaf opens under a hand, closes by itself, and is held only when shut and locked: by any one lock.

    The contact closes when the leaf is within `contact_angle` of shut; `contact_reversed` is the wiring fault.
    `inside_handle` opens the door from inside whatever the lock does. Speeds in degrees per second.
    """

    def __init__(
        self,
        board: Board,
        *,
        contact_pin: int,
        locks: Sequence[Lock] = (),
        name: str = "door",
        exit_button: PushButton | None = None,
        inside_handle: bool = False,
        contact_reversed: bool = False,
        contact_angle: float = 4.0,
        open_angle: float = 80.0,
        push_speed: float = 80.0,
        closer_speed: float = 25.0,
        acceleration: float = 160.0,
        passage_s: float = 1.2,
        bounce_ms: float = 5.0,
    ) -> None:
        self.wedged = False
        self.shut = True
        self._locks = locks
        self._exit_button = exit_button
        self._inside_handle = inside_handle
        self._contact_reversed = contact_reversed
        self._open_angle = open_angle
        self._push_speed = push_speed
        self._closer_speed = closer_speed
        self._passage_s = passage_s
        self._loop = board.loop
        self._hands = 0
        self._contact = Contact(board, pin=contact_pin, name=name, closed=not contact_reversed, bounce_ms=bounce_ms)
        self._leaf = Swing(
            board.loop,
            marks=(contact_angle,),
            acceleration=acceleration,
            on_mark=lambda _, upwards: self._contact.put(upwards == self._contact_reversed),
            on_arrival=self._arrived,
        )
        self._free = Wire(on=not self.held)
        for lock in locks:
            lock.released.watch(lambda _: self._free.put(not self._locked))

    @property
    def angle(self) -> float:
        """How far the leaf stands open, in degrees."""
        return self._leaf.angle

    @property
    def held(self) -> bool:
        """A push would not move it."""
        return self.shut and self._locked

    def push(self) -> bool:
        """Put a hand to the leaf and open it. False, and no hand on it, if it is held."""
        if self.held:
            return False
        self.force()
        return True

    def force(self) -> None:
        """Break the door open, locked or not. The hand stays on it until `let_go`."""
        self._hands += 1
        self._open()

    def break_through(self, way: Way) -> None:
        self.force()
        self._loop.call_later(FORCE_S, self.let_go)

    def hold(self) -> None:
        """Put a hand to the leaf and keep it where it is."""
        if not self.shut:
            self._hands += 1
            self._leaf.stop()

    def let_go(self) -> None:
        """Take one hand off; with none left the closer shuts the door."""
        self._hands = max(0, self._hands - 1)
        self._close_unless_kept()

    def wedge(self) -> None:
        """Put a wedge under the open leaf: it stays where it is when nobody holds it."""
        if not self.shut:
            self.wedged = True
            self._leaf.stop()

    def unwedge(self) -> None:
        self.wedged = False
        self._close_unless_kept()

    async def walk(self, way: Way, patience_s: float = 3.0) -> bool:
        """A person waits for the lock to click, pushes and walks through; out by the inside handle if there is one,
        else by the exit button if there is one. False if patience ran out."""
        if way == "out" and self.held and self._inside_handle:
            self.force()
        else:
            if way == "out" and self.held and self._exit_button is not None:
                self._exit_button.press()
            if self.held:
                if not await self._free.wait_on(patience_s):
                    return False
                await asyncio.sleep(REACTION_S)
            if not self.push():
                return False
        await asyncio.sleep(self._passage_s)
        self.let_go()
        return True

    def view(self) -> dict[str, object]:
        return {
            "kind": "door",
            "angle": round(self.angle, 1),
            "shut": self.shut,
            "held": self.held,
            "hands": self._hands,
            "wedged": self.wedged,
            "contact_closed": self._contact.closed,
        }

    @property
    def _locked(self) -> bool:
        return any(lock.locked for lock in self._locks)

    def _open(self) -> None:
        self.shut = False
        self._leaf.go(self._open_angle, top_speed=self._push_speed)

    def _close_unless_kept(self) -> None:
        if not (self._hands or self.wedged or self.shut):
            self._leaf.go(0.0, top_speed=self._closer_speed)

    def _arrived(self, angle: float) -> None:
        self.shut = angle == 0


class Hold(PointCommand, frozen=True):
    """Put a hand to an open door and keep it open."""

    async def run(self, hardware: Hardware) -> None:
        door = hardware.get(Door, self.point, "door")
        if door.shut:
            raise ControlError(f"the door {self.point} is shut; walk through it first")
        door.hold()


class LetGo(PointCommand, frozen=True):
    """Take one hand off the door."""

    async def run(self, hardware: Hardware) -> None:
        hardware.get(Door, self.point, "door").let_go()


def fit(hardware: Hardware, point: PointWiring) -> None:
    """The leaf, its lock, and its exit button if that is wired. A fire panel breaks the supply of a magnet."""
    wiring, button = point.outputs["lock"], point.inputs.get("exit_button")
    load: Load = "power_to_lock" if wiring.load == "power_to_lock" else "power_to_unlock"
    lock = Lock(hardware.board, pin=wiring.pin, load=load, active_high=wiring.relay == "high")
    hardware.parts[f"{point.name}.lock"] = lock
    if load == "power_to_lock":
        hardware.freed_by_fire[point.zone].append(lock.supply)
    exit_button = None
    if button is not None:
        exit_button = PushButton(hardware.board, pin=button.pin, name=f"{point.name} exit button")
        hardware.parts[f"{point.name}.exit_button"] = exit_button
    hardware.parts[point.name] = Door(
        hardware.board,
        contact_pin=point.inputs["contact"].pin,
        locks=[lock],
        name=point.name,
        exit_button=exit_button,
    )


PART = PartKind(fit, (*PORTAL_COMMANDS, Hold, LetGo), view_portal)
