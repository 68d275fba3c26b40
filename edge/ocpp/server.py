"""Where charging posts connect: WebSocket, a password each, one connection a name. What posts say becomes messages to
their points; what points say becomes calls to their posts (see ``orders``).
"""

import asyncio
import logging
from asyncio import AbstractEventLoop, Future, Task
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from itertools import count
from typing import cast

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from edge.config.post_names import name_key, name_key_of_path
from edge.ocpp.admission import (
    VERSIONS,
    Handshakes,
    WrongTries,
    chosen_version,
    cut_short,
    is_login,
    offered_versions,
    shown_login,
)
from edge.ocpp.connection import PostConnection, library_log, watch
from edge.ocpp.orders import OrderQueue
from edge.ocpp.post import OcppPost, failed
from edge.ocpp.v16 import Post16
from edge.ocpp.v201 import Post201
from edge.stations.ev_post.attribution import Evidence, best_answer, connector_for
from edge.stations.ev_post.messages import (
    PORT,
    Alive,
    CardShown,
    Connected,
    FromPost,
    Left,
    Nonsense,
    Order,
    Standing,
    ToPost,
    Turned,
    TurnedAway,
    Verdict,
    Version,
)

log = logging.getLogger(__name__)

HANDSHAKE_S = 10.0
"""How long a connection may take to say who it is."""
ANSWER_WITHIN_S = 5.0
"""How long a post waits for its point. Then the card is refused, which is the safe answer."""
MAX_MESSAGE_BYTES = 64 * 1024
MESSAGES_PER_S, MESSAGES_AT_ONCE = 20.0, 200.0
"""A post that speaks faster is heard more slowly: nothing of an outage's queue is lost."""
BACKLOG = 16
"""Connections that are accepted in one turn of the loop, each with a descriptor, before the first of them is judged."""
LISTEN_AGAIN_S = 10.0
REFUSALS = {
    HTTPStatus.UNAUTHORIZED: "This needs the name and the password of a post.\n",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many wrong tries; this needs the name and the password of a post.\n",
    HTTPStatus.BAD_REQUEST: f"Offer {' or '.join(VERSIONS)} as the subprotocol.\n",
}

POSTS: Mapping[Version, type[OcppPost]] = {"1.6": Post16, "2.0.1": Post201}

Receive = Callable[[str, str, FromPost], None]
"""Told the point, the port and what was said."""


