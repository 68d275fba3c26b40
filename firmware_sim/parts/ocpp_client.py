"""The network side of a charging post: one WebSocket to a central system, calls in order and their answers.

What could not be sent yet waits in a queue, as it would in the post's flash, and is sent after the next connection.
"""

import asyncio
import base64
import itertools
import json
from asyncio import Future
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Literal

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

Version = Literal["1.6", "2.0.1"]
Payload = dict[str, Any]
Message = tuple[str, Payload]
Call = tuple[str, Callable[[], Payload], Callable[[Payload], None]]
"""An action, its payload as it is when it is sent, and what is done with the answer."""

ANSWER_WITHIN_S = 30.0
MAX_QUEUE = 200
CALL, CALL_RESULT = 2, 3


def ignore_answer(_answer: Payload) -> None:
    """Do nothing with the answer to a call."""


class OcppClient:
    """The client of one post. ``run`` keeps it connected while it has power and its network cable.

    ``greeting`` are the calls that open a connection; the first one answered makes it ``connected``. ``answer`` makes
    the frame that answers a call of the central system. ``password`` is asked whenever it connects.
    """

    def __init__(
        self,
        url: str,
        *,
        user: str,
        password: Callable[[], str],
        version: Version,
        retry_s: float,
        greeting: Callable[[], Iterable[Message]],
        answer: Callable[[str, str, Payload], list[Any]],
    ) -> None:
        self.powered = self.cable_in = True
        self.connected = False
        self._url, self._user, self._password, self._version = url, user, password, version
        self._retry_s, self._greeting, self._answer = retry_s, greeting, answer
        self._queue: deque[Call] = deque(maxlen=MAX_QUEUE)
        self._wake = asyncio.Event()
        self._waiting: dict[str, Future[list[Any]]] = {}
        self._numbers = itertools.count(1)
        self._socket: ClientConnection | None = None

    @property
    def unsent(self) -> int:
        """How many calls wait for an answer or for a connection."""
        return len(self._queue)

    def switch(self, *, powered: bool) -> None:
        """Cut its power, or bring it back."""
        self.powered = powered
        self._changed(hangs_up=not powered)

    def plug(self, *, cable_in: bool) -> None:
        """Pull its network cable, or put it back."""
        self.cable_in = cable_in
        self._changed(hangs_up=not cable_in)

    def put(self, action: str, payload: Callable[[], Payload], answered: Callable[[Payload], None]) -> None:
        """Have a call made as soon as those before it are answered."""
        self._queue.append((action, payload, answered))
        self._wake.set()

    def queue_heartbeat(self) -> None:
        """Have a heartbeat sent, unless one waits already."""
        if not any(action == "Heartbeat" for action, _, _ in self._queue):
            self._queue.append(("Heartbeat", dict, ignore_answer))
        self._wake.set()

    async def call(self, action: str, payload: Payload) -> Payload:
        """The payload of the answer; empty where the call was refused.

        Raises ``ConnectionError``, ``ConnectionClosed`` or ``TimeoutError``.
        """
        if self._socket is None:
            raise ConnectionError("there is no connection")
        name = str(next(self._numbers))
        answer: Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._waiting[name] = answer
        try:
            await self._socket.send(json.dumps([CALL, name, action, payload]))
            async with asyncio.timeout(ANSWER_WITHIN_S):
                frame = await answer
        finally:
            del self._waiting[name]
        return dict(frame[2]) if frame[0] == CALL_RESULT else {}

    async def run(self) -> None:
        """Connect, and connect again, until this is cancelled."""
        while True:
            if self.powered and self.cable_in:
                with suppress(OSError, InvalidHandshake, ConnectionClosed, TimeoutError, ExceptionGroup):
                    await self._connection()
                self.connected = False
            await asyncio.sleep(self._retry_s)

    async def _connection(self) -> None:
        secret = base64.b64encode(f"{self._user}:{self._password()}".encode()).decode()
        async with connect(
            self._url,
            subprotocols=[Subprotocol(f"ocpp{self._version}")],
            additional_headers={"Authorization": f"Basic {secret}"},
            proxy=None,
        ) as socket:
            self._socket = socket
            listening = asyncio.create_task(self._listen(socket), name=f"{self._user} listens")
            try:
                for action, payload in self._greeting():
                    await self.call(action, payload)
                    self.connected = True
                await self._send_queue()
            finally:
                self._socket = None
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    async def _send_queue(self) -> None:
        """Send what waits, in order and one at a time; what is not answered is sent again."""
        while self.powered:
            while self._queue:
                action, payload, answered = self._queue[0]
                answer = await self.call(action, payload())
                self._queue.popleft()
                answered(answer)
            self._wake.clear()
            if not self._queue:
                await self._wake.wait()

    async def _listen(self, socket: ClientConnection) -> None:
        try:
            async for message in socket:
                frame = json.loads(message)
                if frame[0] == CALL:
                    await socket.send(json.dumps(self._answer(frame[1], frame[2], frame[3])))
                elif frame[1] in self._waiting and not self._waiting[frame[1]].done():
                    self._waiting[frame[1]].set_result(frame)
        finally:
            lost = ConnectionError("the connection ended")
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(lost)
            self._wake.set()
            if self._queue or self.powered:
                self.queue_heartbeat()  # a sender learns of the end only by sending

    def _changed(self, *, hangs_up: bool) -> None:
        if hangs_up and self._socket is not None:
            self._socket.transport.abort()
        self._wake.set()
