"""A post with several connectors behind the shipped server: a station in its own time at each of them."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from edge.archetypes.protocol import Decided, Effect, Received, Send
from edge.ocpp.server import OcppServer
from edge.stations import ev_post
from tests.edge.support.posts import PASSWORD, Rig, Wall

NAME = "post-1"
WITHIN_S = 30.0


class Connector(Rig):
    """One connector's station; what it sends goes to the server."""

    def __init__(self, point: str, send: Callable[[str, Any], None], **settings: Any) -> None:
        super().__init__(**settings)
        self.point, self._send_on = point, send
        self.state = ev_post.KIND.start(point, self.settings)

    def _do(self, effect: Effect) -> Decided | None:
        if isinstance(effect, Send):
            self._send_on(self.point, effect.message)
        return super()._do(effect)


class Post:
    """The stations of a post's connectors, and the server that its messages come in by. ``later_ms``: how far their
    time is ahead of the loop's."""

    def __init__(self, connectors: int, **settings: Any) -> None:
        self.at = {number: Connector(f"ev-{number}", self._send, **settings) for number in range(1, connectors + 1)}
        self.later_ms = 0
        self._start()

    def _start(self) -> None:
        places = {(NAME, number): rig.point for number, rig in self.at.items()}
        loop = asyncio.get_running_loop()
        self.server = OcppServer(("127.0.0.1", 0), places, {NAME: PASSWORD}.get, Wall().now_ms, loop, self._receive)

    async def listen(self) -> None:
        self.server.start()
        await self.server.listening.wait()

    async def restart(self) -> None:
        """The agent starts anew with what it kept."""
        await self.server.close()
        self._start()
        for rig in self.at.values():
            rig.restart()
        await self.listen()

    def faults(self) -> list[str]:
        return sorted(fault for rig in self.at.values() for fault in rig.report.faults)

    def _send(self, point: str, message: Any) -> None:
        self.server.send(point, message)

    def _receive(self, point: str, port: str, message: Any) -> None:
        rig = next(rig for rig in self.at.values() if rig.point == point)
        rig.now_ms = max(rig.now_ms, int(asyncio.get_running_loop().time() * 1000) + self.later_ms)
        rig.take(Received(port, message))


def run(story: Callable[[Post], Coroutine[Any, Any, None]], connectors: int = 2, **settings: Any) -> Post:
    """Tell a story, and return what the stations have by then."""

    async def told() -> Post:
        post = Post(connectors, **settings)
        await post.listen()
        try:
            async with asyncio.timeout(WITHIN_S):
                await story(post)
        finally:
            await post.server.close()
        return post

    return asyncio.run(told())
