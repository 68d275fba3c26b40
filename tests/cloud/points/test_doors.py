"""The doors page and the API behind it: what is ordered from afar, and what is known of it."""

import re
from typing import Any

import msgspec
import pytest

from cloud.devices.registry import lose_device
from cloud.sample import POINTS, SOCKETS
from contract import codec, topics
from contract.decide import HOUR_MS, Mode
from contract.messages import Command, Desired, Reported, Result
from contract.sealing import CommandVerifier, ConfigVerifier, Purpose, statement
from tests.cloud.support.hub import RidersHub
from tests.cloud.support.pages import words
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import Town, Visitor

GYM = "gym-turnstile"
REASON = "a visitor for the yoga class"


def calls(visitor: Visitor, path: str, **body: Any) -> Any:
    """A change by the API, as the console's own scripts would make it."""
    answer = visitor.post(path, json=body, headers={"X-CSRF-Token": visitor.token("/account")})
    return answer.status_code, answer.json()


def commands(town: Town) -> list[Command]:
    """What was sent, each seal checked."""
    found = []
    for topic, payload, retain in town.published:
        parsed = topics.parse(topic)
        assert parsed
        if parsed.channel == "command":
            body, seal = codec.detach(payload)
            verifier = CommandVerifier(town.keys.command.public())
            assert verifier.accepts(statement(Purpose.COMMAND, SITE, parsed.device, body), seal)
            assert not retain
            found.append(codec.read(body, Command))
    return found


def documents(town: Town) -> list[Desired]:
    """The desired documents, each seal checked."""
    found = []
    for topic, payload, retain in town.published:
        parsed = topics.parse(topic)
        assert parsed
        if parsed.channel == "config":
            body, seal = codec.detach(payload)
            verifier = ConfigVerifier(town.keys.config.public())
            assert verifier.accepts(statement(Purpose.CONFIG, SITE, parsed.device, body), seal)
            assert retain
            found.append(codec.read(body, Desired))
    return found


def answers(town: Town, device: str, message: Result | Reported, *, signed_by: str = "") -> None:
    """A device answers, or somebody who is not that device."""
    channel, purpose = ("result", Purpose.RESULT) if isinstance(message, Result) else ("reported", Purpose.REPORTED)
    body = msgspec.json.encode(message)
    seal = town.senders[signed_by or device].key.sign(statement(purpose, SITE, device, body))
    town.arrives(device, channel, codec.attach(body, seal))


def state_of(visitor: Visitor, command: str) -> str:
    return str(visitor.get(f"/api/v1/commands/{command}").json()["state"])


def reports(town: Town, device: str, modes: dict[str, Mode]) -> None:
    document = [one for one in documents(town) if one.device == device][-1]
    answers(town, device, Reported(document.number, "applied", town.now_ms, modes))


def test_an_opening_is_done_when_the_device_says_so_and_not_before(town: Town) -> None:
    town.beats(GYM)
    with town.visit("gate") as guard:
        answer = guard.submit(f"/doors/{GYM}/open", "/doors", reason=REASON)
        page = guard.get(answer.headers["location"]).text
        assert "Sent; waiting for the device to say so" in words(page)
        assert 'http-equiv="refresh"' in page
        (command,) = commands(town)
        assert (command.op, command.point, command.by, command.reason) == ("open_once", GYM, "gate", REASON)
        assert (command.connection, command.issued_ms) == (1, town.now_ms)
        answers(town, GYM, Result(command.id, "done", town.now_ms))
        page = guard.get(answer.headers["location"]).text
        assert "Done: the device says so" in words(page)
        assert 'http-equiv="refresh"' not in page
        deed = guard.get("/api/v1/audit").json()["deeds"][0]
    assert (deed["operator"], deed["action"], deed["subject"]) == ("gate", "command.open_once", GYM)
    assert deed["detail"]["reason"] == REASON


def test_a_refusal_is_shown_with_its_reason(town: Town) -> None:
    town.beats(GYM)
    with town.visit("gate", language="zh") as guard:
        where = guard.submit(f"/doors/{GYM}/open", "/doors", reason=REASON).headers["location"]
        answers(town, GYM, Result(commands(town)[0].id, "refused", town.now_ms, "locked_down"))
        assert "设备拒绝: 该门已紧急封闭" in words(guard.get(where).text).replace("：", ": ")


