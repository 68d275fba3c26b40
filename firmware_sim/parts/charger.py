"""One charging socket: a relay's contact, a plug, and between them a resistance that grows warm, or runs away.

Nothing ticks. The socket works out what has happened since it was last looked at whenever somebody looks or something
changes, in steps of at most a minute, each a closed form.
"""

import math
from typing import NamedTuple

from firmware_sim.board.board import Board
from firmware_sim.parts.battery import Appliance
from firmware_sim.parts.contact import Signal
from firmware_sim.parts.hardware import ControlError
from firmware_sim.parts.relay import PowerContact, Relay
from firmware_sim.parts.wire import NOMINAL_V, Mains, Wire

STEP_S = 60.0
"""Within a step the current counts as constant; a charger's falls by a percent or two."""
GOOD_CONTACT_OHM = 0.005
BAD_CONTACT_OHM = 4.0
"""A loose, burnt contact. With an e-bike's 1.3 A it runs away and passes 70 °C after some minutes."""
GROWTH_PER_K = 0.03
"""How much a contact's resistance grows with each degree above 20 °C, by oxide and a spring that loses its force."""
MELTS_C = 180.0
"""Here the plastic gives way and the contact parts for good."""


class Flow(NamedTuple):
    """What goes through the socket now, and the energy that ever went."""

    current_a: float
    power_w: float
    power_factor: float
    energy_wh: float


