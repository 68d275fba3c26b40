"""The channels between one device and its cloud: each message under its topic, sealed where it must be believed.

Below them is a link that may lose, repeat and delay: nothing rests on its word.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct
from msgspec.structs import replace

from contract import codec, topics
from contract.messages import EventBatch
from contract.sealing import DeviceKey, Purpose, seal, tip_statement, unseal


class Link(Protocol):
    """A connection to the broker that comes and goes. Its callbacks run on the loop, one at a time.

    ``on_up`` is given the connection's number, which counts up over restarts. ``on_message`` is given topic, payload,
    and whether the broker had kept the message from earlier.
    """

    on_up: Callable[[int], object]
    on_down: Callable[[], object]
    on_message: Callable[[str, bytes, bool], object]

    @property
    def up(self) -> bool:
        """Whether there is a broker now."""

    @property
    def why_down(self) -> str:
        """Why there is none, empty while there is."""

    @property
    def faults(self) -> int:
        """How often a callback has raised, which the link survives."""

    @property
    def oversized(self) -> int:
        """How many messages were too large to be heard."""

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Hand a message to the broker if the link is up; otherwise it is dropped."""

    def again(self) -> None:
        """Let go of the broker, and connect anew."""


class Sending(NamedTuple):
    """How the messages of a channel are sent: under which seal, and what the broker is asked for."""

    purpose: Purpose | None = None
    qos: int = 0
    retain: bool = False


SENDINGS: Mapping[str, Sending] = {
    "state": Sending(Purpose.STATE, 1, retain=True),
    "beat": Sending(),
    "live": Sending(),
    "want": Sending(qos=1),
    "reported": Sending(Purpose.REPORTED, 1, retain=True),
    "result": Sending(Purpose.RESULT, 1),
    "renew": Sending(Purpose.RENEW, 1),
    "usage": Sending(Purpose.USAGE, 1),
    "room": Sending(Purpose.ROOM, 1),
}


class DocumentRefused(Exception):
    """A document from the cloud is not to be taken. ``why`` is the word for it, the text may say more."""

    def __init__(self, why: str, detail: str = "") -> None:
        super().__init__(detail or why)
        self.why = why


class SealedChannel:
    """The way of one device to its cloud, with the seals of both. What is published without a link is dropped."""

    def __init__(self, link: Link, site: str, device: str, key: DeviceKey) -> None:
        self.link, self.site, self.device, self.key = link, site, device, key

    def publish(self, channel: str, message: Struct) -> None:
        """Send a document on one of ``SENDINGS``."""
        sending, body = SENDINGS[channel], codec.write(message)
        if sending.purpose is not None:
            body = seal(self.key.sign, sending.purpose, self.site, self.device, body)
        self._send(channel, body, sending.qos, retain=sending.retain)

    def publish_events(self, batch: EventBatch, gaps: Sequence[bytes]) -> None:
        """Send rows of a journal. The seal, which stands within the batch, is for the last link of their chain."""
        stated = tip_statement(self.site, self.device, batch.journal, batch.first, batch.last, batch.tip, gaps)
        self._send("events", codec.pack(replace(batch, seal=self.key.sign(stated))), 1)

    def unseal(self, accepts: Callable[[bytes, bytes], bool], purpose: Purpose, payload: bytes) -> bytes:
        """The body of what the cloud has sealed for this device. Raises ``BadSeal`` or another ``Malformed``."""
        return unseal(accepts, purpose, self.site, self.device, payload)

    def _send(self, channel: str, payload: bytes, qos: int, *, retain: bool = False) -> None:
        self.link.publish(topics.up(self.site, self.device, channel), payload, qos=qos, retain=retain)
