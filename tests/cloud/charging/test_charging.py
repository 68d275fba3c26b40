"""The charging page, and what is known of a session."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.charging.rule import Condition, condition, readings, receipt_in
from cloud.overview.metrics import Metrics
from contract import codec
from contract.decide import Trust
from contract.messages import Beat
from tests.cloud.support.hub import DEVICE, SESSION, RidersHub
from tests.cloud.support.orders import commands
from tests.cloud.support.pages import words
from tests.cloud.support.sockets import REASON, card
from tests.cloud.support.town import Town


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
        ({"phase": "starting"}, "Charging now unknown person"),
        ({"phase": "checking"}, "Charging now unknown person"),
        ({"phase": "finished"}, "Finished unknown person"),
        ({"phase": "faulted", "faults": ["relay_stuck"]}, "Fault The relay does not open"),
        ({"phase": "absent"}, "Fault"),
        ({"phase": "emergency"}, "Emergency"),
        ({"phase": "dances"}, "Offline Its device does not report it."),
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
        assert 'class="socket is-offline" id="point-phone-1"' in page
        assert "Offline Last seen 16:00:00 · State then: Charging now" in said
        assert "≈" not in said and "May still" not in said and "<progress" not in page
        assert "Hub charging is offline" in words(page)
        assert card(page, "phone-2").startswith("Phone socket 2 Offline")
        socket = guard.get("/points/phone-1").text
        assert re.search(r"<button data-needs-online disabled>Stop", socket)
        answer = guard.submit("/commands/session_stop/phone-1", "/account", session=SESSION, reason=REASON)
        assert "Not sent: the device is offline" in words(guard.get(answer.headers["location"]).text)
    assert commands(town) == []


def test_a_lost_device_is_believed_no_more(town: Town, hub: RidersHub) -> None:
    hub.charges()
    with town.store.writing() as connection:
        connection.exec_driver_sql("UPDATE devices SET lost_ms = ? WHERE name = ?", (town.now_ms, DEVICE))
    with town.visit("gate") as guard:
        assert "Offline" in card(guard.get("/charging").text)


def test_readings_of_long_ago_are_no_present(town: Town, hub: RidersHub) -> None:
    hub.charges()
    for _ in range(4):
        town.now_ms += 40_000
        town.arrives(DEVICE, "beat", codec.write(Beat(town.now_ms, 0, Trust.SYNCED, 0, 0, 0, 0)))
    with town.visit("gate") as guard:
        said = card(guard.get("/charging").text)
    assert "Charging now" in said and "Power –" in said and "18 W" not in said


def test_whoever_waits_is_told_of_and_so_is_whom_a_socket_is_kept_for(town: Town, hub: RidersHub) -> None:
    hub.charges(waiting=True)
    with town.visit("gate") as guard:
        assert "Somebody is waiting for it" in card(guard.get("/charging").text)
        hub.says({"phone-1": "free"}, {"phone-1": {"reserved": True}})
        assert "Reserved for a few minutes for the person who waited" in card(guard.get("/charging").text)
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


def test_a_socket_is_no_door(town: Town, hub: RidersHub) -> None:
    hub.says({"phone-1": "free"})
    with town.visit("gate") as guard:
        page = guard.get("/doors").text
    assert "point-east-gate" in page and "point-phone-1" not in page


def test_a_session_has_a_page_with_its_receipt(town: Town, hub: RidersHub) -> None:
    hub.charges()
    hub.ends()
    with town.visit("office") as office:
        said = words(office.get(f"/charging/sessions/{DEVICE}/{SESSION}").text)
        for part in ("Sun Qi", "with a card", "Full", "13 Wh", "1 h 0 min", "¥1.00/h", "¥0.20", "¥1.20", SESSION):
            assert part in said, part
        person = re.search(r'href="(/people/\d+)"', office.get("/charging/sessions").text)
        assert person
        office.submit(f"{person[1]}/look", f"{person[1]}/look", purpose="asked")
        assert "Phone socket 1" in words(office.get(person[1]).text)


def test_a_session_that_nobody_tells_of_any_more_is_not_called_running(town: Town, hub: RidersHub) -> None:
    hub.charges()
    town.now_ms += 16 * 60_000
    with town.visit("gate") as guard:
        assert "End not reported" in words(guard.get("/charging/sessions").text)
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
    assert "Began – " in page and "Ended at –" in page and "13 Wh" in page
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
            assert town.app.state.services[Metrics].text()
            town.now_ms += 3_000


EVERY_PAGE = (
    *("/charging", "/charging/sessions", "/points/phone-1", f"/charging/sessions/{DEVICE}/{SESSION}"),
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
    assert condition(report, online=False, emergency=emergency) is Condition.OFFLINE
    if emergency:
        assert condition(report, online=True, emergency=True) in (Condition.EMERGENCY, Condition.OFFLINE)
