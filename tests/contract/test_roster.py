from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from contract.decide import Standing
from contract.roster import (
    MAX_PREFIX_BITS,
    MERGE_BELOW,
    MERGE_UP_TO,
    SPLIT_ABOVE,
    WHOLE,
    Page,
    Prefix,
    Row,
)
from tests.contract.crowds import UNKNOWN, assert_sound, crowd, crowd_within, digest, in_page, page_for, prefixes, row
from tests.contract.paging import paginate


@pytest.mark.parametrize("count", [0, 1, SPLIT_ABOVE, SPLIT_ABOVE + 1, 3000])
def test_every_row_of_a_roster_is_found_again(count: int) -> None:
    rows = crowd(count)
    blobs = paginate(rows)
    assert_sound(blobs, rows)
    for one in rows[:: max(1, count // 200)]:
        assert page_for(blobs, one.digest).find(one.digest) == [one]
    assert page_for(blobs, UNKNOWN).find(UNKNOWN) == []


def test_a_roster_of_nobody_is_one_empty_page() -> None:
    assert [(page.prefix, page.count) for page in map(Page, paginate([]))] == [(WHOLE, 0)]


def test_pages_of_a_large_roster_hold_about_a_hundred_rows() -> None:
    sizes = [Page(blob).count for blob in paginate(crowd(10_000))]
    assert 80 <= sum(sizes) / len(sizes) <= 192


def test_a_page_splits_above_192_rows() -> None:
    assert len(paginate(crowd(SPLIT_ABOVE))) == 1
    assert len(paginate(crowd(SPLIT_ABOVE + 1))) == 2


def test_two_pages_merge_when_one_falls_below_48_rows() -> None:
    left, right = WHOLE.halves()
    few, enough = crowd_within(left, MERGE_BELOW - 1), crowd_within(left, MERGE_BELOW)
    others = crowd_within(right, MERGE_UP_TO - MERGE_BELOW)
    assert prefixes(paginate(sorted(enough + others), [left, right])) == [left, right]
    assert prefixes(paginate(sorted(few + others), [left, right])) == [WHOLE]


def test_two_pages_do_not_merge_into_one_that_would_soon_split() -> None:
    left, right = WHOLE.halves()
    nobody_left = crowd_within(right, MERGE_UP_TO + 1)
    assert prefixes(paginate(sorted(nobody_left), [left, right])) == [left, right]


def test_neighbours_that_are_no_halves_of_one_page_stay_apart() -> None:
    quarters = [quarter for half in WHOLE.halves() for quarter in half.halves()]
    sizes = (MERGE_UP_TO, 1, 1, MERGE_UP_TO)
    rows = sorted(one for quarter, size in zip(quarters, sizes, strict=True) for one in crowd_within(quarter, size))
    assert prefixes(paginate(rows, quarters)) == quarters


def test_a_credential_may_hold_a_grant_of_each_profile() -> None:
    mine, next_to_me = digest(1), digest(1)[:15] + bytes([digest(1)[15] ^ 1])
    rows = sorted([row(mine, 3), row(mine, 0), row(mine, 1), row(next_to_me)])
    page = Page(paginate(rows)[0])
    page.check()
    assert [found.profile for found in page.find(mine)] == [0, 1, 3]
    assert len(page.find(next_to_me)) == 1


def test_digests_that_collide_in_32_bits_share_a_page_of_any_size() -> None:
    rows = sorted(row(bytes(4) + digest(number)[4:]) for number in range(300))
    blobs = paginate(rows)
    assert_sound(blobs, rows)
    assert Page(blobs[0]).prefix == Prefix(0, MAX_PREFIX_BITS)
    assert paginate(rows, prefixes(blobs)) == blobs


def test_a_single_change_in_a_large_roster_changes_one_page() -> None:
    rows = crowd(5000)
    before = paginate(rows)
    rows[1234] = replace(rows[1234], standing=Standing.LOST)
    after = paginate(rows, prefixes(before))
    assert len(set(after) - set(before)) == len(set(before) - set(after)) == 1


all_prefixes = st.builds(
    lambda bits, value: Prefix(value >> (32 - bits) << (32 - bits), bits),
    st.integers(0, MAX_PREFIX_BITS),
    st.integers(0, (1 << 32) - 1),
)


@given(all_prefixes.filter(lambda prefix: prefix.bits < MAX_PREFIX_BITS))
def test_a_prefix_is_the_parent_of_its_halves_and_they_share_it_out(prefix: Prefix) -> None:
    left, right = prefix.halves()
    assert left.parent() == right.parent() == prefix
    assert (left.value, left.end, right.end) == (prefix.value, right.value, prefix.end)


class Community(RuleBasedStateMachine):
    """People come and go, one or many at a time, some of them with digests crowded into one corner."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[tuple[bytes, int], Row] = {}
        self.blobs = paginate([])

    def publish(self) -> None:
        self.blobs = paginate(self.sorted_rows(), prefixes(self.blobs))

    def sorted_rows(self) -> list[Row]:
        return sorted(self.rows.values())

    def pick(self, choice: int) -> tuple[bytes, int]:
        return sorted(self.rows)[choice % len(self.rows)]

    @rule(count=st.integers(1, 400), start=st.integers(0, 2000), corner=st.none() | all_prefixes)
    def move_in_many(self, count: int, start: int, corner: Prefix | None) -> None:
        for number in range(start, start + count):
            one = row(in_page(corner or WHOLE, number))
            self.rows[one.digest, one.profile] = one
        self.publish()

    @precondition(lambda self: self.rows)
    @rule(kept=st.integers(1, 8), phase=st.integers(0, 7))
    def move_out_many(self, kept: int, phase: int) -> None:
        self.rows = {
            key: one for place, (key, one) in enumerate(sorted(self.rows.items())) if (place + phase) % 8 < kept
        }
        self.publish()

    @rule(number=st.integers(3000, 9999), profile=st.integers(0, 2), corner=st.none() | all_prefixes)
    def move_in_one(self, number: int, profile: int, corner: Prefix | None) -> None:
        one = row(in_page(corner or WHOLE, number), profile)
        self.change(lambda: self.rows.update({(one.digest, one.profile): one}))

    @precondition(lambda self: self.rows)
    @rule(choice=st.integers(0, 1 << 16))
    def move_out_one(self, choice: int) -> None:
        self.change(lambda: self.rows.pop(self.pick(choice)))

    @precondition(lambda self: self.rows)
    @rule(choice=st.integers(0, 1 << 16), until_s=st.integers(0, (1 << 32) - 1))
    def renew_one(self, choice: int, until_s: int) -> None:
        key = self.pick(choice)
        before = prefixes(self.blobs)
        self.change(lambda: self.rows.update({key: replace(self.rows[key], valid_until_s=until_s)}))
        assert prefixes(self.blobs) == before

    @precondition(lambda self: self.rows)
    @rule(choice=st.integers(0, 1 << 16))
    def one_comes_and_goes(self, choice: int) -> None:
        """After a split or a merge at most, the same row going back and forth moves no border."""
        key = self.pick(choice)
        one = self.rows.pop(key)
        self.publish()
        settled = prefixes(self.blobs)
        for _ in range(2):
            self.rows[key] = one
            self.publish()
            assert prefixes(self.blobs) == settled
            del self.rows[key]
            self.publish()
            assert prefixes(self.blobs) == settled

    def change(self, edit: Callable[[], object]) -> None:
        """A change of one row makes one new page, or the parts of the one page that it split."""
        before = self.blobs
        edit()
        self.publish()
        new = [Page(blob).prefix for blob in self.blobs if blob not in before]
        gone = [Page(blob).prefix for blob in before if blob not in self.blobs]
        split = len(gone) == 1 and all(gone[0].value <= part.value and part.end <= gone[0].end for part in new)
        assert len(new) <= 1 or split

    @invariant()
    def the_roster_is_sound(self) -> None:
        assert_sound(self.blobs, self.sorted_rows())

    @invariant()
    def publishing_again_changes_nothing(self) -> None:
        assert paginate(self.sorted_rows(), prefixes(self.blobs)) == self.blobs


TestCommunity = Community.TestCase
TestCommunity.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)


@pytest.mark.parametrize("corner_bits", [0, 1, 5, 30])
def test_one_row_at_the_limit_does_not_make_pages_flap(corner_bits: int) -> None:
    """193 rows split, and 192 do not merge again; 47 merge, and 48 do not split again."""
    left, right = WHOLE.halves()
    full = sorted(crowd_within(Prefix(0, corner_bits), SPLIT_ABOVE + 1))
    split = prefixes(paginate(full))
    assert len(split) > 1
    assert prefixes(paginate(full[:-1], split)) == split
    small = sorted(crowd_within(left, MERGE_BELOW - 1) + crowd_within(right, MERGE_UP_TO - MERGE_BELOW))
    merged = prefixes(paginate(small, [left, right]))
    assert merged == [WHOLE]
    assert prefixes(paginate(sorted([*small, row(in_page(left, 999))]), merged)) == merged
