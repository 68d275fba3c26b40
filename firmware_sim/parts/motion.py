"""How a heavy thing swings: constant acceleration up to a top speed, until it meets its target. Pure.

Degrees, seconds. Angles are computed, never stepped through, so a swing costs a handful of timers and rest none.
"""

import math
from typing import NamedTuple


class Leg(NamedTuple):
    """A stretch of constant acceleration in which the speed keeps its sign."""

    start_s: float
    duration_s: float
    angle: float
    speed: float
    acceleration: float

    def at(self, time_s: float) -> tuple[float, float]:
        t = time_s - self.start_s
        return self.angle + self.speed * t + self.acceleration * t * t / 2, self.speed + self.acceleration * t


def _time_for(distance: float, speed: float, acceleration: float) -> float:
    """How long a distance takes that is not zero. This form of the root holds without acceleration too."""
    return 2 * distance / (speed + math.sqrt(max(0.0, speed * speed + 2 * acceleration * distance)))


class Motion:
    """A swing from an angle, at a speed, towards a target. A swing the wrong way first slows, then turns round."""

    def __init__(self, angle: float, speed: float, target: float, *, top_speed: float, acceleration: float) -> None:
        self.target = target
        if target == angle:
            self.way = -1.0 if speed > 0 else 1.0
        else:
            self.way = math.copysign(1.0, target - angle)
        self._legs: list[Leg] = []
        self._time_s, self._angle, self._speed = 0.0, angle, speed * self.way
        if self._speed < 0:
            self._add(-self._speed / acceleration, acceleration)
            self._speed = 0.0
        left = abs(target - self._angle)
        ramp = math.copysign(acceleration, top_speed - self._speed)
        ramp_s = abs(top_speed - self._speed) / acceleration
        if left > 0 and (self._speed + top_speed) / 2 * ramp_s >= left:
            self._add(_time_for(left, self._speed, ramp), ramp)
        elif left > 0:
            self._add(ramp_s, ramp)
            self._speed = top_speed
            self._add(abs(target - self._angle) / top_speed, 0.0)
        self.duration_s = self._time_s

    def at(self, time_s: float) -> tuple[float, float]:
        """Angle and speed at a time since the motion began; at the target it stands still."""
        for leg in self._legs:
            if time_s < leg.start_s + leg.duration_s:
                return leg.at(time_s)
        return self.target, 0.0

    def crossings(self, mark: float) -> list[tuple[float, bool]]:
        """When the angle `mark` is passed, and whether upwards, in order of time."""
        passed = []
        ends = [*(leg.angle for leg in self._legs[1:]), self.target]
        for leg, end in zip(self._legs, ends, strict=False):  # no legs at all: it stands at its target
            upwards = end > leg.angle
            if leg.angle < mark <= end or end <= mark < leg.angle:
                sign = 1.0 if upwards else -1.0
                after_s = _time_for(abs(mark - leg.angle), abs(leg.speed), leg.acceleration * sign)
                passed.append((leg.start_s + after_s, upwards))
        return passed

    def _add(self, duration_s: float, acceleration: float) -> None:
        leg = Leg(self._time_s, duration_s, self._angle, self._speed * self.way, acceleration * self.way)
        self._legs.append(leg)
        self._time_s += duration_s
        self._angle = leg.at(self._time_s)[0]
