"""One simulated Raspberry Pi header: what decides the level of each pin, who holds it, and what moved when.

Levels follow the electricity: a driving output wins, then a part that drives the wire, then an external resistor,
then the chip's own weak pull; a pin with none of these keeps the charge it had.
"""

import errno
import json
import random
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal, NamedTuple, TypeAlias

from firmware_sim.board.debounce import EdgeDetector, Edges
from firmware_sim.board.pin_factory import Pull, SimFactory
from firmware_sim.time.clock import now_ns

PINS = range(28)
"""The pins of the 40-pin header, by Broadcom number."""

Resistor = Literal["up", "down"]
Cause = Literal["host", "part", "process ended", "process died", "reset"]
OnMove: TypeAlias = Callable[["Move"], object]
OnLevel = Callable[[bool, int], object]
OnEdge = Callable[[int, bool, int], object]

SOLDERED: Mapping[int, Resistor] = {2: "up", 3: "up"}
"""Every Pi carries 1.8 kΩ pull-ups on its I²C pins."""


def reset_pull(pin: int) -> Pull:
    """The chip's own pull from power-on until somebody sets it (BCM2711 peripherals, table of GPIO pulls)."""
    return "up" if pin <= 8 else "down"


class Move(NamedTuple):
    """A pin changed its level."""

    at_ns: int
    pin: int
    level: bool
    cause: Cause

    def line(self) -> str:
        """As one line of a log file."""
        return json.dumps(self._asdict()) + "\n"


class BoardPin:
    """One pin as a wire. Parts see its level, drive it or let it float, and watch it move."""

    def __init__(self, board: "Board", number: int, resistor: Resistor | None) -> None:
        self.number = number
        self.level = False
        self.holder: BoardLines | None = None
        """The process that holds it."""
        self.output: bool | None = None
        """What the chip drives it to; None for an input."""
        self.pull: Pull = reset_pull(number)
        """The chip's own."""
        self._board = board
        self._resistor = resistor
        self._part: bool | None = None
        self._watchers: list[OnLevel] = []
        self.level = self._settled()

    def drive(self, level: bool | None) -> None:
        """Let the part at the other end drive the wire; None leaves it to the pulls."""
        self._part = level
        self._settle("part")

    def watch(self, callback: OnLevel) -> None:
        """Have `callback(level, at_ns)` called on every change of level."""
        self._watchers.append(callback)

    def unwatch(self, callback: OnLevel) -> None:
        self._watchers.remove(callback)

    def configure(self, cause: Cause, *, output: bool | None, pull: Pull | None = None) -> None:
        """The chip's side: drive `output`, or with None be an input, with this internal pull if one is named."""
        self.output = output
        if pull is not None:
            self.pull = pull
        self._settle(cause)

    def tell(self, level: bool, at_ns: int) -> None:
        for callback in tuple(self._watchers):
            callback(level, at_ns)

    def _settled(self) -> bool:
        if self.output is not None:
            return self.output
        if self._part is not None:
            return self._part
        pull = self._resistor or self.pull
        return self.level if pull == "floating" else pull == "up"

    def _settle(self, cause: Cause) -> None:
        level = self._settled()
        if level != self.level:
            self.level = level
            self._board.moved(self, cause)


