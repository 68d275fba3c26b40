"""What a phone shows: every form of its text, and what it is worth at each moment."""

import json
from pathlib import Path

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contract import passes
from contract.codec import Malformed
from contract.cose import PassKey, key_id_of
from contract.credentials import token_text
from contract.decide import Trust
from contract.pass_verdicts import REFUSALS, PassVerdict
from contract.passes import (
    CHECKS_OF_SHORT,
    MAX_TEXT,
    CarriedProof,
    Moment,
    ShortPass,
    Token,
    pack_short,
    pack_shown,
    pass_text,
    read_pass,
    read_short,
    short_bytes_to_sign,
    verify_short,
)
from tests.contract.showing import MESSAGE, NOW, NOW_S, OTHER_PHONE, PHONE, at, off_by_a_bit, shown

KEPT = json.loads((Path(__file__).parents[1] / "fixtures" / "passes" / "short-1.json").read_text())
SHOWN = shown()
TEXT = pass_text(pack_short(SHOWN.key_id, SHOWN.at_s, SHOWN.signature))

FAULTS: dict[PassVerdict, tuple[ShortPass, Moment]] = {
    PassVerdict.WRONG_KEY: (replace(SHOWN, key_id=key_id_of(OTHER_PHONE.public())), NOW),
    PassVerdict.BAD_SIGNATURE: (replace(SHOWN, signature=off_by_a_bit(SHOWN.signature)), NOW),
    PassVerdict.CLOCK_UNSET: (SHOWN, at(0, trust=Trust.UNSET)),
    PassVerdict.STALE: (SHOWN, at(61)),
    PassVerdict.AHEAD: (SHOWN, at(-16)),
}
"""A pass with each fault, and with no other."""


def test_kept_pass_is_read_and_written_as_ever() -> None:
    """What phones have in their browsers' caches is written by older pages."""
    key, signature = bytes.fromhex(KEPT["key"]), bytes.fromhex(KEPT["signature"])
    kept = read_pass(KEPT["text"])
    assert kept == ShortPass(key_id_of(key), KEPT["at_s"], signature)
    assert short_bytes_to_sign(KEPT["at_s"]).hex() == KEPT["to_be_signed"]
    assert pack_short(key_id_of(key), KEPT["at_s"], signature).hex() == KEPT["message"]
    assert pass_text(bytes.fromhex(KEPT["message"])) == KEPT["text"]
    assert verify_short(kept, key, NOW) is PassVerdict.OK


def test_pass_of_this_moment_is_good() -> None:
    assert verify_short(SHOWN, PHONE.public(), NOW) is PassVerdict.OK


@pytest.mark.parametrize("verdict", FAULTS)
def test_each_fault_has_its_own_verdict(verdict: PassVerdict) -> None:
    pass_shown, moment = FAULTS[verdict]
    assert verify_short(pass_shown, PHONE.public(), moment) is verdict
    assert REFUSALS[verdict].value == f"pass_{verdict}"


def test_every_check_has_a_pass_that_it_stops() -> None:
    assert list(FAULTS) == list(CHECKS_OF_SHORT)


