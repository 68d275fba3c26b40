"""What the console says is so: in an operator's words, in the order that it claims, and no older than it says."""

import re

import pytest

from cloud.overview.banner import Banner
from cloud.store.labels import Label
from cloud.web.qr import is_loopback
from contract.decide import Mode
from tests.cloud.support.hub import DEVICE, RidersHub
from tests.cloud.support.pages import card, words
from tests.cloud.support.town import Town


def test_pages_are_compressed(town: Town) -> None:
    """And styles with them; what is small, and a stream, which would be held back, are not."""
    with town.visit("gate") as visitor:
        style = re.search(r'href="(/assets/hg.css[^"]+)"', visitor.get("/").text)
        assert style
        for path in ("/", "/doors", style[1]):
            assert visitor.get(path).headers["content-encoding"] == "gzip", path
        assert "content-encoding" not in visitor.get("/health/live").headers
        with visitor.stream("GET", "/live?after=0") as stream:
            assert "content-encoding" not in stream.headers


def test_sessions_stand_in_the_order_of_their_beginning(town: Town) -> None:
    """The one that was told of last began first: its progress came after the other's end."""
    hub = RidersHub(town)
    hub.charges("Li Si", point="phone-1", session="00000000000000aa")
    town.now_ms += 600_000
    hub.charges("Wang Wu", point="phone-2", session="00000000000000bb")
    hub.ends(point="phone-2", session="00000000000000bb")
    town.now_ms += 60_000
    hub.ends(point="phone-1", session="00000000000000aa")
    with town.visit("gate") as visitor:
        began = re.findall(r"sessions/[^/]+/0{14}(..)", visitor.get("/charging/sessions").text)
    assert began == ["bb", "aa"]


def test_an_operator_reads_who_stopped_a_session(town: Town) -> None:
    hub = RidersHub(town)
    hub.charges()
    hub.ends(reason="user")
    with town.visit("gate") as visitor:
        for path in ("/charging", "/charging/sessions", "/events?kind=session"):
            page = words(visitor.get(path).text)
            assert ("Stopped by the rider" in page, "Stopped by you" in page) == (True, False), path


def test_faults_of_buses_and_instruments_have_words(town: Town) -> None:
    faults = {
        "bus.bus1": "no such line",
        "bus.bus1.readings": "3 failures",
        "ocpp": "in use",
        "gym-turnstile.meter": "mute",
    }
    town.beats("gym-turnstile", faults=faults)
    with town.visit("gate") as visitor:
        shown = words(card(visitor.get("/").text, "gym-turnstile"))
    for text in (
        "A meter bus",
        "Errors while reading instruments",
        "by charging posts",
        "A meter does not",
    ):
        assert text in shown


def test_the_cause_of_an_emergency_is_in_words(town: Town) -> None:
    town.beats("gym-turnstile", faults={"emergency.gym": "fire"})
    with town.visit("gate") as visitor:
        assert "Emergency in its zone (Fire)" in words(visitor.get("/devices/gym-turnstile").text)


def test_the_audit_speaks_in_words(town: Town) -> None:
    with town.visit("admin") as visitor:
        page = words(visitor.get("/audit").text)
        assert ("from 127.0.0.1" in page, "address=" in page) == (True, False)
        assert "来自 127.0.0.1" in words(visitor.get("/audit?lang=zh-CN").text)


def test_audit_names_whom_it_is_about(town: Town) -> None:
    """People, points, plans and devices by their names, and an order that ended by the points that it held."""
    held = town.desired_state.set_mode(["east-gate"], Mode.HOLD_OPEN, "gate", "moving day")
    town.desired_state.end(held.order, "gate", "all is in")
    with town.visit("admin") as visitor:
        visitor.submit("/people/5/memberships", "/people/5", plan="staff")
        visitor.submit("/people/5/bars", "/people/5", ground="damage", first_day="2027-01-15", last_day="2027-02-01")
        visitor.submit("/devices/east-gate/lost", "/devices/east-gate/lost", reason="stolen last night")
        page = words(visitor.get("/audit").text)
    for row in ("Gave a plan Li Si", "Ended a lockdown or a hold-open East gate", "Reported a device lost East gate"):
        assert row in page, row
    assert "plan Staff" in page and "ground Damage" in page
    assert "person 5" not in page


def test_without_an_emergency_the_list_is_of_now(town: Town) -> None:
    town.beats("gym-turnstile")
    with town.visit("gate") as visitor:
        assert "<h1>Who is inside: " in visitor.get("/zones/gym/muster").text
        town.happens("emergency.began", point="", zone="gym", cause="smoke")
        assert "<h1>Who was inside: " in visitor.get("/zones/gym/muster").text


@pytest.mark.parametrize(
    ("last_word", "text"),
    [
        ("goodbye", "Its agent was stopped"),
        ("will", "Cause unknown: network, power or agent"),
        ("nothing", "Cause unknown: network, power or agent"),
    ],
)
def test_silent_device_is_told_by_its_last_word(town: Town, last_word: str, text: str) -> None:
    """A dead agent decides nothing: only what it signed before its end says that it was stopped."""
    town.beats("east-gate")
    sender = town.senders["east-gate"]
    spoken = {"goodbye": sender.state(1, online=False), "will": sender.will(1)}
    if last_word in spoken:
        town.arrives("east-gate", "state", spoken[last_word])
    town.now_ms += 200_000
    with town.visit("gate") as visitor:
        for path in ("/", "/doors", "/devices/east-gate"):
            assert text in words(visitor.get(path).text), path


