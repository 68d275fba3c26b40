"""Holds a virtual town's journals and its cloud against what the boards saw, who are nobody's friends.

Here every moment is known exactly, and so is who badged: what is judged is each opening's time, its length and for
whom it was. ``chaos.audit`` judges towns of real processes, of which only files are left and no moment is exact; it
shares no code with what it judges, nor with this.

Each check returns complaints, in words; an empty list is a clean bill. A town is audited after it was closed.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping
from itertools import chain, pairwise
from typing import NamedTuple

from sqlalchemy import select

from cloud.devices.tables import quarantine
from cloud.sample import PEOPLE
from cloud.store.schema import breaks, devices, events, journals, people
from cloud.store.tables import permits
from contract.decide import Standing
from contract.events import GAP, Event, decode_event, read_gap
from edge.archetypes.protocol import LEASE_MARGIN_MS
from edge.config.tables import Point
from edge.journal.file import GAP_RANK
from edge.journal.journal import JournalView
from edge.machine.space import JOURNAL_FULL
from firmware_sim.parts.portal import Portal
from firmware_sim.parts.turnstile import Turnstile
from firmware_sim.worlds.virtual.device import Span, VirtualDevice
from firmware_sim.worlds.virtual.town import ALL_ROWS, VirtualTown

SLACK_S = 0.05
"""Between an event's whole milliseconds, a record that is written, and the pin."""
UNSYNCED_S = 0.05
"""A free way opens once its row is written. Pull the plug before it is synced, and it is locked again without one."""
WAITS_S = 30.0
"""The longest that somebody who was let in may have to wait for the arm."""

COMPLAINTS = ("device.fault", "device.unlogged", "device.journal_recovered", "device.roster_damaged")
"""What a device says of itself that does not happen in a healthy town."""

OPENS: Mapping[str, Collection[str]] = {
    "founder": {"gym"},
    "yearly": {"gym"},
    "rider": {"estate", "hub"},
    "staff": {"estate", "gym", "hub"},
}
"""The zones into which the plans of the sample let people, said once more and by hand. A household adds the estate."""


def audit(town: VirtualTown, also: Collection[tuple[str, str]] = (), forgiven: Collection[str] = ()) -> list[str]:
    """Everything that can be said against a town. ``also`` are the people and zones that its operators brought together
    while it ran; ``forgiven`` are the ways in which its story has broken journals (``full``, ``let_go``, ``forked``):
    rows may then be lost, but every one of them must be in a gap that the cloud knows."""
    with town.cloud.reading() as connection:
        rows = connection.execute(select(quarantine.c.device, quarantine.c.why, quarantine.c.detail))
        complaints = [f"{row.device}: in quarantine for {row.why}: {row.detail}" for row in rows]
        for name, device in town.devices.items():
            complaints += (f"{name}: {complaint}" for complaint in _of_device(town, device, also, forgiven))
    return complaints


def entitled(zone: str) -> set[str]:
    """Who of the sample may enter a zone, by English name."""
    return {
        person.name_en
        for person in PEOPLE
        if person.card_standing is Standing.ACTIVE
        and (
            (zone == "estate" and person.unit != "")
            or (
                zone in OPENS.get(person.plan, ())
                and person.standing is Standing.ACTIVE
                and (person.days is None or person.days[1] > 0)
            )
        )
    }


def _of_device(
    town: VirtualTown, device: VirtualDevice, also: Collection[tuple[str, str]], forgiven: Collection[str]
) -> Iterator[str]:
    (point,) = device.config.points
    stored = _stored_in_cloud(town, device.name)
    events = _events(town, device, stored)
    gaps = _gaps(town, device)
    allowed = [event for event in events if event.kind == "access.allowed"]
    yield from _of_journal(device, stored, forgiven)
    yield from _of_lock(device, point, [device.when_s(event) for event in allowed], gaps)
    may_enter = entitled(point.zone) | {who for who, zone in also if zone == point.zone}
    yield from _of_people(town, allowed, may_enter)
    portal = device.hardware.get(Portal, point.name)
    if not isinstance(portal, Turnstile):
        return  # through a door that stands open anybody may follow
    for visit in town.visits:
        if visit.device == device.name and visit.entered and visit.name not in may_enter:
            yield f"{visit.name} got through at {visit.at_s:.3f} s"
    passed, booked = portal.passed["in"], sum(event.kind == "access.passed" for event in events)
    if not gaps and not booked <= passed <= len(allowed):
        yield f"{len(allowed)} were allowed, {passed} got through, and {booked} passages are booked"


