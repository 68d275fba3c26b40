"""The causes of an emergency, and which of them is the worse."""

from itertools import pairwise

from contract.emergencies import WORST_FIRST, cause_of, worse


def test_a_fire_is_the_worst_and_a_drill_gives_way_to_all() -> None:
    assert (WORST_FIRST[0], WORST_FIRST[-1]) == ("fire", "drill")
    for bad, less in pairwise(WORST_FIRST):
        assert worse(bad, less)
        assert not worse(less, bad)
    assert not worse("fire", "fire")
    assert worse("drill", None)


def test_a_cause_that_nobody_knows_is_taken_for_a_fire() -> None:
    assert [cause_of(word) for word in ("smoke", "flood", 7, None)] == ["smoke", "fire", "fire", "fire"]