def test_a_door_that_is_not_heard_is_sent_nothing_and_its_button_is_off(town: Town) -> None:
    with town.visit("gate") as guard:
        assert re.search(r"<button data-needs-heard disabled>Open once", guard.get("/doors").text)
        where = guard.submit(f"/doors/{GYM}/open", "/doors", reason=REASON).headers["location"]
        assert "Not sent: the device is not heard" in words(guard.get(where).text)
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
        answer = guard.submit(f"/doors/{GYM}/open", "/doors", reason=reason)
        assert answer.status_code == 422
        assert "Say why" in words(answer.text)
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
        assert guard.submit("/doors/nowhere/open", "/doors", reason=REASON).status_code == 422
        assert guard.get("/doors/lockdown?point=nowhere").status_code == 404
        assert guard.get("/orders/nothing").status_code == 404
    assert documents(town) == []


def test_a_lockdown_takes_two_steps_and_shows_who_has_not_taken_it_up(town: Town) -> None:
    for name in town.senders:
        town.beats(name)
    with town.visit("gate") as guard:
        first = guard.get("/doors/lockdown").text
        assert "Nobody gets in at these doors" in words(first)
        assert "East gate" in words(first)
        assert "<form" not in first.partition('id="steps"')[2]
        second = "/doors/lockdown?step=2"
        assert guard.submit("/doors/modes", second, mode="lockdown", reason=REASON).status_code == 422
        assert documents(town) == []
        where = guard.submit("/doors/modes", second, mode="lockdown", confirm="1", reason=REASON).headers["location"]
        told = documents(town)
        assert {one.device: one.modes for one in told} == {name: {name: Mode.LOCKDOWN} for name in town.senders}
        assert {one.number for one in told} == {1}
        shown = words(guard.get(where).text)
        count = len(town.senders)
        assert f"locked down (out only). Not yet taken up by {count} of {count}:" in shown
        for name in town.senders:
            if name != "east-gate":
                reports(town, name, {name: Mode.LOCKDOWN})
        shown = words(guard.get("/doors").text)
        assert f"Not yet taken up by 1 of {count}: East gate" in shown
        reports(town, "east-gate", {"east-gate": Mode.LOCKDOWN})
        assert "Not yet taken up" not in words(guard.get("/doors").text)
        assert {one["in_force"] for one in guard.get("/api/v1/points").json()} == {"lockdown"}


def test_a_lost_device_is_called_lost_and_not_merely_unheard(town: Town) -> None:
    town.beats(GYM, faults={"emergency.gym": "fire"})
    with town.store.writing() as connection:
        lose_device(connection, GYM, town.now_ms)
    with town.visit("gate") as guard:
        card = words(guard.get("/doors").text.partition(f'id="door-{GYM}"')[2].partition("</section>")[0])
        assert "lost since" in card
        assert "Adopt the device that takes its place" in card
        assert "not heard" not in card
        assert "Emergency" not in card
        named = words(guard.get(f"/doors/lockdown?point={GYM}").text)
        assert "lost: nothing reaches it" in named
        assert "when it is back" not in named
        where = guard.submit("/doors/modes", "/doors", point=GYM, mode="out_of_service", reason=REASON)
        assert "Gym turnstile (lost: nothing reaches it)" in words(guard.get(where.headers["location"]).text)
        (point,) = (one for one in guard.get("/api/v1/points").json() if one["name"] == GYM)
    assert point["lost_ms"] == town.now_ms


@pytest.mark.parametrize("fault", ["emergency.gym", "fire_loop.gym"])
def test_a_door_whose_zone_is_in_an_emergency_says_so_be_it_a_fire_or_a_broken_loop(town: Town, fault: str) -> None:
    town.beats(GYM, faults={fault: "broken"})
    with town.visit("gate") as guard:
        found = {one["name"]: one["emergency"] for one in guard.get("/api/v1/points").json()}
    assert {name for name, emergency in found.items() if emergency} == {GYM}


def test_a_lockdown_by_the_api_must_be_confirmed(town: Town) -> None:
    with town.visit("gate") as guard:
        assert calls(guard, "/api/v1/modes", points="all", mode="lockdown", reason=REASON)[0] == 422
        status, made = calls(guard, "/api/v1/modes", points=[GYM], mode="lockdown", confirm=True, reason=REASON)
    assert (status, made["points"]) == (202, [GYM])
    assert made["until_ms"] == town.now_ms + 4 * HOUR_MS


