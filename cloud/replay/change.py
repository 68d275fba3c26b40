"""What a change would have made of past passages: who gains and who loses which, counted, with first examples. Pure."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from cloud.replay.rule import Passage, Weigher, Who
from contract.reasons import TABLE, Reason

MAX_EXAMPLES = 3


class Example(Struct, frozen=True):
    """One passage that would have gone another way, and the reason of the refusal, with the change or without it."""

    who: Who
    at_ms: int
    reason: Reason


class Shift(Struct):
    """The passages at one point that the change allows (``gains``) or refuses. ``people`` are whose they are."""

    point: str
    gains: bool
    people: set[int]
    passages: int = 0
    examples: list[Example] = []


class PassageComparison:
    """Passages weighed by a community as it is, and by the same with a change."""

    def __init__(self, before: Weigher, after: Weigher) -> None:
        self._before, self._after = before, after
        self._shifts: dict[tuple[str, bool], Shift] = {}
        self.passages = 0

    def add(self, passages: Iterable[Passage]) -> None:
        """Only passages of somebody who is known, at a known time, are counted."""
        for one in passages:
            if one.who is None or one.at_ms is None:
                continue
            self.passages += 1
            was, would_be = self._before.reason(one), self._after.reason(one)
            if TABLE[was].allows != TABLE[would_be].allows:
                self._count(one, one.who, one.at_ms, was, would_be)

    @property
    def shifts(self) -> Sequence[Shift]:
        """What is lost first, then what is gained; of each the most passages first."""
        return sorted(self._shifts.values(), key=lambda one: (one.gains, -one.passages, one.point))

    def _count(self, passage: Passage, who: Who, at_ms: int, was: Reason, would_be: Reason) -> None:
        gains = TABLE[would_be].allows
        key = passage.point, gains
        if key not in self._shifts:
            self._shifts[key] = Shift(*key, set())
        shift = self._shifts[key]
        shift.passages += 1
        shift.people.add(who.person)
        if len(shift.examples) < MAX_EXAMPLES:
            shift.examples.append(Example(who, at_ms, was if gains else would_be))
