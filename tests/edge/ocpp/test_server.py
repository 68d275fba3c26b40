"""The server that posts connect to, over real sockets."""

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from edge.ocpp import admission, server
from edge.stations.ev_post.messages import (
    Booted,
    Connected,
    Left,
    Nonsense,
    StartReported,
    StatusReported,
    StopReported,
    TurnedAway,
)
from tests.edge.support.peers import NAME, basic, peer, run, until
from tests.edge.support.posts import ANNA, NOON_MS, PASSWORD, POINT, Served


@pytest.mark.parametrize("path", [f"/{NAME}", f"/ocpp/central/{NAME}", f"/{NAME}/"])
def test_a_post_with_its_password_is_let_in(path: str) -> None:
    async def story(served: Served) -> None:
        async with peer(served, path=path) as post:
            answer = await post.call("BootNotification", chargePointVendor="Acme", chargePointModel="Two")
            assert answer == {"status": "Accepted", "interval": 60, "currentTime": "2026-09-21T14:13:20Z"}
        await until(lambda: served.said(Left))
        assert served.said(Booted) == [Booted("Acme", "Two", "")]

    run(story)


def test_the_bytes_that_a_password_writes_are_the_password_too() -> None:
    async def story(served: Served) -> None:
        async with peer(served, headers=basic(password=bytes.fromhex(PASSWORD))) as post:
            assert "currentTime" in await post.call("Heartbeat")

    run(story)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        basic(password=b"wrong"),
        basic(name="another"),
        {"Authorization": "Basic !!"},
        {"Authorization": "Bearer x"},
        basic(password=b""),
    ],
)
def test_whoever_shows_no_password_gets_a_401_before_any_upgrade(headers: dict[str, str]) -> None:
    async def story(served: Served) -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with peer(served, headers=headers):
                pass
        assert refused.value.response.status_code == 401
        assert refused.value.response.headers["WWW-Authenticate"].startswith("Basic ")
        assert served.heard == [(POINT, TurnedAway("wrong_password"))]

    run(story)


def test_which_posts_there_are_is_told_to_nobody() -> None:
    async def story(served: Served) -> None:
        for path in ("/post-2", "/", "/../keys", "/%2e%2e"):
            with pytest.raises(InvalidStatus) as refused:
                async with peer(served, path=path):
                    pass
            assert refused.value.response.status_code == 401

    run(story)


@pytest.mark.parametrize("version", ["", "ocpp1.5", "soap"])
def test_a_post_of_another_version_is_turned_away(version: str, caplog: pytest.LogCaptureFixture) -> None:
    """The installer finds in the log which post it is, where, and what it offers; the point shows it too."""

    async def story(served: Served) -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with peer(served, version):
                pass
        assert refused.value.response.status_code == 400
        assert served.heard == [(POINT, TurnedAway("wrong_protocol"))]

    run(story)
    (line,) = [record.getMessage() for record in caplog.records]
    assert NAME in line
    assert "127.0.0.1" in line
    assert (version or "no subprotocol") in line


@pytest.mark.parametrize(
    ("offered", "version"),
    [
        (["ocpp2.0.1", "ocpp1.6"], "2.0.1"),
        (["ocpp1.6", "ocpp2.0.1"], "1.6"),
        (["ocpp2.1", "ocpp2.0.1", "ocpp1.6"], "2.0.1"),
    ],
)
def test_post_gets_the_version_it_prefers(offered: list[str], version: str) -> None:
    async def story(served: Served) -> None:
        protocols = [Subprotocol(name) for name in offered]
        uri = f"ws://127.0.0.1:{served.server.port}/{NAME}"
        async with connect(uri, subprotocols=protocols, additional_headers=basic()) as socket:
            assert socket.subprotocol == f"ocpp{version}"
        await until(lambda: served.said(Left))
        assert [one.version for one in served.said(Connected)] == [version]

    run(story)


@pytest.mark.parametrize("path", ["/POST-1", "/Post%2D1", "/ocpp/post-1?x=1"])
@pytest.mark.parametrize("name", ["post-1", "POST-1"])
def test_post_is_known_however_its_name_is_written(path: str, name: str) -> None:
    async def story(served: Served) -> None:
        headers = basic(name, PASSWORD.upper().encode())
        async with peer(served, path=path, headers=headers) as post:
            assert "currentTime" in await post.call("Heartbeat")

    run(story)


async def status_of(served: Served, **header: Any) -> int:
    """How a connection is refused."""
    with pytest.raises(InvalidStatus) as refused:
        async with peer(served, **header):
            pass
    return refused.value.response.status_code


def test_wrong_passwords_are_told_a_few_times(caplog: pytest.LogCaptureFixture) -> None:
    """Somebody who guesses costs five lines a minute, learns no name by it, and keeps no post out, not even one at the
    same address."""

    async def story(served: Served) -> None:
        wrong = basic(password=b"wrong")
        assert [await status_of(served, headers=wrong) for _ in range(8)] == [401] * 5 + [429] * 3
        assert await status_of(served, path="/unknown") == await status_of(served, headers=wrong) == 429
        assert len(caplog.records) == 5
        assert served.said(TurnedAway) == [TurnedAway("wrong_password")] * 5
        async with peer(served) as post:
            assert "currentTime" in await post.call("Heartbeat")

    run(story)


