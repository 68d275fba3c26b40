"""The keeper: the small process that owns every pin.

It turns edges into inputs and frames, holds each output's lease, and reads the emergency inputs and acts on them before
anybody else knows. It knows no people, no network and no disk but its latch. An agent that hangs or dies can at worst
leave an output driven until its lease runs out.
"""

import logging
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from functools import partial
from typing import Protocol

from contract.emergencies import Cause, Ending, worse
from edge.config.device_config import DeviceConfig
from edge.config.peripherals import SharedReader
from edge.config.tables import Reader
from edge.keeper.inputs import DebouncedInput, PinFactory, WiegandReader, ZoneInputs
from edge.keeper.latch import Latch
from edge.keeper.outputs import MAX_LEASE_MS, LeasedOutput
from edge.keeper.protocol import (
    Changed,
    Drill,
    DriveOutput,
    Frame,
    LatchUnsaved,
    NotReset,
    Refused,
    Reset,
    RestCause,
    Rested,
    RestOutput,
    Snapshot,
    ToAgent,
    ZoneEmergency,
)

log = logging.getLogger(__name__)

SAVE_AGAIN_S = 10.0
"""How long after a failed save the latch is saved again."""


DRILL_S = 1800.0
"""The longest exercise: whoever forgets to end one has the doors back after half an hour."""

EXIT_BUTTON = "exit_button"
EXIT_MS = 5_000
"""How long an exit button opens the lock by itself; an agent that is there may make it longer or shorter."""


class Closing(Protocol):
    """Whatever gives its pins back."""

    def close(self) -> None: ...


def _ignore(_message: ToAgent) -> None:
    """For a keeper that has let go of its pins."""


