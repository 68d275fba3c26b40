"""The control of a board in another process: cards are tapped, doors pushed and pins watched over a Unix socket.

One JSON object a line. ``{"id": 7, "order": {"do": "tap", "reader": "gym.in", "card": "H10301:21:15890"}}`` is
answered ``{"id": 7, "ok": {…}}`` or ``{"id": 7, "error": "no reader …"}``, each order when it is done: a person who
walks through takes a second, and others may act meanwhile. Times are nanoseconds of this machine's monotonic clock.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from firmware_sim.control.commands import (
    Moves,
    NamedMove,
    Tap,
    TapAndWalk,
    Tapped,
    View,
    WaitMove,
    read_command,
)
from firmware_sim.parts.hardware import Command, ControlError, Way
from firmware_sim.parts.portal import Walk

MAX_ORDER_BYTES = 4096
MAX_ANSWER_BYTES = 1024 * 1024
MAX_UNANSWERED = 64
"""Orders of one connection that may be under way together."""
ANSWER_WITHIN_S = 30.0
"""The longest order but a wait: a person who waits at a door and then walks through."""


class BoardGone(ConnectionError):
    """No board answers on the socket, or it has gone in the middle of an order."""


class Request(msgspec.Struct, frozen=True):
    id: int
    order: msgspec.Raw


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """To the order of that id; 0 if it could not even be read."""

    id: int
    ok: dict[str, Any] | None = None
    error: str | None = None


Execute = Callable[[Command], Awaitable[dict[str, Any]]]


class ControlServer:
    """Takes orders on a Unix socket and answers each when `execute` has carried it out."""

    def __init__(self, path: Path, execute: Execute) -> None:
        self._path, self._execute = path, execute
        self._server: asyncio.Server | None = None
        self._callers: set[_Caller] = set()

    async def start(self) -> None:
        """Listen. A socket file left by an earlier board is replaced."""
        self._server = await asyncio.start_unix_server(self._serve, self._path, limit=MAX_ORDER_BYTES)
        self._path.chmod(0o600)

    async def close(self) -> None:
        """Hang up on everybody; what was under way is not answered."""
        if self._server is not None:
            self._server.close()
            for caller in tuple(self._callers):
                caller.hang_up()
            await self._server.wait_closed()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = _Caller(writer, self._execute)
        self._callers.add(caller)
        try:
            await caller.listen(reader)
        finally:
            caller.hang_up()
            self._callers.discard(caller)


class _Caller:
    """One connection to the control socket, and its orders under way."""

    def __init__(self, writer: asyncio.StreamWriter, execute: Execute) -> None:
        self._writer, self._execute = writer, execute
        self._under_way: set[asyncio.Task[None]] = set()

    async def listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._take(line)
        except ValueError:
            self._say(Answer(0, error=f"an order has at most {MAX_ORDER_BYTES} bytes"))
        except ConnectionError:
            pass  # the caller has gone

    def hang_up(self) -> None:
        for task in tuple(self._under_way):
            task.cancel()
        self._writer.close()

    def _take(self, line: bytes) -> None:
        try:
            request = msgspec.json.decode(line, type=Request)
        except msgspec.DecodeError as wrong:
            self._say(Answer(0, error=f"not a request: {wrong}"))
            return
        if len(self._under_way) >= MAX_UNANSWERED:
            self._say(Answer(request.id, error=f"{MAX_UNANSWERED} orders are under way already"))
            return
        task = asyncio.create_task(self._answer(request), name="order to the board")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _answer(self, request: Request) -> None:
        try:
            self._say(Answer(request.id, ok=await self._execute(read_command(request.order))))
        except ControlError as refused:
            self._say(Answer(request.id, error=str(refused)))

    def _say(self, answer: Answer) -> None:
        if self._writer.transport.get_write_buffer_size() > MAX_ANSWER_BYTES:
            self._writer.transport.abort()  # a caller that does not listen is not waited for
        else:
            self._writer.write(msgspec.json.encode(answer) + b"\n")


class BoardControl:
    """The other end: what the panel, the demo and the command line hold. It connects when it is first used, and anew
    after the board has been away. Every method raises `BoardGone` if no board answers, `ControlError` if it refuses."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._connecting = asyncio.Lock()
        self._asked: dict[int, asyncio.Future[Answer]] = {}
        self._ids = itertools.count(1)

    async def __aenter__(self) -> "BoardControl":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def ask(self, command: Command | Mapping[str, object]) -> dict[str, Any]:
        """Have a command carried out, also one in the form of its JSON, and return its answer."""
        writer = await self._connected()
        number, future = next(self._ids), asyncio.get_running_loop().create_future()
        self._asked[number] = future
        patience_s = ANSWER_WITHIN_S + (command.timeout_ms / 1000 if isinstance(command, WaitMove) else 0)
        try:
            writer.write(msgspec.json.encode({"id": number, "order": command}) + b"\n")
            async with asyncio.timeout(patience_s):
                answer: Answer = await future
        except TimeoutError:
            raise BoardGone(f"the board on {self.path} did not answer in {patience_s:.0f} s") from None
        finally:
            del self._asked[number]
        if answer.error is not None:
            raise ControlError(answer.error)
        return answer.ok or {}

    async def view(self) -> dict[str, Any]:
        return await self.ask(View())

    async def tap(self, reader: str, card: str, keys: str | None = None, pin: str | None = None) -> Tapped:
        return msgspec.convert(await self.ask(Tap(reader, card, keys, pin)), Tapped)

    async def walk(self, point: str, way: Way = "in") -> bool:
        return bool((await self.ask(Walk(point, way)))["passed"])

    async def tap_and_walk(self, reader: str, card: str) -> bool:
        return bool((await self.ask(TapAndWalk(reader, card)))["passed"])

    async def moves(self, since_ns: int | None = None) -> list[NamedMove]:
        """What the pins did, or did after that time, at most `MOVES_AT_ONCE` of them, the oldest first."""
        return msgspec.convert((await self.ask(Moves(since_ns)))["moves"], list[NamedMove])

    async def wait_move(
        self,
        name: str | None = None,
        *,
        level: bool | None = None,
        since_ns: int | None = None,
        timeout_ms: int = 5000,
    ) -> NamedMove:
        """The first move of a pin (to that level, if one is given) after `since_ns`, or from now on.

        Raises `TimeoutError` if there is none in time.
        """
        move = (await self.ask(WaitMove(name, level, since_ns, timeout_ms)))["move"]
        if move is None:
            to = "" if level is None else f" to {'high' if level else 'low'}"
            raise TimeoutError(f"{name or 'no pin'} did not move{to} within {timeout_ms} ms")
        return msgspec.convert(move, NamedMove)

    async def wait_until_up(self, patience_s: float = 20.0) -> None:
        """Return once the board answers. Raises `BoardGone` if patience runs out."""
        deadline = asyncio.get_running_loop().time() + patience_s
        while True:
            try:
                await self.view()
                return
            except BoardGone:
                if asyncio.get_running_loop().time() > deadline:
                    raise
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening

    async def _connected(self) -> asyncio.StreamWriter:
        async with self._connecting:
            if self._writer is None:
                try:
                    reader, self._writer = await asyncio.open_unix_connection(self.path, limit=MAX_ANSWER_BYTES)
                except OSError as error:
                    raise BoardGone(f"no simulated board answers on {self.path}: start it first") from error
                listen = self._listen(reader, self._writer)
                self._listening = asyncio.create_task(listen, name=f"answers from {self.path.name}")
            return self._writer

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                answer = msgspec.json.decode(line, type=Answer)
                future = self._asked.get(answer.id)
                if future is not None and not future.done():
                    future.set_result(answer)
        except ConnectionError:
            pass  # as good as an end of file
        finally:
            self._writer = None
            for future in self._asked.values():
                if not future.done():
                    future.set_exception(BoardGone(f"the board on {self.path} has gone"))
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
