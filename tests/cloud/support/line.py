"""A device's end of a real connection: what it publishes, and what it hears, in order."""

from collections.abc import Iterator
from contextlib import contextmanager
from queue import Queue

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from contract import topics
from tests.cloud.support.sender import SITE

PATIENCE_S = 30
"""How long a test waits for what must come before it fails."""


class DeviceLine:
    def __init__(self, name: str, client: Client) -> None:
        self.name = name
        self._client = client
        self._heard: Queue[tuple[str, bytes]] = Queue()
        client.on_message = self._hear

    def _hear(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        topic = topics.parse(message.topic)
        if topic is not None:
            self._heard.put((topic.channel, bytes(message.payload)))

    def publish(self, channel: str, payload: bytes, *, retain: bool = False) -> None:
        sent = self._client.publish(topics.up(SITE, self.name, channel), payload, qos=1, retain=retain)
        sent.wait_for_publish(PATIENCE_S)

    def hear(self, channel: str) -> bytes:
        """The next payload of that channel; others before it are passed over."""
        while True:
            found, payload = self._heard.get(timeout=PATIENCE_S)
            if found == channel:
                return payload


@contextmanager
def connected(name: str, port: int, *, will: bytes | None = None) -> Iterator[DeviceLine]:
    """A device on the broker. Left by an exception, it dies without a word and the broker speaks its will."""
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    line = DeviceLine(name, client)
    if will is not None:
        client.will_set(topics.up(SITE, name, "state"), will, qos=1, retain=True)
    subscribed: Queue[None] = Queue()
    client.on_subscribe = lambda *_: subscribed.put(None)
    client.connect("127.0.0.1", port, properties=Properties(PacketTypes.CONNECT))  # type: ignore[no-untyped-call]
    client.subscribe(topics.down(SITE, name, "+"), qos=1)
    client.loop_start()
    subscribed.get(timeout=PATIENCE_S)
    try:
        yield line
        client.disconnect()
    finally:
        client.loop_stop()
        socket = client.socket()
        if socket is not None:
            socket.close()