QUIET_PAGES = (
    "/people",
    "/events",
    "/audit",
    "/rosters",
    "/account",
    "/devices/east-gate",
    "/charging",
    "/no-such-page",
)


def test_an_emergency_stands_on_every_page(town: Town) -> None:
    """And a drill; once it is over, no page speaks of it but those that list it."""
    with town.visit("gate") as visitor:
        for cause, text in (("smoke", "Gym: Smoke began at"), ("drill", "Gym: Fire drill began at")):
            town.happens("emergency.began", point="", zone="gym", cause=cause)
            for path in QUIET_PAGES:
                assert text in words(visitor.get(path).text), path
            for path in ("/", "/doors"):
                assert visitor.get(path).text.count("began at") == 1, "it stands there in full"
            town.happens("emergency.reset", point="", zone="gym", cause=cause, how="key")
            assert text not in words(visitor.get("/people").text)


def test_a_lockdown_stands_on_every_page(town: Town) -> None:
    """From the order on, until somebody ends it."""
    town.desired_state.set_mode(["east-gate"], Mode.LOCKDOWN, "gate", "a fight")
    with town.visit("gate") as visitor:
        for path in (*QUIET_PAGES, "/", "/doors"):
            assert "Lockdown, out only: East gate To the doors" in words(visitor.get(path).text), path
        town.desired_state.set_mode(["east-gate"], Mode.SCHEDULED, "gate", "it is over")
        assert "Lockdown, out only" not in visitor.get("/people").text
    with town.visit() as stranger:
        assert "Lockdown" not in stranger.get("/login").text


def test_a_banner_names_some_doors_and_counts_others() -> None:
    locked = [Label(f"门{number}", f"Door {number}") for number in range(5)]
    assert (Banner([], locked).named, Banner([], locked).beside) == (locked[:3], 2)
    assert (Banner([], locked[:2]).named, Banner([], locked[:2]).beside) == (locked[:2], 0)


def test_a_page_not_live_says_as_of_when(town: Town) -> None:
    with town.visit("office") as visitor:
        for path in (
            "/people",
            "/events",
            "/audit",
            "/rosters",
            "/account",
            "/people/5",
            "/quarantine",
            "/zones/gym/muster",
        ):
            assert "As of 16:00:00 Reload" in words(visitor.get(path).text), path


def test_a_missing_page_keeps_the_navigation(town: Town) -> None:
    with town.visit("gate") as visitor:
        lost = visitor.get("/no-such-page")
        assert (lost.status_code, 'href="/events"' in lost.text, ">gate</a>" in lost.text) == (404, True, True)
    with town.visit() as stranger:
        assert 'href="/events"' not in stranger.get("/no-such-page").text


def test_a_stale_form_keeps_the_way_back(town: Town) -> None:
    """After the login has ended, and after another has begun whose token the form does not have."""
    stood_on = f"{town.url}/people?text=Li"
    with town.visit() as visitor:
        ended = visitor.post("/people", data={"csrf": "old"}, headers={"Referer": stood_on})
        assert (ended.status_code, 'href="/login?next=%2Fpeople%3Ftext%3DLi"' in ended.text) == (401, True)
        elsewhere = visitor.post("/people", data={"csrf": "old"}, headers={"Referer": "http://elsewhere/people"})
        assert 'href="/login?next=%2F"' in elsewhere.text
    with town.visit("office") as again:
        stale = again.post("/people", data={"csrf": "old"}, headers={"Referer": stood_on})
        assert (stale.status_code, 'href="/people?text=Li"' in stale.text) == (403, True)


def test_code_to_print_warns_of_a_loopback_address(town: Town) -> None:
    RidersHub(town)
    with town.visit() as visitor:
        assert "works on this computer only" in visitor.get("/hub/hub/qr").text
        named = visitor.get("/hub/hub/qr", headers={"Host": "sunny.example"}).text
        assert ("works on this computer only" in named, "http://sunny.example/hub/hub" in named) == (False, True)


@pytest.mark.parametrize(
    ("host", "is_one"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("10.0.0.7", False)],
)
def test_a_loopback_address_is_told(host: str, is_one: bool) -> None:
    assert is_loopback(host) is is_one


def test_a_dead_bank_is_one_line(town: Town) -> None:
    hub = RidersHub(town)
    hub.says({f"phone-{number}": {"phase": "faulted", "faults": ["bank_lost"]} for number in range(1, 5)})
    with town.visit("gate") as visitor:
        shown = words(card(visitor.get("/").text, DEVICE))
        assert shown.count("The supply of its bank is off") == 1
        assert "The supply of its bank is off × 4" in shown
        page = words(visitor.get(f"/devices/{DEVICE}").text)
        assert "The supply of its bank is off: Phone socket 1, Phone socket 2, Phone socket 3, Phone socket 4" in page
