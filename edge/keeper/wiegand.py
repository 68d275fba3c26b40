"""Wiegand bits to frames, without pins or timers: falling edges go in, a frame comes out once the lines are silent.

A frame ends after max(5 ms, 4 x its widest gap) of silence. Deciding at a known length instead would let a 34-bit card
pass as a 26-bit one by luck.
"""

from contract.credentials import MAX_FRAME_BITS

MIN_SILENCE_S = 0.005
SILENCE_IN_GAPS = 4
MAX_SILENCE_S = 0.1
"""A gap this wide lies between two frames, however slow the reader."""


class FrameAssembler:
    """The bits of one reader. All times are seconds on the clock that stamps the edges."""

    def __init__(self) -> None:
        self._bits: list[str] = []
        self._last_s = 0.0
        self._widest_s = 0.0
        self._silence_s = MIN_SILENCE_S

    def pulse(self, bit: str, at_s: float) -> str | None:
        """Take a falling edge on D0 (``"0"``) or D1 (``"1"``). Returns the frame that this edge finds finished."""
        finished = self.pop_finished(at_s)
        if self._bits and at_s - self._last_s > self._widest_s:
            self._widest_s = at_s - self._last_s
            self._silence_s = min(MAX_SILENCE_S, max(MIN_SILENCE_S, SILENCE_IN_GAPS * self._widest_s))
        if len(self._bits) <= MAX_FRAME_BITS:
            # One bit too many is stored, to tell an over-long frame from a long one.
            self._bits.append(bit)
        self._last_s = at_s
        return finished

    @property
    def ends_at_s(self) -> float | None:
        """When the frame is complete if no further edge comes; None while no frame is under way."""
        return self._last_s + self._silence_s if self._bits else None

    def pop_finished(self, now_s: float) -> str | None:
        """The finished frame as 0 and 1, once its silence has passed by ``now_s``."""
        if not self._bits or now_s < self._last_s + self._silence_s:
            return None
        frame = "".join(self._bits)
        self._bits.clear()
        self._widest_s, self._silence_s = 0.0, MIN_SILENCE_S
        return frame
