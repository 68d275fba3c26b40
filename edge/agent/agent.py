"""The agent: handles the messages of keeper, cloud and instruments, each with the station that it concerns.

One loop owns everything here, and each message is handled to completion before the next. Whatever it touches is a port,
so the same agent runs on a Raspberry Pi and, a hundred times over, in virtual time.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from msgspec.structs import replace

from contract.commands import COMMANDS, EnrolArgs
from contract.decide import Direction, Mode
from contract.device_events import DeviceEvents
from contract.emergencies import Cause
from edge.agent.effect_queue import EffectQueue
from edge.agent.effects import PointEffects
from edge.agent.emergencies import Emergencies
from edge.agent.enrolments import Ended
from edge.agent.event_throttle import EventThrottle
from edge.agent.ports import AgentPorts
from edge.agent.readers import Readers
from edge.agent.runner import Runner
from edge.archetypes.protocol import (
    CloudAuthenticated,
    CommandReceived,
    Edge,
    Emergency,
    Input,
    Levels,
    ModeChanged,
    Reading,
    Received,
    Report,
    TimeOfDay,
)
from edge.config.device_config import DeviceConfig
from edge.keeper.protocol import (
    Changed,
    Frame,
    LatchUnsaved,
    NotReloaded,
    NotReset,
    Refused,
    Reload,
    Rested,
    Snapshot,
    ToAgent,
    ZoneEmergency,
)

log = logging.getLogger(__name__)

CONTACT_EVERY_MS = 60_000
"""How often the stations get the input that the cloud is in contact; they count in hours."""


def _without_live(report: Report) -> Report:
    return replace(report, live={})


class Agent:
    """The agent of one device, with all of its points. ``on_change`` is called whenever a report or a status may
    have changed."""

    def __init__(self, config: DeviceConfig, ports: AgentPorts, on_change: Callable[[], None] = lambda: None) -> None:
        self.keeper_up = self.latch_unsaved = False
        self.failures = self.keeper_losses = 0
        self.unread = [point.name for point in config.points]
        """Points of whose inputs the keeper has not said where all of them stand."""
        self.not_reloaded = ""
        """Why the keeper goes by another wiring than this agent."""
        self.wiring = config.hash
        self._reloading = self._has_snapshot = self._closed = False
        self._ports, self._recording, self._on_change = ports, ports.recording, on_change
        self._last_contact_ms: int | None = None
        self._undated: set[str] = set()
        """Points whose restored documents have no known age yet."""
        self._unknown = EventThrottle(
            ports.loop, lambda data: ports.recording.record("", *DeviceEvents.fault(**data).row)
        )
        """What names a point that nobody knows here: a keeper that goes by another wiring, a station's setting."""
        self.runners: dict[str, Runner] = {}
        self._effects = PointEffects(self.runners, ports, self._hand_over, self._unknown)
        self.lines = self._effects.lines
        """Where a point's messages go, by point and line."""
        for point in config.points:
            kind, settings = config.kinds[point.name], config.settings[point.name]
            self.runners[point.name] = Runner(point, kind, settings, self._queue, ports.clock)
        for runner in self.runners.values():
            named_by = (name for name, other in self.runners.items() if runner.point.name in other.point.interlocks)
            names = {*runner.point.interlocks, *named_by}
            runner.interlocked_with = tuple(self.runners[name] for name in sorted(names))
        self._emergencies = Emergencies(config, ports, self._follow, self._effects.carry_out)
        self.emergencies: Mapping[str, Cause] = self._emergencies.causes
        """The zones in an emergency, and why."""
        self.readers = Readers(config, self.runners, ports, self._emergencies.card, self._guarded)

    def handle(self, message: ToAgent) -> None:
        """Handle a keeper's message to completion."""
        if not self._closed and self._has_our_wiring(message):
            self._guarded(self._dispatch, message)

    def _has_our_wiring(self, message: ToAgent) -> bool:
        """Whether the keeper speaks of the wiring that this agent goes by. Another one is ordered to reload; if it
        cannot, its messages count as far as their names are known here."""
        match message:
            case Snapshot(wiring=wiring):
                self.not_reloaded = "" if wiring == self.wiring else self.not_reloaded
                self._reloading = wiring not in ("", self.wiring) and not self.not_reloaded
                if self._reloading:
                    self._ports.keeper.send(Reload(self.wiring))
            case NotReloaded(why=why):
                self._reloading, self.not_reloaded = False, why
        return not self._reloading

    def _guarded(self, act: Callable[..., object], *arguments: object) -> None:
        """A fault of ours ends what is in hand, not the agent: it is logged, recorded, and the other doors go on."""
        self._safely(act, *arguments)
        self._on_change()

    def _safely(self, act: Callable[..., object], *arguments: object) -> None:
        try:
            act(*arguments)
        except Exception as fault:  # the boundary behind which a fault of ours costs one input, and is recorded
            # Its arguments by their kinds only: a frame's bits belong in no log.
            kinds = ", ".join(type(argument).__name__ for argument in arguments)
            log.exception("%s(%s) failed", getattr(act, "__qualname__", act), kinds)
            self.failures += 1
            self._recording.record("", *DeviceEvents.fault(fault="internal_error", what=type(fault).__name__).row)

    def _hand_over(self, runner: Runner, happened: Input) -> None:
        self._guarded(runner.handle, happened)

    def _queue(self, runner: Runner) -> EffectQueue:
        name, loop, cannot_record = runner.point.name, self._ports.loop, partial(self._hand_over, runner)
        return EffectQueue(name, loop, self._recording, self._effects, cannot_record, self._guarded)

    def keeper_lost(self) -> None:
        """The line to the keeper ended; the keeper, or the kernel, has put the outputs to rest."""
        self._reloading, self.not_reloaded = False, ""
        if self.keeper_up:
            self.keeper_up = False
            self.keeper_losses += 1
            self._recording.record("", *DeviceEvents.keeper_lost().row)
            self._on_change()

    def set_modes(self, modes: Mapping[str, Mode], number: int) -> None:
        """Set every point to its mode; one that is not named is scheduled. ``number`` is that of the document."""
        for name, runner in self.runners.items():
            mode = modes.get(name, Mode.SCHEDULED)
            if mode is not runner.mode:
                runner.mode = mode
                self._hand_over(runner, ModeChanged(mode, number))

    def restart_blocker(self) -> str:
        """A sentence that says what must be over before this agent may start over; empty if nobody would notice."""
        if not self.keeper_up:
            return "Waits for the keeper."
        if self.emergencies:
            return f"Waits for the end of the emergency in {', '.join(sorted(self.emergencies))}."
        busy = [f"{name} ({runner.report.phase})" for name, runner in self.runners.items() if not runner.report.quiet]
        return f"Waits until nobody passes and nothing is held open: {', '.join(busy)}." if busy else ""

    def order(self, point: str, received: CommandReceived) -> str:
        """Have a point do what an operator commands. Returns a word for why not, an empty one if it is done."""
        runner = self.runners[point]
        if COMMANDS[received.op].moves:
            if runner.point.zone in self.emergencies:
                return "emergency"
            if not self.keeper_up:
                return "keeper_lost"
        answers: list[str] = []
        self._guarded(lambda: answers.append(runner.obey(received, self._ports.decider)))
        return answers[0] if answers else "internal_error"

    def enrol(self, point: str, command: str, args: EnrolArgs, ended: Ended) -> str:
        """Wait for a card at a reader of the point. Returns a word for why not; else ``ended`` is called later."""
        if not self.keeper_up:
            return "keeper_lost"
        reader = self.readers.reader_of(point, args.reader)
        return "no_reader" if reader is None else self.readers.enrolments.begin(reader, point, command, args, ended)

    def drill(self, zone: str, on: bool, order_record: dict[str, Any]) -> str:
        """Begin or end an exercise in a zone. Returns a word for why not, an empty one if the keeper is asked."""
        return self._emergencies.drill(zone, on, order_record) if self.keeper_up else "keeper_lost"

    def read(self, point: str, instrument: str, values: Mapping[str, float] | None) -> None:
        """Handle the reading of an instrument, once a second of each. Only what a report says of it is a change."""
        if not self._closed:
            self._handle_frequent(point, Reading(instrument, values))

    def receive(self, point: str, line: str, message: Any) -> None:
        """Handle a message that came over a line of a point."""
        if not self._closed:
            self._handle_frequent(point, Received(line, message))

    def scan(self, point: str, direction: Direction, text: str, why: str) -> None:
        """Handle what a scanner at a point has read; ``why`` says why there is no text. Without a keeper nobody can be
        let in, and nobody's pass is used up in vain."""
        if not self._closed:
            self._guarded(self.readers.scan, f"{point}.{direction}", text, why if self.keeper_up else "keeper_lost")

    def _handle_frequent(self, point: str, happened: Reading | Received) -> None:
        """An input that comes every second: ``on_change`` is called only if the report of the point changed."""
        runner = self.runners[point]
        before = _without_live(runner.report)
        self._safely(runner.handle, happened)
        if before.offline_limit_ms is not None:
            self._safely(self._update_minute, runner)
        if _without_live(runner.report) != before:
            self._on_change()

    def _update_minute(self, runner: Runner) -> None:
        """Hand the station the time of day when it changes: the hour of a price is the wall clock's, which may be set
        and jumps twice a year."""
        minute = self._ports.decider.minute()
        if minute is not None and minute != runner.minute:
            runner.minute = minute
            runner.handle(TimeOfDay(minute))

    def note_cloud_contact(self) -> None:
        """An authenticated message of the cloud has come."""
        now_ms, last_ms = self._ports.clock.mono_ms(), self._last_contact_ms
        if not self._closed and (last_ms is None or now_ms - last_ms >= CONTACT_EVERY_MS):
            self._last_contact_ms = now_ms
            for runner in self.runners.values():
                self._safely(runner.handle, CloudAuthenticated())

    def clock_known(self) -> None:
        """The clock is set: documents of before a power cut have an age only now."""
        if not self._closed:
            self._restore(sorted(self._undated))

    def _restore(self, names: Iterable[str]) -> None:
        """Hand points their documents of before. One whose age nobody knows yet is handed again once that is known."""
        notebook = self._ports.notebook
        documents = {name: notebook.restored(name) for name in names} if notebook is not None else {}
        restored = {name: document for name, document in documents.items() if document is not None}
        self._undated = {name for name, document in restored.items() if document.age_ms is None}
        for name, document in restored.items():
            self._hand_over(self.runners[name], document)

    def close(self) -> None:
        """Handle nothing more, and move nothing. The keeper still lets people out."""
        self._closed = True
        self.readers.close()  # It refuses whoever waits for their PIN, and that lights a lamp, with a timer.
        for runner in self.runners.values():
            runner.close()
        self._unknown.close()

    def _dispatch(self, message: ToAgent) -> None:
        match message:
            case Frame(reader=reader, bits=bits):
                if not self.readers.frame(reader, bits):
                    self._unknown.note({"fault": "no_such_point", "reader": reader})
            case Changed(input=name, active=active):
                self._edge(name, active)
            case ZoneEmergency():
                self._emergencies.handle_message(message)
            case NotReset():
                self._emergencies.not_reset(message)
            case LatchUnsaved(unsaved=unsaved):
                self._latch(unsaved)
            case NotReloaded(why=why):
                self._recording.record("", *DeviceEvents.fault(fault="keeper_wiring", why=why[:200]).row)
            case Snapshot():
                self._snapshot(message)
            case Rested(output=output, cause="expired"):
                self._recording.record(output.partition(".")[0], *DeviceEvents.lease_expired(output=output).row)
            case Refused(output=output, why=why) if why != "emergency":
                self._recording.record(output.partition(".")[0], *DeviceEvents.fault(fault=why, output=output).row)

    def _edge(self, name: str, active: bool) -> None:
        point, _, input_name = name.partition(".")
        if point in self.runners:
            self.runners[point].handle(Edge(input_name, active))
        else:
            self._unknown.note({"fault": "no_such_point", "input": name})

    def _follow(self, zone: str, emergency: Emergency) -> None:
        for runner in self.runners.values():
            if runner.point.zone == zone:
                self._hand_over(runner, emergency)

    def _latch(self, unsaved: bool) -> None:
        if unsaved and not self.latch_unsaved:
            self._recording.record("", *DeviceEvents.fault(fault="latch").row)
        self.latch_unsaved = unsaved

    def _snapshot(self, snapshot: Snapshot) -> None:
        """The keeper is there, or back: the pins are as it reports them."""
        if not self.keeper_up:
            self.keeper_up = True
            self._recording.record("", *DeviceEvents.keeper_found().row)
        if not self._has_snapshot:
            self._restore(self.runners)
        self._has_snapshot = True
        self._emergencies.handle_snapshot(snapshot)
        self._latch(snapshot.latch_unsaved)
        levels: dict[str, dict[str, bool]] = {point: {} for point in self.runners}
        for name, active in snapshot.inputs.items():
            point, _, input_name = name.partition(".")
            if point in levels:
                levels[point][input_name] = active
            else:  # the keeper still runs by an older config
                self._recording.record("", *DeviceEvents.fault(fault="no_such_point", input=name).row)
        self.unread = [
            name for name, runner in self.runners.items() if runner.point.inputs.keys() - levels[name].keys()
        ]
        for point, runner in self.runners.items():
            self._hand_over(runner, Levels(levels[point]))
