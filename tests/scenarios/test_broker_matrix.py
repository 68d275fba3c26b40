"""Who reaches what at the broker, judged by what arrives: a broker's answers to a subscription say little."""

import itertools
import queue
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from cloud.keys.broker_names import HEALTH, WATCH
from cloud.line.broker_tls import BrokerIdentity
from contract import topics
from contract.topics import DOWN_CHANNELS, UP_CHANNELS
from tests.secured import SITE, Secured, now_ms

pytestmark = pytest.mark.usefixtures("mosquitto")
DEVICES = "east-gate", "gym-turnstile"
WAIT_S = 20.0


class Guest:
    """Somebody at the broker: what they heard, and whether they were shown the door."""

    def __init__(self, port: int, context: ssl.SSLContext, client_id: str = "") -> None:
        self.heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.news: queue.Queue[str] = queue.Queue()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5)
        self._client.tls_set_context(context)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self.news.put("up")
        self._client.on_disconnect = lambda *_: self.news.put("down")
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def says(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain)

    def hears(self, last: bytes) -> list[tuple[str, bytes]]:
        """Everything up to a payload that is sure to come."""
        found = [self.heard.get(timeout=WAIT_S)]
        while found[-1][1] != last:
            found.append(self.heard.get(timeout=WAIT_S))
        return found[:-1]

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, *_: object) -> None:
        self._client.subscribe("#", 1)

    def _on_message(self, _client: Client, _data: Any, message: Any) -> None:
        self.heard.put((message.topic, message.payload))


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[Secured]:
    with Secured(tmp_path / "community").running() as running:
        yield running


def shown_by(secured: Secured, name: str) -> ssl.SSLContext:
    """A device's side of the connection."""
    folder = secured.folder / name
    if not folder.exists():
        secured.adopt(name, folder)
    context = ssl.create_default_context(cafile=folder / "ca.crt")
    context.load_cert_chain(folder / "certificate.pem", folder / "device.key")
    return context


@contextmanager
def guests(secured: Secured) -> Iterator[dict[str, Guest]]:
    """The cloud and two devices, each connected and subscribed to everything."""
    cloud = BrokerIdentity(secured.authority, "cloud", secured.keys.folder, now_ms).context
    contexts = {"cloud": cloud, **{name: shown_by(secured, name) for name in DEVICES}}
    found = {name: Guest(secured.port, context, name) for name, context in contexts.items()}
    try:
        for guest in found.values():
            assert guest.news.get(timeout=WAIT_S) == "up"
        yield found
    finally:
        for guest in found.values():
            guest.leave()


def test_what_a_device_says_arrives_under_its_own_name_only(secured: Secured) -> None:
    with guests(secured) as at:
        for speaker, other in itertools.permutations(DEVICES):
            at[speaker].leave()  # there can be one of a name; and some brokers close the connection of a trespasser
            for topic in [*everything_of(other), *(topics.down(SITE, speaker, channel) for channel in DOWN_CHANNELS)]:
                trespass(secured, speaker, topic)
            trespass(secured, speaker, f"hg/v1/another-estate/{speaker}/up/events")
            trespass(secured, speaker, f"hg/v1/{SITE}/{speaker}/up")
        for speaker in DEVICES:
            honest = Guest(secured.port, shown_by(secured, speaker))
            for channel in UP_CHANNELS:
                honest.says(topics.up(SITE, speaker, channel), speaker.encode())
            honest.says(topics.up(SITE, speaker, "events"), b"end")
            assert at["cloud"].hears(b"end") == [
                (topics.up(SITE, speaker, channel), speaker.encode()) for channel in UP_CHANNELS
            ]
            honest.leave()


def listening_to_all(secured: Secured) -> Guest:
    """Whoever runs `hearthgate-cloud watch`: they hear all of the site, and so what the broker has taken."""
    ear = Guest(secured.port, BrokerIdentity(secured.authority, WATCH, secured.keys.folder, now_ms).context)
    assert ear.news.get(timeout=WAIT_S) == "up"
    return ear


def test_device_says_the_channels_of_the_contract_alone(secured: Secured) -> None:
    """One certificate filled the broker with 300 megabytes and 3,000 topics of its own invention."""
    ear, device = listening_to_all(secured), Guest(secured.port, shown_by(secured, "east-gate"))
    for number in range(50):
        device.says(topics.up(SITE, "east-gate", f"invented{number}"), b"kept", retain=True)
    for channel in UP_CHANNELS:
        device.says(topics.up(SITE, "east-gate", channel), b"kept", retain=True)
    device.says(topics.up(SITE, "east-gate", "events"), b"end")
    assert [topic for topic, _ in ear.hears(b"end")] == [topics.up(SITE, "east-gate", one) for one in UP_CHANNELS]
    device.leave()
    ear.leave()


@pytest.mark.parametrize("name", [WATCH, HEALTH])
def test_a_certificate_without_a_device_says_nothing(secured: Secured, name: str) -> None:
    """Each name in a certificate has topics of its own by a pattern; these two are for listening, and for nothing."""
    ear = None if name == WATCH else listening_to_all(secured)  # there can be one of a name
    speaker = Guest(secured.port, BrokerIdentity(secured.authority, name, secured.keys.folder, now_ms).context)
    assert speaker.news.get(timeout=WAIT_S) == "up"
    for channel in UP_CHANNELS:
        speaker.says(topics.up(SITE, name, channel), b"kept", retain=True)
    speaker.leave()
    assert speaker.news.get(timeout=WAIT_S) == "down"
    ear = ear or listening_to_all(secured)
    device = Guest(secured.port, shown_by(secured, "east-gate"))
    device.says(topics.up(SITE, "east-gate", "events"), b"end")
    assert ear.hears(b"end") == []
    device.leave()
    ear.leave()


def everything_of(device: str) -> list[str]:
    ups, downs = ((topics.up, UP_CHANNELS), (topics.down, DOWN_CHANNELS))
    return [make(SITE, device, channel) for make, channels in (ups, downs) for channel in channels]


def trespass(secured: Secured, speaker: str, topic: str) -> None:
    """Say something where one may not, and stay until the broker has read it."""
    guest = Guest(secured.port, shown_by(secured, speaker))
    assert guest.news.get(timeout=WAIT_S) == "up"
    guest.says(topic, b"forged", retain=True)
    guest.leave()
    assert guest.news.get(timeout=WAIT_S) == "down"


def test_what_the_cloud_says_to_a_device_no_other_hears(secured: Secured) -> None:
    with guests(secured) as at:
        said = [(topics.down(SITE, name, channel), name.encode()) for name in DEVICES for channel in DOWN_CHANNELS]
        for topic, payload in said:
            at["cloud"].says(topic, payload)
        for name in DEVICES:
            at["cloud"].says(topics.down(SITE, name, "ack"), b"end")
        for name in DEVICES:
            assert sorted(at[name].hears(b"end")) == sorted(one for one in said if one[1] == name.encode())


def test_a_device_cannot_take_another_ones_place_by_its_client_id(secured: Secured) -> None:
    with guests(secured) as at:
        at["gym-turnstile"].leave()
        attacker = Guest(secured.port, shown_by(secured, "gym-turnstile"), client_id="east-gate")
        try:
            assert attacker.news.get(timeout=WAIT_S) == "up"
            at["cloud"].says(topics.down(SITE, "east-gate", "ack"), b"still there?")
            assert at["east-gate"].hears(b"still there?") == []
            assert at["east-gate"].news.empty()
        finally:
            attacker.leave()
