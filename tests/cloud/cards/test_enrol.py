"""Enrolment by tap in the cloud: the card becomes theirs once, and nothing that comes late or falsely changes that."""

from typing import Any

import pytest

from cloud.cards.rule import Card, Recipient
from cloud.people.community import load_community
from cloud.web.operators import list_audit
from cloud.web.rejected import Rejected
from contract.credentials import canonical, forms
from contract.decide import Standing
from contract.messages import Result
from contract.sealing import credential_digest
from tests.cloud.support.orders import GYM, answers, commands
from tests.cloud.support.taps import NEW_CARD, NEW_FOB, Taps
from tests.cloud.support.town import Town

LI = Recipient(5)


def known(town: Town, frame: str) -> list[tuple[int, Standing]]:
    """Who has a card of this frame, as rosters are made of it."""
    card = canonical(frame)
    assert card is not None
    digest = credential_digest(town.keys.digest, card)
    with town.store.reading() as connection:
        whole = load_community(connection)
    return [(one.person, one.standing) for one in whole.credentials if one.digest == digest]


def test_card_held_twice_becomes_theirs(town: Town, taps: Taps) -> None:
    command = taps.enrolments.begin("office", GYM, LI, label="blue fob")
    (asked,) = taps.asked()
    assert (asked.id, asked.point, asked.reason) == (command, GYM, "enrolment")
    assert asked.args == {"key": town.keys.enrol.public().hex(), "window_ms": 120_000, "reader": "in"}
    taps.enrolments.settle()
    assert taps.state(command) == ("waiting", "")
    taps.holds(command)
    assert taps.state(command) == ("enrolled", "")
    assert known(town, NEW_CARD) == [(5, Standing.ACTIVE)]
    assert [card.label for card in taps.cards_of(5)] == ["Gate card 门禁卡", "blue fob"]
    with town.store.reading() as connection:
        entry = list_audit(connection, limit=1)[0]
    assert (entry.action, entry.subject, entry.operator) == ("card.added", "person 5", "office")
    assert "4242" not in str(entry.detail)


