"""Every role gets in where the table says so, and sees nothing of what is not its own."""

import json
import re

import httpx
import pytest

from cloud.web.pages import with_query
from contract.decide import DAY_MS
from tests.cloud.support.day import a_day
from tests.cloud.support.hub import SESSION
from tests.cloud.support.pages import words
from tests.cloud.support.town import PEOPLE, Town, Visitor
from tests.cloud.support.who_may import BODIES, ENDLESS, PUBLIC, TABLE, filled, names_by_address, routes

ANSWERS = {200, 201, 202, 204, 303, 400, 404, 409, 422}
"""What a request gets that was let in. Not all that they ask for is there."""
OF_OTHERS = {
    "steward": ("East gate", "East Gate", "east-gate", "hub-door", "phone-1", "Wang Wu", "王五", SESSION),
    "company": ("Zhang San", "Li Si", "李四", "2-502", "1-101", "Gym turnstile", "gym-turnstile", "East gate"),
    "cell": ("Zhang San", "张三", "Wang Wu", "王五", "Sun Qi", "3-303", "1-101", "gym-turnstile", "Gym turnstile"),
}
"""What would tell somebody of another zone, of another party, or of another cell, and of movements."""
ELSEWHERE = {"point": "east-gate", "name": "east-gate", "zone": "estate", "person": "7", "arrival": "2", "party": "2"}
ASKED = {"text": "a", "point": "east-gate", "device": "east-gate", "zone": "estate", "who": "wang"}


def test_table_has_a_line_for_every_address(town: Town) -> None:
    """Whoever makes a route says here who may use it; a line without its route is old."""
    missing, old = set(routes(town.app)) - set(TABLE), set(TABLE) - set(routes(town.app))
    assert (sorted(missing), sorted(old)) == ([], [])
    assert {answer for row in TABLE.values() for answer in row.values()} <= {"yes", "own", "no", "public", "phone"}


@pytest.mark.parametrize("name", PEOPLE)
def test_every_role_gets_in_where_the_table_says(town: Town, name: str) -> None:
    role = PEOPLE[name][0].value
    with town.visit(name) as operator:
        token = operator.token("/account")
        for (method, path), row in TABLE.items():
            if path in PUBLIC | ENDLESS or path in ("/logout", "/api/v1/logout"):
                continue
            answer = _ask(operator, method, path, token)
            if row[role] == "no":
                assert answer.status_code == 403, (method, path)
            else:
                assert answer.status_code in ANSWERS, (method, path, answer.text)


def _ask(operator: Visitor, method: str, path: str, token: str) -> httpx.Response:
    headers = {"X-CSRF-Token": token} if path.startswith("/api/") else {}
    data = {"csrf": token, "standing": "active"} if method == "POST" and not headers else None
    return operator.request(method, filled(path), json=BODIES.get(path), data=data, headers=headers)


@pytest.mark.parametrize("name", OF_OTHERS)
def test_no_page_shows_what_is_not_their_own(town: Town, name: str) -> None:
    a_day(town)
    role = PEOPLE[name][0].value
    known = names_by_address(town.app)
    with town.visit(name) as operator:
        for (method, path), row in TABLE.items():
            if method != "GET" or row[role] not in ("own", "yes") or path in ENDLESS or path == "/api/v1/openapi.json":
                continue
            asked = {key: value for key, value in ASKED.items() if key in known[method, path]}
            for address in (filled(path), with_query(filled(path), asked), filled(path, **ELSEWHERE)):
                said = words(operator.get(address).text.replace(address, ""))
                assert [other for other in OF_OTHERS[name] if other in said.replace(filled(path), "")] == [], address


def test_steward_sees_the_own_zone(town: Town) -> None:
    a_day(town)
    with town.visit("steward") as steward:
        assert steward.get("/").headers["location"] == "/doors"
        assert "Gym turnstile" in steward.get("/doors").text
        assert "Li Si" in steward.get("/events").text
        assert steward.get("/points/gym-turnstile").status_code == 200
        assert steward.get("/points/east-gate").status_code == 404
        points = steward.get("/api/v1/points").json()
        events = steward.get("/api/v1/events").json()["events"]
    assert [point["name"] for point in points] == ["gym-turnstile"]
    assert {event["point"] for event in events} == {"gym-turnstile"}


def test_cell_worker_sees_people_without_movements(town: Town) -> None:
    a_day(town)
    with town.visit("cell") as worker:
        assert worker.get("/").headers["location"] == "/people"
        people = worker.get("/people").text
        assert "Li Si" in people
        assert "2-502" in people
        assert "Gym" not in words(worker.get("/people/5").text)
        assert worker.get("/people/1").status_code == 404
        listed = worker.get("/api/v1/people").json()["people"]
        assert worker.get("/events").status_code == 403
    assert [(person["name"]["en"], person["memberships"], person["cards"]) for person in listed] == [
        ("Li Si", [], []),
        ("Li Xiaowu", [], []),
    ]


