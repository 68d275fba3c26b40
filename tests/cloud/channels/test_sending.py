"""One try of a webhook over real sockets: what is taken, and how each bad receiver ends."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from cloud.channels import sending
from cloud.channels.sending import post


@contextmanager
def receiver(answer: bytes, *, hangs: bool = False, drips: bool = False) -> Iterator[tuple[str, list[bytes]]]:
    """A server for one request on a loopback port, and what it was sent."""
    heard: list[bytes] = []
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            line, _ = listening.accept()
            with line:
                heard.append(line.recv(65_536))
                line.sendall(answer)
                if hangs:
                    over.wait(10)
                with suppress(OSError):  # who reads has gone
                    while drips and not over.wait(0.02):
                        line.sendall(b".")

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/hook?token=1", heard
        finally:
            over.set()
            thread.join()


def test_webhook_takes_a_message() -> None:
    with receiver(b"HTTP/1.1 204 No Content\r\n\r\n") as (url, heard):
        assert post(url, {"content-type": "application/json"}, b"{}") == ""
    assert heard[0].startswith(b"POST /hook?token=1 HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (b"HTTP/1.1 500 No\r\n\r\n", "HTTP 500"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "HTTP 302"),
        (b"rubbish\r\n\r\n", "BadStatusLine: rubbish"),
        (b"", "RemoteDisconnected"),
    ],
)
def test_webhook_that_takes_nothing_is_told(answer: bytes, trouble: str) -> None:
    with receiver(answer) as (url, _):
        assert post(url, {}, b"{}").startswith(trouble)


def test_webhook_that_hangs_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "TIMEOUT_S", 0.05)
    with receiver(b"HTTP/1.1 2", hangs=True) as (url, _):
        assert "timed out" in post(url, {}, b"{}")


def test_webhook_that_drips_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then runs into no timeout: the whole answer has its deadline."""
    monkeypatch.setattr(sending, "DEADLINE_S", 0.2)
    with receiver(b"HTTP/1.1 200 OK\r\nX-Drip: ", drips=True) as (url, _):
        assert post(url, {}, b"{}") == "no whole answer within 0.2 s"


def test_webhook_that_nobody_serves_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert "ConnectionRefused" in post(f"http://127.0.0.1:{port}/", {}, b"{}")
