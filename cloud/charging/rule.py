"""What a charging socket or post is doing, as far as anybody knows.

Two words of its device meet here: the sealed state says what it is, the readings of this moment how far it has got.
Whatever cannot be true is unknown, and what is offline never looks free. Pure.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from cloud.charging.sessions import MAX_WH, MAX_WORD, is_session, number_in
from contract.decide import MINUTE_MS, Mode

MAX_MINUTES = 10 * 24 * 60
HOT_C, COLD_C = 300, -60
"""No thermometer of a socket says more or less than these and is right."""
READ_WITHIN_MS = 120_000
"""Readings come every two seconds while something changes, else with the beat; older ones are nobody's present."""


class Condition(StrEnum):
    """What somebody who wants to charge has to know, the best first."""

    FREE = "free"
    FINISHED = "finished"
    CHARGING = "charging"
    CLOSED = "closed"
    FAULT = "fault"
    EMERGENCY = "emergency"
    OFFLINE = "offline"


PHASES: Mapping[str, Condition] = {
    "free": Condition.FREE,
    "starting": Condition.CHARGING,
    "charging": Condition.CHARGING,
    "checking": Condition.CHARGING,
    "stopping": Condition.CHARGING,
    "finished": Condition.FINISHED,
    "faulted": Condition.FAULT,
    "absent": Condition.FAULT,
    "emergency": Condition.EMERGENCY,
}
CLOSED = frozenset({Mode.LOCKDOWN.value, Mode.OUT_OF_SERVICE.value})
"""Modes in which nobody begins anything."""


def condition(report: Mapping[str, Any], *, online: bool, emergency: bool) -> Condition:
    """By what its device last reported of it. A device that is offline, or has no word for it, leaves it unknown."""
    state = PHASES.get(str(report.get("phase")))
    if not online or state is None:
        return Condition.OFFLINE
    if emergency:
        return Condition.EMERGENCY
    if state is Condition.FREE and str(report.get("mode")) in CLOSED:
        return Condition.CLOSED
    return Condition.FAULT if state is Condition.FREE and report.get("faulted") else state


class Readings(Struct, frozen=True):
    """How far a session has got. None for what is not said, or cannot be true.

    ``minutes_left`` is what its limits still allow, ``free_in_minutes`` when it is likely over, which is often sooner.
    ``reason`` is why the session before it stopped. ``waiting``: somebody waits for it; ``reserved``: it is kept for
    whoever waited.
    """

    power_w: int | None = None
    energy_wh: int | None = None
    minutes: int | None = None
    minutes_left: int | None = None
    free_in_minutes: int | None = None
    temperature_c: int | None = None
    reason: str = ""
    session: str = ""
    waiting: bool = False
    reserved: bool = False

    @property
    def share(self) -> float | None:
        """How much of its likely time a session has behind it, 0 to 1."""
        left = self.minutes_left if self.free_in_minutes is None else self.free_in_minutes
        if self.minutes is None or left is None or not self.minutes + left:
            return None
        return self.minutes / (self.minutes + left)


def readings(said: object) -> Readings:
    """What can be true of a device's readings of a socket."""
    if not isinstance(said, dict):
        return Readings()
    reason, session = said.get("reason"), said.get("session")
    return Readings(
        power_w=number_in(said.get("power_w"), MAX_WH),
        energy_wh=number_in(said.get("energy_wh"), MAX_WH),
        minutes=number_in(said.get("minutes"), MAX_MINUTES),
        minutes_left=number_in(said.get("minutes_left"), MAX_MINUTES),
        free_in_minutes=number_in(said.get("free_at_minutes"), MAX_MINUTES),
        temperature_c=number_in(said.get("temperature_c"), HOT_C, COLD_C),
        reason=reason[:MAX_WORD] if isinstance(reason, str) else "",
        session=session if is_session(session) else "",
        waiting=said.get("waiting") is True,
        reserved=said.get("reserved") is True,
    )


def likely_free_ms(read: Readings, read_ms: int) -> int | None:
    """When a socket is likely free, by readings of ``read_ms``, to the minute."""
    if read.free_in_minutes is None:
        return None
    return (read_ms // MINUTE_MS + read.free_in_minutes) * MINUTE_MS


class Line(Struct, frozen=True):
    """What was used at one pair of prices, in fen, milliseconds and milliwatt-hours."""

    fen_per_hour: int
    fen_per_kwh: int
    ms: int
    mwh: int
    fen: int


class Receipt(Struct, frozen=True):
    """What a session costs by the site's tariff, in fen, and how it comes about. Nothing is booked by it yet."""

    fen: int
    free_minutes: int = 0
    lines: tuple[Line, ...] = ()
    idle_minutes: int = 0
    idle_fen: int = 0


MAX_FEN = 100_000_000
MAX_LINES = 24
MAX_NUMBER = 1_000_000_000_000
"""Beyond these no receipt of one session is right."""


def receipt_in(said: object) -> Receipt | None:
    """The receipt that stands in an end; None if there is none, or none that can be true."""
    if not isinstance(said, dict):
        return None
    fen = number_in(said.get("fen"), MAX_FEN)
    lines = said.get("lines")
    read = [_line(one) for one in lines[:MAX_LINES]] if isinstance(lines, list) else []
    if fen is None:
        return None
    return Receipt(
        fen,
        number_in(said.get("free_minutes"), MAX_MINUTES) or 0,
        tuple(line for line in read if line is not None),
        number_in(said.get("idle_minutes"), MAX_MINUTES) or 0,
        number_in(said.get("idle_fen"), MAX_FEN) or 0,
    )


def _line(said: object) -> Line | None:
    if not isinstance(said, dict):
        return None
    numbers = [number_in(said.get(name), MAX_NUMBER) for name in Line.__struct_fields__]
    given = [number for number in numbers if number is not None]
    return Line(*given) if len(given) == len(numbers) else None