class OcppServer:
    """The central system of the posts around one device.

    ``points`` maps a post's name and connector to the point. ``deaf`` says why nobody can connect, if so.
    """

    def __init__(
        self,
        address: tuple[str, int],
        points: Mapping[tuple[str, int], str],
        password: Callable[[str], str | None],
        now_ms: Callable[[], int],
        loop: AbstractEventLoop,
        receive: Receive,
    ) -> None:
        self.deaf = ""
        self.listening = asyncio.Event()
        self.port = 0
        """Where it listens, once it does: the system's choice if the address leaves it open."""
        self.now_ms = now_ms
        self._address, self._loop = address, loop
        self._password, self._receive = password, receive
        self._points: dict[str, dict[int, str]] = {}
        for (name, connector), point in sorted(points.items()):
            self._points.setdefault(name_key(name), {})[connector] = point
        self._names = {name_key(name): name for name, _ in points}
        self._places = {point: (name_key(name), connector) for (name, connector), point in points.items()}
        self.standings = {key: dict.fromkeys(connectors, Standing()) for key, connectors in self._points.items()}
        self._lines: dict[str, _Line] = {}
        self._handshakes: Handshakes[PostConnection] = Handshakes()
        self._wrong = WrongTries()
        self._tasks: set[Task[None]] = set()

    def faults(self) -> dict[str, str]:
        """What an operator should know is wrong."""
        return {"ocpp": self.deaf} if self.deaf else {}

    def start(self) -> None:
        """Listen, and go on trying where the address is not there yet."""
        self._keep(self._listen())

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def send(self, point: str, message: ToPost) -> None:
        """Say something to the post of a point. What becomes of an order is told later, never at once."""
        name, connector = self._places[point]
        if isinstance(message, Standing):
            self.standings[name][connector] = message
            return
        line = self._lines.get(name)
        if line is not None:
            line.take(connector, message)
        elif not isinstance(message, Verdict):
            self.undone(point, message)

    def undone(self, point: str, order: Order) -> None:
        """Nobody is there to do it."""
        outcome = failed(order, "offline")
        if outcome is not None:
            self._loop.call_soon(self._receive, point, PORT, outcome)

    async def _listen(self) -> None:
        host, port = self._address
        while True:
            try:
                server = await serve(
                    self._serve,
                    host,
                    port,
                    process_request=self._admit,
                    subprotocols=[Subprotocol(name) for name in VERSIONS],
                    select_subprotocol=_choose,
                    create_connection=partial(PostConnection, self._handshakes),  # type: ignore[arg-type]
                    compression=None,
                    open_timeout=HANDSHAKE_S,
                    backlog=BACKLOG,
                    ping_interval=None,
                    max_size=MAX_MESSAGE_BYTES,
                    server_header=None,
                    logger=library_log,
                )
            except OSError as wrong:
                self.deaf = f"{host}:{port}: {wrong.strerror or wrong}"
                log.error("posts cannot connect to %s", self.deaf)
                await asyncio.sleep(LISTEN_AGAIN_S)
                continue
            self.deaf = ""
            await self._listening(server)

    async def _listening(self, server: Server) -> None:
        self.port = next(iter(server.sockets)).getsockname()[1]
        self.listening.set()
        try:
            await server.wait_closed()
        finally:
            server.close()
            for line in self._lines.values():
                line.hang_up()
            await server.wait_closed()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """None lets a connection in. A post that shows no password of its own gets a 401, before anything is upgraded;
        which names there are is told to nobody."""
        connection = cast(PostConnection, connection)
        key = name_key_of_path(request.path)
        name = self._names.get(key)
        shown = shown_login(request.headers.get_all("Authorization"))
        if name is None or not is_login(shown, name, self._password(name)):
            is_recorded = self._turn_away(
                connection, key, "wrong_password", f"{cut_short(key)} with no password of a post"
            )
            return _refused(connection, HTTPStatus.UNAUTHORIZED if is_recorded else HTTPStatus.TOO_MANY_REQUESTS)
        offered = offered_versions(request.headers.get_all("Sec-WebSocket-Protocol"))
        if chosen_version(offered) is None:
            asks = f"the subprotocol {cut_short(', '.join(offered))}" if offered else "no subprotocol"
            self._turn_away(connection, key, "wrong_protocol", f"post {name} with {asks}, not {' or '.join(VERSIONS)}")
            return _refused(connection, HTTPStatus.BAD_REQUEST)
        self._handshakes.remove(connection)
        connection.username = key
        return None

    def _turn_away(self, connection: PostConnection, key: str, why: Turned, what: str) -> bool:
        """Say so where an installer looks: in the log, and at the points of the post, if there is one of that name.
        False if there were too many tries from there to say so."""
        if not self._wrong.count(connection.address, self._loop.time()):
            return False
        log.warning("turned away at the posts' port: %s, from %s", what, connection.address)
        for point in self._points.get(key, {}).values():
            self._receive(point, PORT, TurnedAway(why))
        return True

    async def _serve(self, connection: ServerConnection) -> None:
        try:
            await self._serve_post(cast(PostConnection, connection))
        except Exception:  # its end is no exception: this is a fault of ours, costs one connection, and is logged
            log.exception("the connection of a post failed")

    async def _serve_post(self, connection: PostConnection) -> None:
        """One connection's life. A new one takes the place of an old one of that name at once: the old one may be dead
        without anybody knowing, and a post that is kept out stays out."""
        key = connection.username
        version = VERSIONS[connection.subprotocol or ""]
        old = self._lines.get(key)
        line = _Line(self, key, self._points[key], connection, version)
        self._lines[key] = line
        if old is not None:
            log.warning("post %s connects from %s while it is connected already", key, connection.address)
            self._keep(old.close())
        lead = min(self._points[key])
        for connector, point in self._points[key].items():
            self._receive(point, PORT, Connected(version, connector, connector == lead, replaced=old is not None))
        try:
            await line.run()
        finally:
            if self._lines.get(key) is line:
                del self._lines[key]
                for point in self._points[key].values():
                    self._receive(point, PORT, Left())

    def report(self, line: "_Line", connector: int | None, message: FromPost) -> None:
        """Hand a line's message to the point of a connector, or to every point of the post."""
        if self._lines.get(line.name) is not line:
            return
        points = self._points[line.name]
        if connector is None:
            for point in points.values():
                self._receive(point, PORT, message)
        elif connector in points:
            self._receive(points[connector], PORT, message)

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Pace:
    """How fast a post is heard: many messages at once, and from then on as fast as its allowance grows."""

    def __init__(self, now_s: float) -> None:
        self._allowance, self._counted_at_s = MESSAGES_AT_ONCE, now_s

    def wait_s(self, now_s: float) -> float:
        """How long the next message waits."""
        earned = (now_s - self._counted_at_s) * MESSAGES_PER_S
        self._allowance = min(MESSAGES_AT_ONCE, self._allowance + earned) - 1
        self._counted_at_s = now_s
        return max(0.0, -self._allowance / MESSAGES_PER_S)


