"""Who yields when there are too many."""

from hypothesis import given
from hypothesis import strategies as st

from service.crowding import first_of_largest


@given(st.lists(st.sampled_from("abcd"), max_size=20))
def test_the_largest_origin_yields_its_oldest(origins: list[str]) -> None:
    waiting = list(enumerate(origins))
    chosen = first_of_largest(waiting, lambda one: one[1])
    if not waiting:
        assert chosen is None
        return
    assert chosen is not None
    assert all(origins.count(chosen[1]) >= origins.count(other) for other in origins)
    assert origins.index(chosen[1]) == chosen[0] or origins.count(origins[0]) == origins.count(chosen[1])
