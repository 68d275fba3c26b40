"""What a monitoring system sees of the cloud and its devices: `/metrics`, in the text format of Prometheus.

It never says who: labels are devices, reasons and channels, all from closed lists or the registry. What a device
reports is an outsider's word, so a number that makes no sense is left out rather than believed.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any

from msgspec import Struct
from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cloud.charging.hubs import TAKEN
from cloud.charging.rule import Condition
from cloud.charging.store import Socket, list_sockets
from cloud.commands.store import list_points
from cloud.devices.arrival_counts import ArrivalCounts
from cloud.devices.event_views import last_arrival
from cloud.devices.lateness import Lateness
from cloud.devices.presence import Presence
from cloud.devices.registry import site_of
from cloud.devices.views import EMERGENCY, ZONE_FAULTS, DeviceView, list_devices
from cloud.keys.keys import KeysUnusable, write_secret
from cloud.overview.figures import OTHER, STOPS, count_ends, quarantined_by_reason, size_bytes
from cloud.people.rosters import Withheld, newest_roster
from cloud.redecide.rule import Redecided
from cloud.redecide.store import Tally, counts_of, marked
from cloud.store.database import Store
from cloud.web.feed import LiveFeed
from contract.decide import Trust
from contract.emergencies import WORST_FIRST
from contract.reasons import Reason
from contract.topics import UP_CHANNELS

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
"""Around the 10 ms that an event may take from its device to its acknowledgement."""
PARTS = (
    *("agent", "certificate", "clock", "clock_file", "commands", "config", "decisions", "disk", "disk_low"),
    *("journal_full", "keeper", "keeper_wiring", "latch", "link", "memory", "roster", "roster_age"),
    *("roster_pages", "uplink", "wiring"),
)
"""Parts of a device by which its faults are told apart; the faults of its doors are ``point``, the rest ``other``."""
LATCHED = (
    *("relay_stuck", "over_temp", "leakage", "kept_unreadable"),
    *("cut", "contactor_open", "contactor_welded"),
)
"""Faults of sockets, and of the banks above them, that keep the power off until somebody has been there."""
SET_ASIDE = (
    *("bad_chain", "bad_request", "bad_seal", "fork", "malformed", "poison"),
    *("too_many_journals", "two_devices", "unknown_command", "unknown_device"),
)
"""Why a message is set aside. Each is counted from 0 on, on every channel: an alarm sees no growth in a series that
begins with its first value."""
REASONS = frozenset(reason.value for reason in Reason)
DECISIONS = {"access.allowed": "allowed", "access.refused": "refused"}
MAX_NUMBER = 1 << 53
"""Larger numbers do not fit into a figure exactly, and no device has a reason to report one."""
TOKEN_BYTES = 32


def metrics_token(folder: Path) -> str:
    """What a monitoring system must show, from ``metrics.token`` in the folder of keys; made at first use.

    Raises ``KeysUnusable`` where the file holds none.
    """
    file = folder / "metrics.token"
    if not file.exists():
        write_secret(file, secrets.token_bytes(TOKEN_BYTES))
    token = file.read_text(encoding="ascii", errors="replace").strip()
    if len(token) < TOKEN_BYTES:
        raise KeysUnusable(f"{file} holds no token of {TOKEN_BYTES} characters or more: delete it, and one is made")
    return token


class Workings(Struct, frozen=True):
    """How the threads between broker and database are doing; the counts begin with the process.

    ``failures`` are faults of our own that a thread outlived, by its name.
    """

    connected: bool = False
    queued: int = 0
    dropped: int = 0
    failures: Mapping[str, int] = {}
    undeliverable: str = ""
    """Why the newest changes are in no roster; empty while they are."""
    left_out: int = 0
    """Memberships that are in no roster, as one person has too many of one plan."""
    withheld: Sequence[Withheld] = ()
    """Devices that are not sent the newest roster."""


class Metrics(Collector):
    """The figures of the cloud. What arrives is counted as ingest commits it; the rest is looked up when asked for.

    ``workings`` is set by whoever runs the line to the broker. Any thread may ask; one at a time is answered.
    """

    def __init__(self, store: Store, clock: Callable[[], int], feed: LiveFeed) -> None:
        """``clock`` gives UTC milliseconds."""
        self._store = store
        self._clock = clock
        self._feed = feed
        self._looking = Lock()
        with store.reading() as connection:
            self._site, self._upto = site_of(connection).name, last_arrival(connection)
        self._counting = Lock()
        self._counts = ArrivalCounts.none()
        self._ended: Counter[str] = Counter()
        self._energy_wh = 0
        self.workings: Callable[[], Workings] = Workings
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        self._ingest_s = Histogram(
            "hearthgate_ingest_duration_seconds",
            "From the arrival of a message to its commit and acknowledgement.",
            buckets=BUCKETS_S,
            registry=self._registry,
        )

    def timed(self, seconds: float) -> None:
        """Ingest has dealt with a message, so long after it arrived."""
        self._ingest_s.observe(seconds)

    def count(self, arrived: ArrivalCounts) -> None:
        """Ingest has committed these."""
        with self._counting:
            self._counts.add(arrived)

    def text(self) -> bytes:
        """All figures of this moment."""
        with self._looking:
            return generate_latest(self._registry)

    def collect(self) -> Iterable[Metric]:
        """Of the database everything in one consistent view."""
        now_ms = self._clock()
        with self._store.reading() as connection:
            devices = list_devices(connection)
            roster = newest_roster(connection)
            last = last_arrival(connection)
            ended, energy_wh = count_ends(connection, self._site, self._upto, last)
            quarantined = quarantined_by_reason(connection)
            size = size_bytes(connection)
            redecided, waiting = counts_of(connection, self._site), last - marked(connection, self._site)
            sockets = list_sockets(connection, list_points(connection, now_ms), now_ms)
        set_aside = [(count, {"channel": channel, "why": why}) for (channel, why), count in _set_aside(quarantined)]
        self._upto, self._ended, self._energy_wh = last, self._ended + ended, self._energy_wh + energy_wh
        with self._counting:
            decisions = _decisions(self._counts.kinds)
            arrived = [(self._counts.lateness[one], {"lateness": one.value}) for one in Lateness]
            lost = self._counts.lost
        issued: Samples = [(roster.issued_ms / 1000, {})] if roster else []
        ends = [(self._ended[reason], {"reason": reason}) for reason in (*STOPS, OTHER)]
        number = roster.number if roster else 0
        return [
            _gauge("build_info", "The software that answers.", [(1, {"version": version("hearthgate")})]),
            *self._of_threads(self.workings()),
            _counter("events_ingested", "Events stored since the community was founded.", [(last, {})]),
            _counter(
                "messages_quarantined", "Messages and events set aside since the community was founded.", set_aside
            ),
            _counter("events_lost", "Events that devices had to let go unsent, by their gaps.", [(lost, {})]),
            _counter("events_arrived", "Events by how late they came, since this process began.", arrived),
            _counter("access_decisions", "Decisions at the doors that arrived since this process began.", decisions),
            _counter(
                "redecided_decisions", "Decisions that the cloud decided again, by what came of it.", _of(redecided)
            ),
            _gauge("redecide_waiting_events", "Events that it has yet to look at.", [(max(0, waiting), {})]),
            _gauge("database_size_bytes", "The database file.", [(size, {})]),
            _gauge("roster_number", "Of the newest roster.", [(number, {})]),
            _gauge("roster_issued_timestamp_seconds", "Of the newest roster.", issued),
            *of_sockets(sockets),
            _counter("sessions_ended", "Charging sessions whose end arrived since this process began.", ends),
            _counter("sessions_energy_wh", "What those drew, in watt-hours.", [(self._energy_wh, {})]),
            *of_devices(devices, number, now_ms),
            _gauge("device_sessions", "Its sessions of whose end nothing is known, online or not.", _open(sockets)),
        ]

    def _of_threads(self, now: Workings) -> Iterable[Metric]:
        failures = [(count, {"thread": name}) for name, count in now.failures.items()]
        stuck = "1 while the newest changes are in no roster, as no device could take it."
        withheld = "Devices not sent the newest roster: too large in the version they read; no line where none."
        left_out = "Memberships in no roster, as one person has too many of one plan."
        return [
            _gauge("broker_connected", "1 while the broker is there.", [(now.connected, {})]),
            _gauge("ingest_queue_messages", "Messages that wait for ingest.", [(now.queued, {})]),
            _counter("messages_dropped", "Messages too large, or that found the queue full.", [(now.dropped, {})]),
            _counter("failures", "Faults of our own that a thread outlived.", failures),
            _gauge("roster_undeliverable", stuck, [(bool(now.undeliverable), {})]),
            _gauge("roster_memberships_left_out", left_out, [(now.left_out, {})]),
            _gauge(
                "roster_withheld_devices",
                withheld,
                [(len(one.devices), {"version": str(one.version)}) for one in now.withheld],
            ),
            _gauge("sse_clients", "Open live streams.", [(self._feed.viewers, {})]),
        ]


Samples = Sequence[tuple[float, dict[str, str]]]


def _decisions(kinds: Mapping[tuple[str, str | None], int]) -> Samples:
    """A reason that is not on our list, of newer software or of an outsider, is ``other``."""
    counts: Counter[tuple[str, str]] = Counter()
    for (kind, reason), count in kinds.items():
        if kind in DECISIONS:
            counts[DECISIONS[kind], reason if reason in REASONS else OTHER] += count
    return [(count, {"decision": decision, "reason": reason}) for (decision, reason), count in counts.items()]


def _of(redecided: Tally) -> Samples:
    counts = dict.fromkeys(Redecided, 0)
    for (verdict, _), count in redecided.items():
        counts[verdict] += count
    return [(count, {"verdict": verdict.value}) for verdict, count in counts.items()]


def of_devices(devices: Sequence[DeviceView], roster_number: int, now_ms: int) -> Iterable[Metric]:
    """What the cloud knows of its devices. A figure that a device has not reported has no line."""
    presences = Counter(device.presence(now_ms) for device in devices)
    by_presence = [(presences[presence], {"presence": presence.value}) for presence in Presence]
    behind = sum(device.roster_number != roster_number for device in devices)
    unlogged = _each((_number(device.beat.get("unlogged")), device.name) for device in devices)
    return [
        _gauge("devices", "Registered devices by their presence.", by_presence),
        _gauge("roster_behind_devices", "Devices that use another roster than the newest.", [(behind, {})]),
        *(
            _gauge(name, text, _each((figure(device, now_ms), device.name) for device in devices))
            for name, text, figure in FIGURES
        ),
        _gauge("device_clock_trust", "1 at how far the device trusts its clock.", _trusts(devices)),
        _gauge("device_faults", "Faults that stand on the device, by the part that has them.", _faults(devices)),
        _gauge("device_emergencies", "Its zones that are in an emergency, by the cause.", _emergencies(devices)),
        _gauge("device_latched_faults", "Its sockets and banks that are off for good.", _latched(devices)),
        _counter("device_unlogged_events", "Events a full device could not record since its start.", unlogged),
    ]


def of_sockets(sockets: Sequence[Socket]) -> Iterable[Metric]:
    """What charges now. A class is of the community's own choosing."""
    classes = sorted({socket.point.class_name for socket in sockets})
    states = Counter((socket.point.class_name, socket.condition) for socket in sockets)
    by_state = [(states[name, one], {"class": name, "state": one.value}) for name in classes for one in Condition]
    running = [(sum(states[name, one] for one in TAKEN), {"class": name}) for name in classes]
    return [
        _gauge("sockets", "Charging sockets and posts by what they are doing.", by_state),
        _gauge("sessions_running", "Sockets at which somebody charges, or has not unplugged.", running),
    ]


