from bisect import bisect_left
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from contract.codec import Malformed
from contract.decide import Allotment, Grant, Standing, Tier
from contract.messages import MAX_PAYLOAD_BYTES, Manifest
from contract.roster import (
    FIRST_ROSTER_AGE_MS,
    MAX_PAGE_ROWS,
    MAX_PREFIX_BITS,
    MAX_PROFILES,
    MERGE_BELOW,
    MERGE_UP_TO,
    SPLIT_ABOVE,
    WHOLE,
    Page,
    Prefix,
    Row,
    Site,
    SitePage,
    Undeliverable,
    check_whole,
    pack_page,
    pack_site,
    paginate,
    prefix_of,
    refusal,
)
from contract.schedules import ALWAYS
from tests.contract.golden import MESSAGES, PAGE, SITE_PAGE, payload

HEAD_BYTES, ROW_BYTES = 8, 36
UNKNOWN = b"\x55" * 16


def digest(number: int) -> bytes:
    """Spread evenly, as real digests are."""
    return sha256(number.to_bytes(8, "big")).digest()[:16]


def row(of: bytes, profile: int = 0) -> Row:
    return Row(of, profile, b"resident", Tier.RESIDENT)


def in_page(prefix: Prefix, number: int) -> bytes:
    """A digest that begins with the prefix."""
    rest = int.from_bytes(digest(number)[:4], "big") % (prefix.end - prefix.value)
    return (prefix.value + rest).to_bytes(4, "big") + digest(number)[4:]


def crowd(count: int, start: int = 0) -> list[Row]:
    return sorted(row(digest(number)) for number in range(start, start + count))


def crowd_within(prefix: Prefix, count: int) -> list[Row]:
    return [row(in_page(prefix, number)) for number in range(count)]


def prefixes(blobs: list[bytes]) -> list[Prefix]:
    return [Page(blob).prefix for blob in blobs]


def page_for(blobs: list[bytes], wanted: bytes) -> Page:
    """As a device looks it up: the last page whose prefix is not behind the digest."""
    pages = [Page(blob) for blob in blobs]
    starts = [page.prefix.value for page in pages]
    return pages[bisect_left(starts, prefix_of(wanted) + 1) - 1]


def assert_sound(blobs: list[bytes], rows: list[Row]) -> None:
    pages = [Page(blob) for blob in blobs]
    check_whole(page.prefix for page in pages)
    for page in pages:
        page.check()
        assert len(page) <= SPLIT_ABOVE or page.prefix.bits == MAX_PREFIX_BITS
    assert [stored for page in pages for stored in page.rows()] == rows


