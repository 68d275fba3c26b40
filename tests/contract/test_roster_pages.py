"""The bytes of a page: read again as they were written, and refused when they are damaged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.codec import Malformed
from contract.decide import Standing, Tier
from contract.demands import Assurance
from contract.roster import (
    MAX_PAGE_ROWS,
    WHOLE,
    Page,
    Prefix,
    Row,
    Undeliverable,
    check_whole,
    pack_page,
    pack_rows,
    unpack_rows,
)
from contract.sealing import DIGEST_BYTES
from contract.site_page import MAX_PROFILES, Site, SitePage, pack_site
from tests.contract.crowds import HEAD_BYTES, ROW_BYTES, crowd, row
from tests.contract.golden import payload
from tests.contract.golden_pages import PAGE, PAGE_OF_MARKS, PAGE_OF_PHONES, PAGE_OF_WINDOWS, SITE_PAGE
from tests.contract.paging import paginate


def test_the_bytes_of_a_page_never_change() -> None:
    assert payload("page-1.hex") == PAGE
    page = Page(PAGE)
    page.check()
    assert (page.prefix, page.count) == (Prefix(0x80000000, 1), 3)
    assert pack_page(page.prefix, list(page.rows()), version=1) == PAGE
    assert len(PAGE) == HEAD_BYTES + 3 * ROW_BYTES


def test_bytes_of_page_version_2_never_change() -> None:
    assert payload("page-2.hex") == PAGE_OF_WINDOWS
    page = Page(PAGE_OF_WINDOWS)
    page.check()
    assert (page.version, page.prefix, page.count) == (2, Prefix(0x80000000, 1), 4)
    assert pack_page(page.prefix, list(page.rows())) == PAGE_OF_WINDOWS


def test_bytes_of_page_version_3_never_change() -> None:
    assert payload("page-3.hex") == PAGE_OF_MARKS
    page = Page(PAGE_OF_MARKS)
    page.check()
    assert (page.version, page.prefix, page.count) == (3, Prefix(0x80000000, 1), 6)
    assert pack_page(page.prefix, list(page.rows())) == PAGE_OF_MARKS
    assert len(PAGE_OF_MARKS) == HEAD_BYTES + 6 * (ROW_BYTES + 10)


def test_page_is_of_version_3_when_needed() -> None:
    rows = list(Page(PAGE_OF_MARKS).rows())
    assert [Page(pack_page(WHOLE, [one])).version for one in rows] == [3, 3, 3, 3, 3, 2]
    assert [one.in_version_2() is None for one in rows] == [False, False, True, True, True, False]
    assert rows[-1].in_version_2() == rows[-1]
    assert {plain.version for one in rows if (plain := one.in_version_2())} == {2}


def test_bytes_of_page_version_4_never_change() -> None:
    assert payload("page-4.hex") == PAGE_OF_PHONES
    page = Page(PAGE_OF_PHONES)
    page.check()
    assert (page.version, page.prefix, page.count) == (4, Prefix(0x80000000, 1), 3)
    assert pack_page(page.prefix, list(page.rows())) == PAGE_OF_PHONES
    assert len(PAGE_OF_PHONES) == HEAD_BYTES + 3 * (ROW_BYTES + 44)


def test_older_page_has_no_phone_nor_family() -> None:
    phone, family, plain = Page(PAGE_OF_PHONES).rows()
    assert [one.version for one in (phone, family, plain)] == [4, 4, 3]
    assert [phone.in_version_3(), phone.in_version_2()] == [None, None]
    told = family.in_version_3()
    assert told is not None
    assert (told.version, told.family, told.holder) == (2, False, family.holder)
    assert family.in_version_2() == told
    assert plain.in_version_3() == plain


@pytest.mark.parametrize("blob", [PAGE_OF_WINDOWS, PAGE_OF_MARKS, PAGE_OF_PHONES])
def test_rows_of_a_person_stay_unchanged(blob: bytes) -> None:
    rows = list(Page(blob).rows())
    assert unpack_rows(pack_rows(rows)) == rows
    assert pack_rows([]) == b""


def test_flags_that_are_not_known_are_malformed() -> None:
    blob = PAGE_OF_MARKS[:-2] + (1 << 4).to_bytes(2, "big")
    with pytest.raises(Malformed, match="row with flags 0x10"):
        Page(blob).check()
    with pytest.raises(Malformed, match="family 2"):
        Page(PAGE_OF_PHONES[:-1] + b"\2").check()


def test_version_1_has_one_row_a_profile() -> None:
    """Two windows of one profile are in order on a page of version 2, and on none of version 1."""
    rows = list(Page(PAGE_OF_WINDOWS).rows())
    with pytest.raises(Malformed, match="not in order"):
        Page(pack_page(Prefix(0x80000000, 1), rows, version=1)).check()


def test_latest_window_of_a_profile_comes_first() -> None:
    """Where none of them holds, the first one's refusal is heard: "from Monday on", and not "it has ended"."""
    found = Page(PAGE_OF_WINDOWS).find(bytes([0x80]) + bytes(15))
    assert [(one.profile, one.valid_from_s) for one in found] == [(0, 0), (1, 1_778_025_600), (1, 1_777_852_800)]


