"""Signed passes at a door: each counts once, by whoever's key the door knows, and what is remembered is bounded."""

from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from contract import cose
from contract.credentials import pass_credential, phone_credential
from contract.decide import Grant, Tier, Trust
from contract.pass_verdicts import PassVerdict
from contract.passes import CarriedProof, ShortPass, read_pass
from edge.passes.door_passes import MAX_BELIEVED, DoorPasses, JudgedPass, PassTerms
from tests.edge.support.cards import NOW_MS
from tests.edge.support.phones import ANNAS_PHONE, CLOUD, GUEST, NOW_S, RIDERS_PHONE, SITE, carried
from tests.edge.support.portals import ANNA


@dataclass
class Clock:
    """A clock in the test's hand."""

    at_ms: int = NOW_MS
    error_ms: int | None = 120
    trust: Trust = Trust.SYNCED
    boot: str = "b7"
    floor_ms: int = NOW_MS
    last_contact_ms: int = NOW_MS

    def now_ms(self) -> int:
        return self.at_ms

    def mono_ms(self) -> int:
        return self.at_ms - NOW_MS


class Door:
    """A device with doors, and what its roster says."""

    def __init__(self, document: bytes = b"") -> None:
        self.clock = Clock()
        self.revoked = set[bytes]()
        self.keys = [CLOUD.public()]
        anna = Grant(ANNA, Tier.MEMBER, {}, key=ANNAS_PHONE.key)
        self.phones = {phone_credential(ANNAS_PHONE.key_id): [anna]}
        self.passes = DoorPasses(
            lambda: PassTerms(SITE, self.keys, self.revoked),
            lambda phone: self.phones.get(phone, []),
            self.clock,
            document,
        )

    def shows(self, text: str, door: str = "gym") -> JudgedPass:
        shown = read_pass(text)
        assert isinstance(shown, ShortPass | CarriedProof)
        return self.passes.judge(shown, door)


def test_phone_of_roster_counts_once() -> None:
    door = Door()
    first = door.shows(ANNAS_PHONE.screen())
    assert (first.kind, first.verdict) == ("phone", PassVerdict.OK)
    assert first.credential == phone_credential(ANNAS_PHONE.key_id)
    assert [grant.holder for grant in first.granted] == [ANNA]
    again = door.shows(ANNAS_PHONE.screen())
    assert (again.verdict, again.shown_s) == (PassVerdict.REPLAYED, first.shown_s) == (PassVerdict.REPLAYED, NOW_S)
    assert door.shows(ANNAS_PHONE.screen(), "gate").verdict is PassVerdict.OK
    assert door.shows(ANNAS_PHONE.screen(NOW_S + 10)).verdict is PassVerdict.OK


def test_restart_keeps_what_was_shown() -> None:
    door = Door()
    door.shows(ANNAS_PHONE.screen())
    after = Door(door.passes.document())
    assert after.shows(ANNAS_PHONE.screen()).verdict is PassVerdict.REPLAYED


@pytest.mark.parametrize("document", [b"\xc1", b"\x80", b"\x82\xa5shown\x01\xa4used\x02"])
def test_document_that_rotted_holds_nothing(document: bytes) -> None:
    assert Door(document).shows(ANNAS_PHONE.screen()).verdict is PassVerdict.OK


@pytest.mark.parametrize(
    ("late_s", "error_ms", "verdict"),
    [
        (60, 0, PassVerdict.OK),
        (61, 0, PassVerdict.STALE),
        (61, 5_000, PassVerdict.OK),
        (300, 120_000, PassVerdict.STALE),
        (-15, 0, PassVerdict.OK),
        (-16, 0, PassVerdict.AHEAD),
        (-300, None, PassVerdict.AHEAD),
    ],
)
def test_screenshot_is_refused_by_its_age(late_s: int, error_ms: int | None, verdict: PassVerdict) -> None:
    """A clock whose error is known gives as much more time, and one that is five minutes off lets no pass in."""
    door = Door()
    door.clock.at_ms, door.clock.error_ms = NOW_MS + 1000 * late_s, error_ms
    assert door.shows(ANNAS_PHONE.screen()).verdict is verdict