class Socket:
    """A socket on a relay's pin. `upstream` is the contactor of its bank, if it has one.

    `plug` and `leakage` are the contacts of a plug switch and of a residual-current monitor. `heat_j_per_k` and
    `cooling_w_per_k` are those of a socket insert of some fifty grams in its box: it settles within half an hour.
    """

    def __init__(
        self,
        board: Board,
        *,
        relay_pin: int,
        mains: Mains,
        active_high: bool = True,
        upstream: PowerContact | None = None,
        plug: Signal | None = None,
        leakage: Signal | None = None,
        name: str = "socket",
        ambient_c: float = 25.0,
        heat_j_per_k: float = 60.0,
        cooling_w_per_k: float = 0.15,
    ) -> None:
        self.name = name
        self.mains = mains
        self.relay = PowerContact(Relay(board, pin=relay_pin, active_high=active_high))
        self._appliance: Appliance | None = None
        self._burnt_open = False
        self._loop = board.loop
        self._plug, self._leakage = plug, leakage
        self._ambient_c, self._temperature_c = ambient_c, ambient_c
        self._usual_ambient_c = ambient_c
        self._heat_j_per_k, self._cooling_w_per_k = heat_j_per_k, cooling_w_per_k
        self._contact_ohm = GOOD_CONTACT_OHM
        self._energy_j = 0.0
        self._path: list[Wire] = [mains.supply, self.relay.closed, *([] if upstream is None else [upstream.closed])]
        self.live = False
        """Whether the mains is at the socket's contacts."""
        self._known_s = self._loop.time()
        for wire in self._path:
            wire.watch(lambda _: self._switched())
        self._switched()

    @property
    def appliance(self) -> Appliance | None:
        """What is plugged in."""
        self._catch_up()
        return self._appliance

    @property
    def burnt_open(self) -> bool:
        """Whether the contact has parted for good."""
        self._catch_up()
        return self._burnt_open

    @property
    def temperature_c(self) -> float:
        self._catch_up()
        return self._temperature_c

    @property
    def flow(self) -> Flow:
        self._catch_up()
        load, voltage_v, energy_wh = self._load, self.mains.voltage_v, self._energy_j / 3600
        if load is None:
            return Flow(0.0, 0.0, 0.0, energy_wh)
        current_a, power_w = self._through(load.power_w, load.power_factor, voltage_v)
        return Flow(current_a, power_w, power_w / (current_a * voltage_v) if current_a else 0.0, energy_wh)

    def plug_in(self, appliance: Appliance | None) -> None:
        """Put a plug in, in place of whatever was in before."""
        self._catch_up()
        if self._appliance is not None:
            self._appliance.lose_power()
        self._appliance = appliance
        if self._plug is not None:
            self._plug.put(appliance is not None)

    def unplug(self) -> None:
        self.plug_in(None)

    def overheat(self, contact_ohm: float = BAD_CONTACT_OHM, ambient_c: float | None = None) -> None:
        """The contact goes bad; with `ambient_c` the air around it is hot too, as in the sun or beside a fire."""
        self._catch_up()
        self._contact_ohm = contact_ohm
        self._ambient_c = self._usual_ambient_c if ambient_c is None else ambient_c

    def cool(self) -> None:
        """The contact is as new, the air as ever, and the socket has had its time to cool."""
        self.overheat(GOOD_CONTACT_OHM)
        self._burnt_open = False
        self._temperature_c = self._ambient_c

    def trip_leakage(self, on: bool = True) -> None:
        """Have the residual-current monitor see a leakage, or none. Raises `ControlError` where there is no monitor."""
        if self._leakage is None:
            raise ControlError(f"{self.name} has no residual-current monitor")
        self._leakage.put(on)

    def view(self) -> dict[str, object]:
        flow = self.flow
        return {
            "kind": "socket",
            "live": self.live,
            "relay": self.relay.view(),
            "plugged_in": None if self._appliance is None else self._appliance.view(),
            "power_w": round(flow.power_w, 1),
            "energy_wh": round(flow.energy_wh, 1),
            "temperature_c": round(self._temperature_c, 1),
            "bad_contact": self._contact_ohm > GOOD_CONTACT_OHM,
            "burnt_open": self._burnt_open,
            "leakage": self._leakage is not None and self._leakage.on,
        }

    def _switched(self) -> None:
        """Something on the way from the mains has opened or closed: until now it was as it was."""
        self._catch_up()
        self.live = all(wire.on for wire in self._path)
        if not self.live and self._appliance is not None:
            self._appliance.lose_power()

    def _catch_up(self) -> None:
        passed_s = self._loop.time() - self._known_s
        self._known_s = self._loop.time()
        while passed_s > 0:
            step_s = passed_s if self._load is None else min(passed_s, STEP_S)
            self._step(step_s)
            passed_s -= step_s

    @property
    def _load(self) -> Appliance | None:
        """What draws from the mains now."""
        return self._appliance if self.live and not self._burnt_open else None

    def _through(self, load_w: float, power_factor: float, voltage_v: float) -> tuple[float, float]:
        """Amperes and watts of the contact in series with a load that takes its power whatever the voltage, as chargers
        do, until so much is lost before it that there is no such current; then it gets what there is."""
        contact_ohm = self._contact_ohm * max(0.1, 1 + GROWTH_PER_K * (self._temperature_c - 20))
        left = voltage_v**2 - 4 * contact_ohm * load_w / power_factor
        current_a = (voltage_v - math.sqrt(max(left, 0.0))) / (2 * contact_ohm)
        lost_v = current_a * contact_ohm
        return current_a, current_a * (lost_v + (voltage_v - lost_v) * power_factor)

    def _step(self, seconds: float) -> None:
        load = self._load
        if load is None:
            self._warm(seconds, 0.0)
            return
        load_w, power_factor = load.run(seconds) / seconds, load.power_factor
        current_a, before_w = self._through(load_w, power_factor, NOMINAL_V)
        self._warm(seconds, current_a)
        _, after_w = self._through(load_w, power_factor, NOMINAL_V)
        self._energy_j += (before_w + after_w) / 2 * seconds

    def _warm(self, seconds: float, current_a: float) -> None:
        """Heat grows with the temperature as loss does; so one exponential settles, and the other runs away."""
        cold_w = current_a**2 * self._contact_ohm
        loss_w_per_k = self._cooling_w_per_k - cold_w * GROWTH_PER_K
        gain_w = cold_w * (1 - GROWTH_PER_K * 20) + self._cooling_w_per_k * self._ambient_c
        rate = loss_w_per_k / self._heat_j_per_k
        if abs(rate) * seconds < 1e-9:
            self._temperature_c += (gain_w - loss_w_per_k * self._temperature_c) * seconds / self._heat_j_per_k
        else:
            self._temperature_c += (gain_w / loss_w_per_k - self._temperature_c) * -math.expm1(-rate * seconds)
        if self._temperature_c >= MELTS_C:
            self._temperature_c = MELTS_C
            self._burnt_open = True
