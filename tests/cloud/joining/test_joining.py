"""A rider at the gate: from the poster to a code, with one tap of the guard; and what robots and strangers get."""

import re
from urllib.parse import urlsplit

import pytest

from cloud.bars.rule import BarGround
from cloud.bars.service import BarService
from cloud.cards.phone_keys import Offer
from cloud.cards.slots import SLOTS
from cloud.joining.rule import KEPT_MS, MAX_A_MINUTE, MAX_OF_PHONE, MAX_WAITING, SHOWN_MS, WAITS_MS, JoinState
from cloud.joining.service import JoinAnswer, JoinService, forget_requests
from cloud.joining.store import delete_requests
from cloud.people.pass_terms import known_pass_keys, note_signer, withdrawn_passes
from cloud.permits.service import PermitService
from cloud.web.rejected import Rejected
from contract.carried_passes import believe_carried, verify_carried
from contract.cose import key_id_of
from contract.decide import DAY_MS, HOUR_MS, MINUTE_MS, Trust
from contract.pass_verdicts import PassVerdict
from contract.passes import CarriedProof, Moment, ShortPass, read_pass, short_bytes_to_sign
from tests.cloud.support.pages import words
from tests.cloud.support.phones import SoftPhone
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import Town, Visitor

RIDER = {"name": "Wang", "phone": "138 0013 8000", "consent": "on"}


def asks(rider: Visitor, **fields: str) -> str:
    """The path of the page on which a rider waits, or what is said against them."""
    answer = rider.post("/join/hub", data={**RIDER, **fields})
    return urlsplit(answer.headers["location"]).path if answer.status_code == 303 else words(answer.text)


def test_rider_has_a_code_after_one_tap(town: Town) -> None:
    """Three taps and two fields: agree, ask, and the code is there; the guard has tapped once."""
    with town.visit() as rider, town.visit("gate") as gate:
        assert "Let me in" in rider.get("/join/hub").text
        page = asks(rider)
        assert "The guard is asked" in rider.get(page).text
        assert "Wang …8000" in words(gate.get("/riders").text)
        assert gate.submit("/riders/1/let-in", "/riders").status_code == 303
        found = re.search(r'class="code">(\d{6}) #', rider.get(page).text)
        assert found
        assert "Rider · Wang Valid has a code" in words(gate.get("/permits").text)
        assert "Nobody waits" in gate.get("/riders").text
        assert gate.submit("/riders/1/let-in", "/permits").status_code == 422
        town.now_ms += SHOWN_MS
        assert found[1] not in rider.get(page).text


def test_quicker_guard_has_let_the_rider_in(town: Town) -> None:
    """Two guards tap at once: the rider has one permit, and the second guard is told."""
    joining, permits = riders(town)
    joining.ask("hub", "Wang", "13800138000", consents=True)
    joining.let_in("gate", 1)
    with pytest.raises(Rejected, match="Nobody waits"):
        joining.let_in("admin", 1)
    assert permits.find(1) is not None and permits.find(2) is None


def riders(town: Town) -> tuple[JoinService, PermitService]:
    return JoinService(town.store, town.keys, town.clock), PermitService(town.store, town.keys, town.clock)


def at_the_gate(town: Town, answer: JoinAnswer, phone: SoftPhone | None = None) -> PassVerdict:
    """What a door that knows the cloud's key, and no roster, makes of the pass on a rider's page."""
    with town.store.reading() as connection:
        pass_keys = known_pass_keys(connection, SITE)
    verdict, carried = believe_carried(answer.carried, pass_keys, SITE)
    if carried is None:
        return verdict
    at_s, moment = town.now_ms // 1000, Moment(town.now_ms, 0, Trust.SYNCED)
    proof = ShortPass(key_id_of(carried.key), at_s, phone.key.sign(short_bytes_to_sign(at_s)) if phone else b"")
    if phone is None:
        shown = read_pass(answer.slots[0].text)
        assert isinstance(shown, CarriedProof) and shown.message == answer.carried
        proof = shown.proof
    assert "east-gate" in carried.points and "p-1" not in carried.points
    with town.store.reading() as connection:
        return verify_carried(carried, proof, moment, withdrawn_passes(connection, SITE))


