"""Counts of a zone: what each event changes, and that no order of events makes them absurd."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.decide import Mode
from contract.kinds import counted_at, counting_events, moved_by
from contract.kinds.door import DOOR
from contract.kinds.turnstile import TURNSTILE
from contract.occupancy import CAME_IN, MAX_INSIDE, UNSEEN, WENT_OUT, Count, Moved

ANNA = "72696465726e6f31"
moves = st.builds(Moved, st.integers(-1, 1), st.integers(0, MAX_INSIDE), st.integers(0, MAX_INSIDE))


@pytest.mark.parametrize(
    ("kind", "record", "moved"),
    [
        ("turnstile", TURNSTILE.passed(holder=ANNA, direction="in"), CAME_IN),
        ("turnstile", TURNSTILE.passed(holder=ANNA, direction="out"), WENT_OUT),
        ("turnstile", TURNSTILE.passed(holder="", direction="in"), Moved(1, names_doubt=1)),
        ("turnstile", TURNSTILE.exited(), Moved(-1, names_doubt=1)),
        ("turnstile", TURNSTILE.tailgated(), Moved(1, names_doubt=1)),
        ("turnstile", TURNSTILE.jammed(), Moved(0, 1, 1)),
        ("turnstile", TURNSTILE.not_entered(holder=ANNA, direction="in"), None),
        ("turnstile", TURNSTILE.mode_set(mode=Mode.HOLD_OPEN.value, number=3), UNSEEN),
        ("turnstile", TURNSTILE.mode_set(mode=Mode.LOCKDOWN.value, number=4), None),
        ("door", DOOR.exited(), Moved(-1, 1, 1)),
        ("socket", TURNSTILE.passed(holder=ANNA, direction="in"), None),
        ("", TURNSTILE.exited(), None),
    ],
)
def test_event_says_who_moved(kind: str, record: object, moved: Moved | None) -> None:
    assert isinstance(record, type(TURNSTILE.exited()))
    assert moved_by(kind, record.kind, record.data) == moved


def test_only_portals_count() -> None:
    assert [counted_at(kind) for kind in ("door", "turnstile", "socket", "bank", "of_tomorrow")] == [
        *("people", "people"),
        *(None, None, None),
    ]


def test_events_that_count_are_declared() -> None:
    assert {"access.passed", "turnstile.exited", "door.mode"} <= counting_events()
    assert not {"access.allowed", "access.not_entered", "socket.mode"} & counting_events()


@given(st.lists(moves, max_size=30))
def test_count_stays_within_its_bounds(several: list[Moved]) -> None:
    count = Count()
    for moved in several:
        before, count = count, count.after(moved)
        assert 0 <= count.inside <= MAX_INSIDE
        assert before.count_doubt <= count.count_doubt <= MAX_INSIDE
        assert before.names_doubt <= count.names_doubt <= MAX_INSIDE


def test_nobody_leaves_an_empty_zone() -> None:
    assert Count().after(WENT_OUT).after(CAME_IN).inside == 1


def test_unseen_passages_leave_nothing_known() -> None:
    assert Count(30).is_known
    assert not Count(30).after(UNSEEN).is_known