class Board:
    """A Raspberry Pi header that parts are wired to and processes hold pins of.

    `strict_gpiod` is the kernel's choice for the pins of a process that ended: True makes them inputs again
    (mainline), False leaves them driven as they were (Raspberry Pi's kernels unless told otherwise).
    `pulls` are external resistors. `on_move` hears every change of level: the independent witness.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        *,
        seed: int | str,
        strict_gpiod: bool = True,
        pulls: Mapping[int, Resistor] | None = None,
        on_move: OnMove | None = None,
        log_size: int | None = 10_000,
    ) -> None:
        self.loop = loop
        self.strict_gpiod = strict_gpiod
        self.moves: deque[Move] = deque(maxlen=log_size)
        self._seed = seed
        self._on_move = on_move
        resistors = {**SOLDERED, **(pulls or {})}
        self._pins = [BoardPin(self, number, resistors.get(number)) for number in PINS]
        self.processes: list[BoardLines] = []
        self._untold: deque[tuple[BoardPin, bool, int]] = deque()
        self._telling = False

    def pin(self, number: int) -> BoardPin:
        """The wire at a pin, by Broadcom number 0 to 27; ValueError for any other."""
        if number not in PINS:
            raise ValueError(f"the header has no GPIO{number}: GPIO0 to GPIO27 exist")
        return self._pins[number]

    def random(self, name: str) -> random.Random:
        """A stream of chance for one actor, the same for the same seed and name."""
        return random.Random(f"{self._seed}/{name}")

    def lines(self, on_edge: OnEdge) -> "BoardLines":
        """Let a process at the pins; `on_edge(pin, level, at_ns)` hears the edges it watches."""
        lines = BoardLines(self, on_edge)
        self.processes.append(lines)
        return lines

    def factory(self) -> "BoardFactory":
        """A gpiozero pin factory for one process that shares this loop."""
        return BoardFactory(self)

    def reset(self) -> None:
        """Power-on or watchdog reset: every process is gone and every pin is as the chip starts."""
        for process in tuple(self.processes):
            process.drop("reset")
        for pin in self._pins:
            pin.configure("reset", output=None, pull=reset_pull(pin.number))

    def moved(self, pin: BoardPin, cause: Cause) -> None:
        """Log a change and tell the watchers, in order even where one of them moves a pin in turn."""
        at_ns, level = round(self.loop.time() * 1e9), pin.level
        move = Move(at_ns, pin.number, level, cause)
        self.moves.append(move)
        if self._on_move is not None:
            self._on_move(move)
        if self._telling:
            self._untold.append((pin, level, at_ns))
            return
        self._telling = True
        try:
            pin.tell(level, at_ns)
            while self._untold:
                moved, level, at_ns = self._untold.popleft()
                moved.tell(level, at_ns)
        finally:
            self._telling = False


class BoardLines:
    """The lines of one process on the header, from its start to its end. After its end it moves nothing."""

    def __init__(self, board: Board, on_edge: OnEdge) -> None:
        self._ended = False
        self.on_end: Callable[[], object] = lambda: None
        self._board = board
        self._on_edge = on_edge
        self._claimed: dict[int, BoardPin] = {}
        self._detectors: dict[int, EdgeDetector] = {}

    @property
    def alive(self) -> bool:
        """Whether it can still move pins. The world ends with its loop; gpiozero closes some devices even later."""
        return not (self._ended or self._board.loop.is_closed())

    def claim_input(self, pin: int, pull: Pull | None) -> None:
        if self.alive:
            self._claim(pin).configure("host", output=None, pull=pull)

    def claim_output(self, pin: int, level: bool) -> None:
        if self.alive:
            self._claim(pin).configure("host", output=level)

    def read(self, pin: int) -> bool:
        return self._board.pin(pin).level

    def write(self, pin: int, level: bool) -> None:
        if not self.alive:
            return
        if pin not in self._claimed or self._claimed[pin].output is None:
            raise PermissionError(errno.EPERM, f"GPIO{pin} is not an output of this process")
        self._claimed[pin].configure("host", output=level)

    def watch(self, pin: int, edges: Edges | None, debounce_ns: int) -> None:
        self._unwatch(pin)
        if self.alive and edges is not None:
            wire = self._claim(pin)
            detector = EdgeDetector(self._board.loop, edges, debounce_ns, partial(self._on_edge, pin))
            self._detectors[pin] = detector
            wire.watch(detector.feed)

    def now_ns(self) -> int:
        return now_ns(self._board.loop)

    def close(self) -> None:
        self.end("process ended")

    def end(self, cause: Literal["process ended", "process died"]) -> None:
        """The process is gone: the kernel frees its lines, and by `strict_gpiod` they fall back or stay driven."""
        for wire in self.drop(cause):
            if self._board.strict_gpiod:
                wire.configure(cause, output=None)

    def drop(self, cause: Cause) -> list[BoardPin]:
        """Give up every pin, leaving it as it is, and return them."""
        if not self.alive:
            return []
        self._ended = True
        for pin in tuple(self._detectors):
            self._unwatch(pin)
        claimed = list(self._claimed.values())
        for wire in claimed:
            wire.holder = None
        self._claimed.clear()
        self._board.processes.remove(self)
        self.on_end()
        return claimed

    def _claim(self, pin: int) -> BoardPin:
        wire = self._board.pin(pin)
        if wire.holder not in (None, self):
            raise OSError(errno.EBUSY, f"GPIO{pin} is held by another process")
        wire.holder = self
        self._claimed[pin] = wire
        return wire

    def _unwatch(self, pin: int) -> None:
        detector = self._detectors.pop(pin, None)
        if detector is not None:
            detector.cancel()
            self._board.pin(pin).unwatch(detector.feed)


class BoardFactory(SimFactory):
    """The pins of a process that shares the board's loop. What watches a pin is called within the move of that pin, as
    on a thread of the pin library: it may hand the edge to the loop, and no more."""

    def __init__(self, board: Board) -> None:
        self._process = board.lines(self.edge)
        super().__init__(self._process)

    def edge(self, pin: int, level: bool, at_ns: int) -> None:
        if self._process.alive:
            super().edge(pin, level, at_ns)

    def die(self) -> None:
        """What `kill -9` does: nothing is tidied up, the kernel alone decides about the pins."""
        self._process.end("process died")