def test_rider_carries_a_signed_pass(town: Town) -> None:
    """By the key of their telephone, for two hours; whoever ends the permit withdraws the pass."""
    note_signer(town.store, town.keys, town.now_ms)
    (joining, permits), phone = riders(town), SoftPhone()
    page = joining.ask("hub", "Wang", "13800138000", phone.offer("hub"), consents=True)
    assert joining.look("hub", page) == JoinAnswer(JoinState.WAITING)
    permit = joining.let_in("gate", 1)
    answer = joining.look("hub", page)
    assert (answer.key_id, answer.slots) == (key_id_of(phone.public).hex(), ())
    assert at_the_gate(town, answer, phone) is PassVerdict.OK
    assert at_the_gate(town, answer, SoftPhone()) is PassVerdict.BAD_PROOF
    permits.end("gate", permit)
    assert at_the_gate(town, answer, phone) is PassVerdict.REVOKED
    assert joining.look("hub", page).state is JoinState.GONE
    town.now_ms += 2 * HOUR_MS
    assert at_the_gate(town, answer, phone) is PassVerdict.EXPIRED


def test_browser_without_keys_gets_slots(town: Town) -> None:
    """As within a chat program: its key is held here, and signs the next minutes ahead."""
    note_signer(town.store, town.keys, town.now_ms)
    joining, _ = riders(town)
    page = joining.ask("hub", "Wang", "13800138000", consents=True)
    joining.let_in("gate", 1)
    answer = joining.look("hub", page)
    assert len(answer.slots) == SLOTS
    assert at_the_gate(town, answer) is PassVerdict.OK


def test_known_telephone_is_let_in(town: Town) -> None:
    """One that a guard has let in: for 30 days, unless a guard refused it since. A number alone proves nothing."""
    (joining, _), phone = riders(town), SoftPhone()
    first = joining.ask("hub", "Wang", "13800138000", phone.offer("hub"), consents=True)
    with pytest.raises(Rejected, match="not known here"):
        joining.again("hub", first, phone.offer("hub"))
    joining.let_in("gate", 1)
    assert joining.knows("hub", first)
    second = joining.again("hub", first, phone.offer("hub"))
    assert joining.look("hub", second).state is JoinState.LET_IN
    town.now_ms += DAY_MS
    stranger = joining.ask("hub", "Wang", "13800138000", SoftPhone().offer("hub"), consents=True)
    assert joining.look("hub", stranger).state is JoinState.WAITING
    with pytest.raises(Rejected, match="not known here"):
        joining.again("hub", first, SoftPhone().offer("hub"))
    town.now_ms += KEPT_MS
    assert not joining.knows("hub", first)


def test_refused_telephone_is_known_no_more(town: Town) -> None:
    (joining, _), phone = riders(town), SoftPhone()
    first = joining.ask("hub", "Wang", "13800138000", phone.offer("hub"), consents=True)
    joining.refuse("gate", 1)
    assert not joining.knows("hub", first)
    town.now_ms += 1
    joining.ask("hub", "Wang", "13800138000", phone.offer("hub"), consents=True)
    assert [one.id for one in joining.waiting()] == [2]


def test_key_of_somebody_else_is_refused(town: Town) -> None:
    """Who copies a public key has not its private half."""
    (joining, _), phone = riders(town), SoftPhone()
    copied = Offer(phone.offer("hub").key, SoftPhone().offer("hub").proof)
    with pytest.raises(Rejected, match="does not fit"):
        joining.ask("hub", "Wang", "13800138000", copied, consents=True)


def test_page_offers_one_tap_to_known_phones(town: Town) -> None:
    phone = SoftPhone()
    with town.visit() as rider, town.visit("gate") as gate:
        offered = phone.offer("hub")
        asks(rider, key=offered.key, proof=offered.proof)
        gate.submit("/riders/1/let-in", "/riders")
        assert "In once more" in rider.get("/join/hub").text
        assert "Ask the guard" in rider.get("/join/hub?anew=1").text
        again = rider.post("/join/hub/again", data={"key": offered.key, "proof": offered.proof})
        assert "Come in" in rider.get(again.headers["location"]).text
        assert rider.post("/join/hub/again").status_code == 409


