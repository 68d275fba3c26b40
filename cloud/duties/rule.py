"""Cells and duties: who answers for which units and points, and who may be rung, in which order and hours. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated

from msgspec import Meta, Struct

from cloud.store.labels import Label, Name
from cloud.web.sentence import N_, Sentence

Entrance = Annotated[
    str, Meta(pattern=r"^\w{1,10}(-\w{1,10})?\Z", description=N_("a building and unit, such as 3-1, or a building"))
]
STANDS_TWICE = N_("%(name)s stands twice; leave one out")
IN_TWO_CELLS = N_("%(name)s is in the cell %(cell)s too; one cell answers for it")
NOBODY = N_("name at least one operator who may be rung")
MAX_NAMED = 500
Listed = Meta(max_length=MAX_NAMED)


class Cell(Struct, frozen=True):
    """A part of the estate that somebody answers for: units of buildings, such as ``3-1``, and points. ``operators``
    are those who do, by the name that they log in with."""

    name: Name
    label: Label = Label()
    units: Annotated[tuple[Entrance, ...], Listed] = ()
    points: Annotated[tuple[Name, ...], Listed] = ()
    operators: Annotated[tuple[str, ...], Listed] = ()


class Duty(Struct, frozen=True):
    """Those who may be rung, in the order in which they are, and in which hours."""

    name: Name
    operators: Annotated[tuple[str, ...], Listed]
    hours: str = "always"
    label: Label = Label()


def repeated(names: Iterable[str]) -> str:
    """The first name that stands twice; empty if none does."""
    return next((name for name, count in Counter(names).items() if count > 1), "")


def cell_faults(cell: Cell, others: Iterable[Cell]) -> Iterator[tuple[str, Sentence]]:
    """What is wrong with a cell beside these others: the field at fault, and the cure."""
    for field, mine in (("units", cell.units), ("points", cell.points), ("operators", cell.operators)):
        if twice := repeated(mine):
            yield field, Sentence(STANDS_TWICE, name=twice)
    for other in others:
        for field, mine, theirs in (("units", cell.units, other.units), ("points", cell.points, other.points)):
            if both := sorted(set(mine) & set(theirs)):
                yield field, Sentence(IN_TWO_CELLS, name=both[0], cell=other.name)


def duty_faults(duty: Duty) -> Iterator[tuple[str, Sentence]]:
    if not duty.operators:
        yield "operators", Sentence(NOBODY)
    if twice := repeated(duty.operators):
        yield "operators", Sentence(STANDS_TWICE, name=twice)


def listed_names(text: str) -> tuple[str, ...]:
    """The names in a field of a form, between commas or spaces."""
    return tuple(part for part in re.split(r"[\s,，、;；]+", text) if part)
