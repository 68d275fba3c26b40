"""A person's movements stand behind a purpose, which is recorded and holds for half an hour."""

import pytest

from cloud.web.operators import list_audit
from tests.cloud.support.hub import RidersHub
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town, Visitor

LI_SI = "/people/5"


def look(visitor: Visitor, person: str = LI_SI, **fields: str) -> int:
    return visitor.submit(f"{person}/look", f"{person}/look", **{"purpose": "asked", **fields}).status_code


def test_last_passages_stand_behind_a_purpose(town: Town) -> None:
    town.happens("access.refused", device="east-gate", reason="expired", holder=town.holder("Li Si"))
    town.happens("access.allowed", reason="allowed", holder=town.holder("Li Si"), direction="in")
    with town.visit("office") as staff:
        before = words(staff.get(LI_SI).text)
        assert look(staff) == 303
        after = words(staff.get(LI_SI).text)
    assert "Last passages" not in before
    assert before.count("Gym turnstile") < after.count("Gym turnstile"), "readers for a new card are named anyway"
    assert "Last refused:" in after
    assert "This membership has ended" in after
    assert "office: The person asks" in after


def test_sessions_of_a_person_stand_behind_it_too(town: Town) -> None:
    RidersHub(town).charges("Li Si", session="ffeeddccbbaa0099")
    with town.visit("office") as staff:
        assert "ffeeddccbbaa0099" not in staff.get(LI_SI).text
        look(staff)
        assert "ffeeddccbbaa0099" in staff.get(LI_SI).text


def test_events_of_a_person_lead_to_the_purpose(town: Town) -> None:
    town.happens("access.allowed", reason="allowed", holder=town.holder("Li Si"))
    town.happens("access.allowed", reason="allowed", holder=town.holder("Wang Wu"))
    with town.visit("office") as staff:
        asked = staff.get("/events?person=5")
        assert asked.headers["location"] == "/people/5/look?back=%2Fevents%3Fperson%3D5"
        done = staff.submit(LI_SI + "/look", asked.headers["location"], purpose="damage", back="/events?person=5")
        page = staff.get(done.headers["location"]).text
        assert "Li Si" in page
        assert "Wang Wu" not in page
        assert "Wang Wu" not in staff.get("/events?person=5&point=gym-turnstile&kind=access&reason=allowed").text
        assert staff.get("/events?person=7").status_code == 303
        assert staff.get("/events?person=4711").status_code == 404


def test_purpose_holds_half_an_hour_one_login(town: Town) -> None:
    with town.visit("office") as staff, town.visit("office") as other:
        look(staff)
        assert staff.get("/events?person=5").status_code == 200
        assert other.get("/events?person=5").status_code == 303
        town.now_ms += 30 * 60_000 - 1
        assert staff.get("/events?person=5").status_code == 200
        town.now_ms += 1
        assert staff.get("/events?person=5").status_code == 303


@pytest.mark.parametrize(
    "fields", [{"purpose": ""}, {"purpose": "curiosity"}, {"purpose": "", "case": "no number!"}, {"case": "x" * 41}]
)
def test_look_without_a_purpose_shows_nothing(town: Town, fields: dict[str, str]) -> None:
    with town.visit("office") as staff:
        assert look(staff, **fields) == 422
        assert staff.get("/events?person=5").status_code == 303
    with town.store.reading() as connection:
        assert "movements.seen" not in {row.action for row in list_audit(connection)}


def test_every_look_stands_in_the_audit(town: Town) -> None:
    with town.visit("auditor") as auditor:
        look(auditor, purpose="", case="2027-114")
        audit = words(auditor.get("/audit").text)
        assert "case 2027-114" in words(auditor.get(LI_SI).text)
    assert "Looked at a person's movements" in audit
    assert "Li Si purpose 2027-114" in audit


def test_api_asks_for_a_purpose_too(town: Town, api: Visitor) -> None:
    refused = api.get("/api/v1/events?person=5")
    assert (refused.status_code, refused.json()["error"]) == (403, "purpose_needed")
    assert api.post("/api/v1/people/5/looks", json={"purpose": "curiosity"}).status_code == 422
    assert api.post("/api/v1/people/5/looks", json={"case": "114"}).status_code == 204
    assert api.get("/api/v1/events?person=5").status_code == 200
    (seen,) = api.get("/api/v1/people/5/looks").json()
    assert (seen["operator"], seen["purpose"]) == ("office", "114")
    assert api.post("/api/v1/people/4711/looks", json={"purpose": "asked"}).status_code == 404
    assert api.post("/api/v1/events/4711/looks", json={"purpose": "asked"}).status_code == 404
