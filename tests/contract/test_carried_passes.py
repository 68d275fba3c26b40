"""Carried passes: what the cloud signs, a door that has never heard of it, and every way in which one may be wrong."""

import json
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contract import carried_passes
from contract.carried_passes import (
    CHECKS_OF_CARRIED,
    CHECKS_OF_MESSAGE,
    CarriedPass,
    believe_carried,
    issue_carried,
    verify_carried,
)
from contract.cose import PassKey
from contract.decide import Facts, Request, Tier, Trust, decide
from contract.demands import Assurance
from contract.pass_verdicts import PassVerdict
from contract.passes import CarriedProof, Moment, ShortPass, read_pass, verify_short
from contract.reasons import Reason
from contract.schedules import ALWAYS
from tests.contract.showing import (
    BEFORE,
    CARRIED,
    CLOUD,
    MESSAGE,
    NOW,
    NOW_S,
    OTHER_PHONE,
    PASS_KEYS,
    PHONE,
    POINTS,
    SITE,
    STRANGE,
    at,
    off_by_a_bit,
    shown,
)
from tests.contract.situations import NOW_MS, SHANGHAI

KEPT = json.loads((Path(__file__).parents[1] / "fixtures" / "passes" / "carried-1.json").read_text())
CLAIMS: dict[int, Any] = {
    3: SITE,
    4: CARRIED.until_s,
    5: CARRIED.from_s,
    7: CARRIED.id,
    8: {1: {1: 2, -1: 1, -2: CARRIED.key[1:], -3: CARRIED.key[:1] == b"\x03"}},
    -65537: [CARRIED.holder, "rider", list(POINTS), 0],
}
"""What the message says, written down apart from the code that writes it."""


def said(key: PassKey = CLOUD, **changes: object) -> bytes:
    """A message with other claims, which the cloud itself would never sign: ``c4`` is claim 4, ``n65537`` -65537."""
    numbers = {(int(name[1:]) if name[0] == "c" else -int(name[1:])): value for name, value in changes.items()}
    claims = {number: value for number, value in (CLAIMS | numbers).items() if value is not None}
    return key.sign(cbor2.dumps(claims, canonical=True)).pack()


FAULTS_OF_MESSAGE: dict[PassVerdict, bytes] = {
    PassVerdict.WRONG_KEY: issue_carried(CARRIED, STRANGE),
    PassVerdict.BAD_SIGNATURE: MESSAGE[:-64] + off_by_a_bit(MESSAGE[-64:]),
    PassVerdict.WRONG_SITE: issue_carried(replace(CARRIED, site="poplar-court"), CLOUD),
    PassVerdict.TOO_LONG: said(c4=NOW_S + 86_401),
}
"""A message with each fault, and with no other."""

FAULTS_OF_CARRIED: dict[PassVerdict, tuple[CarriedPass, ShortPass, Moment, set[bytes]]] = {
    PassVerdict.CLOCK_UNSET: (CARRIED, shown(), at(0, trust=Trust.UNSET), set()),
    PassVerdict.NOT_YET: (replace(CARRIED, from_s=NOW_S + 61), shown(), NOW, set()),
    PassVerdict.EXPIRED: (replace(CARRIED, until_s=NOW_S), shown(), NOW, set()),
    PassVerdict.REVOKED: (CARRIED, shown(), NOW, {b"another1", CARRIED.id}),
    PassVerdict.BAD_PROOF: (CARRIED, shown(OTHER_PHONE), NOW, set()),
    PassVerdict.STALE: (CARRIED, shown(at_s=NOW_S - 61), NOW, set()),
    PassVerdict.AHEAD: (CARRIED, shown(at_s=NOW_S + 16), NOW, set()),
}


def test_door_believes_a_pass_unheard_of() -> None:
    verdict, carried = believe_carried(MESSAGE, PASS_KEYS, SITE)
    assert (verdict, carried) == (PassVerdict.OK, CARRIED)
    assert verify_carried(CARRIED, shown(), NOW) is PassVerdict.OK


def test_message_says_what_is_written_down() -> None:
    """Its claims are those of RFC 8392 and RFC 8747, and one of our own."""
    payload = cbor2.loads(MESSAGE)[2]
    assert payload == cbor2.dumps(CLAIMS, canonical=True)


