"""The cloud's connection to the MQTT broker: what comes in is handed on at once, what goes out may be lost."""

import logging
import socket
import ssl
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from threading import RLock
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from contract import topics
from contract.messages import MAX_BATCH_BYTES
from contract.topics import Topic

log = logging.getLogger(__name__)

KEEPALIVE_S = 15
RECONNECT_MIN_S, RECONNECT_MAX_S = 1, 30
MAX_ARRIVING_BYTES = 2 * MAX_BATCH_BYTES
"""No message of a device is larger. A broker that knows this limit does not deliver one; of another it is dropped,
before a thousand such messages wait in memory."""
MAX_PACKET_BYTES = MAX_ARRIVING_BYTES + 1024
"""The largest message and its topic."""
READ_BYTES = 64 * 1024
MAX_OUTGOING = 10_000
"""Messages that wait for a broker which does not take them. More are dropped: devices ask again."""


class Arrived(NamedTuple):
    """A message from a device, as the broker delivered it. ``retained``: the broker had kept it from earlier."""

    topic: Topic
    payload: bytes
    retained: bool


class Publish(Protocol):
    """The function that hands a message to the broker."""

    def __call__(self, topic: str, payload: bytes, *, retain: bool = False) -> None: ...


class BrokerAddress(NamedTuple):
    """Where the broker listens, and whether it speaks TLS."""

    host: str
    port: int
    tls: bool


class BadAddress(ValueError):
    """The text is no address of a broker that may be used; it says why."""


def parse_address(url: str) -> BrokerAddress:
    """``mqtt://127.0.0.1:1883`` or ``mqtts://host:8883``. Raises ``BadAddress``: without TLS only loopback will do."""
    if "@" in url:
        raise BadAddress("--broker: names and passwords are not used: the cloud shows its certificate; write no @")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as wrong:
        raise BadAddress(f"{url}: {wrong}; write mqtt://127.0.0.1:1883 or mqtts://HOST:8883") from None
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise BadAddress(f"{url}: write mqtt://127.0.0.1:1883 or mqtts://HOST:8883")
    tls = parts.scheme == "mqtts"
    if not tls and not _is_loopback(parts.hostname):
        raise BadAddress(f"{url}: only 127.0.0.1 or [::1] may go without TLS; write mqtts://{parts.hostname}")
    return BrokerAddress(parts.hostname, port or (8883 if tls else 1883), tls)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class _Client(Client):
    """paho's client, which takes part in the contest for Python's lock less often: each call of a socket gives the lock
    away, and a thread that computes keeps it for ``sys.getswitchinterval``. It reads whatever has come at once, where
    paho asks for a packet in four pieces; and the thread that publishes may write by itself."""

    def __init__(self) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        self._using_socket = RLock()
        self._received = memoryview(b"")

    def forget_received(self) -> None:
        """To be called for every new connection."""
        self._received = memoryview(b"")

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        done = super().loop_read(max_packets)
        while done == MQTTErrorCode.MQTT_ERR_SUCCESS and self._received:  # of which select knows nothing
            done = super().loop_read(max_packets)
        return done

    def loop_write(self) -> MQTTErrorCode:
        with self._using_socket:
            return super().loop_write()

    def _sock_recv(self, bufsize: int) -> bytes:
        if not self._received:
            with self._using_socket:
                self._received = memoryview(super()._sock_recv(READ_BYTES))
        chunk, self._received = self._received[:bufsize], self._received[bufsize:]
        return bytes(chunk)


