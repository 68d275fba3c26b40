"""The cloud's end of the broker: where it may connect, and that it comes back."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Queue

import pytest

from cloud.line.broker import MAX_ARRIVING_BYTES, Arrived, BadAddress, Broker, BrokerAddress, Lookout, parse_address
from contract import topics
from firmware_sim.worlds.demo.brokers import Broker as LocalBroker
from firmware_sim.worlds.demo.brokers import start_broker
from tests.cloud.support.line import PATIENCE_S, connected
from tests.cloud.support.sender import SITE


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """So long the cloud waits between two attempts, and for half a packet."""
    monkeypatch.setattr("cloud.line.broker.RECONNECT_MIN_S", 0.01)
    monkeypatch.setattr("cloud.line.broker.KEEPALIVE_S", 1)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://127.0.0.1:1883", BrokerAddress("127.0.0.1", 1883, False)),
        ("mqtt://127.0.0.1", BrokerAddress("127.0.0.1", 1883, False)),
        ("mqtt://[::1]:2000", BrokerAddress("::1", 2000, False)),
        ("mqtts://broker.example", BrokerAddress("broker.example", 8883, True)),
    ],
)
def test_an_address_is_read(url: str, address: BrokerAddress) -> None:
    assert parse_address(url) == address


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mqtt://broker.example:1883", "without TLS"),
        ("mqtt://localhost", "without TLS"),
        ("mqtt://192.168.1.4", "without TLS"),
        ("http://127.0.0.1", "write mqtt://"),
        ("127.0.0.1:1883", "write mqtt://"),
        ("mqtt://127.0.0.1:99999", "Port out of range"),
        ("", "write mqtt://"),
        ("mqtt://[::1", "write mqtt://"),
    ],
)
def test_an_address_that_may_not_be_used_says_why(url: str, says: str) -> None:
    with pytest.raises(BadAddress, match=says):
        parse_address(url)


@pytest.mark.parametrize("who", ["cloud:s3cret@", "cloud@", ":s3cret@", "@"])
def test_credentials_in_an_address_are_refused_unshown(who: str) -> None:
    with pytest.raises(BadAddress, match="names and passwords are not used") as refused:
        parse_address(f"mqtts://{who}broker.example:8883")
    assert "s3cret" not in str(refused.value)


def cloud_end(port: int, heard: "Queue[Arrived]", ready: "Queue[None]") -> Broker:
    """It is ready when the broker knows what it listens to: before that, what devices say is lost."""
    filters = [topics.up(SITE, "+", "events")]
    cloud = Broker(BrokerAddress("127.0.0.1", port, False), filters, heard.put, lambda: None)
    cloud._client.on_subscribe = lambda *_: ready.put(None)
    return cloud


def test_a_broker_that_never_greets_is_trouble() -> None:
    """It takes the connection, and that is all: nothing is heard, and the cloud can say why."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        cloud = cloud_end(port, Queue(), Queue())
        assert cloud.trouble == f"the broker at 127.0.0.1:{port} cannot be reached: is it running?"
        cloud.start()
        silent, _ = listening.accept()
        silent.recv(1)  # its greeting, which it sends once it knows that the connection was taken
        assert "does not greet" in cloud.trouble
        assert not cloud.is_connected
        cloud.stop()
        silent.close()


def test_line_that_stays_down_is_logged_each_look(caplog: pytest.LogCaptureFixture) -> None:
    troubles = iter(["gone", "gone", "gone", "", "gone", "gone"])
    lookout = Lookout(lambda: next(troubles))
    logged = []
    for _ in range(6):
        caplog.clear()
        lookout.look()
        logged.append(bool(caplog.records))
    assert logged == [False, True, True, False, False, True]


def test_messages_go_both_ways(broker: LocalBroker) -> None:
    heard: Queue[Arrived] = Queue()
    ready: Queue[None] = Queue()
    cloud = cloud_end(broker.port, heard, ready)
    cloud.start()
    ready.get(timeout=PATIENCE_S)
    assert cloud.trouble == ""
    with connected("gym-1", broker.port) as device:
        device.publish("events", b"one")
        first = heard.get(timeout=PATIENCE_S)
        assert (first.topic.device, first.topic.channel, first.payload) == ("gym-1", "events", b"one")
        cloud.publish(topics.down(SITE, "gym-1", "ack"), b"two")
        assert device.hear("ack") == b"two"
    cloud.stop()


def test_it_starts_before_the_broker_and_comes_back_after_it(broker: LocalBroker) -> None:
    heard: Queue[Arrived] = Queue()
    ready: Queue[None] = Queue()
    port = broker.port
    broker.stop()
    cloud = cloud_end(port, heard, ready)
    cloud.start()
    cloud.publish("hg/v1/x/y/dn/ack", b"to nobody")
    for _ in range(2):
        again = start_broker(broker.log.parent, port, kind="mosquitto")
        ready.get(timeout=PATIENCE_S)
        with connected("gym-1", port) as device:
            device.publish("events", b"one")
            assert heard.get(timeout=PATIENCE_S).payload == b"one"
        again.kill()
    cloud.stop()


