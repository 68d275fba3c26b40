"""The charging page, the orders to a socket, and what is known of a session."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.charging.rule import Condition, condition, readings, receipt_in
from contract import codec
from contract.decide import Mode, Trust
from contract.messages import Beat, Result
from contract.reasons import Reason
from contract.reasons import words as reason_words
from tests.cloud.support.hub import DEVICE, SESSION, RidersHub, line
from tests.cloud.support.orders import answers, calls, commands, reports, state_of
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town

REASON = "it smells of hot plastic"


@pytest.fixture
def hub(town: Town) -> RidersHub:
    return RidersHub(town)


def card(html: str, point: str = "phone-1") -> str:
    """What stands on the card of a socket."""
    found = re.search(rf'<article class="[^"]*" id="socket-{point}">.*?</article>', html, re.DOTALL)
    assert found
    return words(found[0])


def test_what_a_socket_charges_stands_on_its_card(town: Town, hub: RidersHub) -> None:
    hub.charges(temperature_c=31.4)
    with town.visit("gate") as guard:
        page = guard.get("/charging").text
        said = card(page)
        for part in (
            "Phone socket 1",
            "Charging now",
            "Sun Qi",
            "18 W",
            "7 Wh",
            "30 min",
            "3 h 30 min",
            "45 min",
            "31 °C",
        ):
            assert part in said, part
        assert "≈ 16:45 45 min" in said
        assert 'value="40"' in page
        assert "1 in use" in words(page)


def test_all_is_said_in_chinese_too(town: Town, hub: RidersHub) -> None:
    hub.charges()
    with town.visit("gate", language="zh-CN") as guard:
        said = card(guard.get("/charging").text)
    for part in ("手机插座 1", "充电中", "孙七", "剩余可充时长", "预计空出"):
        assert part in said, part


@pytest.mark.parametrize(
    ("report", "shown"),
    [
        ({"phase": "free"}, "Free"),
        ({"phase": "free", "mode": "out_of_service"}, "Out of service"),
        ({"phase": "free", "faulted": True}, "Fault"),
        ({"phase": "starting"}, "Charging now nobody known"),
        ({"phase": "checking"}, "Charging now nobody known"),
        ({"phase": "finished"}, "Finished nobody known"),
        ({"phase": "faulted", "faults": ["relay_stuck"]}, "Fault The relay does not open"),
        ({"phase": "absent"}, "Fault"),
        ({"phase": "emergency"}, "Emergency"),
        ({"phase": "dances"}, "Not heard Its device says nothing of it."),
    ],
)
def test_every_condition_has_its_word(town: Town, hub: RidersHub, report: dict[str, Any], shown: str) -> None:
    hub.says({"phone-1": report})
    with town.visit("gate") as guard:
        assert card(guard.get("/charging").text).startswith(f"Phone socket 1 {shown}")


def test_why_the_last_session_stopped_stands_at_the_socket(town: Town, hub: RidersHub) -> None:
    hub.says(
        {"phone-1": "free", "phone-2": "free"}, {"phone-1": {"reason": "over_temp"}, "phone-2": {"reason": "bored"}}
    )
    with town.visit("gate") as guard:
        page = guard.get("/charging").text
        assert "Charging ended: The socket is too hot" in card(page)
        assert "Charging ended: bored" in card(page, "phone-2")


def test_a_device_that_is_not_heard_makes_none_of_its_sockets_look_alive(town: Town, hub: RidersHub) -> None:
    hub.charges()
    town.now_ms += 130_000
    with town.visit("gate") as guard:
        page = guard.get("/charging").text
        said = card(page)
        assert 'class="socket is-offline" id="socket-phone-1"' in page
        assert "Not heard Last heard 16:00:00 · Then it was: Charging now" in said
        assert "≈" not in said and "May still" not in said and "<progress" not in page
        assert "The cloud hears nothing from Hub charging" in words(page)
        assert card(page, "phone-2").startswith("Phone socket 2 Not heard")
        socket = guard.get("/charging/sockets/phone-1").text
        assert re.search(r"<button disabled>Stop", socket)
        answer = guard.submit("/charging/sockets/phone-1/stop", "/account", session=SESSION, reason=REASON)
        assert "Not sent: the device is not heard" in words(guard.get(answer.headers["location"]).text)
    assert commands(town) == []


def test_a_lost_device_is_believed_no_more(town: Town, hub: RidersHub) -> None:
    hub.charges()
    with town.store.writing() as connection:
        connection.exec_driver_sql("UPDATE devices SET lost_ms = ? WHERE name = ?", (town.now_ms, DEVICE))
    with town.visit("gate") as guard:
        assert "Not heard" in card(guard.get("/charging").text)


def test_readings_of_long_ago_are_no_present(town: Town, hub: RidersHub) -> None:
    hub.charges()
    for _ in range(4):
        town.now_ms += 40_000
        town.arrives(DEVICE, "beat", codec.write(Beat(town.now_ms, 0, Trust.SYNCED, 0, 0, 0, 0)))
    with town.visit("gate") as guard:
        said = card(guard.get("/charging").text)
    assert "Charging now" in said and "Power –" in said and "18 W" not in said


def test_a_stop_is_done_when_the_device_says_so_and_not_before(town: Town, hub: RidersHub) -> None:
    hub.charges()
    where = "/charging/sockets/phone-1"
    with town.visit("gate") as guard:
        answer = guard.submit(f"{where}/stop", where, session=SESSION, reason=REASON)
        page = guard.get(answer.headers["location"]).text
        assert "Stop charging – Sent; waiting for the device to say so" in words(page)
        assert 'http-equiv="refresh"' in page
        (command,) = commands(town)
        assert (command.op, command.point, command.args) == ("session_stop", "phone-1", {"session": SESSION})
        assert (command.by, command.reason) == ("gate", REASON)
        assert "Charging now" in card(page)
        answers(town, DEVICE, Result(command.id, "done", town.now_ms))
        hub.ends(reason="operator")
        hub.says({"phone-1": "free"}, {"phone-1": {"reason": "operator"}})
        page = guard.get(answer.headers["location"]).text
        assert "Done: the device says so" in words(page)
        assert 'http-equiv="refresh"' not in page
        assert "Charging ended: Stopped by the staff" in card(page)
        deed = guard.get("/api/v1/audit").json()["deeds"][0]
    assert (deed["operator"], deed["action"], deed["subject"]) == ("gate", "command.session_stop", "phone-1")


def test_a_start_is_for_the_card_that_was_chosen_and_the_device_decides(town: Town, hub: RidersHub) -> None:
    hub.says({"phone-2": "free"})
    where = "/charging/sockets/phone-2"
    with town.visit("gate") as guard:
        found = guard.get(f"{where}?who=Sun+Qi").text
        chosen, *_ = re.findall(r'name="card" value="(\d+)"', found)
        assert "Sun Qi" in words(found)
        answer = guard.submit(f"{where}/start", f"{where}?who=Sun+Qi", card=chosen, reason="his card is bent")
        (command,) = commands(town)
        assert (command.op, command.point) == ("session_start", "phone-2")
        assert command.args == {"digest": digest_of(town, int(chosen))}
        answers(town, DEVICE, Result(command.id, "refused", town.now_ms, "quota_spent"))
        said = words(guard.get(answer.headers["location"]).text)
    assert f"Refused by the device: {reason_words(Reason.QUOTA_SPENT, 'en').text}" in said
    assert digest_of(town, int(chosen)) not in said


def digest_of(town: Town, card_id: int) -> str:
    with town.store.reading() as connection:
        row = connection.exec_driver_sql("SELECT digest FROM credentials WHERE id = ?", (card_id,)).one()
    return bytes(row[0]).hex()


def test_a_socket_is_taken_out_of_service_and_back_with_a_reason(town: Town, hub: RidersHub) -> None:
    hub.says({"phone-2": "free"})
    where = "/charging/sockets/phone-2"
    with town.visit("gate") as guard:
        assert "Out of service, it gives power to nobody" in words(guard.get(where).text)
        assert guard.submit(f"{where}/service", where, mode="out_of_service").status_code == 422
        assert guard.submit(f"{where}/service", where, mode="hold_open", reason=REASON).status_code == 422
        assert guard.submit(f"{where}/service", where, mode="out_of_service", reason=REASON).status_code == 303
        assert "Ordered, not yet taken up: out of service" in words(guard.get(where).text)
        reports(town, DEVICE, {"phone-2": Mode.OUT_OF_SERVICE})
        page = guard.get(where).text
        assert "Ordered, not yet" not in words(page) and "Back in service" in page
        assert guard.submit(f"{where}/service", where, mode="scheduled", reason=REASON).status_code == 303
        deeds = guard.get("/api/v1/audit").json()["deeds"][:2]
    assert [(one["action"], one["subject"]) for one in deeds] == [
        ("mode.scheduled", "phone-2"),
        ("mode.out_of_service", "phone-2"),
    ]


def test_nothing_is_ordered_of_a_socket_that_has_no_device(town: Town) -> None:
    where = "/charging/sockets/phone-2"
    with town.visit("gate") as guard:
        assert "Back in service" not in guard.get(where).text
        for deed, fields in (("service", {"mode": "out_of_service"}), ("stop", {"session": SESSION})):
            answer = guard.submit(f"{where}/{deed}", "/account", reason=REASON, **fields)
            assert (answer.status_code, "No device is registered" in words(answer.text)) == (422, True)


def test_whoever_waits_is_told_of_and_so_is_whom_a_socket_is_kept_for(town: Town, hub: RidersHub) -> None:
    hub.charges(waiting=True)
    with town.visit("gate") as guard:
        assert "Somebody waits for it" in card(guard.get("/charging").text)
        hub.says({"phone-1": "free"}, {"phone-1": {"reserved": True}})
        assert "Kept a few minutes for whoever waited" in card(guard.get("/charging").text)
        hub.says({"phone-1": "free"}, {"phone-1": {"reserved": "yes", "waiting": 1}})
        assert "Kept" not in card(guard.get("/charging").text)


def test_what_is_wrong_with_a_bank_stands_at_its_hub(town: Town, hub: RidersHub) -> None:
    welded = {"phase": "faulted", "faults": ["contactor_welded"]}
    hub.says(
        {
            "phone-1": "free",
            "bank-a": welded,
            "bank-b": {"phase": "faulted", "faults": ["cut"]},
            "bank-c": {"faults": 7},
        }
    )
    with town.visit("gate") as guard:
        said = words(guard.get("/charging").text)
        assert "bank-a : The contactor does not open" in said
        assert "bank-b : Cut off: a socket below does not switch off" in said
        town.now_ms += 130_000
        assert "contactor" not in words(guard.get("/charging").text)


def test_a_lost_card_is_not_offered(town: Town, hub: RidersHub) -> None:
    hub.says({"phone-2": "free"})
    with town.visit("gate") as guard:
        said = guard.get("/charging/sockets/phone-2?who=Wu+Jiu").text
    assert "Nobody of that name has a card in use." in said
    assert 'name="card"' not in said


@pytest.mark.parametrize(
    ("deed", "fields", "said"),
    [
        ("stop", {"session": SESSION}, "Say why"),
        ("stop", {"session": SESSION, "reason": "x"}, "Say why"),
        ("stop", {"reason": REASON}, "Something in the form is not right"),
        ("stop", {"session": "' OR 1=1 --", "reason": REASON}, "Something in the form is not right"),
        ("start", {"reason": REASON}, "Choose whose card"),
        ("start", {"reason": REASON, "card": "0"}, "Choose whose card"),
        ("start", {"reason": REASON, "card": "9" * 400}, "Choose whose card"),
        ("start", {"reason": REASON, "card": "-1"}, "Choose whose card"),
        ("start", {"card": "1"}, "Say why"),
    ],
)
def test_what_is_not_said_right_orders_nothing(
    town: Town, hub: RidersHub, deed: str, fields: dict[str, str], said: str
) -> None:
    hub.charges()
    with town.visit("gate") as guard:
        answer = guard.submit(f"/charging/sockets/phone-1/{deed}", "/account", **fields)
        assert answer.status_code == 422
        assert said in words(answer.text)
    assert commands(town) == []


@pytest.mark.parametrize(
    "path", ["/charging/sockets/{}", "/charging/sessions/hub-sockets/{}", "/charging/sessions/{}/x"]
)
def test_what_is_not_there_is_said_to_be_missing(town: Town, hub: RidersHub, path: str) -> None:
    with town.visit("gate") as guard:
        assert guard.get(path.format("east-gate")).status_code == 404
        assert guard.submit("/charging/sockets/east-gate/stop", "/account", reason=REASON).status_code == 404
        assert guard.get("/charging/sessions?before=nonsense").status_code == 404


def test_a_socket_is_no_door(town: Town, hub: RidersHub) -> None:
    hub.says({"phone-1": "free"})
    with town.visit("gate") as guard:
        page = guard.get("/doors").text
    assert "door-east-gate" in page and "door-phone-1" not in page


def test_a_session_has_a_page_with_its_receipt(town: Town, hub: RidersHub) -> None:
    hub.charges()
    hub.ends()
    with town.visit("gate") as guard:
        said = words(guard.get(f"/charging/sessions/{DEVICE}/{SESSION}").text)
        for part in ("Sun Qi", "with a card", "Full", "13 Wh", "1 h 0 min", "¥1.00/h", "¥0.20", "¥1.20", SESSION):
            assert part in said, part
        person = re.search(r'href="(/people/\d+)"', guard.get("/charging/sessions").text)
        assert person
        assert "Phone socket 1" in words(guard.get(person[1]).text)


def test_a_session_that_nobody_tells_of_any_more_is_not_called_running(town: Town, hub: RidersHub) -> None:
    hub.charges()
    town.now_ms += 16 * 60_000
    with town.visit("gate") as guard:
        assert "No word of its end" in words(guard.get("/charging/sessions").text)
        assert "It may have ended" in words(guard.get(f"/charging/sessions/{DEVICE}/{SESSION}").text)


def test_a_session_of_a_device_that_did_not_know_the_time_is_shown_without_times(town: Town, hub: RidersHub) -> None:
    told: dict[str, Any] = {"holder": town.holder("Sun Qi"), "reason": "full", "energy_wh": 12.6, "ms": 3_600_000}
    town.happens(
        "session.ended", device=DEVICE, point="phone-1", clock=Trust.UNSET, at_ms=9_000, session=SESSION, **told
    )
    with town.visit("gate") as guard:
        listed = guard.get("/charging/sessions").text
        page = words(guard.get(f"/charging/sessions/{DEVICE}/{SESSION}").text)
        shown = guard.get(f"/api/v1/sessions/{DEVICE}/{SESSION}").json()
    assert "1970" not in listed + page
    assert "Began – " in page and "Over at –" in page and "13 Wh" in page
    assert (shown["state"], shown["began_ms"], shown["ended_ms"], shown["told_ms"]) == (
        "ended",
        None,
        None,
        town.now_ms,
    )
    assert "Full" in words(listed)


def test_sessions_are_listed_page_by_page(town: Town, hub: RidersHub) -> None:
    names = [f"{number:016x}" for number in range(1, 8)]
    for name in names:
        town.now_ms += 1000 if name != names[3] else 0
        hub.ends(point="ebike-1", session=name)
    with town.visit("gate") as guard:
        page = guard.get("/api/v1/sessions", params={"limit": 2, "device": DEVICE}).json()
        seen = [one["session"] for one in page["sessions"]]
        while page["next"] is not None:
            page = guard.get("/api/v1/sessions", params={"limit": 2, "before": page["next"]}).json()
            seen += [one["session"] for one in page["sessions"]]
        assert seen == names[::-1]
        assert guard.get("/api/v1/sessions?point=phone-1").json() == {"sessions": [], "next": None}
        assert guard.get("/api/v1/sessions?before=1-2").status_code == 422


def test_the_api_tells_a_session_and_orders_like_any_order(town: Town, hub: RidersHub) -> None:
    hub.charges()
    hub.ends()
    with town.visit("gate") as guard:
        told = guard.get(f"/api/v1/sessions/{DEVICE}/{SESSION}").json()
        assert told["receipt"]["lines"] == [line()]
        assert (told["state"], told["reason"], told["kind"], told["energy_wh"]) == ("ended", "full", "phone", 13)
        assert (told["name"], told["holder"]) == ({"zh": "孙七", "en": "Sun Qi"}, town.holder("Sun Qi"))
        status, made = calls(guard, "/api/v1/points/phone-1/stop", session=SESSION, reason=REASON)
        assert (status, state_of(guard, made["id"])) == (202, "sent")
        assert calls(guard, "/api/v1/points/phone-1/start", card=1, reason=REASON)[0] == 202
        assert calls(guard, "/api/v1/points/phone-1/start", card=999, reason=REASON)[0] == 404
        assert calls(guard, "/api/v1/points/nowhere/stop", session=SESSION, reason=REASON)[0] == 404
        assert calls(guard, "/api/v1/points/phone-1/stop", session="x", reason=REASON)[0] == 422
    assert [one.op for one in commands(town)] == ["session_stop", "session_start"]


LIES: list[object] = [
    "all",
    None,
    7,
    [1],
    {"power_w": "18", "energy_wh": [], "minutes": {}, "session": 5, "reason": ["full"], "class": "<script>"},
    {"power_w": -1, "energy_wh": 1 << 200, "minutes": -5, "minutes_left": 1e300, "free_at_minutes": 1 << 62},
    {"temperature_c": 1e9, "reason": "<script>" * 500, "session": "<script>"},
    {"power_w": True, "minutes": 0, "minutes_left": 0, "free_at_minutes": 0, "temperature_c": -1000},
]


@pytest.mark.parametrize("phase", ["charging", "free"])
def test_no_lie_breaks_a_page(town: Town, hub: RidersHub, phase: str) -> None:
    hub.charges()
    hub.ends(receipt={"fen": "much", "lines": [7, {"ms": -1}], "idle_fen": []}, reason="<script>")
    with town.visit("admin") as visitor:
        for lie in LIES:
            hub.says({"phone-1": {"phase": phase, "faults": lie, "mode": lie}})
            points = {"phone-1": lie if isinstance(lie, dict) else {"power_w": lie}, "": {}, "x": {}}
            hub.lies({"at_ms": 0, "points": points})
            for page in EVERY_PAGE:
                answer = visitor.get(page)
                assert answer.status_code == 200, (page, lie, answer.text[:300])
                assert "<script>" not in answer.text or page.startswith("/api/"), (page, lie)
            assert town.app.state.metrics.text()
            town.now_ms += 3_000


EVERY_PAGE = (
    *("/charging", "/charging/sessions", "/charging/sockets/phone-1", f"/charging/sessions/{DEVICE}/{SESSION}"),
    *("/hub/hub", "/api/v1/hubs/hub", "/api/v1/sessions", "/events", "/doors", "/"),
)
WHATEVER = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = ("power_w", "energy_wh", "minutes", "minutes_left", "free_at_minutes", "temperature_c", "reason", "session")


@given(WHATEVER | st.dictionaries(st.sampled_from(FIELDS), WHATEVER, max_size=8))
def test_whatever_is_read_is_in_bounds_or_unknown(said: object) -> None:
    read = readings(said)
    numbers = (read.power_w, read.energy_wh, read.minutes, read.minutes_left, read.free_in_minutes)
    assert all(number is None or 0 <= number <= 1_000_000 for number in numbers)
    assert read.share is None or 0 <= read.share <= 1
    assert read.temperature_c is None or -60 <= read.temperature_c <= 300
    assert receipt_in(said) is None or receipt_in(said)


@given(st.dictionaries(st.sampled_from(["phase", "mode", "faulted"]), WHATEVER), st.booleans())
def test_what_is_not_heard_is_never_free(report: dict[str, Any], emergency: bool) -> None:
    assert condition(report, heard=False, emergency=emergency) is Condition.OFFLINE
    if emergency:
        assert condition(report, heard=True, emergency=True) in (Condition.EMERGENCY, Condition.OFFLINE)
