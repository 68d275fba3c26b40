"""An ingest without threads or a broker, for tests that hand it messages."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from cloud.devices.reactions import Reactions
from cloud.devices.registry import found_site, register
from cloud.devices.tables import quarantine
from cloud.ingest.ingest import Ingest
from cloud.keys.keys import KeyFolder
from cloud.line.broker import Arrived
from cloud.reactions import REACTIONS
from cloud.store.database import Store
from cloud.store.schema import devices, events
from contract import codec, topics
from contract.messages import Ack
from contract.sealing import Purpose, mac_is_good, statement
from tests.cloud.support.sender import SITE, Sender

NOW_MS = 1_700_000_100_000


class World:
    """An ingest on a real database, its clock, and what it sent."""

    def __init__(self, store: Store, keys: KeyFolder) -> None:
        self.store = store
        self.keys = keys
        self.now_ms = NOW_MS
        self.commits = 0
        self.sent: list[tuple[str, bytes]] = []
        self.ingest = self.restarted()
        with store.writing() as connection:
            found_site(connection, SITE, "Asia/Shanghai", "晴苑", "Sunny Court")

    def restarted(
        self,
        kind: type[Ingest] = Ingest,
        send: Callable[[str, bytes], None] | None = None,
        reactions: Reactions = REACTIONS,
    ) -> Ingest:
        return kind(
            self.store,
            site=SITE,
            reactions=reactions,
            sync=self.keys.sync,
            send=send or (lambda topic, payload: self.sent.append((topic, payload))),
            on_commit=self.count_commit,
            clock=lambda: self.now_ms,
        )

    def count_commit(self) -> None:
        self.commits += 1

    def add(self, sender: Sender) -> Sender:
        with self.store.writing() as connection:
            register(connection, sender.name, sender.key.public(), NOW_MS)
        self.keys.make_sync(sender.name)
        return sender

    def take(self, sender: Sender, *payloads: bytes, channel: str = "events", retained: bool = False) -> None:
        self.ingest.commit([arrived(sender.name, channel, payload, retained=retained) for payload in payloads])

    def acks(self) -> list[Ack]:
        """What was acknowledged since the last look; every seal is checked."""
        found = [self.opened(topic, payload) for topic, payload in self.sent]
        self.sent.clear()
        return found

    def opened(self, topic: str, payload: bytes) -> Ack:
        parsed = topics.parse(topic)
        assert parsed is not None
        assert parsed.channel == "ack"
        body, seal = codec.detach(payload)
        key = self.keys.sync(parsed.device)
        assert key is not None
        assert mac_is_good(key, statement(Purpose.ACK, SITE, parsed.device, body), seal)
        return codec.read(body, Ack)

    def rows(self, *columns: Any) -> list[Any]:
        with self.store.reading() as connection:
            return list(connection.execute(select(*columns)).all())

    def stored(self) -> list[bytes]:
        """The bytes of all events in the order of their journals."""
        with self.store.reading() as connection:
            ordered = select(events.c.stored).order_by(events.c.journal_id, events.c.seq)
            return list(connection.execute(ordered).scalars())

    def reasons(self) -> list[str]:
        return [row.why for row in self.rows(quarantine.c.why)]

    def device(self) -> Any:
        return self.rows(devices)[0]


def arrived(device: str, channel: str, payload: bytes, *, retained: bool = False) -> Arrived:
    topic = topics.parse(topics.up(SITE, device, channel))
    assert topic is not None
    return Arrived(topic, payload, retained)
