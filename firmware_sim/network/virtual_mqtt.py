"""A broker and its connections in virtual time: MQTT as devices know it, on a bad line, the same for the same seed.

A connection knows clean starts, QoS 0 and 1, retained messages and wills, and has the shape of the link that devices
and cloud hold. Every message travels by itself, so a slow one is overtaken.
"""

import itertools
import random
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Sequence
from typing import NamedTuple

from paho.mqtt.client import topic_matches_sub

MAX_UNDER_WAY = 10_000
"""Messages of one connection on their way at once, each direction counted; more are lost, as from a full queue."""


class Line(NamedTuple):
    """How bad a line is. Times are drawn evenly between two bounds, chances are 0 to 1 of each message.

    `lose`: a message of QoS 0 does not arrive. `repeat`: one of QoS 1 arrives twice. `lasts_s`: a connection breaks by
    itself after that long on average, and what is on its way is lost; None is never. `away_s`: until it is there
    again. `noticed_s`: until the broker notices that a client is gone and publishes its will, unless it is back before.
    """

    delay_ms: tuple[float, float] = (0.5, 3.0)
    lose: float = 0.0
    repeat: float = 0.0
    lasts_s: float | None = None
    away_s: tuple[float, float] = (1.0, 10.0)
    noticed_s: tuple[float, float] = (0.0, 22.5)


class Message(NamedTuple):
    topic: str
    payload: bytes
    qos: int
    retain: bool


class VirtualBroker:
    """Hands messages on to whoever subscribes. `forget` is the chance that it loses a message it has acknowledged."""

    def __init__(self, loop: AbstractEventLoop, *, seed: int | str, forget: float = 0.0) -> None:
        self.loop = loop
        self.running = True
        self.retained: dict[str, bytes] = {}
        self.links: list[VirtualLink] = []
        self._seed = seed
        self._forget = forget
        self._random = self.random("broker")

    def random(self, name: str) -> random.Random:
        """A stream of chance, the same for the same seed and name."""
        return random.Random(f"{self._seed}/{name}")

    def stop(self) -> None:
        """The broker ends and loses all that it had kept; every client knows at once."""
        self.running = False
        self.retained.clear()
        for link in self.links:
            link.broker_gone()

    def start(self) -> None:
        """Clients find out by trying again."""
        self.running = True

    def take(self, message: Message) -> None:
        """A message has arrived: keep it if it is to be retained, and send it to all who want it."""
        if self._forget and self._random.random() < self._forget:
            return
        if message.retain and message.payload:
            self.retained[message.topic] = message.payload
        elif message.retain:
            self.retained.pop(message.topic, None)
        for link in self.links:
            if link.wants(message.topic):
                link.deliver(message, retained=False)