class _Line:
    """One connection: what its post says is heard message by message, and its orders are done."""

    def __init__(
        self, server: OcppServer, name: str, points: Mapping[int, str], connection: PostConnection, version: Version
    ) -> None:
        self.name = name
        self._server, self._points, self._connection = server, points, connection
        self.now_ms = server.now_ms
        self._post = POSTS[version](name, connection, self)
        self._orders = OrderQueue(
            name, self._post.obey, self.report, lambda at, order: server.undone(points[at], order)
        )
        self._calls = count(1)
        self._waiting: dict[str, Future[Verdict]] = {}
        self._pace = Pace(asyncio.get_running_loop().time())
        self._receiving = asyncio.create_task(self._receive(), name=f"hears {name}")

    async def run(self) -> None:
        """Until the connection ends, or is hung up."""
        watching = asyncio.create_task(self._watch(), name=f"watches {self.name}")
        try:
            await asyncio.wait({self._receiving})
        finally:
            # The library waits in a way that may swallow a cancellation, before Python 3.12.
            self._receiving.cancel()
            watching.cancel()
            ended = await asyncio.gather(self._receiving, watching, self._orders.close(), return_exceptions=True)
        for wrong in ended:
            if isinstance(wrong, Exception):
                raise wrong

    async def _watch(self) -> None:
        """A fault of ours in here ends the line: nobody would notice a post that has gone."""
        try:
            await watch(self._connection, partial(self.report, None, Alive()))
        except ConnectionClosed:
            return
        except Exception:
            self.hang_up()
            raise

    def hang_up(self) -> None:
        """Nobody is there to answer any more: say nothing, so that the post asks again elsewhere or later."""
        self._receiving.cancel()

    async def _receive(self) -> None:
        with suppress(ConnectionClosed):
            async for message in self._connection:
                await asyncio.sleep(self._pace.wait_s(asyncio.get_running_loop().time()))
                if isinstance(message, str):
                    await self._post.receive(message)

    async def close(self) -> None:
        await self._connection.close(1008, "another connection of this name has come")

    def take(self, connector: int, message: Verdict | Order) -> None:
        if isinstance(message, Verdict):
            waiting = self._waiting.get(message.call)
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
            return
        self._orders.put(connector, message)

    def report(self, connector: int | None, message: FromPost) -> None:
        self._server.report(self, connector, message)

    def find_connector(self, evidence: Evidence) -> int | None:
        return connector_for(self._server.standings[self.name], evidence)

    async def ask_all(self, question: Callable[[str], FromPost]) -> Verdict:
        return (await asyncio.gather(*(self.ask(where, question) for where in self._points)))[0]

    async def authorize(self, tag: str) -> Verdict:
        """A post with several connectors names none: each is asked quietly, and one of them aloud where all refuse."""
        where = min(self._points)
        if len(self._points) > 1:
            places = list(self._points)
            quiet = (self.ask(place, lambda call: CardShown(call, tag, quiet=True)) for place in places)
            said = await asyncio.gather(*quiet)
            word, where = best_answer({place: verdict.word for place, verdict in zip(places, said, strict=True)})
            if word == "accepted":
                return Verdict("", word)
        return await self.ask(where, lambda call: CardShown(call, tag))

    async def ask(self, where: int, question: Callable[[str], FromPost]) -> Verdict:
        """The answer of a connector's point. Without an answer in time the card is not known here."""
        call = str(next(self._calls))
        if where not in self._points:
            self.report(None, Nonsense("connector"))
            return Verdict(call, "invalid")
        answer: Future[Verdict] = asyncio.get_running_loop().create_future()
        self._waiting[call] = answer
        try:
            self.report(where, question(call))
            async with asyncio.timeout(ANSWER_WITHIN_S):
                return await answer
        except TimeoutError:
            log.error("the point of connector %d of post %s gave no answer", where, self.name)
            return Verdict(call, "invalid")
        finally:
            del self._waiting[call]


def _choose(_connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    chosen = chosen_version(offered)
    return None if chosen is None else Subprotocol(chosen)


def _refused(connection: ServerConnection, status: HTTPStatus) -> Response:
    refusal = connection.respond(status, REFUSALS[status])
    if status == HTTPStatus.UNAUTHORIZED:
        refusal.headers["WWW-Authenticate"] = 'Basic realm="posts", charset="UTF-8"'
    return refusal
