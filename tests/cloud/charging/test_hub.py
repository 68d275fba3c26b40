"""The public page of a hub: what everybody may see, and what nobody sees there."""

import re
from typing import Any

import pytest

from cloud.charging.hubs import LOOK_AGAIN_MS
from cloud.sample import PEOPLE
from tests.cloud.support.hub import DIGEST, SESSION, RidersHub
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town

PLACES = ("/hub/hub", "/hub/hub/qr", "/api/v1/hubs/hub")


def listed(html: str) -> list[str]:
    """What is said of each socket, in the order of the page."""
    return [words(one) for one in re.findall(r'<li class="is-\w+">.*?</li>', html, re.DOTALL)]


def test_whoever_passes_by_sees_what_is_free_and_when_the_others_likely_are(town: Town, hub: RidersHub) -> None:
    later = {"session": "0" * 16, "free_at_minutes": 90}
    phases = {f"phone-{number}": "free" for number in range(1, 9)}
    busy = {"phone-1": "charging", "phone-2": "finished", "phone-3": "faulted", "phone-4": "charging"}
    hub.says(phases | busy, {"phone-1": later, "phone-4": {**later, "free_at_minutes": 5}})
    with town.visit() as stranger:
        page = stranger.get("/hub/hub").text
        assert listed(page)[:8] == [
            *(f"Phone socket {number} Free" for number in (5, 6, 7, 8)),
            "Phone socket 2 Finished full; free once it is unplugged",
            "Phone socket 4 Charging now likely free at 16:05",
            "Phone socket 1 Charging now likely free at 17:30",
            "Phone socket 3 Fault",
        ]
        assert "Phone sockets 4 / 8 free 3 in use · 1 out of order" in words(page)
        told = stranger.get("/api/v1/hubs/hub").json()
    assert (told["free"], told["busy"], told["fault"], told["unheard"]) == (4, 3, 1, 6)
    assert (told["heard_ms"], told["as_of_ms"]) == (town.now_ms, town.now_ms)
    first, *_, last = [one for one in told["sockets"] if one["class"] == "phone"]
    assert first == {
        "name": "phone-5",
        "label": {"zh": "手机插座 5", "en": "Phone socket 5"},
        "class": "phone",
        "state": "free",
        "heard_ms": town.now_ms,
        "likely_free_ms": None,
    }
    assert (last["name"], last["state"]) == ("phone-3", "fault")


def test_nobody_is_named_there_in_any_language(town: Town, hub: RidersHub) -> None:
    hub.charges()
    hub.ends(session="ffeeddccbbaa0099", point="phone-2")
    hub.says({"phone-1": "charging"}, {"phone-1": {"session": SESSION, "holder": town.holder("Sun Qi")}})
    with town.store.reading() as connection:
        digests = [bytes(row[0]).hex() for row in connection.exec_driver_sql("SELECT digest FROM credentials")]
    names = [name for person in PEOPLE for name in (person.name_zh, person.name_en, person.unit) if name]
    holders = [town.holder(person.name_en) for person in PEOPLE]
    hidden = [*names, *holders, *digests, DIGEST, SESSION, "ffeeddccbbaa0099"]
    for language in ("en", "zh-CN"):
        with town.visit(language=language) as stranger:
            for place in PLACES:
                answer = stranger.get(place)
                assert answer.status_code == 200
                said = answer.text + str(answer.headers)
                assert [word for word in hidden if word in said] == [], place


def test_what_is_not_heard_looks_free_to_nobody(town: Town, hub: RidersHub) -> None:
    hub.says({f"phone-{number}": "free" for number in range(1, 9)})
    town.now_ms += 130_000
    with town.visit() as stranger:
        page = stranger.get("/hub/hub").text
        told = stranger.get("/api/v1/hubs/hub").json()
    assert "Phone socket 1 Offline last seen 16:00:00" in listed(page)
    assert "Phone sockets – / 8 free 8 offline" in words(page)
    assert "Part of the hub is offline" in words(page)
    assert (told["free"], told["unheard"], told["heard_ms"]) == (0, 14, town.now_ms - 130_000)


def test_a_hub_whose_device_never_spoke_says_so(town: Town) -> None:
    with town.visit() as stranger:
        page = stranger.get("/hub/hub").text
        assert "Never online" in words(page)
        assert "Free" not in listed(page)
        assert stranger.get("/api/v1/hubs/hub").json()["unheard"] == 14


