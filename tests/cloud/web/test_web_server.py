"""A real server with room for three: what strangers hold open ends, and the others are served."""

import asyncio
import errno
import logging
import re
import resource
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, StreamingResponse

from cloud.app import Guarded
from cloud.keys.ca import open_authority
from cloud.keys.keys import KeyFolder
from cloud.web.certificate import LOOK_AGAIN_MS, CertificateFiles
from cloud.web.connections import MAX_ENDING, WAITS_MS, Connections
from cloud.web.feed import LiveFeed
from cloud.web.web_server import SCARCE_MS, Listening, WebServer, listening_on, raise_descriptor_limit, web_config
from tests.cloud.support.line import PATIENCE_S

MOST = 3
GET = b"GET /address HTTP/1.1\r\nHost: hg\r\n\r\n"
HALVES = {
    "nothing": b"",
    "half a head": b"GET / HTTP/1.1\r\nHost:",
    "half a body": b"POST /body HTTP/1.1\r\nHost: hg\r\nContent-Length: 9\r\n\r\nhalf",
}


class House:
    """A server on a loopback port, whose clock we hold."""

    def __init__(self, file: Path | None, proxies: tuple[str, ...] = ()) -> None:
        self.now_ms = 0
        certificate = CertificateFiles(file) if file else None
        self.tls = certificate is not None
        self.table = Connections(MOST, lambda: self.now_ms)
        self._stack = ExitStack()
        listening = self._stack.enter_context(listening_on("127.0.0.1", 0, self.table))
        self.port = int(listening.getsockname()[1])
        config = web_config(_app(), self.table, certificate=certificate, proxies=proxies)
        self._server = WebServer(config, LiveFeed(), [], self.table, certificate)
        self._thread = threading.Thread(target=self._server.run, args=([listening],))

    def __enter__(self) -> "House":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()
        self._stack.close()

    def certificate(self) -> str:
        """With which the server greets whoever comes now."""
        return ssl.get_server_certificate(("127.0.0.1", self.port), timeout=PATIENCE_S)

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        """A connection, its handshake done."""
        made: socket.socket = socket.create_connection(("127.0.0.1", self.port), PATIENCE_S, (source, 0))
        if self.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            made = context.wrap_socket(made)
        return made


def _app() -> FastAPI:
    app = FastAPI()

    @app.get("/address")
    async def address(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.client.host if request.client else "")

    @app.post("/body")
    async def body(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def lines() -> AsyncIterator[bytes]:
            yield b"one\n"
            await asyncio.Event().wait()

        return StreamingResponse(lines())

    app.add_middleware(Guarded)
    return app


@pytest.fixture
def certificate(keys: KeyFolder, tmp_path: Path) -> Path:
    pair = open_authority(keys.folder, 1_700_000_000_000).server(["127.0.0.1"], 1_700_000_000_000)
    file = tmp_path / "console.pem"
    file.write_text(pair.key + pair.certificate)
    return file


@pytest.fixture(params=["http", "https"])
def house(request: pytest.FixtureRequest, certificate: Path) -> Iterator[House]:
    with House(certificate if request.param == "https" else None) as opened:
        yield opened


@contextmanager
def plain() -> Iterator[House]:
    with House(None) as opened:
        yield opened


def answer(connection: socket.socket, request: bytes = GET) -> str:
    """The answer to a request: its head, and as much of its body as it says."""
    connection.sendall(request)
    found = b""
    while b"\r\n\r\n" not in found:
        found += connection.recv(4096) or b"\r\n\r\n"
    length = re.search(rb"content-length: (\d+)", found)
    while length and len(found.partition(b"\r\n\r\n")[2]) < int(length[1]):
        found += connection.recv(4096)
    return found.decode()


def is_ended(connection: socket.socket) -> bool:
    """Waits until the server ends it."""
    try:
        return connection.recv(1) == b""
    except (ConnectionResetError, ssl.SSLEOFError):
        return True


@pytest.mark.parametrize("sent", HALVES.values(), ids=HALVES)
def test_a_request_that_never_comes_whole_is_ended(house: House, sent: bytes) -> None:
    """Idle, half a head, half a body; plain, and after the handshake of TLS."""
    with house.connect() as stranger:
        stranger.sendall(sent)
        while not len(house.table):
            pass
        house.now_ms += WAITS_MS
        assert is_ended(stranger)
    with house.connect() as visitor:
        assert answer(visitor).startswith("HTTP/1.1 200")


def test_a_handshake_that_never_ends_is_ended(certificate: Path) -> None:
    with House(certificate) as house, socket.create_connection(("127.0.0.1", house.port), PATIENCE_S) as stranger:
        while not len(house.table):
            pass
        house.now_ms += WAITS_MS
        assert is_ended(stranger)


def test_strangers_hold_no_visitor_out(house: House) -> None:
    """More idle connections of one address than there is room for: each visitor of another is served."""
    with ExitStack() as held:
        strangers = [held.enter_context(house.connect("127.0.0.9")) for _ in range(MOST)]
        for last in range(2, 6):
            with house.connect(f"127.0.0.{last}") as visitor:
                assert answer(visitor).endswith(f"127.0.0.{last}")
        assert is_ended(strangers[0])
    assert len(house.table) <= MOST + MAX_ENDING


def test_a_stream_stays_and_a_full_server_refuses() -> None:
    with plain() as house, ExitStack() as held:
        streams = [held.enter_context(house.connect()) for _ in range(MOST)]
        for one in streams:
            assert answer(one, b"GET /stream HTTP/1.1\r\nHost: hg\r\n\r\n").startswith("HTTP/1.1 200")
        house.now_ms += 100 * WAITS_MS
        with house.connect() as late:
            assert is_ended(late)
        assert house.table.refused == 1
        assert house.table.ended == 0


def test_a_connection_serves_one_request_after_another() -> None:
    with plain() as house, house.connect() as visitor:
        for _ in range(3):
            house.now_ms += WAITS_MS - 1
            assert answer(visitor).startswith("HTTP/1.1 200")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: hg\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: hg\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", 400),
        (
            b"POST /body HTTP/1.1\r\nHost: hg\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"POST /body HTTP/1.1\r\nHost: hg\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n12345", 400),
        (b"POST /body HTTP/1.1\r\nHost: hg\r\nContent-Length: 20000\r\n\r\n" + b"x" * 20_000, 200),
    ],
    ids=["long line", "long header", "two lengths", "two numbers", "long body"],
)
def test_a_request_beyond_all_bounds_is_refused(request_: bytes, status: int) -> None:
    with plain() as house, house.connect() as stranger:
        assert answer(stranger, request_).startswith(f"HTTP/1.1 {status}")


