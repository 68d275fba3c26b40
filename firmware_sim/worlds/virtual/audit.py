"""Holds a virtual town's journals and its cloud against what the boards saw, who are nobody's friends.

Here every moment is known exactly, and so is who badged: what is judged is each opening's time, its length and for
whom it was. ``chaos.audit`` judges towns of real processes, of which only files are left and no moment is exact; it
shares no code with what it judges, nor with this.

Each check returns complaints, in words; an empty list is a clean bill. A town is audited after it was closed.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from sqlalchemy import select

from cloud.sample import PEOPLE
from cloud.store.schema import breaks, devices, events, journals, people, quarantine
from contract.decide import Standing
from contract.events import GAP, Event, decode_event, read_gap
from edge.archetypes.protocol import LEASE_MARGIN_MS
from edge.journal.file import GAP_RANK
from edge.journal.journal import JournalView
from edge.machine.space import JOURNAL_FULL
from firmware_sim.parts.portal import Portal
from firmware_sim.parts.turnstile import Turnstile
from firmware_sim.worlds.virtual.town import ALL_ROWS, VirtualTown

SLACK_S = 0.05
"""Between an event's whole milliseconds, a record that is written, and the pin."""
UNSYNCED_S = 0.05
"""A free way opens once its row is written. Pull the plug before it is synced, and it is locked again without one."""
WAITS_S = 30.0
"""The longest that somebody who was let in may have to wait for the arm."""

COMPLAINTS = ("device.fault", "device.unlogged", "device.journal_recovered", "device.roster_damaged")
"""What a device says of itself that does not happen in a healthy town."""

OPENS: Mapping[str, Mapping[str, bool]] = {
    "founder": {"gym": True},
    "yearly": {"gym": True},
    "rider": {"estate": True, "hub": True},
    "staff": {"estate": True, "gym": True, "hub": True},
}
"""Where the plans of the sample let people in, said once more and by hand. A household adds the estate."""


class Span(NamedTuple):
    """From when until when something was so, in seconds of the world's time."""

    start_s: float
    end_s: float


def audit(town: VirtualTown, also: Collection[tuple[str, str]] = (), forgiven: Collection[str] = ()) -> list[str]:
    """Everything that can be said against a town. ``also`` are the people and zones that its operators brought together
    while it ran; ``forgiven`` are the ways in which its story has broken journals (``full``, ``let_go``, ``forked``):
    rows may then be lost, but every one of them must be in a gap that the cloud knows."""
    with town.cloud.reading():
        return list(_complaints(town, also, forgiven))


def _complaints(town: VirtualTown, also: Collection[tuple[str, str]], forgiven: Collection[str]) -> Iterator[str]:
    yield from _at_the_cloud(town)
    for name in town.devices:
        books = _books(town, name)
        yield from (f"{name}: {complaint}" for complaint in _of_journal(town, name, books, forgiven))
        events = _events(town, name, books)
        yield from (f"{name}: {complaint}" for complaint in _of_lock(town, name, events))
        yield from (f"{name}: {complaint}" for complaint in _of_people(town, name, events, also))


def entitled(zone: str) -> dict[str, bool]:
    """Who of the sample may enter a zone, by English name."""
    return {
        person.name_en: person.card_standing is Standing.ACTIVE
        and (
            (zone == "estate" and person.unit != "")
            or (
                OPENS.get(person.plan, {}).get(zone, False)
                and person.standing is Standing.ACTIVE
                and (person.days is None or person.days[1] > 0)
            )
        )
        for person in PEOPLE
    }


def _at_the_cloud(town: VirtualTown) -> Iterator[str]:
    with town.cloud.reading() as connection:
        for row in connection.execute(select(quarantine.c.device, quarantine.c.why, quarantine.c.detail)):
            yield f"{row.device}: in quarantine for {row.why}: {row.detail}"


class Books(NamedTuple):
    """What the cloud has of a device: its rows in the order of their arrival, by journal and number, gaps aside; how
    far each journal goes; and the rows that are gone or doubled, each with why."""

    rows: dict[tuple[str, int], bytes]
    upto: dict[str, int]
    gone: dict[tuple[str, int], str]
    broken: list[tuple[str, int, int, str]]


