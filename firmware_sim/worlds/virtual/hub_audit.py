"""Holds what a hub's journal and cloud say of its sockets against its board's pins and its own wires.

It shares no code with what it judges: when a relay was driven is read from the board's log, what went through a socket
from the socket itself. Each check returns complaints, in words; an empty list is a clean bill.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import select

from cloud.charging.tables import sessions
from contract.events import Event
from firmware_sim.parts.charger import Socket
from firmware_sim.worlds.virtual.hub import NAME, VirtualHub

SLACK_S = 0.1
"""Between an event's whole milliseconds, a contact's bounces, and the pin."""
STEP_WH = 1.0
"""The register of a meter counts whole watt-hours."""
LATCHED = {"relay_stuck", "over_temp", "leakage", "kept_unreadable"}
LOOKS_S = 1.0
ALARMS = ("smoke", "pressed", "alarm")
"""How the parts say that they alarm."""
FOR_EVER_S = 1e12

Rations = Mapping[str, tuple[int, float]]
"""By class: the minutes and watt-hours of a day."""


class Span(NamedTuple):
    start_s: float
    end_s: float

    def meets(self, other: "Span") -> bool:
        """Whether they share more than the slack."""
        return min(self.end_s, other.end_s) - max(self.start_s, other.start_s) > SLACK_S


class Witness:
    """Writes down once a second what has gone through each socket, in watt-hours, and what alarms: a pin that nobody
    holds says nothing of what is wired to it. ``alarms`` are from the first to the last such look. To be made before
    anything runs."""

    def __init__(self, hub: VirtualHub) -> None:
        self.alarms: list[Span] = []
        self._hub = hub
        self._alarmed = False
        self._seen: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self._looking = asyncio.get_running_loop().create_task(self._look())

    def leave(self) -> None:
        self._looking.cancel()

    def delivered_wh(self, point: str, span: Span) -> float:
        """At most: from the last look before it to the first one behind it."""
        seen = self._seen[point]
        before = [wh for at_s, wh in seen if at_s <= span.start_s]
        behind = next((wh for at_s, wh in seen if at_s >= span.end_s), seen[-1][1])
        return behind - (before[-1] if before else 0.0)

    async def _look(self) -> None:
        while True:
            for point, socket in self._hub.device.hardware.all(Socket).items():
                self._seen[point].append((self._hub.town.loop.time(), socket.flow.energy_wh))
            self._look_for_alarms(self._hub.town.loop.time())
            await asyncio.sleep(LOOKS_S)

    def _look_for_alarms(self, now_s: float) -> None:
        hardware = self._hub.device.hardware
        views = [part.view() for part in hardware.smoke_detectors.values()]
        views += [part.view() for part in hardware.emergency_stops.values()]
        views += [part.view() for part in hardware.fire_panels.values()]
        alarmed = any(view.get(says) is True for view in views for says in ALARMS)
        if alarmed:
            began_s = self.alarms.pop().start_s if self._alarmed else now_s
            self.alarms.append(Span(began_s, now_s))
        self._alarmed = alarmed


class Told(NamedTuple):
    """A session by its events. ``power_s`` is when it was to draw no more: it was full, or had ended."""

    point: str
    start_s: float
    power_s: float
    end: Event | None


def audit_hub(hub: VirtualHub, witness: Witness, rider: str, rations: Rations) -> list[str]:
    """Everything that can be said against a hub whose sessions have all ended, and in which ``rider`` (a holder, hex)
    has these ``rations``. To be called before it is closed."""
    complaints: list[str] = []
    told: dict[str, Told] = {}
    for point in hub.device.hardware.all(Socket):
        events = [event for event in hub.events("session", "socket") if event.point == point]
        mine, wrong = _sessions(hub, point, events)
        told |= mine
        complaints += wrong
        complaints += _of_relay(hub, witness, point, mine, events)
        complaints += _of_energy(point, mine, witness)
    complaints += _of_rations(told, rider, rations)
    complaints += _of_rows(hub, told)
    faults = [event for event in hub.events("device") if event.kind in ("device.fault", "device.unlogged")]
    return complaints + [f"{event.kind} {event.data}" for event in faults]


def _sessions(hub: VirtualHub, point: str, events: list[Event]) -> tuple[dict[str, Told], list[str]]:
    found: dict[str, Told] = {}
    wrong = []
    runs = ""
    for event in events:
        name, at_s = event.data.get("session", ""), _when(hub, event)
        known = found.get(name)
        what = event.kind.partition(".")[2]
        if what == "started":
            if runs or known:
                wrong.append(f"{point}: {name} begins while {runs or name} runs, at {at_s:.1f} s")
            runs, found[name] = name, Told(point, at_s, FOR_EVER_S, None)
        elif what == "ended" and known is not None and known.end is not None:
            if known.end.data != event.data:
                wrong.append(f"{point}: {name} ends once more, and otherwise")
        elif what == "ended":
            start_s, power_s = (known.start_s, known.power_s) if known else (at_s, at_s)
            runs, found[name] = "", Told(point, start_s, min(power_s, at_s), event)
        elif event.kind == "session.interrupted" and known is None:
            runs, found[name] = name, Told(point, at_s, FOR_EVER_S, None)  # a power cut has eaten its beginning
        elif what == "full" and known is not None:
            found[name] = known._replace(power_s=at_s)
        elif event.kind.startswith("session.") and what != "waiting" and (known is None or known.end is not None):
            wrong.append(f"{point}: {name} is over, and {what} at {at_s:.1f} s")
    return found, wrong


def _of_relay(
    hub: VirtualHub, witness: Witness, point: str, told: Mapping[str, Told], events: list[Event]
) -> Iterator[str]:
    """Its relay is driven for a session only, never in an emergency and never with a latched fault."""
    wiring = next(one for one in hub.device.config.points if one.name == point)
    relay, leakage = wiring.outputs["relay"], wiring.inputs.get("leakage")
    never = [("an emergency", span) for span in _emergencies(hub, witness)]
    never += [(f"the fault {fault}", span) for fault, span in _latched(hub, events)]
    if leakage is not None:
        never += [("a leakage", span) for span in _spans(hub, leakage.pin, leakage.active == "high")]
    for driven in _spans(hub, relay.pin, relay.relay == "high"):
        for why, span in never:
            if driven.meets(span):
                yield f"{point}: driven from {driven.start_s:.1f} to {driven.end_s:.1f} s in spite of {why}"
        if not any(
            one.start_s - SLACK_S <= driven.start_s and driven.end_s <= one.power_s + SLACK_S for one in told.values()
        ):
            yield f"{point}: driven from {driven.start_s:.1f} to {driven.end_s:.1f} s for nobody"


def _emergencies(hub: VirtualHub, witness: Witness) -> Iterator[Span]:
    """By the parts: from an alarm until nothing alarms any more and somebody turned the key; by the journal: drills, of
    which a power cut leaves nothing."""
    (wired,) = hub.device.config.emergencies
    keys = [span.start_s for span in _spans(hub, wired.reset.pin, wired.reset.active == "high")]
    for alarm in witness.alarms:
        yield Span(alarm.start_s, next((key_s for key_s in keys if key_s > alarm.end_s), FOR_EVER_S))
    began_s = None
    for event in hub.events("emergency", "device"):
        if event.kind in ("emergency.began", "emergency.standing") and event.data["cause"] == "drill":
            began_s = _when(hub, event)
        elif event.kind in ("emergency.reset", "device.started") and began_s is not None:
            yield Span(began_s, _when(hub, event))
            began_s = None


def _latched(hub: VirtualHub, events: list[Event]) -> Iterator[tuple[str, Span]]:
    since: dict[str, float] = {}
    for event in events:
        fault = event.data.get("fault", "")
        if event.kind == "socket.fault" and fault in LATCHED:
            since.setdefault(fault, _when(hub, event))
        elif event.kind == "socket.fault_cleared" and fault in since:
            yield fault, Span(since.pop(fault), _when(hub, event))
    for fault, at_s in since.items():
        yield fault, Span(at_s, FOR_EVER_S)


def _of_energy(point: str, told: Mapping[str, Told], witness: Witness) -> Iterator[str]:
    """Nobody is told of more than went through the socket."""
    billed_wh = 0.0
    for name, one in told.items():
        if one.end is None:
            continue
        energy_wh, fen = one.end.data["energy_wh"], one.end.data["receipt"]["fen"]
        billed_wh += energy_wh
        delivered_wh = witness.delivered_wh(point, Span(one.start_s, one.power_s))
        if energy_wh < 0 or fen < 0 or one.end.data["ms"] < 0:
            yield f"{point}: {name} counts backwards"
        if energy_wh > delivered_wh + STEP_WH:
            yield f"{point}: {name} was told of {energy_wh:.1f} Wh, and got {delivered_wh:.1f}"
    total_wh = witness.delivered_wh(point, Span(0, FOR_EVER_S))
    if billed_wh > total_wh + STEP_WH:
        yield f"{point}: {billed_wh:.1f} Wh were told of, and {total_wh:.1f} went through"


def _of_rations(told: Mapping[str, Told], rider: str, rations: Rations) -> Iterator[str]:
    used: dict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for one in told.values():
        if one.end is not None and one.end.data["holder"] == rider:
            ms, wh = used[one.end.data["class"]]
            used[one.end.data["class"]] = ms + one.end.data["ms"], wh + one.end.data["energy_wh"]
    for kind, (ms, wh) in used.items():
        minutes, most_wh = rations[kind]
        if ms > minutes * 60_000 + 2_000:
            yield f"{ms / 60_000:.2f} of {minutes} minutes were used of {kind}"
        if wh > most_wh + STEP_WH:
            yield f"{wh:.1f} of {most_wh} Wh were used of {kind}"


def _of_rows(hub: VirtualHub, told: Mapping[str, Told]) -> Iterator[str]:
    """The cloud has each session once, and its first end."""
    with hub.town.cloud.reading() as connection:
        rows: list[Any] = list(connection.execute(select(sessions)))
    names = [row.session for row in rows]
    if sorted(names) != sorted(told):
        yield f"the cloud has the sessions {sorted(names)}, and its events tell of {sorted(told)}"
    for row in rows:
        end = told[row.session].end if row.session in told else None
        if not row.reason or end is None:
            yield f"{row.point}: {row.session} has no end"
        elif row.reason != end.data["reason"] or row.ended_ms not in (None, end.at_ms):
            yield f"{row.point}: {row.session} ended otherwise than the cloud says"
        elif row.energy_wh < round(end.data["energy_wh"]):
            yield f"{row.point}: {row.session} is told with {row.energy_wh} Wh"


def _spans(hub: VirtualHub, pin: int, active: bool) -> list[Span]:
    """When a pin was at this level, by the board."""
    found, since_s = [], None
    for move in hub.town.moves[NAME]:
        if move.pin == pin and move.level is active:
            since_s = move.at_ns / 1e9 if since_s is None else since_s
        elif move.pin == pin and since_s is not None:
            found.append(Span(since_s, move.at_ns / 1e9))
            since_s = None
    return found if since_s is None else [*found, Span(since_s, FOR_EVER_S)]


def _when(hub: VirtualHub, event: Event) -> float:
    """The world's time of an event, by its boot and the machine's own clock."""
    return hub.device.booted_s[event.boot] + event.mono_ms / 1000
