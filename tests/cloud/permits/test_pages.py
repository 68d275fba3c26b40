"""The guard's page of permits, and the same by calls."""

import re

import pytest
from sqlalchemy import select

from cloud.cases.watch import CaseWatch
from cloud.permits.service import SHOWN_MS
from cloud.permits.watch import look_after
from cloud.store.tables import permits
from contract.decide import DAY_MS, HOUR_MS
from tests.cloud.support.api import get, program, send
from tests.cloud.support.pages import words
from tests.cloud.support.town import NOW_MS, Town, Visitor

WALK_IN = {"kind": "walk_in", "flat": "2-502", "name": "a plumber", "agreed": "on", "code": "on"}
STAYED = "Still inside though the permit is over"
CREW = {"kind": "crew", "flat": "2-502", "name": "painters", "headcount": "3", "code": "on", "token": "on"}


def code_on(page: str) -> str:
    found = re.search(r'class="spoken"><strong>(\d{6,8}) #', page)
    assert found, words(page)
    return found[1]


def draw(visitor: Visitor, path: str = "/permits", **fields: str) -> str:
    """The page with the code of a new permit, which the form leads to."""
    answer = visitor.submit(path, "/permits", **fields)
    return visitor.get(answer.headers["location"]).text


def holder(town: Town) -> str:
    """What devices know of the newest permit."""
    with town.store.reading() as connection:
        query = select(permits.c.holder).order_by(permits.c.id.desc()).limit(1)
        return bytes(connection.execute(query).scalar_one()).hex()


def passes(town: Town, direction: str = "in") -> None:
    """Whoever has the newest permit goes through the east gate."""
    town.happens("access.passed", device="east-gate", holder=holder(town), direction=direction)


@pytest.fixture
def gate(town: Town) -> Visitor:  # type: ignore[misc]
    with town.visit("gate") as guard:
        yield guard


def test_walk_in_needs_the_yes_on_the_page(town: Town, gate: Visitor) -> None:
    """The guard rings, says so, and tells the visitor a code; both stand on the page, the code does not."""
    refused = gate.submit("/permits", "/permits", **{**WALK_IN, "agreed": ""})
    assert refused.status_code == 422 and "Ring the flat first" in refused.text
    assert 'value="a plumber"' in refused.text
    code, page = code_on(draw(gate, **WALK_IN)), gate.get("/permits").text
    assert "2-502 Walk-in visitor · a plumber Valid has a code" in words(page)
    assert "drawn up by gate · said yes at 16:00" in words(page)
    assert code not in page


def test_code_page_is_loaded_again_for_five_minutes(town: Town, gate: Visitor) -> None:
    """It draws up nothing, and shows the code to nobody else."""
    shown = gate.submit("/permits", "/permits", **WALK_IN).headers["location"]
    first, second = (code_on(gate.get(shown).text) for _ in range(2))
    assert first == second
    with town.visit("admin") as admin:
        assert admin.get(shown).headers["location"] == "/permits"
        assert words(admin.get("/permits").text).count("a plumber") == 1
    town.now_ms += SHOWN_MS
    assert gate.get(shown).headers["location"] == "/permits"


def test_guard_sees_who_is_inside(town: Town, gate: Visitor) -> None:
    gate.submit("/permits", "/permits", **WALK_IN)
    passes(town)
    page = words(gate.get("/permits").text)
    assert "a plumber Inside" in page and "in at 16:00" in page
    assert "Visitor of 2-502" in words(gate.get("/events").text)
    town.now_ms += HOUR_MS
    passes(town, "out")
    assert "a plumber Left" in words(gate.get("/permits").text)
    town.now_ms += HOUR_MS
    passes(town)
    assert gate.submit("/permits/1/left", "/permits").status_code == 303
    assert "a plumber Left" in words(gate.get("/permits").text)


def test_overstay_is_one_case_and_no_locked_door(town: Town, gate: Visitor) -> None:
    """Of two walk-ins there is one case until they have left; closed by a guard it is opened anew in another hour."""
    watch = CaseWatch(town.store, town.clock, lambda: "")

    def cases(guard: Visitor) -> str:
        look_after(town.store, town.clock)
        watch.look()
        return words(guard.get("/cases").text)

    for _ in range(2):
        gate.submit("/permits", "/permits", **WALK_IN)
        passes(town)
    town.now_ms += 12 * HOUR_MS
    with town.visit("gate") as guard, town.visit("admin") as admin:
        assert cases(guard).count(f"{STAYED}: Walk-in visitor") == 1
        assert words(guard.get("/permits").text).count("a plumber Overstayed") == 2
        assert admin.get("/audit").text.count("Noted who overstayed a permit") == 1
        assert guard.submit("/cases/1/solve", "/cases").status_code == 303
        assert "No case is open." in cases(guard)
        town.now_ms += HOUR_MS
        assert STAYED not in cases(guard).partition("Closed last")[0]
        guard.submit("/permits/1/left", "/permits")
        guard.submit("/permits", "/permits", **WALK_IN)
        passes(town)
        guard.submit("/permits/3/ended", "/permits")
        assert STAYED in cases(guard).partition("Closed last")[0]
        guard.submit("/permits/2/left", "/permits")
        guard.submit("/permits/3/left", "/permits")
        assert STAYED not in cases(guard).partition("Closed last")[0]


