"""The guard's page: what is opened, looked up, rung and recorded by one tap."""

import re
from collections.abc import Iterator

import pytest

from cloud.commands.store import list_points
from contract.decide import HOUR_MS, Mode
from tests.cloud.permits.test_pages import code_on
from tests.cloud.support.orders import deeds
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town, Visitor

EAST = "east-gate"


@pytest.fixture
def guard(town: Town) -> Iterator[Visitor]:
    town.beats(EAST)
    with town.visit("gate") as visitor:
        yield visitor


def submit(visitor: Visitor, path: str, **fields: str) -> str:
    """The page that the form leads to, in words."""
    answer = visitor.submit(path, "/guard", **fields)
    return words(visitor.get(answer.headers["location"]).text if answer.status_code == 303 else answer.text)


def last(town: Town) -> tuple[object, ...]:
    newest = deeds(town)[0]
    return newest["operator"], newest["action"], newest["subject"], newest["detail"]


def test_gate_is_opened_by_one_tap(town: Town, guard: Visitor) -> None:
    """The chip is the reason: it stands in the audit and goes to the device."""
    page = guard.get("/guard").text
    chips = re.findall(r'<button name="reason" value="([^"]+)"', page)
    assert chips[:2] == ["A resident without their card", "A visitor: the flat said yes"]
    assert "/commands/open_once/east-gate" in page
    shown = submit(guard, f"/commands/open_once/{EAST}", reason=chips[1], back="/guard")
    assert "Open once: East gate –" in shown
    assert [one["reason"] for one in guard.get("/api/v1/commands").json()][:1] == [chips[1]]


def test_gate_that_is_offline_offers_nothing(town: Town, guard: Visitor) -> None:
    town.now_ms += HOUR_MS
    page = guard.get("/guard").text
    assert "Use the mechanical key" in words(page)
    assert "A delivery" not in page


def test_flat_that_said_yes_gets_a_code(town: Town, guard: Visitor) -> None:
    found = words(guard.get("/guard/find?text=2-502").text)
    assert "Ring the flat" in found and "said yes at" not in found
    answer = guard.submit("/guard/rung", "/guard", flat="2-502", answer="yes", name="a plumber", headcount="2")
    code_on(guard.get(answer.headers["location"]).text)
    found = words(guard.get("/guard/find?text=2-502").text)
    assert "2-502 said yes at 16:00" in found
    assert "Walk-in visitor · a plumber Valid has a code" in found


@pytest.mark.parametrize(("answer", "said"), [("no", "said no at 16:00"), ("nobody", "nobody answered at 16:00")])
def test_other_answers_stand_on_record(town: Town, guard: Visitor, answer: str, said: str) -> None:
    shown = submit(guard, "/guard/rung", flat="2-502", answer=answer)
    assert "Noted what the flat said." in shown and f"2-502 {said}" in shown
    assert last(town) == ("gate", "flat.rung", "2-502", {"answer": answer})


@pytest.mark.parametrize(
    ("flat", "answer", "sentence"),
    [
        ("9-999", "no", "There is no such flat"),
        ("9-999", "yes", "There is no such flat"),
        ("2-502", "perhaps", "check"),
    ],
)
def test_wrong_answer_changes_nothing(town: Town, guard: Visitor, flat: str, answer: str, sentence: str) -> None:
    before = deeds(town)
    assert sentence in submit(guard, "/guard/rung", flat=flat, answer=answer)
    assert deeds(town) == before


def test_part_of_a_name_finds_flats(guard: Visitor) -> None:
    assert guard.get("/guard/find?text=2-").text.count('name="flat"') > 0
    assert "No flat and no permit of today is called so" in words(guard.get("/guard/find?text=%25").text)


def test_plate_finds_the_permit_of_today(town: Town, guard: Visitor) -> None:
    """O and 0 are the same there, as at the scanner."""
    guard.submit("/permits", "/permits", kind="van", flat="2-502", plate="沪A12O45")
    assert "沪A12045" in words(guard.get("/guard/find?text=沪a12045").text)