class Broker:
    """An MQTT 5 connection that comes back by itself. paho's own thread calls ``arrived`` and ``connected``, which
    must only hand on. What they raise ends here: ``faults`` counts it, and ``oversized`` what was too large to take."""

    def __init__(
        self,
        address: BrokerAddress,
        filters: Iterable[str],
        arrived: Callable[[Arrived], None],
        connected: Callable[[], None] = lambda: None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``tls`` says who we are and whom we believe, at a broker under TLS; without it any public authority does."""
        self._address = address
        self._filters = [(name, SubscribeOptions(qos=1)) for name in filters]
        self.faults = self.oversized = 0
        self._arrived = arrived
        self._connected = connected
        self._accepts, self._refusal = False, ""
        self._client = client = _Client()
        client.max_queued_messages_set(MAX_OUTGOING)
        client.reconnect_delay_set(RECONNECT_MIN_S, RECONNECT_MAX_S)
        if address.tls:
            client.tls_set_context(tls or ssl.create_default_context())
        client.on_socket_open = self._on_socket_open
        client.on_socket_close = self._on_socket_close
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message

    def start(self) -> None:
        """Connect now, or as soon as there is a broker."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.MaximumPacketSize = MAX_PACKET_BYTES
        self._client.connect_async(
            self._address.host, self._address.port, KEEPALIVE_S, clean_start=True, properties=properties
        )
        self._client.loop_start()

    def stop(self) -> None:
        """For good."""
        client = self._client
        client.disconnect()
        client.loop_stop()
        # They hold this object, which holds the client: in a circle paho could not close its sockets in their turn.
        client.on_socket_open = client.on_socket_close = client.on_connect = client.on_disconnect = None
        client.on_message = None

    @property
    def is_connected(self) -> bool:
        return bool(self._client.is_connected())

    @property
    def trouble(self) -> str:
        """Why there is no connection and what to look at; empty while the broker has greeted us."""
        where = f"the broker at {self._address.host}:{self._address.port}"
        if self.is_connected:
            return ""
        if self._refusal:
            return f"{where} refuses this connection: {self._refusal}"
        if self._accepts:
            return f"{where} takes the connection and does not greet: is it an MQTT 5 broker?"
        return f"{where} cannot be reached: is it running?"

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hand a message to the broker, at least once while the connection lasts. Any thread may call this."""
        if self.is_connected:
            self._client.publish(topic, payload, qos=1, retain=retain)
            self._client.loop_write()  # here and now: paho's own thread may have to wait for its turn

    def _on_socket_open(self, _client: Client, _data: object, opened: Any) -> None:
        self._accepts = True
        self._client.forget_received()
        # Small acks must not wait for one another: 17 ms became 1.4 ms with this at both ends.
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _on_socket_close(self, _client: Client, _data: object, _closed: object) -> None:
        self._accepts = False

    def _on_connect(
        self, client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._refusal = str(reason) if reason.is_failure else ""
        if reason.is_failure:
            log.error("the broker refuses the cloud: %s", reason)
            return
        client.subscribe(self._filters)
        self._guarded(self._connected)

    def _on_disconnect(
        self,
        _client: Client,
        _data: object,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            log.warning("the broker is gone: %s", reason)

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        if len(message.payload) > MAX_ARRIVING_BYTES:
            self.oversized += 1
            return
        try:
            topic = topics.parse(message.topic)
        except UnicodeDecodeError:
            return
        if topic is not None:
            self._guarded(self._arrived, Arrived(topic, bytes(message.payload), message.retain))

    def _guarded(self, callback: Callable[..., object], *arguments: object) -> None:
        """The boundary behind which a fault of ours costs one message: paho's thread would end by it, and the cloud
        would hear nothing any more."""
        try:
            callback(*arguments)
        except Exception:
            log.exception("a callback of the broker's line failed")
            self.faults += 1


class Lookout:
    """Says in the log, at every look, that a line stays down. The first look after it fell says nothing: connecting
    takes a moment."""

    EVERY_S = 5.0

    def __init__(self, trouble: Callable[[], str]) -> None:
        self._trouble = trouble
        self._before = False

    def look(self) -> None:
        trouble = self._trouble()
        if trouble and self._before:
            log.warning("%s", trouble)
        self._before = bool(trouble)
