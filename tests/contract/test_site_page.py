"""What a site page says of a row, and when a device takes a manifest."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contract.codec import Malformed
from contract.decide import Grant, Standing, Tier
from contract.demands import Assurance, Demand
from contract.messages import MAX_PAYLOAD_BYTES, Manifest
from contract.roster import (
    FIRST_ROSTER_AGE_MS,
    WHOLE,
    Page,
    pack_page,
    refusal,
)
from contract.schedules import ALWAYS
from contract.site_page import PageDemand, Site, SitePage, pack_site
from contract.zone_rules import PageZone
from tests.contract.allotments import own
from tests.contract.crowds import digest, row
from tests.contract.golden import MESSAGES, payload
from tests.contract.golden_pages import COUNTING_PAGE, DEMANDING_PAGE, PAGE, PAGE_OF_MARKS, PAGE_OF_PHONES, SITE_PAGE


def test_a_row_becomes_a_grant_of_what_the_site_page_says() -> None:
    site = Site.from_blob(payload("site-page-1.hex"))
    first, *_, last = Page(PAGE).rows()
    founder, resident = site.grants(PAGE, first.digest)
    (rider,) = site.grants(PAGE, last.digest)
    assert founder == Grant(b"founder1", Tier.FOUNDER, {"gym": ALWAYS})
    assert resident.standing is Standing.SUSPENDED
    assert rider == Grant(
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
    page = pack_page(WHOLE, [row(digest(1), profile) for profile in range(3)])
    plain, rationed, resetting = site.grants(page, digest(1))
    assert (plain.allotments, plain.resets) == ({}, frozenset())
    assert (rationed.allotments, rationed.resets) == ({"phone-1": own("rider-phone", 240, 150)}, frozenset())
    assert (resetting.allotments, resetting.resets) == ({}, frozenset({"hub", "gym"}))


def test_a_site_without_allotments_says_nothing_of_them() -> None:
    site = Site(SITE_PAGE)
    grants = [grant for row in Page(PAGE).rows() for grant in site.grants(PAGE, row.digest)]
    assert {(len(grant.allotments), len(grant.resets)) for grant in grants} == {(0, 0)}


def test_row_of_version_3_keeps_its_marks() -> None:
    guard = Page(PAGE_OF_MARKS).row(0)
    grant, _ = Site(SITE_PAGE).grants(PAGE_OF_MARKS, guard.digest)
    assert (grant.override, grant.pin, grant.may_signal_duress) == (True, b"verifier", False)
    assert grant.assurance is Assurance.SIGNED
    assert Site(SITE_PAGE).grant(guard) == grant


def test_a_site_page_says_what_points_demand() -> None:
    demands = Site(DEMANDING_PAGE).demands
    hours = DEMANDING_PAGE.schedules["gym"]
    assert demands == {"gate": Demand(assurance=Assurance.SIGNED), "gym": Demand(hours, Assurance.CARD)}
    with pytest.raises(Malformed, match="site page: no schedule 'moon'"):
        Site(replace(DEMANDING_PAGE, demands={"gym": PageDemand("moon")}))


@pytest.mark.parametrize(("name", "page"), [("site-page-6.hex", DEMANDING_PAGE), ("site-page-7.hex", COUNTING_PAGE)])
def test_page_is_written_as_it_is_kept(name: str, page: SitePage) -> None:
    """One of which version 4 says all is, byte for byte, what it was before there was a version 5."""
    assert pack_site(page) == payload(name)


def test_a_site_page_says_where_people_are_counted() -> None:
    site = Site(COUNTING_PAGE)
    assert site.zones[site.counted["gym"]] == PageZone(comfort=40, limit=50, anti_passback="hard")
    assert site.counted.get("gate") is None
    assert (site.pass_keys[0], site.revoked) == (bytes([2] * 33), frozenset({bytes(range(8))}))
    with pytest.raises(Malformed, match="site page: no zone 'moon'"):
        Site(replace(COUNTING_PAGE, counted={"gym": "moon"}))


def test_row_of_version_4_keeps_its_key() -> None:
    site, (phone, family, _) = Site(SITE_PAGE), Page(PAGE_OF_PHONES).rows()
    (grant,) = site.grants(PAGE_OF_PHONES, phone.digest)
    assert (grant.key, grant.family, grant.assurance) == (bytes([2] * 33), False, Assurance.SIGNED)
    assert site.grant(phone) == grant
    assert [one.family for one in site.grants(PAGE_OF_PHONES, family.digest)] == [True]


def test_a_row_of_a_profile_that_is_not_there_is_malformed() -> None:
    with pytest.raises(Malformed, match="row names profile 2 of 2"):
        Site(SITE_PAGE).grants(pack_page(WHOLE, [row(digest(1), 2)]), digest(1))


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
        ({"schedules": {"always": {"week": [[]] * 7, "days": {20_819: [[720, 480]]}}}}, "window 720-480"),
        ({"schedules": {"always": {"week": [[]] * 7, "days": {"monday": []}}}}, "int"),
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


@given(st.sampled_from(["site-page-1.hex", "site-page-2.hex", "site-page-3.hex", "site-page-4.hex"]), st.data())
def test_a_damaged_site_page_is_malformed_or_another_site(name: str, data: st.DataObject) -> None:
    good = payload(name)
    start = data.draw(st.integers(0, len(good)))
    end = data.draw(st.integers(start, min(len(good), start + 4)))
    try:
        Site.from_blob(good[:start] + data.draw(st.binary(max_size=4)) + good[end:])
    except Malformed:
        return


HELD_MS = 1_777_888_000_000
MANIFEST = MESSAGES["roster-2.json"]


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


def test_profile_of_slow_people_makes_slow_grants() -> None:
    """The rows stay as they are: the page says of which profiles the people are slow."""
    site = Site.from_blob(payload("site-page-4.hex"))
    grants = [site.grant(row(digest(1), profile)) for profile in range(3)]
    assert [grant.slow for grant in grants] == [False, True, False]
