"""A chain is followed from where its beginning was deleted, over gaps and refused rows."""

from hypothesis import given
from hypothesis import strategies as st

from cloud.retention.rule import CATCH_UP, DEFAULT_DAYS, FIRST_STEP_MS, Anchor, believed_ms, followed, over_refused
from contract.decide import DAY_MS, Trust
from contract.events import CHAIN_START, Event, chain, encode_event, gap_event

LINK = bytes(range(32))


def bare(seq: int) -> Event:
    return Event(seq, 0, 0, "boot", Trust.SYNCED, "gate", "door.opened", {})


def event(seq: int) -> bytes:
    return encode_event(bare(seq))


def gap(first: int, last: int) -> bytes:
    return encode_event(gap_event(bare(last), first, LINK, "full"))


def test_chain_is_followed_from_its_anchor() -> None:
    rows = [(seq, event(seq)) for seq in range(1, 6)]
    whole = followed(Anchor(), rows, {})
    assert followed(followed(Anchor(), rows[:2], {}), rows[2:], {}) == whole
    assert whole == Anchor(5, chain(followed(Anchor(), rows[:4], {}).link or b"", rows[4][1]))
    assert followed(Anchor(), [(1, event(1)), (2, b"changed")], {}).link != followed(Anchor(), rows[:2], {}).link


def test_gap_states_the_link_behind_it() -> None:
    found = followed(Anchor(), [(1, event(1)), (4, gap(2, 4)), (5, event(5))], {})
    assert found == Anchor(5, chain(LINK, event(5)))


def test_refused_row_is_followed_by_its_bytes() -> None:
    """Without them the link is not known, until a gap states one."""
    rows, link = [(1, event(1)), (3, event(3))], chain(chain(chain(CHAIN_START, event(1)), b"poison"), event(3))
    assert followed(Anchor(), rows, {2: b"poison"}) == Anchor(3, link)
    assert followed(Anchor(), rows, {}) == Anchor(3, None)
    assert over_refused(Anchor(1, LINK), 2, {2: b"poison"}) == Anchor(2, chain(LINK, b"poison"))
    assert followed(Anchor(), [*rows, (5, gap(4, 5))], {}) == Anchor(5, LINK)


def test_quarantine_is_held_as_long_as_events() -> None:
    assert DEFAULT_DAYS["quarantine"] >= DEFAULT_DAYS["events"]


def test_visits_are_held_no_longer_than_events() -> None:
    assert DEFAULT_DAYS["visits"] <= DEFAULT_DAYS["events"]


LOOKS = st.lists(st.tuples(st.integers(0, 3 * DAY_MS), st.integers(-400 * DAY_MS, 400 * DAY_MS), st.booleans()))


@given(LOOKS)
def test_clock_that_jumps_is_not_followed(looks: list[tuple[int, int, bool]]) -> None:
    """However the wall clock stands at each look: the time that is believed never passes it, and beyond true time it
    gains at most as much again as has passed, and an hour for each start of the process."""
    true_ms = started_ms = believed = 1_800_000_000_000
    starts = 0
    for passed_ms, off_ms, restarted in looks:
        true_ms += passed_ms
        starts += restarted
        wall_ms = true_ms + off_ms
        believed = believed_ms(believed, wall_ms, None if restarted else passed_ms)
        assert believed <= wall_ms
        assert believed - started_ms <= CATCH_UP * (true_ms - started_ms) + starts * FIRST_STEP_MS


def test_clock_that_is_right_is_followed_at_once() -> None:
    assert believed_ms(5_000, 6_000, 1_000) == 6_000
    assert believed_ms(9_000, 6_000, 1_000) == 6_000
