"""The settings of a socket, and wake-ups and readings that mean nothing."""

from typing import Any

import msgspec
import pytest

from edge.archetypes.protocol import (
    Levels,
    Reading,
    Wake,
)
from edge.stations.socket.state import SocketSettings
from tests.edge.support.socket_phases import HOUR_MS, ready
from tests.edge.support.sockets import Socket, values


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"class": "ebike", "limits": {"power_w": 2_201}}, "power_w of a socket for ebike"),
        ({"class": "phone", "limits": {"power_w": 1_000}}, "power_w of a socket for phone"),
        ({"limits": {"session_ms": 8 * HOUR_MS + 1}}, "session_ms of a socket for phone"),
        ({"cut_c": 71}, "cut_c is at most 70"),
        ({"warn_c": 70}, "warn_c lies above 0 and below cut_c"),
        ({"lost_ms": 30_001}, "lost_ms lies between 1 and 30000"),
        ({"offline_limit_ms": 0}, "offline_limit_ms lies between"),
        ({"class": "toaster"}, "Invalid enum value 'toaster'"),
        ({"clas": "phone"}, "unknown field `clas`"),
    ],
)
def test_settings_beyond_the_ceilings_are_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=why):
        msgspec.convert(settings, SocketSettings)


def test_an_unwired_class_is_the_one_with_the_least_power() -> None:
    assert SocketSettings().class_name == "phone"


def test_a_phone_and_a_scooter_have_limits_of_their_own() -> None:
    socket = Socket(class_name="phone").charging(18)
    socket.wait(HOUR_MS)
    assert socket.on
    socket.load_w = 121
    socket.wait(2_000)
    assert socket.end["reason"] == "over_power"


def test_a_wake_up_from_before_means_nothing_now() -> None:
    socket = ready()
    for name in ("lease", "load", "check", "over_power", "idle", "cool", "reserved"):
        before = socket.state
        socket.wakes[name] = socket.now_ms
        socket.wait(1, read=False)
        assert (socket.state, socket.on) == (before, False)


def test_a_reading_of_some_other_instrument_changes_nothing() -> None:
    socket = ready()
    before = socket.state
    assert socket.take(Reading("barometer", values(1, 1))) == []
    assert socket.state == before


def test_the_meters_watch_begins_with_the_levels() -> None:
    assert Wake("meter", 30_000) in Socket().take(Levels({}))
