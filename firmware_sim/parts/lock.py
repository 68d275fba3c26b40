"""What a relay switches at a door: the relay itself and the lock on its contacts."""

from asyncio import TimerHandle
from typing import Literal

from firmware_sim.board.board import Board
from firmware_sim.parts.wire import Wire

Load = Literal["power_to_unlock", "power_to_lock"]


class Relay:
    """A relay on a pin. Its contact follows the coil after the time the armature takes, and skips shorter pulses.

    `pull_in_ms` and `drop_out_ms`: a small 5 V power relay's data sheet allows 10 and 5 ms.
    """

    def __init__(
        self,
        board: Board,
        *,
        pin: int,
        active_high: bool = True,
        pull_in_ms: float = 8.0,
        drop_out_ms: float = 4.0,
    ) -> None:
        self._loop = board.loop
        self._active_high = active_high
        self._delay_s = {True: pull_in_ms / 1000, False: drop_out_ms / 1000}
        self._timer: TimerHandle | None = None
        wire = board.pin(pin)
        self.pulled = Wire(on=wire.level == active_high)
        wire.watch(self._coil)

    def _coil(self, level: bool, at_ns: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        wanted = level == self._active_high
        if wanted != self.pulled.on:
            self._timer = self._loop.call_later(self._delay_s[wanted], self.pulled.put, wanted)


class Lock:
    """A strike (`power_to_unlock`, on the relay's open contact) or a magnet (`power_to_lock`, on its closed contact).

    So a relay at rest is a locked door for both. The supply may be broken in hardware by a fire panel or an exit
    button, and by a power cut: a magnet then lets go, a strike stays locked.
    """

    def __init__(
        self,
        board: Board,
        *,
        pin: int,
        load: Load,
        name: str = "lock",
        active_high: bool = True,
        pull_in_ms: float = 8.0,
        drop_out_ms: float = 4.0,
    ) -> None:
        self.name = name
        self.load: Load = load
        self.released = Wire()
        self._broken_by: dict[str, None] = {}
        self._relay = Relay(board, pin=pin, active_high=active_high, pull_in_ms=pull_in_ms, drop_out_ms=drop_out_ms)
        self._relay.pulled.watch(lambda _: self._update())
        self._update()

    @property
    def locked(self) -> bool:
        return not self.released.on

    def break_supply(self, by: str, *, broken: bool = True) -> None:
        """Break the lock's supply on somebody's behalf, or let it come back; it is whole when nobody breaks it."""
        if broken:
            self._broken_by[by] = None
        else:
            self._broken_by.pop(by, None)
        self._update()

    def view(self) -> dict[str, object]:
        return {
            "kind": "lock",
            "load": self.load,
            "relay": self._relay.pulled.on,
            "locked": self.locked,
            "supply_broken_by": list(self._broken_by),
        }

    def _update(self) -> None:
        wants_relay_on = self.load == "power_to_unlock"
        powered = not self._broken_by and self._relay.pulled.on == wants_relay_on
        self.released.put(powered == wants_relay_on)
