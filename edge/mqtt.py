"""The link over MQTT 5: paho's client on the agent's own loop, a fresh one for each connection.

Clean start and no session: what the broker remembers of us is worth nothing, the journal remembers. A new client for
each connection sends nothing again by itself, carries its own will, and cannot be left in a half state by the last.
"""

import asyncio
import logging
import socket
import ssl
from asyncio import AbstractEventLoop
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any
from urllib.parse import urlsplit

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from contract import topics
from contract.messages import MAX_PAYLOAD_BYTES
from edge.config import DeviceConfig
from edge.files import write_whole

log = logging.getLogger(__name__)

KEEPALIVE_S = 15
CONNECT_WITHIN_S = 10.0
FIRST_DELAY_S, MAX_DELAY_S = 1.0, 60.0
STEADY_AFTER_S = 60.0
"""A connection that held this long was a good one: the next delay starts small again."""
PORTS = {"mqtt": 1883, "mqtts": 8883}
MAX_UNSENT_PACKETS = 1000


class _Client(Client):
    """Paho's client over a socket that was opened elsewhere: its own way of opening one blocks the loop."""

    def __init__(self, opened: socket.socket, client_id: str) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5)
        self._opened = opened

    def _create_socket(self) -> Any:
        return self._opened


class Connection:
    """One connection, from CONNECT to its end. ``over`` is set when it has ended."""

    def __init__(
        self,
        opened: socket.socket,
        client_id: str,
        will: tuple[str, bytes],
        subscription: str,
        loop: AbstractEventLoop,
        up: Callable[[], object],
        arrived: Callable[[MQTTMessage], object],
    ) -> None:
        self.up = False
        self.over = asyncio.Event()
        self._loop, self._subscription, self._told_up, self._arrived = loop, subscription, up, arrived
        self._misc: asyncio.TimerHandle | None = None
        client = self._client = _Client(opened, client_id)
        client.will_set(*will, qos=1, retain=True)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_message = self._message
        client.on_socket_open = lambda _client, _userdata, sock: loop.add_reader(sock, self._read, sock)
        client.on_socket_close = lambda _client, _userdata, sock: self._let_go(sock)
        client.on_socket_register_write = lambda _client, _userdata, sock: loop.add_writer(sock, client.loop_write)
        client.on_socket_unregister_write = self._written

    def begin(self) -> None:
        """Send CONNECT. Raises ``OSError``."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.MaximumPacketSize = MAX_PAYLOAD_BYTES + 1024
        # The address is of no account: the socket is open already.
        self._client.connect("opened", keepalive=KEEPALIVE_S, clean_start=True, properties=properties)
        self._tick()

    def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:
        if len(self._client._out_packet) < MAX_UNSENT_PACKETS:
            self._client.publish(topic, payload, qos, retain)

    def end_unless_up(self) -> None:
        """A broker that accepts the socket and then says nothing is no broker."""
        if not self.up:
            self.end()

    def end(self) -> None:
        """Say goodbye, so that the broker does not publish the will, and close."""
        self._client.disconnect()
        self._client.loop_write()
        self._finish()

    def _connected(
        self, _client: Client, _userdata: Any, _flags: Any, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            log.warning("the broker refuses us: %s", reason)
            return
        self._client.subscribe(self._subscription, qos=1)
        self.up = True
        self._told_up()

    def _disconnected(
        self, _client: Client, _userdata: Any, _flags: Any, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        log.info("the connection ended: %s", reason)
        self._finish()

    def _message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self._arrived(message)

    def _written(self, _client: Client, _userdata: Any, sock: Any) -> None:
        self._loop.remove_writer(sock)

    def _read(self, sock: Any) -> None:
        """TLS may hold whole packets that the selector does not see."""
        while self._client.loop_read() is MQTTErrorCode.MQTT_ERR_SUCCESS and self._has_more(sock):
            pass

    @staticmethod
    def _has_more(sock: Any) -> bool:
        return isinstance(sock, ssl.SSLSocket) and sock.fileno() >= 0 and sock.pending() > 0

    def _tick(self) -> None:
        self._misc = self._loop.call_later(1.0, self._tick)
        self._client.loop_misc()

    def _let_go(self, sock: Any) -> None:
        self._loop.remove_reader(sock)
        self._loop.remove_writer(sock)
        self._finish()

    def _finish(self) -> None:
        self.up = False
        if self._misc is not None:
            self._misc.cancel()
            self._misc = None
        self.over.set()


class MqttLink:
    """The ``Link`` of a real device. ``failures`` counts messages whose handling was a fault of ours,
    ``oversized`` those that were dropped unread."""

    def __init__(self, config: DeviceConfig, will: Callable[[int], tuple[str, bytes]], random: Random) -> None:
        self.on_up: Callable[[int], object] = lambda _number: None
        self.on_down: Callable[[], object] = lambda: None
        self.on_message: Callable[[str, bytes, bool], object] = lambda _topic, _payload, _retained: None
        self.failures = self.oversized = 0
        self._will, self._random = will, random
        self._client_id = config.device.name
        self._subscription = topics.down(config.device.site, config.device.name, "+")
        address = urlsplit(config.cloud.broker)
        self._host = address.hostname or ""
        self._port = address.port or PORTS[address.scheme]
        self._tls = _tls(config) if address.scheme == "mqtts" else None
        self._counter = config.state / "connections"
        self._connection: Connection | None = None

    @property
    def up(self) -> bool:
        return self._connection is not None and self._connection.up

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        if self._connection is not None and self._connection.up:
            self._connection.publish(topic, payload, qos, retain)

    async def run(self) -> None:
        """Connect, and connect again, until cancelled; then say goodbye."""
        delay_s = FIRST_DELAY_S
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            try:
                await self._hold_one()
            except OSError as wrong:
                log.info("no connection to %s:%d: %s", self._host, self._port, wrong)
            if loop.time() - began_s > STEADY_AFTER_S:
                delay_s = FIRST_DELAY_S
            await asyncio.sleep(self._random.uniform(0.1, delay_s))
            delay_s = min(2 * delay_s, MAX_DELAY_S)

    async def _hold_one(self) -> None:
        """One connection, until it is over. Raises ``OSError`` if there is none to be had."""
        loop = asyncio.get_running_loop()
        opened = await loop.run_in_executor(None, self._open)
        number = await loop.run_in_executor(None, self._next_number)
        connection = Connection(
            opened,
            self._client_id,
            self._will(number),
            self._subscription,
            loop,
            lambda: self._guarded(self.on_up, number),
            self._take,
        )
        self._connection = connection
        try:
            connection.begin()
            refusing = loop.call_later(CONNECT_WITHIN_S, connection.end_unless_up)
            try:
                await connection.over.wait()
            finally:
                refusing.cancel()
                connection.end()
        finally:
            self._connection = None
            opened.close()
            self._guarded(self.on_down)

    def _open(self) -> socket.socket:
        opened = socket.create_connection((self._host, self._port), timeout=CONNECT_WITHIN_S)
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self._tls.wrap_socket(opened, server_hostname=self._host) if self._tls else opened
        except BaseException:
            opened.close()
            raise

    def _next_number(self) -> int:
        """Counts up over restarts, so that the will of an older connection is known as such."""
        number = 0
        with suppress(OSError, ValueError):
            number = int(self._counter.read_text())
        with suppress(OSError):
            write_whole(self._counter, str(number + 1).encode())
        return number + 1

    def _take(self, message: MQTTMessage) -> None:
        if len(message.payload) > MAX_PAYLOAD_BYTES:
            self.oversized += 1
        else:
            self._guarded(self.on_message, message.topic, message.payload, message.retain)

    def _guarded(self, callback: Callable[..., object], *arguments: object) -> None:
        """The boundary between the network and us: a fault of ours ends one message, not the connection."""
        try:
            callback(*arguments)
        except Exception:
            log.exception("%r failed", callback)
            self.failures += 1


def _tls(config: DeviceConfig) -> ssl.SSLContext:
    """TLS 1.3 with our own authority and, once the device has one, its certificate. Raises ``OSError``."""
    context = ssl.create_default_context(cafile=str(config.path.parent / (config.cloud.ca or "")))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if config.cloud.certificate is not None:
        context.load_cert_chain(config.path.parent / config.cloud.certificate, config.keys / "device.key")
    return context