def test_an_emergency_is_the_first_thing_to_read(town: Town, hub: RidersHub) -> None:
    hub.says({"phone-1": "free", "phone-2": "emergency"}, faults={"emergency.hub": "smoke"})
    with town.visit() as stranger:
        page = stranger.get("/hub/hub").text
    assert "Emergency: the power is off. Please leave" in words(page)
    assert "Phone socket 1 Emergency" in listed(page)


def test_a_crowd_costs_one_look_at_the_database(town: Town, hub: RidersHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.says({"phone-1": "free"})
    looks: list[int] = []
    reading = town.store.reading

    def counted() -> Any:
        looks.append(1)
        return reading()

    with town.visit() as stranger:
        monkeypatch.setattr(town.store, "reading", counted)
        first = stranger.get("/hub/hub")
        for _ in range(20):
            assert stranger.get("/hub/hub").content == first.content
            assert stranger.get("/api/v1/hubs/hub").status_code == 200
            assert stranger.get("/hub/nowhere").status_code == 404
        assert len(looks) == 1
        assert stranger.get("/hub/hub", headers={"If-None-Match": first.headers["etag"]}).status_code == 304
        town.now_ms += LOOK_AGAIN_MS
        again = stranger.get("/hub/hub", headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, len(looks)) == (200, 2)
        town.now_ms -= 3_600_000
        assert stranger.get("/hub/hub").status_code == 200, "a clock that was put back"


def test_it_may_be_kept_for_some_seconds_and_nothing_else_may(town: Town, hub: RidersHub) -> None:
    with town.visit("gate") as visitor:
        for place in ("/hub/hub", "/api/v1/hubs/hub"):
            kept = visitor.get(place).headers
            assert kept["cache-control"] == "public, max-age=5"
            assert kept["vary"] == "Accept-Language, Cookie, Accept-Encoding"
            assert "set-cookie" not in visitor.get(f"{place}?lang=zh-CN").headers
        for place in ("/hub/hub/qr", "/hub/nowhere", "/api/v1/hubs/nowhere", "/charging", "/api/v1/sessions"):
            assert visitor.get(place).headers["cache-control"] == "no-store", place


def test_each_language_is_kept_apart(town: Town, hub: RidersHub) -> None:
    with town.visit(language="zh-CN") as stranger:
        assert "骑手驿站" in stranger.get("/hub/hub").text
        assert "Riders&#39; hub" in stranger.get("/hub/hub?lang=en").text
        assert "骑手驿站" in stranger.get("/hub/hub").text


def test_a_sheet_says_where_the_cloud_is_reached(town: Town) -> None:
    """Whatever name the asker gave it: what is printed hangs on a wall for years."""
    town.app.state.public_url = "https://gate.example/"
    with town.visit() as stranger:
        sheet = stranger.get("/hub/hub/qr", headers={"Host": "elsewhere.example"}).text
    assert "https://gate.example/hub/hub" in sheet
    assert "elsewhere" not in sheet


def test_the_code_on_the_wall_leads_to_the_name_it_was_asked_by_and_is_kept_for_nobody_else(
    town: Town, hub: RidersHub
) -> None:
    with town.visit() as stranger:
        ours = stranger.get("/hub/hub/qr").text
        assert f"{town.url}/hub/hub" in words(ours)
        assert re.search(r'<svg[^>]*class="qr"', ours)
        other = stranger.get("/hub/hub/qr", headers={"Host": "elsewhere.example"}).text
        assert "http://elsewhere.example/hub/hub" in words(other)
        assert "elsewhere" not in stranger.get("/hub/hub/qr").text + stranger.get("/hub/hub").text
        assert stranger.get("/hub/hub/qr", headers={"Host": "x" * 2_000}).status_code in (400, 404)


def test_a_zone_without_sockets_is_no_hub(town: Town, hub: RidersHub) -> None:
    with town.visit() as stranger:
        for name in ("gym", "estate", "nowhere", "%00", "hub%20"):
            assert stranger.get(f"/hub/{name}").status_code == 404, name
            assert stranger.get(f"/api/v1/hubs/{name}").status_code == 404, name