def test_idle_connections_are_bounded(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever opens connections and says nothing holds few descriptors, writes no log, and keeps no post out."""
    monkeypatch.setattr(admission, "MAX_HANDSHAKES", 4)

    async def story(served: Served) -> None:
        idle = [await asyncio.open_connection("127.0.0.1", served.server.port) for _ in range(20)]
        async with peer(served) as post:
            assert "currentTime" in await post.call("Heartbeat")
            closed = [reader for reader, _ in idle if await ends(reader)]
            assert len(closed) >= 16
        for _, writer in idle:
            writer.close()

    async def ends(reader: asyncio.StreamReader) -> bool:
        try:
            return await asyncio.wait_for(reader.read(1), 0.05) == b""
        except TimeoutError:
            return False
        except ConnectionError:
            return True

    run(story)
    assert caplog.records == []


def test_connection_that_never_asks_is_closed_in_silence(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "HANDSHAKE_S", 0.01)

    async def story(served: Served) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.server.port)
        assert await reader.read() == b""
        writer.close()

    run(story)
    assert caplog.records == []


def test_own_fault_in_watching_ends_the_connection(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A post that nobody watches any more could go unnoticed: it is to connect again."""

    async def watch(_connection: object, _alive: object) -> None:
        raise KeyError("ours")

    monkeypatch.setattr(server, "watch", watch)

    async def story(served: Served) -> None:
        async with peer(served) as post:
            with pytest.raises(ConnectionClosed):
                await post.socket.recv()
        await until(lambda: served.said(Left))

    run(story)
    assert [record.getMessage() for record in caplog.records] == ["the connection of a post failed"]


def test_what_is_said_of_a_connector_goes_to_its_point_and_of_the_post_to_all() -> None:
    async def story(served: Served) -> None:
        async with peer(served) as post:
            status = {"errorCode": "NoError", "status": "Faulted"}
            await post.call("StatusNotification", connectorId=2, **status)
            await post.call("StatusNotification", connectorId=0, **status)
            await post.call("StatusNotification", connectorId=-5, **status)
        told = [(point, one.whole) for point, one in served.heard if isinstance(one, StatusReported)]
        assert told == [("ev-2", False), (POINT, True), ("ev-2", True)]
        assert set(served.said(Nonsense)) == {Nonsense("status")}
        leads = {point: one.leads for point, one in served.heard if isinstance(one, Connected)}
        assert leads == {POINT: True, "ev-2": False}

    run(story, connectors=2)


def test_an_end_finds_its_connector_by_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(served: Served) -> None:
        served.silent = True
        async with peer(served) as post:
            await post.call("StopTransaction", transactionId=4202, meterStop=1, timestamp="2026-09-21T14:13:20Z")
            await post.call("StopTransaction", transactionId=-1, meterStop=1, timestamp="2026-09-21T14:13:20Z")
        told = [(point, one.nobodys) for point, one in served.heard if isinstance(one, StopReported)]
        assert told == [("ev-2", False), (POINT, True), ("ev-2", True)]

    monkeypatch.setattr(server, "ANSWER_WITHIN_S", 0.01)
    run(story, connectors=2)


def test_a_hasty_post_is_heard_more_slowly() -> None:
    pace = server.Pace(0.0)
    at_once = int(server.MESSAGES_AT_ONCE)
    assert [pace.wait_s(0.0) for _ in range(at_once)] == [0.0] * at_once
    assert pace.wait_s(0.0) == 1 / server.MESSAGES_PER_S
    assert pace.wait_s(1.0) == 0.0


def test_a_queue_of_an_outage_is_heard_whole() -> None:
    async def story(served: Served) -> None:
        async with peer(served) as post:
            for _ in range(int(server.MESSAGES_AT_ONCE) + 2):
                assert "currentTime" in await post.call("Heartbeat")

    run(story)


def test_a_start_says_when_it_was_and_when_it_was_heard() -> None:
    async def story(served: Served) -> None:
        async with peer(served) as post:
            start = {"connectorId": 1, "idTag": ANNA, "meterStart": 5, "timestamp": "2026-09-21T15:13:20+02:00"}
            await post.call("StartTransaction", **start)
        (told,) = served.said(StartReported)
        assert (told.at_ms, told.received_ms, told.meter_wh) == (NOON_MS - 3_600_000, NOON_MS, 5)

    run(story)


def test_an_address_in_use_is_told_and_tried_again() -> None:
    async def story(served: Served) -> None:
        address = ("127.0.0.1", served.server.port)
        loop = asyncio.get_running_loop()
        second = server.OcppServer(address, {}, {}.get, served, loop, served.receive)  # type: ignore[arg-type]
        second.start()
        await until(lambda: second.deaf)
        assert f":{served.server.port}:" in second.deaf
        await second.close()

    run(story)


def test_a_server_that_closes_leaves_no_post_with_an_answer_that_nobody_gave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "ANSWER_WITHIN_S", 3600)

    async def story(served: Served) -> None:
        served.silent = True
        async with peer(served) as post:
            start = {"connectorId": 1, "idTag": ANNA, "meterStart": 5, "timestamp": "2026-09-21T15:13:20Z"}
            await post.socket.send(json.dumps([2, "1", "StartTransaction", start]))
            await until(lambda: served.said(StartReported))
            await served.server.close()
            with pytest.raises(ConnectionClosed):
                await post.order("StopTransaction")
            assert all(frame[0] == 2 for frame in post.asked)

    run(story)
