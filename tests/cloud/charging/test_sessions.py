"""What devices tell of sessions becomes one record each, whatever is told twice, late or not at all."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.charging.sessions import LATE_END, Session, after, session_of
from contract.decide import Trust
from contract.events import Event

NAME = "00112233aabbccdd"
HOLDER = "0102030405060708"


CAME_MS = 1_790_000_000_000


def event(what: str, at_ms: int = 1_000, clock: Trust = Trust.SYNCED, **data: Any) -> Event:
    kind = LATE_END if what == "late_end" else f"session.{what}"
    return Event(1, at_ms, 0, "boot", clock, "phone-1", kind, {"session": NAME, **data})


def told(*events: Event) -> Session:
    known = None
    for one in events:
        known = after(known, NAME, one, CAME_MS)
    assert known is not None
    return known


STARTED = event("started", 1_000, Trust.SYNCED, holder=HOLDER, **{"class": "phone"}, by="card")
ENDED = event("ended", 61_000, holder=HOLDER, reason="full", energy_wh=12, ms=60_000, receipt={"fen": 30})


def test_a_session_is_followed_from_its_start_to_its_receipt() -> None:
    running = told(STARTED, event("progress", 31_000, energy_wh=5, power_w=11.6, ms=30_000))
    assert (running.began_ms, running.energy_wh, running.power_w, running.ended_ms) == (1_000, 5, 12, None)
    ended = after(running, NAME, ENDED, CAME_MS)
    assert (ended.kind, ended.began_by, ended.holder) == ("phone", "card", bytes.fromhex(HOLDER))
    assert (ended.ended_ms, ended.reason, ended.energy_wh, ended.receipt) == (61_000, "full", 12, {"fen": 30})


def test_the_first_end_counts() -> None:
    again = event("ended", 99_000, reason="power_loss", energy_wh=99, ms=98_000)
    assert told(STARTED, ENDED, again) == told(STARTED, ENDED)


def test_an_end_whose_beginning_is_lost_stands_alone() -> None:
    alone = told(ENDED)
    assert (alone.began_ms, alone.ended_ms, alone.reason) == (1_000, 61_000, "full")


def test_an_interruption_lasts_until_the_session_goes_on() -> None:
    broken = told(STARTED, event("interrupted", 2_000, energy_wh=3, ms=1_000))
    assert broken.interrupted and broken.power_w is None
    assert not after(broken, NAME, event("resumed", 3_000, energy_wh=3, ms=1_000), CAME_MS).interrupted


def test_what_a_post_told_late_is_added_to_the_session_that_had_ended() -> None:
    late = event("late_end", 99_000, energy_wh=1_400)
    ended = told(STARTED, ENDED, late, event("late_end", 99_500, energy_wh=900))
    assert (ended.energy_wh, ended.ended_ms, ended.reason, ended.receipt) == (1_400, 61_000, "full", {"fen": 30})


def test_a_session_whose_end_was_lost_is_over_once_its_post_tells_what_it_drew() -> None:
    over = told(STARTED, event("late_end", 99_000, energy_wh=1_400))
    assert (over.is_over, over.reason, over.ended_ms, over.energy_wh) == (True, "unknown", None, 1_400)


def test_a_clock_of_1970_gives_a_session_no_times() -> None:
    begun = told(event("started", 5_000, Trust.UNSET, holder=HOLDER))
    assert (begun.began_ms, begun.told_ms) == (None, CAME_MS)
    ended = after(begun, NAME, event("ended", 65_000, Trust.UNSET, reason="full", energy_wh=12, ms=60_000), CAME_MS)
    assert (ended.is_over, ended.began_ms, ended.ended_ms, ended.lasted_ms) == (True, None, None, 60_000)


def test_a_clock_that_is_set_while_it_charges_tells_the_beginning_by_the_end() -> None:
    known = told(event("started", 5_000, Trust.UNSET), event("ended", CAME_MS, reason="full", ms=60_000))
    assert (known.began_ms, known.ended_ms) == (CAME_MS - 60_000, CAME_MS)


@pytest.mark.parametrize("lie", [-1, 1e9, "5", None, True, float("nan"), float("inf")])
def test_what_cannot_be_true_is_left_out(lie: object) -> None:
    assert told(STARTED, event("progress", energy_wh=lie, power_w=lie, ms=lie)).energy_wh == 0


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("session.started", "0011"),
        ("session.started", "ZZ112233aabbccdd"),
        ("session.started", 5),
        ("session.danced", NAME),
        ("access.allowed", NAME),
    ],
)
def test_only_a_session_s_own_events_tell_of_it(kind: str, named: object) -> None:
    assert session_of(Event(1, 0, 0, "boot", Trust.SYNCED, "p", kind, {"session": named})) is None
    assert session_of(STARTED) == NAME


WHATEVER = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=60)
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
)


@given(
    st.lists(
        st.builds(
            lambda what, at_ms, clock, data: event(what, at_ms, clock, **data),
            st.sampled_from(["started", "progress", "resumed", "interrupted", "warned", "ended", "late_end"]),
            st.integers(0, 1 << 40),
            st.sampled_from(Trust),
            st.dictionaries(st.sampled_from(["energy_wh", "ms", "power_w", "holder", "reason", "receipt"]), WHATEVER),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_whatever_is_told_energy_never_runs_backwards_and_an_end_stands(events: list[Event]) -> None:
    known: Session | None = None
    for one in events:
        before, known = known, after(known, NAME, one, CAME_MS)
        if before is not None:
            assert known.energy_wh >= before.energy_wh or one.kind == "session.ended"
            assert not before.is_over or one.kind == LATE_END or known == before
            assert known.is_over or not before.is_over


def test_the_end_has_the_last_word_on_energy() -> None:
    known: Session | None = None
    for what, wh in (("progress", 170), ("ended", 30)):
        known = after(known, NAME, event(what, energy_wh=wh), CAME_MS)
        assert known.energy_wh == wh
