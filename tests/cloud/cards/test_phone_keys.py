"""Keys that telephones offer, and what is none."""

import pytest

from cloud.cards.phone_keys import BadKey, Offer, read_offer
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