@pytest.mark.parametrize("count", [0, 1, SPLIT_ABOVE, SPLIT_ABOVE + 1, 3000])
def test_every_row_of_a_roster_is_found_again(count: int) -> None:
    rows = crowd(count)
    blobs = paginate(rows)
    assert_sound(blobs, rows)
    for one in rows[:: max(1, count // 200)]:
        assert page_for(blobs, one.digest).find(one.digest) == [one]
    assert page_for(blobs, UNKNOWN).find(UNKNOWN) == []


def test_a_roster_of_nobody_is_one_empty_page() -> None:
    assert [(page.prefix, len(page)) for page in map(Page, paginate([]))] == [(WHOLE, 0)]


def test_pages_of_a_large_roster_hold_about_a_hundred_rows() -> None:
    sizes = [len(Page(blob)) for blob in paginate(crowd(10_000))]
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


def test_the_bytes_of_a_page_never_change() -> None:
    assert payload("page-1.hex") == PAGE
    page = Page(PAGE)
    page.check()
    assert (page.prefix, len(page)) == (Prefix(0x80000000, 1), 3)
    assert pack_page(page.prefix, list(page.rows())) == PAGE
    assert len(PAGE) == HEAD_BYTES + 3 * ROW_BYTES


def test_tiers_and_standings_are_numbered_for_ever() -> None:
    """Their places are the numbers in every stored page: add at the end only."""
    assert list(Tier) == ["founder", "staff", "resident", "member", "rider", "guest"]
    assert list(Standing) == ["active", "suspended", "lost"]


rows_of_any_kind = st.builds(
    Row,
    digest=st.binary(min_size=16, max_size=16),
    profile=st.integers(0, (1 << 16) - 1),
    holder=st.binary(min_size=8, max_size=8),
    tier=st.sampled_from(Tier),
    standing=st.sampled_from(Standing),
    valid_from_s=st.integers(0, (1 << 32) - 1),
    valid_until_s=st.integers(0, (1 << 32) - 1),
)


@given(st.lists(rows_of_any_kind, unique_by=lambda one: (one.digest, one.profile), max_size=8))
def test_any_row_is_stored_and_found_as_it_was(rows: list[Row]) -> None:
    page = Page(pack_page(WHOLE, sorted(rows)))
    page.check()
    assert list(page.rows()) == sorted(rows)
    assert all(one in page.find(one.digest) for one in rows)


def test_a_digest_is_not_found_in_bytes_that_lie_across_two_fields() -> None:
    first, second = row(bytes(range(16))), row(bytes(range(16, 32)))
    blob = pack_page(WHOLE, [first, second])
    for at in range(HEAD_BYTES + 1, HEAD_BYTES + ROW_BYTES):
        across = blob[at : at + 16]
        assert Page(blob).find(across) == []
        hidden = sorted([first, second, row(across)])
        assert Page(pack_page(WHOLE, hidden)).find(across) == [row(across)]


@pytest.mark.parametrize(("digest_size", "holder_size"), [(15, 8), (17, 8), (16, 7), (16, 9), (0, 0)])
def test_a_row_that_would_be_cut_or_padded_is_not_packed(digest_size: int, holder_size: int) -> None:
    with pytest.raises(ValueError, match=f"digest of {digest_size} and a holder of {holder_size} bytes"):
        Row(bytes(digest_size), 0, bytes(holder_size), Tier.GUEST).pack()


def reads_or_is_malformed(blob: bytes) -> None:
    """Whatever a page says, it is Malformed, or every question to it has an answer."""
    try:
        page = Page(blob)
        page.check()
    except Malformed:
        return
    assert pack_page(page.prefix, list(page.rows())) == blob
    assert all(page.find(stored.digest) for stored in page.rows())


@given(st.binary(max_size=HEAD_BYTES + 3 * ROW_BYTES))
def test_random_bytes_are_no_page(blob: bytes) -> None:
    reads_or_is_malformed(blob)


@given(st.data())
def test_a_damaged_page_is_malformed_or_another_page(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(PAGE)))
    end = data.draw(st.integers(start, min(len(PAGE), start + 4)))
    reads_or_is_malformed(PAGE[:start] + data.draw(st.binary(max_size=4)) + PAGE[end:])


@given(st.data(), st.binary(min_size=16, max_size=16))
def test_a_damaged_page_that_was_not_checked_still_raises_nothing_else(data: st.DataObject, wanted: bytes) -> None:
    """A blob in the device's own store was checked when it came; a bad card may damage it since."""
    place = data.draw(st.integers(HEAD_BYTES, len(PAGE) - 1))
    page = Page(PAGE[:place] + data.draw(st.binary(min_size=1, max_size=1)) + PAGE[place + 1 :])
    for asked in (wanted, page[0], page[2]):
        try:
            page.find(asked)
        except Malformed:
            continue


def with_byte(place: int, value: int) -> bytes:
    return PAGE[:place] + bytes([value]) + PAGE[place + 1 :]


def with_rows(*places: int) -> bytes:
    rows = list(Page(PAGE).rows())
    return pack_page(Prefix(0x80000000, 1), [rows[place] for place in places])


@pytest.mark.parametrize(
    ("blob", "complaint"),
    [
        (b"", "page of 0 bytes"),
        (PAGE[: HEAD_BYTES - 1], "page of 7 bytes"),
        (PAGE[:-1], "page of 115 bytes for 3 rows"),
        (PAGE + b"\0", "page of 117 bytes for 3 rows"),
        (with_byte(0, 2), "page version 2"),
        (with_byte(1, 33), "prefix of 33 bits"),
        (with_byte(1, 0), "prefix 80000000 is longer than its 0 bits"),
        (with_byte(5, 1), "prefix 80000001 is longer than its 1 bits"),
        (with_byte(6, 0xFF), "65283 rows"),
        (with_byte(6, 0x10), "4099 rows"),
        (with_byte(HEAD_BYTES + 26, 6), "row of tier 6"),
        (with_byte(HEAD_BYTES + 27, 3), "standing 3"),
        (with_byte(HEAD_BYTES, 0x7F), "rows outside its prefix"),
        (pack_page(Prefix(0, 1), [row(bytes([0x80]) + bytes(15))]), "rows outside its prefix"),
        (with_rows(0, 2, 1), "not in order"),
        (with_rows(1, 0), "not in order"),
        (with_rows(0, 0), "not in order"),
    ],
)
def test_what_is_wrong_with_a_page_is_said(blob: bytes, complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        Page(blob).check()


def test_a_roster_beyond_any_device_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many rows of one digest, too many pages, too many profiles, a site page that no message carries."""
    rows = [Row(bytes(16), profile, b"resident", Tier.RESIDENT) for profile in range(MAX_PAGE_ROWS + 1)]
    assert len(paginate(rows[1:])) > 1
    with pytest.raises(Undeliverable, match="4097 rows on one page"):
        paginate(rows)
    with pytest.raises(Undeliverable, match="65537 profiles"):
        pack_site(SitePage("Asia/Shanghai", {}, [{}] * (MAX_PROFILES + 1)))
    with pytest.raises(Undeliverable, match="a site page of"):
        pack_site(SitePage("Asia/Shanghai", {}, [{"east-gate": "always"}] * 60_000))
    monkeypatch.setattr("contract.roster.MAX_ROSTER_PAGES", 1)
    with pytest.raises(Undeliverable, match="pages, and a manifest names 1"):
        paginate(rows[1:])


def test_a_page_accepts_as_many_rows_as_it_says() -> None:
    rows = crowd(MAX_PAGE_ROWS + 1)
    Page(pack_page(WHOLE, rows[:-1])).check()
    with pytest.raises(Malformed, match="4097 rows"):
        Page(pack_page(WHOLE, rows))


@pytest.mark.parametrize("index", [-1, 3, 1000])
def test_a_page_has_no_row_outside_its_count(index: int) -> None:
    with pytest.raises(IndexError):
        Page(PAGE)[index]


LEFT, RIGHT = WHOLE.halves()


@pytest.mark.parametrize(
    ("covered", "complaint"),
    [
        ([], "ends at prefix 00000000"),
        ([LEFT], "ends at prefix 80000000"),
        ([RIGHT], "hole or an overlap at prefix 00000000"),
        ([RIGHT, LEFT], "hole or an overlap at prefix 00000000"),
        ([LEFT, LEFT], "hole or an overlap at prefix 80000000"),
        ([LEFT, RIGHT, RIGHT], "hole or an overlap at prefix 100000000"),
        ([WHOLE, RIGHT], "hole or an overlap at prefix 100000000"),
        ([LEFT, RIGHT.halves()[1]], "hole or an overlap at prefix 80000000"),
        ([LEFT, RIGHT.halves()[0]], "ends at prefix c0000000"),
    ],
)
def test_a_roster_with_a_hole_or_an_overlap_is_malformed(covered: list[Prefix], complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        check_whole(covered)


@pytest.mark.parametrize("covered", [[WHOLE], [LEFT, RIGHT], [*LEFT.halves(), RIGHT], [LEFT, *RIGHT.halves()]])
def test_a_roster_that_covers_every_digest_once_is_whole(covered: list[Prefix]) -> None:
    check_whole(covered)


def test_a_row_becomes_a_grant_of_what_the_site_page_says() -> None:
    site = Site.from_blob(payload("site-page-1.hex"))
    founder, resident, rider = Page(PAGE).rows()
    assert site.grant(founder) == Grant(b"founder1", Tier.FOUNDER, {"gym": ALWAYS})
    assert site.grant(resident).standing is Standing.SUSPENDED
    assert site.grant(rider) == Grant(
        holder=b"riderno2",
        tier=Tier.RIDER,
        points={"gate": ALWAYS, "gym": SITE_PAGE.schedules["night"]},
        standing=Standing.LOST,
        valid_from_ms=1_777_852_800_000,
        valid_until_ms=4_294_967_295_000,
    )
    assert str(site.zone) == "Asia/Shanghai"


def test_a_row_becomes_a_grant_of_what_its_profile_rations_and_resets() -> None:
    site = Site.from_blob(payload("site-page-2.hex"))
    plain, rationed, resetting = (site.grant(row(digest(1), profile)) for profile in range(3))
    assert (plain.allotments, plain.resets) == ({}, frozenset())
    assert (rationed.allotments, rationed.resets) == ({"phone-1": Allotment("rider-phone", 240, 150)}, frozenset())
    assert (resetting.allotments, resetting.resets) == ({}, frozenset({"hub", "gym"}))


def test_a_site_without_allotments_says_nothing_of_them() -> None:
    site = Site(SITE_PAGE)
    assert [(grant.allotments, grant.resets) for grant in map(site.grant, Page(PAGE).rows())] == [({}, frozenset())] * 3


def test_a_row_of_a_profile_that_is_not_there_is_malformed() -> None:
    with pytest.raises(Malformed, match="row names profile 2 of 2"):
        Site(SITE_PAGE).grant(row(digest(1), 2))


@pytest.mark.parametrize("zone", ["", "Europe", "Moon/Base", "../../etc/passwd", "/etc/localtime", "a\0b", "x" * 5000])
def test_a_zone_of_no_place_on_earth_is_malformed(zone: str) -> None:
    with pytest.raises(Malformed, match="site page: no time zone"):
        Site.from_blob(pack_site(replace(SITE_PAGE, zone=zone)))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"profiles": [{"gym": "weekends"}]}, "no schedule 'weekends'"),
        ({"profiles": [{"Gym": "always"}]}, "str"),
        ({"profiles": None}, "array"),
        ({"profiles": [{}] * ((1 << 16) + 1)}, "length <= 65536"),
        ({"schedules": {"always": {"week": [[]] * 6}}}, "7 days, not 6"),
        ({"schedules": {"always": {"week": [[[0, 2000]], [], [], [], [], [], []]}}}, "window 0-2000"),
        ({"schedules": {"always": {"week": [[[0]], [], [], [], [], [], []]}}}, "length 2"),
        ({"quotas": [{}, {"gym": "phone"}]}, "no allotment 'phone'"),
        ({"quotas": [{}]}, "2 profiles, and 1 entries"),
        ({"quotas": [{}] * 3}, "2 profiles, and 3 entries"),
        ({"resets": [["hub"]]}, "2 profiles, and 1 entries"),
        ({"resets": [["Hub"], []]}, "str"),
        ({"allotments": {"phone": {"minutes": -1, "wh": 1}}}, ">= 0"),
        ({"allotments": {"phone": {"minutes": 1, "wh": 1_000_001}}}, "<= 1000000"),
        ({"allotments": {"phone": {"minutes": 1}}}, "`wh`"),
        ({"version": 2}, "schema version 2"),
        ({"zone": 8}, "str"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_is_wrong_with_a_site_page_is_said(changes: dict[str, Any], complaint: str) -> None:
    fields = msgspec.to_builtins(SITE_PAGE) | changes
    with pytest.raises(Malformed, match=complaint):
        Site.from_blob(msgspec.msgpack.encode(fields))


def test_a_site_page_over_the_limit_is_dropped_unread() -> None:
    with pytest.raises(Malformed, match=f"more than {MAX_PAYLOAD_BYTES}"):
        Site.from_blob(pack_site(SITE_PAGE) + bytes(MAX_PAYLOAD_BYTES))


@given(st.sampled_from(["site-page-1.hex", "site-page-2.hex"]), st.data())
def test_a_damaged_site_page_is_malformed_or_another_site(name: str, data: st.DataObject) -> None:
    good = payload(name)
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 4)))
    try:
        Site.from_blob(good[:start] + data.draw(st.binary(max_size=4)) + good[end:])
    except Malformed:
        return


HELD_MS = 1_777_888_000_000
MANIFEST = MESSAGES["roster-1.json"]


@pytest.mark.parametrize(
    ("changes", "now_ms", "expected"),
    [
        ({}, HELD_MS, None),
        ({"number": 4}, HELD_MS, None),
        ({"number": 4, "issued_ms": HELD_MS - 1}, HELD_MS, None),
        ({"number": 3, "issued_ms": HELD_MS + 1}, HELD_MS, None),
        ({"number": 3, "issued_ms": HELD_MS - 1}, HELD_MS, "older_version"),
        ({"number": 2}, HELD_MS, "older_version"),
        ({"number": 2, "issued_ms": HELD_MS + 1}, HELD_MS, "older_version"),
        ({"device": "gym-2"}, HELD_MS, "wrong_device"),
        ({"device": "gym-2", "number": 2, "expires_ms": 0}, HELD_MS, "wrong_device"),
        ({"number": 2, "expires_ms": 0}, HELD_MS, "older_version"),
        ({"expires_ms": HELD_MS + 1}, HELD_MS, None),
        ({"expires_ms": HELD_MS}, HELD_MS, "expired"),
        ({"expires_ms": HELD_MS + 1}, None, None),
        ({"expires_ms": HELD_MS}, None, "expired"),
    ],
    ids=str,
)
def test_a_device_that_holds_roster_3_adopts_or_says_why_not(
    changes: dict[str, Any], now_ms: int | None, expected: str | None
) -> None:
    assert isinstance(MANIFEST, Manifest)
    manifest = replace(MANIFEST, **changes)
    why = refusal(manifest, device="gym-1", newest_number=3, newest_issued_ms=HELD_MS, now_ms=now_ms)
    assert why == expected


@pytest.mark.parametrize(
    ("age_ms", "now_ms", "expected"),
    [
        (FIRST_ROSTER_AGE_MS, HELD_MS, None),
        (FIRST_ROSTER_AGE_MS + 1, HELD_MS, "too_old"),
        (-HELD_MS, HELD_MS, None),
        (0, None, "clock_unset"),
    ],
)
def test_a_first_roster_is_young_or_not_taken(age_ms: int, now_ms: int | None, expected: str | None) -> None:
    assert isinstance(MANIFEST, Manifest)
    manifest = replace(MANIFEST, issued_ms=HELD_MS - age_ms, expires_ms=HELD_MS + FIRST_ROSTER_AGE_MS)
    why = refusal(manifest, device="gym-1", newest_number=0, newest_issued_ms=0, now_ms=now_ms)
    assert why == expected
