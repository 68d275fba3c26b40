"""What devices tell of emergencies, folded: one record each, whatever restarts come between."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.emergencies.rule import UNSEEN, Emergency, after, after_restart, zone_of
from contract.decide import Trust
from contract.emergencies import WORST_FIRST
from contract.events import Event

NOTED_MS = 1_000


def event(what: str, at_ms: int = 5, **data: object) -> Event:
    return Event(1, at_ms, at_ms, "b7", Trust.SYNCED, "", f"emergency.{what}", {"zone": "hub", **data})


def told(*events: Event) -> Emergency | None:
    known = None
    for one in events:
        known = after(known, "hub", one, NOTED_MS)
    return known


def test_a_fire_from_its_beginning_to_its_reset_by_a_card() -> None:
    began = event("began", 5, cause="loop_broken")
    holder = "00112233aabbccdd"
    found = told(began, event("worsened", 6, cause="fire"), event("reset", 9, how="card", by=holder, holder=holder))
    assert found == Emergency(
        "hub", "fire", 5, NOTED_MS, how="card", ended_ms=9, ended_by="", holder=bytes.fromhex(holder)
    )


def test_a_drill_names_who_ordered_it_and_who_ended_it() -> None:
    found = told(event("began", cause="drill", by="lin"), event("reset", 9, how="order", by="wu"))
    assert found
    assert (found.cause, found.began_by, found.ended_by, found.stands) == ("drill", "lin", "wu", False)


def test_a_device_that_starts_anew_says_again_that_it_stands_and_it_is_the_same_one() -> None:
    known = told(event("began", cause="smoke"))
    assert known
    unsure = after_restart(known, 20)
    assert (unsure.how, unsure.stands) == (UNSEEN, False)
    again = after(unsure, "hub", event("standing", 21, cause="fire"), 2_000)
    assert again == Emergency("hub", "fire", 5, NOTED_MS)
    assert after_restart(told(event("began"), event("reset", 9, how="key")) or known, 30).how == "key"


def test_one_that_stands_at_the_first_word_of_a_device_is_a_new_one() -> None:
    over = told(event("began", cause="fire"), event("reset", 9, how="key"))
    found = after(over, "hub", event("standing", 50, cause="estop"), 2_000)
    assert found == Emergency("hub", "estop", 50, 2_000)


def test_a_reset_of_nothing_changes_nothing() -> None:
    assert told(event("reset", how="key")) is None
    over = told(event("began"), event("reset", 9, how="key"), event("reset", 12, how="card"))
    assert over is not None
    assert (over.how, over.ended_ms) == ("key", 9)


def test_an_older_device_says_no_cause_and_not_how() -> None:
    found = told(event("began"), event("reset", 9))
    assert found is not None
    assert (found.cause, found.how) == ("fire", "key")


@pytest.mark.parametrize("zone", [None, 7, "", ["hub"]])
def test_what_names_no_zone_tells_of_none(zone: object) -> None:
    assert zone_of(event("began", zone=zone)) is None
    assert zone_of(event("not_reset")) is None


@settings(max_examples=100)
@given(
    st.lists(
        st.builds(
            event,
            st.sampled_from(["began", "standing", "worsened", "reset"]),
            st.integers(0, 1 << 60),
            cause=st.sampled_from([*WORST_FIRST, None, 7, "flood"]),
            how=st.sampled_from(["key", "card", "order", "time", "", None, 7]),
            by=st.sampled_from(["lin", None, 7, "x" * 200]),
            holder=st.sampled_from(["00" * 8, "", None, 7]),
        )
    )
)
def test_whatever_is_told_ends_only_by_a_reset_and_has_a_cause(events: list[Event]) -> None:
    known = None
    for one in events:
        known = after(known, "hub", one, NOTED_MS)
        if known is not None:
            assert known.cause in WORST_FIRST
            assert known.stands == (known.ended_ms is None)
            assert known.stands == (one.kind != "emergency.reset")
