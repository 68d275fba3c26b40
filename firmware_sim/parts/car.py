"""A car at a charging post."""

from dataclasses import dataclass

FULL_AT, TAPERS_AT = 1.0, 0.8


@dataclass
class Car:
    """A car with a battery; ``level`` runs from 0 to 1. It takes less from four fifths on."""

    capacity_wh: float = 40_000.0
    level: float = 0.5
    most_w: float = 7_000.0

    @property
    def wants_w(self) -> float:
        if self.level >= FULL_AT:
            return 0.0
        over = max(0.0, self.level - TAPERS_AT) / (FULL_AT - TAPERS_AT)
        return self.most_w * max(0.05, 1.0 - over)