def test_only_doors_are_held_open_and_locked_down(town: Town) -> None:
    """A mode reaches only points that have it, be they named or not: all doors are no sockets."""
    RidersHub(town)
    with town.visit("gate") as guard:
        assert calls(guard, "/api/v1/modes", points=["phone-1"], mode="hold_open", reason=REASON)[0] == 422
        assert calls(guard, "/api/v1/modes", points=[GYM, "phone-1"], mode="hold_open", reason=REASON)[0] == 422
        assert (
            guard.submit("/doors/modes", "/doors", point="phone-1", mode="hold_open", reason=REASON).status_code == 422
        )
        for name, *_ in SOCKETS:
            status, why = calls(guard, "/api/v1/modes", points=[name], mode="lockdown", confirm=True, reason=REASON)
            assert (status, f"there is no mode lockdown at {name}" in str(why)) == (422, True)
        assert guard.get("/doors/lockdown?point=phone-1").status_code == 404
        assert documents(town) == []
        assert calls(guard, "/api/v1/modes", points="all", mode="hold_open", reason=REASON)[0] == 422
        held = calls(guard, "/api/v1/modes", points="all", mode="hold_open", confirm=True, reason=REASON)[1]
        locked = calls(guard, "/api/v1/modes", points="all", mode="lockdown", confirm=True, reason=REASON)[1]
        page = words(guard.get("/doors/lockdown").text)
    assert set(held["points"]) == set(locked["points"]) == {name for name, *_ in POINTS}
    assert "East gate" in page
    assert "socket" not in page


def test_the_same_mode_again_is_no_new_document(town: Town) -> None:
    with town.visit("gate") as guard:
        for mode in ("out_of_service", "out_of_service", "scheduled"):
            guard.submit("/doors/modes", "/doors", point=GYM, mode=mode, reason=REASON)
        assert "mode.out_of_service" in str(guard.get("/api/v1/audit").json())
    assert [(one.number, one.modes) for one in documents(town)] == [
        (1, {GYM: Mode.OUT_OF_SERVICE}),
        (1, {GYM: Mode.OUT_OF_SERVICE}),
        (2, {}),
    ]


def test_after_a_restored_backup_the_next_document_is_above_what_the_device_holds(town: Town) -> None:
    answers(town, GYM, Reported(41, "applied", town.now_ms, {GYM: Mode.LOCKDOWN}))
    with town.visit("gate") as guard:
        assert "held open. Not yet" not in words(guard.get("/doors").text)
        (point,) = (one for one in guard.get("/api/v1/points").json() if one["name"] == GYM)
        assert (point["mode"], point["in_force"], point["drifts"]) == ("scheduled", "lockdown", True)
        guard.submit("/doors/modes", "/doors", point=GYM, mode="scheduled", reason=REASON)
    assert [one.number for one in documents(town)] == [42]


def test_devices_are_told_again_when_the_broker_is_back(town: Town) -> None:
    town.steering.set_mode([GYM], Mode.HOLD_OPEN, "gate", REASON)
    town.published.clear()
    town.steering.tell_all()
    assert [(one.device, one.number) for one in documents(town)] == [(GYM, 1)]


def test_nobody_but_the_device_itself_says_what_became_of_an_order(town: Town) -> None:
    town.beats(GYM)
    town.steering.set_mode([GYM], Mode.LOCKDOWN, "gate", REASON)
    with town.visit("gate") as guard:
        made = calls(guard, f"/api/v1/points/{GYM}/open", reason=REASON)[1]["id"]
        done = Result(made, "done", town.now_ms)
        answers(town, GYM, done, signed_by="east-gate")
        answers(town, "east-gate", done)
        town.arrives(GYM, "result", codec.write(done) + b"\nAAAA")
        answers(town, GYM, Reported(1, "applied", town.now_ms, {GYM: Mode.LOCKDOWN}), signed_by="east-gate")
        assert state_of(guard, made) == "sent"
        assert [one["in_force"] for one in guard.get("/api/v1/points").json() if one["name"] == GYM] == [None]
        page = words(guard.get("/quarantine").text)
    assert "Wrong seal" in page
    assert "An answer to no order of ours" in page