def _last_seen(device: DeviceView, _now_ms: int) -> float | None:
    return None if device.heard_ms is None else device.heard_ms / 1000


def _silent_s(device: DeviceView, now_ms: int) -> float | None:
    return None if device.heard_ms is None else max(0, now_ms - device.heard_ms) / 1000


def _roster_age(device: DeviceView, now_ms: int) -> float | None:
    """Of the roster that it last said it uses; a device that is cut off gets no younger one."""
    issued_ms = _number(device.roster_issued_ms)
    return max(0, now_ms - issued_ms) / 1000 if issued_ms else None


def _oldest(device: DeviceView, now_ms: int) -> float | None:
    """Of a device that is offline the event goes on waiting."""
    waited_ms = _number(device.beat.get("oldest_ms"))
    if not waited_ms or device.beat_ms is None:
        return None
    return (device.beat_ms - waited_ms) / 1000


FIGURES: tuple[tuple[str, str, Callable[[DeviceView, int], float | None]], ...] = (
    ("device_up", "1 while it is online.", lambda device, now_ms: device.presence(now_ms) is Presence.ONLINE),
    ("device_last_seen_timestamp_seconds", "When anything came from it.", _last_seen),
    ("device_heard_age_seconds", "How long nothing came from it.", _silent_s),
    ("device_roster_number", "Of the roster it uses.", lambda device, _: _number(device.roster_number)),
    ("device_roster_age_seconds", "Since its roster was issued.", _roster_age),
    ("outbox_events", "Events that wait on it for their acknowledgement.", lambda device, _: _number(device.waiting)),
    ("outbox_oldest_event_timestamp_seconds", "Since when some event or other waits; no line where none.", _oldest),
    ("device_journal_events", "Events its journal holds.", lambda device, _: _number(device.beat.get("journal_rows"))),
)
"""One line a device: its name, its help, and how it is read."""


