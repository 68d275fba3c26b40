"""Both brokers as they are, each asked for what a device needs of it: retained messages, wills, QoS 1."""

import os
import queue
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from firmware_sim.worlds.demo import brokers
from firmware_sim.worlds.demo.brokers import (
    Broker,
    BrokerFailed,
    Kind,
    free_port,
    free_port_from,
    listening_from,
    start_broker,
)

PATIENCE_S = 20.0


@pytest.fixture(params=["mosquitto", "iotcore"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    if request.param == "mosquitto":
        request.getfixturevalue("mosquitto")
    started = start_broker(tmp_path, kind=cast("Kind", request.param))
    yield started
    started.stop()


class Peer:
    """A client on paho's own thread. What it hears comes out of a queue that can be waited on."""

    def __init__(self, port: int, *, will: tuple[str, bytes] | None = None) -> None:
        self.heard: queue.Queue[tuple[str, bytes, bool]] = queue.Queue()
        self._ready: queue.Queue[str] = queue.Queue()
        self.client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        if will is not None:
            self.client.will_set(will[0], will[1], qos=1, retain=True)
        self.client.on_connect = lambda *_: self._ready.put("connected")
        self.client.on_subscribe = lambda *_: self._ready.put("subscribed")
        self.client.on_message = self._hear
        self.client.connect("127.0.0.1", port, clean_start=True)
        self.client.loop_start()
        assert self._ready.get(timeout=PATIENCE_S) == "connected"

    def subscribe(self, topic: str) -> None:
        self.client.subscribe(topic, qos=1)
        assert self._ready.get(timeout=PATIENCE_S) == "subscribed"

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(PATIENCE_S)

    def next(self) -> tuple[str, bytes, bool]:
        return self.heard.get(timeout=PATIENCE_S)

    def vanish(self) -> None:
        """Be cut off, without a good-bye."""
        opened = self.client.socket()
        assert isinstance(opened, socket.socket)
        opened.shutdown(socket.SHUT_RDWR)
        self.client.loop_stop()

    def leave(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _hear(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self.heard.put((message.topic, bytes(message.payload), message.retain))


def test_a_retained_message_meets_a_later_subscriber(broker: Broker) -> None:
    device, cloud = Peer(broker.port), Peer(broker.port)
    device.publish("site/gate/state", b"here", retain=True)
    cloud.subscribe("site/+/state")
    assert cloud.next() == ("site/gate/state", b"here", True)
    device.publish("site/gate/state", b"still here")
    assert cloud.next() == ("site/gate/state", b"still here", False)
    device.leave()
    cloud.leave()


def test_the_will_of_a_device_that_vanished_is_published(broker: Broker) -> None:
    device, cloud = Peer(broker.port, will=("site/gate/state", b"gone")), Peer(broker.port)
    cloud.subscribe("site/#")
    device.vanish()
    assert cloud.next()[:2] == ("site/gate/state", b"gone")
    cloud.leave()


def test_a_broker_listens_on_loopback_alone(broker: Broker) -> None:
    def at(hexadecimal: str) -> tuple[str, int]:
        address, port = hexadecimal.split(":")
        return address, int(port, 16)

    tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
    rows = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
    listening = [at(row[1])[0] for row in rows if row[3] == "0A" and at(row[1])[1] == broker.port]
    assert listening == ["0100007F"]


def test_a_killed_broker_comes_back_on_its_port(broker: Broker, tmp_path: Path) -> None:
    broker.kill()
    assert broker.process.poll() is not None
    successor = start_broker(tmp_path, broker.port, broker.kind)
    try:
        assert (successor.port, successor.process.poll()) == (broker.port, None)
        Peer(successor.port).leave()
    finally:
        successor.stop()


def test_a_port_that_is_taken_is_told_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        port = squatter.getsockname()[1]
        with pytest.raises(BrokerFailed, match=f"port {port} is taken"):
            start_broker(tmp_path, port)


@pytest.mark.usefixtures("mosquitto")
def test_a_broker_that_does_not_start_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "settings.conf"
    settings.write_text("no_such_setting")
    monkeypatch.setattr(brokers, "MOSQUITTO", settings)
    with pytest.raises(BrokerFailed, match=r'(?s)ended with code.*Unknown configuration variable "no_such_setting"'):
        start_broker(tmp_path, kind="mosquitto")


def test_without_mosquitto_the_package_steps_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brokers, "find_mosquitto", lambda: None)
    broker = start_broker(tmp_path)
    try:
        assert broker.kind == "iotcore"
    finally:
        broker.stop()
    with pytest.raises(BrokerFailed, match="apt install mosquitto"):
        start_broker(tmp_path, kind="mosquitto")


def test_a_ctrl_c_at_the_terminal_does_not_reach_the_broker(broker: Broker) -> None:
    assert os.getsid(broker.process.pid) != os.getsid(0)


def test_a_broker_ends_with_the_process_that_started_it(tmp_path: Path, mosquitto: Path) -> None:
    starts = "import sys, pathlib; from firmware_sim.worlds.demo.brokers import start_broker\n"
    starts += "print(start_broker(pathlib.Path(sys.argv[1])).port, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", starts, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        peer = Peer(port)
        gone = queue.Queue[str]()
        peer.client.on_disconnect = lambda *_: gone.put("gone")
        parent.kill()
        assert gone.get(timeout=PATIENCE_S) == "gone"
        peer.client.loop_stop()


def test_a_port_that_is_taken_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port_from(port) > port
        monkeypatch.setattr(brokers, "PORTS_TRIED", 1)
        with pytest.raises(OSError, match=f"no free port from {port} to {port}"):
            free_port_from(port)


def test_two_that_look_for_a_port_at_once_do_not_get_the_same() -> None:
    first = free_port()
    with listening_from(first) as one, listening_from(first) as other:
        assert one.getsockname()[1] < other.getsockname()[1]


def test_free_port_is_never_one_of_an_outgoing_connection(broker: Broker) -> None:
    """A connection that goes out may otherwise take a port between its being found free and its being used."""
    with socket.create_connection(("127.0.0.1", broker.port)) as out:
        lowest = min(out.getsockname()[1], 32_768)
        assert max(free_port() for _ in range(50)) < lowest


def test_free_port_passes_over_a_taken_one(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setattr(brokers, "_PORTS", range(port, port + 1))
    assert free_port() == port
    with socket.create_server(("127.0.0.1", port)), pytest.raises(OSError, match=f"no free port among .* from {port}"):
        free_port()


def test_a_port_that_is_free_is_taken_as_it_is() -> None:
    port = free_port()
    assert free_port_from(port) == port
