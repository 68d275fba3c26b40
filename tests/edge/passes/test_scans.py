"""What a scanned text means: a printed token, a plate where plates are read, or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.credentials import phone_credential, plate_credential, token_credential, token_text
from contract.pass_verdicts import PassVerdict
from contract.passes import CarriedProof, ShortPass
from edge.passes.scans import Scan, in_capitals, read_scan
from tests.edge.support.phones import ANNAS_PHONE, RIDERS_PHONE, carried

TOKEN = bytes(range(16))
TEXT = token_text(TOKEN)


@pytest.mark.parametrize("plates", [True, False])
@pytest.mark.parametrize("text", [TEXT, TEXT.lower()])
def test_token_is_read_in_either_case(text: str, plates: bool) -> None:
    """A scanner whose caps lock is turned round types it in lower case."""
    assert read_scan(text, plates=plates) == Scan("token", token_credential(TOKEN))


@pytest.mark.parametrize("text", [TEXT[:-1], TEXT + "A", TEXT[:8] + "1" + TEXT[9:], TEXT[:9] + TEXT[9:].lower(), "HGT"])
def test_spoilt_token_is_no_plate(text: str) -> None:
    """Whoever shows it hears that it cannot be read."""
    assert read_scan(text, plates=True) == Scan("pass", b"", PassVerdict.MALFORMED)


@pytest.mark.parametrize("text", ["京A12O45", "京a·12045", "京A 12045"])
def test_plate_is_read_with_o_and_0_alike(text: str) -> None:
    assert read_scan(text, plates=True) == Scan("plate", plate_credential("京A12045"))
    assert read_scan(text, plates=False) is None


@given(st.text(max_size=700), st.booleans())
def test_any_text_is_read_without_error(text: str, plates: bool) -> None:
    scan = read_scan(text, plates=plates)
    assert scan is None or scan.kind in ("token", "pass") or plates


def test_pass_is_read_with_its_phone() -> None:
    scan = read_scan(ANNAS_PHONE.screen().lower(), plates=True)
    assert scan is not None and isinstance(scan.shown, ShortPass)
    assert (scan.kind, scan.credential) == ("phone", phone_credential(ANNAS_PHONE.key_id))
    carrying = read_scan(RIDERS_PHONE.carrying(carried("gym")), plates=False)
    assert carrying is not None and isinstance(carrying.shown, CarriedProof)
    assert (carrying.kind, carrying.credential) == ("pass", b"")


def test_text_in_both_cases_stays_as_it_is() -> None:
    assert in_capitals("hg1abc2") == "HG1ABC2"
    assert in_capitals("HG1abc2") == "HG1abc2"
