import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from contract.messages import MAX_PAYLOAD_BYTES
from edge.link import mqtt
from edge.link.connection_number import ConnectionNumber
from edge.link.mqtt import FIRST_PAUSE_S, LONGEST_PAUSE_S, Broker, MqttLink, MqttSession
from firmware_sim.network.link import Proxy
from firmware_sim.time.clock import run_virtual
from firmware_sim.worlds.demo.brokers import Broker as LocalBroker
from firmware_sim.worlds.demo.brokers import free_port, start_broker
from tests.edge.support.links import DOWN, UP, Ends, Trusting, making, run
from tests.edge.support.syncing import Clock


def test_messages_go_both_ways_and_tell_whether_they_were_kept(broker: LocalBroker, tmp_path: Path) -> None:
    async def story() -> None:
        async with making(tmp_path) as ends:
            cloud = ends.cloud(broker.port)
            await cloud.up()
            cloud.link.publish(f"{DOWN}roster", b"kept", qos=1, retain=True)
            device = ends.device(broker.port)
            assert await device.up() == 1
            assert device.link.up
            assert device.link.why_down == ""
            assert await device.hear() == (f"{DOWN}roster", b"kept", True)
            cloud.link.publish(f"{DOWN}ack", b"fresh", qos=1)
            assert await device.hear() == (f"{DOWN}ack", b"fresh", False)
            for number in range(50):
                device.link.publish(f"{UP}events", b"%d" % number, qos=1)
            assert [(await cloud.hear())[1] for _ in range(50)] == [b"%d" % number for number in range(50)]

    run(story())


def test_the_largest_message_passes_and_a_larger_one_is_not_handed_on(broker: LocalBroker, tmp_path: Path) -> None:
    async def story() -> None:
        async with making(tmp_path) as ends:
            cloud, device = ends.cloud(broker.port), ends.device(broker.port)
            await cloud.up()
            await device.up()
            cloud.link.publish(f"{DOWN}page", bytes(MAX_PAYLOAD_BYTES + 1), qos=1)
            cloud.link.publish(f"{DOWN}page", bytes(MAX_PAYLOAD_BYTES), qos=1)
            assert len((await device.hear())[1]) == MAX_PAYLOAD_BYTES

    run(story())


def test_a_broken_connection_is_told_by_the_will_with_its_number_and_a_goodbye_is_not(
    broker: LocalBroker, tmp_path: Path
) -> None:
    async def story() -> None:
        proxy = Proxy(broker.port)
        await proxy.start()
        async with making(tmp_path) as ends:
            cloud = ends.cloud(broker.port)
            await cloud.up()
            device = ends.device(proxy.port)
            assert await device.up() == 1
            await proxy.cut()
            await device.down()
            assert not device.link.up
            assert await cloud.hear() == (f"{UP}state", b"gone 1", False)
            await proxy.restore()
            again = await device.up()
            assert again > 1
            await device.link.close()
            cloud.link.publish("hg/v1/estate/gym-01/up/beat", b"later", qos=1)
            assert (await cloud.hear())[1] == b"later"
        await proxy.close()

    run(story())


def test_a_broker_that_comes_late_dies_and_comes_back_is_found_each_time(mosquitto: Path, tmp_path: Path) -> None:
    async def story() -> None:
        port = free_port()
        async with making(tmp_path) as ends:
            device = ends.device(port)
            while "refused" not in device.link.why_down:
                await asyncio.sleep(0)
            assert not device.link.up
            device.link.publish(f"{UP}events", b"into the void", qos=1)
            first = await asyncio.to_thread(start_broker, tmp_path / "broker", port, "mosquitto")
            earlier = await device.up()
            first.kill()
            await device.down()
            second = await asyncio.to_thread(start_broker, tmp_path / "broker", port, "mosquitto")
            assert await device.up() > earlier
            await device.link.close()
            second.stop()

    run(story())


def test_a_fault_of_ours_in_a_callback_is_counted_and_the_link_goes_on(broker: LocalBroker, tmp_path: Path) -> None:
    async def story() -> None:
        async with making(tmp_path) as ends:
            cloud, device = ends.cloud(broker.port), ends.device(broker.port)
            hears = device.link.on_message

            def stumbles(topic: str, payload: bytes, retained: bool) -> None:
                if payload == b"trap":
                    raise RuntimeError("ours")
                hears(topic, payload, retained)

            device.link.on_message = stumbles
            await cloud.up()
            await device.up()
            for payload in (b"trap", b"trap", b"plain"):
                cloud.link.publish(f"{DOWN}ack", payload, qos=1)
            assert (await device.hear())[1] == b"plain"
            assert device.link.faults == 2

    run(story())


def test_a_name_that_no_host_can_have_is_a_broker_that_is_not_there(tmp_path: Path) -> None:
    async def story() -> None:
        async with making(tmp_path) as ends:
            device = ends.device(1883, Trusting(), host="x" * 64 + ".example")
            while device.link.why_down == "not connected yet":
                await asyncio.sleep(0)
            assert not device.link.up

    run(story())


@pytest.mark.parametrize("host", ["192.0.2.7", "broker.example", "localhost"])
def test_another_host_needs_tls(tmp_path: Path, host: str) -> None:
    async def story() -> None:
        with pytest.raises(ValueError, match="use TLS"):
            Ends(tmp_path).device(1883, host=host)

    run(story())