def test_kept_carried_pass_is_believed_as_ever() -> None:
    kept = read_pass(KEPT["text"])
    assert isinstance(kept, CarriedProof)
    assert kept.message.hex() == KEPT["message"]
    verdict, carried = believe_carried(kept.message, [bytes.fromhex(KEPT["pass_key"])], SITE)
    assert (verdict, carried) == (PassVerdict.OK, CARRIED)
    assert verify_carried(CARRIED, kept.proof, NOW) is PassVerdict.OK


def test_key_of_before_is_still_believed() -> None:
    assert believe_carried(issue_carried(CARRIED, BEFORE), PASS_KEYS, SITE)[0] is PassVerdict.OK
    assert believe_carried(MESSAGE, [], SITE) == (PassVerdict.WRONG_KEY, None)


@pytest.mark.parametrize("verdict", FAULTS_OF_MESSAGE)
def test_each_fault_of_a_message_has_its_verdict(verdict: PassVerdict) -> None:
    assert believe_carried(FAULTS_OF_MESSAGE[verdict], PASS_KEYS, SITE) == (verdict, None)


@pytest.mark.parametrize("verdict", FAULTS_OF_CARRIED)
def test_each_fault_shown_has_its_verdict(verdict: PassVerdict) -> None:
    assert verify_carried(*FAULTS_OF_CARRIED[verdict]) is verdict


def test_every_check_has_a_pass_that_it_stops() -> None:
    assert list(FAULTS_OF_MESSAGE) == list(CHECKS_OF_MESSAGE)
    assert list(FAULTS_OF_CARRIED) == list(CHECKS_OF_CARRIED)


