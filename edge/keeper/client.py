"""The agent's end of the line to its keeper: it connects, and connects again, for as long as the agent lives."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from edge.keeper.protocol import Channel, ToAgent, ToKeeper

log = logging.getLogger(__name__)

TRY_AGAIN_S = 0.2
"""A keeper is back within a second of its death; nobody can enter until the agent has found it."""


class KeeperLine:
    """Orders go to whichever keeper is there; with none, they go nowhere, and the keeper's pins are at rest."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._channel: Channel[ToAgent] | None = None
        self._gone = asyncio.Event()

    def send(self, message: ToKeeper) -> None:
        if self._channel is not None:
            self._channel.send(message)

    async def run(self, heard: Callable[[ToAgent], None], lost: Callable[[], None]) -> None:
        """Hold the line until cancelled. ``heard`` gets every message, ``lost`` is called when a keeper is gone."""
        loop = asyncio.get_running_loop()
        while True:
            self._gone.clear()
            try:
                _, channel = await loop.create_unix_connection(lambda: self._made(heard), str(self._path))
            except OSError:
                await asyncio.sleep(TRY_AGAIN_S)
                continue
            self._channel = channel
            try:
                await self._gone.wait()
            finally:
                self._channel = None
                channel.close()
            log.warning("the keeper is gone")
            lost()

    def _made(self, heard: Callable[[ToAgent], None]) -> Channel[ToAgent]:
        return Channel(ToAgent, heard, self._gone.set)
