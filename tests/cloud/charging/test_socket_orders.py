"""What is ordered of a socket: a start, a stop, out of service and back, each with a reason."""

import re

import pytest

from contract.decide import Mode
from contract.messages import Result
from contract.reasons import Reason
from contract.reasons import words as reason_words
from tests.cloud.support.hub import DEVICE, SESSION, RidersHub, line
from tests.cloud.support.orders import answers, calls, commands, deeds, reports, state_of
from tests.cloud.support.pages import words
from tests.cloud.support.sockets import REASON, card
from tests.cloud.support.town import Town


def test_a_stop_is_done_when_the_device_says_so_and_not_before(town: Town, hub: RidersHub) -> None:
    hub.charges()
    where = "/points/phone-1"
    with town.visit("gate") as guard:
        answer = guard.submit("/commands/session_stop/phone-1", where, back=where, session=SESSION, reason=REASON)
        page = guard.get(answer.headers["location"]).text
        assert "Stop the session – Sent; waiting for the device to confirm" in words(page)
        assert 'http-equiv="refresh"' in page
        (command,) = commands(town)
        assert (command.op, command.point, command.args) == ("session_stop", "phone-1", {"session": SESSION})
        assert (command.by, command.reason) == ("gate", REASON)
        assert "Charging now" in card(page)
        answers(town, DEVICE, Result(command.id, "done", town.now_ms))
        hub.ends(reason="operator")
        hub.says({"phone-1": "free"}, {"phone-1": {"reason": "operator"}})
        page = guard.get(answer.headers["location"]).text
        assert "Done: confirmed by the device" in words(page)
        assert 'http-equiv="refresh"' not in page
        assert "Charging ended: Stopped by the staff" in card(page)
    deed = deeds(town)[0]
    assert (deed["operator"], deed["action"], deed["subject"]) == ("gate", "command.session_stop", "phone-1")


def test_a_start_is_for_the_card_that_was_chosen_and_the_device_decides(town: Town, hub: RidersHub) -> None:
    hub.says({"phone-2": "free"})
    where = "/points/phone-2"
    with town.visit("office") as guard:
        found = guard.get(f"{where}?who=Sun+Qi").text
        chosen, *_ = re.findall(r'name="card" value="(\d+)"', found)
        assert "Sun Qi" in words(found)
        answer = guard.submit("/commands/session_start/phone-2", where, card=chosen, reason="his card is bent")
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
    where = "/points/phone-2"
    form = {"back": where, "point": "phone-2"}
    with town.visit("gate") as guard:
        assert "Out of service it supplies no power" in words(guard.get(where).text)
        for wrong in ({"mode": "out_of_service"}, {"mode": "hold_open", "reason": REASON}):
            assert guard.submit("/doors/modes", where, **form, **wrong).status_code == 422
        answer = guard.submit("/doors/modes", where, **form, mode="out_of_service", reason=REASON)
        assert answer.headers["location"] == f"{where}?mode=out_of_service"
        assert "Sent, not yet applied: out of service" in words(guard.get(where).text)
        reports(town, DEVICE, {"phone-2": Mode.OUT_OF_SERVICE})
        page = guard.get(where).text
        assert "Sent, not yet" not in words(page) and "Back in service" in page
        assert guard.submit("/doors/modes", where, **form, mode="scheduled", reason=REASON).status_code == 303
    assert [(one["action"], one["subject"]) for one in deeds(town)[:2]] == [
        ("mode.scheduled", "phone-2"),
        ("mode.out_of_service", "phone-2"),
    ]


ORDERS_OF_NOTHING = (
    ("/doors/modes", {"mode": "out_of_service", "point": "phone-2"}),
    ("/commands/session_stop/phone-2", {"session": SESSION}),
)


def test_nothing_is_ordered_of_a_socket_that_has_no_device(town: Town) -> None:
    with town.visit("gate") as guard:
        page = guard.get("/points/phone-2").text
        assert "Back in service" not in page and "No device is registered for it." in page
        for path, fields in ORDERS_OF_NOTHING:
            answer = guard.submit(path, "/account", reason=REASON, **fields)
            assert (answer.status_code, "o device is registered" in words(answer.text)) == (422, True)


def test_guard_searches_no_people(town: Town, hub: RidersHub) -> None:
    """To find a card is to read the directory, by its name or by parts of it."""
    hub.says({"phone-2": "free"})
    with town.visit("gate") as guard:
        page = guard.get("/points/phone-2?who=Sun+Qi").text
    assert "Sun Qi" not in page
    assert 'name="who"' not in page


def test_a_lost_card_is_not_offered(town: Town, hub: RidersHub) -> None:
    hub.says({"phone-2": "free"})
    with town.visit("office") as guard:
        said = guard.get("/points/phone-2?who=Wu+Jiu").text
    assert "Nobody of that name has an active card." in said
    assert 'name="card"' not in said


@pytest.mark.parametrize(
    ("deed", "fields", "said"),
    [
        ("stop", {"session": SESSION}, "Give a reason"),
        ("stop", {"session": SESSION, "reason": "x"}, "Give a reason"),
        ("stop", {"reason": REASON}, "Something in the form is not right"),
        ("stop", {"session": "' OR 1=1 --", "reason": REASON}, "Something in the form is not right"),
        ("start", {"reason": REASON}, "Choose whose card"),
        ("start", {"reason": REASON, "card": "0"}, "Choose whose card"),
        ("start", {"reason": REASON, "card": "9" * 400}, "Choose whose card"),
        ("start", {"reason": REASON, "card": "-1"}, "Choose whose card"),
        ("start", {"card": "1"}, "Give a reason"),
    ],
)
def test_what_is_not_said_right_orders_nothing(
    town: Town, hub: RidersHub, deed: str, fields: dict[str, str], said: str
) -> None:
    hub.charges()
    with town.visit("gate") as guard:
        answer = guard.submit(f"/commands/session_{deed}/phone-1", "/account", **fields)
        assert answer.status_code == 422
        assert said in words(answer.text)
    assert commands(town) == []


@pytest.mark.parametrize("path", ["/points/no-{}", "/charging/sessions/hub-sockets/{}", "/charging/sessions/{}/x"])
def test_what_is_not_there_is_said_to_be_missing(town: Town, hub: RidersHub, path: str) -> None:
    with town.visit("gate") as guard:
        assert guard.get(path.format("east-gate")).status_code == 404
        assert guard.submit("/commands/session_stop/east-gate", "/account", reason=REASON).status_code == 422
        assert guard.get("/charging/sessions?before=nonsense").status_code == 404


def test_old_address_of_a_socket_leads_to_its_page(town: Town, hub: RidersHub) -> None:
    with town.visit("gate") as guard:
        answer = guard.get("/charging/sockets/phone-2?who=Sun+Qi")
    assert (answer.status_code, answer.headers["location"]) == (303, "/points/phone-2?who=Sun+Qi")


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
        for no_number in ("1", True, 0, 1 << 63, None):
            assert calls(guard, "/api/v1/points/phone-1/start", card=no_number, reason=REASON)[0] == 422
        assert calls(guard, "/api/v1/points/nowhere/stop", session=SESSION, reason=REASON)[0] == 404
        assert calls(guard, "/api/v1/points/phone-1/stop", session="x", reason=REASON)[0] == 422
    assert [one.op for one in commands(town)] == ["session_stop", "session_start"]