class Keeper:
    """All pins of one device. Everything runs on one loop; ``tell`` sends a message to the agent."""

    def __init__(
        self,
        config: DeviceConfig,
        factory: PinFactory,
        latch: Latch,
        loop: AbstractEventLoop,
        tell: Callable[[ToAgent], None],
    ) -> None:
        self._factory, self._latch, self._loop, self._tell = factory, latch, loop, tell
        self._wiring = config.hash
        self._outputs: dict[str, LeasedOutput] = {}
        self._inputs: dict[str, DebouncedInput] = {}
        self._readers: list[WiegandReader] = []
        self._zone_of: dict[str, str] = {}
        self._zones: dict[str, ZoneInputs] = {}
        self._drills: dict[str, TimerHandle] = {}
        self._ended: dict[str, Ending] = {}
        self._reported_unsaved = False
        self._save_again: TimerHandle | None = None
        try:
            self._claim_pins(config)
        except BaseException:
            self.close()
            raise

    def snapshot(self) -> Snapshot:
        inputs = {name: pin.active for name, pin in self._inputs.items()}
        causes = {zone: cause for zone in sorted(self._zones) if (cause := self._cause(zone))}
        return Snapshot(inputs, list(causes), self._latch.unsaved, self._wiring, causes, dict(self._ended))

    def handle(self, message: DriveOutput | RestOutput | Reset | Drill) -> None:
        """Follow an order of the agent, or refuse it with the reason."""
        match message:
            case Reset(zone=zone):
                self._reset(zone, "card")
            case Drill(zone=zone, on=on):
                self._drill(zone, on)
            case DriveOutput() | RestOutput():
                self._move(message)

    def _move(self, message: DriveOutput | RestOutput) -> None:
        output = self._outputs.get(message.output)
        if output is None:
            self._tell(Refused(message.output, "no_such_output"))
        elif self._cause(self._zone_of[message.output]):
            self._tell(Refused(message.output, "emergency"))
        elif isinstance(message, RestOutput):
            self._rest(message.output, "ordered")
        elif not 0 < message.lease_ms <= MAX_LEASE_MS:
            self._tell(Refused(message.output, "bad_lease"))
        else:
            output.drive(message.lease_ms)

    def agent_gone(self) -> None:
        """The line to the agent ended: whatever it drove goes to rest now, not when its lease ends."""
        for name, output in self._outputs.items():
            if output.driven and not self._cause(self._zone_of[name]):
                self._rest(name, "agent_gone")

    def close(self) -> None:
        """Leave every output at rest and every pin floating; the pulls hold it from here on. An edge that was on its
        way to the loop moves nothing any more, and sends nothing."""
        for timer in (*self._drills.values(), *filter(None, [self._save_again])):
            timer.cancel()
        pins: list[Closing] = [*self._outputs.values(), *self._inputs.values(), *self._readers, *self._zones.values()]
        for pin in pins:
            pin.close()
        self._outputs.clear()
        self._tell = _ignore

    def _claim_pins(self, config: DeviceConfig) -> None:
        self._claim_outputs(config)
        # A latch whose zone the config no longer knows has no key to reset it: whoever rewired the zone has done so.
        self._latch.forget_all_but(emergency.zone for emergency in config.emergencies)
        for emergency in config.emergencies:
            zone = emergency.zone
            turned = partial(self._reset, by="key")
            self._zones[zone] = ZoneInputs(emergency, self._factory, self._loop, self._look, turned)
            if zone in self._latch.causes:
                self._release(zone)
            self._look(zone)
        self._check_latch()
        self._claim_inputs(config)

    def _claim_outputs(self, config: DeviceConfig) -> None:
        for point in config.points:
            for name, wiring in point.outputs.items():
                full_name = f"{point.name}.{name}"
                self._zone_of[full_name] = point.zone
                expired = partial(self._expired, full_name)
                self._outputs[full_name] = LeasedOutput(self._factory.pin(wiring.pin), wiring, self._loop, expired)

    def _claim_inputs(self, config: DeviceConfig) -> None:
        for point in config.points:
            for name, wiring in point.inputs.items():
                full_name, pin = f"{point.name}.{name}", self._factory.pin(wiring.pin)
                self._inputs[full_name] = DebouncedInput(pin, wiring, self._loop, partial(self._changed, full_name))
            for direction, reader in point.readers.items():
                self._claim_reader(f"{point.name}.{direction}", reader)
        for shared in config.readers:
            self._claim_reader(shared.name, shared)

    def _claim_reader(self, name: str, wiring: Reader | SharedReader) -> None:
        d0, d1 = self._factory.pin(wiring.d0), self._factory.pin(wiring.d1)
        self._readers.append(WiegandReader(d0, d1, self._loop, self._factory.ticks, partial(self._frame, name)))

    def _cause(self, zone: str) -> Cause | None:
        """Why a zone is in an emergency, if it is in one."""
        return self._latch.causes.get(zone) or ("drill" if zone in self._drills else None)

    def _look(self, zone: str) -> None:
        """An alarm may have begun: act if it is worse than the present one."""
        causes = self._zones[zone].causes
        if causes and worse(causes[0], self._cause(zone)):
            self._enter(zone, causes[0])

    def _enter(self, zone: str, cause: Cause) -> None:
        """The pins first, then the latch, then the agent."""
        self._release(zone)
        if cause == "drill":
            self._drills[zone] = self._loop.call_later(DRILL_S, self._leave, zone, "time")
        else:
            self._end_drill(zone)
            self._latch.set(zone, cause)
        self._ended.pop(zone, None)
        log.warning("the zone %s is in an emergency: %s", zone, cause)
        self._tell(ZoneEmergency(zone, active=True, cause=cause))
        self._check_latch()

    def _release(self, zone: str) -> None:
        """Whatever frees people is driven, whatever runs is cut."""
        for name, output in self._outputs.items():
            if self._zone_of[name] == zone:
                output.hold() if output.wiring.driven_in_emergency else output.rest()

    def _reset(self, zone: str, by: Ending) -> None:
        """A person on site resets the zone, once all of its alarms are over."""
        if zone not in self._zones or not self._cause(zone):
            return
        causes = self._zones[zone].causes
        if causes:
            self._tell(NotReset(zone, by, causes))
        else:
            self._leave(zone, by)

    def _drill(self, zone: str, on: bool) -> None:
        """Begin or end an exercise; while there is a real emergency, nobody does either."""
        cause = self._cause(zone)
        if on and zone in self._zones and not cause:
            self._enter(zone, "drill")
        elif not on and cause == "drill":
            self._leave(zone, "order")

    def _leave(self, zone: str, by: Ending) -> None:
        cause = self._cause(zone)
        self._end_drill(zone)
        if zone in self._latch.causes:
            self._latch.release(zone)
        self._ended[zone] = by
        for name in self._outputs:
            if self._zone_of[name] == zone:
                self._rest(name, "emergency_over")
        log.warning("the emergency of the zone %s ended by %s", zone, by)
        self._tell(ZoneEmergency(zone, active=False, cause=cause or "fire", by=by))
        self._check_latch()

    def _end_drill(self, zone: str) -> None:
        timer = self._drills.pop(zone, None)
        if timer is not None:
            timer.cancel()

    def _check_latch(self) -> None:
        """Report when the latch is not on the disk, and save it again until it is."""
        unsaved = self._latch.unsaved
        if unsaved != self._reported_unsaved:
            self._reported_unsaved = unsaved
            log.warning("the disk %s the latch", "does not take" if unsaved else "has taken")
            self._tell(LatchUnsaved(unsaved))
        if unsaved and self._save_again is None:
            self._save_again = self._loop.call_later(SAVE_AGAIN_S, self._save_latch)

    def _save_latch(self) -> None:
        self._save_again = None
        self._latch.save()
        self._check_latch()

    def _rest(self, name: str, cause: RestCause) -> None:
        if self._outputs[name].driven:
            self._outputs[name].rest()
            self._tell(Rested(name, cause))

    def _expired(self, name: str, _output: LeasedOutput) -> None:
        self._tell(Rested(name, "expired"))

    def _changed(self, name: str, active: bool, at_s: float) -> None:
        point, _, input_name = name.partition(".")
        if input_name == EXIT_BUTTON and active:
            self._let_out(point)
        self._tell(Changed(name, active, at_s))

    def _let_out(self, point: str) -> None:
        """Exit never asks: the lock opens before the agent knows, and also if there is none to know."""
        for name, output in self._outputs.items():
            free = not self._cause(self._zone_of[name])
            if free and name.startswith(f"{point}.") and output.wiring.driven_in_emergency:
                output.drive(EXIT_MS)

    def _frame(self, reader: str, bits: str, at_s: float) -> None:
        self._tell(Frame(reader, bits, at_s))
