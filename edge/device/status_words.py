"""What the running agent says of itself, in words for whoever stands at the device. Pure."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from contract.occupancy import MAX_INSIDE

Status = Mapping[str, Any]

POINT_COLUMNS = ("point", "phase", "mode", "power", "energy", "minutes left", "°C", "faults")
_LIVE: tuple[tuple[str, str], ...] = (
    ("power_w", "{} W"),
    ("energy_wh", "{} Wh"),
    ("minutes_left", "{}"),
    ("temperature_c", "{}"),
)
"""Readings of a point, in the order of their columns."""


def moment(at_ms: int) -> str:
    """A UTC time to read; the number itself where no calendar holds it, as from a clock that was wrong."""
    try:
        return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%d %H:%M:%S}.{at_ms % 1000:03}"
    except (ValueError, OverflowError, OSError):
        return str(at_ms)


def rows(status: Status) -> Iterator[tuple[str, str]]:
    """A line for everything but the points. What an agent of another version says besides is left as it is."""
    for name, value in status.items():
        if name not in ("points", "causes"):
            words = _WORDS.get(name)
            yield name, words(value, status) if words else _plain(value)


def point_rows(status: Status) -> Iterator[tuple[str, ...]]:
    """A line for every point, under ``POINT_COLUMNS``. What it does not measure stays empty."""
    for name, point in status.get("points", {}).items():
        live = point.get("live", {})
        measured = (form.format(live[key]) if live.get(key) is not None else "" for key, form in _LIVE)
        yield name, point.get("phase", ""), point.get("mode", ""), *measured, ", ".join(point.get("faults", []))


def _clock(clock: Status, _: Status) -> str:
    error_ms = clock.get("error_ms")
    error = "" if error_ms is None else f", right within {error_ms / 1000:.1f} s"
    return f"{moment(clock['at_ms'])} UTC, {clock['trust']}{error}; up for {_span(clock['uptime_ms'])}"


def _link(link: Status, _: Status) -> str:
    return "up" if link["up"] else f"down: {link['why'] or 'not connected yet'}"


def _journal(journal: Status, _: Status) -> str:
    unlogged = f", {journal['unlogged']} could not be written" if journal["unlogged"] else ""
    return f"{journal['id']}: rows up to {journal['last']}, {journal['waiting']} wait for the cloud{unlogged}"


def _inside(zones: Status, _: Status) -> str:
    return ", ".join(f"{zone}: {_count(count)}" for zone, count in zones.items()) or "no zone is counted"


def _count(count: Status) -> str:
    if count["inside"] is None or count["doubt"] >= MAX_INSIDE:
        return "nobody knows"
    doubt = f" ± {count['doubt']}" if count["doubt"] else ""
    return f"{count['inside']}{doubt}{'' if count['fresh'] else ', as last heard'}"


def _roster(roster: Status, _: Status) -> str:
    if not roster["number"]:
        return "none yet"
    refused = f"; a newer one is refused: {roster['refused']}" if roster["refused"] else ""
    loading = f"; has {roster['got']} of {roster['wanted']} pages of the next" if roster["wanted"] else ""
    return f"{roster['number']} of {moment(roster['issued_ms'])} UTC, {roster['grants']} grants{refused}{loading}"


def _wiring(wiring: Status, _: Status) -> str:
    trial = "; another one is on trial" if wiring["on_trial"] else ""
    if wiring["source"] == "local":
        return f"the device's own file{trial}"
    return f"document {wiring['number']} of the cloud, since {moment(wiring['since_ms'])} UTC{trial}"


def _emergencies(zones: list[str], status: Status) -> str:
    causes = status.get("causes", {})
    return ", ".join(f"{zone} ({causes.get(zone, 'fire')})" for zone in zones) or "none"


def _faults(faults: Mapping[str, str], _: Status) -> str:
    return "\n".join(f"{place}: {what}" for place, what in faults.items()) or "none"


_WORDS: Mapping[str, Callable[[Any, Status], str]] = {
    "clock": _clock,
    "keeper": lambda up, _: "there" if up else "lost",
    "link": _link,
    "journal": _journal,
    "roster": _roster,
    "wiring": _wiring,
    "inside": _inside,
    "emergencies": _emergencies,
    "faults": _faults,
}


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(item)}" for name, item in value.items())
    return ", ".join(map(_plain, value)) if isinstance(value, list) else str(value)


def _span(ms: int) -> str:
    minutes = ms // 60_000
    days, hours = minutes // 1440, minutes // 60 % 24
    return f"{days} d {hours} h" if days else f"{hours} h {minutes % 60} min"
