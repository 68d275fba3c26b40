"""Devices that ask to be adopted, and wait for an operator who has read their code. Kept in memory only: a device asks
again, and its code stays the same for a day.
"""

import secrets
from collections.abc import Iterator
from threading import Lock

from msgspec import Struct

from cloud.web.networks import network_of
from cloud.web.throttle import Limit, Throttle
from contract.adoption import code_of
from contract.decide import MINUTE_MS
from service.crowding import first_of_largest

WAITS_MS = 15 * MINUTE_MS
MAX_WAITING = 20
MAX_WRONG_CODES = 5
"""A wrong code is told apart from none of those who wait, so it counts against all of them."""
FROM_ONE_ADDRESS = Limit(10, WAITS_MS)
"""New requests; a device that asks again with the same key makes none."""


class NotNow(Exception):
    """No further request is taken; the text says why, and how long to wait."""


class NoSuchCode(Exception):
    """Nobody who waits has this code."""


class SameCode(Exception):
    """Two keys under one code wait: one of them was made to look like the other. Both are refused."""


class Asking(Struct):
    """One device that waits. ``envelope`` is what it is to be sent, once somebody has confirmed its code."""

    id: str
    public_key: bytes
    code: str
    address: str
    asked_ms: int
    wiring: str = ""
    wrong: int = 0
    refused: bool = False
    envelope: bytes = b""

    @property
    def until_ms(self) -> int:
        return self.asked_ms + WAITS_MS


class Adoptions:
    """The devices that wait to be adopted. Any thread may use it; ``now_ms`` is UTC."""

    def __init__(self) -> None:
        self._asking: dict[str, Asking] = {}
        self._lock = Lock()
        self._by_network = Throttle(FROM_ONE_ADDRESS)

    def ask(
        self, public_key: bytes, nonce: bytes, wiring: str, address: str, now_ms: int, known: bool = True
    ) -> Asking:
        """The device's request; a new one if it has none, or was refused, or was answered and is ``known`` no longer.

        Where there is no room, the oldest request of the network that has most gives way. Raises ``NotNow``.
        """
        code, network = code_of(public_key, nonce), network_of(address)
        with self._lock:
            self._sweep(now_ms)
            for asking in self._asking.values():
                stands = known if asking.envelope else asking.code == code and not asking.refused
                if asking.public_key == public_key and stands:
                    return asking
            if self._by_network.blocks(network, now_ms):
                raise NotNow("too many requests from this address: wait a quarter of an hour")
            self._make_room()
            self._by_network.count(network, now_ms)
            made = Asking(secrets.token_hex(16), public_key, code, address, now_ms, wiring)
            self._asking = {
                number: asking for number, asking in self._asking.items() if asking.public_key != public_key
            }
            self._asking[made.id] = made
            return made

    def _make_room(self) -> None:
        """Raises ``NotNow`` where all have been answered and have yet to fetch it."""
        if len(self._asking) < MAX_WAITING:
            return
        unanswered = [asking for asking in self._asking.values() if not asking.envelope]
        chosen = first_of_largest([asking for asking in unanswered if asking.refused] or unanswered, _network)
        if chosen is None:
            raise NotNow("too many devices were adopted in this quarter of an hour: wait one")
        del self._asking[chosen.id]

    def find(self, number: str, now_ms: int) -> Asking | None:
        """A request by its id, or None when it has run out."""
        with self._lock:
            self._sweep(now_ms)
            return self._asking.get(number)

    def waiting(self, now_ms: int) -> list[Asking]:
        """Those whom nobody has answered yet, oldest first."""
        with self._lock:
            self._sweep(now_ms)
            return list(self._open())

    def claim(self, code: str, now_ms: int) -> Asking:
        """The one request with this code. Raises ``NoSuchCode`` or ``SameCode``."""
        with self._lock:
            self._sweep(now_ms)
            matching = [asking for asking in self._open() if asking.code == code]
            if len(matching) > 1:
                for asking in matching:
                    asking.refused = True
                raise SameCode(code)
            if not matching:
                self._count_wrong()
                raise NoSuchCode(code)
            return matching[0]

    def answer(self, asking: Asking, envelope: bytes) -> None:
        """The device may fetch its bundle, until its request runs out."""
        with self._lock:
            asking.envelope = envelope

    def refuse(self, number: str) -> None:
        with self._lock:
            if number in self._asking and not self._asking[number].envelope:
                self._asking[number].refused = True

    def _open(self) -> Iterator[Asking]:
        return (asking for asking in self._asking.values() if not asking.refused and not asking.envelope)

    def _count_wrong(self) -> None:
        for asking in self._open():
            asking.wrong += 1
            asking.refused = asking.wrong >= MAX_WRONG_CODES

    def _sweep(self, now_ms: int) -> None:
        self._asking = {number: asking for number, asking in self._asking.items() if now_ms < asking.until_ms}


def _network(asking: Asking) -> str:
    return network_of(asking.address)
