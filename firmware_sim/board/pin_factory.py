"""A gpiozero pin factory over the lines of a simulated board, in this process or behind a socket.

It behaves as gpiozero's LGPIOFactory does on a Pi, its surprises included: taking a pin switches the internal pull
off, an output is driven low for a moment before it gets its first value, ticks are seconds, a closed pin floats.
"""

import contextlib
from collections.abc import Callable
from typing import Any, Literal, Protocol

from gpiozero.exc import PinFixedPull, PinInvalidBounce, PinInvalidFunction, PinInvalidPull, PinSetInput
from gpiozero.pins.pi import PiFactory, PiPin

from firmware_sim.board.debounce import Edges

Pull = Literal["up", "down", "floating"]

PI_4B_REVISION = 0xC03114
"""The revision code of a Raspberry Pi 4B, 4 GB, board revision 1.4."""


class Lines(Protocol):
    """What a process may do with the header, as the kernel's GPIO device offers it. OSError where that would refuse."""

    def claim_input(self, pin: int, pull: Pull | None) -> None:
        """Take a pin as an input; without a pull, leave the internal resistor as it is."""

    def claim_output(self, pin: int, level: bool) -> None:
        """Take a pin as an output that drives `level`."""

    def read(self, pin: int) -> bool: ...

    def write(self, pin: int, level: bool) -> None: ...

    def watch(self, pin: int, edges: Edges | None, debounce_ns: int) -> None:
        """Have the pin's edges reported, or, with None, no more."""

    def now_ns(self) -> int: ...

    def close(self) -> None: ...


class SimFactory(PiFactory):  # type: ignore[misc]
    """The pins of one process. Its ticks are seconds on the board's clock, as with LGPIOFactory."""

    simulated = True
    """What a keeper tells other programs of these pins."""

    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self.lines = lines
        self.pin_class = SimPin
        self.by_number: dict[int, SimPin] = {}

    def _get_revision(self) -> int:
        return PI_4B_REVISION

    def ticks(self) -> float:
        return self.lines.now_ns() / 1e9

    def ticks_diff(self, later: float, earlier: float) -> float:
        return later - earlier

    def edge(self, pin: int, level: bool, at_ns: int) -> None:
        """Hand a reported edge, with its own time, to whoever watches the pin."""
        watched = self.by_number.get(pin)
        watcher = None if watched is None else watched.when_changed
        if watcher is not None:
            watcher(at_ns / 1e9, level)

    def close(self) -> None:
        """End the process in good order: every pin floats, then the lines are given back."""
        super().close()
        self.by_number.clear()
        self.lines.close()


class SimPin(PiPin):  # type: ignore[misc]
    """One pin of the simulated header as gpiozero sees it."""

    when_changed: Callable[[float, bool], object] | None
    """Told `(ticks, level)` of each edge. gpiozero holds it weakly: keep a reference of your own."""

    def __init__(self, factory: SimFactory, info: Any) -> None:
        super().__init__(factory, info)
        self._lines = factory.lines
        self._function = "input"
        self._pull: Pull = "floating"
        self._bounce: float | None = None
        self._edges: Edges = "both"
        self._lines.claim_input(self._number, "floating")
        factory.by_number[self._number] = self

    def close(self) -> None:
        self._function, self._pull = "input", "floating"
        with contextlib.suppress(ConnectionError):  # a board that has gone has let go of the pin already
            self.when_changed = None
            self._lines.claim_input(self._number, "floating")

    def _get_function(self) -> str:
        return self._function

    def _set_function(self, value: str) -> None:
        if value not in ("input", "output"):
            raise PinInvalidFunction(f"invalid function {value!r} for pin {self!r}")
        self.when_changed = None
        if value == "input":
            self._lines.claim_input(self._number, None)
        else:
            self._lines.claim_output(self._number, level=False)
        self._function = value

    def _get_state(self) -> bool:
        return self._lines.read(self._number)

    def _set_state(self, value: Any) -> None:
        if self._function == "input":
            raise PinSetInput(f"cannot set state of pin {self!r}")
        self._lines.write(self._number, bool(value))

    def _get_pull(self) -> Pull:
        return self._pull

    def _set_pull(self, value: Pull) -> None:
        if self._function != "input":
            raise PinFixedPull(f"cannot set pull on non-input pin {self!r}")
        if value not in ("up", "down", "floating"):
            raise PinInvalidPull(f"invalid pull {value!r} for pin {self!r}")
        if self.info.pull not in (value, ""):
            raise PinFixedPull(f"{self!r} has a physical pull-{self.info.pull} resistor")
        self._lines.claim_input(self._number, value)
        self._pull = value

    def _get_bounce(self) -> float | None:
        return self._bounce

    def _set_bounce(self, value: float | None) -> None:
        if value is not None and value < 0:
            raise PinInvalidBounce("bounce must be 0 or greater")
        self._bounce = value

    def _get_edges(self) -> Edges:
        return self._edges

    def _set_edges(self, value: Edges) -> None:
        watcher = self.when_changed
        self.when_changed = None
        self._edges = value
        self.when_changed = watcher

    def _enable_event_detect(self) -> None:
        self._lines.watch(self._number, self._edges, round((self._bounce or 0) * 1e9))

    def _disable_event_detect(self) -> None:
        self._lines.watch(self._number, None, 0)