def test_an_answer_that_comes_again_or_late_changes_nothing(town: Town) -> None:
    town.beats(GYM)
    with town.visit("gate") as guard:
        made = calls(guard, f"/api/v1/points/{GYM}/open", reason=REASON)[1]["id"]
        answers(town, GYM, Result(made, "refused", town.now_ms, "busy"))
        answers(town, GYM, Result(made, "done", town.now_ms))
        assert state_of(guard, made) == "refused"
        town.steering.set_mode([GYM], Mode.LOCKDOWN, "gate", REASON)
        answers(town, GYM, Reported(1, "applied", town.now_ms, {GYM: Mode.LOCKDOWN}))
        answers(town, GYM, Reported(0, "applied", town.now_ms, {GYM: Mode.HOLD_OPEN}))
        assert [one["in_force"] for one in guard.get("/api/v1/points").json() if one["name"] == GYM] == ["lockdown"]


def test_a_mechanic_fetches_a_log_and_sets_a_clock(town: Town) -> None:
    town.beats(GYM)
    with town.visit("admin") as admin:
        answer = admin.submit(f"/devices/{GYM}/orders", f"/devices/{GYM}", op="send_log", reason=REASON)
        answers(town, GYM, Result(commands(town)[0].id, "done", town.now_ms, data={"lines": ["one <b>", "two"]}))
        page = admin.get(answer.headers["location"]).text
        assert "one &lt;b&gt;\ntwo" in page
        admin.submit(f"/devices/{GYM}/orders", f"/devices/{GYM}", op="clock_set", reason=REASON)
        assert commands(town)[-1].args == {"now_ms": town.now_ms}
        assert admin.submit(f"/devices/{GYM}/orders", f"/devices/{GYM}", op="explode", reason=REASON).status_code == 422
        assert calls(admin, f"/api/v1/devices/{GYM}/commands", op="clock_set", reason=REASON)[0] == 422
        assert calls(admin, f"/api/v1/devices/{GYM}/commands", op="reboot", reason=REASON)[0] == 202
        assert calls(admin, "/api/v1/devices/none/commands", op="reboot", reason=REASON)[0] == 404


def held_back(page: str) -> str:
    """The part of a page that shows the orders which stand."""
    return words(page.partition('id="standing">')[2].partition("</div>")[0])


def test_one_button_ends_what_one_lockdown_set(town: Town) -> None:
    """A gate that was set otherwise in between stays as it was set."""
    with town.visit("gate") as guard:
        step = "/doors/lockdown?step=2"
        guard.submit("/doors/modes", step, mode="lockdown", confirm="1", reason="a fight in the yard")
        guard.submit("/doors/modes", "/doors", point="hub-door", mode="out_of_service", reason=REASON)
        shown = held_back(guard.get("/doors").text)
        assert "Lockdown, out only: until" in shown
        assert "gate: a fight in the yard" in shown
        assert "Hub door" not in shown
        (order,) = guard.get("/api/v1/modes").json()
        answer = guard.submit(f"/doors/modes/{order['id']}/end", "/doors", reason=REASON)
        assert "Ended." in words(guard.get(answer.headers["location"]).text)
        assert "until" not in held_back(guard.get("/doors").text)
        modes = {one["name"]: one["mode"] for one in guard.get("/api/v1/points").json()}
        again = guard.submit(f"/doors/modes/{order['id']}/end", "/doors", reason=REASON)
        assert (again.status_code, "That is over already" in words(again.text)) == (422, True)
    assert {name for name, mode in modes.items() if mode != "scheduled"} == {"hub-door"}


def test_a_lockdown_shows_doors_that_are_not_heard(town: Town) -> None:
    """A door that hears nothing may not be locked down, whatever was ordered."""
    town.beats(GYM)
    with town.visit("gate") as guard:
        guard.submit("/doors/modes", "/doors/lockdown?step=2", mode="lockdown", confirm="1", reason=REASON)
        shown = held_back(guard.get("/doors").text)
    assert "East gate (Not heard)" in shown
    assert "Gym turnstile (Not heard)" not in shown