def test_tiers_and_standings_are_numbered_for_ever() -> None:
    """Their places are the numbers in every stored page: add at the end only."""
    assert list(Tier) == ["founder", "staff", "resident", "member", "rider", "guest"]
    assert list(Standing) == ["active", "suspended", "lost", "barred", "unqualified", "surplus"]


rows_of_any_kind = st.builds(
    Row,
    digest=st.binary(min_size=16, max_size=16),
    profile=st.integers(0, (1 << 16) - 1),
    holder=st.binary(min_size=8, max_size=8),
    tier=st.sampled_from(Tier),
    standing=st.sampled_from(Standing),
    valid_from_s=st.integers(0, (1 << 32) - 1),
    valid_until_s=st.integers(0, (1 << 32) - 1),
    override=st.booleans(),
    pin=st.just(b"") | st.binary(min_size=8, max_size=8).filter(any),
    may_signal_duress=st.booleans(),
    assurance=st.sampled_from(Assurance),
    key=st.just(b"") | st.binary(min_size=33, max_size=33).filter(any),
    family=st.booleans(),
)


@given(st.lists(rows_of_any_kind, unique_by=lambda one: one.place, max_size=8))
def test_any_row_is_stored_and_found_as_it_was(rows: list[Row]) -> None:
    page = Page(pack_page(WHOLE, sorted(rows)))
    page.check()
    assert list(page.rows()) == sorted(rows)
    assert all(one in page.find(one.digest) for one in rows)
    assert unpack_rows(pack_rows(sorted(rows))) == sorted(rows)


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
    with pytest.raises(ValueError, match=f"digest of {digest_size}, a holder of {holder_size}, a PIN"):
        Row(bytes(digest_size), 0, bytes(holder_size), Tier.GUEST).pack()


def reads_or_is_malformed(blob: bytes) -> None:
    """Whatever a page says, it is Malformed, or every question to it has an answer."""
    try:
        page = Page(blob)
        page.check()
    except Malformed:
        return
    assert pack_page(page.prefix, list(page.rows()), page.version) == blob
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
    place = data.draw(st.integers(0, len(PAGE) - 1))
    page = PAGE[:place] + data.draw(st.binary(max_size=2)) + PAGE[place + 1 :]
    starts = (HEAD_BYTES, HEAD_BYTES + 2 * ROW_BYTES)
    for asked in (wanted, *(page[start : start + DIGEST_BYTES] for start in starts)):
        try:
            Site(SITE_PAGE).grants(page, asked)
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
        (with_byte(0, 3), "page of 116 bytes for 3 rows"),
        (with_byte(0, 4), "page of 116 bytes for 3 rows"),
        (with_byte(0, 5), "page version 5"),
        (with_byte(1, 33), "prefix of 33 bits"),
        (with_byte(1, 0), "prefix 80000000 is longer than its 0 bits"),
        (with_byte(5, 1), "prefix 80000001 is longer than its 1 bits"),
        (with_byte(6, 0xFF), "65283 rows"),
        (with_byte(6, 0x10), "4099 rows"),
        (with_byte(HEAD_BYTES + 26, 6), "row of tier 6"),
        (with_byte(HEAD_BYTES + 27, 6), "standing 6"),
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
    monkeypatch.setattr("tests.contract.paging.MAX_ROSTER_PAGES", 1)
    with pytest.raises(Undeliverable, match="pages, and a manifest names 1"):
        paginate(rows[1:])


def test_a_page_accepts_as_many_rows_as_it_says() -> None:
    rows = crowd(MAX_PAGE_ROWS + 1)
    Page(pack_page(WHOLE, rows[:-1])).check()
    with pytest.raises(Malformed, match="4097 rows"):
        Page(pack_page(WHOLE, rows))


@pytest.mark.parametrize("cut", [1, ROW_BYTES - 1, ROW_BYTES])
def test_cut_page_grants_nothing_of_its_last_row(cut: int) -> None:
    last = list(Page(PAGE).rows())[-1]
    site = Site(SITE_PAGE)
    assert len(site.grants(PAGE, last.digest)) == 1
    assert site.grants(PAGE[:-cut], last.digest) == []


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
