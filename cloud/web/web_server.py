"""The web server of the console: uvicorn, with bounds on its connections and on what is read of a request."""

import asyncio
import errno
import logging
import resource
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, cast

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from cloud.web.certificate import CertificateFiles
from cloud.web.connections import Connection, Connections
from cloud.web.feed import LiveFeed
from service.notify import Systemd, Through, Watchdog

GRACE_S = 3
"""How long open pages may delay a stop."""
PIECE_BYTES = 8 * 1024
"""So much is parsed at once, and of a head that is not whole so much is kept: no head has more than twice that."""
DESCRIPTORS = 8192
"""What the process asks for, where it may."""
SCARCE = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
SCARCE_MS = 900
SILENT_MS = 60_000
"""How long nothing more is said of it."""

log = logging.getLogger(__name__)


class PortTaken(Exception):
    """Another program listens there; the text names the address."""


def raise_descriptor_limit() -> int:
    """Ask for more descriptors, as far as that is allowed; returns how many there may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # systemd's filter may forbid it; its unit has set the limit by itself
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


def monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class Accepted(socket.socket):
    """A connection that says when it has been closed: then its descriptor is free."""

    table: Connections
    key: int

    def close(self) -> None:
        if self.fileno() >= 0:  # closed once more, its number may be another connection's
            self.table.closed(self.key)
        super().close()

    def end(self) -> None:
        with suppress(OSError):  # the other end was faster
            self.shutdown(socket.SHUT_RDWR)


class Listening(socket.socket):
    """A listening socket that lets in as many as its table has room for."""

    def __init__(self, family: socket.AddressFamily, table: Connections) -> None:
        super().__init__(family)
        self._table = table
        self._scarce_until_ms = self._silent_until_ms = table.now_ms()

    def accept(self) -> tuple[socket.socket, Any]:
        """Raises ``BlockingIOError`` where the loop is to come back for the next."""
        if self._table.is_crowded or self._table.now_ms() < self._scarce_until_ms:
            raise BlockingIOError
        try:
            descriptor, address = self._accept()  # type: ignore[attr-defined]
        except OSError as wrong:
            if wrong.errno in SCARCE:
                self._note_scarcity(wrong)
            raise
        made = Accepted(self.family, self.type, self.proto, fileno=descriptor)
        made.table, made.key = self._table, descriptor
        if not self._table.admit(descriptor, str(address[0]), made.end):
            made.close()
            raise BlockingIOError
        return made, address

    def _note_scarcity(self, wrong: OSError) -> None:
        """The loop lets the socket rest for a second after this, but asks it two thousand times before it does."""
        now_ms = self._table.now_ms()
        self._scarce_until_ms = now_ms + SCARCE_MS
        if now_ms >= self._silent_until_ms:
            self._silent_until_ms = now_ms + SILENT_MS
            log.error("a connection to the console could not be taken: %s; raise LimitNOFILE", wrong.strerror)


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 that says in the table of connections when a request is whole and when it has been answered."""

    table: Connections
    _connection: Connection | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._connection = self.table.find(transport.get_extra_info("socket").fileno())
        if self._connection is not None:
            self._connection.end = transport.abort

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE_BYTES):
            if self.transport.is_closing():
                return
            super().data_received(data[start : start + PIECE_BYTES])
        if self.conn.their_state in (h11.DONE, h11.MUST_CLOSE):
            self._tell(self.table.requested)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.their_state is not h11.DONE:  # where it is, the next request has come already
            self._tell(self.table.answered)

    def _tell(self, change: Callable[[Connection], None]) -> None:
        if self._connection is not None:
            change(self._connection)


class WebServer(uvicorn.Server):
    """Ends the live streams when it is told to stop: it would wait for them in vain.

    It tells systemd when the cloud is ready, and that its loop and ``threads`` move. A ``certificate`` that is renewed
    is taken without a restart.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        feed: LiveFeed,
        threads: Sequence[Through],
        table: Connections,
        certificate: CertificateFiles | None = None,
    ) -> None:
        super().__init__(config)
        self._certificate = certificate
        self._feed = feed
        self._threads = threads
        self._table = table
        self._systemd = Systemd()
        self._watchdog: Watchdog | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().set_exception_handler(_without_scarcity)
        await super().startup(sockets)
        if self.started:
            self._systemd.tell("READY=1")
            self._watchdog = Watchdog(self._systemd, asyncio.get_running_loop(), self._threads)
            self._watchdog.start()

    async def on_tick(self, counter: int) -> bool:
        self._table.sweep()
        if self._certificate is not None and self.config.ssl is not None:
            with suppress(OSError):  # half written; an SSLError is one too
                self._certificate.refresh(self.config.ssl, self._table.now_ms())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._watchdog is not None:
            self._watchdog.close()
        self._systemd.tell("STOPPING=1")
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._feed.close()
        super().handle_exit(sig, frame)


def _without_scarcity(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The listening socket has said once a minute what asyncio would say every time."""
    wrong = context.get("exception")
    if isinstance(wrong, OSError) and wrong.errno in SCARCE and "socket" in context:
        return
    loop.default_exception_handler(context)


def web_config(
    app: FastAPI, table: Connections, *, certificate: CertificateFiles | None = None, proxies: Sequence[str] = ()
) -> uvicorn.Config:
    """How the console is served. Only of ``proxies`` is the ``X-Forwarded-For`` header believed."""
    protocol = cast(type[asyncio.Protocol], type("TableProtocol", (BoundedProtocol,), {"table": table}))
    return uvicorn.Config(
        app,
        loop="asyncio",
        http=protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=PIECE_BYTES,
        timeout_graceful_shutdown=GRACE_S,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=list(proxies),
        ssl_certfile=certificate.chain if certificate else None,
        ssl_keyfile=certificate.key if certificate else None,
    )


@contextmanager
def listening_on(host: str, port: int, table: Connections) -> Iterator[socket.socket]:
    """Raises ``PortTaken``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with Listening(family, table) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, port))
            listening.listen()  # who comes before uvicorn is ready waits, and is not turned away
        except OSError as wrong:
            raise PortTaken(f"cannot listen on {host} port {port}: {wrong.strerror}; choose another --port") from None
        yield listening