def test_a_fault_of_ours_in_a_callback_is_counted_and_the_cloud_hears_on(broker: LocalBroker) -> None:
    heard: Queue[Arrived] = Queue()
    ready: Queue[None] = Queue()
    cloud = cloud_end(broker.port, heard, ready)

    def stumbles(one: Arrived) -> None:
        heard.put(one)
        if one.payload == b"trap":
            raise RuntimeError("ours")

    cloud._arrived = stumbles
    cloud.start()
    ready.get(timeout=PATIENCE_S)
    assert cloud.trouble == ""
    with connected("gym-1", broker.port) as device:
        for payload in (b"trap", b"trap", b"plain"):
            device.publish("events", payload)
        assert [heard.get(timeout=PATIENCE_S).payload for _ in range(3)] == [b"trap", b"trap", b"plain"]
    assert cloud.faults == 2
    cloud.stop()


CONNACK = bytes.fromhex("2003000000")


def publish_packet(topic: str, payload: bytes) -> bytes:
    """A PUBLISH of QoS 0, as MQTT 5 has it."""
    body = len(topic).to_bytes(2, "big") + topic.encode() + b"\x00" + payload
    length, left = bytearray(), len(body)
    while True:
        left, low = divmod(left, 128)
        length.append(low | (0x80 if left else 0))
        if not left:
            return b"\x30" + bytes(length) + body


@contextmanager
def stranger(answer: bytes) -> Iterator[int]:
    """A server on loopback that is no broker: it says its piece to whoever comes first, and then ends."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            opened, _ = listening.accept()
            with opened, suppress(ConnectionError):
                opened.recv(1)
                opened.sendall(answer)
                while opened.recv(4096):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(PATIENCE_S)


def test_a_message_larger_than_any_device_says_is_dropped_and_counted() -> None:
    heard: Queue[Arrived] = Queue()
    topic = topics.up(SITE, "gym-1", "events")
    too_large = publish_packet(topic, bytes(10 * 1024 * 1024)) + publish_packet(topic, bytes(MAX_ARRIVING_BYTES + 1))
    with stranger(CONNACK + too_large + publish_packet(topic, b"plain")) as port:
        cloud = cloud_end(port, heard, Queue())
        cloud.start()
        assert heard.get(timeout=PATIENCE_S).payload == b"plain"
        assert cloud.oversized == 2
        cloud.stop()


def test_messages_that_come_at_once_are_all_taken() -> None:
    """They are read in one piece, and the broker says nothing more that would wake the reader."""
    heard: Queue[Arrived] = Queue()
    said = [publish_packet(topics.up(SITE, "gym-1", "events"), str(number).encode()) for number in range(500)]
    with stranger(CONNACK + b"".join(said)) as port:
        cloud = cloud_end(port, heard, Queue())
        cloud.start()
        assert [int(heard.get(timeout=PATIENCE_S).payload) for _ in said] == list(range(500))
        cloud.stop()


def test_message_is_written_by_whoever_publishes_it(broker: LocalBroker) -> None:
    """The broker's thread is busy meanwhile."""
    busy, done, ready, heard = threading.Event(), threading.Event(), Queue[None](), Queue[Arrived]()

    def arrived(_message: Arrived) -> None:
        busy.set()
        done.wait(2 * PATIENCE_S)

    cloud = cloud_end(broker.port, heard, ready)
    cloud._arrived = arrived
    cloud.start()
    ready.get(timeout=PATIENCE_S)
    with connected("gym-1", broker.port) as device:
        device.publish("events", b"one")
        assert busy.wait(PATIENCE_S)
        cloud.publish(topics.down(SITE, "gym-1", "ack"), b"two")
        try:
            assert device.hear("ack") == b"two"
        finally:
            done.set()
            cloud.stop()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        bytes.fromhex("20ffffffffff"),
        CONNACK + bytes.fromhex("3006000261ff00aa"),
        CONNACK + bytes(64),
    ],
    ids=lambda answer: answer.hex(),
)
def test_whatever_a_stranger_answers_the_cloud_finds_a_real_broker(
    mosquitto: Path, tmp_path: Path, answer: bytes
) -> None:
    ready: Queue[None] = Queue()
    with stranger(answer) as port:
        cloud = cloud_end(port, Queue(), ready)
        cloud.start()
    started = start_broker(tmp_path, port, kind="mosquitto")
    while ready.get(timeout=PATIENCE_S) is None and not cloud.is_connected:
        pass
    cloud.stop()
    started.stop()
