"""The doors page and the API behind it: what is ordered from afar, and what is known of it."""

import re
from typing import Any

import pytest

from cloud.devices.registry import lose_device
from contract import codec
from contract.decide import Mode
from contract.messages import Reported, Result
from tests.cloud.support.orders import GYM, REASON, answers, calls, commands, deeds, documents, state_of
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town


def test_an_opening_is_done_when_the_device_says_so_and_not_before(town: Town) -> None:
    town.beats(GYM)
    with town.visit("gate") as guard:
        answer = guard.submit(f"/commands/open_once/{GYM}", "/doors", back="/doors", reason=REASON)
        page = guard.get(answer.headers["location"]).text
        assert "Sent; waiting for the device to confirm" in words(page)
        sender = town.senders["gym-turnstile"]
        town.arrives("gym-turnstile", "state", sender.state(2))
        assert "the device has connected anew" in words(guard.get("/points/gym-turnstile").text)
        assert 'http-equiv="refresh"' in page
        (command,) = commands(town)
        assert (command.op, command.point, command.by, command.reason) == ("open_once", GYM, "gate", REASON)
        assert (command.connection, command.issued_ms) == (1, town.now_ms)
        answers(town, GYM, Result(command.id, "done", town.now_ms))
        page = guard.get(answer.headers["location"]).text
        assert "Done: confirmed by the device" in words(page)
        assert 'http-equiv="refresh"' not in page
    deed = deeds(town)[0]
    assert (deed["operator"], deed["action"], deed["subject"]) == ("gate", "command.open_once", GYM)
    assert deed["detail"]["reason"] == REASON


def test_a_refusal_is_shown_with_its_reason(town: Town) -> None:
    town.beats(GYM)
    with town.visit("gate", language="zh") as guard:
        where = guard.submit(f"/commands/open_once/{GYM}", "/doors", back="/doors", reason=REASON).headers["location"]
        answers(town, GYM, Result(commands(town)[0].id, "refused", town.now_ms, "locked_down"))
        assert "设备拒绝: 该门已紧急封闭" in words(guard.get(where).text).replace("：", ": ")


def test_a_door_that_is_not_heard_is_sent_nothing_and_its_button_is_off(town: Town) -> None:
    with town.visit("gate") as guard:
        assert re.search(r"<button data-needs-online disabled>Open once", guard.get("/doors").text)
        where = guard.submit(f"/commands/open_once/{GYM}", "/doors", back="/doors", reason=REASON).headers["location"]
        assert "Not sent: the device is offline" in words(guard.get(where).text)
    assert commands(town) == []


def test_without_a_broker_nothing_is_said_to_be_sent(town: Town) -> None:
    town.beats(GYM)
    town.broker_is_there = False
    with town.visit("gate") as guard:
        _, made = calls(guard, f"/api/v1/points/{GYM}/open", reason=REASON)
        assert state_of(guard, made["id"]) == "undeliverable"
    assert commands(town) == []


def test_what_nobody_answers_is_unknown_until_the_journal_tells(town: Town) -> None:
    town.beats(GYM)
    with town.visit("gate") as guard:
        status, made = calls(guard, f"/api/v1/points/{GYM}/open", reason=REASON)
        assert (status, state_of(guard, made["id"])) == (202, "sent")
        town.now_ms += 15_001
        assert state_of(guard, made["id"]) == "unknown"
        town.happens("command.done", id=made["id"], op="open_once", by="gate", reason=REASON)
        assert state_of(guard, made["id"]) == "done"


@pytest.mark.parametrize("reason", ["", "  ", "x", "x" * 201])
def test_nothing_is_opened_without_a_reason(town: Town, reason: str) -> None:
    town.beats(GYM)
    with town.visit("gate") as guard:
        answer = guard.submit(f"/commands/open_once/{GYM}", "/doors", back="/doors", reason=reason)
        assert answer.status_code == 422
        assert "Give a reason" in words(answer.text)
        assert calls(guard, f"/api/v1/points/{GYM}/open", reason=reason)[0] == 422
    assert commands(town) == []


def test_a_word_of_chinese_is_reason_enough_to_lock_down(town: Town) -> None:
    with town.visit("gate") as guard:
        step = "/doors/lockdown?step=2"
        assert 'minlength="2"' in guard.get(step).text
        assert guard.submit("/doors/modes", step, mode="lockdown", confirm="1", reason="火警").status_code == 303


NO_POINT = "there is no such point, or no device is registered for it"


NOT_ORDERED: list[tuple[str, dict[str, Any], int, str]] = [
    ("points/nowhere/open", {}, 404, NO_POINT),
    ("points/nowhere/start", {"card": 1}, 404, NO_POINT),
    ("points/nowhere/stop", {"session": "0123456789abcdef"}, 404, NO_POINT),
    ("devices/nothing/commands", {"op": "reboot"}, 404, "no device nothing"),
    ("zones/nowhere/drill", {"on": True}, 404, "there is no such zone, or no device is registered in it"),
    ("modes", {"points": ["nowhere"], "mode": "hold_open"}, 404, NO_POINT),
    ("modes", {"points": [GYM], "mode": "hold_open", "minutes": 121}, 422, "hold_open lasts 1 to 120 minutes"),
    ("modes/nothing/end", {}, 404, "no order of this name holds a point any more"),
    ("modes/nothing/renew", {}, 404, "no order of this name holds a point any more"),
]


