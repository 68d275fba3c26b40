"""Which events are alarms, and which case each begins or ends. A domain that brings cases of its own adds a kind."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from cloud.cases.rule import CaseKind, Grade, Team
from cloud.permits.kinds import KINDS as PERMITS
from cloud.web.sentence import N_
from contract.device_events import DeviceEvents, EmergencyEvents, JournalEvents, ReaderEvents
from contract.event_types import EventType
from contract.kinds import known_kinds
from contract.kinds.bank import BANK
from contract.kinds.door import DOOR
from contract.kinds.turnstile import TURNSTILE

KINDS: Mapping[str, CaseKind] = {
    kind.name: kind
    for kind in (
        CaseKind("emergency", N_("Emergency"), Grade.LIFE_SAFETY),
        CaseKind("forced", N_("Forced open"), Grade.SECURITY),
        CaseKind("held", N_("Open for too long"), Grade.SECURITY, closes=True),
        CaseKind("released", N_("Released by its wiring"), Grade.SECURITY, closes=True),
        CaseKind("pass_shared", N_("One pass at two points"), Grade.SERVICE),
        CaseKind("codes_closed", N_("Too many wrong codes"), Grade.SECURITY),
        CaseKind("urgent_fault", N_("Fault that cannot wait"), Grade.SECURITY),
        CaseKind("supply_cut", N_("Supply of sockets cut"), Grade.SECURITY, Team.REPAIRS),
        CaseKind("broker_lost", N_("The cloud hears no broker"), Grade.SECURITY, Team.REPAIRS, closes=True),
        CaseKind("keeper_lost", N_("Keeper process stopped"), Grade.SECURITY, Team.REPAIRS, closes=True),
        CaseKind(
            "overstayed",
            N_("Still inside though the permit is over"),
            Grade.SERVICE,
            closes=True,
            parts={kind: rule.label for kind, rule in PERMITS.items()},
        ),
        CaseKind("still_inside", N_("Still inside after closing time"), Grade.SERVICE, closes=True),
        CaseKind(
            "exit_unnamed",
            N_("Hard anti-passback, and a way out that names nobody"),
            Grade.SERVICE,
            Team.REPAIRS,
            closes=True,
        ),
        CaseKind("device_offline", N_("Device not heard"), Grade.SERVICE, Team.REPAIRS, closes=True),
        CaseKind("jammed", N_("Arm jammed"), Grade.SERVICE, Team.REPAIRS, closes=True),
        CaseKind("fault", N_("Fault"), Grade.SERVICE, Team.REPAIRS, closes=True),
        CaseKind("records_lost", N_("Records lost or damaged"), Grade.SERVICE, Team.REPAIRS),
        CaseKind("roster_refused", N_("Roster or certificate refused"), Grade.SERVICE, Team.REPAIRS),
        CaseKind("mended_file", N_("A file of the device was damaged"), Grade.SERVICE, Team.REPAIRS),
    )
}
"""Every kind of case, by its name."""

URGENT_FAULTS = frozenset({"over_temp", "leakage", "relay_stuck", "contactor_welded", "reader_noisy"})
"""What may set something on fire, and a reader at which somebody tries card after card."""


class AlarmStep(Struct, frozen=True):
    """What an event says of cases of a kind. It concerns the point that the event names, or the zone in its field
    ``zone_in``; ``part_in`` is the field whose word tells several of them apart. ``only`` and ``unless`` are a field
    and its value."""

    kind: str
    is_over: bool = False
    part_in: str = ""
    zone_in: str = ""
    only: tuple[str, object] | None = None
    unless: tuple[str, object] | None = None

    def counts(self, data: Mapping[str, Any]) -> bool:
        is_asked = self.only is None or data.get(self.only[0]) == self.only[1]
        return is_asked and (self.unless is None or data.get(self.unless[0]) != self.unless[1])


_EMERGENCY = AlarmStep("emergency", zone_in="zone", unless=("cause", "drill"))
_ALARMS: tuple[tuple[EventType[...], AlarmStep], ...] = (
    *((began, _EMERGENCY) for began in (EmergencyEvents.began, EmergencyEvents.standing, EmergencyEvents.worsened)),
    (EmergencyEvents.reset, AlarmStep("emergency", is_over=True, zone_in="zone")),
    (DOOR.forced, AlarmStep("forced")),
    (TURNSTILE.forced, AlarmStep("forced")),
    (DOOR.held, AlarmStep("held")),
    (DOOR.shut, AlarmStep("forced", is_over=True)),
    (DOOR.shut, AlarmStep("held", is_over=True)),
    (DOOR.hard_release, AlarmStep("released", only=("active", True))),
    (DOOR.hard_release, AlarmStep("released", is_over=True, only=("active", False))),
    (TURNSTILE.jammed, AlarmStep("jammed")),
    (TURNSTILE.jam_cleared, AlarmStep("jammed", is_over=True)),
    (BANK.cut, AlarmStep("supply_cut")),
    (ReaderEvents.codes_closed, AlarmStep("codes_closed", part_in="reader")),
    (DeviceEvents.keeper_lost, AlarmStep("keeper_lost")),
    (DeviceEvents.keeper_found, AlarmStep("keeper_lost", is_over=True)),
    (JournalEvents.gap, AlarmStep("records_lost")),
    (DeviceEvents.journal_recovered, AlarmStep("records_lost")),
    (DeviceEvents.forked, AlarmStep("records_lost")),
    (DeviceEvents.unlogged, AlarmStep("records_lost")),
    (DeviceEvents.roster_refused, AlarmStep("roster_refused")),
    (DeviceEvents.certificate_refused, AlarmStep("roster_refused")),
    (DeviceEvents.roster_damaged, AlarmStep("mended_file")),
    (DeviceEvents.clock_damaged, AlarmStep("mended_file")),
    (DeviceEvents.memory_damaged, AlarmStep("mended_file")),
)


def _steps() -> Iterator[tuple[str, AlarmStep]]:
    yield from ((event.kind, step) for event, step in _ALARMS)
    noted: list[EventType[...]] = [DeviceEvents.fault, *(kind.fault_noted for kind in known_kinds().values())]
    cleared = [DeviceEvents.fault_cleared, *(kind.fault_cleared for kind in known_kinds().values())]
    yield from ((event.kind, AlarmStep("fault", part_in="fault")) for event in noted)
    yield from ((event.kind, AlarmStep("fault", is_over=True, part_in="fault")) for event in cleared)


def steps_by_event() -> dict[str, list[AlarmStep]]:
    """What each kind of event says of cases, by the kinds of events that say anything."""
    steps: dict[str, list[AlarmStep]] = {}
    for event, step in _steps():
        steps.setdefault(event, []).append(step)
    return steps
