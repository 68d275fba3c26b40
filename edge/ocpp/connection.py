"""The connection of a post: bounded until the post has shown who it is, and watched for any sign of life after that."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Protocol

from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame

from edge.ocpp.admission import Handshakes

PING_S = 20.0
"""A post of which nothing is heard for two of these, no message, ping or answer to one, is hung up on."""
NOTHING_HEARD = 1011, "nothing was heard"

library_log = logging.getLogger(f"{__name__}.library")
"""The library logs a traceback for each connection that asks for nothing; what matters of that is logged here."""
library_log.addFilter(lambda record: record.msg != "opening handshake failed")
library_log.setLevel(logging.ERROR)


class PostConnection(ServerConnection):
    """``heard_at_s``: when anything came last, be it a message, a ping or the answer to one."""

    def __init__(self, handshakes: "Handshakes[PostConnection]", *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.heard_at_s = self.loop.time()
        self._handshakes = handshakes

    @property
    def address(self) -> str:
        address = self.remote_address
        return str(address[0]) if isinstance(address, tuple) else "somewhere"

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        dropped = self._handshakes.add(self, self.address)
        if dropped is not None:
            dropped.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._handshakes.remove(self)
        super().connection_lost(exc)

    def process_event(self, event: Any) -> None:
        if isinstance(event, Frame):
            self.heard_at_s = self.loop.time()
        super().process_event(event)

    async def ping_once(self) -> None:
        """Send a ping unless an earlier one waits for its answer: a post may answer none, and they would pile up."""
        if not self.pending_pings:
            await self.ping()


class Watched(Protocol):
    """The part of a connection that is watched."""

    @property
    def heard_at_s(self) -> float: ...

    async def ping_once(self) -> None: ...

    async def close(self, code: int, reason: str) -> None: ...


async def watch(connection: Watched, alive: Callable[[], None]) -> None:
    """Say again and again that the line is alive, or hang up. A post may answer pings and say nothing for an hour, or
    answer no ping while it talks."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(PING_S)
        silent_s = loop.time() - connection.heard_at_s
        if silent_s >= 2 * PING_S:
            await connection.close(*NOTHING_HEARD)
            return
        if silent_s < PING_S:
            alive()
        await connection.ping_once()
