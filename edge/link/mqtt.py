"""The link as MQTT 5, by paho, driven by the loop: no thread of its own once a connection stands.

A client lives for one connection and no longer, so nothing of an old one is ever sent again by itself. Looking up the
host, connecting and the TLS handshake may take long; they are done in an executor, on a client that nothing else
knows yet. A broker that is not there is normal: the link tries again for ever, each device at moments of its own.

Whatever a callback of ours raises ends here: it is logged and counted, and the link goes on. So does whatever paho
raises: it ends the connection, and the next one is tried.
"""

import logging
import socket
import ssl
from asyncio import AbstractEventLoop, Future, TimerHandle
from collections.abc import Callable
from concurrent.futures import Executor
from random import Random
from typing import Any, NamedTuple, Protocol

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from contract.messages import MAX_PAYLOAD_BYTES
from edge.config.places import is_loopback
from edge.identity.credentials import explain
from edge.link.connection_number import ConnectionNumber

log = logging.getLogger(__name__)

KEEPALIVE_S = 15
TICK_S = 2.0
"""How often paho is asked to look after its pings."""
CONNECT_WITHIN_S = 10.0
"""For the connection and the broker's greeting, each."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 10.0
"""Whoever puts a cable back looks at the screen; a thousand devices then come back over ten seconds."""
STEADY_S = 60.0
"""A connection that lasted so long was a good one: the next pause is short again."""
MAX_PACKET_BYTES = MAX_PAYLOAD_BYTES + 1024
"""What the broker is asked to stay below."""
MAX_UNREAD_BYTES = 32 * 1024 * 1024
"""A broker that does not is heard up to here, and what it sent is dropped; beyond, before the memory of a small machine
is full, the connection is given up."""
MAX_QUEUED = 64
"""Messages handed to paho that the broker has not confirmed; more are dropped, their senders send again."""


EVENTS = (
    *("on_connect", "on_disconnect", "on_subscribe", "on_message"),
    *("on_socket_close", "on_socket_register_write", "on_socket_unregister_write"),
)
"""What paho tells the loop of a connection, from when it stands until it is given up."""
_SOCKET_FAILED = "failed to receive on socket: "
"""How paho says why a connection broke. Its callbacks only tell that it did."""


class Tls(Protocol):
    """What is shown and asked at a connection under TLS. All but ``refused`` run in the connector's thread."""

    def context(self) -> ssl.SSLContext:
        """What the next connection shows and believes. Raises ``OSError``."""

    def check(self, opened: ssl.SSLSocket) -> None:
        """Look at a connection before anything is said over it. Raises ``OSError``."""

    def greeted(self) -> None:
        """The broker has let this device in."""

    def refused(self) -> None:
        """The broker has not."""


class Broker(NamedTuple):
    """Where the broker is. Without ``tls`` only a loopback address will do."""

    host: str
    port: int
    tls: Tls | None = None


class MqttSession(NamedTuple):
    """What a device says at every connection: its name, what it wants to hear, and what the broker is to say in its
    stead, retained, when that connection breaks."""

    client_id: str
    subscribe: str
    will_topic: str
    will: Callable[[int], bytes]


