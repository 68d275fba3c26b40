"""Both ends of a link through a real broker, and an ear for what they hear."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

from edge.link.connection_number import ConnectionNumber
from edge.link.mqtt import Broker, MqttLink, MqttSession, Tls
from tests.edge.support.syncing import Clock

UP, DOWN = "hg/v1/estate/gym-01/up/", "hg/v1/estate/gym-01/dn/"


class AtOnce(Random):
    """Chance that never waits."""

    def uniform(self, a: float, b: float) -> float:
        return a


class Ear:
    """One end of a link, and everything it heard."""

    def __init__(self, link: MqttLink) -> None:
        self.link = link
        self.heard: asyncio.Queue[tuple[str, bytes, bool]] = asyncio.Queue()
        self.ups: asyncio.Queue[int] = asyncio.Queue()
        self.downs: asyncio.Queue[None] = asyncio.Queue()
        link.on_message = lambda topic, payload, retained: self.heard.put_nowait((topic, payload, retained))
        link.on_up = self.ups.put_nowait
        link.on_down = lambda: self.downs.put_nowait(None)

    async def hear(self) -> tuple[str, bytes, bool]:
        return await asyncio.wait_for(self.heard.get(), 20)

    async def up(self) -> int:
        return await asyncio.wait_for(self.ups.get(), 20)

    async def down(self) -> None:
        await asyncio.wait_for(self.downs.get(), 20)


class Trusting:
    """Believes a certificate, and shows none."""

    def __init__(self, certificate: Path | None = None) -> None:
        self._certificate = certificate

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._certificate)

    def check(self, opened: ssl.SSLSocket) -> None: ...
    def greeted(self) -> None: ...
    def refused(self) -> None: ...


class Ends:
    """Makes links to a broker, and closes them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._links: list[MqttLink] = []

    def device(self, port: int, tls: Tls | None = None, host: str = "127.0.0.1") -> Ear:
        return self._end("gym-01", Broker(host, port, tls), f"{DOWN}+")

    def cloud(self, port: int, tls: Tls | None = None) -> Ear:
        return self._end("cloud", Broker("127.0.0.1", port, tls), "hg/v1/+/+/up/+")

    def _end(self, name: str, broker: Broker, subscribe: str) -> Ear:
        count = self._folder / name
        if not count.exists():
            count.write_text("0")
        will_topic = f"{UP}state" if name == "gym-01" else "hg/will"
        link = MqttLink(
            broker,
            MqttSession(name, subscribe, will_topic, lambda number: f"gone {number}".encode()),
            number=ConnectionNumber(count, Clock()),
            loop=asyncio.get_running_loop(),
            random=AtOnce(),
        )
        self._links.append(link)
        link.start()
        return Ear(link)

    async def close(self) -> None:
        for link in self._links:
            await link.close()


@asynccontextmanager
async def making(folder: Path) -> AsyncIterator[Ends]:
    ends = Ends(folder)
    try:
        yield ends
    finally:
        await ends.close()


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 60))