def _each(figures: Iterable[tuple[float | None, str]]) -> Samples:
    return [(value, {"device": name}) for value, name in figures if value is not None]


def _trusts(devices: Iterable[DeviceView]) -> Samples:
    reported = [device for device in devices if device.beat.get("clock") in set(Trust)]
    return [
        (device.beat["clock"] == trust, {"device": device.name, "trust": trust.value})
        for device in reported
        for trust in Trust
    ]


def _faults(devices: Iterable[DeviceView]) -> Samples:
    """Every device has all of its parts, most of them at 0: an alarm can then tell mended from vanished."""
    counts = {device.name: Counter(_part(one.fault, one.point) for one in device.faults) for device in devices}
    parts = (*PARTS, EMERGENCY, "point", "other")
    return [(mine[part], {"device": name, "part": part}) for name, mine in counts.items() for part in parts]


def _emergencies(devices: Iterable[DeviceView]) -> Samples:
    """Every device has all of the causes, most of them at 0, as with its faults."""
    counts = {device.name: Counter(device.emergencies) for device in devices}
    return [(mine[cause], {"device": name, "cause": cause}) for name, mine in counts.items() for cause in WORST_FIRST]


def _latched(devices: Iterable[DeviceView]) -> Samples:
    counts = {device.name: Counter(one.fault for one in device.faults if one.point) for device in devices}
    return [(mine[fault], {"device": name, "fault": fault}) for name, mine in counts.items() for fault in LATCHED]


