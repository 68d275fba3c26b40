"""Changing a wiring by the console and by the API: who may, what is checked, and how far it is."""

from collections.abc import Iterator
from typing import Any

import pytest

from cloud.commands.store import find_desired
from cloud.fleet.rolling import Rolling
from cloud.people.community import load_community
from contract import codec
from contract.messages import Reported, State
from contract.sealing import Purpose, statement, wiring_hash
from tests.cloud.support.orders import answers, calls, documents
from tests.cloud.support.pages import words
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import Town, Visitor

EAST, WEST, GYM = "east-gate", "west-gate", "gym-turnstile"
REASON = "longer, for prams"
NEW = "[device]\nname = 'east-gate'\n"


@pytest.fixture
def admin(town: Town) -> Iterator[Visitor]:
    with town.visit("admin") as visitor:
        yield visitor


@pytest.fixture
def office(town: Town) -> Iterator[Visitor]:
    with town.visit("office") as visitor:
        yield visitor


def look(town: Town) -> None:
    """What the server's thread does once a second."""
    Rolling(town.store, town.desired_state, town.clock).look()


def reports(town: Town, device: str, status: str, why: str = "", wiring: str = NEW) -> None:
    number = [one for one in documents(town) if one.device == device][-1].number
    name = wiring_hash(wiring.encode())
    answers(town, device, Reported(number, status, town.now_ms, {}, name, why))  # type: ignore[arg-type]


def begin(visitor: Visitor, **wirings: str) -> str:
    named = {name.replace("_", "-"): text for name, text in wirings.items()}
    status, answer = calls(visitor, "/api/v1/rollouts", wirings=named, reason=REASON)
    assert status == 202, answer
    return str(answer["id"])


def rollout(visitor: Visitor, name: str) -> dict[str, Any]:
    return dict(visitor.get(f"/api/v1/rollouts/{name}").json())


def test_an_empty_wiring_is_sent_only_if_meant(town: Town, admin: Visitor) -> None:
    """Where the cloud does not know a device's wiring, the box is empty, and one reason away from a roll-out."""
    page = f"/devices/{EAST}/wiring"
    for empty in ("", " \r\n"):
        answer = admin.submit(page, page, wiring=empty, reason=REASON)
        assert (answer.status_code, "Nothing was changed" in answer.text) == (422, True)
    assert admin.submit(page, page, wiring=NEW, own_file="1", reason=REASON).status_code == 303
    look(town)
    assert [one.wiring for one in documents(town)] == [""]


def test_a_form_sends_a_wiring_and_shows_what_became_of_it(town: Town, admin: Visitor) -> None:
    page = f"/devices/{EAST}/wiring"
    assert admin.submit(page, page, wiring=NEW.replace("\n", "\r\n"), reason=REASON).status_code == 303
    look(town)
    assert [(one.device, one.wiring, one.wiring_hash) for one in documents(town)] == [
        (EAST, NEW, wiring_hash(NEW.encode()))
    ]
    shown = words(admin.get("/rollouts?done=started").text)
    assert "Sent; waiting for the device" in shown
    assert "not yet in force" in shown
    reports(town, EAST, "applied")
    look(town)
    shown = words(admin.get("/rollouts").text)
    assert "In force" in shown
    assert "not yet in force" not in shown


def test_the_form_is_filled_in_with_the_wiring_in_force_if_the_cloud_knows_it(town: Town, admin: Visitor) -> None:
    assert "name = " not in admin.get(f"/devices/{EAST}/wiring").text
    begin(admin, east_gate=NEW)
    look(town)
    body = codec.write(State(online=True, connection=1, config_hash=wiring_hash(NEW.encode())))
    seal = town.senders[EAST].key.sign(statement(Purpose.STATE, SITE, EAST, body))
    town.arrives(EAST, "state", codec.attach(body, seal))
    assert "[device]\nname = &#39;east-gate&#39;" in admin.get(f"/devices/{EAST}/wiring").text


