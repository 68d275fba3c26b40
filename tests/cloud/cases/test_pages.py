"""The page of cases: what a guard sees and does, and what others may."""

from contract.decide import Trust
from contract.events import Event, encode_event
from tests.cloud.support.orders import deeds
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town

EAST = "east-gate"


def test_forced_gate_is_accepted_and_closed(town: Town) -> None:
    """On the first page and in the title at once; taken with a note; the second guard is told who has it."""
    town.happens("door.forced", device=EAST)
    with town.visit("gate") as guard, town.visit("office") as office:
        first = guard.get("/").text
        assert "<title>1 · Overview" in first
        assert "East gate Forced open Security" in words(first)
        assert guard.submit("/cases/1/accept", "/cases", note="on my way").status_code == 303
        second = office.submit("/cases/1/accept", "/cases", note="me too")
        assert second.status_code == 422
        assert "gate has this case already. Nothing was changed." in words(second.text)
        assert "gate has it since 16:00:00 · on my way" in words(office.get("/cases").text)
        assert office.submit("/cases/1/assign", "/cases", assignee="office").status_code == 303
        assert guard.submit("/cases/1/solve", "/cases", note="a child").status_code == 303
        closed = guard.get("/cases").text
        assert "No case is open." in closed
        assert "<title>Cases" in closed
    done = [(one["operator"], one["action"]) for one in deeds(town)]
    assert done[:3] == [("gate", "case.solve"), ("office", "case.assign"), ("gate", "case.accept")]


def test_recovered_case_tells_how_long_it_lasted(town: Town) -> None:
    town.happens("door.forced", device=EAST)
    town.now_ms += 120_000
    town.happens("door.shut", device=EAST, open_ms=120_000)
    with town.visit("gate", language="zh") as guard:
        shown = words(guard.get("/cases").text)
        assert "被强行打开 安防" in shown
        assert "2 分钟后恢复" in shown


def test_replayed_alarm_is_listed_as_late(town: Town) -> None:
    town.happens("door.forced", device=EAST, replay=True)
    with town.visit("gate") as guard:
        assert "reported late" in words(guard.get("/cases").text)


def test_steward_sees_the_cases_of_their_zone(town: Town) -> None:
    town.happens("turnstile.jammed", device="gym-turnstile")
    town.happens("door.forced", device=EAST)
    with town.visit("steward") as steward:
        shown = words(steward.get("/cases").text)
        assert "Arm jammed" in shown
        assert "Forced open" not in shown
        assert "I take it" not in shown


def test_api_lists_and_accepts_cases(town: Town) -> None:
    town.happens("door.forced", device=EAST)
    with town.visit("gate") as guard:
        token = {"X-CSRF-Token": guard.token("/cases")}
        (case,) = guard.get("/api/v1/cases").json()
        assert (case["kind"], case["grade"], case["state"], case["point"]) == ("forced", "security", "reported", EAST)
        assert guard.post("/api/v1/cases/1/accept", json={"note": "coming"}, headers=token).status_code == 204
        assert guard.post("/api/v1/cases/1/accept", json={}, headers=token).status_code == 409
        assert guard.post("/api/v1/cases/9/solve", json={}, headers=token).status_code == 404
        nobody = guard.post("/api/v1/cases/1/assign", json={"assignee": "nobody"}, headers=token)
        assert nobody.status_code == 422
        assert guard.get("/api/v1/cases?solved=true").json() == []


def test_storm_of_alarms_loses_no_case(town: Town) -> None:
    """A thousand alarms at one door are one case that has counted all of them."""
    sender = town.senders[EAST]
    for seq in range(1, 1_001):
        sender.keep(encode_event(Event(seq, town.now_ms, seq, "b7", Trust.SYNCED, EAST, "door.forced", {})))
    for first in range(1, 1_001, 100):
        town.sends(EAST, first, first + 99)
    with town.visit("gate") as guard:
        (case,) = guard.get("/api/v1/cases").json()
    assert case["count"] == 1_000
