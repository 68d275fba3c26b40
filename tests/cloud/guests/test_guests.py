"""The link that an inviter sends: one telephone opens it, and carries a pass until midnight."""

import re
from urllib.parse import urlsplit

import pytest

from cloud.guests.rule import InvitationState
from cloud.guests.service import GuestPage, GuestService
from cloud.people.pass_terms import known_pass_keys, note_signer, withdrawn_passes
from cloud.permits.kinds import PermitKind
from cloud.permits.service import PermitAsked, PermitService
from cloud.web.rejected import Rejected
from contract.carried_passes import believe_carried, verify_carried
from contract.cose import key_id_of
from contract.decide import DAY_MS, HOUR_MS, Tier, Trust
from contract.pass_verdicts import PassVerdict
from contract.passes import CarriedProof, Moment, ShortPass, read_pass, short_bytes_to_sign
from tests.cloud.support.pages import words
from tests.cloud.support.phones import CHILD, LI_SI, SoftPhone, a_phone, token_of
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import Town, Visitor

ADDRESS = re.compile(r"<code>(https?://\S+)</code>")


class Invitation:
    """A permit of Li Si's, and what becomes of its link."""

    def __init__(self, town: Town, until_ms: int = 0) -> None:
        note_signer(town.store, town.keys, town.now_ms)
        self.town = town
        self.permits = PermitService(town.store, town.keys, town.clock)
        self.guests = GuestService(town.store, town.keys, town.clock)
        asked = PermitAsked(kind=PermitKind.GUEST, name="an aunt", code=True, until_ms=until_ms)
        self.permit = self.permits.invite(LI_SI, asked).permit

    def link(self) -> str:
        return self.guests.make_link(LI_SI, self.permit)

    def at_the_gate(self, page: GuestPage, phone: SoftPhone | None = None) -> PassVerdict:
        """What a door that knows the cloud's key, and no roster, makes of the pass on a guest's page."""
        with self.town.store.reading() as connection:
            pass_keys, revoked = known_pass_keys(connection, SITE), withdrawn_passes(connection, SITE)
        verdict, carried = believe_carried(page.carried, pass_keys, SITE)
        if carried is None:
            return verdict
        assert carried.tier is Tier.GUEST and "east-gate" in carried.points
        at_s = self.town.now_ms // 1000
        if phone is None:
            shown = read_pass(page.slots[0].text)
            assert isinstance(shown, CarriedProof) and shown.message == page.carried
            proof = shown.proof
        else:
            proof = ShortPass(key_id_of(carried.key), at_s, phone.key.sign(short_bytes_to_sign(at_s)))
        return verify_carried(carried, proof, Moment(self.town.now_ms, 0, Trust.SYNCED), revoked)


def test_guest_carries_a_pass_until_midnight(town: Town) -> None:
    """To look at the link uses nothing up; once opened it is that telephone's, until the inviter ends it."""
    invitation, phone = Invitation(town), SoftPhone()
    guests, secret = invitation.guests, invitation.link()
    assert guests.look(secret, "").state is InvitationState.OPEN
    cookie = guests.open(secret, phone.offer(secret))
    page = guests.look(secret, cookie)
    assert page.state is InvitationState.MINE and page.digits.isdecimal() and page.slots == ()
    assert invitation.at_the_gate(page, phone) is PassVerdict.OK
    assert invitation.at_the_gate(page, SoftPhone()) is PassVerdict.BAD_PROOF
    town.now_ms += 8 * HOUR_MS  # 16:00 in Shanghai when it began
    assert invitation.at_the_gate(page, phone) is PassVerdict.EXPIRED
    assert invitation.at_the_gate(guests.look(secret, cookie), phone) is PassVerdict.OK  # half an hour of grace
    town.now_ms += HOUR_MS
    with pytest.raises(Rejected, match="over"):
        guests.open(secret, phone.offer(secret))
    assert guests.look(secret, cookie).state is InvitationState.OVER


def test_guest_of_some_days_gets_each_days_pass(town: Town) -> None:
    """The page signs the next one when the last has ended, and not before."""
    invitation, phone = Invitation(town, until_ms=town.now_ms + 3 * DAY_MS), SoftPhone()
    secret = invitation.link()
    cookie = invitation.guests.open(secret, phone.offer(secret))
    first = invitation.guests.look(secret, cookie)
    town.now_ms += HOUR_MS
    assert invitation.guests.look(secret, cookie).carried == first.carried
    town.now_ms += DAY_MS
    second = invitation.guests.look(secret, cookie)
    assert second.carried != first.carried
    assert invitation.at_the_gate(second, phone) is PassVerdict.OK


def test_link_is_opened_by_one_telephone(town: Town) -> None:
    invitation, phone = Invitation(town), SoftPhone()
    secret = invitation.link()
    cookie = invitation.guests.open(secret, phone.offer(secret))
    with pytest.raises(Rejected, match="Another phone"):
        invitation.guests.open(secret, SoftPhone().offer(secret))
    for other in ("", "guessed"):
        assert invitation.guests.look(secret, other).state is InvitationState.ELSEWHERE
    with pytest.raises(Rejected, match="opened the link already"):
        invitation.link()
    assert invitation.guests.look(secret, cookie).state is InvitationState.MINE


