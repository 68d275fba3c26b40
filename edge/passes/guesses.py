"""How many guesses a secret of few digits stands: the limits of PINs and of codes in one table. Pure."""

from msgspec import Struct

from contract.decide import HOUR_MS, MINUTE_MS


class GuessLimits(Struct, frozen=True):
    """How often somebody may be wrong. After each wrong guess the next one is looked at only after a wait, which
    doubles up to ``longest_wait_ms``; the last of ``most_wrong`` in a day closes it for ``closed_ms``, and so does each
    further one."""

    first_wait_ms: int
    longest_wait_ms: int
    most_wrong: int
    closed_ms: int

    def wait_ms(self, in_a_row: int) -> int:
        """The wait after so many wrong guesses, one or more."""
        return min(self.longest_wait_ms, self.first_wait_ms << min(in_a_row, 32) - 1)


PINS = GuessLimits(2_000, 10 * MINUTE_MS, 5, 10 * MINUTE_MS)
"""Of a card at one device (GB 50396-2007: an alarm after five wrong ones at the most)."""
CODES = GuessLimits(30_000, 15 * MINUTE_MS, 50, HOUR_MS)
"""Of all codes at one reader. In any day at most 50 + 24 wrong ones are looked at. Where there are 10,000 times as many
codes as are live, whoever keys them all by chance is let in on fewer than one day in a hundred."""