def test_a_lockdown_is_renewed_and_ends_by_itself(town: Town) -> None:
    with town.visit("gate") as guard:
        made = calls(guard, "/api/v1/modes", points=[GYM], mode="lockdown", confirm=True, minutes=60, reason=REASON)[1]
        assert made["until_ms"] == town.now_ms + HOUR_MS
        town.now_ms += HOUR_MS // 2
        answer = guard.submit(f"/doors/modes/{made['order']}/renew", "/doors", reason=REASON)
        assert "Renewed." in words(guard.get(answer.headers["location"]).text)
        assert documents(town)[-1].until == {GYM: town.now_ms + 4 * HOUR_MS}
        town.now_ms += 4 * HOUR_MS
        (point,) = (one for one in guard.get("/api/v1/points").json() if one["name"] == GYM)
        assert (point["mode"], point["until_ms"], guard.get("/api/v1/modes").json()) == ("scheduled", None, [])
        assert calls(guard, f"/api/v1/modes/{made['order']}/renew", reason=REASON)[0] == 404
        assert calls(guard, f"/api/v1/modes/{made['order']}/end", reason=REASON)[0] == 404
    town.steering.end_due()
    assert (documents(town)[-1].modes, documents(town)[-1].until) == ({}, {})


@pytest.mark.parametrize(("mode", "minutes"), [("hold_open", 121), ("lockdown", 241), ("out_of_service", 5)])
def test_no_mode_is_ordered_beyond_its_longest_term(town: Town, mode: str, minutes: int) -> None:
    with town.visit("gate") as guard:
        body = {"points": [GYM], "mode": mode, "confirm": True, "minutes": minutes, "reason": REASON}
        assert calls(guard, "/api/v1/modes", **body)[0] == 422
    assert documents(town) == []


def test_holding_all_open_takes_two_steps(town: Town) -> None:
    """And nothing is chosen beforehand in any list of modes: a slip of the hand opens no gate."""
    with town.visit("gate") as guard:
        page = guard.get("/doors").text
        assert page.count('<option value="" selected disabled>') == page.count("<select")
        assert guard.submit("/doors/modes", "/doors", mode="hold_open", reason=REASON).status_code == 422
        assert guard.submit("/doors/modes", "/doors", reason=REASON).status_code == 422
        assert "Everybody gets in at these doors" in words(guard.get("/doors/hold-open").text)
        second = "/doors/hold-open?step=2"
        assert guard.submit("/doors/modes", second, mode="hold_open", confirm="1", reason=REASON).status_code == 303
        assert "Held open: until" in held_back(guard.get("/doors").text)
    assert {mode for one in documents(town) for mode in one.modes.values()} == {Mode.HOLD_OPEN}


def test_point_of_unknown_kind_is_never_held_open(town: Town) -> None:
    with town.store.writing() as connection:
        connection.exec_driver_sql("UPDATE points SET kind = '' WHERE name = ?", (GYM,))
    with town.visit("gate") as guard:
        card = guard.get("/doors").text.partition(f'id="door-{GYM}"')[2].partition("</section>")[0]
        assert re.findall(r'<option value="([^"]+)"', card) == ["out_of_service"]
        assert "Lock down" not in card
        assert guard.submit("/doors/modes", "/doors", point=GYM, mode="hold_open", reason=REASON).status_code == 422
        town.beats(GYM, points={GYM: {"kind": "turnstile"}})
        assert guard.submit("/doors/modes", "/doors", point=GYM, mode="hold_open", reason=REASON).status_code == 303


def test_socket_that_was_locked_comes_back_into_service(town: Town) -> None:
    """What an old lockdown did to it: its page says so truthfully, and has the button that brings it back."""
    hub = RidersHub(town)
    hub.says({"phone-1": {"phase": "free", "mode": "lockdown"}})
    answers(town, "hub-sockets", Reported(4, "applied", town.now_ms, {"phone-1": Mode.LOCKDOWN}))
    with town.visit("gate") as guard:
        page = guard.get("/charging/sockets/phone-1").text
        assert "Mode: locked down (out only)" in words(page)
        assert "Back in service" in page
        where = "/charging/sockets/phone-1"
        assert guard.submit(f"{where}/service", where, mode="scheduled", reason=REASON).status_code == 303
        assert (documents(town)[-1].number, documents(town)[-1].modes) == (5, {})
        answers(town, "hub-sockets", Reported(5, "applied", town.now_ms, {"phone-1": Mode.SCHEDULED}))
        assert "Back in service" not in guard.get(where).text