def test_the_api_rolls_out_to_the_canary_first(town: Town, admin: Visitor) -> None:
    name = begin(admin, east_gate=NEW, west_gate=NEW)
    look(town)
    look(town)
    assert [one.device for one in documents(town)] == [EAST]
    reports(town, EAST, "applied")
    look(town)
    assert [one.device for one in documents(town)] == [EAST, WEST]
    found = rollout(admin, name)
    assert (found["state"], found["canary"], found["by"]) == ("rest", EAST, "admin")
    assert [leg["state"] for leg in found["legs"]] == ["applied", "sent"]


def test_a_wiring_that_is_applied_brings_its_points(town: Town, admin: Visitor) -> None:
    wired = NEW + "[[point]]\nname = 'east-socket'\nzone = 'estate'\nkind = 'socket'\nsettings = { class = 'ebike' }\n"
    begin(admin, east_gate=wired)
    look(town)

    def classes() -> dict[str, str]:
        with town.store.reading() as connection:
            return {one.name: one.class_name for one in load_community(connection).points if one.device == EAST}

    assert classes() == {EAST: ""}
    reports(town, EAST, "applied", wiring=wired)
    look(town)
    assert classes() == {EAST: "", "east-socket": "ebike"}
    assert "east-socket" in words(admin.get("/audit").text)


def test_a_canary_that_reverts_stops_it_and_the_former_wiring_is_desired_again(town: Town, admin: Visitor) -> None:
    name = begin(admin, east_gate=NEW, west_gate=NEW)
    look(town)
    reports(town, EAST, "reverted", "The keeper was not heard.", wiring="")
    look(town)
    found = rollout(admin, name)
    assert (found["state"], found["why"]) == ("stopped", f"{EAST}: The keeper was not heard.")
    assert [leg["state"] for leg in found["legs"]] == ["reverted", "kept"]
    assert [(one.number, one.wiring) for one in documents(town)] == [(1, NEW), (2, "")]
    assert "Tried, and reverted" in words(admin.get("/rollouts").text)


def test_a_person_stops_it_with_a_reason(town: Town, admin: Visitor) -> None:
    name = begin(admin, east_gate=NEW, west_gate=NEW)
    look(town)
    page = f"/rollouts/{name}/stop"
    assert "Give a reason" in admin.submit(page, "/rollouts", reason="x").text
    assert admin.submit(page, "/rollouts", reason="wrong building").status_code == 303
    look(town)
    assert (rollout(admin, name)["state"], rollout(admin, name)["why"]) == ("stopped", "wrong building")
    assert [one.wiring for one in documents(town)] == [NEW, ""]
    assert calls(admin, f"/api/v1/rollouts/{name}/stop", reason="once more")[0] == 409
    assert calls(admin, "/api/v1/rollouts/none/stop", reason="once more")[0] == 404
    assert admin.get("/api/v1/rollouts/none").status_code == 404
    assert [one["id"] for one in admin.get("/api/v1/rollouts").json()] == [name]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"wirings": {}}, "wirings"),
        ({"wirings": {"nobody": NEW}}, "no such device: nobody"),
        ({"wirings": {EAST: "[device"}}, "east-gate, line 1: this is not TOML"),
        ({"wirings": {EAST: "a = " + "[" * 1_000}}, "east-gate, line 1: nested deeper"),
        ({"wirings": {EAST: "a." * 31_000 + "a = 1"}}, "east-gate, line 1: a line of 62005"),
        ({"wirings": {EAST: "a = " + "9" * 5_000}}, "east-gate, line 1: a line of 5004"),
        ({"wirings": {EAST: "[a]\nb = [\n" + "9" * 1_900 + "\n]"}}, "east-gate, line 3: a number of more than 18"),
        ({"wirings": {EAST: "[[point]]\ntemplate = 'x'"}}, "east-gate, point[0].template: no template of this file"),
        ({"wirings": {EAST: NEW}, "canary": WEST}, "the canary west-gate has no wiring"),
    ],
)
def test_what_cannot_be_rolled_out_is_refused_and_changes_nothing(
    town: Town, admin: Visitor, body: dict[str, Any], why: str
) -> None:
    status, answer = calls(admin, "/api/v1/rollouts", reason=REASON, **body)
    assert status == 422
    assert why in str(answer)
    look(town)
    assert documents(town) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a = " + "9" * 5_000, "east-gate, line 1: a line of 5004"),
        ("a = 0x" + "9" * 5_000, "east-gate, line 1: a line of 5006"),
        ("[a]\r\nb = -" + "9" * 1_900, "east-gate, line 2: a number of more than 18"),
        ("a = 1979-02-30", "east-gate, line 1: this is not TOML"),
    ],
)
def test_a_form_refuses_an_endless_number(town: Town, admin: Visitor, text: str, why: str) -> None:
    """Python refuses to read so many digits with an error of its own, which was an error of ours (500)."""
    page = f"/devices/{EAST}/wiring"
    answer = admin.submit(page, page, wiring=text, reason=REASON)
    assert answer.status_code == 422
    assert why in answer.text
    look(town)
    assert documents(town) == []