def test_lost_telephone_of_a_guest_is_replaced(town: Town) -> None:
    """In one step: what it carries opens nothing, and another telephone opens the new link for the rest of the time."""
    invitation, lost, found = Invitation(town, town.now_ms + 3 * DAY_MS), SoftPhone(), SoftPhone()
    guests, secret = invitation.guests, invitation.link()
    before = guests.look(secret, guests.open(secret, lost.offer(secret)))
    assert guests.opened([invitation.permit]) == {invitation.permit: town.now_ms}
    town.now_ms += HOUR_MS
    drawn, other = guests.replace(LI_SI, invitation.permit)
    assert invitation.at_the_gate(before, lost) is PassVerdict.REVOKED
    assert guests.look(secret, "").state is InvitationState.OVER
    after = guests.look(other, guests.open(other, found.offer(other)))
    assert invitation.at_the_gate(after, found) is PassVerdict.OK
    assert after.digits == drawn.code != before.digits
    views = [invitation.permits.find(one) for one in (invitation.permit, drawn.permit)]
    ended, new = (view.permit for view in views if view)
    assert (new.from_ms, new.until_ms) == (town.now_ms, ended.until_ms)
    with pytest.raises(Rejected, match="is over"):
        guests.replace(LI_SI, invitation.permit)
    with pytest.raises(Rejected, match="no such permit"):
        guests.replace(CHILD, drawn.permit)


def test_newer_link_ends_the_one_before(town: Town) -> None:
    invitation = Invitation(town)
    first, second = invitation.link(), invitation.link()
    with pytest.raises(Rejected, match="no such invitation"):
        invitation.guests.look(first, "")
    assert invitation.guests.look(second, "").state is InvitationState.OPEN


def test_ended_permit_withdraws_its_pass(town: Town) -> None:
    invitation, phone = Invitation(town), SoftPhone()
    secret = invitation.link()
    cookie = invitation.guests.open(secret, phone.offer(secret))
    page = invitation.guests.look(secret, cookie)
    invitation.permits.end("gate", invitation.permit)
    assert invitation.at_the_gate(page, phone) is PassVerdict.REVOKED
    assert invitation.guests.look(secret, cookie).carried == b""
    with pytest.raises(Rejected, match="over"):
        invitation.link()


def test_browser_without_keys_gets_slots(town: Town) -> None:
    """As within the chat program in which the link arrives."""
    invitation = Invitation(town)
    secret = invitation.link()
    page = invitation.guests.look(secret, invitation.guests.open(secret, None))
    assert invitation.at_the_gate(page) is PassVerdict.OK


def test_key_of_somebody_else_opens_no_link(town: Town) -> None:
    """What is refused uses nothing up."""
    invitation = Invitation(town)
    secret = invitation.link()
    with pytest.raises(Rejected, match="does not fit"):
        invitation.guests.open(secret, SoftPhone().offer("another link"))
    assert invitation.guests.look(secret, "").state is InvitationState.OPEN


def linked(phone: Visitor, permit: int = 1) -> str:
    """What the page says to whoever asks for a link."""
    return phone.post(f"/me/visitors/{permit}/link", data={"csrf": token_of(phone)}).text


def test_pages_lead_from_invitation_to_pass(town: Town) -> None:
    """Without scripts, as a chat program shows them: the same link leads back to the pass, and nobody else to it."""
    with a_phone(town) as inviter, town.visit() as guest, town.visit() as other:
        invited = inviter.post("/me/visitors", data={"csrf": token_of(inviter), "kind": "guest", "name": "an aunt"})
        assert "Make a link for their phone" in inviter.get(invited.headers["location"]).text
        found = ADDRESS.search(linked(inviter))
        assert found
        path = urlsplit(found[1]).path
        assert "Use this phone" in guest.get(path).text
        assert guest.post(path).status_code == 303
        page = guest.get(path).text
        assert "data-carried" in page and "<svg" in page and re.search(r'class="code">\d{6} #', page)
        answer = other.get(path)
        assert answer.status_code == 410 and "Another phone has opened" in answer.text
        assert "data-carried" not in answer.text and "#</p>" not in answer.text
        assert other.post(path).status_code == 410
        assert "opened the link already" in linked(inviter)
        assert other.get("/guest/nonsense").status_code == other.post("/guest/nonsense").status_code == 404


def test_link_is_made_by_its_inviter_alone(town: Town) -> None:
    """And only for what opens a door."""
    with a_phone(town) as inviter, a_phone(town, CHILD) as other:
        for fields in ({"kind": "guest"}, {"kind": "goods", "goods": "a sofa"}):
            inviter.post("/me/visitors", data={"csrf": token_of(inviter), **fields})
        assert "There is no such permit" in linked(other)
        assert "opens no door" in words(linked(inviter, 2))
        assert "There is no such permit" in linked(inviter, 3)