def _books(town: VirtualTown, name: str) -> Books:
    mine = devices.c.name == name
    with town.cloud.reading() as connection:
        known = select(journals.c.id, journals.c.journal, journals.c.upto).join(devices).where(mine)
        names = {row.id: (row.journal, row.upto) for row in connection.execute(known)}
        found = select(events.c.journal_id, events.c.seq, events.c.stored)
        arrived = found.where(events.c.journal_id.in_(names), events.c.kind != GAP).order_by(events.c.arrival)
        rows = {(names[row.journal_id][0], row.seq): row.stored for row in connection.execute(arrived)}
        torn = select(breaks).where(breaks.c.journal_id.in_(names))
        broken = [(names[row.journal_id][0], row.first, row.last, row.why) for row in connection.execute(torn)]
    gone = {
        (journal, seq): why for journal, first, last, why in broken if why != "forked" for seq in range(first, last + 1)
    }
    return Books(rows, dict(names.values()), gone, broken)


def _events(town: VirtualTown, name: str, books: Books) -> list[Event]:
    """All that the device has told or still has, each once and in the order in which it happened: a fork gives events
    second numbers, and a journal that is full gives them up."""
    stored = [*books.rows.values(), *(row.stored for row in town.journal(name))]
    once = {(event.boot, event.mono_ms, event.point, event.kind): event for event in map(decode_event, stored)}
    return sorted(once.values(), key=lambda event: _when(town, name, event))


def _of_journal(town: VirtualTown, name: str, books: Books, forgiven: Collection[str]) -> Iterator[str]:
    """The cloud has every row once and in order, or knows that it is gone; all but the goodbye, which will be sent at
    the next start."""
    with JournalView(town.devices[name].config.state / "journal.db") as view:
        rows, journal, verdict = view.tail(ALL_ROWS), view.id, view.verify()
    if verdict.broken:
        yield verdict.broken
    spans = [(gap.first if gap else row.seq, row) for row in rows for gap in [read_gap(row.stored)]]
    for first, row in spans[:-1]:
        for seq in range(first, row.seq + 1):
            if (journal, seq) not in books.rows and (journal, seq) not in books.gone:
                yield f"the cloud has nothing of row {seq}"
        if row.rank != GAP_RANK and books.rows.get((journal, row.seq), row.stored) != row.stored:
            yield f"the cloud has another row {row.seq}"
    for known, upto in books.upto.items():
        numbers = [seq for of, seq in books.rows if of == known]
        if numbers != sorted(numbers):
            yield f"the cloud has the rows of {known} not in their order"
        holes = set(range(1, upto + 1)) - set(numbers) - {seq for of, seq in books.gone if of == known}
        if holes or len(numbers) > upto:
            yield f"the cloud has {len(numbers)} of {upto} rows of {known}, and knows nothing of {sorted(holes)}"
    for known, first, last, why in books.broken:
        if why not in forgiven:
            yield f"rows {first} to {last} of {known}: {why}"
    told = [decode_event(row.stored) for row in rows]
    if told[-1].kind != "device.stopped":
        yield f"its journal ends with {told[-1].kind}"
    for event in told:
        expected = event.data.get("fault") == JOURNAL_FULL and "full" in forgiven
        if event.kind in COMPLAINTS and not expected:
            yield f"{event.kind} {event.data}"


def _of_lock(town: VirtualTown, name: str, events: list[Event]) -> Iterator[str]:
    """Outside emergencies the lock left rest only for somebody, and never for longer than a lease."""
    device = town.devices[name]
    (point,) = device.config.points
    lease_s = (device.config.settings[point.name].unlock_ms + LEASE_MARGIN_MS) / 1000
    let_in = [_when(town, name, event) for event in events if event.kind == "access.allowed"]
    button = point.inputs.get("exit_button")
    pressed = [] if button is None else [at_s for at_s, level in _moves(town, name, button.pin) if not level]
    reasons = sorted(let_in + pressed)
    excused = [*_emergencies(town, name), *_gaps(town, name)]
    for unlocked in unlockings(town, name):
        if any(one.start_s <= unlocked.start_s <= one.end_s for one in excused):
            continue
        if any(0 <= cut_s - unlocked.start_s < UNSYNCED_S for cut_s in device.lost_power_s):
            continue
        waited_s = WAITS_S if point.kind == "turnstile" else SLACK_S
        before = bisect_right(reasons, unlocked.start_s + SLACK_S)
        if not before or unlocked.start_s - reasons[before - 1] > waited_s:
            yield f"unlocked at {unlocked.start_s:.3f} s for nobody"
        renewed = reasons[before : bisect_left(reasons, unlocked.end_s)]
        last_s = max([unlocked.start_s, *renewed])
        if unlocked.end_s - last_s > lease_s + SLACK_S:
            yield f"unlocked from {unlocked.start_s:.3f} s to {unlocked.end_s:.3f} s: longer than its lease"


