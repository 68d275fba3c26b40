"""The keeper: the small process that owns every pin.

It turns edges into inputs and frames, holds each output's lease, and reads the emergency inputs and acts on them before
anybody else knows. It knows no people, no network and no disk but its latch. An agent that hangs or dies can at worst
leave an output driven until its lease runs out.
"""

import json
import logging
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from edge.config import DeviceConfig, EmergencyInput
from edge.files import write_whole
from edge.hardware.inputs import DebouncedInput, WiegandReader
from edge.hardware.outputs import MAX_LEASE_MS, LeasedOutput
from edge.keeper_link import (
    Changed,
    Drive,
    Frame,
    LatchUnsaved,
    Refused,
    Rest,
    RestCause,
    Rested,
    Snapshot,
    ToAgent,
    ZoneEmergency,
)

log = logging.getLogger(__name__)

SAVE_AGAIN_S = 10.0
"""How long after a disk took no latch it is offered again."""


EXIT_BUTTON = "exit_button"
EXIT_MS = 5_000
"""How long an exit button opens the lock by itself; an agent that is there may make it longer or shorter."""


class PinFactory(Protocol):
    """What the keeper needs of a gpiozero factory: pins by number, and the clock that stamps their edges."""

    def pin(self, name: int) -> Any: ...

    def ticks(self) -> float: ...


class Closing(Protocol):
    """Whatever gives its pins back."""

    def close(self) -> None: ...


