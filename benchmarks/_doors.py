"""Many doors that hear of a roster: each a socket with its own MQTT connection, all in a process of their own.

They fetch no page and open nothing; they note when a manifest came, and what it and the pages ahead of it weighed.
"""

import multiprocessing
import re
import selectors
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.queues import Queue
from time import monotonic_ns

from msgspec import Struct

from benchmarks._senders import PUBACK, PUBLISH, connected, packet, packets
from contract import topics

WITHIN_S = 60.0
_NUMBER = re.compile(rb'"number":(\d+)')


class Heard(Struct, frozen=True):
    """A roster has reached every door. ``at_ns`` is when, door by door; ``size`` the bytes that one of them got."""

    number: int
    at_ns: list[int]
    size: int


class Doors:
    """The doors from outside their process."""

    def __init__(self, told: "Queue[Heard]") -> None:
        self._told = told

    def await_roster(self, number: int) -> Heard:
        """Raises ``queue.Empty`` if it does not come."""
        while True:
            heard = self._told.get(timeout=WITHIN_S)
            if heard.number >= number:
                return heard


@contextmanager
def doors(port: int, site: str, names: Sequence[str], *, channel: str = "roster") -> Iterator[Doors]:
    """Connect them all; each hears the retained roster first, or what else is numbered on the ``channel``."""
    context = multiprocessing.get_context("spawn")
    told: Queue[Heard] = context.Queue()
    process = context.Process(target=_listen, args=(port, site, names, channel, told), daemon=True)
    process.start()
    try:
        yield Doors(told)
    finally:
        process.terminate()
        process.join()


def _listen(port: int, site: str, names: Sequence[str], channel: str, told: "Queue[Heard]") -> None:
    waiting = selectors.DefaultSelector()
    rest: dict[int, bytes] = {}
    for place, name in enumerate(names):
        made = connected(port, f"{name}-hears", topics.down(site, name, "+"))
        waiting.register(made, selectors.EVENT_READ, place)
        rest[place] = b""
    came: dict[int, list[int]] = defaultdict(list)
    ending = f"/{channel}".encode()
    size = 0
    while True:
        for key, _ in waiting.select():
            place, line = key.data, key.fileobj
            whole, rest[place] = packets(rest[place] + line.recv(1 << 18))  # type: ignore[union-attr]
            for kind, body in whole:
                if kind & 0xF0 != PUBLISH & 0xF0:
                    continue
                start = 2 + int.from_bytes(body[:2], "big")
                if kind & 0x06:
                    line.sendall(packet(PUBACK, body[start : start + 2]))  # type: ignore[union-attr]
                size += len(body) if place == 0 else 0
                if body[:start].endswith(ending) and (found := _NUMBER.search(body)):
                    number = int(found[1])
                    came[number].append(monotonic_ns())
                    if len(came[number]) == len(names):
                        told.put(Heard(number, came.pop(number), size))
                        size = 0