def _of_people(town: VirtualTown, name: str, events: list[Event], also: Collection[tuple[str, str]]) -> Iterator[str]:
    """Nobody was let in, and nobody got through an arm, whom the roster does not allow."""
    device = town.devices[name]
    (point,) = device.config.points
    may = entitled(point.zone) | {who: True for who, zone in also if zone == point.zone}
    names = _names(town)
    allowed = [event for event in events if event.kind == "access.allowed"]
    for event in allowed:
        who = names.get(str(event.data.get("holder")), "nobody")
        if not may.get(who, False):
            yield f"row {event.seq} lets {who} in"
    portal = device.hardware.get(Portal, point.name)
    if not isinstance(portal, Turnstile):
        return  # through a door that stands open anybody may follow
    for visit in town.visits:
        if visit.device == name and visit.entered and not may.get(visit.name, False):
            yield f"{visit.name} got through at {visit.at_s:.3f} s"
    passed, booked = portal.passed["in"], sum(event.kind == "access.passed" for event in events)
    if not _gaps(town, name) and not booked <= passed <= len(allowed):
        yield f"{len(allowed)} were allowed, {passed} got through, and {booked} passages are booked"


def unlockings(town: VirtualTown, name: str) -> list[Span]:
    """When a device's lock was away from rest, by its board."""
    (point,) = town.devices[name].config.points
    (lock,) = (output for output in point.outputs.values() if output.load != "power_to_run")
    found, since_s = [], None
    for at_s, level in _moves(town, name, lock.pin):
        if level == (lock.relay == "high"):
            since_s = at_s if since_s is None else since_s
        elif since_s is not None:
            found.append(Span(since_s, at_s))
            since_s = None
    return found if since_s is None else [*found, Span(since_s, town.loop.time())]


def _gaps(town: VirtualTown, name: str) -> list[Span]:
    """From the last event before a gap to the last one in it: whoever passed then, their row may be gone."""
    by_number = select(events.c.stored).join(devices, devices.c.id == events.c.device_id).where(devices.c.name == name)
    with town.cloud.reading() as connection:
        rows = list(connection.execute(by_number.order_by(events.c.journal_id, events.c.seq)).scalars())
    found, before_s = [], 0.0
    for event in map(decode_event, rows):
        at_s = _when(town, name, event)
        if event.kind == GAP:
            found.append(Span(before_s - SLACK_S, at_s + SLACK_S))
        before_s = at_s
    return found


def _emergencies(town: VirtualTown, name: str) -> list[Span]:
    """From each opening of the fire loop until somebody turned the key."""
    (emergency,) = town.devices[name].config.emergencies
    alarm, reset = emergency.input, emergency.reset
    keys = [at_s for at_s, level in _moves(town, name, reset.pin) if level == (reset.active == "high")]
    began = [at_s for at_s, level in _moves(town, name, alarm.pin) if level == (alarm.active == "high")]
    return [Span(at_s, next((key_s for key_s in keys if key_s > at_s), town.loop.time())) for at_s in began]


def _moves(town: VirtualTown, name: str, pin: int) -> list[tuple[float, bool]]:
    return [(move.at_ns / 1e9, move.level) for move in town.moves[name] if move.pin == pin]


def _when(town: VirtualTown, name: str, event: Event) -> float:
    """The world's time of an event, by its boot and the machine's own clock."""
    return town.devices[name].booted_s[event.boot] + event.mono_ms / 1000


def _names(town: VirtualTown) -> dict[str, str]:
    with town.cloud.reading() as connection:
        found = connection.execute(select(people.c.holder, people.c.name_en))
        return {row.holder.hex(): row.name_en for row in found}
