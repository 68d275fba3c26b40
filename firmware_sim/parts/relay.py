"""Relays, and what is switched by their contacts: locks and the mains."""

from asyncio import TimerHandle
from typing import Literal

from firmware_sim.board.board import Board
from firmware_sim.parts.wire import Supply, Wire

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
        coil = board.pin(pin)
        self.pulled = Wire(on=coil.level == active_high)
        coil.watch(self._coil_moved)

    def _coil_moved(self, level: bool, at_ns: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
        pulls = level == self._active_high
        if pulls != self.pulled.on:
            self._timer = self._loop.call_later(self._delay_s[pulls], self.pulled.put, pulls)


class Lock:
    """A strike (`power_to_unlock`, on the relay's open contact) or a magnet (`power_to_lock`, on its closed contact).

    So a relay at rest is a locked door for both. The supply may be broken in hardware by a fire panel or an exit
    button, and by a power cut: a magnet then lets go, a strike stays locked.
    """

    def __init__(self, board: Board, *, pin: int, load: Load, active_high: bool = True) -> None:
        self.load: Load = load
        self.released = Wire()
        self.supply = Supply()
        self._relay = Relay(board, pin=pin, active_high=active_high)
        for wire in (self.supply, self._relay.pulled):
            wire.watch(lambda _: self._update())
        self._update()

    @property
    def locked(self) -> bool:
        return not self.released.on

    def view(self) -> dict[str, object]:
        return {
            "kind": "lock",
            "load": self.load,
            "relay": self._relay.pulled.on,
            "locked": self.locked,
            "supply_broken_by": list(self.supply.broken_by),
        }

    def _update(self) -> None:
        wants_relay_on = self.load == "power_to_unlock"
        powered = self.supply.on and self._relay.pulled.on == wants_relay_on
        self.released.put(powered == wants_relay_on)


class PowerContact:
    """The main contact of a relay: it follows the armature unless it has welded or sticks open. ``closed`` tells."""

    def __init__(self, relay: Relay) -> None:
        self.welded = False
        self.stuck_open = False
        self._armature = relay.pulled
        self.closed = Wire(on=relay.pulled.on)
        relay.pulled.watch(lambda _: self._update())

    def weld(self) -> None:
        """It is closed for good, whatever the coil does."""
        self._spoil(welded=True)

    def stick_open(self) -> None:
        """It is open for good, whatever the coil does."""
        self._spoil(stuck_open=True)

    def mend(self) -> None:
        """Somebody fits a new one."""
        self._spoil()

    def view(self) -> dict[str, object]:
        return {
            "coil": self._armature.on,
            "closed": self.closed.on,
            "welded": self.welded,
            "stuck_open": self.stuck_open,
        }

    def _spoil(self, *, welded: bool = False, stuck_open: bool = False) -> None:
        self.welded, self.stuck_open = welded, stuck_open
        self._update()

    def _update(self) -> None:
        self.closed.put(self.welded or (self._armature.on and not self.stuck_open))
