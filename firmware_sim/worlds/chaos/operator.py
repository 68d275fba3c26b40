"""An operator of a town of chaos, who opens from afar; and a broker that says every command twice.

Here alone commands are issued. How many reached the broker is counted on the cloud's cable, and what became of them is
judged by the journals and the pins.
"""

import asyncio
from contextlib import suppress

import httpx
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from firmware_sim.worlds.demo.operator import Operator

NAME = "chaos"
REASON = "Somebody rings at the gate"
AGAIN_AFTER_S = 0.2
TURNS, TURN_S = 20, 0.1
"""Of paho's loop, while a message leaves."""


async def try_to_open(operator: Operator, point: str) -> None:
    """Order a point to be opened. Of a cloud that is dead nothing comes, as in life."""
    with suppress(httpx.HTTPError):
        await operator.log_in()
        await operator.order_open(point, REASON)


async def say_again(topic: str, payload: bytes, port: int) -> None:
    """Publish a message once more, as a broker may, or anybody who has it."""
    await asyncio.sleep(AGAIN_AFTER_S)
    with suppress(OSError):  # the broker is dead
        await asyncio.to_thread(_publish, topic, payload, port)


def _publish(topic: str, payload: bytes, port: int) -> None:
    """For so long as it takes, but not for ever: the broker may die at any line."""
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.connect("127.0.0.1", port)
    for _ in range(TURNS):
        if client.loop(TURN_S) != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return
        if client.is_connected():
            client.publish(topic, payload)
            client.disconnect()
