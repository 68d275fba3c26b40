"""5,000 devices that come back at once: from the first connection to the last acknowledgement.

The shipped cloud and a real mosquitto as processes, and in this one all devices: sockets that connect, subscribe, and
send a beat and a batch. A device that is told to come later does so; where nothing comes it sends again after 5 s, 10 s
and so on, as the shipped uplink does. Beside it stand devices of before, which do not know that answer.

`python -m benchmarks.crowd 500` has so many devices.
"""

import selectors
import socket
import sys
from collections.abc import Sequence
from heapq import heappop, heappush
from pathlib import Path
from time import monotonic

from msgspec import Struct

from benchmarks._machine import cpu_s, describe, work_folder
from benchmarks._report import finish, show
from benchmarks._senders import CONNECT, PUBACK, PUBLISH, SUBSCRIBE, Sender, make_senders, packet, packets, text
from benchmarks._town import require_mosquitto, town
from benchmarks.ingest import SITE, found_with
from cloud.keys.folder import clock, make_folder
from cloud.web.web_server import raise_descriptor_limit
from contract import codec, topics
from contract.decide import Trust
from contract.messages import Ack, Beat

DEVICES, BATCH = 5_000, 10
SILENT_S, MAX_SILENT_S = 5.0, 60.0
"""After so long without an answer a device sends again, and each time waits twice as long as before."""
WITHIN_S = 300.0


class Crowd(Struct, frozen=True):
    """How a crowd was served: seconds until half of it and all of it were acknowledged, the cloud's processor time, how
    many answers said *later*, and how often a device sent again for it, or after silence."""

    half_s: float
    all_s: float
    cloud_s: float
    asked: int
    later: int
    silent: int


class Stub:
    """A device with one batch. ``due_s`` is when it sends it again."""

    def __init__(self, port: int, sender: Sender, *, knows_later: bool) -> None:
        self._knows_later = knows_later
        self._batch = _publish(sender.name, "events", sender.payloads[0])
        self._received, self._silences, self._told = b"", 0, False
        self.acked = False
        self.asked = self.later = self.silent = 0
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = sender.name.encode()
        greeting = packet(CONNECT, text(b"MQTT") + b"\x05\x02\x01\x2c\x00" + text(name))
        subscription = packet(
            SUBSCRIBE, b"\x00\x01\x00" + text(topics.down(SITE, sender.name, "ack").encode()) + b"\x01"
        )
        beat = codec.write(Beat(clock(), 1, Trust.SYNCED, BATCH, BATCH, 0, 0))
        self.socket.sendall(greeting + subscription + _publish(sender.name, "beat", beat))
        self.send()

    def send(self) -> None:
        self.socket.sendall(self._batch)
        self._told = False
        self.due_s = monotonic() + min(SILENT_S * 2**self._silences, MAX_SILENT_S)

    def send_again(self) -> None:
        if self._told:
            self.later += 1
        else:
            self.silent += 1
            self._silences += 1
        self.send()

    def read(self) -> None:
        """Raises ``ConnectionError`` if the broker has hung up."""
        found = self.socket.recv(1 << 16)
        if not found:
            raise ConnectionError("the broker has hung up")
        whole, self._received = packets(self._received + found)
        for kind, body in whole:
            if kind & 0xF0 == PUBLISH & 0xF0:
                start = 2 + int.from_bytes(body[:2], "big")
                self.socket.sendall(packet(PUBACK, body[start : start + 2]))
                document, _ = codec.detach(body[start + 3 + body[start + 2] :])
                self._take(codec.read(document, Ack))

    def _take(self, ack: Ack) -> None:
        self.acked = self.acked or ack.upto == BATCH
        if ack.later_ms:
            self.asked += 1
        if ack.later_ms and self._knows_later and not self._told:
            self._told, self.due_s = True, monotonic() + ack.later_ms / 1000


def _publish(name: str, channel: str, payload: bytes) -> bytes:
    return packet(PUBLISH, text(topics.up(SITE, name, channel).encode()) + b"\x00\x02\x00" + payload)


def come_at_once(port: int, senders: Sequence[Sender], *, knows_later: bool) -> tuple[list[Stub], list[float]]:
    """All devices, and when each was acknowledged. Raises ``TimeoutError`` if that takes too long."""
    began_s, waiting = monotonic(), selectors.DefaultSelector()
    stubs: list[Stub] = []
    acked_s: list[float] = []
    due: list[tuple[float, int]] = []
    unasked = iter(senders)
    while len(acked_s) < len(senders):
        now_s = monotonic()
        if now_s > began_s + WITHIN_S:
            raise TimeoutError(f"{len(senders) - len(acked_s)} devices were not acknowledged")
        sender = next(unasked, None)
        if sender is not None:
            made = Stub(port, sender, knows_later=knows_later)
            stubs.append(made)
            waiting.register(made.socket, selectors.EVENT_READ, len(stubs) - 1)
            heappush(due, (made.due_s, len(stubs) - 1))
        for key, _ in waiting.select(0 if sender is not None else 0.02):
            stub = stubs[key.data]
            known, before_s = stub.acked, stub.due_s
            stub.read()
            if stub.acked and not known:
                acked_s.append(monotonic() - began_s)
            elif stub.due_s != before_s:
                heappush(due, (stub.due_s, key.data))
        while due and due[0][0] <= now_s:
            at_s, number = heappop(due)
            if not stubs[number].acked and stubs[number].due_s == at_s:
                stubs[number].send_again()
                heappush(due, (stubs[number].due_s, number))
    return stubs, acked_s


def measure(folder: Path, senders: Sequence[Sender], *, knows_later: bool) -> Crowd:
    folder.mkdir()
    with make_folder(folder / "cloud") as (store, keys):
        found_with(store, keys, senders)
    with town(folder) as here:
        spent_s = cpu_s(here.cloud.pid)
        stubs, acked_s = come_at_once(here.broker.port, senders, knows_later=knows_later)
        spent_s = cpu_s(here.cloud.pid) - spent_s
        for stub in stubs:
            stub.socket.close()
    counted = (sum(getattr(stub, name) for stub in stubs) for name in ("asked", "later", "silent"))
    return Crowd(acked_s[len(acked_s) // 2], acked_s[-1], spent_s, *counted)


def main(count: int = 0) -> None:
    require_mosquitto()
    count = count or DEVICES
    raise_descriptor_limit()
    senders = make_senders(SITE, count, 1, BATCH, clock())
    with work_folder() as name:
        told = measure(Path(name) / "told", senders, knows_later=True)
        before = measure(Path(name) / "before", senders, knows_later=False)
        machine = describe(Path(name))
    show(
        f"{count:,} devices at once, a batch of {BATCH} events each",
        (
            "devices",
            "half s",
            "all s",
            "cloud's processor time s",
            "answers: later",
            "sent again for it",
            "for silence",
        ),
        [
            [
                name,
                *(f"{one:.1f}" for one in (crowd.half_s, crowd.all_s, crowd.cloud_s)),
                *map(str, (crowd.asked, crowd.later, crowd.silent)),
            ]
            for name, crowd in (("of today", told), ("of before", before))
        ],
    )
    figures = {
        name: {field: round(getattr(crowd, field), 2) for field in Crowd.__struct_fields__}
        for name, crowd in (("told", told), ("before", before))
    }
    finish("crowd", figures, machine)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
