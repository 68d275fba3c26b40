"""A hub with two charging posts in real time: the shipped device with its server, the shipped cloud, and posts that
connect to it over loopback. No post waits as long as one that is bought does.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from msgspec.structs import replace
from sqlalchemy import select

from cloud.commands.store import find_order
from cloud.people import plans
from cloud.people.store import change_plan
from cloud.people.tables import credentials
from cloud.store.schema import devices, events, journals
from contract.events import Event, decode_event
from edge.archetypes.protocol import Report
from edge.config.device_config import load
from edge.device.device import Device
from edge.ocpp.passwords import make_password
from edge.stations.ev_post.messages import card_bytes
from firmware_sim.network.virtual_mqtt import Line, VirtualBroker
from firmware_sim.parts.battery import Car
from firmware_sim.parts.charge_point import EvPost
from firmware_sim.parts.ocpp_client import Version
from firmware_sim.worlds.demo.brokers import free_port
from firmware_sim.worlds.virtual.cloud import VirtualCloud
from firmware_sim.worlds.virtual.device import VirtualDevice
from firmware_sim.worlds.virtual.town import MIDNIGHT_MS

NAME, LEFT, RIGHT = "hub-sockets", "ev-1", "ev-2"
RIDER, ANOTHER, STRANGER = "04A1B2C3", "04D4E5F6", "04010203"
FAST_W = 200_000.0
"""More than any car draws, so that a second is worth something."""
WITHIN_S = 20.0

CONFIG = """\
[device]
site = "sunny-court"
name = "hub-sockets"
state = "state"
keys = "keys"
run = "run"
[cloud]
broker = "mqtt://127.0.0.1:1883"
[ocpp]
listen = "127.0.0.1:{port}"
[[point]]
name = "ev-1"
kind = "ev_post"
zone = "hub"
settings.power_w = 350000
settings.full_ms = 300
lines.ocpp = {{ post = "post-1" }}
[[point]]
name = "ev-2"
kind = "ev_post"
zone = "hub"
settings.power_w = 350000
settings.full_ms = 300
lines.ocpp = {{ post = "post-2" }}
[[emergency]]
zone = "hub"
input = {{ pin = 26, active = "high" }}
smoke = {{ pin = 20 }}
reset = {{ pin = 16 }}
"""


class Yard:
    """``async with`` opens it: until both posts are set up, and their device has its roster."""

    def __init__(self, folder: Path, *, ration_wh: int | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self._port = free_port()
        file = folder / "device.toml"
        file.write_text(CONFIG.format(port=self._port))
        config, broker = load(file), VirtualBroker(self.loop, seed=1)
        self.cloud = VirtualCloud(folder / "cloud", broker, self.now_ms)
        self.device = VirtualDevice(config, broker, seed=1, line=Line(away_s=(0.05, 0.1)), serve_posts=True)
        self.posts = {LEFT: self._post("post-1", "1.6"), RIGHT: self._post("post-2", "2.0.1")}
        self._ration_wh = ration_wh
        self._living: list[asyncio.Task[None]] = []

    def _post(self, name: str, version: Version) -> EvPost:
        password = make_password(self.device.config.keys, name)
        return EvPost(
            self.loop,
            url=f"ws://127.0.0.1:{self._port}",
            name=name,
            password=lambda: password,
            now_ms=self.now_ms,
            version=version,
            most_w=FAST_W,
            tick_s=0.01,
        )

    async def __aenter__(self) -> Self:
        self.cloud.found([self.device.config])
        self.cloud.start()
        if self._ration_wh is not None:
            with self.cloud.changing() as connection:
                change_plan(connection, replace(plans.RIDER, quantities={"ev": plans.charging(120, self._ration_wh)}))
        self.device.start()
        self._living = [asyncio.create_task(post.run(), name=post.name) for post in self.posts.values()]
        await self.until(lambda: self.status["roster"]["number"] > 0 and self.in_step())
        for point in self.posts:
            await self.ready(point)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for life in self._living:
            life.cancel()
        await asyncio.gather(*self._living, return_exceptions=True)
        await self.device.close()
        self.cloud.kill()

    def now_ms(self) -> int:
        return MIDNIGHT_MS + round(self.loop.time() * 1000)

    async def until(self, holds: Callable[[], object]) -> None:
        """Raises ``TimeoutError`` if it does not come true."""
        async with asyncio.timeout(WITHIN_S):
            while not holds():
                await asyncio.sleep(0.01)

    async def ready(self, point: str) -> None:
        """Until a post is set up and somebody may begin there. It then tells its meter often."""
        post = self.posts[point]
        await self.until(lambda: post.connected and post.list_version > 0 and self.report(point).phase == "free")
        post.keys["MeterValueSampleInterval"] = "0.2"

    async def charge(self, point: str, tag: str = RIDER, car: Car | None = None) -> EvPost:
        """Plug a car in and show a card; until it charges."""
        post = self.posts[point]
        post.plug_in(car or Car(most_w=FAST_W))
        assert await post.tap(tag), post.refused
        await self.until(lambda: self.report(point).phase == "charging" and post.power_w)
        return post

    async def restart_agent(self) -> None:
        """Kill it and start it anew, as its supervisor does."""
        self.device.kill_agent()
        await asyncio.sleep(0.1)  # its sockets are closed by their system
        self.device.start_agent()

    @property
    def agent(self) -> Device:
        assert self.device.agent is not None, "no agent runs"
        return self.device.agent

    @property
    def status(self) -> dict[str, Any]:
        return self.agent.status()

    def card(self, tag: str) -> int:
        """The number of a card in the register."""
        read = card_bytes(tag)
        assert read is not None
        query = select(credentials.c.id).where(credentials.c.digest == self.agent.decider.digest_of_card(read))
        with self.cloud.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def in_step(self) -> bool:
        """Whether the cloud has acknowledged everything."""
        return self.device.waiting == 0

    def report(self, point: str) -> Report:
        return self.agent.agent.runners[point].report

    def live_wh(self, point: str) -> float:
        """What a screen shows that was drawn so far."""
        return float(str(self.report(point).live.get("energy_wh", 0)))

    async def told(self, *kinds: str) -> list[Event]:
        """What the cloud has of these kinds, once it has everything."""
        await self.until(self.in_step)
        return self._stored(*kinds)

    def _stored(self, *kinds: str) -> list[Event]:
        """What the cloud has of these kinds by now."""
        mine = select(events.c.stored).join(journals, journals.c.id == events.c.journal_id).join(devices)
        with self.cloud.reading() as connection:
            rows = connection.execute(mine.where(devices.c.name == NAME).order_by(events.c.arrival)).all()
        found = [decode_event(row.stored) for row in rows]
        return [event for event in found if event.kind in kinds]

    async def sessions(self) -> list[tuple[str, str, float]]:
        """Point, reason and energy of each session that ended. Each has begun, and once."""
        begun = [event.data["session"] for event in await self.told("session.started")]
        await self.until(lambda: len(self._stored("session.ended")) >= len(begun))  # an end may wait for the disk
        ended = await self.told("session.ended")
        assert len(begun) == len(set(begun))
        assert [event.data["session"] for event in ended] == begun
        return [(event.point, event.data["reason"], event.data["energy_wh"]) for event in ended]

    async def outcome(self, command: str) -> str:
        """What became of an order, once that is known."""

        def state() -> str:
            with self.cloud.reading() as connection:
                order = find_order(connection, command)
            assert order is not None
            return order.state

        await self.until(lambda: state() != "sent")
        return state()
