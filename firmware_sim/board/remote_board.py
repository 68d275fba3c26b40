"""The board as a process of its own, which outlives keeper and agent and sees what became of the pins.

`BoardServer` stands in the board's process, `RemoteBoardFactory` is the gpiozero factory in the keeper's:
`GPIOZERO_PIN_FACTORY=hearthgate_sim HEARTHGATE_SIM_BOARD=<socket path>`. Both are on one machine and share its
monotonic clock, so an edge carries the board's own time stamp.

The protocol is one JSON array a line. The process asks `["read", 17]` and is answered `["ok", true]` or
`["error", errno, text]`; `["write", 17, true]` is not answered, so a relay waits for no round trip. The board adds
`["edge", 17, false, 123456789]` whenever one happens. The end of the connection is the end of the process.
"""

import asyncio
import contextlib
import errno
import json
import os
import queue
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from firmware_sim.board.board import Board
from firmware_sim.board.debounce import Edges
from firmware_sim.board.pin_factory import Pull, SimFactory

SOCKET_VARIABLE = "HEARTHGATE_SIM_BOARD"
MAX_LINE = 4096
"""Bytes; the longest message is well under a hundred, anything longer is not ours."""
MAX_UNREAD_EDGES = 1024
"""Edges kept for a process that does not read them, as in the kernel's largest event buffer; the oldest go first."""
REPORTED_WITHIN_S = 1.0
"""How long to wait for edges to be reported, should the thread that reports them have ended."""
MAX_UNSENT = 64 * 1024
"""Bytes kept for a process that does not take them; edges beyond are lost to it."""

Message = list[Any]


def _line(*message: object) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


class BoardServer:
    """Offers a board's pins on a Unix socket. Each connection is one process."""

    def __init__(self, board: Board, path: Path) -> None:
        self._board = board
        self._path = path
        self._server: asyncio.Server | None = None
        self._processes: set[_Process] = set()

    async def start(self) -> None:
        """Listen. A socket file left by an earlier board is replaced."""
        self._server = await asyncio.get_running_loop().create_unix_server(
            lambda: _Process(self._board, self._processes), self._path
        )

    async def close(self) -> None:
        """Pull the plug: every process loses the board."""
        if self._server is not None:
            self._server.close()
            for process in tuple(self._processes):
                process.hang_up()
            await self._server.wait_closed()
            self._path.unlink(missing_ok=True)


class _Process(asyncio.Protocol):
    """One process at the other end of a connection, and the pins it holds."""

    def __init__(self, board: Board, processes: "set[_Process]") -> None:
        self._board = board
        self._processes = processes
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._lines = self._board.lines(self._edge)
        self._lines.on_end = self.hang_up
        self._asked: dict[str, Callable[..., object]] = {
            "claim_input": self._lines.claim_input,
            "claim_output": self._lines.claim_output,
            "read": self._lines.read,
            "watch": self._lines.watch,
            "now": self._lines.now_ns,
            "close": self._lines.close,
        }
        self._processes.add(self)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        try:
            for line in lines:
                self._execute(*json.loads(line))
            if len(self._rest) > MAX_LINE:
                raise ValueError(f"a line of more than {MAX_LINE} bytes")
        except (ValueError, TypeError, KeyError) as error:
            self._say("error", errno.EINVAL, f"not understood: {error}")
            self.hang_up()

    def connection_lost(self, exc: Exception | None) -> None:
        self._processes.discard(self)
        self._lines.end("process died")

    def hang_up(self) -> None:
        self._transport.close()

    def _execute(self, order: str, *args: Any) -> None:
        if order == "write":
            self._lines.write(*args)
            return
        try:
            self._say("ok", self._asked[order](*args))
        except OSError as error:
            self._say("error", error.errno, error.strerror)

    def _edge(self, pin: int, level: bool, at_ns: int) -> None:
        if self._transport.get_write_buffer_size() < MAX_UNSENT:
            self._say("edge", pin, level, at_ns)

    def _say(self, *message: object) -> None:
        self._transport.write(_line(*message))


