"""A proxy between a charging post and its central system that mistreats the post's meter readings, by a seed.

It takes any post of OCPP 1.6J or 2.0.1, ours or bought. What it does to readings, posts and lines are known to do: they
come late, in a queue, out of order, twice or never, at mains above nominal, from a register that starts from 0 in
mid-session. The ends of a transaction always arrive. ``told_wh`` is then what the post's own register says was drawn.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from firmware_sim.network.link import first_to_end

VERSIONS = ("ocpp1.6", "ocpp2.0.1")
MAX_HELD = 50
OURS = "proxy-"
"""Calls by this name are told again by the proxy; nobody awaits their answers."""
ENERGY, POWER = "Energy.Active.Import.Register", "Power.Active.Import"

Frame = list[Any]


class ReadingFaults(NamedTuple):
    """How likely a reading is dropped, held back or repeated; by how much the power lies above nominal; and after how
    many readings the register starts from 0, if it ever does."""

    drop: float = 0.2
    hold: float = 0.3
    repeat: float = 0.2
    scale: float = 1.0
    reset_after: int | None = None


class Readings:
    """What becomes of one post's messages: which are passed on, and when. It knows nothing of any connection."""

    def __init__(self, seed: int | str, faults: ReadingFaults) -> None:
        self.told_wh = 0.0
        """What the register has counted since the transaction began."""
        self.done: Counter[str] = Counter()
        self._chance, self._faults = random.Random(f"{seed}/readings"), faults
        self._held: list[Frame] = []
        self._begin_wh: float | None = None
        self._base_wh = 0.0
        self._readings = self._again = 0

    def passed_on(self, frame: Frame) -> tuple[list[Frame], bool]:
        """What is told in place of a message of the post, and whether the post is answered by the proxy."""
        if frame[0] != 2:
            return [frame], False
        if not _is_reading(frame):
            is_end = _is_end(frame)
            frame = self._changed(frame)
            return [*(self._released() if is_end and self._chance.random() < 0.5 else []), frame], False
        self._count_reading(frame)
        return self._mistreated(self._changed(frame))

    def _mistreated(self, frame: Frame) -> tuple[list[Frame], bool]:
        lot, faults = self._chance.random(), self._faults
        released = self._released() if self._chance.random() < 0.2 else []
        if lot < faults.drop:
            self.done["dropped"] += 1
            return released, True
        if lot < faults.drop + faults.hold and len(self._held) < MAX_HELD:
            self._held.append(self._copy(frame))
            self.done["held"] += 1
            return released, True
        if self._chance.random() < faults.repeat:
            self.done["repeated"] += 1
            return [*released, frame, self._copy(frame)], False
        return [*released, frame], False

    def _released(self) -> list[Frame]:
        """What was held back, all at once and in any order."""
        held, self._held = self._held, []
        self._chance.shuffle(held)
        return held

    def _copy(self, frame: Frame) -> Frame:
        self._again += 1
        return [frame[0], f"{OURS}{self._again}", *frame[2:]]

    def _count_reading(self, frame: Frame) -> None:
        self._readings += 1
        register = next(_registers(frame[3]), None)
        if self._readings == self._faults.reset_after and register is not None:
            self._base_wh = self._scaled(register.value())
            self.done["reset"] += 1

    def _changed(self, frame: Frame) -> Frame:
        """A message with its registers and powers as they are at these mains."""
        frame = json.loads(json.dumps(frame))
        payload = frame[3] if isinstance(frame[3], dict) else {}
        for register in _registers(payload):
            if self._begin_wh is None:
                self._begin_wh = register.value()
            wh = self._scaled(register.value())
            self.told_wh = max(self.told_wh, wh - self._begin_wh)
            register.change(round(wh - self._base_wh, 3))
        for power in _sampled(payload, POWER):
            power.change(round(power.value() * self._faults.scale, 1))
        return frame

    def _scaled(self, wh: float) -> float:
        begin_wh = wh if self._begin_wh is None else self._begin_wh
        return begin_wh + (wh - begin_wh) * self._faults.scale


