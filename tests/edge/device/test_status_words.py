"""What ``hearthgate-edge status`` says, in words and no JSON."""

from typing import Any

import pytest

from edge.device.status_words import POINT_COLUMNS, moment, point_rows, rows

TOLD: dict[str, Any] = {
    "device": "hub-sockets",
    "clock": {"trust": "synced", "at_ms": 1_795_363_200_000, "error_ms": 240, "uptime_ms": 93_784_000},
    "keeper": True,
    "link": {"up": False, "why": "this device's certificate is revoked"},
    "journal": {"id": "00112233aabbccdd", "last": 120, "acked": 118, "waiting": 2, "unlogged": 0},
    "roster": {"number": 7, "issued_ms": 1_795_363_200_000, "grants": 13, "refused": "expired", "got": 1, "wanted": 3},
    "wiring": {"source": "cloud", "number": 4, "since_ms": 1_795_363_200_000, "hash": "ab", "on_trial": True},
    "inside": {"gym": {"inside": 38, "doubt": 2, "fresh": False}, "hub": {"inside": None, "doubt": 0, "fresh": False}},
    "emergencies": ["hub"],
    "causes": {"hub": "smoke"},
    "points": {
        "bank-a": {"phase": "live", "mode": "scheduled", "faults": ["stuck", "cut"]},
        "phone-1": {
            "phase": "charging",
            "mode": "scheduled",
            "faults": [],
            "live": {"power_w": 18, "energy_wh": 7, "minutes_left": 42, "temperature_c": None},
        },
    },
    "faults": {"phone-1.meter": "silent", "disk": "full"},
}


def test_every_line_is_words() -> None:
    said = dict(rows(TOLD))
    assert said == {
        "device": "hub-sockets",
        "clock": "2026-11-22 16:00:00.000 UTC, synced, right within 0.2 s; up for 1 d 2 h",
        "keeper": "there",
        "link": "down: this device's certificate is revoked",
        "journal": "00112233aabbccdd: rows up to 120, 2 wait for the cloud",
        "roster": "7 of 2026-11-22 16:00:00.000 UTC, 13 grants; a newer one is refused: expired; has 1 of 3 pages of "
        "the next",
        "wiring": "document 4 of the cloud, since 2026-11-22 16:00:00.000 UTC; another one is on trial",
        "inside": "gym: 38 ± 2, as last heard, hub: nobody knows",
        "emergencies": "hub (smoke)",
        "faults": "phone-1.meter: silent\ndisk: full",
    }


def test_where_nothing_is_to_be_said_the_line_says_so() -> None:
    quiet = {
        "clock": {"trust": "unset", "at_ms": 0, "error_ms": None, "uptime_ms": 61_000},
        "keeper": False,
        "link": {"up": True, "why": ""},
        "journal": {**TOLD["journal"], "unlogged": 3},
        "roster": {"number": 0},
        "wiring": {"source": "local", "hash": "ab", "on_trial": False},
        "inside": {},
        "emergencies": [],
        "faults": {},
        "of_tomorrow": {"one": 1, "two": [2, 3]},
    }
    said = dict(rows(quiet))
    assert said["clock"] == "1970-01-01 00:00:00.000 UTC, unset; up for 0 h 1 min"
    assert said["keeper"] == "lost"
    assert said["link"] == "up"
    assert said["journal"].endswith(", 3 could not be written")
    assert (said["roster"], said["wiring"]) == ("none yet", "the device's own file")
    assert (said["emergencies"], said["faults"]) == ("none", "none")
    assert said["of_tomorrow"] == "one 1, two 2, 3"


def test_every_point_has_a_line_with_its_readings() -> None:
    assert list(point_rows(TOLD)) == [
        ("bank-a", "live", "scheduled", "", "", "", "", "stuck, cut"),
        ("phone-1", "charging", "scheduled", "18 W", "7 Wh", "42", "", ""),
    ]
    assert {len(row) for row in point_rows(TOLD)} == {len(POINT_COLUMNS)}


@pytest.mark.parametrize("at_ms", [1 << 62, -(1 << 62)])
def test_a_time_that_no_calendar_holds_is_its_number(at_ms: int) -> None:
    assert moment(at_ms) == str(at_ms)
