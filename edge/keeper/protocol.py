"""The messages between keeper and agent, over a Unix socket: length-prefixed msgpack, both sides on asyncio; and the
agent's end of the line, which connects, and connects again, for as long as the agent lives.

Nothing here can hold a lock open: an agent that is gone is an end of file, and its outputs go to rest.
"""

import asyncio
import logging
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

import msgspec
from msgspec import Struct

from contract.emergencies import Cause, Ending

log = logging.getLogger(__name__)

RestCause = Literal["ordered", "expired", "agent_gone", "emergency_over"]


class DriveOutput(Struct, frozen=True, tag="drive"):
    """Agent to keeper: leave rest for at most ``lease_ms``; a further one renews the lease."""

    output: str
    lease_ms: int


class RestOutput(Struct, frozen=True, tag="rest"):
    """Agent to keeper: back to rest now."""

    output: str


class Reload(Struct, frozen=True, tag="reload"):
    """Agent to keeper: let go of the pins, and take those of the wiring with this hash."""

    wiring: str


class Reset(Struct, frozen=True, tag="reset"):
    """Agent to keeper: a person with the right card stands at the place where this zone is reset."""

    zone: str


class Drill(Struct, frozen=True, tag="drill"):
    """Agent to keeper: begin or end an exercise, in which the pins of the zone act as in a fire."""

    zone: str
    on: bool


class Snapshot(Struct, frozen=True, tag="snapshot"):
    """Keeper to agent, first of all and after a reload: where everything stands. ``emergencies`` are the zones in one,
    ``causes`` says why, and ``ended`` by what the last one of a zone ended since the keeper started. ``wiring`` is the
    hash of the configuration that the keeper goes by; empty if it does not say."""

    inputs: dict[str, bool]
    emergencies: list[str]
    latch_unsaved: bool = False
    wiring: str = ""
    causes: dict[str, Cause] = {}
    ended: dict[str, Ending] = {}


class NotReloaded(Struct, frozen=True, tag="not_reloaded"):
    """Keeper to agent: it could not take that wiring, and uses its present one further. A snapshot follows."""

    wiring: str
    why: str


class Changed(Struct, frozen=True, tag="changed"):
    """Keeper to agent: an input has changed, debounced. ``at_s`` is the edge's own monotonic time."""

    input: str
    active: bool
    at_s: float


class Frame(Struct, frozen=True, tag="frame"):
    """Keeper to agent: a reader has sent a frame; ``at_s`` is the time of its last bit."""

    reader: str
    bits: str
    at_s: float


class Rested(Struct, frozen=True, tag="rested"):
    """Keeper to agent: an output is back at rest, and why."""

    output: str
    cause: RestCause


class ZoneEmergency(Struct, frozen=True, tag="emergency"):
    """Keeper to agent: the emergency of a zone began, has a worse ``cause`` than before, or ended ``by`` something.
    The pins have moved already."""

    zone: str
    active: bool
    cause: Cause = "fire"
    by: Ending = "key"


class NotReset(Struct, frozen=True, tag="not_reset"):
    """Keeper to agent: somebody tried to reset a zone, ``by`` key or card, and these ``causes`` are still there."""

    zone: str
    by: Ending
    causes: list[Cause]


class LatchUnsaved(Struct, frozen=True, tag="latch"):
    """Keeper to agent: the emergencies could not be written down, and would be forgotten over a restart; or now they
    are."""

    unsaved: bool


class Refused(Struct, frozen=True, tag="refused"):
    """Keeper to agent: an order that was not followed."""

    output: str
    why: Literal["emergency", "no_such_output", "bad_lease"]


ToKeeper = DriveOutput | RestOutput | Reload | Reset | Drill
ToAgent = Snapshot | Changed | Frame | Rested | ZoneEmergency | NotReset | LatchUnsaved | Refused | NotReloaded

MAX_MESSAGE_BYTES = 64 * 1024
MAX_UNSENT_BYTES = 1024 * 1024
"""An agent that has not read this much is stuck; the keeper then drops the line, and with it every lease."""

TRY_AGAIN_S = 0.2
"""A keeper is back within a second of its death; nobody can enter until the agent has found it."""

_LENGTH = struct.Struct(">I")


class KeeperPort(Protocol):
    """How an agent reaches its keeper."""

    def send(self, message: ToKeeper) -> None:
        """Say it to whichever keeper is there."""


H = TypeVar("H")


class Channel(asyncio.Protocol, Generic[H]):
    """One end of the socket. ``kind`` is what the other end may send, which ``on_message`` gets; ``lost`` is called
    once."""

    def __init__(
        self,
        kind: Any,
        on_message: Callable[[H], None],
        lost: Callable[[], None],
        connected: Callable[["Channel[H]"], None] = lambda _channel: None,
    ) -> None:
        self._decoder: msgspec.msgpack.Decoder[H] = msgspec.msgpack.Decoder(kind)
        self._on_message, self._lost, self._connected = on_message, lost, connected
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream socket has no other kind
        self._transport = transport
        transport.set_write_buffer_limits(high=MAX_UNSENT_BYTES)
        self._connected(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._is_up() and len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > MAX_MESSAGE_BYTES:
                self.close()
                return
            if len(self._buffer) < _LENGTH.size + length:
                return
            body = bytes(self._buffer[_LENGTH.size : _LENGTH.size + length])
            del self._buffer[: _LENGTH.size + length]
            try:
                message = self._decoder.decode(body)
            except msgspec.DecodeError:
                self.close()
                return
            self._on_message(message)

    def _is_up(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def pause_writing(self) -> None:
        self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._lost()

    def send(self, message: ToKeeper | ToAgent) -> None:
        """Send if the line is up; whoever needs to know that it is not was called by ``lost``."""
        if self._transport is not None:
            body = msgspec.msgpack.encode(message)
            self._transport.write(_LENGTH.pack(len(body)) + body)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class KeeperLine:
    """The agent's end of the line. Orders go to whichever keeper is there; with none, they go nowhere, and the keeper's
    pins are at rest."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._channel: Channel[ToAgent] | None = None
        self._gone = asyncio.Event()

    def send(self, message: ToKeeper) -> None:
        if self._channel is not None:
            self._channel.send(message)

    async def run(self, on_message: Callable[[ToAgent], None], lost: Callable[[], None]) -> None:
        """Hold the line until cancelled. ``on_message`` gets every message, ``lost`` is called when a keeper is
        gone."""
        loop = asyncio.get_running_loop()
        while True:
            self._gone.clear()
            try:
                _, channel = await loop.create_unix_connection(lambda: self._new_channel(on_message), str(self._path))
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

    def _new_channel(self, on_message: Callable[[ToAgent], None]) -> Channel[ToAgent]:
        return Channel(ToAgent, on_message, self._gone.set)


class LocalLine:
    """Keeper and agent in one process, for virtual time: each message arrives in a turn of the loop of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_message: Callable[[ToKeeper], None]) -> None:
        self._loop, self._on_message = loop, on_message

    def send(self, message: ToKeeper) -> None:
        self._loop.call_soon(self._on_message, message)
