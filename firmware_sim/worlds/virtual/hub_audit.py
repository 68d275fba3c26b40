"""Holds what a hub's journal and cloud say of its sockets against its board's pins and its own wires.

It shares no code with what it judges: when a relay was driven is read from the board's log, what went through a socket
from the socket itself. Each check returns complaints, in words; an empty list is a clean bill.
"""

import asyncio
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sqlalchemy import select

from cloud.charging.tables import sessions
from contract.events import Event
from edge.config.tables import Point
from firmware_sim.parts.charger import Socket
from firmware_sim.worlds.virtual.device import Span, VirtualDevice
from firmware_sim.worlds.virtual.hub import VirtualHub

SLACK_S = 0.1
"""Between an event's whole milliseconds, a contact's bounces, and the pin."""
STEP_WH = 1.0
"""The register of a meter counts whole watt-hours."""
LATCHED = {"relay_stuck", "over_temp", "leakage", "kept_unreadable"}
LOOKS_S = 1.0
ALARMS = ("smoke", "pressed", "alarm")
"""How the parts say that they alarm."""

Rations = Mapping[str, tuple[int, float]]
"""By class: the minutes and watt-hours of a day."""


class SocketWitness:
    """Writes down once a second what has gone through each socket, in watt-hours, and what alarms: a pin that nobody
    holds says nothing of what is wired to it. ``alarms`` are from the first to the last such look. To be made before
    anything runs."""

    def __init__(self, hub: VirtualHub) -> None:
        self.alarms: list[Span] = []
        self._hub = hub
        self._alarmed = False
        self._delivered: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self._looking = asyncio.get_running_loop().create_task(self._look())

    def leave(self) -> None:
        self._looking.cancel()

    def delivered_wh(self, point: str, span: Span) -> float:
        """At most: from the last look before it to the first one behind it."""
        looks = self._delivered[point]
        before = [wh for at_s, wh in looks if at_s <= span.start_s]
        behind = next((wh for at_s, wh in looks if at_s >= span.end_s), looks[-1][1])
        return behind - (before[-1] if before else 0.0)

    async def _look(self) -> None:
        hardware = self._hub.device.hardware
        guards = (hardware.smoke_detectors, hardware.emergency_stops, hardware.fire_panels)
        while True:
            now_s = self._hub.town.loop.time()
            for point, socket in hardware.all(Socket).items():
                self._delivered[point].append((now_s, socket.flow.energy_wh))
            views = [part.view() for parts in guards for part in parts.values()]
            alarmed = any(view.get(says) is True for view in views for says in ALARMS)
            if alarmed:
                began_s = self.alarms.pop().start_s if self._alarmed else now_s
                self.alarms.append(Span(began_s, now_s))
            self._alarmed = alarmed
            await asyncio.sleep(LOOKS_S)


class SessionRecord(NamedTuple):
    """A session by its events. ``power_s`` is when it was to draw no more: it was full, or had ended."""

    point: str
    start_s: float
    power_s: float = math.inf
    end: Event | None = None


def audit_hub(hub: VirtualHub, witness: SocketWitness, rider: str, rations: Rations) -> list[str]:
    """Everything that can be said against a hub whose sessions have all ended, and in which ``rider`` (a holder, hex)
    has these ``rations``. To be called before it is closed."""
    complaints: list[str] = []
    records: dict[str, SessionRecord] = {}
    for point in hub.device.config.points:
        if point.name in hub.device.hardware.all(Socket):
            events = [event for event in hub.events("session", "socket") if event.point == point.name]
            of_point: dict[str, SessionRecord] = {}
            complaints += _of_sessions(hub.device, point.name, events, of_point)
            complaints += _of_relay(hub, witness, point, of_point, events)
            complaints += _of_energy(point.name, of_point, witness)
            records |= of_point
    complaints += _of_rations(records, rider, rations)
    complaints += _of_rows(hub, records)
    faults = [event for event in hub.events("device") if event.kind in ("device.fault", "device.unlogged")]
    return complaints + [f"{event.kind} {event.data}" for event in faults]


def _of_sessions(
    device: VirtualDevice, point: str, events: list[Event], records: dict[str, SessionRecord]
) -> Iterator[str]:
    """Each session begins once, while no other runs, and is silent after its end. Fills in ``records`` by name."""
    runs = ""
    for event in events:
        name, at_s = event.data.get("session", ""), device.when_s(event)
        known = records.get(name)
        what = event.kind.partition(".")[2]
        if what == "started":
            if runs or known:
                yield f"{point}: {name} begins while {runs or name} runs, at {at_s:.1f} s"
            runs, records[name] = name, SessionRecord(point, at_s)
        elif what == "ended" and known is not None and known.end is not None:
            if known.end.data != event.data:
                yield f"{point}: {name} ends once more, and otherwise"
        elif what == "ended":
            known = known or SessionRecord(point, at_s)
            runs, records[name] = "", known._replace(power_s=min(known.power_s, at_s), end=event)
        elif event.kind == "session.interrupted" and known is None:
            runs, records[name] = name, SessionRecord(point, at_s)  # a power cut has eaten its beginning
        elif what == "full" and known is not None:
            records[name] = known._replace(power_s=at_s)
        elif event.kind.startswith("session.") and what != "waiting" and (known is None or known.end is not None):
            yield f"{point}: {name} is over, and {what} at {at_s:.1f} s"


