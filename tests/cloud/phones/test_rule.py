"""Keys that telephones offer, links, and whose cards somebody may report lost."""

import pytest

from cloud.parties.party import MemberRole, PartyMember
from cloud.phones.rule import BadKey, LinkState, Offer, link_state, may_report_lost, needs_consent, read_offer
from tests.cloud.support.phones import SoftPhone, encoded


def test_offer_gives_the_compressed_key() -> None:
    phone = SoftPhone()
    key = read_offer(phone.offer("a challenge"), "sunny-court", "a challenge")
    assert key == phone.public
    assert len(key) == 33


@pytest.mark.parametrize("site, challenge", [("sunny-court", "another"), ("elsewhere", "a challenge")])
def test_offer_for_something_else_is_refused(site: str, challenge: str) -> None:
    with pytest.raises(BadKey):
        read_offer(SoftPhone().offer("a challenge"), site, challenge)


def test_offer_that_is_no_key_is_refused() -> None:
    good = SoftPhone().offer("c")
    off_curve = encoded(b"\x04" + bytes(64))
    compressed_form = encoded(SoftPhone().public)
    for key in ("", "A", "§", off_curve, compressed_form, "A" * 300, good.key[:-2]):
        with pytest.raises(BadKey):
            read_offer(Offer(key, good.proof), "sunny-court", "c")
    for proof in ("", "AA", "A" * 86, SoftPhone().offer("c").proof):
        with pytest.raises(BadKey):
            read_offer(Offer(good.key, proof), "sunny-court", "c")


def test_link_is_open_until_its_end() -> None:
    assert link_state(100, None, None, 99) is LinkState.OPEN
    assert link_state(100, None, None, 100) is LinkState.EXPIRED
    assert link_state(100, 50, None, 99) is LinkState.USED
    assert link_state(100, None, 50, 99) is LinkState.ENDED


def test_consent_is_needed_below_fourteen() -> None:
    assert needs_consent("2013-02", (2027, 1))
    assert needs_consent("2013-01", (2027, 1)), "the day of birth is not known"
    assert not needs_consent("2012-12", (2027, 1))
    assert not needs_consent("", (2027, 1))


def test_adult_ends_no_card_of_another() -> None:
    me, other, child = (
        PartyMember(number, 1, number, role)
        for number, role in enumerate((MemberRole.OWNER, MemberRole.ADULT, MemberRole.CHILD), 1)
    )
    assert [may_report_lost(me, one) for one in (me, other, child, None)] == [True, False, True, True]
    assert [may_report_lost(child, one) for one in (me, other, child, None)] == [False, False, True, False]
