"""Who is lent what of a quantity, case by case."""

from cloud.quantities.rule import Overrun, Share, Shares, free_for, is_closed, overrun, settle, stated, to_tell, without
from contract.messages import Usage

NOW_MS = 1_800_000_000_000


def shares(*all_of_them: Share) -> Shares:
    return {one.device: one for one in all_of_them}


def usage(number: int, allowance: int, used: int = 0, *, returned: int = 0, wants: bool = False) -> Usage:
    return Usage(
        holder="72696465726e6f31",
        allotment="rider-phone",
        unit="items",
        period=740_009,
        number=number,
        allowance=allowance,
        used=used,
        returned=returned,
        wants=wants,
    )


def test_last_one_is_given_back() -> None:
    """Of one meal no half can be kept."""
    after = settle(1, shares(Share("a", 1, 1), Share("b", asked_ms=NOW_MS)), NOW_MS)
    assert (after["a"].keep, after["a"].is_owing) == (0, True)


def test_newest_wish_is_served_first() -> None:
    after = settle(9, shares(Share("a", asked_ms=NOW_MS - 10), Share("b", asked_ms=NOW_MS)), NOW_MS)
    assert (after["a"].allowance, after["b"].allowance) == (0, 9)
    assert after["b"].keep == 4, "the older wish asks for a part of it"


def test_wish_that_was_not_repeated_counts_no_more() -> None:
    old = Share("b", asked_ms=NOW_MS - 120_000)
    before = shares(Share("a", 1, 9, keep=4), old)
    assert settle(9, before, NOW_MS) == shares(Share("a", 1, 9), old)


def test_what_is_kept_is_no_longer_owed() -> None:
    before = shares(Share("a", 1, 5, used=1, keep=5), Share("b", asked_ms=NOW_MS))
    after = settle(9, before, NOW_MS)
    assert (after["b"].allowance, after["b"].asked_ms, after["a"].keep) == (4, 0, None)


def test_use_beyond_allowance_reduces_the_rest() -> None:
    assert free_for(9, shares(Share("a", 1, 3, used=5), Share("b")), "b") == 4


def test_nothing_is_lent_after_an_overrun() -> None:
    after = settle(9, shares(Share("a", 1, 9, used=11), Share("b", used=2, asked_ms=NOW_MS)), NOW_MS)
    assert (after["b"].number, after["b"].allowance, after["b"].asked_ms) == (0, 0, 0)
    assert is_closed(9, after, "b")
    assert overrun(9, after) == Overrun(13, 4)


def test_floor_that_was_given_is_asked_back() -> None:
    """One device has all of it; another was cut off and has given two of its floor."""
    after = settle(9, shares(Share("a", 1, 9, used=4), Share("b", used=2)), NOW_MS)
    assert (after["a"].keep, after["a"].is_owing) == (7, True)
    assert settle(9, {**after, "a": Share("a", 1, 7, used=4, keep=7)}, NOW_MS)["a"].keep is None


def test_smaller_plan_is_asked_back() -> None:
    after = settle(5, shares(Share("a", 1, 9, used=4)), NOW_MS)
    assert (after["a"].keep, after["a"].is_owing) == (5, True)


def test_silent_device_keeps_the_wish_standing() -> None:
    before = shares(Share("a", 1, 9), Share("b", asked_ms=NOW_MS))
    after = settle(9, before, NOW_MS)
    assert after["b"].asked_ms == NOW_MS
    assert not is_closed(9, after, "b")
    assert to_tell(before, after, "b") == ["a", "b"]


def test_who_has_all_is_told_so() -> None:
    assert is_closed(9, shares(Share("a", 1, 9, used=2), Share("b", 3, 0)), "a")
    assert not is_closed(9, shares(Share("a", 1, 8), Share("b")), "a"), "one is free"


def test_newer_number_of_a_device_is_believed() -> None:
    """The database was restored, and the device was lent more since."""
    after = stated(Share("a", 2, 3, used=1), usage(5, 8, 4), NOW_MS)
    assert (after.number, after.allowance, after.used) == (5, 8, 4)


def test_lost_device_keeps_what_it_used() -> None:
    assert without(Share("a", 1, 9, used=4)) == Share("a", 2, 4, used=4)
    assert without(Share("a", 1, 4, used=4)) == Share("a", 1, 4, used=4)


def test_what_is_returned_elsewhere_is_free_again() -> None:
    """One car in at the first barrier, out at the second: then another may come in at either."""
    inside = shares(Share("first", 1, 1, used=1), Share("second"))
    left = {**inside, "second": stated(inside["second"], usage(0, -1, returned=1), NOW_MS)}
    assert overrun(1, left) == Overrun(0, 0)
    assert free_for(1, left, "first") == 2, "as much as went out there, and one"
    after = settle(1, {**left, "first": stated(left["first"], usage(1, 1, 1, wants=True), NOW_MS)}, NOW_MS)
    assert after["first"].allowance - after["first"].net == 1
