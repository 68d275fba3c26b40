"""A pass counts once at a door: whoever shows a picture of it comes too late, also after a restart."""

from hypothesis import given
from hypothesis import strategies as st

from edge.passes.replays import KEPT_S, MAX_SHOWN, Replays, StoredShown

NOW_S = 1_800_000_000
PHONE, OTHER = b"p" * 8, b"q" * 8


def restarted(replays: Replays) -> Replays:
    return Replays(replays.stored())


def fresh() -> Replays:
    return Replays(StoredShown([]))


def test_pass_counts_once_at_each_door() -> None:
    replays = fresh()
    assert replays.is_first("gym", PHONE, NOW_S)
    assert not replays.is_first("gym", PHONE, NOW_S)
    assert not replays.is_first("gym", PHONE, NOW_S - 10)
    assert replays.is_first("gate", PHONE, NOW_S)
    assert replays.is_first("gym", OTHER, NOW_S)
    assert replays.is_first("gym", PHONE, NOW_S + 10)


def test_restart_keeps_what_was_shown() -> None:
    replays = fresh()
    assert replays.is_first("gym", PHONE, NOW_S)
    assert not restarted(replays).is_first("gym", PHONE, NOW_S)
    assert restarted(replays).is_first("gym", PHONE, NOW_S + 1)


def test_many_phones_are_bounded_and_none_counts_twice() -> None:
    """Where the memory is full the oldest go, and with them every pass as old as theirs."""
    replays = fresh()
    shown = [number.to_bytes(8, "big") for number in range(2 * MAX_SHOWN)]
    counted = [replays.is_first("gym", key_id, NOW_S + number // 100) for number, key_id in enumerate(shown)]
    assert sum(counted) > MAX_SHOWN
    assert len(replays.stored().shown) == MAX_SHOWN
    after = restarted(replays)
    assert not any(after.is_first("gym", key_id, NOW_S + number // 100) for number, key_id in enumerate(shown))


SHOWN = st.tuples(st.sampled_from(["gym", "gate"]), st.sampled_from([PHONE, OTHER]), st.integers(0, 2 * KEPT_S))


@given(st.lists(SHOWN, max_size=60), st.sets(st.integers(0, 60)))
def test_no_pass_counts_twice(shown: list[tuple[str, bytes, int]], restarts: set[int]) -> None:
    """Among passes that a door would take by their age, whatever the order in which they come."""
    replays, counted, newest_s = fresh(), set[tuple[str, bytes, int]](), 0
    for number, (door, key_id, at_s) in enumerate(shown):
        if number in restarts:
            replays = restarted(replays)
        newest_s = max(newest_s, at_s)
        if at_s >= newest_s - KEPT_S and replays.is_first(door, key_id, NOW_S + at_s):
            assert (door, key_id, at_s) not in counted
            counted.add((door, key_id, at_s))
