"""What the viewers of a live page cost the cloud: memory of each, and processor time at one event a second.

The shipped cloud and a real mosquitto as processes, one device that sends, and this program as all viewers: plain
sockets that read the overview's stream, spread over several logins. Beside it stands the same cloud with nobody who
watches. Each stream is opened without a number, as a page does that has just been loaded.
"""

import selectors
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import msgspec
from msgspec import Struct

from benchmarks._machine import cpu_s, describe, resident_mib, work_folder
from benchmarks._report import finish, show
from benchmarks._senders import Device, Sender, make_senders
from benchmarks._town import Town, found_sample, log_in, register, require_mosquitto, town
from cloud.keys.folder import clock
from firmware_sim.worlds.demo.community import SITE

VIEWERS = {0: 0, 1: 1, 100: 100, 1_000: 1_000}
"""How many watch, by the size that a row of the tables is declared with; the control is first."""
LOGINS = 20
STORED = 120
"""Events that are in the database before the first stream: more than a stream's opening holds."""
AT_ONCE = 20
"""Streams that are being opened."""
WATCHED_S = 20.0
SETTLED_S = 3.0
EVENT_EVERY_S = 1.0
PAYLOADS = STORED + len(VIEWERS) * (int(WATCHED_S + SETTLED_S) + 100)


class Seen(Struct):
    """While so many watched: the cloud's memory, more for each than with nobody, its share of a core, and the events
    that the slowest was sent."""

    viewers: int
    memory_mib: float
    share_percent: float
    events: int
    each_kib: float = 0.0


class Audience:
    """So many open streams, and a device that sends an event every second meanwhile."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._waiting = selectors.DefaultSelector()
        self._waiting.register(device.socket, selectors.EVENT_READ)
        self._events: dict[socket.socket, int] = {}
        self._due_s = monotonic()

    def store(self, count: int) -> None:
        """Send so many events at once, and wait for the last acknowledgement."""
        self._device.fill(up_to=count)
        while self._device.acked < count:
            self._waiting.select()
            self._device.read(up_to=count)

    def open(self, port: int, tokens: list[str], count: int) -> None:
        """Open streams, a few at a time, until each of them was sent something."""
        for number in range(count):
            made = socket.create_connection(("127.0.0.1", port))
            token = tokens[number % len(tokens)]
            head = f"GET /live?page=overview HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}"
            made.sendall(f"{head}\r\n\r\n".encode())
            self._events[made] = -1
            self._waiting.register(made, selectors.EVENT_READ, made)
            while sum(events < 0 for events in self._events.values()) >= AT_ONCE:
                self.watch(0.01)
        while self.fewest_events() < 0:
            self.watch(0.1)
        self._events = dict.fromkeys(self._events, 0)

    def close(self) -> None:
        for made in self._events:
            self._waiting.unregister(made)
            made.close()
        self._events.clear()

    def watch(self, seconds: float) -> None:
        """Read what comes. Raises ``ConnectionError`` where a stream ends."""
        until_s = monotonic() + seconds
        while True:
            now_s = monotonic()
            if now_s >= self._due_s:
                self._device.fill(up_to=self._device.sent + 1)
                self._due_s = now_s + EVENT_EVERY_S
            for key, _ in self._waiting.select(max(0.0, min(until_s, self._due_s) - now_s)):
                self._read(key.data)
            if monotonic() >= until_s:
                return

    def fewest_events(self) -> int:
        return min(self._events.values(), default=0)

    def _read(self, stream: socket.socket | None) -> None:
        if stream is None:
            self._device.read(up_to=self._device.sent)
            return
        found = stream.recv(1 << 16)
        if not found:
            raise ConnectionError("a stream has ended")
        if self._events[stream] >= 0 or b"\ndata: " in found:
            self._events[stream] = max(0, self._events[stream]) + found.count(b"\nid: ")


def measure(here: Town, tokens: list[str], sender: Sender) -> list[Seen]:
    device = Device(here.broker.port, SITE, sender.name, sender.payloads, 1)
    device.open_journal()
    audience = Audience(device)
    audience.store(STORED)
    audience.open(here.port, tokens, 1)  # What the first viewer makes the cloud load is no viewer's cost.
    audience.watch(SETTLED_S)
    audience.close()
    seen = []
    for count in VIEWERS.values():
        audience.open(here.port, tokens, count)
        audience.watch(SETTLED_S)
        began, spent = monotonic(), cpu_s(here.cloud.pid)
        audience.watch(WATCHED_S)
        share = (cpu_s(here.cloud.pid) - spent) / (monotonic() - began) * 100
        seen.append(Seen(count, resident_mib(here.cloud.pid), share, audience.fewest_events()))
        audience.close()
    return seen


@contextmanager
def _serving(folder: Path) -> Iterator[tuple[Town, list[str], Sender]]:
    """The cloud with its sender registered, and the tokens of several logins."""
    password = found_sample(folder)
    (sender,) = make_senders(SITE, 1, PAYLOADS, 1, clock())
    register(folder, sender.name, sender.public_key.hex(), folder / "keys")
    with town(folder) as here:
        yield here, [log_in(here, password) for _ in range(LOGINS)], sender


def main() -> None:
    require_mosquitto()
    with work_folder() as name:
        folder = Path(name)
        with _serving(folder) as (here, tokens, sender):
            seen = measure(here, tokens, sender)
        machine = describe(folder)
    nobody = seen[0]
    for one in seen:
        one.each_kib = (one.memory_mib - nobody.memory_mib) * 1024 / max(1, one.viewers)
    show(
        f"Viewers of the overview, an event every {EVENT_EVERY_S:g} s, {len(tokens)} logins",
        ("viewers", "memory MiB", "KiB each", "of a core", "events sent to the slowest"),
        [
            [
                f"{one.viewers:,}",
                f"{one.memory_mib:.0f}",
                f"{one.each_kib:.0f}",
                f"{one.share_percent:.1f} %",
                str(one.events),
            ]
            for one in seen
        ],
    )
    sizes = zip(VIEWERS, seen, strict=True)
    finish("viewers", {str(size): msgspec.structs.asdict(one) for size, one in sizes}, machine)


if __name__ == "__main__":
    main()
