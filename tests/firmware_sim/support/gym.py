"""A gym's turnstile and door on one board, with the least program that opens to cards it knows. For tests of people."""

import asyncio
import hashlib
from collections.abc import Callable

from gpiozero import OutputDevice

from firmware_sim.board.board import Board, Move
from firmware_sim.parts.door import Door
from firmware_sim.parts.reader import WiegandReader
from firmware_sim.parts.relay import Lock
from firmware_sim.parts.turnstile import Turnstile
from firmware_sim.people.walkers import residents, wander
from firmware_sim.time.clock import run_virtual

D0, D1, STRIKE, CONTACT, UNLOCK, SENSOR = 5, 6, 17, 27, 22, 23
FRAME_GAP_S = 0.02


class Gym:
    """Cards in `known` open both ways in for `unlock_s`, by real gpiozero devices."""

    def __init__(
        self,
        *,
        seed: int = 1,
        relocks: bool = True,
        unlock_s: float = 1.0,
        on_move: Callable[[Move], object] | None = None,
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.board = Board(self.loop, seed=seed, pulls={STRIKE: "down", UNLOCK: "down", SENSOR: "up"}, on_move=on_move)
        self.reader = WiegandReader(self.board, d0=D0, d1=D1)
        self.door = Door(self.board, contact_pin=CONTACT, locks=[Lock(self.board, pin=STRIKE, load="power_to_unlock")])
        self.turnstile = Turnstile(self.board, unlock_pin=UNLOCK, sensor_pin=SENSOR, relocks=relocks)
        self.known = {resident.card_bits for resident in residents()}
        self._factory = self.board.factory()
        self._relays = [OutputDevice(pin, pin_factory=self._factory) for pin in (STRIKE, UNLOCK)]
        self._unlock_s = unlock_s
        self._bits = ""
        self._timers: list[asyncio.TimerHandle] = []
        self._watchers = [self._watch(D0, "0"), self._watch(D1, "1")]

    def _watch(self, line: int, bit: str) -> Callable[[float, bool], None]:
        def hear(ticks: float, level: bool) -> None:
            self._bits += bit
            self._again(FRAME_GAP_S, self._decide)

        pin = self._factory.pin(line)
        pin.edges = "falling"
        pin.when_changed = hear
        return hear

    def _decide(self) -> None:
        bits, self._bits = self._bits, ""
        if bits in self.known:
            for relay in self._relays:
                relay.on()
            self._again(self._unlock_s, self._rest)

    def _rest(self) -> None:
        for relay in self._relays:
            relay.off()

    def _again(self, delay_s: float, act: Callable[[], None]) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers = [self.loop.call_later(delay_s, act)]


def fingerprint_of_days(seed: int, days: float) -> str:
    """What the independent witness saw of a gym's days, as a digest."""
    witness = hashlib.sha256()

    async def main() -> None:
        gym = Gym(seed=seed, on_move=lambda move: witness.update(move.line().encode()))
        people = asyncio.create_task(wander(residents(), gym.reader, gym.turnstile, chance=gym.board.random("people")))
        await asyncio.sleep(days * 86400)
        people.cancel()

    run_virtual(main())
    return witness.hexdigest()