def test_guard_draws_some_kinds_and_the_office_all(town: Town, gate: Visitor) -> None:
    page = gate.get("/permits").text
    assert '<option value="rider"' in page and '<option value="crew"' not in page
    refused = gate.submit("/permits", "/permits", **CREW)
    assert refused.status_code == 422 and "The office draws up permits" in refused.text
    with town.visit("office") as office:
        drawn = draw(office, **CREW)
        assert code_on(drawn) and "<svg" in drawn and "HGT" in drawn
        again = office.submit("/permits/1/code", "/permits")
        assert code_on(again.text) == code_on(drawn)
        office.submit("/permits/1/ended", "/permits")
        assert gate.submit("/permits/1/again", "/permits").status_code == 422
        assert code_on(draw(office, "/permits/1/again")) != code_on(drawn)
    assert gate.submit("/permits/1/code", "/permits").status_code == 403


def test_other_days_and_flats_are_the_offices(town: Town, gate: Visitor) -> None:
    """A guard sees today; what was a month ago stands nowhere for them."""
    with town.visit("office") as office:
        office.submit("/permits", "/permits", **CREW, **{"from": "2027-02-01T08:00", "until": "2027-02-02T18:00"})
        assert "painters" not in gate.get("/permits").text
        assert gate.get("/permits?day=2027-02-01").status_code == 403
        assert gate.get("/permits?flat=2-502").status_code == 403
        for asked in ("day=2027-02-01", "flat=2-502"):
            assert "painters" in office.get(f"/permits?{asked}").text
    with town.visit("steward") as steward:
        assert steward.get("/permits").status_code == 403


def test_unknown_plate_is_for_the_guard(town: Town, gate: Visitor) -> None:
    assert "No permit is known for this plate" in gate.get("/permits?plate=沪A12345").text
    space = {"kind": "space", "plate": "沪A·12345", "name": "a visitor", "code": "on"}
    gate.submit("/permits", "/permits", **space)
    assert "a visitor" in gate.get("/permits?plate=沪a12345").text
    wrong = gate.submit("/permits", "/permits", **{**space, "plate": "12"})
    assert "This is no plate" in wrong.text and 'value="12"' in wrong.text


def test_goods_slip_is_signed_off_in_one_tap(town: Town, gate: Visitor) -> None:
    with town.visit("office") as office:
        office.submit("/permits", "/permits", kind="goods", flat="2-502", headcount="12", goods="a sofa, boxes")
    page = words(gate.get("/permits").text)
    assert "12 pieces: a sofa, boxes" in page and "Counted, sign off" in page
    assert gate.submit("/permits/1/signed-off", "/permits").status_code == 303
    assert "Goods slip Ended" in words(gate.get("/permits").text)


def test_permit_is_extended_once_and_ended(town: Town, gate: Visitor) -> None:
    gate.submit("/permits", "/permits", **{**WALK_IN, "until": "2027-01-15T18:00"})
    assert gate.submit("/permits/1/extended", "/permits", until="2027-01-15T20:00").status_code == 303
    again = gate.submit("/permits/1/extended", "/permits", until="2027-01-15T21:00")
    assert again.status_code == 422 and "extended before" in again.text
    assert gate.submit("/permits/1/extended", "/permits", until="tomorrow").status_code == 422
    assert gate.submit("/permits/1/ended", "/permits").status_code == 303
    assert gate.submit("/permits/1/nonsense", "/permits").status_code == 404
    assert "a plumber Ended" in words(gate.get("/permits").text)


def test_page_speaks_chinese(town: Town, gate: Visitor) -> None:
    gate.submit("/permits", "/permits", **WALK_IN)
    with town.visit("gate", language="zh") as guard:
        page = words(guard.get("/permits").text)
    assert "临时来访" in page and "住户于 16:00 同意" in page and "有效" in page


def test_permits_by_calls(town: Town) -> None:
    with program(town, "office") as office:
        body = {"kind": "guest", "flat": "2-502", "inviter": 5, "code": True, "headcount": 2}
        drawn = send(office, "/permits", body)
        assert drawn.status_code == 201
        permit, code = drawn.json()["permit"], drawn.json()["code"]
        (listed,) = get(office, "/permits")
        assert listed["state"] == "valid" and listed["inviter"]["en"] == "Li Si" and listed["credentials"] == ["code"]
        assert send(office, f"/permits/{permit}/code", {}).json()["code"] == code
        assert send(office, f"/permits/{permit}/extend", {"until_ms": NOW_MS + 2 * DAY_MS}).status_code == 204
        assert send(office, f"/permits/{permit}/left", {}).status_code == 409
        assert send(office, f"/permits/{permit}/sign-off", {}).status_code == 409
        assert send(office, f"/permits/{permit}/end", {}).status_code == 204
        assert send(office, f"/permits/{permit}/end", {}).status_code == 409
        assert send(office, f"/permits/{permit}/again", {}).status_code == 201
        assert send(office, "/permits/99/end", {}).status_code == 404
        assert send(office, "/permits", {**body, "headcount": 0}).status_code == 422
        assert get(office, f"/permits?since_ms={NOW_MS - 9 * DAY_MS}&until_ms={NOW_MS - 8 * DAY_MS}") == []
    with program(town, "gate") as guard:
        assert send(guard, f"/permits/{permit}/again", {}).status_code == 403
        assert send(guard, "/permits/99/again", {}).status_code == 404
        assert guard.get(f"/api/v1/permits?since_ms={NOW_MS}").status_code == 403
        assert send(guard, "/permits", body).status_code == 403


def test_person_page_shows_their_permits(town: Town) -> None:
    with town.visit("office") as office:
        assert "Permits that they answer for" not in office.get("/people/5").text
        with program(town, "office") as caller:
            send(caller, "/permits", {"kind": "guest", "flat": "2-502", "name": "an aunt", "inviter": 5})
        assert "Permits that they answer for 2-502 Guest · an aunt Valid" in words(office.get("/people/5").text)