def _of_relay(
    hub: VirtualHub, witness: SocketWitness, point: Point, records: Mapping[str, SessionRecord], events: list[Event]
) -> Iterator[str]:
    """Its relay is driven for a session only, never in an emergency and never with a latched fault."""
    relay, leakage = point.outputs["relay"], point.inputs.get("leakage")
    never = [("an emergency", span) for span in _emergencies(hub, witness)]
    never += [(f"the fault {fault}", span) for fault, span in _latched(hub.device, events)]
    if leakage is not None:
        never += [("a leakage", span) for span in hub.device.spans(leakage.pin, leakage.active)]
    for driven in hub.device.spans(relay.pin, relay.relay):
        when = f"driven from {driven.start_s:.1f} to {driven.end_s:.1f} s"
        for why, span in never:
            if driven.overlap_s(span) > SLACK_S:
                yield f"{point.name}: {when} in spite of {why}"
        if not any(
            session.start_s - SLACK_S <= driven.start_s and driven.end_s <= session.power_s + SLACK_S
            for session in records.values()
        ):
            yield f"{point.name}: {when} for nobody"


def _emergencies(hub: VirtualHub, witness: SocketWitness) -> Iterator[Span]:
    """By the parts: from an alarm until nothing alarms any more and somebody turned the key; by the journal: drills, of
    which a power cut leaves nothing."""
    (wired,) = hub.device.config.emergencies
    for alarm in witness.alarms:
        yield Span(alarm.start_s, hub.device.key_turned_s(wired, alarm.end_s))
    began_s = None
    for event in hub.events("emergency", "device"):
        if event.kind in ("emergency.began", "emergency.standing") and event.data["cause"] == "drill":
            began_s = hub.device.when_s(event)
        elif event.kind in ("emergency.reset", "device.started") and began_s is not None:
            yield Span(began_s, hub.device.when_s(event))
            began_s = None


def _latched(device: VirtualDevice, events: list[Event]) -> Iterator[tuple[str, Span]]:
    since_s: dict[str, float] = {}
    for event in events:
        fault = event.data.get("fault", "")
        if event.kind == "socket.fault" and fault in LATCHED:
            since_s.setdefault(fault, device.when_s(event))
        elif event.kind == "socket.fault_cleared" and fault in since_s:
            yield fault, Span(since_s.pop(fault), device.when_s(event))
    for fault, at_s in since_s.items():
        yield fault, Span(at_s, math.inf)


def _of_energy(point: str, records: Mapping[str, SessionRecord], witness: SocketWitness) -> Iterator[str]:
    """Nobody is told of more than went through the socket."""
    billed_wh = 0.0
    for name, session in records.items():
        if session.end is None:
            continue
        energy_wh, fen = session.end.data["energy_wh"], session.end.data["receipt"]["fen"]
        billed_wh += energy_wh
        delivered_wh = witness.delivered_wh(point, Span(session.start_s, session.power_s))
        if energy_wh < 0 or fen < 0 or session.end.data["ms"] < 0:
            yield f"{point}: {name} counts backwards"
        if energy_wh > delivered_wh + STEP_WH:
            yield f"{point}: {name} was told of {energy_wh:.1f} Wh, and got {delivered_wh:.1f}"
    total_wh = witness.delivered_wh(point, Span(0, math.inf))
    if billed_wh > total_wh + STEP_WH:
        yield f"{point}: {billed_wh:.1f} Wh were told of, and {total_wh:.1f} went through"


def _of_rations(records: Mapping[str, SessionRecord], rider: str, rations: Rations) -> Iterator[str]:
    ends = [session.end.data for session in records.values() if session.end is not None]
    for class_name, (minutes, most_wh) in rations.items():
        used = [end for end in ends if (end["holder"], end["class"]) == (rider, class_name)]
        ms, wh = sum(end["ms"] for end in used), sum(end["energy_wh"] for end in used)
        if ms > minutes * 60_000 + 2_000:
            yield f"{ms / 60_000:.2f} of {minutes} minutes were used of {class_name}"
        if wh > most_wh + STEP_WH:
            yield f"{wh:.1f} of {most_wh} Wh were used of {class_name}"


def _of_rows(hub: VirtualHub, records: Mapping[str, SessionRecord]) -> Iterator[str]:
    """The cloud has each session once, and its first end."""
    with hub.town.cloud.reading() as connection:
        rows = connection.execute(select(sessions)).all()
    names = [row.session for row in rows]
    if sorted(names) != sorted(records):
        yield f"the cloud has the sessions {sorted(names)}, and its events tell of {sorted(records)}"
    for row in rows:
        end = records[row.session].end if row.session in records else None
        if not row.reason or end is None:
            yield f"{row.point}: {row.session} has no end"
        elif row.reason != end.data["reason"] or row.ended_ms not in (None, end.at_ms):
            yield f"{row.point}: {row.session} ended otherwise than the cloud says"
        elif row.energy_wh < round(end.data["energy_wh"]):
            yield f"{row.point}: {row.session} is told with {row.energy_wh} Wh"
