"""A cloud for tests: a link that a test delivers by hand, and the plainest ingest there can be behind it."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from contract import codec, topics
from contract.events import CHAIN_START, chain, decode_event, read_gap
from contract.messages import Ack, EventBatch
from contract.sealing import DeviceKey, DeviceVerifier, Purpose, SyncKey, mac, statement, tip_statement
from edge.link.sealed_channel import SealedChannel

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
        self.connection = self.faults = self.oversized = 0
        self.going_up: list[Message] = []
        self.why_down = "not connected yet"
        self.on_up: Callable[[int], object] = lambda connection: None
        self.on_down: Callable[[], object] = lambda: None
        self.on_message: Callable[[str, bytes, bool], object] = lambda topic, payload, retained: None

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        if self.up:
            self.going_up.append(Message(topic, payload, retain))

    def again(self) -> None:
        self.cut()
        self.connect()

    def connect(self) -> None:
        if not self.up:
            self.up, self.why_down = True, ""
            self.connection += 1
            self.on_up(self.connection)

    def cut(self) -> None:
        """What is on the way is lost."""
        if self.up:
            self.up = False
            self.going_up.clear()
            self.on_down()


class OneWayLink(HandLink):
    """A link that is always up, and hands on what is published."""

    def __init__(self, published: Callable[[bytes], object]) -> None:
        super().__init__()
        self.connect()
        self._published = published

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        self._published(payload)


def channel_over(link: HandLink) -> SealedChannel:
    """The channel of the one device that tests know."""
    return SealedChannel(link, SITE, DEVICE, DEVICE_KEY)


FATES = ("carry", "carry", "double", "lose")


class Carry(Protocol):
    def __call__(self, index: int, *, leave: bool) -> None: ...


def befall(heap: list[Any], index: int, fate: str, carry: Carry) -> None:
    """What a bad line does with one of the messages on the way: it arrives, it arrives and is there still, or it is
    lost."""
    if heap:
        index %= len(heap)
        if fate == "lose":
            heap.pop(index)
        else:
            carry(index, leave=fate == "double")


class Ingest:
    """Stores what continues what it has, and acknowledges. ``rows`` are stored bytes by journal and seq; ``lost`` are
    the rows that were new to it as parts of gaps."""

    def __init__(self, now_ms: int = 1_800_000_000_000) -> None:
        self.now_ms = now_ms
        self.upto: dict[str, int] = {}
        self.tips: dict[str, bytes] = {}
        self.rows: dict[tuple[str, int], bytes] = {}
        self.lost: set[tuple[str, int]] = set()
        self.replays: dict[int, bool] = {}
        self._verifier = DeviceVerifier(DEVICE_KEY.public())

    def take(self, message: Message) -> bytes:
        """A batch of events; returns the sealed acknowledgement. Raises ``Disagreement`` with what is stored."""
        batch = codec.unpack(message.payload, EventBatch)
        gaps = [stored for stored in batch.events if read_gap(stored)]
        stated = tip_statement(SITE, DEVICE, batch.journal, batch.first, batch.last, batch.tip, gaps)
        if not self._verifier.accepts(stated, batch.seal):
            raise Disagreement("the seal is not the device's")
        upto, stored_tip = self.upto.get(batch.journal, 0), self.tips.get(batch.journal, CHAIN_START)
        links, spans = {batch.first - 1: batch.prev}, []
        last, tip = batch.first - 1, batch.prev
        for stored in batch.events:
            gap = read_gap(stored)
            if gap is not None and gap.first != last + 1:
                raise Disagreement(f"a gap of rows {gap.first} to {gap.last} behind row {last}")
            first, last = last + 1, gap.last if gap else last + 1
            tip = links[last] = bytes.fromhex(gap.tip_after) if gap else chain(tip, stored)
            spans.append((first, last, stored, gap is not None))
            if decode_event(stored).seq != last:
                raise Disagreement(f"row {last} says that it is {decode_event(stored).seq}")
        if tip != batch.tip or last != batch.last:
            raise Disagreement(f"rows {batch.first} to {batch.last} do not end in their tip")
        if batch.first > upto + 1:
            return self.ack(batch.journal, rewind=True)
        if links.get(upto, stored_tip) != stored_tip:
            raise Disagreement(f"rows {batch.first} to {batch.last} do not continue row {upto}")
        for first, last, stored, is_gap in spans:
            if is_gap:
                lost = range(max(first, upto + 1), last + 1)
                self.lost |= {(batch.journal, seq) for seq in lost}
            elif last > upto:
                self.rows[batch.journal, last] = stored
                self.replays.setdefault(last, batch.replay)
            elif self.rows.get((batch.journal, last), stored) != stored:
                raise Disagreement(f"row {last} came twice, with another content")
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
