"""Addresses, signatures and waits of webhooks."""

import base64
import hashlib
import hmac

import pytest

from cloud.channels.rule import LAST_RETRY_MS, checked_url, signature_headers, wait_ms


def test_signature_is_of_id_time_and_body() -> None:
    secret = "whsec_" + base64.b64encode(b"k" * 24).decode()
    headers = signature_headers(secret, "msg_7", 1_800_000_000, b"{}")
    signed = hmac.new(b"k" * 24, b"msg_7.1800000000.{}", hashlib.sha256).digest()
    assert headers == {
        "webhook-id": "msg_7",
        "webhook-timestamp": "1800000000",
        "webhook-signature": "v1," + base64.b64encode(signed).decode(),
    }


@pytest.mark.parametrize(
    "url", ["", "ftp://a/b", "https://", "http://u:p@host/", "http://host:99999/", "http://host/\x00", "https://主机/"]
)
def test_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        checked_url(url)


def test_wait_doubles_up_to_its_bound() -> None:
    assert [wait_ms(tries) for tries in (1, 2, 3)] == [5_000, 10_000, 20_000]
    assert wait_ms(1_000_000) == LAST_RETRY_MS
