"""A roster sync on a real store, in virtual time, and a cloud that a test makes behave."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from contract import codec
from contract.decide import Trust
from contract.device_events import RosterDamaged
from contract.messages import Want
from contract.sealing import RosterVerifier
from edge.link.sealed_channel import SealedChannel
from edge.roster.store import RosterStore
from edge.roster.sync import RosterSync
from firmware_sim.time.clock import run_virtual
from tests.edge.support.clouds import DEVICE_KEY, OneWayLink
from tests.edge.support.journals import FixedTime
from tests.edge.support.rosters import DEVICE, NOW_MS, ROSTER_KEY, SITE, Published, digest, row


class Clock(FixedTime):
    def __init__(self, trust: Trust = Trust.SYNCED, now_ms: int = NOW_MS + 1000) -> None:
        super().__init__(now_ms)
        self.trust = trust
        self.issued: list[int] = []

    def saw_issued(self, issued_ms: int) -> None:
        self.issued.append(issued_ms)


class Bench:
    """A roster sync on a real store, and a cloud that answers what it is asked for."""

    def __init__(self, path: Path, trust: Trust = Trust.SYNCED) -> None:
        self.path = path
        self.clock = Clock(trust)
        self.store = RosterStore(path)
        self.found = self.store.number, ""
        self.loop = asyncio.get_running_loop()
        self.blobs: dict[bytes, bytes] = {}
        self.asked: list[tuple[float, list[bytes]]] = []
        self.told: list[tuple[int, str]] = []
        self.progress: list[tuple[int, int]] = []
        self.times_asked = 0
        self.damage: list[RosterDamaged] = []
        self.answers: Callable[[bytes], object] = lambda name: self.loop.call_later(0.05, self.deliver, name)
        self.sync = RosterSync(
            SealedChannel(OneWayLink(self.wanted), SITE, DEVICE, DEVICE_KEY),
            self.store,
            RosterVerifier(ROSTER_KEY.public()),
            self.clock,
            loop=self.loop,
            writer=None,
        )
        self.sync.on_change, self.sync.on_damage = self.changed, self.damage.append
        self.sync.ask_time = self.time_asked

    def time_asked(self) -> None:
        self.times_asked += 1

    def changed(self) -> None:
        self.progress.append((self.sync.got, self.sync.wanted))
        news = self.store.number, self.sync.refused
        if news != (self.told[-1] if self.told else self.found):
            self.told.append(news)

    def publish(self, published: Published) -> None:
        """The cloud has it, and tells the manifest."""
        self.blobs |= published.blobs
        self.sync.manifest(published.payload)

    def wanted(self, payload: bytes) -> None:
        want = codec.read(payload, Want)
        self.asked.append((self.loop.time(), want.pages))
        for name in want.pages:
            self.answers(name)

    def deliver(self, name: bytes) -> None:
        if name in self.blobs:
            self.sync.page(self.blobs[name])

    def knows(self, number: int) -> bool:
        return [grant.holder for grant in self.store.find(digest(number))] == [row(number).holder]

    async def close(self) -> None:
        await self.sync.close()
        self.store.close()


def run(path: Path, story: Callable[[Bench], Coroutine[Any, Any, None]], trust: Trust = Trust.SYNCED) -> None:
    async def whole() -> None:
        bench = Bench(path, trust)
        try:
            await story(bench)
        finally:
            await bench.close()

    run_virtual(whole())
