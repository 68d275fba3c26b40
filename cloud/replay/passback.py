"""Anti-passback over a log: who goes in while inside, or out while outside. Pure."""

from array import array
from collections.abc import Callable, Hashable, Iterable

from cloud.replay.log import LogRow
from contract.decide import Direction
from contract.reasons import Reason

FAULTS: dict[Direction, Reason] = {"in": Reason.ALREADY_INSIDE, "out": Reason.NOT_INSIDE}


class Passback:
    """The check of a whole log: every row is noted first, and asked about afterwards.

    Rows are judged in the order of their times, for a log may be the files of several controllers one behind the other.
    Those of one moment are judged in the order of the file, or against it in a log that has its newest rows first.
    A holder's first row in a zone may be either way, and after a fault the holder stands where the row says. A zone
    whose rows know one direction only is not judged, for nobody knows of the other. ``zone_of`` names the zone of a
    point, ``holder_of`` whom a holder stands for: None for a card that several people share. A row takes 25 bytes.
    """

    def __init__(self, zone_of: Callable[[str], str], holder_of: Callable[[str], Hashable]) -> None:
        self._zone_of, self._holder_of = zone_of, holder_of
        self._ways: set[tuple[str, Direction]] = set()
        self._walkers: dict[tuple[str, Hashable], int] = {}
        self._times, self._lines, self._who = array("q"), array("q"), array("q")
        self._inwards = bytearray()
        self._rises = self._falls = 0
        self._faults: dict[int, Reason] | None = None

    def note(self, row: LogRow) -> None:
        """The next row of the file. Rows before the first time come before all others."""
        zone, holder = self._zone_of(row.point), self._holder_of(row.holder)
        self._ways.add((zone, row.direction))
        if holder is None:
            return
        at_ms = -1 if row.at_ms is None else row.at_ms
        if self._times:
            self._rises += self._times[-1] < at_ms
            self._falls += self._times[-1] > at_ms
        self._times.append(at_ms)
        self._lines.append(row.line)
        self._who.append(self._walkers.setdefault((zone, holder), len(self._walkers)))
        self._inwards.append(row.direction == "in")

    def __call__(self, row: LogRow) -> Reason | None:
        """Why a row that was noted is a fault; None where it is none."""
        if self._faults is None:
            self._faults = self._judge()
        return self._faults.get(row.line)

    def _judge(self) -> dict[int, Reason]:
        is_judged = [{(zone, "in"), (zone, "out")} <= self._ways for zone, _ in self._walkers]
        is_inside: list[bool | None] = [None] * len(self._walkers)
        faults = {}
        for place in self._in_order():
            who, goes_in = self._who[place], bool(self._inwards[place])
            if is_judged[who] and is_inside[who] is goes_in:
                faults[self._lines[place]] = FAULTS["in" if goes_in else "out"]
            is_inside[who] = goes_in
        return faults

    def _in_order(self) -> Iterable[int]:
        count = range(len(self._times))
        if not self._falls:
            return count
        is_newest_first = self._falls > self._rises
        return sorted(reversed(count) if is_newest_first else count, key=self._times.__getitem__)
