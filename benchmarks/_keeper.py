"""A keeper without pins: it puts frames to a real agent over the keeper's socket, and hears what the agent orders."""

import asyncio
from pathlib import Path
from time import monotonic
from typing import Self

from edge.config.places import socket_path
from edge.keeper.protocol import Channel, DriveOutput, Frame, Snapshot, ToKeeper


class StandIn:
    """Listens where the keeper would. ``ordered`` is set by every order that drives an output."""

    def __init__(self, run: Path, inputs: tuple[str, ...]) -> None:
        self.connected, self.ordered = asyncio.Event(), asyncio.Event()
        self.orders = 0
        self._path, self._inputs = socket_path(run), dict.fromkeys(inputs, False)
        self._channel: Channel[ToKeeper] | None = None
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.get_running_loop().create_unix_server(self._made, self._path)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._channel is not None:
            self._channel.close()
        if self._server is not None:
            self._server.close()

    def frame(self, reader: str, bits: str) -> None:
        """A card at a reader, now."""
        assert self._channel is not None
        self._channel.send(Frame(reader, bits, monotonic()))

    def _made(self) -> Channel[ToKeeper]:
        return Channel(ToKeeper, self._heard, self.connected.clear, self._connected)

    def _connected(self, channel: Channel[ToKeeper]) -> None:
        self._channel = channel
        channel.send(Snapshot(self._inputs, []))
        self.connected.set()

    def _heard(self, message: ToKeeper) -> None:
        if isinstance(message, DriveOutput):
            self.orders += 1
            self.ordered.set()