class StoredRows(NamedTuple):
    """What the cloud has of a device: its rows in the order of their arrival, by journal and number, gaps aside; how
    far each journal goes; and the rows that are gone or doubled, each with why."""

    rows: dict[tuple[str, int], bytes]
    upto: dict[str, int]
    gone: set[tuple[str, int]]
    broken: list[tuple[str, int, int, str]]


def _stored_in_cloud(town: VirtualTown, name: str) -> StoredRows:
    its_journals = (
        select(journals.c.id, journals.c.journal, journals.c.upto).join(devices).where(devices.c.name == name)
    )
    with town.cloud.reading() as connection:
        known = {row.id: row for row in connection.execute(its_journals)}
        arrived = select(events.c.journal_id, events.c.seq, events.c.stored).order_by(events.c.arrival)
        happened = connection.execute(arrived.where(events.c.journal_id.in_(known)))
        rows = {
            (known[row.journal_id].journal, row.seq): row.stored for row in happened if read_gap(row.stored) is None
        }
        torn = connection.execute(select(breaks).where(breaks.c.journal_id.in_(known)))
        broken = [(known[row.journal_id].journal, row.first, row.last, row.why) for row in torn]
    gone = {(journal, seq) for journal, first, last, why in broken if why != "forked" for seq in range(first, last + 1)}
    return StoredRows(rows, {row.journal: row.upto for row in known.values()}, gone, broken)


def _events(town: VirtualTown, device: VirtualDevice, stored: StoredRows) -> list[Event]:
    """All that the device has told or still has, each once and in the order in which it happened: a fork gives events
    second numbers, and a journal that is full gives them up."""
    rows = chain(stored.rows.values(), (row.stored for row in town.journal(device.name)))
    once = {(event.boot, event.mono_ms, event.point, event.kind): event for event in map(decode_event, rows)}
    return sorted(once.values(), key=device.when_s)


def _of_journal(device: VirtualDevice, stored: StoredRows, forgiven: Collection[str]) -> Iterator[str]:
    """The cloud has every row once and in order, or knows that it is gone; all but the goodbye, which will be sent at
    the next start."""
    with JournalView(device.config.state / "journal.db") as view:
        rows, journal, verdict = view.tail(ALL_ROWS), view.id, view.verify()
    if verdict.broken:
        yield verdict.broken
    for row in rows[:-1]:
        gap = read_gap(row.stored)
        for seq in range(gap.first if gap else row.seq, row.seq + 1):
            if (journal, seq) not in stored.rows and (journal, seq) not in stored.gone:
                yield f"the cloud has nothing of row {seq}"
        if row.rank != GAP_RANK and stored.rows.get((journal, row.seq), row.stored) != row.stored:
            yield f"the cloud has another row {row.seq}"
    for known, upto in stored.upto.items():
        numbers = [seq for of, seq in stored.rows if of == known]
        if numbers != sorted(numbers):
            yield f"the cloud has the rows of {known} not in their order"
        holes = set(range(1, upto + 1)) - set(numbers) - {seq for of, seq in stored.gone if of == known}
        if holes or len(numbers) > upto:
            yield f"the cloud has {len(numbers)} of {upto} rows of {known}, and knows nothing of {sorted(holes)}"
    for known, first, last, why in stored.broken:
        if why not in forgiven:
            yield f"rows {first} to {last} of {known}: {why}"
    events = [decode_event(row.stored) for row in rows]
    if events[-1].kind != "device.stopped":
        yield f"its journal ends with {events[-1].kind}"
    for event in events:
        expected = event.data.get("fault") == JOURNAL_FULL and "full" in forgiven
        if event.kind in COMPLAINTS and not expected:
            yield f"{event.kind} {event.data}"