@pytest.mark.parametrize("text", [ANNAS_PHONE.screen(), RIDERS_PHONE.carrying(carried("gym"))])
def test_unset_clock_refuses_and_uses_nothing_up(text: str) -> None:
    door = Door()
    door.clock.trust = Trust.UNSET
    assert door.shows(text).verdict is PassVerdict.CLOCK_UNSET
    door.clock.trust = Trust.SYNCED
    assert door.shows(text).verdict is PassVerdict.OK


def test_moment_of_a_bad_pass_is_not_told() -> None:
    """Nobody is accused of what a stranger has written."""
    stranger = Door()
    stranger.phones.clear()
    assert stranger.shows(ANNAS_PHONE.screen()).shown_s is None
    assert Door().shows(ANNAS_PHONE.screen(NOW_S - 600)).shown_s is None


def test_phone_that_no_row_names_is_refused() -> None:
    assert Door().shows(RIDERS_PHONE.screen()).verdict is PassVerdict.WRONG_KEY


def test_carried_pass_opens_where_nobody_knew_of_it() -> None:
    judged = Door().shows(RIDERS_PHONE.carrying(carried("gym")))
    assert (judged.kind, judged.verdict, judged.credential) == ("pass", PassVerdict.OK, pass_credential(GUEST))
    assert [(grant.holder, set(grant.points)) for grant in judged.granted] == [(GUEST, {"gym"})]


def test_withdrawn_pass_is_refused_though_believed() -> None:
    door = Door()
    assert door.shows(RIDERS_PHONE.carrying(carried("gym"))).verdict is PassVerdict.OK
    door.revoked.add(GUEST)
    assert door.shows(RIDERS_PHONE.carrying(carried("gym"), NOW_S + 10)).verdict is PassVerdict.REVOKED


def test_copied_pass_of_another_phone_is_refused() -> None:
    assert Door().shows(ANNAS_PHONE.carrying(carried("gym"))).verdict is PassVerdict.BAD_PROOF


def test_pass_counts_its_uses_at_each_door() -> None:
    """Also after a restart."""
    door, message = Door(), carried("gym", "gate", uses=2)
    for number in range(2):
        judged = door.shows(RIDERS_PHONE.carrying(message, NOW_S + number))
        assert judged.verdict is PassVerdict.OK
        door.passes.note_opened(judged, "gym")
    door = Door(door.passes.document())
    assert door.shows(RIDERS_PHONE.carrying(message, NOW_S + 5)).verdict is PassVerdict.USED_UP
    assert door.shows(RIDERS_PHONE.carrying(message, NOW_S + 6), "gate").verdict is PassVerdict.OK


def test_document_is_news_once() -> None:
    door = Door()
    news = []
    for text in (RIDERS_PHONE.screen(), ANNAS_PHONE.screen(), ANNAS_PHONE.screen()):
        door.shows(text)
        news.append(door.passes.has_news)
        door.passes.document()
    assert news == [False, True, False]


def test_signature_of_cloud_is_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second look at a pass costs one check, of the phone's signature."""
    door, checked, key = Door(), list[bytes](), cose._key

    def note(public: bytes) -> EllipticCurvePublicKey:
        checked.append(public)
        return key(public)

    message = carried("gym")
    texts = [RIDERS_PHONE.carrying(message, NOW_S + number) for number in range(3)]
    monkeypatch.setattr(cose, "_key", note)
    assert [door.shows(text).verdict for text in texts] == [PassVerdict.OK] * 3
    assert checked.count(CLOUD.public()) == 1
    assert checked.count(RIDERS_PHONE.key) == 3


def test_few_messages_are_remembered() -> None:
    door = Door()
    for number in range(MAX_BELIEVED + 10):
        door.shows(RIDERS_PHONE.carrying(carried("gym", minutes=1 + number)))
    assert len(door.passes._believed) == MAX_BELIEVED


def test_other_keys_of_cloud_end_all_belief() -> None:
    """The cloud's key is exchanged after a theft: what was signed with the old one counts no more."""
    door, message = Door(), carried("gym")
    assert door.shows(RIDERS_PHONE.carrying(message)).verdict is PassVerdict.OK
    door.keys = [ANNAS_PHONE.key]
    assert door.shows(RIDERS_PHONE.carrying(message, NOW_S + 1)).verdict is PassVerdict.WRONG_KEY