class PostProxy:
    """Carries the connections of posts from a port of its own to a central system at ``url``."""

    def __init__(self, url: str, *, seed: int | str = 1, faults: ReadingFaults | None = None) -> None:
        self.readings = Readings(seed, faults or ReadingFaults())
        self._url = url.rstrip("/")
        self._server: Server | None = None

    @property
    def port(self) -> int:
        """Where posts connect to; known once it has been started."""
        if self._server is None:
            raise RuntimeError("the proxy has not been started")
        return int(next(iter(self._server.sockets)).getsockname()[1])

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1, on a free port if none is given."""
        names = [Subprotocol(name) for name in VERSIONS]
        self._server = await serve(self._carry, "127.0.0.1", port, subprotocols=names, compression=None)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _carry(self, post: ServerConnection) -> None:
        """One connection, with the name, the version and the password that the post has shown."""
        request = post.request
        if request is None or post.subprotocol is None:
            return
        shown = request.headers.get("Authorization")
        headers = {"Authorization": shown} if shown else {}
        try:
            async with connect(
                self._url + request.path,
                subprotocols=[post.subprotocol],
                additional_headers=headers,
                compression=None,
                proxy=None,
            ) as central:
                with suppress(ConnectionClosed):
                    await first_to_end(self._from_post(post, central), _from_central(central, post))
        except (OSError, InvalidHandshake) as wrong:
            await post.close(1011, f"the central system: {wrong}"[:100])

    async def _from_post(self, post: ServerConnection, central: ClientConnection) -> None:
        async for message in post:
            frames, answered = self.readings.passed_on(json.loads(message))
            for frame in frames:
                await central.send(json.dumps(frame))
            if answered:
                await post.send(json.dumps([3, json.loads(message)[1], {}]))


async def run_proxy(url: str, port: int, *, seed: int, faults: ReadingFaults) -> None:
    """Be a proxy until this is cancelled."""
    proxy = PostProxy(url, seed=seed, faults=faults)
    await proxy.start(port)
    try:
        await asyncio.Event().wait()
    finally:
        await proxy.close()


async def _from_central(central: ClientConnection, post: ServerConnection) -> None:
    async for message in central:
        if not str(json.loads(message)[1]).startswith(OURS):
            await post.send(message)


def _is_reading(frame: Frame) -> bool:
    return frame[2] == "MeterValues" or (_event_type(frame) == "Updated" and "idToken" not in frame[3])


def _is_end(frame: Frame) -> bool:
    return frame[2] == "StopTransaction" or _event_type(frame) == "Ended"


def _event_type(frame: Frame) -> object:
    return frame[3].get("eventType") if frame[2] == "TransactionEvent" else None


class Quantity(NamedTuple):
    """A number in a message, as it stands there: in units of ``factor``, perhaps as a text."""

    table: dict[str, Any]
    key: str
    factor: float = 1.0

    def value(self) -> float:
        return float(self.table[self.key]) * self.factor

    def change(self, value: float) -> None:
        before, value = self.table[self.key], value / self.factor
        after: object = f"{value:.4f}" if isinstance(before, str) else value
        self.table[self.key] = round(value) if self.key.startswith("meter") else after


def _registers(payload: dict[str, Any]) -> Iterator[Quantity]:
    """Every register in a message, in watt-hours."""
    yield from (Quantity(payload, name) for name in ("meterStart", "meterStop") if name in payload)
    yield from _sampled(payload, ENERGY)


def _sampled(payload: dict[str, Any], measurand: str) -> Iterator[Quantity]:
    for moment in payload.get("meterValue", []):
        for sample in moment["sampledValue"]:
            if sample.get("measurand", ENERGY) == measurand:
                yield Quantity(sample, "value", 1000.0 if str(sample.get("unit", "")).startswith("k") else 1.0)
