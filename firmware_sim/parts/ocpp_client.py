"""The network side of a charging post: one WebSocket to a central system, calls in order and their answers.

What could not be sent yet waits in a queue, as it would in the post's flash, and is sent after the next connection.
"""

import asyncio
import base64
import itertools
import json
from abc import ABC, abstractmethod
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


class OcppClient(ABC):
    """The client of one post: ``stay_connected`` keeps it so while it has power and its network cable.

    It is ``connected`` once the central system has accepted its boot. ``password`` is asked whenever it connects.
    """

    def __init__(self, url: str, *, name: str, password: Callable[[], str], version: Version, retry_s: float) -> None:
        self.name, self.version = name, version
        self.powered = self.cable_in = True
        self.connected = False
        self.queue: deque[Call] = deque(maxlen=MAX_QUEUE)
        """Calls that wait for an answer or for a connection."""
        self._url, self._password, self._retry_s = url, password, retry_s
        self._wake = asyncio.Event()
        self._waiting: dict[str, asyncio.Future[list[Any]]] = {}
        self._numbers = itertools.count(1)
        self._socket: ClientConnection | None = None

    @abstractmethod
    def greeting(self) -> Iterable[Message]:
        """The calls that open a connection; the first is its boot."""

    @abstractmethod
    def answer(self, action: str, asked: Payload) -> Payload | None:
        """What a call of the central system is answered; None for one that is not implemented."""

    def switch(self, *, powered: bool) -> None:
        """Cut its power, or bring it back."""
        self.powered = powered
        self._changed()

    def plug(self, *, cable_in: bool) -> None:
        """Pull its network cable, or put it back: meanwhile it goes on alone."""
        self.cable_in = cable_in
        self._changed()

    def put(
        self, action: str, payload: Callable[[], Payload], answered: Callable[[Payload], None] = ignore_answer
    ) -> None:
        """Have a call made as soon as those before it are answered."""
        self.queue.append((action, payload, answered))
        self._wake.set()

    def queue_heartbeat(self) -> None:
        """Have a heartbeat sent, unless one waits already."""
        if not any(action == "Heartbeat" for action, _, _ in self.queue):
            self.put("Heartbeat", dict)

    async def call(self, action: str, payload: Payload) -> Payload:
        """The payload of the answer; empty where the call was refused.

        Raises ``ConnectionError``, ``ConnectionClosed`` or ``TimeoutError``.
        """
        if self._socket is None:
            raise ConnectionError("there is no connection")
        name = str(next(self._numbers))
        answer: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._waiting[name] = answer
        try:
            await self._socket.send(json.dumps([CALL, name, action, payload]))
            async with asyncio.timeout(ANSWER_WITHIN_S):
                frame = await answer
        finally:
            del self._waiting[name]
        return dict(frame[2]) if frame[0] == CALL_RESULT else {}

    async def stay_connected(self) -> None:
        """Connect, and connect again, until this is cancelled."""
        while True:
            if self.powered and self.cable_in:
                with suppress(OSError, InvalidHandshake, ConnectionClosed, TimeoutError, ExceptionGroup):
                    await self._connection()
                self.connected = False
            await asyncio.sleep(self._retry_s)

    async def _connection(self) -> None:
        secret = base64.b64encode(f"{self.name}:{self._password()}".encode()).decode()
        async with connect(
            self._url,
            subprotocols=[Subprotocol(f"ocpp{self.version}")],
            additional_headers={"Authorization": f"Basic {secret}"},
            proxy=None,
        ) as socket:
            self._socket = socket
            listening = asyncio.create_task(self._listen(socket), name=f"{self.name} listens")
            try:
                for action, payload in self.greeting():
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
            while self.queue:
                action, payload, answered = self.queue[0]
                answer = await self.call(action, payload())
                self.queue.popleft()
                answered(answer)
            self._wake.clear()
            if not self.queue:
                await self._wake.wait()

    async def _listen(self, socket: ClientConnection) -> None:
        try:
            async for message in socket:
                frame = json.loads(message)
                if frame[0] == CALL:
                    answer = self.answer(frame[2], frame[3])
                    result = [4, frame[1], "NotImplemented", "", {}] if answer is None else [3, frame[1], answer]
                    await socket.send(json.dumps(result))
                elif frame[1] in self._waiting and not self._waiting[frame[1]].done():
                    self._waiting[frame[1]].set_result(frame)
        finally:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionError("the connection ended"))
            self._wake.set()
            if self.queue or self.powered:
                self.queue_heartbeat()  # a sender learns of the end only by sending

    def _changed(self) -> None:
        if not (self.powered and self.cable_in) and self._socket is not None:
            self._socket.transport.abort()
        self._wake.set()