def test_small_messages_do_not_wait_for_one_another(broker: LocalBroker, tmp_path: Path) -> None:
    async def story() -> None:
        async with making(tmp_path) as ends:
            device = ends.device(broker.port)
            await device.up()
            assert device.link._client is not None
            opened: Any = device.link._client.socket()
            assert opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1

    run(story())


@asynccontextmanager
async def stranger(answer: bytes) -> AsyncIterator[int]:
    """A server on loopback that is no broker: it says its piece to whoever comes, and then listens for ever."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(1)
            writer.write(answer)
            with suppress(ConnectionError):
                await reader.read()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


CONNACK = bytes.fromhex("2003000000")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        bytes.fromhex("20030000ff"),
        bytes.fromhex("20ffffffffff"),
        bytes.fromhex("2003008700"),
        CONNACK + bytes.fromhex("3003ffff00"),
        CONNACK + bytes.fromhex("3006000261ff00aa"),
        CONNACK + bytes.fromhex("e00100"),
        CONNACK + bytes.fromhex("f00000"),
        CONNACK + bytes(64),
    ],
    ids=lambda answer: answer.hex(),
)
def test_whatever_a_stranger_answers_the_link_lives_and_finds_a_real_broker(
    broker: LocalBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    async def story() -> None:
        monkeypatch.setattr(mqtt, "TICK_S", 0.01)
        monkeypatch.setattr(mqtt, "CONNECT_WITHIN_S", 0.2)
        async with stranger(answer) as port, making(tmp_path) as ends:
            proxy = Proxy(port)
            await proxy.start()
            device = ends.device(proxy.port)
            while (device.link._number._last or 0) < 2 and not device.link.up:
                await asyncio.sleep(0)
            proxy.target_port = broker.port
            await proxy.cut()
            await proxy.restore()
            cloud = ends.cloud(broker.port)
            await cloud.up()
            cloud.link.publish(f"{DOWN}ack", b"fine", qos=1, retain=True)
            while (await device.hear())[1] != b"fine":
                pass
            cloud.link.publish(f"{DOWN}ack", b"", qos=1, retain=True)  # the next test's broker has kept nothing
            await proxy.close()

    run(story())


def published(payload: bytes, announced: int) -> bytes:
    """A PUBLISH of QoS 0 on a topic of the device's, of which so many bytes are announced."""
    low, middle, high, top = (announced >> shift & 127 for shift in (0, 7, 14, 21))
    length = bytes([low | 128, middle | 128, high | 128, top])
    topic = f"{DOWN}page".encode()
    return b"\x30" + length + len(topic).to_bytes(2, "big") + topic + b"\x00" + payload


def test_ten_megabytes_are_dropped_and_counted_and_the_next_message_is_heard(tmp_path: Path) -> None:
    head = len(published(b"", 0)) - 5
    large = published(bytes(10 * 1024 * 1024), head + 10 * 1024 * 1024)

    async def story() -> None:
        async with stranger(CONNACK + large + published(b"fine", head + 4)) as port, making(tmp_path) as ends:
            device = ends.device(port)
            assert (await device.hear())[1] == b"fine"
            assert device.link.oversized == 1

    run(story())


def test_a_broker_that_announces_more_than_a_small_machine_can_hold_is_given_up(tmp_path: Path) -> None:
    async def story() -> None:
        async with stranger(CONNACK + published(bytes(100), 200 * 1024 * 1024)) as port, making(tmp_path) as ends:
            device = ends.device(port)
            while "209715200 bytes at once" not in device.link.why_down:
                await asyncio.sleep(0)

    run(story())


def test_pauses_between_attempts_grow_up_to_a_bound_and_are_drawn_anew(tmp_path: Path) -> None:
    class Longest(Random):
        def uniform(self, a: float, b: float) -> float:
            tried.append((a, b))
            return b

    tried: list[tuple[float, float]] = []

    async def story() -> None:
        link = MqttLink(
            Broker("127.0.0.1", free_port()),
            MqttSession("gym-01", f"{DOWN}+", f"{UP}state", lambda number: b""),
            number=ConnectionNumber(tmp_path / "connection", Clock()),
            loop=asyncio.get_running_loop(),
            random=Longest(),
        )
        link.start()
        await asyncio.sleep(250)
        await link.close()

    run_virtual(story())
    assert [high for _, high in tried[:8]] == [min(FIRST_PAUSE_S * 2**turn, LONGEST_PAUSE_S) for turn in range(8)]
    assert {low for low, _ in tried} == {0}


def test_link_comes_up_once_a_connection(tmp_path: Path) -> None:
    """A broker may send what it had kept before it answers the subscription: both mean that the link is up."""

    async def story() -> None:
        link = MqttLink(
            Broker("127.0.0.1", free_port()),
            MqttSession("gym-01", f"{DOWN}+", f"{UP}state", lambda number: b""),
            number=ConnectionNumber(tmp_path / "connection", Clock()),
            loop=asyncio.get_running_loop(),
            random=Random(1),
        )
        ups: list[int] = []
        link.on_up = ups.append
        link._on_message(Client(CallbackAPIVersion.VERSION2), None, MQTTMessage(topic=b"hg/kept"))
        link._now_up()
        assert ups == [0]

    run_virtual(story())
