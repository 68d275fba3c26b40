"""Who is connected to the console: a table with a limit on how many there are and how long they may send nothing.

A stranger needs no login to connect, and every connection takes one of the descriptors that ingest and the line to the
broker need. So there are at most ``most``, and one that has not sent a whole request ``WAITS_MS`` after it was opened,
or after its last answer, is ended; that holds for one that never ends its TLS handshake too. Where there is no room,
the oldest of those that wait goes, of the network that has most of them.
"""

from collections.abc import Callable

from msgspec import Struct

from cloud.web.networks import network_of
from service.crowding import first_of_largest

WAITS_MS = 15_000
"""A request of ours comes in one packet or two; a form of 64 KiB over the slowest line takes ten seconds."""
MAX_CONNECTIONS = 2_500
"""Every viewer of a live page, and some more."""
RESERVED_DESCRIPTORS = 44
"""For the database (15 connections of two files), the broker, the certificates, the log, and what the loop has."""


MAX_ENDING = 4
"""Connections that were ended and still have their descriptor; with more, nobody is let in before they are gone."""


def most_connections(descriptors: int) -> int:
    """How many connections a process with so many descriptors lets in."""
    return max(1, min(MAX_CONNECTIONS, descriptors - RESERVED_DESCRIPTORS))


class Connection(Struct, eq=False):
    """One connection. ``answering``: its request is whole, and the answer, perhaps a live stream, is under way."""

    network: str
    since_ms: int
    end: Callable[[], object]
    answering: bool = False


class Connections:
    """All that are open, by a key of the caller's choosing. Only the loop's thread may use it."""

    def __init__(self, most: int, now_ms: Callable[[], int]) -> None:
        """``now_ms`` is any clock that only goes on."""
        self._most = most
        self.now_ms = now_ms
        self._open: dict[int, Connection] = {}
        self._ending: set[int] = set()
        self.ended = self.refused = 0

    def __len__(self) -> int:
        """How many descriptors they have."""
        return len(self._open) + len(self._ending)

    @property
    def is_crowded(self) -> bool:
        """Whether those that were ended must be gone before the next is let in."""
        return len(self) >= self._most + MAX_ENDING

    def admit(self, key: int, address: str, end: Callable[[], object]) -> bool:
        """Take a new one in, in the place of another if there is no room. False if all of them are being answered."""
        if len(self._open) >= self._most and not self._make_room():
            self.refused += 1
            return False
        self._open[key] = Connection(network_of(address), self.now_ms(), end)
        return True

    def closed(self, key: int) -> None:
        """Its descriptor is free."""
        self._open.pop(key, None)
        self._ending.discard(key)

    def find(self, key: int) -> Connection | None:
        return self._open.get(key)

    def requested(self, connection: Connection) -> None:
        """A whole request has come."""
        connection.answering = True

    def answered(self, connection: Connection) -> None:
        """Its answer has been given: from now on the next request is waited for."""
        if connection.answering:
            connection.answering, connection.since_ms = False, self.now_ms()

    def sweep(self) -> None:
        """End those that have been waited for too long."""
        before_ms = self.now_ms() - WAITS_MS
        for key, one in list(self._open.items()):
            if not one.answering and one.since_ms <= before_ms:
                self._end(key, one)

    def _make_room(self) -> bool:
        waiting = sorted(((one.since_ms, key) for key, one in self._open.items() if not one.answering))
        chosen = first_of_largest(waiting, lambda one: self._open[one[1]].network)
        if chosen is None:
            return False
        self._end(chosen[1], self._open[chosen[1]])
        return True

    def _end(self, key: int, one: Connection) -> None:
        del self._open[key]
        self._ending.add(key)
        self.ended += 1
        one.end()
