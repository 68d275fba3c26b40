"""How far a roster has got, told of points and of the devices that lack it."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cloud.devices.views import DeviceView, PointView
from cloud.people.rosters import reach
from cloud.store.labels import Label

NAME = Label("门", "Door")
ISSUED = {5: 1000, 6: 2000, 7: 5000}


def device(name: str, number: int, count: int = 1) -> DeviceView:
    points = tuple(PointView(f"{name}-{place}", NAME, NAME, {}) for place in range(count))
    return DeviceView(name, NAME, True, 0, number, 0, {}, {}, points)


def test_applied_on_eleven_of_twelve_points_and_since_when_the_twelfth_waits() -> None:
    found = reach(7, 300, ISSUED, [*(device(f"door-{number}", 7) for number in range(11)), device("gate", 5)])
    assert (found.applied, found.points, found.issued_ms, found.grants) == (11, 12, 5000, 300)
    (behind,) = found.behind
    assert (behind.name, behind.number, behind.since_ms) == ("gate", 5, 2000)
    assert found.oldest_ms(242_000) == 240_000


def test_who_waits_longest_comes_first() -> None:
    found = reach(7, 0, ISSUED, [device("a", 6), device("b", 0), device("c", 5)])
    assert [(one.name, one.since_ms) for one in found.behind] == [("b", 1000), ("c", 2000), ("a", 5000)]


def test_an_older_roster_is_applied_wherever_a_newer_one_is() -> None:
    assert reach(6, 0, ISSUED, [device("a", 7), device("b", 6), device("c", 5)]).applied == 2


def test_a_device_counts_with_each_of_its_points_and_without_any_not_at_all() -> None:
    found = reach(7, 0, ISSUED, [device("two", 6, count=2), device("none", 0, count=0), device("one", 7)])
    assert (found.applied, found.points, [one.name for one in found.behind]) == (1, 3, ["two"])


def test_where_all_have_it_nobody_waits() -> None:
    found = reach(7, 0, ISSUED, [device("a", 7), device("ahead", 9)])
    assert (found.applied, found.points, found.oldest_ms(10**9)) == (2, 2, 0)


@given(st.lists(st.integers(0, 9), max_size=8), st.sampled_from(sorted(ISSUED)))
def test_every_point_has_it_or_lacks_it(numbers: list[int], number: int) -> None:
    found = reach(number, 0, ISSUED, [device(str(place), used) for place, used in enumerate(numbers)])
    assert found.applied + sum(one.points for one in found.behind) == found.points == len(numbers)
    assert all(one.number < number for one in found.behind)
    assert msgspec.to_builtins(found)["number"] == number