@pytest.mark.parametrize("skipped", CHECKS_OF_SHORT)
def test_verifier_that_skips_a_check_is_caught(skipped: PassVerdict, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it its faulty pass is good: no other check stops it, and so the tests above would fail."""
    rest = {verdict: check for verdict, check in CHECKS_OF_SHORT.items() if verdict is not skipped}
    monkeypatch.setattr(passes, "CHECKS_OF_SHORT", rest)
    pass_shown, moment = FAULTS[skipped]
    assert verify_short(pass_shown, PHONE.public(), moment) is PassVerdict.OK


@pytest.mark.parametrize(
    ("shift_s", "error_ms", "verdict"),
    [
        (60, 0, PassVerdict.OK),
        (60.001, 0, PassVerdict.STALE),
        (62, 2_000, PassVerdict.OK),
        (62.001, 2_000, PassVerdict.STALE),
        (180, 120_000, PassVerdict.OK),
        (180.001, 600_000, PassVerdict.STALE),
        (180, None, PassVerdict.OK),
        (300, None, PassVerdict.STALE),
        (61, -5_000, PassVerdict.STALE),
        (-15, 0, PassVerdict.OK),
        (-15.001, 0, PassVerdict.AHEAD),
        (-17, 2_000, PassVerdict.OK),
        (-135.001, 600_000, PassVerdict.AHEAD),
        (-300, None, PassVerdict.AHEAD),
    ],
)
def test_pass_holds_for_a_minute(shift_s: float, error_ms: int | None, verdict: PassVerdict) -> None:
    """And for as much longer as the door's own clock may be off, up to two minutes. Five minutes are too much."""
    assert verify_short(SHOWN, PHONE.public(), at(shift_s, error_ms, Trust.HOLDOVER)) is verdict


def test_phone_of_nobody_shows_no_pass() -> None:
    assert verify_short(SHOWN, b"", NOW) is PassVerdict.WRONG_KEY
    of_no_key = replace(SHOWN, key_id=key_id_of(b""))
    assert verify_short(of_no_key, b"", NOW) is PassVerdict.BAD_SIGNATURE


def test_signature_over_another_moment_is_bad() -> None:
    """A picture of an old screen does not become new by another time in its bytes."""
    assert verify_short(replace(SHOWN, at_s=NOW_S + 10), PHONE.public(), NOW) is PassVerdict.BAD_SIGNATURE


def test_text_is_told_apart_by_how_it_begins() -> None:
    proof = pack_short(SHOWN.key_id, SHOWN.at_s, SHOWN.signature)
    assert read_pass(TEXT) == SHOWN
    assert read_pass(pass_text(pack_shown(MESSAGE, proof))) == CarriedProof(MESSAGE, SHOWN)
    assert read_pass(token_text(bytes(range(16)))) == Token(bytes(range(16)))
    assert [read_pass(text) for text in ("京A12345", "1234", "", "hg1abc", "HG2ABC")] == [None] * 5


@pytest.mark.parametrize(
    "text",
    [
        "HG1",
        "HGT",
        TEXT[:-1],
        TEXT + "A",
        TEXT + "=",
        TEXT[:20] + " " + TEXT[20:],
        TEXT.lower().replace("hg1", "HG1"),
        TEXT.replace(TEXT[30], "0", 1),
        TEXT[:40] + "é" + TEXT[41:],
        "HG1" + "A" * (MAX_TEXT - 3),
        "HG1" + "A" * MAX_TEXT,
        "HG1" + "77777777" * 20,
    ],
)
def test_text_of_another_form_is_malformed(text: str) -> None:
    assert read_pass(text) is PassVerdict.MALFORMED


@pytest.mark.parametrize(
    "payload",
    [
        cbor2.dumps({}),
        cbor2.dumps({6: -1}),
        cbor2.dumps({6: 1 << 32}),
        cbor2.dumps({6: float(NOW_S)}),
        cbor2.dumps({6: str(NOW_S)}),
        cbor2.dumps({6: True}),
        cbor2.dumps({6: NOW_S, 4: NOW_S + 600}),
        cbor2.dumps({5: NOW_S}),
        cbor2.dumps([6, NOW_S]),
        b"\xa2\x06\x1a\x69\xf7\x2d\xa0\x06\x1a\x69\xf7\x2d\xa0",
        b"\xa1\x06\x1b" + NOW_S.to_bytes(8, "big"),
        cbor2.dumps({6: NOW_S}) + b"\0",
    ],
)
def test_pass_that_says_anything_else_is_malformed(payload: bytes) -> None:
    """Also where the phone has signed it."""
    with pytest.raises(Malformed):
        read_short(PHONE.sign(payload).pack())


@given(
    st.text(max_size=80)
    | st.from_regex(r"HG[1T][A-Z2-7]{0,300}", fullmatch=True)
    | st.builds(lambda place, letter: TEXT[:place] + letter + TEXT[place + 1 :], st.integers(0, 170), st.characters())
)
def test_any_text_has_an_answer(text: str) -> None:
    """Nothing but the text itself is the pass that it was."""
    found = read_pass(text)
    if isinstance(found, ShortPass):
        assert pass_text(pack_short(found.key_id, found.at_s, found.signature)) == text
        assert verify_short(found, PHONE.public(), NOW) is not PassVerdict.OK or text == TEXT
    else:
        assert found is None or isinstance(found, (CarriedProof, Token)) or found is PassVerdict.MALFORMED


@given(st.binary(min_size=32, max_size=32), st.integers(1 << 16, (1 << 32) - 1))
def test_any_phone_and_moment_make_a_good_pass(secret: bytes, at_s: int) -> None:
    phone = PassKey.from_bytes(secret)
    made = shown(phone, at_s)
    text = pass_text(pack_short(made.key_id, made.at_s, made.signature))
    assert read_pass(text) == made
    assert verify_short(made, phone.public(), replace(NOW, now_ms=at_s * 1000)) is PassVerdict.OK
    assert verify_short(made, OTHER_PHONE.public(), NOW) is PassVerdict.WRONG_KEY