class Latch:
    """The zones in emergency, in a small file that outlives the keeper. Only a person's reset takes one out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.zones = _read_zones(path)
        self.unsaved = False
        """The disk does not hold what ``zones`` says."""

    def set(self, zone: str, active: bool) -> None:
        """Never raises: a full disk must not stand between a fire and a door."""
        self._put(self.zones | {zone} if active else self.zones - {zone})

    def forget_all_but(self, zones: Iterable[str]) -> None:
        """Take out what none of these zones latched."""
        known = self.zones.intersection(zones)
        if known != self.zones:
            self._put(known)

    def save(self) -> None:
        """Write the zones down, or note in ``unsaved`` that the disk takes nothing."""
        try:
            write_whole(self._path, json.dumps(sorted(self.zones)).encode())
            self.unsaved = False
        except OSError:
            self.unsaved = True

    def _put(self, zones: frozenset[str]) -> None:
        self.zones = zones
        self.save()


def _read_zones(path: Path) -> frozenset[str]:
    """A latch that cannot be read is no proof that there is no emergency, but it names no zone either: it is empty,
    and the emergency inputs, which are read next, decide."""
    try:
        return frozenset(str(zone) for zone in json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return frozenset()


def _tell_nobody(_message: ToAgent) -> None:
    """For a keeper that has let go of its pins."""


class Keeper:
    """All pins of one device. Everything runs on one loop; ``tell`` is how the agent hears of it."""

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
        self._emergency_inputs: dict[str, DebouncedInput] = {}
        self._reset_inputs: list[DebouncedInput] = []
        self._told_unsaved = False
        self._save_again: TimerHandle | None = None
        try:
            self._take_pins(config)
        except BaseException:
            self.close()
            raise

    def snapshot(self) -> Snapshot:
        inputs = {name: pin.active for name, pin in self._inputs.items()}
        return Snapshot(inputs, sorted(self._latch.zones), self._latch.unsaved, self._wiring)

    def heard(self, message: Drive | Rest) -> None:
        """Follow an order of the agent, or say why not."""
        output = self._outputs.get(message.output)
        if output is None:
            self._tell(Refused(message.output, "no_such_output"))
        elif self._zone_of[message.output] in self._latch.zones:
            self._tell(Refused(message.output, "emergency"))
        elif isinstance(message, Rest):
            self._rest(message.output, "ordered")
        elif not 0 < message.lease_ms <= MAX_LEASE_MS:
            self._tell(Refused(message.output, "bad_lease"))
        else:
            output.drive(message.lease_ms)

    def agent_gone(self) -> None:
        """The line to the agent ended: whatever it drove goes to rest now, not when its lease ends."""
        for name, output in self._outputs.items():
            if output.driven and self._zone_of[name] not in self._latch.zones:
                self._rest(name, "agent_gone")

    def close(self) -> None:
        """Leave every output at rest and every pin floating; the pulls hold it from here on. An edge that was on its
        way to the loop finds nothing left to move, and nobody to tell."""
        if self._save_again is not None:
            self._save_again.cancel()
        held: list[Closing] = [*self._outputs.values(), *self._inputs.values(), *self._readers]
        for pin in (*held, *self._emergency_inputs.values(), *self._reset_inputs):
            pin.close()
        self._outputs.clear()
        self._tell = _tell_nobody

    def _take_pins(self, config: DeviceConfig) -> None:
        self._take_outputs(config)
        # A latch whose zone the config no longer knows has no key to reset it: whoever rewired the zone has done so.
        self._latch.forget_all_but(emergency.zone for emergency in config.emergencies)
        for emergency in config.emergencies:
            self._watch_emergency(emergency)
        self._look_after_latch()
        self._take_inputs(config)

    def _take_outputs(self, config: DeviceConfig) -> None:
        for point in config.points:
            for name, wiring in point.outputs.items():
                full_name = f"{point.name}.{name}"
                self._zone_of[full_name] = point.zone
                expired = partial(self._expired, full_name)
                self._outputs[full_name] = LeasedOutput(self._factory.pin(wiring.pin), wiring, self._loop, expired)

    def _take_inputs(self, config: DeviceConfig) -> None:
        for point in config.points:
            for name, wiring in point.inputs.items():
                changed = partial(self._changed, f"{point.name}.{name}")
                self._inputs[f"{point.name}.{name}"] = DebouncedInput(
                    self._factory.pin(wiring.pin), wiring, self._loop, changed
                )
            for direction, reader in point.readers.items():
                d0, d1 = self._factory.pin(reader.d0), self._factory.pin(reader.d1)
                frame = partial(self._frame, f"{point.name}.{direction}")
                self._readers.append(WiegandReader(d0, d1, self._loop, self._factory.ticks, frame))

    def _watch_emergency(self, emergency: EmergencyInput) -> None:
        zone = emergency.zone
        alarm = DebouncedInput(
            self._factory.pin(emergency.input.pin), emergency.input, self._loop, partial(self._alarm, zone)
        )
        self._emergency_inputs[zone] = alarm
        self._reset_inputs.append(
            DebouncedInput(
                self._factory.pin(emergency.reset.pin), emergency.reset, self._loop, partial(self._key_turned, zone)
            )
        )
        if alarm.active or zone in self._latch.zones:
            self._enter_emergency(zone)

    def _alarm(self, zone: str, active: bool, _at_s: float) -> None:
        if active:
            self._enter_emergency(zone)

    def _enter_emergency(self, zone: str) -> None:
        """The pins first, then the latch, then the agent."""
        for name, output in self._outputs.items():
            if self._zone_of[name] == zone:
                output.hold() if output.wiring.driven_in_emergency else output.rest()
        if zone not in self._latch.zones:
            self._latch.set(zone, active=True)
            self._tell(ZoneEmergency(zone, active=True))
            self._look_after_latch()

    def _key_turned(self, zone: str, active: bool, _at_s: float) -> None:
        """A person on site resets the zone, once its alarm is over."""
        if not active or zone not in self._latch.zones or self._emergency_inputs[zone].active:
            return
        self._latch.set(zone, active=False)
        for name in self._outputs:
            if self._zone_of[name] == zone:
                self._rest(name, "emergency_over")
        self._tell(ZoneEmergency(zone, active=False))
        self._look_after_latch()

    def _look_after_latch(self) -> None:
        """Say when the latch is not on the disk, and offer it again until it is."""
        unsaved = self._latch.unsaved
        if unsaved != self._told_unsaved:
            self._told_unsaved = unsaved
            log.warning("the disk %s the latch", "does not take" if unsaved else "has taken")
            self._tell(LatchUnsaved(unsaved))
        if unsaved and self._save_again is None:
            self._save_again = self._loop.call_later(SAVE_AGAIN_S, self._save_latch)

    def _save_latch(self) -> None:
        self._save_again = None
        self._latch.save()
        self._look_after_latch()

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
            free = self._zone_of[name] not in self._latch.zones
            if free and name.startswith(f"{point}.") and output.wiring.driven_in_emergency:
                output.drive(EXIT_MS)

    def _frame(self, reader: str, bits: str, at_s: float) -> None:
        self._tell(Frame(reader, bits, at_s))
