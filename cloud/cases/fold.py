"""Alarms folded into cases: which alarms an event is, and what becomes of the open cases. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import structs

from cloud.cases.kinds import KINDS, URGENT_FAULTS, steps_by_event
from cloud.cases.rule import Alarm, Case, CasePlace, again, opened, recovered
from cloud.devices.lateness import Lateness, lateness
from contract.decide import Trust
from contract.events import Event

MAX_WORD = 40
STEPS = steps_by_event()
ALARM_EVENTS = frozenset(STEPS)


def alarms_in(
    event: Event, places: Mapping[str, CasePlace], device: str, now_ms: int, *, replay: bool
) -> Iterator[Alarm]:
    """What an event says of alarms. ``places`` are the points that are known; one that is not is the device itself, so
    that a device cannot have more open cases than it has points and zones."""
    took_ms = None if event.clock is Trust.UNSET else now_ms - event.at_ms
    late = lateness(took_ms, replay) is not Lateness.LIVE
    for step in STEPS.get(event.kind, ()):
        if step.counts(event.data):
            part = _word(event.data.get(step.part_in))
            kind = "urgent_fault" if step.kind == "fault" and part in URGENT_FAULTS else step.kind
            place = structs.replace(places.get(event.point, CasePlace()), device=device)
            if step.zone_in:
                place = CasePlace(device, zone=_word(event.data.get(step.zone_in)))
            yield Alarm(kind, place, part, event.at_ms, step.is_over, late)


def _word(value: object) -> str:
    return value[:MAX_WORD] if isinstance(value, str) else ""


def fold(before: Mapping[str, Case], alarms: Iterable[Alarm], now_ms: int) -> list[Case]:
    """Take alarms into the open cases that there were ``before``, by their keys, in the order in which they came.
    Returns every case that is another than before, each once, as it is in the end."""
    changed: list[Case] = []
    known, places = dict(before), dict[str, int]()
    for alarm in alarms:
        open_case = known.get(alarm.key)
        if open_case is None and alarm.is_over:
            continue
        place = places.setdefault(alarm.key, len(changed))
        changed[place : place + 1] = [case := _after(open_case, alarm, now_ms)]
        known[case.key] = case
        if case.solved_ms is not None:
            del known[case.key], places[case.key]
    return changed


def _after(before: Case | None, alarm: Alarm, now_ms: int) -> Case:
    kind = KINDS[alarm.kind]
    if before is None:
        return opened(alarm, kind, now_ms)
    if alarm.is_over:
        return recovered(before, alarm.at_ms, now_ms, closes=kind.closes)
    return again(before, alarm, now_ms)
