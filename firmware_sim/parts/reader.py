"""A Wiegand card reader: a 0 is a short low pulse on D0, a 1 on D1; both lines rest high."""

from collections.abc import Iterator

from firmware_sim.board.board import Board, BoardPin
from firmware_sim.time.clock import take_steps

MAX_BITS = 256


class WiegandReader:
    """Sends frames as pulses. Its faults are the classic ones, each of which may be set at any time.

    `swapped`: D0 and D1 are connected the wrong way round. `noise`: the chance that a bit is lost, doubled or turned.
    `common_ground`: without one the levels mean nothing and each bit lands on either line.
    `pulse_us` and `spacing_us` (from pulse to pulse) are the usual figures of reader data sheets.
    """

    def __init__(
        self,
        board: Board,
        *,
        d0: int,
        d1: int,
        name: str = "reader",
        pulse_us: float = 50.0,
        spacing_us: float = 1000.0,
        swapped: bool = False,
        noise: float = 0.0,
    ) -> None:
        if not 0 < pulse_us < spacing_us:
            raise ValueError(f"{name}: a pulse of {pulse_us} µs does not fit into {spacing_us} µs")
        self.name = name
        self.swapped = swapped
        self.noise = noise
        self.common_ground = True
        self.frames_sent = 0
        self._loop = board.loop
        self._random = board.random(f"reader/{name}")
        self._lines = (board.pin(d0), board.pin(d1))
        self._pulse_s = pulse_us / 1e6
        self._spacing_s = spacing_us / 1e6
        self._busy = False
        self.plug()

    def send(self, bits: str) -> bool:
        """Read a card: put its bits on the wires. False if the reader was still sending the card before."""
        if not 0 < len(bits) <= MAX_BITS or bits.strip("01"):
            raise ValueError(f"{self.name}: a frame is 1 to {MAX_BITS} zeros and ones, not {bits[:40]!r}")
        if self._busy:
            return False
        self.frames_sent += 1
        take_steps(self._loop, self._pulses(self._as_wired(bits), self._loop.time()))
        return True

    def frame_s(self, bits: str) -> float:
        """How long a frame keeps the reader busy."""
        return len(bits) * self._spacing_s

    def glitch(self) -> None:
        """One stray pulse, as from a motor or a lift nearby."""
        if not self._busy:
            take_steps(self._loop, self._pulse(self._random.choice(self._lines)))

    def plug(self, plugged_in: bool = True) -> None:
        """Put its cable in, or pull it out: then nothing drives the lines any more."""
        self.plugged_in = plugged_in
        for line in self._lines:
            line.drive(True if plugged_in else None)

    def view(self) -> dict[str, object]:
        return {
            "kind": "reader",
            "sending": self._busy,
            "frames_sent": self.frames_sent,
            "plugged_in": self.plugged_in,
            "swapped": self.swapped,
            "noise": self.noise,
            "common_ground": self.common_ground,
        }

    def _as_wired(self, bits: str) -> str:
        """The bits that reach the other end of the cable."""
        if self.noise:
            bits = "".join(self._spoil(bit) for bit in bits)
        if self.swapped:
            bits = bits.translate({ord("0"): "1", ord("1"): "0"})
        if not self.common_ground:
            bits = "".join(self._random.choice("01") for _ in bits)
        return bits

    def _spoil(self, bit: str) -> str:
        if self._random.random() >= self.noise:
            return bit
        return self._random.choice(("", bit + bit, "1" if bit == "0" else "0"))

    def _pulses(self, bits: str, at_s: float) -> Iterator[float]:
        """Each is timed from the first, so a late wake-up in real time does not stretch the frame."""
        self._busy = bool(bits)
        for bit in bits:
            yield from self._pulse(self._lines[bit == "1"])
            at_s += self._spacing_s
            yield at_s
        self._busy = False

    def _pulse(self, line: BoardPin) -> Iterator[float]:
        if self.plugged_in:
            line.drive(False)
            yield self._loop.time() + self._pulse_s
            if self.plugged_in:
                line.drive(True)