def test_spoken_code_shows_its_permit(town: Town, guard: Visitor) -> None:
    """Whose code it is, and a button for each gate; the code stands in no page and not in the audit."""
    answer = guard.submit(
        "/permits", "/permits", kind="walk_in", flat="2-502", name="a plumber", agreed="on", code="on"
    )
    code = code_on(guard.get(answer.headers["location"]).text)
    page = guard.submit("/guard/code", "/guard", code=f"{code[:3]} {code[3:]}#").text
    assert "The code counts" in words(page) and "a plumber Valid" in words(page)
    assert "They said the code of permit 1" in page and code not in page
    assert last(town) == ("gate", "code.checked", "permit 1", {})


def test_code_that_is_over_shows_nothing(town: Town, guard: Visitor) -> None:
    answer = guard.submit("/permits", "/permits", kind="walk_in", flat="2-502", agreed="on", code="on")
    code = code_on(guard.get(answer.headers["location"]).text)
    guard.submit("/permits/1/ended", "/permits")
    for said in (code, "000001", "１２３４"):
        assert (
            "No permit that counts now has this code" in submit(guard, "/guard/code", code=said) or not said.isascii()
        )
    assert "A code has 4 to 12 digits" in submit(guard, "/guard/code", code="12a")


def test_help_comes_in_by_one_button(town: Town, guard: Visitor) -> None:
    """The gates are held open at once; what it was is asked until somebody has said it."""
    shown = submit(guard, "/guard/emergency")
    assert "Sent: the gates are held open" in shown and "What was it?" in shown
    assert find_mode(town, EAST) is Mode.HOLD_OPEN
    shown = submit(guard, "/guard/emergency/1", cause="ambulance")
    assert "Noted what it was." in shown and "What was it?" not in shown
    assert last(town) == ("gate", "entry.explained", "entry 1", {"cause": "ambulance"})
    assert "This was said already" in submit(guard, "/guard/emergency/1", cause="police")
    town.now_ms += HOUR_MS // 4
    assert find_mode(town, EAST) is Mode.SCHEDULED


def test_help_lifts_no_lockdown(town: Town, guard: Visitor) -> None:
    town.desired_state.set_mode(None, Mode.LOCKDOWN, "admin", "a fight")
    assert "Every gate is locked down or out of service" in submit(guard, "/guard/emergency")
    assert find_mode(town, EAST) is Mode.LOCKDOWN


def find_mode(town: Town, point: str) -> Mode:
    with town.store.reading() as connection:
        return next(one.mode for one in list_points(connection, town.now_ms) if one.name == point)


def test_key_is_out_until_it_is_back(town: Town, guard: Visitor) -> None:
    taken = {"key": "Plant room", "taken_by": "the lift company", "why": "yearly check"}
    assert "Plant room the lift company · yearly check" in submit(guard, "/guard/keys", **taken)
    assert "Key Plant room is out already" in submit(guard, "/guard/keys", **taken)
    assert "No key is out." in submit(guard, "/guard/keys/1/back")
    assert "This key is back already" in submit(guard, "/guard/keys/1/back")
    assert last(town) == ("gate", "key.returned", "Plant room", {})


@pytest.mark.parametrize("missing", ["key", "taken_by", "why"])
def test_key_without_a_word_is_rejected(town: Town, guard: Visitor, missing: str) -> None:
    taken = {"key": "Plant room", "taken_by": "the lift company", "why": "yearly check", missing: " "}
    before = deeds(town)
    assert "Nothing was changed" in submit(guard, "/guard/keys", **taken)
    assert deeds(town) == before


def test_alarm_and_rider_stand_on_the_page(town: Town, guard: Visitor) -> None:
    town.happens("door.forced", device=EAST)
    guard.submit("/join/hub", "/guard", name="Xiao Ma", phone="13912345678", consent="on")
    shown = words(guard.get("/guard").text)
    assert "East gate Forced open Security" in shown
    assert "Xiao Ma …" in shown
