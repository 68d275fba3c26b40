"""The cloud's end of the broker: where it may connect, and that it comes back."""

from queue import Queue

import pytest

from cloud.broker import Arrived, BadAddress, Broker, BrokerAddress, parse_address
from contract import topics
from firmware_sim.worlds.brokers import Broker as LocalBroker
from firmware_sim.worlds.brokers import start_broker
from tests.cloud.line import PATIENCE_S, connected
from tests.cloud.sender import SITE


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


def cloud_end(port: int, heard: "Queue[Arrived]", ready: "Queue[None]") -> Broker:
    filters = [topics.up(SITE, "+", "events")]
    return Broker(BrokerAddress("127.0.0.1", port, False), filters, heard.put, lambda: ready.put(None))


def test_messages_go_both_ways(broker: LocalBroker) -> None:
    heard: Queue[Arrived] = Queue()
    ready: Queue[None] = Queue()
    cloud = cloud_end(broker.port, heard, ready)
    cloud.start()
    ready.get(timeout=PATIENCE_S)
    with connected("gym-1", broker.port) as device:
        device.publish("events", b"one")
        first = heard.get(timeout=PATIENCE_S)
        assert (first.topic.device, first.topic.channel, first.payload) == ("gym-1", "events", b"one")
        cloud.publish(topics.down(SITE, "gym-1", "ack"), b"two")
        assert device.hear("ack") == b"two"
    cloud.stop()


def test_it_starts_before_the_broker_and_comes_back_after_it(
    broker: LocalBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
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
            # The subscription is on its way at the same time as this: what came too early is sent again.
            while heard.empty():
                device.publish("events", b"one")
        again.kill()
    cloud.stop()
