"""A cloud for tests: a link that a test delivers by hand, and the plainest ingest there can be behind it."""

from collections.abc import Callable
from typing import NamedTuple

from contract import codec, topics
from contract.events import CHAIN_START, chain, decode_event
from contract.messages import Ack, EventBatch
from contract.sealing import DeviceKey, DeviceVerifier, Purpose, SyncKey, mac, statement, tip_statement

SITE = "estate"
DEVICE = "gym-01"
DEVICE_KEY = DeviceKey.generate()
SYNC_KEY = SyncKey(bytes(32))


class Disagreement(AssertionError):
    """Cloud and journal do not tell the same story."""


class Message(NamedTuple):
    topic: str
    payload: bytes
    retain: bool = False

    @property
    def channel(self) -> str:
        return self.topic.rpartition("/")[2]


class HandLink:
    """A link whose messages lie in two heaps until the test carries them."""

    def __init__(self) -> None:
        self.up = False
        self.connection = 0
        self.going_up: list[Message] = []
        self.on_up: Callable[[int], object] = lambda connection: None
        self.on_down: Callable[[], object] = lambda: None
        self.on_message: Callable[[str, bytes, bool], object] = lambda topic, payload, retained: None

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        if self.up:
            self.going_up.append(Message(topic, payload, retain))

    def connect(self) -> None:
        if not self.up:
            self.up = True
            self.connection += 1
            self.on_up(self.connection)

    def cut(self) -> None:
        """What is on the way is lost."""
        if self.up:
            self.up = False
            self.going_up.clear()
            self.on_down()


class Ingest:
    """Stores what continues what it has, and acknowledges. ``rows`` are stored bytes by journal and seq."""

    def __init__(self, now_ms: int = 1_800_000_000_000) -> None:
        self.now_ms = now_ms
        self.upto: dict[str, int] = {}
        self.tips: dict[str, bytes] = {}
        self.rows: dict[tuple[str, int], bytes] = {}
        self.replays: dict[int, bool] = {}
        self._verifier = DeviceVerifier(DEVICE_KEY.public())

    def take(self, message: Message) -> bytes:
        """A batch of events; returns the sealed acknowledgement. Raises ``Disagreement`` with what is stored."""
        batch = codec.unpack(message.payload, EventBatch)
        stated = tip_statement(SITE, DEVICE, batch.journal, batch.first, batch.last, batch.tip)
        if not self._verifier.accepts(stated, batch.seal):
            raise Disagreement("the seal is not the device's")
        upto = self.upto.get(batch.journal, 0)
        tip = batch.prev
        for seq, stored in enumerate(batch.events, batch.first):
            tip = chain(tip, stored)
            if decode_event(stored).seq != seq:
                raise Disagreement(f"row {seq} says that it is {decode_event(stored).seq}")
            if self.rows.get((batch.journal, seq), stored) != stored:
                raise Disagreement(f"row {seq} came twice, with another content")
        if tip != batch.tip or batch.last - batch.first + 1 != len(batch.events):
            raise Disagreement(f"rows {batch.first} to {batch.last} do not end in their tip")
        if batch.first > upto + 1:
            return self.ack(batch.journal, rewind=True)
        if batch.first == upto + 1 and batch.prev != self.tips.get(batch.journal, CHAIN_START):
            raise Disagreement(f"row {batch.first} does not continue row {upto}")
        for seq, stored in enumerate(batch.events, batch.first):
            self.rows[batch.journal, seq] = stored
            self.replays.setdefault(seq, batch.replay)
        if batch.last > upto:
            self.upto[batch.journal], self.tips[batch.journal] = batch.last, batch.tip
        return self.ack(batch.journal)

    def ack(self, journal: str, *, rewind: bool = False, upto: int | None = None) -> bytes:
        held = self.upto.get(journal, 0) if upto is None else upto
        return seal_ack(Ack(journal, held, self.now_ms, rewind))


def seal_ack(ack: Ack, *, site: str = SITE, device: str = DEVICE, key: SyncKey = SYNC_KEY) -> bytes:
    body = codec.write(ack)
    return codec.attach(body, mac(key, statement(Purpose.ACK, site, device, body)))


ACK_TOPIC = topics.down(SITE, DEVICE, "ack")
