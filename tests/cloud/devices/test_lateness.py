"""What may ring a bell, and what came too late for that."""

import pytest

from cloud.devices.lateness import LIVE_WITHIN_MS, OLD_FROM_MS, Lateness, lateness
from cloud.overview.metrics import Metrics
from tests.cloud.support.town import Town

HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("took_ms", "replay", "found"),
    [
        (0, False, Lateness.LIVE),
        (-HOUR_MS, False, Lateness.LIVE),
        (LIVE_WITHIN_MS, False, Lateness.LIVE),
        (LIVE_WITHIN_MS + 1, False, Lateness.LATE),
        (0, True, Lateness.LATE),
        (OLD_FROM_MS - 1, True, Lateness.LATE),
        (OLD_FROM_MS, False, Lateness.OLD),
        (OLD_FROM_MS, True, Lateness.OLD),
        (None, False, Lateness.LIVE),
        (None, True, Lateness.LATE),
    ],
)
def test_only_what_comes_at_once_is_live(took_ms: int | None, replay: bool, found: Lateness) -> None:
    assert lateness(took_ms, replay) is found


def test_the_stream_and_the_figures_tell_what_may_ring_a_bell(town: Town) -> None:
    figures = town.app.state.services[Metrics]
    for age_ms in (0, 0, 2 * HOUR_MS, 2 * OLD_FROM_MS):
        town.happens("door.forced", device="east-gate", at_ms=town.now_ms - age_ms)
    with town.visit("admin") as visitor:
        told = visitor.get("/api/v1/events").json()["events"]
    assert [event["lateness"] for event in told] == ["old", "late", "live", "live"]
    counted = [line for line in figures.text().decode().splitlines() if line.startswith("hearthgate_events_arrived_t")]
    assert [line.partition("lateness=")[2] for line in counted] == ['"live"} 2.0', '"late"} 1.0', '"old"} 1.0']
