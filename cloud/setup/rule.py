"""Whom a change of the setup concerns, whether it wants a second step, and the code of that. Pure."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from cloud.setup.access import Access, Opening
from cloud.store.labels import Label
from cloud.web.plain_values import ChangedValue, changed_values
from cloud.web.sentence import N_, Sentence

ONE_IN = 10
"""A change of more than one row of the roster in so many wants a second step."""
MOST_NAMED = 10
"""Points that a sentence names."""
NO_HOME = N_("People who lose a way home: %(people)s.")
LOCKED = N_("Nobody could open these points any more: %(points)s.")
MANY_ROWS = N_("It changes %(rows)s of %(all)s rows of the roster, more than a tenth.")


class Difference(Struct, frozen=True):
    """A row of a table that is ``added`` (it has no ``before``), ``changed``, or ``removed`` (it has no ``after``)."""

    table: str
    key: str
    what: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None

    @property
    def changes(self) -> list[ChangedValue]:
        """Each value that is another now, of a row that stays."""
        if self.before is None or self.after is None:
            return []
        return list(changed_values(self.before, self.after))


class PointCount(Struct, frozen=True):
    """How many people gain or lose a point by a plan, and the names of the first of them."""

    plan: str
    point: str
    people: int
    names: Sequence[Label] = ()


class Impact(Struct, frozen=True):
    """Whom a change concerns. ``homes`` are the people who would lose a point that their home is reached by, or could
    pass there no longer at all hours; ``locked`` the points that somebody could open before and nobody can after.
    ``rows`` of the roster's ``all_rows`` are others after it."""

    gains: Sequence[PointCount]
    loses: Sequence[PointCount]
    other_hours: Sequence[PointCount]
    homes: Sequence[int]
    locked: Sequence[str]
    rows: int
    all_rows: int


def impact_of(before: Access, after: Access, names: Mapping[int, Label], most_names: int) -> Impact:
    """``names`` are those of all people, by id."""
    gains, loses, other_hours = _Tally(), _Tally(), _Tally()
    homes: list[int] = []
    for was, now, people in _alike(before, after):
        for point in now.keys() - was.keys():
            gains.add(now[point].plan, point, people)
        for point in was.keys() - now.keys():
            loses.add(was[point].plan, point, people)
        for point in was.keys() & now.keys():
            if was[point].hours != now[point].hours:
                other_hours.add(now[point].plan, point, people)
        if any(_is_lost_home(opening, now.get(point)) for point, opening in was.items()):
            homes += people
    counted = {
        name: tally.counts(names, most_names)
        for name, tally in (("gains", gains), ("loses", loses), ("other_hours", other_hours))
    }
    locked = sorted((before.opened() | before.meant) - after.opened() - after.meant)
    rows = max((before.rows - after.rows).total(), (after.rows - before.rows).total())
    return Impact(homes=sorted(homes), locked=locked, rows=rows, all_rows=before.rows.total(), **counted)


def _alike(before: Access, after: Access) -> Iterator[tuple[Mapping[str, Opening], Mapping[str, Opening], list[int]]]:
    """What people could open and can open, with all people of whom both are so."""
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for person in sorted(before.people.keys() | after.people.keys()):
        groups[id(before.of(person)), id(after.of(person))].append(person)
    for people in groups.values():
        yield before.of(people[0]), after.of(people[0]), people


def _is_lost_home(was: Opening, now: Opening | None) -> bool:
    """Whether a way home is closed, or no longer open at all hours."""
    return was.is_home and (now is None or (was.is_always and not now.is_always))


class _Tally:
    """People by plan and point."""

    def __init__(self) -> None:
        self._people: dict[tuple[str, str], list[int]] = defaultdict(list)

    def add(self, plan: str, point: str, people: Sequence[int]) -> None:
        self._people[plan, point] += people

    def counts(self, names: Mapping[int, Label], most_names: int) -> list[PointCount]:
        return [
            PointCount(plan, point, len(people), [names[one] for one in sorted(people)[:most_names] if one in names])
            for (plan, point), people in sorted(self._people.items())
        ]


def grave_reasons(impact: Impact) -> list[Sentence]:
    """Why a change wants a second step; none if it does not."""
    reasons = []
    if impact.homes:
        reasons.append(Sentence(NO_HOME, people=len(impact.homes)))
    if impact.locked:
        points = [*impact.locked[:MOST_NAMED], *(["…"] if len(impact.locked) > MOST_NAMED else [])]
        reasons.append(Sentence(LOCKED, points=points))
    if impact.rows * ONE_IN > impact.all_rows > 0:
        reasons.append(Sentence(MANY_ROWS, rows=impact.rows, all=impact.all_rows))
    return reasons


def accept_code(differences: Iterable[Difference], revision: int) -> str:
    """What is to be typed to carry out a change: another one for any other change, and once the site is another."""
    content = msgspec.json.encode([revision, *differences], order="sorted")
    return hashlib.sha256(content).hexdigest()[:8]
