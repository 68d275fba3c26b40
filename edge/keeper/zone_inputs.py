"""The pins that tell of an emergency in one zone, and the key that ends it."""

from asyncio import AbstractEventLoop
from collections.abc import Callable
from functools import partial

from contract.emergencies import Cause
from edge.config.tables import EmergencyInput, InputPin
from edge.keeper.inputs import DebouncedInput, PinFactory


class ZoneInputs:
    """What is wired for one zone. ``look`` is called when an alarm may have begun, ``key`` when its key is turned."""

    def __init__(
        self,
        wiring: EmergencyInput,
        factory: PinFactory,
        loop: AbstractEventLoop,
        look: Callable[[str], object],
        key: Callable[[str], object],
    ) -> None:
        self._factory, self._loop = factory, loop
        self._held: list[DebouncedInput] = []

        begins, turned = partial(_if_active, look, wiring.zone), partial(_if_active, key, wiring.zone)
        try:
            self._loop_open = self._input(wiring.input, begins)
            self._confirm, self._smoke, self._estop = (
                None if pin is None else self._input(pin, begins)
                for pin in (wiring.confirm, wiring.smoke, wiring.estop)
            )
            self._input(wiring.reset, turned)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for held in self._held:
            held.close()

    @property
    def causes(self) -> list[Cause]:
        """Whatever is wrong now, the worst first.

        The panel's two contacts change together, and the loop's own bounce is over by the time it counts: so a loop
        whose wire broke is known by the level of the other contact at that moment, bounce or not. An alarm that the
        second contact alone tells of is one too: then the loop is shorted.
        """
        found: list[Cause] = []
        loop_open = self._loop_open.active
        confirmed = self._confirm is not None and (self._confirm.active or (loop_open and self._confirm.active_now))
        if confirmed or (loop_open and self._confirm is None):
            found.append("fire")
        if self._smoke is not None and self._smoke.active:
            found.append("smoke")
        if self._estop is not None and self._estop.active:
            found.append("estop")
        if loop_open and not found:
            found.append("loop_broken")
        return found

    def _input(self, wiring: InputPin, changed: Callable[[bool, float], None]) -> DebouncedInput:
        held = DebouncedInput(self._factory.pin(wiring.pin), wiring, self._loop, changed)
        self._held.append(held)
        return held


def _if_active(act: Callable[[str], object], zone: str, active: bool, _at_s: float) -> None:
    if active:
        act(zone)
