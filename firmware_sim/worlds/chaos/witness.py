"""Listens on the cables of a town: what the devices send, and what the cloud promises them.

It reads MQTT and the messages by itself, so that no fault of the code it watches can hide in it.
"""

import json
from collections.abc import Callable, Iterator

import msgspec

PUBLISH = 3
"""The type of packet that carries a message, in the upper half of its first byte."""


class Stream:
    """Cuts what one end of an MQTT 5 connection sends into the messages it publishes."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        """The topics and payloads that these bytes complete."""
        self._kept += data
        while (head := _length(self._kept, 1)) is not None:
            size, start = head
            if len(self._kept) < start + size:
                return
            kind, body = self._kept[0], bytes(self._kept[start : start + size])
            del self._kept[: start + size]
            if kind >> 4 == PUBLISH:
                yield _message(body, qos=(kind >> 1) & 3)


def _length(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """A variable byte integer, and where it ends; None if it is not all there."""
    value = 0
    for place in range(4):
        if at + place >= len(data):
            return None
        byte = data[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("not MQTT: a length of more than four bytes")


def _message(body: bytes, qos: int) -> tuple[str, bytes]:
    end = 2 + int.from_bytes(body[:2])
    properties = _length(body, end + (2 if qos else 0))
    if properties is None:
        raise ValueError("not MQTT 5: no properties")
    size, start = properties
    return body[2:end].decode(), body[start + size :]


class Witness:
    """``promised`` holds, by device and journal, up to where the cloud has promised; ``sent`` and ``resent`` count the
    rows that devices sent, and those among them that they had sent before. ``on_promise`` is called at each promise of
    more than before, and before anybody else has it; ``on_command`` at each command, with its device, topic and
    payload. ``commands`` are their ids."""

    def __init__(self) -> None:
        self.promised: dict[tuple[str, str], int] = {}
        self.sent = 0
        self.resent = 0
        self.commands: set[str] = set()
        self.on_promise: Callable[[], object] = lambda: None
        self.on_command: Callable[[str, str, bytes], object] = lambda device, topic, payload: None
        self._furthest: dict[tuple[str, str], int] = {}

    def listen(self) -> Callable[[bytes], None]:
        """An ear for a new connection."""
        stream = Stream()

        def hear(data: bytes) -> None:
            for topic, payload in stream.feed(data):
                self._hear(topic, payload)

        return hear

    def _hear(self, topic: str, payload: bytes) -> None:
        *_, device, way, channel = topic.split("/")
        if (way, channel) == ("dn", "ack"):
            said = json.loads(payload.partition(b"\n")[0])
            journal, upto = said["journal"], said["upto"]
            if upto > self.promised.get((device, journal), 0):
                self.promised[device, journal] = upto
                self.on_promise()
        elif (way, channel) == ("dn", "command"):
            self.commands.add(json.loads(payload.partition(b"\n")[0])["id"])
            self.on_command(device, topic, payload)
        elif (way, channel) == ("up", "events"):
            _, journal, first, last, *_ = msgspec.msgpack.decode(payload)
            self._count(device, journal, first, last)

    def _count(self, device: str, journal: str, first: int, last: int) -> None:
        before = self._furthest.get((device, journal), 0)
        self.sent += last - first + 1
        self.resent += max(0, min(last, before) - first + 1)
        self._furthest[device, journal] = max(before, last)
