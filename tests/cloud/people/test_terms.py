"""Terms, places and grace of memberships, and what goes with the payer's."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.parties.party import MemberRole, PartyMember
from cloud.people.members import Membership
from cloud.people.terms import (
    LAST_MS,
    after_days,
    due_reminder,
    end_with_payer,
    payer_of,
    renewal,
    renewed_with_payer,
    rest_with_payer,
    start_of_day,
    surplus,
    too_many,
    without_place,
)
from contract.decide import DAY_MS, HOUR_MS, Standing

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
NOW_MS = 1_800_000_000_000
MIDNIGHT_MS = 1_799_942_400_000
"""Of the day that ``NOW_MS`` is in, in Shanghai."""


def held(number: int, person: int | None = None, **values: object) -> Membership:
    return Membership(number, number if person is None else person, "founder", party=7, **values)  # type: ignore[arg-type]


def test_day_begins_at_midnight_of_the_site() -> None:
    assert start_of_day(NOW_MS, SHANGHAI) == MIDNIGHT_MS
    assert after_days(MIDNIGHT_MS, 1, SHANGHAI) == MIDNIGHT_MS + DAY_MS


def test_term_over_summer_time_ends_at_midnight() -> None:
    march = start_of_day(1_806_000_000_000, BERLIN)
    assert after_days(march, 30, BERLIN) == march + 30 * DAY_MS - HOUR_MS
    assert start_of_day(after_days(march, 30, BERLIN), BERLIN) == after_days(march, 30, BERLIN)


def test_term_never_leaves_the_calendar() -> None:
    assert after_days(LAST_MS - DAY_MS, 365, SHANGHAI) == LAST_MS
    assert after_days(LAST_MS + 5, 1, SHANGHAI) == LAST_MS


@pytest.mark.parametrize(
    ("ended_ms", "start_ms"),
    [
        (NOW_MS + 9 * DAY_MS, NOW_MS + 9 * DAY_MS),
        (NOW_MS - 6 * DAY_MS, NOW_MS - 6 * DAY_MS),
        (NOW_MS - 7 * DAY_MS, MIDNIGHT_MS),
        (NOW_MS - 300 * DAY_MS, MIDNIGHT_MS),
    ],
)
def test_renewal_adjoins_the_old_end_within_grace(ended_ms: int, start_ms: int) -> None:
    assert renewal(ended_ms, 365, 7, NOW_MS, SHANGHAI) == (start_ms, start_ms + 365 * DAY_MS)


@pytest.mark.parametrize(("days", "reminder"), [(31, None), (30, 30), (8, 30), (7, 7), (2, 7), (1, 1), (0, 0), (-5, 0)])
def test_reminders_come_30_7_and_1_days_ahead(days: int, reminder: int | None) -> None:
    assert due_reminder(NOW_MS + days * DAY_MS, (30, 7, 1), NOW_MS, SHANGHAI) == reminder


def test_last_who_was_given_has_no_place() -> None:
    """The payer has one whenever they came; a renewal costs nobody the place they had; and who has ended leaves it."""
    end_ms = NOW_MS + DAY_MS
    family = [held(1, 1), held(2, 2, until_ms=end_ms), held(3, 3), held(4, 4, payer=True), held(5, 5)]
    renewed = [*family, held(6, 2, from_ms=end_ms)]
    assert surplus(family, 5) == {}
    assert surplus(family, 4) == {5: [(0, end_ms)]}
    assert surplus(renewed, 4) == {5: [(0, 0)]}
    assert surplus(family, 3) == {3: [(0, end_ms)], 5: [(0, 0)]}
    assert surplus([held(9, 9, standing=Standing.SUSPENDED), *family[:4]], 4) == {}
    assert without_place(family, 3, NOW_MS) == [3, 5]
    assert without_place(family, 3, end_ms) == [5]


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 6), st.integers(0, 6), st.booleans())), st.integers(1, 4))
def test_places_are_never_more_than_the_plan_has(given: list[tuple[int, int, int, bool]], places: int) -> None:
    """At no moment do more people count than there are places, and nobody is left out while one is free."""
    family = [
        held(number, person, from_ms=start, until_ms=end and start + end, payer=payer)
        for number, (person, start, end, payer) in enumerate(given, 1)
    ]
    for at_ms in range(14):
        holders = {one.person for one in family if one.from_ms <= at_ms and (not one.until_ms or at_ms < one.until_ms)}
        without = set(without_place(family, places, at_ms))
        assert without <= holders
        assert len(holders - without) == min(len(holders), places)


def test_one_too_many_is_counted_at_its_moment() -> None:
    family = [held(1, payer=True), held(2), held(3, until_ms=NOW_MS + DAY_MS), held(4)]
    assert too_many(family, [], 4, NOW_MS) == []
    assert too_many([*family, held(5)], [], 4, NOW_MS) == [1, 2, 3, 4, 5]
    assert too_many([*family, held(5, from_ms=NOW_MS + DAY_MS)], [], 4, NOW_MS) == [], "3 has left by then"
    assert too_many([*family, held(5, from_ms=NOW_MS + DAY_MS - 1)], [], 4, NOW_MS) != []


def test_suspended_and_ended_rows_take_no_place() -> None:
    rows = [held(1, payer=True), held(2, standing=Standing.SUSPENDED), held(3, until_ms=NOW_MS)]
    assert too_many([*rows, held(4)], [], 2, NOW_MS) == []


def test_party_row_is_held_by_members() -> None:
    everybody = Membership(1, None, "founder", party=7)
    spans = {8: (0, 0), 9: (0, NOW_MS), 10: (NOW_MS + 5, 0)}
    members = [PartyMember(0, 7, person, MemberRole.ADULT, *span) for person, span in spans.items()]
    assert too_many([everybody], members, 1, NOW_MS) == [8, 10]
    assert too_many([everybody], members[:2], 1, NOW_MS) == []


def test_family_ends_at_the_payers_moment() -> None:
    family = [held(2), held(3, until_ms=NOW_MS - 1), held(4, standing=Standing.SUSPENDED)]
    payer = held(1, payer=True, until_ms=NOW_MS)
    assert [one.id for one in end_with_payer([payer, *family], payer, for_life=False)] == [2, 4]
    assert end_with_payer([payer, *family], payer, for_life=True) == []
    assert end_with_payer([payer, *family, held(5, payer=True)], payer, for_life=False) == []
    assert end_with_payer([payer, *family], family[0], for_life=False) == []


def test_family_rests_with_the_payer() -> None:
    payer = held(1, payer=True)
    family = [held(2), held(3, standing=Standing.SUSPENDED), held(4, until_ms=NOW_MS)]
    assert [one.id for one in rest_with_payer([payer, *family], payer, NOW_MS)] == [2]
    assert rest_with_payer([payer, *family, held(5, payer=True)], payer, NOW_MS) == []


def test_family_is_renewed_with_the_payer() -> None:
    payer = held(1, payer=True, until_ms=NOW_MS)
    family = [held(2, until_ms=NOW_MS), held(3, until_ms=NOW_MS - 1), held(4)]
    assert [one.id for one in renewed_with_payer([payer, *family], payer)] == [2]


def test_payer_for_life_has_paid() -> None:
    gone = held(1, payer=True, until_ms=NOW_MS - 1)
    assert payer_of([gone], NOW_MS, for_life=True) == gone
    assert payer_of([gone], NOW_MS, for_life=False) is None


MOMENTS = st.integers(0, 30)


@st.composite
def rows(draw: st.DrawFn) -> list[Membership]:
    made = []
    for number in range(1, draw(st.integers(1, 8)) + 1):
        start = draw(MOMENTS)
        end = draw(st.one_of(st.just(0), st.integers(start + 1, 40)))
        standing = draw(st.sampled_from((Standing.ACTIVE, Standing.SUSPENDED)))
        made.append(held(number, draw(st.integers(1, 5)), from_ms=start, until_ms=end, standing=standing))
    return made


@given(rows(), st.integers(1, 4), MOMENTS)
def test_places_agree_with_a_count_at_every_moment(family: list[Membership], places: int, now_ms: int) -> None:
    def count(at_ms: int) -> int:
        active = [one for one in family if one.standing is Standing.ACTIVE]
        run = [one for one in active if one.from_ms <= at_ms and (not one.until_ms or at_ms < one.until_ms)]
        return len({one.person for one in run})

    over = any(count(at_ms) > places for at_ms in range(now_ms, 45))
    assert bool(too_many(family, [], places, now_ms)) == over
