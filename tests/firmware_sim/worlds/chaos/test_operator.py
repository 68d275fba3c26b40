"""Who opens from afar while everything is killed: nothing that is dead keeps the operator from going on."""

import asyncio
from pathlib import Path
from threading import Event

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from firmware_sim.worlds.chaos.operator import NAME, say_again, try_to_open
from firmware_sim.worlds.demo.brokers import free_port, start_broker
from firmware_sim.worlds.demo.operator import Operator

PATIENCE_S = 20.0


def test_of_a_cloud_that_is_dead_nothing_comes() -> None:
    async def story() -> None:
        operator = Operator(f"http://127.0.0.1:{free_port()}", NAME, "secret")
        await try_to_open(operator, "gate-1")
        await operator.close()

    asyncio.run(story())


def test_a_message_is_said_again_to_whoever_listens(mosquitto: Path, tmp_path: Path) -> None:
    broker = start_broker(tmp_path)
    listens, heard, came = Event(), [], Event()
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)

    def hear(_client: Client, _data: object, message: MQTTMessage) -> None:
        heard.append((message.topic, message.payload))
        came.set()

    client.on_message = hear
    client.on_subscribe = lambda *_: listens.set()
    client.connect("127.0.0.1", broker.port)
    client.subscribe("door/#")
    client.loop_start()
    try:
        assert listens.wait(PATIENCE_S)
        asyncio.run(say_again("door/open", b"once", broker.port))
        assert came.wait(PATIENCE_S)
        assert heard == [("door/open", b"once")]
    finally:
        client.disconnect()
        client.loop_stop()
        broker.stop()


def test_a_broker_that_is_dead_is_told_nothing() -> None:
    asyncio.run(say_again("door/open", b"once", free_port()))