def _of_lock(device: VirtualDevice, point: Point, let_in_s: list[float], gaps: list[Span]) -> Iterator[str]:
    """Outside emergencies the lock left rest only for somebody, and never for longer than a lease. An agent that starts
    while the exit button is held opens once more: the keeper had put the lock to rest with the agent before it."""
    lease_s = (device.config.settings[point.name].unlock_ms + LEASE_MARGIN_MS) / 1000
    waited_s = WAITS_S if point.kind == "turnstile" else SLACK_S
    button = point.inputs.get("exit_button")
    presses = device.spans(button.pin, button.active) if button else []
    reasons_s = sorted(let_in_s + [press.start_s for press in presses])
    excused = [*_emergencies(device), *gaps]
    for unlocked in unlockings(device):
        if any(span.start_s <= unlocked.start_s <= span.end_s for span in excused):
            continue
        if any(0 <= cut_s - unlocked.start_s < UNSYNCED_S for cut_s in device.lost_power_s):
            continue
        before = bisect_right(reasons_s, unlocked.start_s + SLACK_S)
        is_held = any(press.start_s <= unlocked.start_s <= press.end_s + SLACK_S for press in presses)
        if not is_held and (not before or unlocked.start_s - reasons_s[before - 1] > waited_s):
            yield f"unlocked at {unlocked.start_s:.3f} s for nobody"
        renewed_s = reasons_s[before : bisect_left(reasons_s, unlocked.end_s)]
        if unlocked.end_s - max([unlocked.start_s, *renewed_s]) > lease_s + SLACK_S:
            yield f"unlocked from {unlocked.start_s:.3f} s to {unlocked.end_s:.3f} s: longer than its lease"


def _of_people(town: VirtualTown, allowed: list[Event], may_enter: Collection[str]) -> Iterator[str]:
    """Nobody was let in whom the roster does not allow. Who comes with a permit has the name that stands on it."""
    persons, visitors = select(people.c.holder, people.c.name_en), select(permits.c.holder, permits.c.name)
    with town.cloud.reading() as connection:
        names = {holder.hex(): name for query in (persons, visitors) for holder, name in connection.execute(query)}
    for event in allowed:
        who = names.get(str(event.data.get("holder")), "nobody")
        if who not in may_enter:
            yield f"row {event.seq} lets {who} in"


def unlockings(device: VirtualDevice) -> list[Span]:
    """When a device's lock was away from rest, by its board."""
    (point,) = device.config.points
    (lock,) = (output for output in point.outputs.values() if output.load != "power_to_run")
    return device.spans(lock.pin, lock.relay)


def _gaps(town: VirtualTown, device: VirtualDevice) -> list[Span]:
    """From the last event before a gap to the last one in it: whoever passed then, their row may be gone."""
    rows = select(events.c.stored).join(journals, journals.c.id == events.c.journal_id).join(devices)
    with town.cloud.reading() as connection:
        by_number = rows.where(devices.c.name == device.name).order_by(events.c.journal_id, events.c.seq)
        stored = [decode_event(row) for row in connection.execute(by_number).scalars()]
    times_s = [0.0, *map(device.when_s, stored)]
    return [
        Span(before_s - SLACK_S, at_s + SLACK_S)
        for event, (before_s, at_s) in zip(stored, pairwise(times_s), strict=True)
        if event.kind == GAP
    ]


def _emergencies(device: VirtualDevice) -> list[Span]:
    """From each opening of the fire loop until somebody turned the key."""
    (emergency,) = device.config.emergencies
    alarms = device.spans(emergency.input.pin, emergency.input.active)
    return [Span(alarm.start_s, device.key_turned_s(emergency, alarm.start_s)) for alarm in alarms]
