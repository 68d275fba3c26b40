"""The API: devices and events as it lists and streams them, and what no call can break."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contract.decide import Trust
from tests.cloud.support.api import get, program, send
from tests.cloud.support.town import PASSWORD, Town, Visitor


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


def test_rare_events_are_on_one_page(town: Town, api: Visitor) -> None:
    """However many events lie between them and the cursor: no page is empty unless it is the last."""
    some_events(town)
    first = get(api, "/events?reason=expired")
    assert ([event["arrival"] for event in first["events"]], first["next"]) == ([5, 1], None)
    onward = get(api, "/events?device=east-gate&after=0")
    assert ([event["arrival"] for event in onward["events"]], onward["next"]) == ([5, 6, 7, 8], None)


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


def test_a_stream_bears_any_last_number(town: Town, api: Visitor) -> None:
    """Beyond what a database counts to, the stream broke after its first line."""
    headers = {"Last-Event-ID": "9999999999999999999"}
    with api.stream("GET", "/api/v1/stream", headers=headers) as answer:
        assert answer.status_code == 200
        lines = answer.iter_lines()
        next(lines)  # It tells what happens from its first line on.
        town.happens("door.opened")
        assert any("door.opened" in line for line in lines)
    with api.stream("GET", "/api/v1/stream?after=9223372036854775808") as answer:
        assert answer.status_code == 422


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