class VirtualLink:
    """One client's way to the broker, which comes back by itself whenever it breaks.

    `will` is the topic and what the broker says there, retained, in place of a client that vanished; it is told the
    number of the connection, which `next_number` draws anew for each. A link outlives the processes that use it, one
    after the other: `start` is the first call of each, `close` or `kill` its last.
    """

    def __init__(
        self,
        broker: VirtualBroker,
        name: str,
        *,
        subscribe: Sequence[str] = (),
        will: tuple[str, Callable[[int], bytes]] | None = None,
        line: Line | None = None,
        next_number: Callable[[], int] | None = None,
    ) -> None:
        self.on_up: Callable[[int], object] = lambda connection: None
        self.on_down: Callable[[], object] = lambda: None
        self.on_message: Callable[[str, bytes, bool], object] = lambda topic, payload, retained: None
        self.cable_in = True
        self.faults = self.oversized = 0
        """Stays at 0: what a callback raises goes to the loop, and is seen there."""
        self.line = line or Line()
        self._broker, self._loop = broker, broker.loop
        self._subscribe, self._will = subscribe, will
        self.next_number = next_number or itertools.count(1).__next__
        self._random = broker.random(f"link/{name}")
        self._wanted: dict[str, bool] = {}
        self.up = False
        self._used = False
        self._connection = self._open_connection = 0
        self._under_way = 0
        self._timer: TimerHandle | None = None
        self._pending_will: tuple[TimerHandle, Message] | None = None
        broker.links.append(self)

    def start(self) -> None:
        """Connect, as soon as there is a cable and a broker."""
        self._used = True
        self._later((0.0, 0.0), self._connect)

    def publish(self, topic: str, payload: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """Hand a message to the line if it is up; otherwise it is dropped."""
        if self.up:
            message = Message(topic, payload, qos, retain)
            self._travel(qos, lambda: self._broker.take(message))

    @property
    def why_down(self) -> str:
        return "" if self.up else "the line is down"

    def again(self) -> None:
        """Disconnect and come back: the broker publishes no will."""
        if self.up:
            self._end_connection()

    def cut(self) -> None:
        """Pull the cable: the connection breaks, and none comes until it is put back."""
        self.cable_in = False
        self._break(self.line.noticed_s)

    def restore(self) -> None:
        """Put the cable back; the client finds out by trying again."""
        if not self.cable_in:
            self.cable_in = True
            if self._used:
                self._later(self.line.away_s, self._connect)

    def close(self) -> None:
        """Disconnect behind all that was sent: the broker publishes no will, and the client does not come back."""
        self._stop_retrying()
        self.up = False

    def kill(self) -> None:
        """The client's process is killed: its kernel ends the connection, and the broker publishes the will at once."""
        self._stop_retrying()
        self._break((0.0, 0.0))

    def broker_gone(self) -> None:
        """The broker's side: it is gone, and notices no client any more."""
        if self._pending_will is not None:
            self._pending_will[0].cancel()
            self._pending_will = None
        if self.up:
            self._end_connection()

    def wants(self, topic: str) -> bool:
        """Whether the client is there and subscribes to it."""
        if not self.up:
            return False
        if topic not in self._wanted:
            self._wanted[topic] = any(topic_matches_sub(pattern, topic) for pattern in self._subscribe)
        return self._wanted[topic]

    def deliver(self, message: Message, *, retained: bool) -> None:
        """The broker's side: send a message down the line."""
        self._travel(message.qos, lambda: self._hear(message, retained))

    def _hear(self, message: Message, retained: bool) -> None:
        if self.up:
            self.on_message(message.topic, message.payload, retained)

    def _connect(self) -> None:
        if not self.cable_in:
            return
        if not self._broker.running:
            self._later(self.line.away_s, self._connect)
            return
        if self._pending_will is not None:  # the broker meets the client again before it noticed: the old one is gone
            self._publish_will()
        self.up = True
        self._connection = self._open_connection = self.next_number()
        if self.line.lasts_s is not None:
            lasts_s = self._random.expovariate(1 / self.line.lasts_s)
            self._timer = self._loop.call_later(lasts_s, self._break, self.line.noticed_s)
        for topic, payload in self._broker.retained.items():
            if self.wants(topic):
                self.deliver(Message(topic, payload, 1, True), retained=True)
        self.on_up(self._connection)

    def _break(self, noticed_s: tuple[float, float]) -> None:
        """The connection breaks; the broker notices after a while."""
        if not self.up:
            return
        if self._will is not None:
            topic, payload = self._will
            noticed = self._loop.call_later(self._random.uniform(*noticed_s), self._publish_will)
            self._pending_will = noticed, Message(topic, payload(self._connection), 1, True)
        self._end_connection()

    def _end_connection(self) -> None:
        """This end knows that the connection is over, and tries again."""
        self.up, self._open_connection = False, 0
        if self._timer is not None:
            self._timer.cancel()
        if self._used and self.cable_in:
            self._later(self.line.away_s, self._connect)
        self.on_down()

    def _stop_retrying(self) -> None:
        self._used = False
        if self._timer is not None:
            self._timer.cancel()

    def _publish_will(self) -> None:
        assert self._pending_will is not None  # noqa: S101 - its timer is cancelled whenever it is taken away
        timer, will = self._pending_will
        timer.cancel()
        self._pending_will = None
        self._broker.take(will)

    def _travel(self, qos: int, arrive: Callable[[], object]) -> None:
        """Send something along this line; it arrives if the same connection still stands then."""
        line = self.line
        if qos == 0 and self._happens(line.lose):
            return
        connection = self._connection

        def arrived() -> None:
            self._under_way -= 1
            if self._open_connection == connection:
                arrive()

        for _ in range(2 if qos and self._happens(line.repeat) else 1):
            if self._under_way < MAX_UNDER_WAY:
                self._under_way += 1
                self._loop.call_later(self._random.uniform(*line.delay_ms) / 1000, arrived)

    def _happens(self, chance: float) -> bool:
        return chance > 0 and self._random.random() < chance

    def _later(self, bounds_s: tuple[float, float], act: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(self._random.uniform(*bounds_s), act)