def test_enrolment_stands_before_its_command_leaves(town: Town, taps: Taps, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device may tell of its first step within a millisecond, and a step of nothing is lost."""
    states: list[str] = []
    monkeypatch.setattr(town.commands._channel, "publish", lambda _, sent: states.append(taps.found(sent.id).state))
    taps.enrolments.begin("office", GYM, LI)
    assert states == ["waiting"]


def test_fob_is_enrolled_in_all_its_forms(town: Town, taps: Taps) -> None:
    taps.holds(taps.enrolments.begin("office", GYM, LI), NEW_FOB)
    card = canonical(NEW_FOB)
    assert card is not None
    wanted = {credential_digest(town.keys.digest, form) for form in forms(card)}
    with town.store.reading() as connection:
        mine = {one.digest for one in load_community(connection).credentials if one.person == 5}
    assert len(wanted) == 6
    assert wanted <= mine
    assert len(taps.cards_of(5)) == 2, "it is one card"


def test_form_of_another_card_is_left_out(town: Town, taps: Taps) -> None:
    taps.cards.add_card("office", Recipient(1), Card("H10301", 0x44, 0x5566))
    command = taps.enrolments.begin("office", GYM, LI)
    taps.holds(command, NEW_FOB)
    assert taps.found(command).forms_left_out == 1
    with town.store.reading() as connection:
        digests = [one.digest for one in load_community(connection).credentials]
    assert len(digests) == len(set(digests)), "no credential is two people's"


def test_number_of_the_card_stays_nowhere_plain(town: Town, taps: Taps) -> None:
    command = taps.enrolments.begin("office", GYM, LI)
    taps.holds(command, NEW_FOB)
    dump = "\n".join(town.store.engine.raw_connection().driver_connection.iterdump())  # type: ignore[union-attr]
    number = int(NEW_FOB, 2)
    assert NEW_FOB not in dump
    assert str(number) not in dump
    assert f"{number:014x}" not in dump.lower()


@pytest.mark.parametrize(
    ("outcome", "why"),
    [("refused", "two_cards"), ("refused", "no_card"), ("refused", "enrolling"), ("failed", "internal_error")],
)
def test_refusal_of_the_device_ends_it(town: Town, taps: Taps, outcome: str, why: str) -> None:
    command = taps.enrolments.begin("office", GYM, LI)
    taps.answers(command, outcome, why)
    assert taps.state(command) == ("ended", why)
    assert len(taps.cards_of(5)) == 1
    assert taps.enrolments.begin("office", GYM, LI) != command, "the reader is free again"


def test_two_clerks_at_one_reader_are_told_apart(taps: Taps) -> None:
    command = taps.enrolments.begin("office", GYM, LI)
    with pytest.raises(Rejected, match="office"):
        taps.enrolments.begin("admin", GYM, Recipient(1))
    assert taps.enrolments.begin("admin", GYM, Recipient(1), reader="out") != command
    taps.enrolments.cancel("office", command)
    assert taps.enrolments.begin("admin", GYM, Recipient(1))


def test_offline_device_is_asked_for_nothing(town: Town, taps: Taps) -> None:
    town.broker_is_there = False
    with pytest.raises(Rejected, match="offline"):
        taps.enrolments.begin("office", GYM, LI)
    town.broker_is_there = True
    with pytest.raises(Rejected, match="offline"):
        taps.enrolments.begin("office", "east-gate", LI)
    assert commands(town) == []


@pytest.mark.parametrize(
    ("point", "to", "text"),
    [
        ("nowhere", LI, "Choose a reader"),
        (GYM, Recipient(999), "no such person"),
        (GYM, Recipient(party=999), "no such household"),
    ],
)
def test_enrolment_of_nothing_is_rejected(taps: Taps, point: str, to: Recipient, text: str) -> None:
    with pytest.raises(Rejected, match=text):
        taps.enrolments.begin("office", point, to)
    assert taps.asked() == []


def test_cancelled_enrolment_takes_no_late_card(town: Town, taps: Taps) -> None:
    command = taps.enrolments.begin("office", GYM, LI)
    taps.enrolments.cancel("office", command)
    assert [(one.op, one.args) for one in commands(town)][-1] == ("enrol_cancel", {"enrolment": command})
    taps.holds(command)
    assert taps.state(command) == ("ended", "cancelled")
    assert known(town, NEW_CARD) == []
    with pytest.raises(Rejected, match="over"):
        taps.enrolments.cancel("office", command)


def test_silent_device_ends_it_in_time(town: Town, taps: Taps) -> None:
    command = taps.enrolments.begin("office", GYM, LI)
    town.now_ms += 134_000
    taps.enrolments.settle()
    assert taps.state(command) == ("waiting", "")
    town.now_ms += 2_000
    taps.enrolments.settle()
    assert taps.state(command) == ("ended", "no_answer")
    taps.holds(command)
    assert known(town, NEW_CARD) == []


def test_forged_and_replayed_results_change_nothing(town: Town, taps: Taps) -> None:
    command = taps.enrolments.begin("office", GYM, LI)
    data = {"card": taps.sealed(command, NEW_CARD)}
    forged = Result(command, "done", town.now_ms, data=data)
    answers(town, GYM, forged, signed_by="east-gate")
    answers(town, "east-gate", forged)
    taps.enrolments.settle()
    assert taps.state(command) == ("waiting", "")
    taps.holds(command, NEW_FOB)
    assert taps.state(command) == ("enrolled", "")
    before = taps.cards_of(5)
    taps.answers(command, data=data)
    assert taps.cards_of(5) == before
    assert known(town, NEW_CARD) == []


@pytest.mark.parametrize("card", ["", "zz", "00" * 90, "other key", "other command", "no frame", "x" * 500])
def test_envelope_that_does_not_open_enrols_nobody(town: Town, taps: Taps, card: str) -> None:
    command = taps.enrolments.begin("office", GYM, LI)
    made = {
        "other key": taps.sealed(command, NEW_CARD, key=bytes([9]) + bytes(31)),
        "other command": taps.sealed("00" * 16, NEW_CARD),
        "no frame": taps.sealed(command, "10201"),
    }
    taps.answers(command, data={"card": made.get(card, card)})
    town.now_ms += 200_000
    taps.enrolments.settle()
    assert taps.found(command).state == "ended"
    assert len(taps.cards_of(5)) == 1


def test_card_of_somebody_else_is_not_given(town: Town, taps: Taps) -> None:
    taps.cards.add_card("office", Recipient(1), Card("H10301", 7, 4242))
    command = taps.enrolments.begin("office", GYM, LI)
    taps.holds(command)
    assert taps.state(command) == ("ended", "card_taken")
    assert taps.found(command).credential == taps.cards_of(1)[-1].id
    assert known(town, NEW_CARD) == [(1, Standing.ACTIVE)]


def test_card_of_the_stock_is_given_by_tap(town: Town, taps: Taps) -> None:
    taps.cards.add_batch("office", "4242", "H10301", 7, "spring")
    taps.holds(taps.enrolments.begin("office", GYM, LI))
    assert [(card.batch, card.state) for card in taps.cards_of(5)] == [("", "issued"), ("spring", "issued")]


def test_void_card_is_not_given_by_tap(town: Town, taps: Taps) -> None:
    taps.cards.void("office", taps.cards.add_card("office", Recipient(1), Card("H10301", 7, 4242)))
    command = taps.enrolments.begin("office", GYM, LI)
    taps.holds(command)
    assert taps.state(command) == ("ended", "card_void")


def test_enrolment_without_recipient_fills_the_stock(taps: Taps) -> None:
    command = taps.enrolments.begin("office", GYM, Recipient(), batch="found")
    taps.holds(command)
    assert taps.state(command) == ("enrolled", "")
    card = taps.cards.find(Card("H10301", 7, 4242))
    assert card is not None
    assert (card.state, card.batch, card.person) == ("stock", "found", None)


def test_undo_takes_the_card_back_once(town: Town, taps: Taps) -> None:
    command = taps.enrolments.begin("office", GYM, LI)
    taps.holds(command)
    taps.enrolments.undo("office", command)
    assert known(town, NEW_CARD) == []
    assert taps.state(command) == ("undone", "")
    with pytest.raises(Rejected, match="nothing to undo"):
        taps.enrolments.undo("office", command)
    taps.holds(taps.enrolments.begin("office", GYM, Recipient(1)))
    assert known(town, NEW_CARD) == [(1, Standing.ACTIVE)]


def test_undo_leaves_what_was_given_since(town: Town, taps: Taps) -> None:
    command = taps.enrolments.begin("office", GYM, LI)
    taps.holds(command)
    card = taps.cards_of(5)[-1].id
    taps.cards.take_back("office", card)
    taps.cards.give("office", card, Recipient(1))
    with pytest.raises(Rejected, match="given to somebody else"):
        taps.enrolments.undo("office", command)
    assert known(town, NEW_CARD) == [(1, Standing.ACTIVE)]


def test_event_ahead_of_the_result_loses_no_card(town: Town, taps: Taps) -> None:
    """The journal may tell sooner than the result that the command was done."""
    command = taps.enrolments.begin("office", GYM, LI)
    told: dict[str, Any] = {"id": command, "op": "enrol", "by": "office", "reason": "enrolment"}
    town.happens("command.done", point="", **told)
    taps.enrolments.settle()
    assert taps.state(command) == ("waiting", "")
    taps.holds(command)
    assert taps.state(command) == ("enrolled", "")


def test_steps_are_those_of_its_own_device(town: Town, taps: Taps) -> None:
    command = taps.enrolments.begin("office", GYM, LI)
    town.happens("reader.enrolment", device="east-gate", id=command, reader="in", step="read")
    assert taps.found(command).step == ""
    town.happens("reader.enrolment", id=command, reader="in", step="first_read")
    assert taps.found(command).step == "first_read"
    town.happens("reader.enrolment", id=command, reader="in", step="eaten")
    assert taps.found(command).step == "first_read"


def test_person_who_left_meanwhile_gets_no_card(town: Town, taps: Taps) -> None:
    command = taps.enrolments.begin("office", GYM, LI)
    with town.store.writing() as connection:
        connection.exec_driver_sql("UPDATE people SET ended_ms = 1 WHERE id = 5")
    taps.holds(command)
    assert taps.state(command) == ("ended", "no_such_person")
