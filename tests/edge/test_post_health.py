"""What a charging post says of itself: its state, its boots, and that it is alive."""

import pytest

from edge.ocpp_words import Alive, Turned, TurnedAway
from tests.edge.posts import Rig

HOUR_MS, MINUTE_MS = 3_600_000, 60_000


def ready() -> Rig:
    rig = Rig()
    rig.connect()
    rig.records.clear()
    return rig


def test_answered_pings_are_no_silence() -> None:
    """A post that keeps a heartbeat of its own, an hour long, is alive while its line is."""
    rig = ready()
    for _ in range(6 * 30):
        rig.wait(20_000, beats=False)
        rig.hear(Alive())
    assert rig.records == []
    assert not rig.report.faulted
    rig.wait(5 * MINUTE_MS, beats=False)
    assert sorted(rig.report.faults) == ["silent"]
    rig.hear(Alive())
    assert rig.report.faults == frozenset()


def test_answered_ping_greets_nobody() -> None:
    """A post answers pings before it has booted, and would not hear us then."""
    rig = Rig()
    rig.connect(booted=False)
    rig.hear(Alive())
    assert rig.sent == []


@pytest.mark.parametrize("why", ["wrong_password", "wrong_protocol"])
def test_post_turned_away_is_shown(why: Turned) -> None:
    """One row, however often it tries, until it is let in or an hour has passed."""
    rig = Rig()
    for _ in range(10):
        rig.hear(TurnedAway(why))
    assert rig.told("ev_post.fault") == [{"fault": why}]
    rig.connect()
    assert rig.report.faults == frozenset()
    rig.hear(TurnedAway(why))
    assert not rig.report.faulted
    rig.wait(HOUR_MS)
    assert rig.report.faults == frozenset()