@pytest.mark.parametrize(("path", "body", "status", "message"), NOT_ORDERED, ids=[row[0] for row in NOT_ORDERED])
def test_what_cannot_be_ordered_has_one_answer(
    town: Town, path: str, body: dict[str, Any], status: int, message: str
) -> None:
    with town.visit("admin") as admin:
        code, told = calls(admin, f"/api/v1/{path}", **body, reason=REASON)
    assert (code, told["error"]) == (status, {404: "not_found", 422: "refused"}[status])
    assert told["message"].startswith(message)
    assert commands(town) == []
    assert documents(town) == []


def test_a_door_that_does_not_exist_is_named_as_such(town: Town) -> None:
    with town.visit("gate") as guard:
        assert calls(guard, "/api/v1/points/nowhere/open", reason=REASON)[0] == 404
        assert calls(guard, "/api/v1/modes", points=[GYM, "nowhere"], mode="hold_open", reason=REASON)[0] == 404
        assert guard.submit("/commands/open_once/nowhere", "/doors", reason=REASON).status_code == 422
        assert guard.get("/doors/lockdown?point=nowhere").status_code == 404
        assert guard.get("/orders/nothing").status_code == 404
    assert documents(town) == []


def test_a_lost_device_is_called_lost_and_not_merely_unheard(town: Town) -> None:
    town.beats(GYM, faults={"emergency.gym": "fire"})
    with town.store.writing() as connection:
        lose_device(connection, GYM, town.now_ms)
    with town.visit("gate") as guard:
        card = words(guard.get("/doors").text.partition(f'id="point-{GYM}"')[2].partition("</section>")[0])
        assert "lost since" in card
        assert "Adopt the device that takes its place" in card
        assert "offline" not in card
        assert "Emergency" not in card
        named = words(guard.get(f"/doors/lockdown?point={GYM}").text)
        assert "reported lost: no command reaches it" in named
        assert "when it reconnects" not in named
        where = guard.submit("/doors/modes", "/doors", point=GYM, mode="out_of_service", reason=REASON)
        assert "Gym turnstile (reported lost: no command reaches it)" in words(
            guard.get(where.headers["location"]).text
        )
        (point,) = (one for one in guard.get("/api/v1/points").json() if one["name"] == GYM)
    assert point["lost_ms"] == town.now_ms


@pytest.mark.parametrize("fault", ["emergency.gym", "fire_loop.gym"])
def test_a_door_whose_zone_is_in_an_emergency_says_so_be_it_a_fire_or_a_broken_loop(town: Town, fault: str) -> None:
    town.beats(GYM, faults={fault: "broken"})
    with town.visit("gate") as guard:
        found = {one["name"]: one["emergency"] for one in guard.get("/api/v1/points").json()}
    assert {name for name, emergency in found.items() if emergency} == {GYM}


def test_nobody_but_the_device_itself_says_what_became_of_an_order(town: Town) -> None:
    town.beats(GYM)
    town.desired_state.set_mode([GYM], Mode.LOCKDOWN, "gate", REASON)
    with town.visit("gate") as guard:
        made = calls(guard, f"/api/v1/points/{GYM}/open", reason=REASON)[1]["id"]
        done = Result(made, "done", town.now_ms)
        answers(town, GYM, done, signed_by="east-gate")
        answers(town, "east-gate", done)
        town.arrives(GYM, "result", codec.write(done) + b"\nAAAA")
        answers(town, GYM, Reported(1, "applied", town.now_ms, {GYM: Mode.LOCKDOWN}), signed_by="east-gate")
        assert state_of(guard, made) == "sent"
        assert [one["in_force"] for one in guard.get("/api/v1/points").json() if one["name"] == GYM] == [None]
    with town.visit("office") as office:
        page = words(office.get("/quarantine").text)
    assert "Wrong signature" in page
    assert "Answer to an unknown command" in page


def test_an_answer_that_comes_again_or_late_changes_nothing(town: Town) -> None:
    town.beats(GYM)
    with town.visit("gate") as guard:
        made = calls(guard, f"/api/v1/points/{GYM}/open", reason=REASON)[1]["id"]
        answers(town, GYM, Result(made, "refused", town.now_ms, "busy"))
        answers(town, GYM, Result(made, "done", town.now_ms))
        assert state_of(guard, made) == "refused"
        town.desired_state.set_mode([GYM], Mode.LOCKDOWN, "gate", REASON)
        answers(town, GYM, Reported(1, "applied", town.now_ms, {GYM: Mode.LOCKDOWN}))
        answers(town, GYM, Reported(0, "applied", town.now_ms, {GYM: Mode.HOLD_OPEN}))
        assert [one["in_force"] for one in guard.get("/api/v1/points").json() if one["name"] == GYM] == ["lockdown"]


def test_a_mechanic_fetches_a_log_and_sets_a_clock(town: Town) -> None:
    town.beats(GYM)
    with town.visit("admin") as admin:
        answer = admin.submit(f"/commands/send_log/{GYM}", f"/devices/{GYM}", reason=REASON)
        answers(town, GYM, Result(commands(town)[0].id, "done", town.now_ms, data={"lines": ["one <b>", "two"]}))
        page = admin.get(answer.headers["location"]).text
        assert "one &lt;b&gt;\ntwo" in page
        admin.submit(f"/commands/clock_set/{GYM}", f"/devices/{GYM}", reason=REASON)
        assert commands(town)[-1].args == {"now_ms": town.now_ms}
        assert admin.submit(f"/commands/explode/{GYM}", f"/devices/{GYM}", reason=REASON).status_code == 404
        assert calls(admin, f"/api/v1/devices/{GYM}/commands", op="clock_set", reason=REASON)[0] == 422
        assert calls(admin, f"/api/v1/devices/{GYM}/commands", op="reboot", reason=REASON)[0] == 202
        assert calls(admin, "/api/v1/devices/none/commands", op="reboot", reason=REASON)[0] == 404
