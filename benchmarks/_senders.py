"""Devices as their cloud sees them: keys, journals, signed batches; and, for the wire, their MQTT 5 in plain bytes.

The batches are made before the clock runs, and a device on the wire is one socket that publishes them and reads its
acknowledgements: what is measured is the other side.
"""

import secrets
import selectors
import socket
from collections.abc import Mapping, Sequence
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from time import monotonic

from msgspec import Struct

from contract import codec, topics
from contract.decide import Trust
from contract.events import CHAIN_START, Event, chain, encode_event
from contract.messages import Ack, EventBatch
from contract.sealing import DeviceKey, tip_statement

BOOT = "0f1e2d3c"
DATA = {
    "reason": "allowed",
    "digest": "00112233445566778899aabbccddeeff",
    "facts": bytes.fromhex("01050000000700006e2d0000010036ee800e1001"),
}
"""Of an event at a door, with its holder."""
WINDOW = 4
"""Batches of one device under way at once, as in the shipped uplink."""
SILENT_S = 30.0
CONNECT, PUBLISH, PUBACK, SUBSCRIBE = 0x10, 0x32, 0x40, 0x82


class Sender(Struct):
    """A device with everything it will send: one payload a batch."""

    name: str
    public_key: bytes
    payloads: list[bytes]


def make_senders(
    site: str,
    count: int,
    batches: int,
    batch: int,
    now_ms: int,
    *,
    kind: str = "access.allowed",
    data: Mapping[str, object] = DATA,
) -> list[Sender]:
    """``kind`` and ``data`` are those of every event; each has a holder besides."""
    recorded = kind, data
    return [_make(site, f"device-{number}", batches, batch, now_ms, recorded) for number in range(count)]


def _make(
    site: str, name: str, batches: int, batch: int, now_ms: int, recorded: tuple[str, Mapping[str, object]]
) -> Sender:
    key, journal, tip = DeviceKey.generate(), secrets.token_hex(8), CHAIN_START
    payloads = []
    for first in range(1, batches * batch + 1, batch):
        prev, events = tip, []
        for seq in range(first, first + batch):
            data = {**recorded[1], "holder": f"{seq % 1000:016x}"}
            event = Event(seq, now_ms + seq, 1000 * seq, BOOT, Trust.SYNCED, name, recorded[0], data)
            events.append(encode_event(event))
            tip = chain(tip, events[-1])
        last = first + batch - 1
        seal = key.sign(tip_statement(site, name, journal, first, last, tip))
        payloads.append(codec.pack(EventBatch(1, journal, first, last, prev, tip, False, events, seal)))
    return Sender(name, key.public(), payloads)


class Device:
    """One sender's connection. ``acked`` counts the batches that the cloud says it has committed."""

    def __init__(self, port: int, site: str, name: str, payloads: Sequence[bytes], batch: int) -> None:
        self.acked = self.sent = 0
        self.total = len(payloads)
        self._batch, self._payloads = batch, payloads
        self._topic = topics.up(site, name, "events").encode()
        self._heard = b""
        self.socket = connected(port, name, topics.down(site, name, "ack"))
        self.socket.setblocking(False)
        self._unsent = b""

    def open_journal(self) -> None:
        """Send the first batch, and wait until it is acknowledged."""
        self.fill(up_to=1)
        self.socket.setblocking(True)
        while self.acked == 0:
            self.write()
            self.read(up_to=1)
        self.write()
        self.socket.setblocking(False)

    def fill(self, up_to: int | None = None) -> None:
        """Keep as many batches under way as the uplink would."""
        up_to = self.total if up_to is None else up_to
        while self.sent < up_to and self.sent - self.acked < WINDOW:
            number = (self.sent + 1).to_bytes(2, "big")
            self._unsent += packet(PUBLISH, text(self._topic) + number + b"\x00" + self._payloads[self.sent])
            self.sent += 1
        self.write()

    def write(self) -> None:
        if self._unsent:
            try:
                self._unsent = self._unsent[self.socket.send(self._unsent) :]
            except BlockingIOError:
                return

    def read(self, up_to: int | None = None) -> None:
        """Take what has come: acknowledgements of the cloud are answered, the broker's own mean nothing."""
        found = self.socket.recv(1 << 16)
        if not found:
            raise ConnectionError("the broker has hung up")
        whole, self._heard = packets(self._heard + found)
        for kind, body in whole:
            if kind & 0xF0 == PUBLISH & 0xF0:
                start = 2 + int.from_bytes(body[:2], "big")
                self._unsent += packet(PUBACK, body[start : start + 2])
                document, _ = codec.detach(body[start + 3 + body[start + 2] :])
                self.acked = max(self.acked, codec.read(document, Ack).upto // self._batch)
        self.fill(up_to)

    @property
    def wants_to_write(self) -> bool:
        return bool(self._unsent)


def connected(port: int, name: str, topic: str) -> socket.socket:
    """A client of that name, subscribed to the topic."""
    made = socket.create_connection(("127.0.0.1", port))
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.sendall(packet(CONNECT, text(b"MQTT") + b"\x05\x02\x00\x3c\x00" + text(name.encode())))
    made.recv(256)
    made.sendall(packet(SUBSCRIBE, b"\x00\x01\x00" + text(topic.encode()) + b"\x01"))
    return made


def packets(heard: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The whole MQTT packets in what was heard, each as its kind and body, and what is left over."""
    found = []
    while len(heard) > 1:
        length, place = 0, 1
        while place < len(heard):
            length |= (heard[place] & 0x7F) << 7 * (place - 1)
            place += 1
            if heard[place - 1] < 0x80:
                break
        else:
            break
        if len(heard) < place + length:
            break
        found.append((heard[0], heard[place : place + length]))
        heard = heard[place + length :]
    return found, heard


def send_all(port: int, site: str, senders: Sequence[Sender], batch: int, go: Barrier, done: "Queue[float]") -> None:
    """Connect every device, wait for ``go``, send everything, and say when the last batch was acknowledged.

    For a process of its own. Raises ``TimeoutError`` if the cloud falls silent.
    """
    devices = [Device(port, site, one.name, one.payloads, batch) for one in senders]
    waiting = selectors.DefaultSelector()
    for device in devices:
        waiting.register(device.socket, selectors.EVENT_READ, device)
    for device in devices:
        device.open_journal()
    go.wait()
    for device in devices:
        device.fill()
    while any(device.acked < device.total for device in devices):
        for device in devices:
            device.write()
        ready = waiting.select(SILENT_S if not any(device.wants_to_write for device in devices) else 0.001)
        if not ready and not any(device.wants_to_write for device in devices):
            raise TimeoutError("the cloud has fallen silent")
        for key, _ in ready:
            key.data.read()
    done.put(monotonic())


def text(content: bytes) -> bytes:
    return len(content).to_bytes(2, "big") + content


def packet(kind: int, body: bytes) -> bytes:
    length, head = len(body), bytearray([kind])
    while True:
        length, low = divmod(length, 128)
        head.append(low | (0x80 if length else 0))
        if not length:
            return bytes(head) + body
