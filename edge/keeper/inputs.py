"""Pins that are read: debounced inputs, Wiegand readers on two falling-edge pins, and the emergency
inputs of a zone.

Edges may arrive on a thread of the pin library; they are handed to the loop with the time the kernel stamped on them.
"""

from asyncio import AbstractEventLoop, TimerHandle
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from contract.emergencies import Cause
from edge.config.tables import EmergencyInput, InputPin
from edge.keeper.wiegand import FrameAssembler

LEAST_WAIT_S = 0.0001
"""A shorter wait may be rounded to none by the loop, which would then never reach the end of the silence."""
STALL_S = 0.005
"""A timer this late means that the process stood still, and edges of the frame may still be on their way here: cutting
it now could make 26 good bits of a 34-bit card. They get as long again to arrive, and their own times join them."""
MAX_EDGES = 4096
"""Edges that wait for the loop's next look, of a storm on the lines the newest."""


class PinFactory(Protocol):
    """What the keeper needs of a gpiozero factory."""

    def pin(self, name: int) -> Any:
        """The pin of this number."""

    def ticks(self) -> float:
        """The clock that stamps the edges, in seconds."""


MAX_BOUNCE_MS = 300
"""No contact bounces longer, and an exit, a contact or an emergency that is active for 400 ms must be seen. A wiring
that says more is not refused, so that no door stops for it; it counts as this."""


class DebouncedInput:
    """One input pin. ``changed(active, at_s)`` is called on the loop for each change that outlasted the bounce."""

    def __init__(
        self, pin: Any, wiring: InputPin, loop: AbstractEventLoop, changed: Callable[[bool, float], None]
    ) -> None:
        self._pin, self._loop, self._changed = pin, loop, changed
        self._active_level = wiring.active == "high"
        pin.input_with_pull(wiring.pull)
        pin.bounce = min(wiring.bounce_ms, MAX_BOUNCE_MS) / 1000
        pin.edges = "both"
        self.active = bool(pin.state) == self._active_level
        pin.when_changed = self._edge

    @property
    def active_now(self) -> bool:
        """What the pin says at this very moment, bounces and all."""
        return bool(self._pin.state) == self._active_level

    def close(self) -> None:
        self._pin.close()

    def _edge(self, ticks: float, state: int) -> None:
        self._loop.call_soon_threadsafe(self._settle, bool(state) == self._active_level, ticks)

    def _settle(self, active: bool, at_s: float) -> None:
        if active != self.active:
            self.active = active
            self._changed(active, at_s)


class WiegandReader:
    """D0 and D1 of one reader. ``frame(bits, at_s)`` is called on the loop once the lines have been silent long enough.

    Only falling edges are asked for: with both, the kernel reads the level late and loses bits. An edge is queued, and
    only the first of a frame wakes the loop, which from then on looks into the queue whenever the frame may be over.
    """

    def __init__(
        self, d0: Any, d1: Any, loop: AbstractEventLoop, now_s: Callable[[], float], frame: Callable[[str, float], None]
    ) -> None:
        self._pins, self._loop, self._now_s, self._frame = (d0, d1), loop, now_s, frame
        self._assembler = FrameAssembler()
        self._edges: deque[tuple[str, float]] = deque(maxlen=MAX_EDGES)
        self._looks = self._closed = False
        self._timer: TimerHandle | None = None
        self._last_s = 0.0
        for pin in self._pins:
            pin.input_with_pull("up")
            pin.edges = "falling"
        d0.when_changed = self._zero
        d1.when_changed = self._one

    def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        for pin in self._pins:
            pin.close()

    def _zero(self, ticks: float, _state: int) -> None:
        self._edge("0", ticks)

    def _one(self, ticks: float, _state: int) -> None:
        self._edge("1", ticks)

    def _edge(self, bit: str, ticks: float) -> None:
        self._edges.append((bit, ticks))
        if not self._looks:
            self._looks = True
            self._loop.call_soon_threadsafe(self._look)

    def _look(self, stalled_at_s: float | None = None) -> None:
        """Hand on what is complete. ``stalled_at_s``: as of then, when the process had stood still."""
        if self._closed:
            return
        now_s = self._now_s()
        frames = self._assemble()
        ends_at_s = self._assembler.ends_at_s
        if stalled_at_s is None and ends_at_s is not None and now_s - ends_at_s > STALL_S:
            self._wait(STALL_S, now_s)
        else:
            last = self._assembler.pop_finished(now_s if stalled_at_s is None else stalled_at_s)
            frames += [(last, self._last_s)] if last is not None else []
            self._schedule_look(now_s)
        for frame in frames:
            self._frame(*frame)

    def _assemble(self) -> list[tuple[str, float]]:
        """Give the assembler the edges that have come; returns the frames that they find finished."""
        frames = []
        while self._edges:
            bit, at_s = self._edges.popleft()
            finished = self._assembler.pulse(bit, at_s)
            if finished is not None:
                frames.append((finished, self._last_s))
            self._last_s = at_s
        return frames

    def _schedule_look(self, now_s: float) -> None:
        """Look again when the frame may be over, or with the first edge of the next."""
        ends_at_s = self._assembler.ends_at_s
        if ends_at_s is not None:
            self._wait(max(LEAST_WAIT_S, ends_at_s - now_s))
            return
        self._looks = False
        if self._edges:  # this one came before the line above, and has woken nobody
            self._looks = True
            self._loop.call_soon(self._look)

    def _wait(self, seconds: float, stalled_at_s: float | None = None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._look, stalled_at_s)


class ZoneInputs:
    """The emergency inputs of one zone, and the key that ends it. ``look`` is called when an alarm may
    have begun, ``key`` when its key is turned."""

    def __init__(
        self,
        wiring: EmergencyInput,
        factory: PinFactory,
        loop: AbstractEventLoop,
        look: Callable[[str], object],
        key: Callable[[str], object],
    ) -> None:
        self._factory, self._loop = factory, loop
        self._pins: list[DebouncedInput] = []

        begins, turned = partial(_if_active, look, wiring.zone), partial(_if_active, key, wiring.zone)
        try:
            self._loop_open = self._input(wiring.input, begins)
            self._confirm, self._smoke, self._estop = (
                None if pin is None else self._input(pin, begins)
                for pin in (wiring.confirm, wiring.smoke, wiring.estop)
            )
            self._input(wiring.reset, turned)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for pin in self._pins:
            pin.close()

    @property
    def causes(self) -> list[Cause]:
        """Whatever is wrong now, the worst first.

        The panel's two contacts change together, and the loop's own bounce is over by the time it counts: so a loop
        whose wire broke is known by the level of the other contact at that moment, bounce or not. An alarm of the
        second contact alone is one too: then the loop is shorted.
        """
        loop_open = self._loop_open.active
        confirmed = self._confirm is not None and (self._confirm.active or (loop_open and self._confirm.active_now))
        alarms: dict[Cause, bool] = {
            "fire": confirmed or (loop_open and self._confirm is None),
            "smoke": self._smoke is not None and self._smoke.active,
            "estop": self._estop is not None and self._estop.active,
        }
        causes = [cause for cause, is_on in alarms.items() if is_on]
        return causes or (["loop_broken"] if loop_open else [])

    def _input(self, wiring: InputPin, changed: Callable[[bool, float], None]) -> DebouncedInput:
        pin = DebouncedInput(self._factory.pin(wiring.pin), wiring, self._loop, changed)
        self._pins.append(pin)
        return pin


def _if_active(act: Callable[[str], object], zone: str, active: bool, _at_s: float) -> None:
    if active:
        act(zone)
