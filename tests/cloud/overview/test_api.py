"""The API: what it lists, what it changes, and what it says when it does not."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from itertools import islice
from threading import Event
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud.people.store import Card, add_household, card_of, load_community
from cloud.store.revision import revision
from cloud.web.auth import HASHING_AT_ONCE, MAX_WAITING_HASHES, NAME_FROM_ONE_ADDRESS
from contract.decide import Standing, Trust
from tests.cloud.support.town import PASSWORD, PEOPLE, QUICK, Town, Visitor


@pytest.fixture
def api(town: Town) -> Iterator[Visitor]:
    """A program that has logged in as the property office, by token."""
    with program(town, "office") as opened:
        yield opened


@contextmanager
def program(town: Town, name: str) -> Iterator[Visitor]:
    with town.visit() as caller:
        answer = caller.post("/api/v1/login", json={"name": name, "password": PASSWORD})
        assert answer.status_code == 200
        caller.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        yield caller


def get(api: httpx.Client, path: str) -> Any:
    answer = api.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def send(api: httpx.Client, path: str, body: object, method: str = "POST") -> httpx.Response:
    return api.request(method, f"/api/v1{path}", json=body)


def test_devices_are_listed_with_what_the_cloud_hears_of_them(town: Town, api: Visitor) -> None:
    town.beats("gym-turnstile", waiting=3, faults={"gym-turnstile.arm_still": "seen", "disk": "full"})
    found = {device["name"]: device for device in get(api, "/devices")}
    assert set(found) == {"gym-turnstile", "east-gate", "west-gate", "hub-door"}
    assert found["east-gate"]["presence"] == "never"
    gym = get(api, "/devices/gym-turnstile")
    assert gym == found["gym-turnstile"]
    assert (gym["presence"], gym["waiting"], gym["heard_ms"]) == ("online", 3, town.now_ms)
    assert gym["faults"] == [
        {"fault": "arm_still", "point": "gym-turnstile", "known": "seen"},
        {"fault": "disk", "point": "", "known": "full"},
    ]
    town.now_ms += 200_000
    assert get(api, "/devices/gym-turnstile")["presence"] == "offline"
    assert api.get("/api/v1/devices/none").status_code == 404


def test_an_event_is_told_with_its_holder_and_every_number_that_finds_it_again(town: Town, api: Visitor) -> None:
    holder = town.holder("Li Si")
    town.happens("access.allowed", reason="allowed", holder=holder, direction="in", clock=Trust.HOLDOVER, replay=True)
    (event,) = get(api, "/events")["events"]
    assert event == {
        "arrival": 1,
        "device": "gym-turnstile",
        "journal": town.senders["gym-turnstile"].journal,
        "seq": 1,
        "point": "gym-turnstile",
        "kind": "access.allowed",
        "reason": "allowed",
        "at_ms": town.now_ms,
        "best_ms": None,
        "best_error_ms": None,
        "received_ms": town.now_ms,
        "clock": "holdover",
        "replay": True,
        "lateness": "late",
        "holder": holder,
        "name": {"zh": "李四", "en": "Li Si"},
    }


def some_events(town: Town) -> None:
    for device in ("gym-turnstile", "east-gate"):
        for reason in ("expired", "unknown_credential"):
            town.happens("access.refused", device=device, reason=reason)
        town.happens("door.forced", device=device, point="side")
        town.happens("doorbell.rang", device=device)


FOUND = [
    ("", [8, 7, 6, 5, 4, 3, 2, 1]),
    ("device=east-gate", [8, 7, 6, 5]),
    ("point=side", [7, 3]),
    ("kind=access", [6, 5, 2, 1]),
    ("kind=door", [7, 3]),
    ("kind=door.forced&device=east-gate", [7]),
    ("reason=expired", [5, 1]),
    ("kind=d%25", []),
    ("before=3", [2, 1]),
    ("after=6", [7, 8]),
    ("after=0&reason=expired", [1, 5]),
]


def test_events_are_found_by_device_point_kind_and_reason(town: Town, api: Visitor) -> None:
    some_events(town)
    for query, arrivals in FOUND:
        assert [event["arrival"] for event in get(api, f"/events?{query}")["events"]] == arrivals, query


def test_pages_follow_each_other_without_hole_or_repetition(town: Town, api: Visitor) -> None:
    some_events(town)
    for limit in (1, 3, 8, 50):
        assert paged(api, f"limit={limit}", "before") == [8, 7, 6, 5, 4, 3, 2, 1]
        assert paged(api, f"limit={limit}", "after", "after=0") == [1, 2, 3, 4, 5, 6, 7, 8]
        assert paged(api, f"limit={limit}&kind=access", "before") == [6, 5, 2, 1]


def paged(api: Visitor, query: str, way: str, cursor: str = "") -> list[int]:
    """The arrival numbers on all pages."""
    page = get(api, f"/events?{query}&{cursor}")
    seen = [event["arrival"] for event in page["events"]]
    return seen if page["next"] is None else seen + paged(api, query, way, f"{way}={page['next']}")


def test_a_search_far_back_goes_on_page_by_page(town: Town, api: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloud.devices.views.MAX_LOOK_BACK", 3)
    some_events(town)
    first = get(api, "/events?reason=expired")
    assert ([event["arrival"] for event in first["events"]], first["next"]) == ([], 6)
    second = get(api, f"/events?reason=expired&before={first['next']}")
    assert [event["arrival"] for event in second["events"]] == [5]
    onward = get(api, "/events?device=east-gate&after=0")
    assert (onward["events"], onward["next"]) == ([], 3)


def test_a_new_member_gets_a_plan_and_a_card_and_the_rosters_are_told(town: Town, api: Visitor) -> None:
    body = {"name_zh": "郑十", "unit": "9-901", "membership": {"plan": "founder", "payer": True}}
    person = send(api, "/people", body).json()["id"]
    card = {"format": "H10301", "facility": 21, "number": 4242, "label": "blue fob"}
    assert send(api, f"/people/{person}/credentials", card).status_code == 201
    assert town.changes == 2
    found = get(api, f"/people/{person}")
    assert found["name"] == {"zh": "郑十", "en": "郑十"}
    assert [(one["plan"], one["payer"]) for one in found["memberships"]] == [("founder", True)]
    assert [(one["label"], one["standing"]) for one in found["cards"]] == [("blue fob", "active")]
    with town.store.reading() as connection:
        whole = load_community(connection)
        digest = Card("H10301", 21, 4242).digest(town.keys.digest)
        assert [(one.person, one.standing) for one in whole.credentials if one.digest == digest] == [
            (person, Standing.ACTIVE)
        ]
        assert card_of(connection, found["cards"][0]["id"], town.keys.numbers) == Card("H10301", 21, 4242)


def test_a_card_can_be_suspended_lost_and_taken_into_use(town: Town, api: Visitor) -> None:
    for standing in ("suspended", "lost", "active"):
        assert send(api, "/credentials/1", {"standing": standing}, "PATCH").status_code == 204
        assert get(api, "/people/1")["cards"][0]["standing"] == standing
    assert town.changes == 3


def test_a_membership_can_be_added_and_suspended(town: Town, api: Visitor) -> None:
    window = {"plan": "yearly", "from_ms": town.now_ms, "until_ms": town.now_ms + 1000}
    added = send(api, "/people/10/memberships", window).json()["id"]
    assert send(api, f"/memberships/{added}", {"standing": "suspended"}, "PATCH").status_code == 204
    found = get(api, "/people/10")["memberships"][-1]
    assert (found["plan"], found["standing"], found["until_ms"]) == ("yearly", "suspended", window["until_ms"])


class SlowHasher:
    """Judges nothing until it is let go; ``places`` says how many wait inside."""

    def __init__(self) -> None:
        self.may_go = Event()

    def verify(self, password_hash: str, password: str) -> bool:
        self.may_go.wait()
        return QUICK.verify(password_hash, password)


def test_sixty_logins_at_once_leave_the_console_awake(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every thread of the pool waited for a hash, and the console answered nobody for seven seconds."""
    slow = SlowHasher()
    monkeypatch.setattr(town.doorkeeper, "_hasher", slow)

    def log_in(number: int) -> int:
        transport = httpx.HTTPTransport(local_address=f"127.0.1.{number}")
        with httpx.Client(base_url=town.url, transport=transport, timeout=30) as stranger:
            body = {"name": f"name-{number}", "password": "a wrong password"}
            return stranger.post("/api/v1/login", json=body).status_code

    waiting = HASHING_AT_ONCE + MAX_WAITING_HASHES
    with ThreadPoolExecutor(60) as crowd, town.visit() as visitor:
        tries = [crowd.submit(log_in, number) for number in range(60)]
        answered = [one.result() for one in islice(as_completed(tries), 60 - waiting)]
        assert answered == (60 - waiting) * [503]
        assert visitor.get("/health/ready").text == "ready"
        slow.may_go.set()
        assert sorted(one.result() for one in tries) == waiting * [401] + (60 - waiting) * [503]


