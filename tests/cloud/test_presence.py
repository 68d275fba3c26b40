"""What the cloud may say of a device it hears, or does not."""

import pytest

from cloud.presence import LATE_AFTER_MS, OFFLINE_AFTER_MS, Presence, after_state, presence
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
