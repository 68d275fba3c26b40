"""Whom a change concerns, and when it is grave."""

from collections import Counter
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as some

from cloud.setup.access import ALL_HOURS, Access, Opening
from cloud.setup.rule import ONE_IN, Difference, Impact, accept_code, grave_reasons, impact_of
from cloud.store.labels import Label

POINTS = ("gate", "gym", "hub")
openings = some.builds(
    Opening, some.sampled_from(["resident", "yearly"]), some.sampled_from([ALL_HOURS, "day", "night"]), some.booleans()
)
people = some.dictionaries(some.integers(1, 4), some.dictionaries(some.sampled_from(POINTS), openings, min_size=1))
NAMES = {number: Label(f"张{number}", f"Zhang {number}") for number in range(1, 5)}


def access(held: Mapping[int, Mapping[str, Opening]], meant: frozenset[str] = frozenset()) -> Access:
    rows = Counter[tuple[object, ...]](
        (person, point, one) for person, points in held.items() for point, one in points.items()
    )
    return Access(held, meant, rows)


@given(people, people)
def test_impact_is_the_difference_of_what_people_open(
    before: dict[int, dict[str, Opening]], after: dict[int, dict[str, Opening]]
) -> None:
    found = impact_of(access(before), access(after), NAMES, 9)

    def pairs(held: Mapping[int, Mapping[str, Opening]]) -> set[tuple[int, str]]:
        return {(person, point) for person, points in held.items() for point in points}

    was, now = pairs(before), pairs(after)
    assert sum(one.people for one in found.gains) == len(now - was)
    assert sum(one.people for one in found.loses) == len(was - now)
    lost = {person for person, point in was - now if before[person][point].is_home}
    later = {
        person
        for person, point in was & now
        if before[person][point].is_home and before[person][point].is_always and not after[person][point].is_always
    }
    assert set(found.homes) == lost | later
    assert set(found.locked) == {point for _, point in was} - {point for _, point in now}
    assert found.rows <= max(len(was), len(now))
    assert bool(found.homes) == any("home" in str(reason) for reason in grave_reasons(found))


@given(people)
def test_same_access_concerns_nobody(held: dict[int, dict[str, Opening]]) -> None:
    found = impact_of(access(held), access({person: dict(points) for person, points in held.items()}), NAMES, 9)
    assert not (found.gains or found.loses or found.other_hours or found.homes or found.locked or found.rows)
    assert grave_reasons(found) == []


def test_tenth_of_the_rows_is_the_bound() -> None:
    def reasons(rows: int, all_rows: int) -> list[str]:
        return [str(one) for one in grave_reasons(Impact([], [], [], [], [], rows, all_rows))]

    assert reasons(10, 10 * ONE_IN) == []
    assert reasons(11, 10 * ONE_IN) == ["It changes 11 of 100 rows of the roster, more than a tenth."]
    assert reasons(5, 0) == [], "where there is no row yet, nobody can lose one"


def test_code_is_of_one_change_at_one_revision() -> None:
    change = Difference("zone", "roof", "added", None, {"name": "roof"})
    code = accept_code([change], 7)
    assert (len(code), accept_code([change], 7)) == (8, code)
    assert code not in (accept_code([change], 8), accept_code([], 7), accept_code([change, change], 7))