@pytest.mark.parametrize("skipped", [*CHECKS_OF_MESSAGE, *CHECKS_OF_CARRIED])
def test_verifier_that_skips_a_check_is_caught(skipped: PassVerdict, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it its faulty pass is good: no other check stops it, and so the tests above would fail. Only who has no
    key for it cannot take the signature for good."""
    for table in ("CHECKS_OF_MESSAGE", "CHECKS_OF_CARRIED"):
        checks = getattr(carried_passes, table)
        monkeypatch.setattr(carried_passes, table, {one: fails for one, fails in checks.items() if one is not skipped})
    if skipped in FAULTS_OF_MESSAGE:
        verdict, _ = believe_carried(FAULTS_OF_MESSAGE[skipped], PASS_KEYS, SITE)
        assert verdict is (PassVerdict.BAD_SIGNATURE if skipped is PassVerdict.WRONG_KEY else PassVerdict.OK)
    else:
        assert verify_carried(*FAULTS_OF_CARRIED[skipped]) is PassVerdict.OK


OLD_KEY = [BEFORE.public()]


@pytest.mark.parametrize(
    ("name", "verdict"),
    {
        "early_issuer_auth": verify_carried(CARRIED, shown(), at(-61, 120_000)),
        "expired_issuer_auth": verify_carried(CARRIED, shown(at_s=NOW_S + 7_200), at(7_200)),
        "invalid_hash": believe_carried(MESSAGE.replace(b"east-gate", b"west-gate"), PASS_KEYS, SITE)[0],
        "invalid_signature": believe_carried(FAULTS_OF_MESSAGE[PassVerdict.BAD_SIGNATURE], PASS_KEYS, SITE)[0],
        "issuer_cert_expired": believe_carried(MESSAGE, OLD_KEY, SITE)[0],
        "issuer_cert_invalid_signature": believe_carried(MESSAGE, [CLOUD.public()[:-1] + b"\0", BEFORE.public()], SITE)[
            0
        ],
        "certificate_time_mismatch": believe_carried(said(c4=NOW_S, c5=NOW_S + 60), PASS_KEYS, SITE)[0],
        "device_key_info_mismatch": verify_carried(replace(CARRIED, key=OTHER_PHONE.public()), shown(), NOW),
        "doctype_wrong": believe_carried(PHONE.sign(cbor2.dumps({6: NOW_S})).pack(), [PHONE.public()], SITE)[0],
        "no_data_elements": believe_carried(said(n65537=None), PASS_KEYS, SITE)[0],
        "unknown_element_version": believe_carried(said(n65538=[2]), PASS_KEYS, SITE)[0],
        "unknown_critical_access_extension": believe_carried(said(c9=b"must be understood"), PASS_KEYS, SITE)[0],
        "unknown_reader_rule": believe_carried(
            said(n65537=[CARRIED.holder, "rider", list(POINTS), 0, "never"]), PASS_KEYS, SITE
        )[0],
        "time_verification_required": verify_carried(CARRIED, shown(), at(0, trust=Trust.UNSET)),
        "revoked": verify_carried(CARRIED, shown(), NOW, {CARRIED.id}),
    }.items(),
)
def test_certification_tool_negatives_are_refused(name: str, verdict: PassVerdict) -> None:
    """The cases of the Aliro certification tool by their names there."""
    expected = {
        "early_issuer_auth": PassVerdict.NOT_YET,
        "expired_issuer_auth": PassVerdict.EXPIRED,
        "invalid_hash": PassVerdict.BAD_SIGNATURE,
        "invalid_signature": PassVerdict.BAD_SIGNATURE,
        "issuer_cert_expired": PassVerdict.WRONG_KEY,
        "issuer_cert_invalid_signature": PassVerdict.WRONG_KEY,
        "device_key_info_mismatch": PassVerdict.BAD_PROOF,
        "time_verification_required": PassVerdict.CLOCK_UNSET,
        "revoked": PassVerdict.REVOKED,
    }
    assert verdict is expected.get(name, PassVerdict.MALFORMED)


def test_no_rule_for_this_door_is_not_entitled() -> None:
    """The rest of those cases are for the rule: another door, another hour, too old a list of what was withdrawn."""
    facts = Facts(SHANGHAI, Trust.SYNCED, NOW_MS, 0)
    grant = CARRIED.grant()

    def reason(point: str, now_ms: int = NOW_MS, **changes: object) -> Reason:
        asked = Request(point, bytes(16), pass_verdict=PassVerdict.OK)
        return decide(asked, grant, replace(facts, **changes), now_ms).reason

    assert reason("east-gate") is Reason.ALLOWED
    assert reason("gym") is Reason.NOT_ENTITLED
    assert reason("east-gate", CARRIED.until_s * 1000) is Reason.EXPIRED
    assert reason("east-gate", CARRIED.from_ms) is Reason.ALLOWED
    assert reason("east-gate", roster_age_ms=24 * 3_600_000) is Reason.ROSTER_STALE
    assert (grant.assurance, grant.holder, grant.points["unit-3"]) == (Assurance.SIGNED, CARRIED.holder, ALWAYS)


@pytest.mark.parametrize(
    "message",
    {
        "nothing": b"",
        "a short pass": PHONE.sign(cbor2.dumps({6: NOW_S})).pack(),
        "another tier": said(n65537=[CARRIED.holder, "staff", list(POINTS), 0]),
        "a resident": said(n65537=[CARRIED.holder, "resident", list(POINTS), 0]),
        "no points": said(n65537=[CARRIED.holder, "rider", [], 0]),
        "too many points": said(n65537=[CARRIED.holder, "rider", [f"p{n}" for n in range(17)], 0]),
        "a point of no name": said(n65537=[CARRIED.holder, "rider", ["East Gate"], 0]),
        "a point of a number": said(n65537=[CARRIED.holder, "rider", [1], 0]),
        "uses below none": said(n65537=[CARRIED.holder, "rider", list(POINTS), -1]),
        "too many uses": said(n65537=[CARRIED.holder, "rider", list(POINTS), 1_001]),
        "a short holder": said(n65537=[b"1234567", "rider", list(POINTS), 0]),
        "a short id": said(c7=b"1234567"),
        "a site of no name": said(c3="Willow Court"),
        "no end": said(c4=None),
        "an end of text": said(c4="tomorrow"),
        "a beginning of a truth": said(c5=True, c4=NOW_S),
        "an end of a float": said(c4=float(CARRIED.until_s)),
        "an end beyond 2106": said(c4=1 << 32),
        "a beginning below 0": said(c5=-1),
        "no key": said(c8=None),
        "a key id only": said(c8={2: b"12345678"}),
        "a symmetric key": said(c8={1: {1: 4, -1: bytes(32)}}),
        "another curve": said(c8={1: {1: 2, -1: 2, -2: CARRIED.key[1:], -3: True}}),
        "a short x": said(c8={1: {1: 2, -1: 1, -2: CARRIED.key[2:], -3: True}}),
        "a whole y": said(c8={1: {1: 2, -1: 1, -2: CARRIED.key[1:], -3: bytes(32)}}),
        "a claim more": said(c1="somebody"),
        "out of order": CLOUD.sign(cbor2.dumps(dict(reversed(CLAIMS.items())))).pack(),
        "no map": CLOUD.sign(cbor2.dumps([1, 2])).pack(),
    }.items(),
    ids=lambda pair: pair[0],
)
def test_message_of_another_form_is_malformed(message: tuple[str, bytes]) -> None:
    """Whoever signed it, and were it the cloud."""
    assert believe_carried(message[1], PASS_KEYS, SITE) == (PassVerdict.MALFORMED, None)


def test_phone_key_off_the_curve_proves_nothing() -> None:
    off = b"\x02" + b"\xff" * 32
    assert verify_carried(replace(CARRIED, key=off), shown(), NOW) is PassVerdict.BAD_PROOF
    with pytest.raises(ValueError, match="no point of P-256"):
        issue_carried(replace(CARRIED, key=off), CLOUD)


def test_keys_of_one_role_are_none_of_another() -> None:
    """A phone signs no carried pass, and the cloud shows none."""
    assert believe_carried(issue_carried(CARRIED, PHONE), PASS_KEYS, SITE)[0] is PassVerdict.WRONG_KEY
    assert verify_short(shown(CLOUD), PHONE.public(), NOW) is PassVerdict.WRONG_KEY


def test_new_pass_holds_where_the_clock_lags() -> None:
    assert verify_carried(CARRIED, shown(), at(-60, 120_000)) is PassVerdict.OK
    assert verify_carried(CARRIED, shown(at_s=NOW_S + 7_199), at(7_199.999)) is PassVerdict.OK


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"tier": Tier.STAFF}, "a staff carries no pass"),
        ({"until_s": NOW_S + 86_401}, "86400 s at most"),
        ({"until_s": NOW_S}, "out of range"),
        ({"points": ()}, "out of range"),
        ({"points": tuple(f"a-point-with-a-long-name-{n}" for n in range(16))}, "a reader reads 700"),
        ({"id": b"short"}, "out of range"),
    ],
)
def test_pass_that_no_door_takes_is_not_issued(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        issue_carried(replace(CARRIED, **changes), CLOUD)


points = st.lists(st.from_regex(r"[a-z0-9][a-z0-9-]{0,11}", fullmatch=True), min_size=1, max_size=10)


@given(
    st.builds(
        CarriedPass,
        id=st.binary(min_size=8, max_size=8),
        site=st.from_regex(r"[a-z0-9][a-z0-9-]{0,19}", fullmatch=True),
        holder=st.binary(min_size=8, max_size=8),
        tier=st.sampled_from([Tier.RIDER, Tier.GUEST]),
        key=st.sampled_from([PHONE.public(), OTHER_PHONE.public(), CLOUD.public(), BEFORE.public()]),
        points=points.map(tuple),
        from_s=st.integers(0, 4_000_000_000),
        until_s=st.integers(1, 86_400),
        uses=st.integers(0, 1_000),
    )
)
def test_any_pass_is_believed_as_it_was_issued(drawn: CarriedPass) -> None:
    carried = replace(drawn, until_s=drawn.from_s + drawn.until_s)
    message = issue_carried(carried, CLOUD)
    assert believe_carried(message, PASS_KEYS, carried.site) == (PassVerdict.OK, carried)


@given(
    st.binary(max_size=200)
    | st.builds(lambda at_, byte: MESSAGE[:at_] + byte + MESSAGE[at_ + 1 :], st.integers(0, 300), st.binary(max_size=2))
)
def test_any_bytes_get_a_verdict(message: bytes) -> None:
    """And none but the cloud's own bytes are believed."""
    verdict, carried = believe_carried(message, PASS_KEYS, SITE)
    assert (carried is not None) == (verdict is PassVerdict.OK) == (message == MESSAGE)
