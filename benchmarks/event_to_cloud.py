"""One event from a device to the cloud and back as its acknowledgement, and on to a console's live stream.

The shipped agent, the shipped cloud and a real mosquitto, each a process; this program stands in the keeper's place,
puts the card of a resident without membership to the agent, hears the acknowledgement beside the device, and watches
the stream. So both figures begin with the frame: the decision, the journal's flush and the seal are in them. Beside
them stands the broker alone: a message of this program to itself, of the size that the event had on the wire.
"""

import asyncio
import socket
import sys
import time
from asyncio.subprocess import DEVNULL
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from benchmarks._agent import status_of
from benchmarks._keeper import StandIn
from benchmarks._machine import describe, work_folder
from benchmarks._report import SPREAD, Spread, finish, show, spread
from benchmarks._town import Town, add_device, found_sample, require_mosquitto, town
from cloud.sample import FACILITY
from contract import codec, topics
from contract.events import decode_event
from contract.messages import Ack, EventBatch
from edge.config.device_config import DeviceConfig
from firmware_sim.control.commands import card_bits
from firmware_sim.worlds.demo.community import SITE, is_ready
from firmware_sim.worlds.demo.operator import Operator

DEVICE = "gym-turnstile"
CARD = f"H10301:{FACILITY}:10006"
"""Of somebody who is known and has no membership: each refusal is a row. Of unknown cards only the first few are."""
EVENTS, WARM_UP = 200, 10
PAUSE_S = (0.02, 0.3)
"""Between two events: a status of the device, an earlier frame of the stream may still be under way."""
WITHIN_S = 20.0
ECHO = f"hg/v1/{SITE}/echo"


class Ear:
    """Everything of one device on the broker, and when it came; and messages to itself. paho's thread calls."""

    def __init__(self, port: int) -> None:
        self.news = asyncio.Event()
        self.seq = self.acked = 0
        self.sent_ns = self.acked_ns = self.echoed_ns = 0
        self.size = 0
        self._loop = asyncio.get_running_loop()
        self._client = client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
        client.on_socket_open = _without_delay
        client.on_message = self._heard
        client.connect("127.0.0.1", port)
        client.subscribe([(name, 1) for name in self._topics()])
        client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    async def echo(self) -> float:
        """The broker alone, there and back, in milliseconds."""
        self.echoed_ns = 0
        began = time.monotonic_ns()
        self._client.publish(ECHO, bytes(max(self.size, 1)), qos=1)
        await self.until(lambda: self.echoed_ns > 0)
        return (self.echoed_ns - began) / 1e6

    async def until(self, seen: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not seen():
                self.news.clear()
                await self.news.wait()

    def _topics(self) -> list[str]:
        return [topics.up(SITE, DEVICE, "events"), topics.down(SITE, DEVICE, "ack"), ECHO]

    def _heard(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        now_ns, payload = time.monotonic_ns(), bytes(message.payload)
        if message.topic == ECHO:
            self.echoed_ns = now_ns
        elif message.topic.endswith("/ack"):
            self.acked = codec.read(codec.detach(payload)[0], Ack).upto
            self.acked_ns = now_ns
        else:
            batch = codec.unpack(payload, EventBatch)
            if decode_event(batch.events[-1]).kind == "access.refused":
                self.seq, self.size, self.sent_ns = batch.last, len(payload), now_ns
        self._loop.call_soon_threadsafe(self.news.set)


def _without_delay(_client: Client, _data: Any, opened: Any) -> None:
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def one_event(keeper: StandIn, ear: Ear, operator: Operator) -> list[float]:
    """The milliseconds from a card's frame until its event is sent, acknowledged, and on the stream."""
    before = ear.seq
    began = time.monotonic_ns()
    keeper.frame(f"{DEVICE}.in", card_bits(CARD))
    await ear.until(lambda: ear.seq > before and ear.acked >= ear.seq)
    seen = await operator.wait(lambda event: bool(event["seq"] == ear.seq), since_ns=began, within_s=WITHIN_S)
    return [(at_ns - began) / 1e6 for at_ns in (ear.sent_ns, ear.acked_ns, seen.at_ns)]


async def measure(here: Town, config: DeviceConfig, password: str) -> dict[str, Spread]:
    operator, chance = Operator(here.url, "admin", password), Random(1)
    async with StandIn(config.run, (f"{DEVICE}.arm", f"{DEVICE}.exit_arm")) as keeper:
        command = sys.executable, "-m", "benchmarks._in_real_time", "run", "--config", str(config.path)
        agent = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL)
        with closing(Ear(here.broker.port)) as ear:
            await asyncio.wait_for(keeper.connected.wait(), WITHIN_S)
            await operator.open()
            await _until_ready(config)
            took: list[list[float]] = []
            for _ in range(WARM_UP + EVENTS):
                took.append([*await one_event(keeper, ear, operator), await ear.echo()])
                await asyncio.sleep(chance.uniform(*PAUSE_S))
        await operator.close()
        agent.terminate()
        await agent.wait()
    ways = "frame → durable and sent", "frame → acknowledged", "frame → on the stream", "broker alone"
    return {way: spread(samples) for way, *samples in zip(ways, *took[WARM_UP:], strict=True)}


async def _until_ready(config: DeviceConfig) -> None:
    """The agent has its roster, and a connection."""
    async with asyncio.timeout(WITHIN_S):
        while (status := await status_of(config.run / "agent.sock")) is None or not is_ready(status):
            await asyncio.sleep(0.05)


def main() -> None:
    require_mosquitto()
    with work_folder() as name:
        folder = Path(name)
        password = found_sample(folder)
        with town(folder) as here:
            config = add_device(folder, DEVICE, "turnstile", "gym", DEVICE, here.broker.port)
            found = asyncio.run(measure(here, config, password))
        machine = describe(folder)
    show("One event, ms", ("way", *SPREAD), [[name, *one.row(2)] for name, one in found.items()])
    finish(
        "event_to_cloud",
        {"ms": {name: one.figures() for name, one in found.items()}},
        machine,
    )


if __name__ == "__main__":
    main()