class MqttLink:
    """A ``Link`` over MQTT. ``faults`` counts what callbacks of ours raised, ``oversized`` the messages that were too
    large to take; ``why_down`` is the last reason for being without a broker, empty while there is one."""

    def __init__(
        self,
        broker: Broker,
        session: MqttSession,
        *,
        number: ConnectionNumber,
        loop: AbstractEventLoop,
        random: Random,
        connector: Executor | None = None,
    ) -> None:
        """Raises ``ValueError`` for a broker elsewhere without TLS."""
        if broker.tls is None and not is_loopback(broker.host):
            raise ValueError(f"broker {broker.host}: plain MQTT goes to a loopback address only; use TLS")
        self.on_up: Callable[[int], object] = lambda connection: None
        self.on_down: Callable[[], object] = lambda: None
        self.on_message: Callable[[str, bytes, bool], object] = lambda topic, payload, retained: None
        self.faults = self.oversized = 0
        self.why_down = "not connected yet"
        self._broker, self._session, self._number = broker, session, number
        self._loop, self._random, self._connector = loop, random, connector
        self._client: Client | None = None
        self._dialled: Future[tuple[Client, int]] | None = None
        self.up = False
        self._pause_s = FIRST_PAUSE_S
        self._up_since_s = 0.0
        self._retry: TimerHandle | None = None
        self._closed = False
        self._connection = 0
        self._greeted_by_s = 0.0
        self._broke = ""

    def start(self) -> None:
        """Connect, now or as soon as there is a broker."""
        self._dialled = self._loop.run_in_executor(self._connector, self._dial)
        self._dialled.add_done_callback(self._reached)

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        if self.up and self._client is not None:
            self._client.publish(topic, payload, qos=qos, retain=retain)

    def again(self) -> None:
        """Say goodbye and connect anew, with whatever is to be shown now."""
        if self.up:
            self._leave("connecting anew")

    async def close(self) -> None:
        """Say goodbye, so that the broker does not speak the will, and stay away."""
        self._closed = True
        if self._retry is not None:
            self._retry.cancel()
        if self._dialled is not None:
            self._dialled.cancel()
        self._leave("closed")

    def _leave(self, why: str) -> None:
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_write()
            self._lost(self._client, why)

    def _dial(self) -> tuple[Client, int]:
        """In the executor: a client that has found the broker and begun to speak. Raises ``OSError``."""
        self._broke = ""
        connection = self._number.next()
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._session.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_WITHIN_S
        client.max_queued_messages_set(MAX_QUEUED)
        client.will_set(self._session.will_topic, self._session.will(connection), qos=1, retain=True)
        if self._broker.tls is not None:
            client.tls_set_context(self._broker.tls.context())
            client.on_log = self._on_log
        client.on_socket_open = self._on_socket_open
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 0
        properties.MaximumPacketSize = MAX_PACKET_BYTES
        client.connect(self._broker.host, self._broker.port, KEEPALIVE_S, clean_start=True, properties=properties)
        if self._closed:
            _abandon(client)
            raise ConnectionAbortedError("closed while dialling")
        return client, connection

    def _reached(self, dialled: "Future[tuple[Client, int]]") -> None:
        """The broker's host answered, or did not. From here on the client belongs to the loop."""
        if dialled.cancelled():
            return
        try:
            client, self._connection = dialled.result()
        except (OSError, ValueError) as error:  # a ValueError for a name that no host can have
            if isinstance(error, ssl.SSLError):
                self._refused()
            self._pause(f"{self._broker.host}:{self._broker.port}: {error}")
            return
        except Exception as fault:  # the boundary behind which a fault of the library costs one connection
            log.exception("paho failed; there is no connection")
            self._pause(f"{type(fault).__name__} while connecting")
            return
        sock = client.socket()
        if self._closed or sock is None:
            _abandon(client)
            self._pause("the connection broke at once")
            return
        self._client = client
        for event in EVENTS:
            setattr(client, event, getattr(self, f"_{event}"))
        self._loop.add_reader(sock, self._read, client)
        if client.want_write():
            self._loop.add_writer(sock, self._driven, client, client.loop_write)
        self._greeted_by_s = self._loop.time() + CONNECT_WITHIN_S
        self._loop.call_later(TICK_S, self._care, client)

    def _on_socket_open(self, _client: Client, _data: object, sock: Any) -> None:
        # Small messages must not wait for one another: 17 ms became 1.4 ms with this at both ends.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._broker.tls is not None:
            self._broker.tls.check(sock)

    def _on_log(self, _client: Client, _data: object, level: int, text: str) -> None:
        if level == LogLevel.MQTT_LOG_ERR and text.startswith(_SOCKET_FAILED):
            self._broke = text.removeprefix(_SOCKET_FAILED)

    def _read(self, client: Client) -> None:
        self._driven(client, client.loop_read)
        announced = client._in_packet["remaining_length"]  # paho tells nobody how much it is about to hold
        if announced > MAX_UNREAD_BYTES:
            self._lost(client, f"the broker sends {announced} bytes at once")
            return
        sock = client.socket()
        while isinstance(sock, ssl.SSLSocket) and sock.pending():  # read from the wire, and no longer readable there
            self._driven(client, client.loop_read)
            sock = client.socket()

    def _care(self, client: Client) -> None:
        """Pings, and the end of a connection that gives no sign of life."""
        if client is self._client:
            self._loop.call_later(TICK_S, self._care, client)
            self._driven(client, client.loop_misc)
            if not self.up and self._loop.time() > self._greeted_by_s:
                self._lost(client, "the broker does not greet")

    def _driven(self, client: Client, drive: Callable[[], MQTTErrorCode]) -> None:
        """Let paho work. What it raises, for bytes it did not foresee, ends the connection and nothing else."""
        try:
            drive()
        except Exception as fault:
            log.exception("paho failed; the connection is given up")
            self._lost(client, f"{type(fault).__name__} while reading")

    def _on_connect(
        self, client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        # paho holds a lock while it calls back, so what may close its socket comes later.
        if reason.is_failure:
            self._loop.call_soon(self._lost, client, f"the broker refuses this device: {reason}")
        else:
            client.subscribe(self._session.subscribe, options=SubscribeOptions(qos=1))

    def _on_subscribe(
        self, _client: Client, _data: object, _mid: int, _reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        # Whatever the answer says: brokers differ in what they refuse here.
        self._now_up()

    def _now_up(self) -> None:
        """From here on nothing that the cloud says is missed, so answers may be asked for."""
        if self.up:
            return
        self.up = True
        self._up_since_s = self._loop.time()
        self.why_down = ""
        if self._broker.tls is not None:
            self._loop.run_in_executor(self._connector, self._broker.tls.greeted)
        self._guarded(self.on_up, self._connection)

    def _on_disconnect(
        self, client: Client, _data: object, _flags: DisconnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._loop.call_soon(self._lost, client, self._broke or str(reason))

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._now_up()  # a broker may send what it had kept before it answers the subscription
        if len(message.payload) > MAX_PAYLOAD_BYTES:
            self.oversized += 1
        else:
            self._guarded(self._hand_on, message)

    def _hand_on(self, message: MQTTMessage) -> None:
        self.on_message(message.topic, bytes(message.payload), message.retain)

    def _guarded(self, callback: Callable[..., object], *arguments: object) -> None:
        """The boundary behind which our own faults do not harm the link."""
        try:
            callback(*arguments)
        except Exception:
            log.exception("a callback of the link failed")
            self.faults += 1

    def _on_socket_close(self, _client: Client, _data: object, sock: Any) -> None:
        self._loop.remove_reader(sock)
        self._loop.remove_writer(sock)

    def _on_socket_register_write(self, client: Client, _data: object, sock: Any) -> None:
        self._loop.add_writer(sock, self._driven, client, client.loop_write)

    def _on_socket_unregister_write(self, _client: Client, _data: object, sock: Any) -> None:
        self._loop.remove_writer(sock)

    def _lost(self, client: Client, why: str) -> None:
        """This connection is over, whoever ended it."""
        if client is not self._client:
            return
        was_up, self.up = self.up, False
        self._client = None
        sock = client.socket()
        if sock is not None:
            self._on_socket_close(client, None, sock)
        _abandon(client)
        if was_up and self._loop.time() - self._up_since_s >= STEADY_S:
            self._pause_s = FIRST_PAUSE_S
        if not was_up:
            self._refused()
        self._pause(why)
        if was_up:
            self._guarded(self.on_down)

    def _refused(self) -> None:
        if self._broker.tls is not None:
            self._broker.tls.refused()

    def _pause(self, why: str) -> None:
        """Try again after a while that is drawn anew each time, or a town's devices would all come back at once."""
        self.why_down = explain(why)
        if not self._closed:
            self._retry = self._loop.call_later(self._random.uniform(0, self._pause_s), self.start)
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)


def _abandon(client: Client) -> None:
    """Leave a client for good, so that nothing of it comes back."""
    for event in EVENTS:
        setattr(client, event, None)
    sock = client.socket()
    if sock is not None:
        sock.close()
