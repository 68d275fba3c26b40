"""A device on the first page and on its own: its faults, its silence, and what it lost."""

import pytest

from tests.cloud.support.pages import card, tile, words
from tests.cloud.support.town import Town


def test_the_page_of_a_device_says_that_its_door_is_locked_down(town: Town) -> None:
    town.beats("east-gate", points={"east-gate": {"phase": "closed", "mode": "lockdown"}})
    town.beats("hub-door", points={"hub-door": {"phase": "closed", "mode": "scheduled"}})
    with town.visit("gate") as visitor:
        assert "Mode locked down (out only)" in words(visitor.get("/devices/east-gate").text)
        assert "Mode" not in words(visitor.get("/devices/hub-door").text)


def test_rows_that_are_lost_or_exist_twice_are_named_with_their_numbers(town: Town) -> None:
    gym = town.senders["gym-turnstile"]
    gym.record(4)
    old = gym.copy()
    gym.record(6)
    old.record(1, reason="allowed")
    town.arrives("gym-turnstile", "events", gym.sealed(1, 10, [*gym.rows[:2], gym.gap(3, 9), gym.rows[9]]))
    town.arrives("gym-turnstile", "events", old.sealed(1, 5, [old.rows[0], old.gap(2, 4), old.rows[4]]))
    with town.visit("gate") as visitor:
        page, first = words(visitor.get("/devices/gym-turnstile").text), words(visitor.get("/").text)
    with town.visit("gate", language="zh") as visitor:
        chinese = words(visitor.get("/devices/gym-turnstile").text)
    for text in (page, first):
        assert "Rows 3 to 9 are lost: its journal was full" in text
        assert "Events lost rows 3 to 9" in text
    assert "7 events are lost for good." in page
    assert "第 3 至 9 条已丢失" in chinese
    town.now_ms += 8 * 86_400_000
    with town.visit("gate") as visitor:
        assert "its journal was full" not in words(visitor.get("/").text)
        assert "its journal was full" in words(visitor.get("/devices/gym-turnstile").text)


def test_a_copied_card_is_told_on_the_page_of_its_device(town: Town) -> None:
    gym = town.senders["gym-turnstile"]
    gym.record(4)
    old = gym.copy()
    gym.record(6)
    old.record(1, reason="allowed")
    town.arrives("gym-turnstile", "events", gym.events(1, 10))
    town.arrives("gym-turnstile", "events", old.events(1, 5))
    town.happens("device.forked", point="", journal=gym.journal, upto=4, carried=1)
    with town.visit("gate") as visitor:
        page = words(visitor.get("/devices/gym-turnstile").text)
    assert "Rows 5 to 10 exist twice: two disks were used under one name" in page
    assert "another history exists under this name 1 rows behind row 4" in page


@pytest.mark.parametrize(
    ("faults", "badge", "said"),
    [
        ({"keeper": "lost"}, "Fault", "The keeper process is not running"),
        ({"a_fault_of_tomorrow": "seen"}, "Fault", "a fault of tomorrow"),
        ({"emergency.gym": "in force"}, "Emergency", "Emergency in its zone"),
    ],
)
def test_a_device_that_reports_a_fault_never_looks_well(
    town: Town, faults: dict[str, str], badge: str, said: str
) -> None:
    town.beats("gym-turnstile", faults=faults)
    with town.visit("gate") as visitor:
        on_overview = words(card(visitor.get("/").text, "gym-turnstile"))
        on_its_page = words(visitor.get("/devices/gym-turnstile").text)
    assert f"Gym turnstile {badge} Online" in on_overview
    assert said in on_overview
    assert f"Gym turnstile Online {badge}" in on_its_page
    assert said in on_its_page
    assert "No fault is reported" not in on_its_page


def test_a_silent_device_never_looks_alive(town: Town) -> None:
    town.beats("gym-turnstile", waiting=4)
    town.beats("east-gate", faults={"east-gate.contact_still": "seen"})
    with town.visit("gate") as visitor:
        alive = visitor.get("/").text
        town.now_ms += 200_000
        silent = visitor.get("/").text
        device = words(visitor.get("/devices/east-gate").text)
    assert 'class="device online"' in card(alive, "gym-turnstile")
    assert 'class="device online faulty"' in card(alive, "east-gate")
    assert "Reports a fault: Door contact never moves" in words(card(alive, "east-gate"))
    assert 'class="device offline"' in card(silent, "gym-turnstile")
    assert "Cause unknown: network, power or agent" in words(card(silent, "gym-turnstile"))
    assert "Fault when last seen" in words(card(silent, "east-gate"))
    assert "Never online" in words(card(silent, "hub-door"))
    assert "Last seen" not in words(card(silent, "hub-door"))
    assert "if not, no card opens anything there" in device
    assert (tile(alive, "Devices offline"), tile(silent, "Devices offline")) == (2, 4)
    assert tile(alive, "Events waiting to sync") == 4


def test_what_the_cloud_could_not_take_is_counted_and_shown(town: Town) -> None:
    town.arrives("hub-door", "beat", b"<b>no json")
    town.senders["hub-door"].keep(b"\xc1 not an event")
    town.sends("hub-door", 1, 1)
    with town.visit("office") as visitor:
        assert tile(visitor.get("/").text, "Quarantined") == 2
        page = visitor.get("/quarantine").text
    assert "hub-door" in page
    assert "Unreadable event" in words(page)
    assert "<b>no json" not in page