def test_two_roll_outs_do_not_go_on_at_once(town: Town, admin: Visitor) -> None:
    begin(admin, east_gate=NEW)
    status, answer = calls(admin, "/api/v1/rollouts", wirings={WEST: NEW}, reason=REASON)
    assert status == 422
    assert "another roll-out goes on" in str(answer)


def test_only_who_looks_after_devices_may_change_a_wiring(town: Town, office: Visitor) -> None:
    assert office.get(f"/devices/{EAST}/wiring").status_code == 403
    assert calls(office, "/api/v1/rollouts", wirings={EAST: NEW}, reason=REASON)[0] == 403
    assert office.get("/rollouts").status_code == 200
    assert "Change its wiring" not in words(office.get(f"/devices/{EAST}").text)


def test_a_mode_carries_the_wiring_along(town: Town, admin: Visitor) -> None:
    begin(admin, east_gate=NEW)
    look(town)
    calls(admin, "/api/v1/modes", points=[EAST], mode="hold_open", reason=REASON)
    assert [(one.number, one.wiring) for one in documents(town)] == [(1, NEW), (2, NEW)]
    with town.store.reading() as connection:
        desired = find_desired(connection, EAST)
    assert desired is not None
    assert (desired.drifts, desired.wired_ms) == (True, town.now_ms)
    found = [one for one in admin.get("/api/v1/wirings").json() if one["device"] == EAST]
    assert [(one["drifts"], one["desired"]) for one in found] == [(True, wiring_hash(NEW.encode()))]


def test_a_report_from_the_past_changes_nothing_unless_it_settles_the_document(town: Town, admin: Visitor) -> None:
    def told(status: str) -> tuple[str, str]:
        answers(town, EAST, Reported(1, status, town.now_ms, why=status))  # type: ignore[arg-type]
        (one,) = [one for one in admin.get("/api/v1/wirings").json() if one["device"] == EAST]
        return one["status"], one["why"]

    begin(admin, east_gate=NEW)
    look(town)
    assert told("trying") == ("trying", "trying")
    town.now_ms -= 60_000  # the device has started again, and its clock is late
    assert told("waiting") == ("trying", "trying")
    assert told("reverted") == ("reverted", "reverted")
    town.now_ms -= 1
    assert told("applied") == ("reverted", "reverted")


def test_the_audit_tells_who_changed_what_and_why(town: Town, admin: Visitor) -> None:
    begin(admin, east_gate=NEW, west_gate=NEW)
    shown = words(admin.get("/audit").text)
    assert "Changed the wiring of devices" in shown
    assert REASON in shown