def _set_aside(counts: Mapping[tuple[str, str], int]) -> list[tuple[tuple[str, str], int]]:
    """Every channel with every known reason, most of them at 0, and whatever else was counted."""
    known = {(channel, why): 0 for channel in UP_CHANNELS for why in SET_ASIDE}
    return sorted({**known, **counts}.items())


def _open(sockets: Sequence[Socket]) -> Samples:
    counts = Counter(socket.point.device for socket in sockets if socket.running)
    return [(counts[name], {"device": name}) for name in sorted({socket.point.device for socket in sockets})]


def _part(fault: str, point: str) -> str:
    if fault in ZONE_FAULTS:
        return EMERGENCY
    if point:
        return "point"
    return fault if fault in PARTS else "other"


def _number(value: Any) -> float | None:
    """A number as a device may report it."""
    return float(value) if isinstance(value, int) and abs(value) <= MAX_NUMBER else None


def _gauge(name: str, text: str, samples: Samples) -> Metric:
    return _family(GaugeMetricFamily(f"hearthgate_{name}", text), samples)


def _counter(name: str, text: str, samples: Samples) -> Metric:
    return _family(CounterMetricFamily(f"hearthgate_{name}", text), samples, suffix="_total")


def _family(family: Metric, samples: Samples, suffix: str = "") -> Metric:
    for value, labels in samples:
        family.add_sample(family.name + suffix, labels, float(value))
    return family
