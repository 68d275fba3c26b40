"""A tripod turnstile: one third of a turn for one person, then the pawl drops again."""

import asyncio

from firmware_sim.board.board import Board
from firmware_sim.parts.contact import Contact
from firmware_sim.parts.door import REACTION_S
from firmware_sim.parts.hardware import ControlError, Hardware, PointCommand, PointWiring, Way
from firmware_sim.parts.kind import PartKind
from firmware_sim.parts.portal import PORTAL_COMMANDS, Portal, view_portal
from firmware_sim.parts.relay import Relay
from firmware_sim.parts.swing import Swing
from firmware_sim.parts.wire import Supply, Wire

THIRD = 120.0
HOME_BAND = 8.0
"""Degrees from home within which the sensor takes the arm to be home."""
JAM_ANGLE = 40.0
"""How far the arm turns when it jams, or when a person thinks better of it."""
UNBARRED_S = 0.8
"""How long a person takes to walk through without an arm in the way."""


class Turnstile(Portal):
    """`unlock_pin` closes its unlock contact through a relay: the pawl is drawn for as long as it is closed.

    A good machine (`relocks`) drops the pawl at 120° even so, until the contact has opened once; a worn one does
    not, and a second person slips through. The exit side turns freely if `exit_free`. The sensor closes while the arm
    is away from home: `sensor_pin` for both ways, or for the way in alone if `exit_sensor_pin` is given.
    With its supply broken the arm drops and everybody walks through unseen. Speeds in degrees per second.
    """

    def __init__(
        self,
        board: Board,
        *,
        unlock_pin: int,
        sensor_pin: int,
        exit_sensor_pin: int | None = None,
        name: str = "turnstile",
        active_high: bool = True,
        relocks: bool = True,
        exit_free: bool = True,
        push_speed: float = 150.0,
        acceleration: float = 500.0,
        bounce_ms: float = 3.0,
    ) -> None:
        self.name = name
        self.relocks = relocks
        self.jammed = False
        self.passed: dict[Way, int] = {"in": 0, "out": 0}
        self._exit_free = exit_free
        self._push_speed = push_speed
        self._way: Way = "in"
        self._used = False
        self.supply = Supply()
        self.supply.watch(self._supply_changed)
        self._relay = Relay(board, pin=unlock_pin, active_high=active_high)
        self._relay.pulled.watch(self._relay_moved)
        self._released = Wire(on=self._relay.pulled.on)
        self._home = Wire(on=True)
        sensor = Contact(board, pin=sensor_pin, name=f"{name} sensor", bounce_ms=bounce_ms)
        self._sensors: dict[Way, Contact] = {"in": sensor, "out": sensor}
        if exit_sensor_pin is not None:
            self._sensors["out"] = Contact(board, pin=exit_sensor_pin, name=f"{name} exit sensor", bounce_ms=bounce_ms)
        self._arm = Swing(
            board.loop,
            marks=(HOME_BAND, THIRD - HOME_BAND, -HOME_BAND, HOME_BAND - THIRD),
            acceleration=acceleration,
            on_mark=self._passed_mark,
            on_arrival=self._arrived,
        )

    @property
    def angle(self) -> float:
        """Degrees from home, negative for the way out."""
        return self._arm.angle

    @property
    def locked(self) -> bool:
        """A push inwards would not move the arm."""
        return not self._released.on

    @property
    def arm_dropped(self) -> bool:
        """The supply is broken: nothing bars the way."""
        return not self.supply.on

    def push(self, way: Way = "in") -> bool:
        """Lean on the arm. False if it does not give."""
        gives = self._released.on or (way == "out" and self._exit_free)
        return gives and self.force(way)

    def force(self, way: Way = "in") -> bool:
        """Push past the pawl. False if the arm is dropped or away from home."""
        if self.arm_dropped or not self._home.on:
            return False
        self._turn(way, JAM_ANGLE if self.jammed else THIRD)
        return True

    def break_through(self, way: Way) -> None:
        if not self.force(way):
            raise ControlError(f"the arm of {self.name} is not in the way")

    def hesitate(self, way: Way = "in") -> bool:
        """Push the arm a little and step back. False if it does not give."""
        if not self.push(way):
            return False
        self._turn(way, JAM_ANGLE)
        return True

    def jam(self) -> None:
        """Something sits in the works: this turn, or the next, gets stuck."""
        self.jammed = True
        self._arm.stop()

    def clear_jam(self) -> None:
        """Somebody frees the arm; it swings back home."""
        self.jammed = False
        if not self._home.on:
            self._swing(0.0)

    async def walk(self, way: Way, patience_s: float = 3.0) -> bool:
        """A person pushes through: out at once where the exit is free, else once the pawl is drawn. False if patience
        ran out or the arm got stuck."""
        if not await self._home.wait_on(patience_s):
            return False
        if self.locked and not (way == "out" and self._exit_free):
            if not await self._released.wait_on(patience_s):
                return False
            await asyncio.sleep(REACTION_S)
        if self.arm_dropped:
            await asyncio.sleep(UNBARRED_S)
            return True
        before = self.passed[way]
        return self.push(way) and await self._home.wait_on(patience_s) and self.passed[way] > before

    def view(self) -> dict[str, object]:
        return {
            "kind": "turnstile",
            "angle": round(self.angle, 1),
            "home": self._home.on,
            "locked": self.locked,
            "arm_dropped": self.arm_dropped,
            "jammed": self.jammed,
            "passed_in": self.passed["in"],
            "passed_out": self.passed["out"],
        }

    def _turn(self, way: Way, target: float) -> None:
        self._way = way
        self._home.put(False)
        self._swing(target if way == "in" else -target)

    def _swing(self, target: float) -> None:
        self._arm.go(target, top_speed=self._push_speed)

    def _passed_mark(self, mark: float, upwards: bool) -> None:
        outward = upwards == (mark > 0)
        self._sensors[self._way].put(outward == (abs(mark) == HOME_BAND))

    def _arrived(self, angle: float) -> None:
        if abs(angle) == THIRD:
            self.passed[self._way] += 1
            self._used = self.relocks and (self._way == "in" or not self._exit_free)
            self._update()
        elif angle != 0:
            if not self.jammed:
                self._swing(0.0)
            return
        self._come_home()

    def _come_home(self) -> None:
        self._arm.put(0.0)
        for sensor in self._sensors.values():
            sensor.put(False)
        self._home.put(True)

    def _supply_changed(self, on: bool) -> None:
        if not on:
            self._come_home()
        self._update()

    def _relay_moved(self, pulled: bool) -> None:
        self._used = False
        self._update()

    def _update(self) -> None:
        self._released.put(self.arm_dropped or (self._relay.pulled.on and not self._used))


class Jam(PointCommand, frozen=True):
    """Have the arm of a turnstile get stuck at its next turn."""

    async def run(self, hardware: Hardware) -> None:
        hardware.get(Turnstile, self.point, "turnstile").jam()


class ClearJam(PointCommand, frozen=True):
    """Free the arm."""

    async def run(self, hardware: Hardware) -> None:
        hardware.get(Turnstile, self.point, "turnstile").clear_jam()


def fit(hardware: Hardware, point: PointWiring) -> None:
    """The tripod with its sensors. A fire panel drops its arm."""
    unlock, exit_arm = point.outputs["unlock"], point.inputs.get("exit_arm")
    turnstile = hardware.parts[point.name] = Turnstile(
        hardware.board,
        unlock_pin=unlock.pin,
        sensor_pin=point.inputs["arm"].pin,
        exit_sensor_pin=None if exit_arm is None else exit_arm.pin,
        name=point.name,
        active_high=unlock.relay == "high",
        exit_free=point.free_exit,
    )
    hardware.freed_by_fire[point.zone].append(turnstile.supply)


PART = PartKind(fit, (*PORTAL_COMMANDS, Jam, ClearJam), view_portal)
