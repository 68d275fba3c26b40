"""A charging post as somebody else would write it, and a server on loopback for it."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.edge.support.posts import PASSWORD, POINT, Served

NAME = "post-1"
WITHIN_S = 30.0


def run(story: Callable[[Served], Coroutine[Any, Any, None]], *, connectors: int = 1) -> None:
    """Tell a story with a server on loopback."""

    async def told() -> None:
        points = {(NAME, number): POINT if number == 1 else f"ev-{number}" for number in range(1, connectors + 1)}
        served = Served(asyncio.get_running_loop(), points)
        served.server.start()
        await served.server.listening.wait()
        try:
            async with asyncio.timeout(WITHIN_S):
                await story(served)
        finally:
            await served.server.close()

    asyncio.run(told())


def basic(name: str = NAME, password: bytes = PASSWORD.encode()) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(name.encode() + b":" + password).decode()}


class Peer:
    """A post as somebody else would write it: frames of JSON by hand."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.calls = 0
        self.asked: list[list[Any]] = []
        """Calls of the server that were not answered yet."""

    async def call(self, action: str, **payload: Any) -> Any:
        """Returns the payload of the answer, or the code of the refusal."""
        self.calls += 1
        await self.socket.send(json.dumps([2, str(self.calls), action, payload]))
        while True:
            frame = json.loads(await self.socket.recv())
            if frame[0] == 2:
                self.asked.append(frame)
            elif frame[1] == str(self.calls):
                return frame[2]

    async def order(self, action: str) -> list[Any]:
        """The next call of the server of that action; others before it are answered with a refusal."""
        while True:
            frame = self.asked.pop(0) if self.asked else json.loads(await self.socket.recv())
            if frame[0] == 2 and frame[2] == action:
                return list(frame)
            if frame[0] == 2:
                await self.socket.send(json.dumps([4, frame[1], "NotImplemented", "", {}]))

    async def heard(self) -> list[Any]:
        """The next call of the server, which is left unanswered."""
        return list(json.loads(await self.socket.recv()))

    async def answer(self, frame: list[Any], **payload: Any) -> None:
        await self.socket.send(json.dumps([3, frame[1], payload]))


@asynccontextmanager
async def peer(served: Served, version: str = "ocpp1.6", path: str = f"/{NAME}", **header: Any) -> AsyncIterator[Peer]:
    uri = f"ws://127.0.0.1:{served.server.port}{path}"
    protocols = [Subprotocol(version)] if version else None
    async with connect(uri, subprotocols=protocols, additional_headers=header.get("headers", basic())) as socket:
        yield Peer(socket)


async def until(true: Callable[[], object]) -> None:
    while not true():
        await asyncio.sleep(0.001)