def test_clerk_adds_and_ends_own_members(town: Town) -> None:
    """New people only: by the number of somebody who is listed a clerk would learn the name."""
    with town.visit("company") as clerk:
        assert clerk.get("/").headers["location"] == "/parties"
        assert clerk.submit("/parties/6/members", "/parties/6", role="helper", name_zh="钱二").status_code == 303
        page = clerk.get("/parties/6").text
        assert "钱二" in page
        assert 'href="/people' not in page
        assert clerk.submit("/parties/6/members", "/parties/6", role="helper", person="5").status_code == 403
        assert clerk.submit("/parties/2/members", "/parties/6", role="helper", name_zh="钱三").status_code == 403
        assert clerk.get("/parties/2").status_code == 404
        (member,) = re.findall(r'action="/parties/6/members/(\d+)/end"', page)
        assert clerk.submit("/parties/6/members/1/end", "/parties/6").status_code == 404
        assert clerk.submit("/parties/2/members/1/end", "/parties/6").status_code == 403
        assert clerk.submit(f"/parties/6/members/{member}/end", "/parties/6").status_code == 303
        assert "Nobody belongs to it now." in clerk.get("/parties/6").text
        token = {"X-CSRF-Token": clerk.token("/account")}
        for path, body in (
            ("/api/v1/parties/6/members", {"role": "helper", "person": 5}),
            ("/api/v1/parties/2/members", {"role": "helper", "name_en": "Qian San"}),
            ("/api/v1/party-members/1/end", {}),
        ):
            assert clerk.post(path, json=body, headers=token).status_code == 403, path
        new = {"role": "helper", "name_en": "Qian San"}
        assert clerk.post("/api/v1/parties/6/members", json=new, headers=token).status_code == 201
        assert [party["id"] for party in clerk.get("/api/v1/parties").json()["parties"]] == [6]


def test_auditor_reads_and_has_no_form(town: Town) -> None:
    """But for what is about their own login, and the purpose of a look or a question."""
    a_day(town)
    with town.visit("auditor") as auditor:
        for (method, path), row in TABLE.items():
            if method == "GET" and row["auditor"] == "yes" and path not in ENDLESS:
                forms = re.findall(r'<form[^>]*method="post"[^>]*action="([^"]*)"', auditor.get(filled(path)).text)
                allowed = r"/account/.*|/logout|.*/look|.*/who"
                assert [form for form in forms if not re.fullmatch(allowed, form)] == []


def test_streams_keep_to_the_zone(town: Town) -> None:
    with town.visit("steward") as steward, steward.stream("GET", "/api/v1/stream?after=0") as stream:
        lines = stream.iter_lines()
        next(lines)
        a_day(town)
        town.happens("access.allowed", reason="allowed", holder=town.holder("Li Xiaowu"), direction="in")
        told = []
        for line in lines:
            told += [json.loads(line[6:])] if line.startswith("data: {") else []
            if "Li Xiaowu" in line:
                break
    assert {one["point"] for one in told if "point" in one} == {"gym-turnstile"}
    assert {one["name"] for one in told if "presence" in one} <= {"gym-turnstile"}
    with town.visit("steward") as steward:
        assert steward.get("/live?page=overview").status_code == 404
        assert steward.get("/live?page=point&of=east-gate").status_code == 404
        assert steward.get("/live?page=device&of=gym-turnstile").status_code == 404


def test_guard_sees_who_it_was_today_only(town: Town) -> None:
    town.happens("access.allowed", reason="allowed", holder=town.holder("Wang Wu"), at_ms=town.now_ms - DAY_MS)
    town.happens("access.allowed", reason="allowed", holder=town.holder("Li Si"))
    with town.visit("gate") as guard:
        page, (today, before) = guard.get("/events").text, guard.get("/api/v1/events").json()["events"]
        with guard.stream("GET", "/api/v1/stream?after=0") as stream:
            line = next(line for line in stream.iter_lines() if '"journal"' in line)
            old = json.loads(line[6:])
    assert "Li Si" in page
    assert "Wang Wu" not in page
    assert "name hidden" in page
    assert today["name"]["en"] == "Li Si"
    assert (before["name"], before["holder"]) == (None, None)
    assert (old["name"], old["holder"]) == (None, None)


def test_guard_with_purpose_is_told_the_name(town: Town) -> None:
    """Of that person alone, for half an hour, in this login only."""
    for name in ("Wang Wu", "Li Si"):
        town.happens("access.allowed", reason="allowed", holder=town.holder(name), at_ms=town.now_ms - DAY_MS)
    with town.visit("gate") as guard, town.visit("gate") as other:
        answer = guard.submit("/events/1/look", "/events/1/look", purpose="damage", back="/events")
        assert answer.headers["location"] == "/events"
        assert "Wang Wu" in guard.get("/events").text
        assert "Li Si" not in guard.get("/events").text
        assert "Wang Wu" not in other.get("/events").text
        assert guard.get("/events?person=7").status_code == 403
        town.now_ms += 31 * 60_000
        assert "Wang Wu" not in guard.get("/events").text
