"""What a page, a filter and the figures for monitoring cost with a year of events in the database.

The shipped cloud as a process, asked by one client. Beside it stands a page that reads no event. The rows say how long
an answer took; the processor time of the cloud for it stands in the figures.
"""

import shutil
import sys
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from msgspec import Struct, structs

from benchmarks import _year
from benchmarks._machine import cpu_s, describe, work_folder
from benchmarks._report import finish, show
from benchmarks._town import Town, found_sample, log_in, require_mosquitto, town
from cloud.keys.folder import clock, open_folder
from cloud.overview.metrics import metrics_token
from firmware_sim.worlds.demo.community import SITE

SIZES = (1_000_000, 10_000_000)
"""The second needs 4 GB of disk and ten minutes; ``python -m benchmarks.queries 1000000`` leaves it out."""
ASKED = 30
PAGES = {
    "control: a page without events": "/rosters",
    "overview": "/",
    "events, newest": "/events",
    "events, middle of the year": "/events?before=MIDDLE",
    "one device": "/events?device=device-3",
    "one point": "/events?point=device-3",
    "a frequent kind": "/events?kind=access.refused",
    "a rare kind": "/events?kind=door.forced",
    "a family": "/events?kind=door",
    "a reason": "/events?reason=quota_used",
    "a reason, middle of the year": "/events?reason=expired&before=MIDDLE",
    "a device that is silent since": f"/events?device={_year.QUIET}",
    "device and kind, nothing": f"/events?device={_year.IDLE}&kind=access.refused",
    "a reason, nothing": "/events?reason=barred",
    "a day half a year ago": "/events?since=DAYT00:00&until=DAYT23:59",
    "that day, a rare kind": "/events?since=DAYT00:00&until=DAYT23:59&kind=door.forced",
    "words that many lines say": "/events?text=refused",
    "words of that day": "/events?since=DAYT00:00&until=DAYT23:59&text=membership+ended",
    "words that no line says": "/events?text=unicorn",
    "a device's page": "/devices/device-3",
    "a point's page": "/points/device-3",
    "people": "/people",
    "monitoring": "/metrics",
    "oldest first, over the API": "/api/v1/events?kind=door.forced&after=0",
}


class Asked(Struct, frozen=True):
    """Milliseconds until the answer was there, and the cloud's processor time for each."""

    p50_ms: float
    p95_ms: float
    cpu_ms: float


def ask(here: Town, path: str, token: str) -> Asked:
    request = urllib.request.Request(here.url + path, headers={"Authorization": f"Bearer {token}"})
    took, spent = [], cpu_s(here.cloud.pid)
    for _ in range(ASKED):
        began = perf_counter()
        with urllib.request.urlopen(request, timeout=60) as answer:
            answer.read()
        took.append((perf_counter() - began) * 1000)
    cpu_ms = (cpu_s(here.cloud.pid) - spent) / ASKED * 1000
    ordered = sorted(took)
    return Asked(ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)], cpu_ms)


CONTROL = next(iter(PAGES))


def half_a_year_ago() -> str:
    return datetime.fromtimestamp((clock() - _year.YEAR_MS // 2) / 1000, UTC).date().isoformat()


def asked_at(folder: Path, events: int) -> dict[str, Asked]:
    """Every page with so many events in the database."""
    folder.mkdir()
    password = found_sample(folder)
    with open_folder(folder / "cloud") as (store, keys):
        _year.fill(store, SITE, events, clock())
        monitoring = metrics_token(keys.folder)
    with town(folder) as here:
        token, found = log_in(here, password), {}
        for what, path in PAGES.items():
            by = monitoring if path == "/metrics" else token
            found[what] = ask(here, path.replace("MIDDLE", str(events // 2)).replace("DAY", half_a_year_ago()), by)
    return found


def main(sizes: Sequence[int] = ()) -> None:
    require_mosquitto()
    figures = {}
    with work_folder() as name:
        for events in sizes or SIZES:
            folder = Path(name) / str(events)
            found = asked_at(folder, events)
            size_mb = (folder / "cloud" / "cloud.db").stat().st_size / 1e6
            shutil.rmtree(folder)
            show(
                f"Pages with {events:,} events ({size_mb:,.0f} MB) of {_year.DEVICES} devices",
                ("page", "p50 ms", "p95 ms", "processor ms"),
                [[what, *(f"{value:.1f}" for value in structs.astuple(one))] for what, one in found.items()],
            )
            figures[str(events)] = {
                "database_mb": round(size_mb),
                "slowest_p95_ms": max(one.p95_ms for what, one in found.items() if what != CONTROL),
                "most_cpu_ms": max(one.cpu_ms for one in found.values()),
                "pages": {what: structs.asdict(one) for what, one in found.items()},
            }
        machine = describe(Path(name))
    finish("queries", {"at": figures}, machine)


if __name__ == "__main__":
    main([int(number) for number in sys.argv[1:]])