@pytest.mark.parametrize(("proxies", "believed"), [((), "127.0.0.1"), (("127.0.0.1",), "203.0.113.7")])
def test_a_forwarded_address_is_believed_of_named_proxies(proxies: tuple[str, ...], believed: str) -> None:
    """Otherwise any local process chose the address that the throttle counts and the audit keeps."""
    forged = GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n")
    with House(None, proxies) as house, house.connect() as visitor:
        assert answer(visitor, forged).endswith(believed)


def test_a_lack_of_descriptors_is_said_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The loop asks two thousand times in a row, and wrote a traceback for each: 45 MB a minute."""

    def lacking(_self: socket.socket) -> tuple[int, object]:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(Listening, "_accept", lacking, raising=False)
    kinds = []
    with Listening(socket.AF_INET, Connections(MOST, lambda: 0)) as listening:
        for _ in range(2_000):
            with pytest.raises(OSError, match=r"Too many|^$") as raised:
                listening.accept()
            kinds.append(type(raised.value))
    assert kinds == [OSError] + 1_999 * [BlockingIOError]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_lack_of_descriptors_leaves_the_others_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """asyncio's own record of it is dropped, and the next connection is taken as soon as there is room."""
    real: Callable[[socket.socket], tuple[int, object]] = socket.socket._accept  # type: ignore[attr-defined]
    lacks = [True]
    said: list[object] = []

    def once(taken: socket.socket) -> tuple[int, object]:
        if lacks:
            lacks.clear()
            raise OSError(errno.EMFILE, "Too many open files")
        return real(taken)

    monkeypatch.setattr(Listening, "_accept", once, raising=False)
    monkeypatch.setattr(asyncio.BaseEventLoop, "default_exception_handler", lambda _loop, context: said.append(context))
    monkeypatch.setattr("asyncio.constants.ACCEPT_RETRY_DELAY", 0)
    with plain() as house, house.connect() as visitor:
        while lacks:
            pass
        house.now_ms += SCARCE_MS
        assert answer(visitor).startswith("HTTP/1.1 200")
    assert said == []


def test_limit_of_descriptors_is_raised_where_allowed() -> None:
    limit = raise_descriptor_limit()
    assert limit == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert raise_descriptor_limit() == limit


def test_renewed_certificate_needs_no_restart(certificate: Path, keys: KeyFolder) -> None:
    """Certificates for a public name are renewed every few weeks, by a program that knows nothing of us."""
    with House(certificate) as house:
        before = house.certificate()
        pair = open_authority(keys.folder, 1_700_000_000_000).server(["127.0.0.1"], 1_700_086_400_000)
        certificate.write_text(pair.key + pair.certificate)
        house.now_ms += 2 * LOOK_AGAIN_MS
        assert any(house.certificate() != before for _ in range(300))
