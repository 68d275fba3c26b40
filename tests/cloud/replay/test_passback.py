"""Anti-passback over logs whose faults are known, because the log was made with them."""

from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.replay.log import LogRow
from cloud.replay.passback import Passback
from contract.decide import Direction
from contract.reasons import Reason

WAYS: tuple[Direction, Direction] = ("in", "out")


def log(*rows: str) -> list[LogRow]:
    """Rows written as ``holder in gate``, with a time in front of them where they have one."""
    told: list[LogRow] = []
    for line, row in enumerate(rows, 2):
        *time, holder, way, point = row.split()
        told.append(LogRow(line, int(time[0]) if time else None, holder, point, "in" if way == "in" else "out"))
    return told


def faults(rows: Iterable[LogRow], zone: str = "") -> dict[int, Reason]:
    noted = list(rows)
    check = Passback(lambda point: zone or point, lambda holder: None if holder == "family" else holder)
    for row in noted:
        check.note(row)
    found = {row.line: check(row) for row in noted}
    return {line: reason for line, reason in found.items() if reason is not None}


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        (["a in gym", "a out gym", "a in gym"], {}),
        (["a out gym", "a in gym"], {}),
        (["a in gym", "a in gym", "a out gym"], {3: "already_inside"}),
        (["a out gym", "a out gym", "a in gym"], {3: "not_inside"}),
        (["a in gym", "a in gym", "a in gym", "a out gym"], {3: "already_inside", 4: "already_inside"}),
        (["a in gym", "b in gym", "a out gym", "b out gym"], {}),
        (["a in gym", "a in hall", "a out hall", "a out gym"], {}),
        (["a in hall", "a in hall", "a in gym", "a out gym"], {}),
        (["a out hall", "a out hall"], {}),
        (["a in gym", "a in gym", "b out gym"], {3: "already_inside"}),
        (["family in gym", "family in gym", "a out gym"], {}),
        (["3 a in gym", "1 a in gym", "2 a out gym"], {}),
        (["3 a in gym", "1 a in gym", "2 b out gym"], {2: "already_inside"}),
        (["a in gym", "2 a out gym", "1 a out gym"], {3: "not_inside"}),
        (["1 a in gym", "1 a out gym", "1 a in gym"], {}),
        (["3 a out gym", "2 a in gym", "2 a out gym", "1 a in gym"], {}),
        (["2 a out gym", "1 a in gym", "1 a out gym"], {}),
        (["3 a out gym", "2 a in gym", "2 a out gym", "1 a in gym", "9 a out gym", "5 a in gym"], {}),
    ],
)
def test_passback_finds_the_fault(rows: list[str], found: dict[int, str]) -> None:
    assert faults(log(*rows)) == found


def test_points_of_one_zone_are_one_place() -> None:
    """In by one gate and out by the other, each of which knows one direction only."""
    rows = log("a in west", "a out east", "a in west", "a in west")
    assert faults(rows) == {}
    assert faults(rows, "estate") == {5: "already_inside"}


walks = st.dictionaries(
    st.tuples(st.sampled_from("abcde"), st.sampled_from(["gym", "hall", "yard"])),
    st.tuples(st.sampled_from(WAYS), st.lists(st.booleans(), max_size=12)),
    max_size=8,
)


@given(walks, st.randoms(use_true_random=False), st.booleans())
def test_passback_finds_exactly_the_faults_made(
    made: dict[tuple[str, str], tuple[Direction, list[bool]]], dice: Random, timed: bool
) -> None:
    """Everybody walks in turns, and repeats the way before wherever a fault is made. With times the rows may stand in
    any order in the file."""
    walks: list[list[tuple[str, str, Direction, bool]]] = []
    for (holder, zone), (way, repeats) in made.items():
        walk = [(holder, zone, way, False)]
        for is_fault in repeats:
            way = way if is_fault else WAYS[1 - WAYS.index(way)]
            walk.append((holder, zone, way, is_fault))
        walks.append(walk)
    steps = []
    while walks:
        walk = dice.choice(walks)
        steps.append(walk.pop(0))
        walks = [one for one in walks if one]
    ways = {(zone, way) for _, zone, way, _ in steps}
    one_way = {zone for _, zone, _, _ in steps if not {(zone, "in"), (zone, "out")} <= ways}
    numbered = list(enumerate(steps))
    if timed:
        dice.shuffle(numbered)
    rows, wanted = [], set[int]()
    for line, (at, (holder, zone, way, is_fault)) in enumerate(numbered, 2):
        rows.append(LogRow(line, at if timed else None, holder, zone, way))
        if is_fault and zone not in one_way:
            wanted.add(line)
    assert faults(rows).keys() == wanted