class RemoteLines:
    """The lines of a board in another process.

    One thread listens; another calls `on_edge`, so what it calls may ask the board in turn.
    """

    def __init__(self, path: str, on_edge: Callable[[int, bool, int], object]) -> None:
        self._on_edge = on_edge
        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            if error.errno is None:  # so Python, not the kernel, refuses a path that no socket can have
                raise ConnectionError(f"{path}: {error}; give the board a socket with a shorter one") from None
            raise ConnectionError(error.errno, f"no simulated board answers on {path}: start it first") from error
        self._replies: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._edges: queue.SimpleQueue[Message | threading.Event | None] = queue.SimpleQueue()
        self._asking = threading.Lock()
        self._sending = threading.Lock()
        self._closed = False
        self._threads = [
            threading.Thread(target=work, name=f"board {work.__name__.strip('_')}", daemon=True)
            for work in (self._listen, self._report)
        ]
        for thread in self._threads:
            thread.start()

    def claim_input(self, pin: int, pull: Pull | None) -> None:
        self._ask("claim_input", pin, pull)

    def claim_output(self, pin: int, level: bool) -> None:
        self._ask("claim_output", pin, level)

    def read(self, pin: int) -> bool:
        return bool(self._ask("read", pin))

    def write(self, pin: int, level: bool) -> None:
        if not self._closed:
            self._send("write", pin, level)

    def watch(self, pin: int, edges: Edges | None, debounce_ns: int) -> None:
        self._ask("watch", pin, edges, debounce_ns)

    def now_ns(self) -> int:
        """The board's time, once every edge before it has been reported: a board on a busy machine may be late."""
        now_ns = int(self._ask("now") or time.monotonic_ns())
        reported = threading.Event()
        self._edges.put(reported)
        reported.wait(REPORTED_WITHIN_S)
        return now_ns

    def close(self) -> None:
        """End in good order, and wait until the board knows."""
        if self._closed:
            return
        with contextlib.suppress(OSError):  # a board that has gone needs no good-bye
            self._ask("close")
        self._closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()
        self._socket.close()

    def _ask(self, *order: object) -> Any:
        if self._closed:
            return None
        with self._asking:
            self._send(*order)
            verdict, *answer = self._replies.get()
        if verdict == "error":
            raise OSError(*answer)
        return answer[0]

    def _send(self, *order: object) -> None:
        with self._sending:
            self._socket.sendall(_line(*order))

    def _listen(self) -> None:
        with self._socket.makefile("rb") as incoming, contextlib.suppress(ConnectionError):
            for line in incoming:
                message = json.loads(line)
                if message[0] == "edge":
                    self._keep(message)
                else:
                    self._replies.put(message)
        self._replies.put(["error", errno.ECONNRESET, "the simulated board has gone"])
        self._edges.put(None)

    def _keep(self, edge: Message) -> None:
        if self._edges.qsize() >= MAX_UNREAD_EDGES:
            with contextlib.suppress(queue.Empty):
                self._edges.get_nowait()
        self._edges.put(edge)

    def _report(self) -> None:
        while (edge := self._edges.get()) is not None:
            if isinstance(edge, threading.Event):
                edge.set()
            else:
                _, pin, level, at_ns = edge
                self._on_edge(pin, level, at_ns)


class RemoteBoardFactory(SimFactory):
    """The pins of this process on the board behind a Unix socket; gpiozero makes it by the name `hearthgate_sim`.

    Callbacks run on a thread, as with lgpio. Raises ConnectionError if no board answers.
    """

    def __init__(self, path: str | None = None) -> None:
        path = path or os.environ.get(SOCKET_VARIABLE)
        if not path:
            raise ConnectionError(f"set {SOCKET_VARIABLE} to the socket of a simulated board")
        super().__init__(RemoteLines(path, self.edge))
