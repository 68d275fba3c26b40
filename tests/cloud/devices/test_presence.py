"""What the cloud may say of a device it hears, or does not."""

from collections.abc import Mapping

import pytest

from cloud.devices.presence import (
    LATE_AFTER_MS,
    MAX_STARTS,
    OFFLINE_AFTER_MS,
    Presence,
    after_start,
    after_state,
    presence,
)
from contract.messages import State


@pytest.mark.parametrize(
    ("online", "silent_ms", "said"),
    [
        (True, 0, Presence.ONLINE),
        (True, LATE_AFTER_MS - 1, Presence.ONLINE),
        (True, LATE_AFTER_MS, Presence.LATE),
        (True, OFFLINE_AFTER_MS, Presence.OFFLINE),
        (False, 0, Presence.OFFLINE),
    ],
)
def test_silence_and_the_will_tell_a_device_apart(online: bool, silent_ms: int, said: Presence) -> None:
    assert presence(online, 1000, 1000 + silent_ms) is said


def test_a_device_never_heard_is_neither_online_nor_offline() -> None:
    assert presence(False, None, 1000) is Presence.NEVER


def test_a_will_marks_offline_and_leaves_the_connection_alone() -> None:
    assert after_state(State(online=False, connection=9), False, 4, 0) == {"online": False}
    assert after_state(State(online=False, connection=3), False, 4, 0) == {}


def test_a_sealed_state_moves_the_connection_and_the_roster_number() -> None:
    changed = after_state(State(online=True, connection=5), True, 4, 77)
    assert (changed["online"], changed["connection"], changed["state_ms"], changed["roster_number"]) == (True, 5, 77, 0)
    assert after_state(State(online=True, connection=3), True, 4, 77) == {}


def noticed(*heard: tuple[str, int]) -> list[tuple[str, int]]:
    """At which of these (a start, a connection) two machines are noticed."""
    starts: Mapping[str, int] = {}
    found = []
    for start, connection in heard:
        starts, twins = after_start(starts, start, connection)
        assert len(starts) <= MAX_STARTS
        found += [(start, connection)] if twins else []
    return found


def test_two_machines_that_connect_in_turn_are_noticed_whatever_their_numbers() -> None:
    assert noticed(("a", 5), ("b", 6), ("a", 7), ("b", 8)) == [("a", 7), ("b", 8)]
    assert noticed(("a", 5), ("b", 3), ("a", 6), ("b", 4)) == [("a", 6), ("b", 4)]


def test_one_machine_that_starts_and_connects_as_often_as_it_likes_is_one() -> None:
    assert noticed(*((f"start-{number // 3}", number) for number in range(60))) == []
    assert noticed(("a", 5), ("b", 1), ("b", 2), ("c", 3)) == []


def test_a_goodbye_and_what_a_broker_repeats_are_no_second_machine() -> None:
    assert noticed(("a", 5), ("", 5), ("a", 6)) == []
    assert noticed(("a", 5), ("b", 6), ("a", 5), ("a", 4), ("b", 6)) == []
