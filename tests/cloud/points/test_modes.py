"""Modes that are ordered of doors: two steps, a longest term, and who has not taken it up."""

import re

import pytest

from cloud.sample import POINTS, SOCKETS
from contract.decide import HOUR_MS, Mode
from contract.messages import Reported
from tests.cloud.support.hub import RidersHub
from tests.cloud.support.orders import GYM, REASON, answers, calls, deeds, documents, reports
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town


def test_a_lockdown_takes_two_steps_and_shows_who_has_not_taken_it_up(town: Town) -> None:
    for name in town.senders:
        town.beats(name)
    with town.visit("gate") as guard:
        first = guard.get("/doors/lockdown").text
        assert "but those who may override a lockdown, with card and PIN" in words(first)
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
        assert f"locked down (out only). Not yet applied at {count} of {count}:" in shown
        for name in town.senders:
            if name != "east-gate":
                reports(town, name, {name: Mode.LOCKDOWN})
        shown = words(guard.get("/doors").text)
        assert f"Not yet applied at 1 of {count}: East gate" in shown
        reports(town, "east-gate", {"east-gate": Mode.LOCKDOWN})
        assert "Not yet taken up" not in words(guard.get("/doors").text)
        assert {one["in_force"] for one in guard.get("/api/v1/points").json()} == {"lockdown"}


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
    assert "mode.out_of_service" in str(deeds(town))
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
    town.desired_state.set_mode([GYM], Mode.HOLD_OPEN, "gate", REASON)
    town.published.clear()
    town.desired_state.publish_all()
    assert [(one.device, one.number) for one in documents(town)] == [(GYM, 1)]


@pytest.mark.parametrize(("minutes", "lasts_ms"), [("15", 900_000), ("", 7_200_000)])
def test_hold_open_lasts_as_its_form_says(town: Town, minutes: str, lasts_ms: int) -> None:
    with town.visit("gate") as guard:
        assert 'name="minutes" type="number" min="1" max="120" value="120"' in guard.get(f"/points/{GYM}").text
        form = {"point": GYM, "mode": "hold_open", "minutes": minutes, "reason": REASON}
        assert guard.submit("/doors/modes", "/doors", **form).status_code == 303
        (point,) = (one for one in guard.get("/api/v1/points").json() if one["name"] == GYM)
    assert point["until_ms"] == town.now_ms + lasts_ms


@pytest.mark.parametrize(
    ("minutes", "said"), [("121", "cannot last so long"), ("0", "cannot last so long"), ("an hour", "not right")]
)
def test_hold_open_is_bounded_in_its_form(town: Town, minutes: str, said: str) -> None:
    with town.visit("gate") as guard:
        form = {"point": GYM, "mode": "hold_open", "minutes": minutes, "reason": REASON}
        answer = guard.submit("/doors/modes", "/doors", **form)
    assert (answer.status_code, said in words(answer.text)) == (422, True)
    assert documents(town) == []


def held_back(page: str) -> str:
    """The part of a page that shows the orders which stand."""
    return words(page.partition('id="standing"')[2].partition("</div>")[0])


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
        assert "Sent: the mode ends." in words(guard.get(answer.headers["location"]).text)
        assert "until" not in held_back(guard.get("/doors").text)
        modes = {one["name"]: one["mode"] for one in guard.get("/api/v1/points").json()}
        again = guard.submit(f"/doors/modes/{order['id']}/end", "/doors", reason=REASON)
        assert (again.status_code, "It has ended already" in words(again.text)) == (422, True)
    assert {name for name, mode in modes.items() if mode != "scheduled"} == {"hub-door"}


def test_a_lockdown_shows_doors_that_are_not_heard(town: Town) -> None:
    """A door that hears nothing may not be locked down, whatever was ordered."""
    town.beats(GYM)
    with town.visit("gate") as guard:
        guard.submit("/doors/modes", "/doors/lockdown?step=2", mode="lockdown", confirm="1", reason=REASON)
        shown = held_back(guard.get("/doors").text)
    assert "East gate (Offline)" in shown
    assert "Gym turnstile (Offline)" not in shown


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
    town.desired_state.end_due()
    assert (documents(town)[-1].modes, documents(town)[-1].until) == ({}, {})


def test_mode_is_renewed_for_stated_minutes(town: Town) -> None:
    """The form says for how long; one that asks for too much changes nothing."""
    with town.visit("gate") as guard:
        made = calls(guard, "/api/v1/modes", points=[GYM], mode="lockdown", confirm=True, minutes=60, reason=REASON)[1]
        path = f"/doors/modes/{made['order']}/renew"
        guard.submit(path, "/doors", reason=REASON, minutes="90")
        assert documents(town)[-1].until == {GYM: town.now_ms + 90 * HOUR_MS // 60}
        assert guard.submit(path, "/doors", reason=REASON, minutes="241").status_code == 422
        assert documents(town)[-1].until == {GYM: town.now_ms + 90 * HOUR_MS // 60}


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
        assert page.count('<option value="" selected disabled>') == page.count('<select name="mode"')
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
        card = guard.get("/doors").text.partition(f'id="point-{GYM}"')[2].partition("</section>")[0]
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
        page = guard.get("/points/phone-1").text
        assert "Mode locked down (out only)" in words(page)
        assert "Back in service" in page
        where = "/points/phone-1"
        form = {"back": where, "point": "phone-1", "mode": "scheduled", "reason": REASON}
        assert guard.submit("/doors/modes", where, **form).status_code == 303
        assert (documents(town)[-1].number, documents(town)[-1].modes) == (5, {})
        answers(town, "hub-sockets", Reported(5, "applied", town.now_ms, {"phone-1": Mode.SCHEDULED}))
        assert "Back in service" not in guard.get(where).text