def test_refused_rider_is_sent_to_the_guard(town: Town) -> None:
    with town.visit() as rider, town.visit("gate") as gate:
        page = asks(rider)
        gate.submit("/riders/1/refused", "/riders")
        assert "Go to the guard" in rider.get(page).text
        late = asks(rider)
        town.now_ms += WAITS_MS
        assert "Go to the guard" in rider.get(late).text
        assert "Nobody waits" in gate.get("/riders").text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"consent": ""}, "Tick that you agree"),
        ({"name": " "}, "Write your name"),
        ({"name": "x" * 30}, "check every field"),
        ({"phone": "12"}, "5 to 15 digits"),
    ],
)
def test_wrong_form_keeps_what_was_typed(town: Town, fields: dict[str, str], said: str) -> None:
    with town.visit() as rider:
        answer = rider.post("/join/hub", data={**RIDER, **fields})
        assert answer.status_code == 422 and said in answer.text
        assert f'value="{ {**RIDER, **fields}["phone"] }"' in answer.text
    with town.store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM join_requests").scalar() == 0


def test_robot_is_answered_and_not_kept(town: Town) -> None:
    with town.visit() as robot, town.visit("gate") as gate:
        assert "The guard is asked" in robot.get(asks(robot, company="Buy now")).text
        assert "Nobody waits" in gate.get("/riders").text


def test_one_telephone_asks_only_so_often(town: Town) -> None:
    with town.visit() as rider:
        for _ in range(MAX_OF_PHONE):
            assert asks(rider).startswith("/join/hub/")
        assert "go to the guard" in asks(rider)
        town.now_ms += HOUR_MS
        assert asks(rider).startswith("/join/hub/")


def test_queue_of_a_hub_has_an_end(town: Town) -> None:
    with town.visit() as rider:
        for number in range(MAX_WAITING):
            town.now_ms += MINUTE_MS // MAX_A_MINUTE
            assert asks(rider, phone=f"1380013{number:04}").startswith("/join/hub/")
        assert "Too many wait here" in asks(rider, phone="13900000000")


def test_robots_do_not_keep_known_riders_out(town: Town) -> None:
    """Ten strangers a minute are let ask at a hub. A telephone that is known there is let in all the same, and counts
    for nobody else."""
    (joining, _), phone = riders(town), SoftPhone()
    first = joining.ask("hub", "Wang", "13800138000", phone.offer("hub"), consents=True)
    joining.let_in("gate", 1)
    for number in range(MAX_A_MINUTE - 1):
        joining.ask("hub", "Robot", f"1390013{number:04}", consents=True)
    with pytest.raises(Rejected, match="at once"):
        joining.ask("hub", "Zhao", "13700137000", consents=True)
    assert joining.look("hub", joining.again("hub", first, phone.offer("hub"))).state is JoinState.LET_IN
    town.now_ms += MINUTE_MS
    joining.ask("hub", "Zhao", "13700137000", consents=True)


def test_known_telephone_draws_few_permits(town: Town) -> None:
    """Under a new number each time it is the same key."""
    (joining, permits), phone = riders(town), SoftPhone()
    joining.ask("hub", "Wang", "13800138000", phone.offer("hub"), consents=True)
    joining.let_in("gate", 1)
    for number in range(1, MAX_OF_PHONE):
        joining.ask("hub", "Wang", f"1390013{number:04}", phone.offer("hub"), consents=True)
    with pytest.raises(Rejected, match="within the hour"):
        joining.ask("hub", "Wang", "13700137000", phone.offer("hub"), consents=True)
    assert permits.find(MAX_OF_PHONE) is not None and permits.find(MAX_OF_PHONE + 1) is None


def test_barred_telephone_is_told_nothing(town: Town) -> None:
    bars = BarService(town.store, town.keys, town.clock)
    bars.confirm("wu", bars.enter("lin", BarGround.THEFT, town.now_ms + DAY_MS, phone="13800138000"))
    with town.visit() as rider:
        said = asks(rider)
        assert "Go to the guard" in said and "theft" not in said.lower()


def test_unknown_hub_and_secret_show_nothing(town: Town) -> None:
    with town.visit() as rider:
        assert rider.get("/join/nowhere").status_code == 404
        assert rider.post("/join/nowhere", data=RIDER).status_code == 404
        assert "The guard is asked" in rider.get("/join/hub/nonsense").text
        assert "<svg" in rider.get("/join/hub/poster").text


def test_requests_are_deleted_after_their_term(town: Town) -> None:
    with town.visit() as rider:
        asks(rider)
    with town.store.writing() as connection:
        assert delete_requests(connection, SITE, town.now_ms) == 0
        assert delete_requests(connection, SITE, town.now_ms + 1) == 1
    with town.visit() as rider:
        asks(rider)
    forget_requests(town.store, lambda: town.now_ms + 31 * DAY_MS)
    with town.store.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM join_requests").scalar() == 0
