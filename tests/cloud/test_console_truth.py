"""What the console says is so: in an operator's words, in the order that it claims, and no older than it says."""

import re

import pytest

from tests.cloud.hub import RidersHub
from tests.cloud.test_console import card, words
from tests.cloud.town import Town


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
    for text in ("A bus of its instruments", "Errors while taking readings", "by charging posts", "A meter does not"):
        assert text in shown


def test_the_cause_of_an_emergency_is_in_words(town: Town) -> None:
    town.beats("gym-turnstile", faults={"emergency.gym": "fire"})
    with town.visit("gate") as visitor:
        assert "Emergency: doors released (Fire)" in words(visitor.get("/devices/gym-turnstile").text)


def test_the_audit_speaks_in_words(town: Town) -> None:
    with town.visit("admin") as visitor:
        page = words(visitor.get("/audit").text)
        assert ("from 127.0.0.1" in page, "address=" in page) == (True, False)
        assert "来自 127.0.0.1" in words(visitor.get("/audit?lang=zh-CN").text)


def test_without_an_emergency_the_list_is_of_now(town: Town) -> None:
    town.beats("gym-turnstile")
    with town.visit("gate") as visitor:
        assert "<h1>Who is inside: " in visitor.get("/zones/gym/muster").text
        town.happens("emergency.began", point="", zone="gym", cause="smoke")
        assert "<h1>Who was inside: " in visitor.get("/zones/gym/muster").text


@pytest.mark.parametrize(
    ("last_word", "text"),
    [
        ("goodbye", "It signed off: its agent was stopped"),
        ("will", "Cable, power or agent: that cannot be told from here"),
        ("nothing", "Cable, power or agent: that cannot be told from here"),
    ],
)
def test_a_silent_device_is_told_by_its_last_word(town: Town, last_word: str, text: str) -> None:
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
