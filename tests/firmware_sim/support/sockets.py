"""A socket on a board of its own, with its relay's pin in reach."""

import asyncio

from firmware_sim.board.board import Board
from firmware_sim.parts.bank import Contactor
from firmware_sim.parts.battery import APPLIANCES
from firmware_sim.parts.charger import Socket
from firmware_sim.parts.contact import Signal
from firmware_sim.parts.wire import Mains

RELAY, CONTACTOR, FEEDBACK, PLUG, LEAKAGE = 17, 22, 23, 24, 25


class Place:
    """One socket, with everything that a socket may have, behind a contactor if `banked`."""

    def __init__(self, *, banked: bool = False) -> None:
        self.board = Board(asyncio.get_running_loop(), seed=1, pulls={RELAY: "down", CONTACTOR: "down"})
        for pin in (FEEDBACK, PLUG, LEAKAGE):
            self.board.pin(pin).configure("host", output=None, pull="up")
        self.mains = Mains(self.board.loop)
        feedback = Signal(self.board, pin=FEEDBACK, name="feedback")
        self.contactor = Contactor(self.board, pin=CONTACTOR, feedback=feedback)
        self.socket = Socket(
            self.board,
            relay_pin=RELAY,
            mains=self.mains,
            upstream=self.contactor if banked else None,
            plug=Signal(self.board, pin=PLUG, name="plug"),
            leakage=Signal(self.board, pin=LEAKAGE, name="leakage"),
        )

    def plug_in(self, what: str, charge: float = 0.2) -> None:
        self.socket.plug_in(APPLIANCES[what](charge))

    async def drive(self, pin: int, on: bool) -> None:
        """Move a pin and wait until relay, contactor and contacts have followed."""
        self.board.pin(pin).drive(on)
        await asyncio.sleep(0.1)

    async def warm_to(self, target_c: float, *, patience_s: float = 7200) -> float:
        """Seconds until the socket is so hot, or infinity."""
        loop = self.board.loop
        began_s = loop.time()
        while loop.time() - began_s < patience_s:
            await asyncio.sleep(1)
            if self.socket.temperature_c >= target_c:
                return loop.time() - began_s
        return float("inf")