def test_plan_asked_for_at_once_is_given_once(town: Town, api: Visitor) -> None:
    """Twenty calls in one moment: one is carried out, whoever is first."""
    window = {"plan": "yearly", "from_ms": 0, "until_ms": 0}
    with ThreadPoolExecutor(20) as crowd:
        answers = list(crowd.map(lambda _: send(api, "/people/10/memberships", window).status_code, range(20)))
    assert sorted(answers) == [201] + 19 * [409]
    assert send(api, "/people/10/memberships", window).json()["where"] == "plan"


def test_suspended_membership_returns_only_where_none_replaced_it(town: Town, api: Visitor) -> None:
    first = send(api, "/people/10/memberships", {"plan": "yearly"}).json()["id"]
    assert send(api, f"/memberships/{first}", {"standing": "suspended"}, "PATCH").status_code == 204
    second = send(api, "/people/10/memberships", {"plan": "yearly"}).json()["id"]
    assert send(api, f"/memberships/{first}", {"standing": "active"}, "PATCH").status_code == 409
    assert send(api, f"/memberships/{second}", {"standing": "lost"}, "PATCH").status_code == 204
    assert send(api, f"/memberships/{first}", {"standing": "active"}, "PATCH").status_code == 204


HALF = "\ud800"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/events?after=9223372036854775807", None, 200),
        ("GET", "/events?after=9223372036854775806&kind=x", None, 200),
        ("GET", "/events?before=0", None, 200),
        ("POST", "/operators", {"name": "lin", "password": HALF * 12, "role": "guard"}, 422),
        ("POST", "/operators", {"name": f"lin{HALF}", "password": PASSWORD, "role": "guard"}, 422),
        ("POST", "/login", {"name": "admin", "password": HALF}, 422),
        ("POST", "/people", {"name_en": f"Lin{HALF}"}, 422),
        ("POST", "/people", {"name_en": "Lin", "unit": HALF}, 422),
        ("POST", "/people/1/credentials", {"format": "H10301", "facility": 1, "number": 10**90}, 422),
        ("POST", "/people/1/memberships", {"plan": "rider", "until_ms": 10**30}, 422),
        ("POST", "/people/1/memberships", {"plan": HALF}, 422),
        ("GET", "/people/9223372036854775808", None, 422),
        ("GET", "/people/" + "9" * 5_000, None, 422),
        ("GET", "/events?after=" + "9" * 5_000, None, 422),
        ("POST", "/people/1/memberships", '{"plan": "rider", "until_ms": ' + "9" * 5_000 + "}", 400),
    ],
)
def test_no_number_and_no_text_breaks_a_call(town: Town, method: str, path: str, body: object, status: int) -> None:
    """At the edges of what is stored: each was, or might have been, an error of ours (500)."""
    with program(town, "admin") as admin:
        text = body if isinstance(body, str) else json.dumps(body)
        sent = None if body is None else text.encode()
        answer = admin.request(method, f"/api/v1{path}", content=sent, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text


def test_operators_that_look_alike_are_refused(api: Visitor, town: Town) -> None:
    with program(town, "admin") as admin:
        for name, status in (
            ("Admin", 409),
            ("admіn", 422),
            ("admin\u200b", 422),
            ("ad\u202emin", 422),
            ("admln", 201),
        ):
            body = {"name": name, "password": PASSWORD, "role": "guard"}
            assert send(admin, "/operators", body).status_code == status, name


def test_flat_typed_in_two_forms_is_one_household(town: Town, api: Visitor) -> None:
    """Composed, decomposed, and as an old database has it."""
    with town.store.writing() as connection:
        old = add_household(connection, "8-80e\u0301")
    for name, unit in (("Lin", "8-80\u00e9"), ("Wu", "8-80e\u0301"), ("He", "\uff18-80\u00e9")):
        assert send(api, "/people", {"name_en": name, "unit": unit}).status_code == 201
    with town.store.reading() as connection:
        rows = connection.exec_driver_sql("SELECT count(*) FROM people WHERE household_id = ?", (old,))
        assert rows.scalar_one() == 3


def test_a_stream_bears_any_last_number(town: Town, api: Visitor) -> None:
    """Beyond what a database counts to, the stream broke after its first line."""
    headers = {"Last-Event-ID": "9999999999999999999"}
    with api.stream("GET", "/api/v1/stream", headers=headers) as answer:
        assert answer.status_code == 200
        town.happens("door.opened")
        assert any("door.opened" in line for line in answer.iter_lines())
    with api.stream("GET", "/api/v1/stream?after=9223372036854775808") as answer:
        assert answer.status_code == 422


CARD = {"format": "H10301", "facility": 21, "number": 4242}


MISTAKES: list[tuple[str, str, object, int, str]] = [
    ("POST", "/people", {}, 422, "body"),
    ("POST", "/people", {"name_en": " "}, 422, "body"),
    ("POST", "/people", {"name_en": "x" * 61}, 422, "body.name_en"),
    ("POST", "/people", {"name_en": "Qian", "boss": True}, 422, "body.boss"),
    ("POST", "/people", {"name_en": "Qian", "membership": {"plan": "gold"}}, 422, "plan"),
    ("POST", "/people", {"name_en": "Qian", "membership": {"plan": "founder"}}, 422, "unit"),
    ("POST", "/people", [], 422, "body"),
    ("POST", "/people/1/memberships", {"plan": "rider", "from_ms": 9, "until_ms": 9}, 422, "body"),
    ("POST", "/people/999/memberships", {"plan": "rider"}, 404, ""),
    ("POST", "/people/999/credentials", CARD, 404, ""),
    ("POST", "/people/1/credentials", {**CARD, "number": 10001}, 409, "number"),
    ("POST", "/people/1/credentials", {**CARD, "number": 1 << 16}, 422, "number"),
    ("POST", "/people/1/credentials", {**CARD, "facility": None}, 422, "number"),
    ("POST", "/people/1/credentials", {**CARD, "format": "H10302"}, 422, "number"),
    ("POST", "/people/1/credentials", {**CARD, "format": "papyrus"}, 422, "format"),
    ("POST", "/people/1/credentials", {**CARD, "number": -1}, 422, "body.number"),
    ("POST", "/people/1/credentials", {**CARD, "number": "4242x"}, 422, "body.number"),
    ("PATCH", "/credentials/999", {"standing": "lost"}, 404, ""),
    ("PATCH", "/credentials/1", {"standing": "eaten"}, 422, "body.standing"),
    ("PATCH", "/memberships/999", {"standing": "active"}, 404, ""),
    ("PATCH", "/credentials/99999999999999999999", {"standing": "lost"}, 422, "path.card"),
]


def test_what_cannot_be_done_is_said_plainly_and_changes_nothing(town: Town, api: Visitor) -> None:
    with town.store.reading() as connection:
        before = revision(connection), load_community(connection)
    for method, path, body, status, where in MISTAKES:
        answer = send(api, path, body, method)
        assert (answer.status_code, answer.json()["where"]) == (status, where), (path, body, answer.text)
        assert set(answer.json()) == {"error", "message", "where"}
        assert answer.json()["message"]
        assert "4242" not in answer.text, "what was sent is not sent back"
    with town.store.reading() as connection:
        assert (revision(connection), load_community(connection)) == before
    assert town.changes == 0


def test_the_audit_names_the_clerk_and_never_the_card(town: Town, api: Visitor) -> None:
    send(api, "/people/1/credentials", CARD)
    send(api, "/credentials/1", {"standing": "lost"}, "PATCH")
    lost, added = get(api, "/audit?limit=2")["deeds"]
    assert (added["operator"], added["action"], added["subject"]) == ("office", "card.added", "person 1")
    assert lost["detail"] == {"card": "1", "standing": "lost"}
    assert "4242" not in json.dumps([lost, added])


def test_people_are_found_by_name_or_flat_and_listed_page_by_page(town: Town, api: Visitor) -> None:
    assert [one["name"]["en"] for one in get(api, "/people?text=2-502")["people"]] == ["Li Si", "Li Xiaowu"]
    assert [one["name"]["en"] for one in get(api, "/people?text=王")["people"]] == ["Wang Wu"]
    assert get(api, "/people?text=%25")["people"] == []
    first = get(api, "/people?limit=7")
    rest = get(api, f"/people?limit=7&after={first['next']}")
    assert len(first["people"] + rest["people"]) == 13
    assert rest["next"] is None


def test_plans_say_what_they_open(api: Visitor) -> None:
    plans = {plan["name"]: plan for plan in get(api, "/plans")}
    assert plans["founder"]["places"] == 4
    assert set(plans["rider"]["opens"]) == {"estate", "hub"}
    assert plans["rider"]["allotments"]["phone"] == {"minutes": 240, "wh": 150}
    assert plans["staff"]["resets"] == ["estate", "gym", "hub"]


def test_a_token_speaks_for_its_operator_until_the_logout(town: Town, api: Visitor) -> None:
    assert api.post("/api/v1/logout").status_code == 204
    assert api.get("/api/v1/devices").status_code == 401
    assert api.get("/api/v1/devices", headers={"Authorization": "Bearer"}).status_code == 401
    assert api.get("/api/v1/devices", headers={"Authorization": "Basic b2ZmaWNlOng="}).status_code == 401


def test_wrong_passwords_are_refused_until_the_name_rests(town: Town) -> None:
    with town.visit() as stranger:
        wrong = {"name": "office", "password": "not the password"}
        for _ in range(NAME_FROM_ONE_ADDRESS.tries):
            assert stranger.post("/api/v1/login", json=wrong).status_code == 401
        right = stranger.post("/api/v1/login", json={**wrong, "password": PASSWORD})
        assert right.status_code == 401
        assert right.json()["error"] == "wrong_login"


def test_an_administrator_adds_and_disables_operators(town: Town) -> None:
    with program(town, "admin") as admin:
        new = {"name": "night", "password": PASSWORD, "role": "guard"}
        assert send(admin, "/operators", new).status_code == 201
        assert send(admin, "/operators", new).status_code == 409
        assert send(admin, "/operators", {**new, "name": "x", "password": "short"}).status_code == 422
        assert {one["name"] for one in get(admin, "/operators")} == {*PEOPLE, "night"}
        with program(town, "night") as night:
            assert night.get("/api/v1/devices").status_code == 200
            assert send(admin, "/operators/night", {"disabled": True}, "PATCH").status_code == 204
            assert night.get("/api/v1/devices").status_code == 401
        assert send(admin, "/operators/admin", {"disabled": True}, "PATCH").status_code == 409
        assert send(admin, "/operators/nobody", {"disabled": True}, "PATCH").status_code == 404
        assert "argon2" not in admin.get("/api/v1/operators").text


def test_the_stream_tells_an_event_as_soon_as_it_is_committed(town: Town, api: Visitor) -> None:
    town.happens("door.shut", device="hub-door")
    with api.stream("GET", "/api/v1/stream?after=0") as stream:
        lines = stream.iter_lines()
        assert stream.headers["content-type"].startswith("text/event-stream")
        first = next(json.loads(line[6:]) for line in lines if line.startswith("data: {") and '"door.shut"' in line)
        town.happens("access.refused", reason="unknown_credential", digest="ab")
        second = next(json.loads(line[6:]) for line in lines if '"access.refused"' in line)
        assert next(lines) == "id: 2"
    assert (first["device"], first["seq"], first["arrival"]) == ("hub-door", 1, 1)
    assert (second["reason"], second["point"], second["at_ms"]) == ("unknown_credential", "gym-turnstile", town.now_ms)
    assert second["journal"] == town.senders["gym-turnstile"].journal


def test_the_stream_tells_when_a_device_is_heard_again(town: Town, api: Visitor) -> None:
    with api.stream("GET", "/api/v1/stream") as stream:
        lines = stream.iter_lines()
        next(line for line in lines if '"hub-door"' in line and '"never"' in line)
        town.beats("hub-door")
        assert next(line for line in lines if '"hub-door"' in line and '"online"' in line)


def test_the_schema_lists_every_path_for_those_who_are_logged_in(api: Visitor) -> None:
    schema = get(api, "/openapi.json")
    assert {"/api/v1/events", "/api/v1/people/{person}/credentials", "/api/v1/stream"} <= set(schema["paths"])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["/people", "/people/1/memberships", "/people/1/credentials", "/login", "/operators"]),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["name_zh", "name_en", "plan", "number", "format", "facility", "membership", "name", "password"]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=8,
    ),
)
def test_no_body_makes_the_cloud_fail(town: Town, api: Visitor, path: str, body: object) -> None:
    assert send(api, path, body).status_code < 500
