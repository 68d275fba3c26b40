"""The server that posts connect to, over real sockets."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from contract.decide import Mode
from edge.archetypes.protocol import Due, ModeChanged, StopOrdered
from edge.ocpp import admission, orders, server
from edge.ocpp.v16 import Post16
from edge.ocpp.v201 import Post201
from edge.stations.ev_post.messages import (
    AskListVersion,
    Beat,
    Booted,
    Configure,
    Configured,
    Connected,
    Done,
    Left,
    Listed,
    ListVersion,
    MeterSaid,
    Nonsense,
    SayAgain,
    SetOperative,
    StartRemotely,
    StartSaid,
    StatusSaid,
    StopRemotely,
    StopSaid,
    ToPost,
    TurnedAway,
    UpdateList,
    connector_of,
)
from tests.edge.support.posts import ANNA, NOON_MS, PASSWORD, POINT, STRANGER, Served

NAME = "post-1"
WITHIN_S = 30.0


def run(story: Callable[[Served], Coroutine[Any, Any, None]], *, connectors: int = 1) -> None:
    """Tell a story with a server on loopback."""

    async def told() -> None:
        points = {(NAME, number): POINT if number == 1 else f"ev-{number}" for number in range(1, connectors + 1)}
        served = Served(asyncio.get_running_loop(), points)
        served.server.start()
        await served.server.listening.wait()
        try:
            async with asyncio.timeout(WITHIN_S):
                await story(served)
        finally:
            await served.server.close()

    asyncio.run(told())


def basic(name: str = NAME, password: bytes = PASSWORD.encode()) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(name.encode() + b":" + password).decode()}


class Peer:
    """A post as somebody else would write it: frames of JSON by hand."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.calls = 0
        self.asked: list[list[Any]] = []
        """Calls of the server that were not answered yet."""

    async def call(self, action: str, **payload: Any) -> Any:
        """Returns the payload of the answer, or the code of the refusal."""
        self.calls += 1
        await self.socket.send(json.dumps([2, str(self.calls), action, payload]))
        while True:
            frame = json.loads(await self.socket.recv())
            if frame[0] == 2:
                self.asked.append(frame)
            elif frame[1] == str(self.calls):
                return frame[2]

    async def order(self, action: str) -> list[Any]:
        """The next call of the server of that action; others before it are answered with a refusal."""
        while True:
            frame = self.asked.pop(0) if self.asked else json.loads(await self.socket.recv())
            if frame[0] == 2 and frame[2] == action:
                return list(frame)
            if frame[0] == 2:
                await self.socket.send(json.dumps([4, frame[1], "NotImplemented", "", {}]))

    async def heard(self) -> list[Any]:
        """The next call of the server, which is left unanswered."""
        return list(json.loads(await self.socket.recv()))

    async def answer(self, frame: list[Any], **payload: Any) -> None:
        await self.socket.send(json.dumps([3, frame[1], payload]))


@asynccontextmanager
async def peer(served: Served, version: str = "ocpp1.6", path: str = f"/{NAME}", **header: Any) -> AsyncIterator[Peer]:
    uri = f"ws://127.0.0.1:{served.server.port}{path}"
    protocols = [Subprotocol(version)] if version else None
    async with connect(uri, subprotocols=protocols, additional_headers=header.get("headers", basic())) as socket:
        yield Peer(socket)


async def until(true: Callable[[], object]) -> None:
    while not true():
        await asyncio.sleep(0.001)


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


def test_pings_and_their_answers_are_heard() -> None:
    """A post that has nothing to say for an hour shows by them that it lives."""

    async def story(served: Served) -> None:
        async with peer(served) as post:
            await until(lambda: served.said(Connected))
            connection = served.server._lines[NAME]._connection
            for ping in (post.socket.ping, connection.ping_once):
                connection.heard_at_s = 0.0
                await ping()
                await until(lambda: connection.heard_at_s)

    run(story)


def test_a_whole_transaction_in_1_6() -> None:
    async def story(served: Served) -> None:
        async with peer(served) as post:
            await post.call("BootNotification", chargePointVendor="Acme", chargePointModel="Two")
            await post.call("StatusNotification", connectorId=1, errorCode="NoError", status="Available")
            assert await post.call("Authorize", idTag=ANNA) == {"idTagInfo": {"status": "Accepted"}}
            start = {"connectorId": 1, "idTag": ANNA, "meterStart": 1000, "timestamp": "2026-09-21T14:13:20Z"}
            first = await post.call("StartTransaction", **start)
            again = await post.call("StartTransaction", **start)
            assert first == again
            number = first["transactionId"]
            assert first["idTagInfo"] == {"status": "Accepted"}
            assert connector_of(str(number)) == 1
            sample = {"value": "1.001", "unit": "kWh"}
            meter = [{"timestamp": "2026-09-21T14:20:00Z", "sampledValue": [sample]}]
            assert await post.call("MeterValues", connectorId=1, transactionId=number, meterValue=meter) == {}
            stop = {"transactionId": number, "meterStop": 1001, "timestamp": "2026-09-21T14:30:00Z", "idTag": ANNA}
            assert await post.call("StopTransaction", **stop) == {"idTagInfo": {"status": "Accepted"}}
        assert served.ends() == [("card", 1.0)]

    run(story)


def test_a_whole_transaction_in_2_0_1() -> None:
    async def story(served: Served) -> None:
        async with peer(served, "ocpp2.0.1") as post:
            station = {"vendorName": "Acme", "model": "Three", "firmwareVersion": "2"}
            await post.call("BootNotification", reason="PowerUp", chargingStation=station)
            now, token = "2026-09-21T14:13:20Z", {"idToken": ANNA, "type": "ISO14443"}
            status = {"timestamp": now, "connectorStatus": "Available", "evseId": 1, "connectorId": 1}
            assert await post.call("StatusNotification", **status) == {}
            answer = await post.call("Authorize", idToken=token)
            assert answer["idTokenInfo"]["status"] == "Accepted"
            value: dict[str, Any] = {"value": 1.0, "unitOfMeasure": {"unit": "Wh", "multiplier": 3}}
            meter = [{"timestamp": now, "sampledValue": [value]}]
            event: dict[str, Any] = {
                "timestamp": now,
                "triggerReason": "Authorized",
                "evse": {"id": 1},
                "idToken": token,
            }
            info = {"transactionId": "tx-1", "chargingState": "Charging"}
            event |= {"transactionInfo": info, "meterValue": meter}
            for _ in range(2):
                answer = await post.call("TransactionEvent", eventType="Started", seqNo=0, **event)
                assert answer["idTokenInfo"]["status"] == "Accepted"
            update = {"timestamp": now, "triggerReason": "MeterValuePeriodic", "transactionInfo": info}
            value["value"] = 1.001
            await post.call("TransactionEvent", eventType="Updated", seqNo=1, meterValue=meter, **update)
            info["stoppedReason"] = "EVDisconnected"
            assert await post.call("TransactionEvent", eventType="Ended", seqNo=2, **update) == {}
        assert served.ends() == [("pulled", 1.0)]
        assert served.kinds.count("session.started") == 1

    run(story)


@pytest.mark.parametrize(
    "absurd",
    [
        {"connectorId": -5},
        {"connectorId": 7},
        {"meterStart": -9},
        {"meterStart": "much"},
        {"timestamp": "yesterday"},
        {"idTag": 5},
        {"idTag": ["x"]},
    ],
)
def test_a_start_that_cannot_be_is_answered_all_the_same(absurd: dict[str, Any]) -> None:
    async def story(served: Served) -> None:
        async with peer(served) as post:
            start = {"connectorId": 1, "idTag": STRANGER, "meterStart": 1, "timestamp": "2026-09-21T14:13:20Z"}
            answer = await post.call("StartTransaction", **{**start, **absurd})
            assert answer["idTagInfo"]["status"] == "Invalid"
            assert "currentTime" in await post.call("Heartbeat")

    run(story)


@pytest.mark.parametrize(
    "values",
    [
        {"meterValue": {"sampledValue": []}},
        {"meterValue": [{"sampledValue": [{"value": "50", "unit": "Hz", "measurand": "Frequency"}]}]},
        {"meterValue": "none"},
        {"meterValue": [None, {"sampledValue": [None, {"value": None}]}]},
        {},
        {"connectorId": "x", "meterValue": []},
        {"meterValue": [{"sampledValue": [{"value": "NaN"}, {"value": "-1"}, {"value": "1e400"}]}]},
    ],
)
def test_meter_values_of_any_shape_are_taken(values: dict[str, Any]) -> None:
    async def story(served: Served) -> None:
        async with peer(served) as post:
            assert await post.call("MeterValues", **{"connectorId": 1, **values}) == {}
        assert all(said.energy_wh is None and said.power_w is None for said in served.said(MeterSaid))

    run(story)


@pytest.mark.parametrize(
    "frame",
    ["", "{", "[]", "[2]", "null", "[9,1,2]", '[2,"x"]', "[" * 5000, '[2,"x",["Heartbeat"],{}]', '[2,1,"x",{}]'],
)
def test_a_malformed_frame_is_survived(frame: str) -> None:
    async def story(served: Served) -> None:
        async with peer(served) as post:
            await post.socket.send(frame)
            assert "currentTime" in await post.call("Heartbeat")

    run(story)


@pytest.mark.parametrize("number", ["1", "{6b29fc40-ca47-1067-b31d-00dd010662da}", 7, -1, "ß"])
def test_call_is_answered_by_its_own_number(number: object) -> None:
    async def story(served: Served) -> None:
        async with peer(served) as post:
            await post.socket.send(json.dumps([2, number, "Heartbeat", {}]))
            kind, answered, payload = await post.heard()
            assert (kind, answered) == (3, number)
            assert "currentTime" in payload

    run(story)


def test_call_nested_without_end_is_survived() -> None:
    """Whether it is taken apart or refused depends on how deep this Python goes."""

    async def story(served: Served) -> None:
        async with peer(served) as post:
            for depth in (400, *range(900, 1000), 3000, 9000):
                await post.socket.send('[2,"deep","Heartbeat",' + '{"a":' * depth + "1" + "}" * depth + "]")
                assert "currentTime" in await post.call("Heartbeat")

    run(story)


@pytest.mark.parametrize(
    "frame", [["Heartbeat"], [], ["Heartbeat", None], ["Heartbeat", []], [5, {}], [{}, {}], ["Heartbeat", {}, {}]]
)
@pytest.mark.parametrize(("version", "code"), [("ocpp1.6", "FormationViolation"), ("ocpp2.0.1", "RpcFrameworkError")])
def test_a_malformed_call_is_refused(frame: list[Any], version: str, code: str) -> None:
    """A call with a number waits for something to be said of it, whatever is wrong with the rest."""

    async def story(served: Served) -> None:
        async with peer(served, version) as post:
            await post.socket.send(json.dumps([2, "bad", *frame]))
            assert json.loads(await post.socket.recv())[:3] == [4, "bad", code]
        assert Nonsense("frame") in served.said(Nonsense)

    run(story)


NOTIFICATIONS = [
    *(("ocpp1.6", action) for action in sorted(Post16.ACKNOWLEDGED)),
    *(("ocpp2.0.1", action) for action in sorted(Post201.ACKNOWLEDGED)),
]


@pytest.mark.parametrize(("version", "action"), NOTIFICATIONS)
def test_notifications_are_acknowledged(version: str, action: str) -> None:
    """Real posts tell ``StartupOfTheDevice`` at each boot, and repeat what is answered with an error."""

    async def story(served: Served) -> None:
        async with peer(served, version) as post:
            assert await post.call(action, type="StartupOfTheDevice", timestamp="2026-09-21T14:13:20Z") == {}
            assert served.said(Beat) == [Beat()]

    run(story)


def test_a_refusal_is_short_and_repeats_nothing() -> None:
    async def story(served: Served) -> None:
        async with peer(served) as post:
            await post.socket.send(json.dumps([2, "1", "Nonsense", {"x": "secret" * 1000}]))
            refusal = await post.socket.recv()
        assert json.loads(refusal)[:3] == [4, "1", "NotSupported"]
        assert len(refusal) < 400
        assert "secret" not in str(refusal)

    run(story)


def test_a_message_too_long_ends_the_connection() -> None:
    async def story(served: Served) -> None:
        with pytest.raises(ConnectionClosed):
            async with peer(served) as post:
                await post.call("Heartbeat", x="x" * server.MAX_MESSAGE_BYTES)
        async with peer(served) as post:
            assert "currentTime" in await post.call("Heartbeat")

    run(story)


def test_a_new_connection_takes_the_place_of_the_old_one() -> None:
    async def story(served: Served) -> None:
        async with peer(served) as old:
            await old.call("Heartbeat")
            async with peer(served) as new:
                await new.call("Heartbeat")
                with pytest.raises(ConnectionClosed):
                    await old.call("Heartbeat")
                assert [one.replaced for one in served.said(Connected)] == [False, True]
                assert served.said(Left) == []
                await new.call("Heartbeat")
        await until(lambda: served.said(Left))

    run(story)


def test_what_a_station_does_not_answer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(served: Served) -> None:
        served.silent = True
        async with peer(served) as post:
            assert await post.call("Authorize", idTag=ANNA) == {"idTagInfo": {"status": "Invalid"}}

    monkeypatch.setattr(server, "ANSWER_WITHIN_S", 0.01)
    run(story)


def stop_by_limit(served: Served) -> None:
    served.take(Due("limit"))


def stop_by_operator(served: Served) -> None:
    served.take(StopOrdered({}))


def stop_by_card(served: Served) -> None:
    served.take(served.decided(ANNA))


def stop_by_fire(served: Served) -> None:
    served.emergency()


def stop_by_mode(served: Served) -> None:
    served.take(ModeChanged(Mode.OUT_OF_SERVICE, 1))


STOPS = [
    (stop_by_limit, "RemoteStopTransaction"),
    (stop_by_operator, "RemoteStopTransaction"),
    (stop_by_card, "RemoteStopTransaction"),
    (stop_by_fire, "RemoteStopTransaction"),
    (stop_by_mode, "ChangeAvailability"),
]


@pytest.mark.parametrize(("cause", "action"), STOPS)
def test_stop_waits_for_no_answer_of_a_post(
    cause: Callable[[Served], None], action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way from what ends a session to the wire: the post answers nothing that it was asked since it came."""
    monkeypatch.setattr(orders, "OVERTAKE_S", 0.01)

    async def story(served: Served) -> None:
        async with peer(served) as post:
            await post.call("BootNotification", chargePointVendor="Acme", chargePointModel="Two")
            start = {"connectorId": 1, "idTag": ANNA, "meterStart": 1000, "timestamp": "2026-09-21T14:13:20Z"}
            await post.call("StartTransaction", **start)
            post.asked.clear()
            cause(served)
            while (await post.heard())[2] != action:
                pass

    run(story)


ORDERS: list[tuple[ToPost, str, dict[str, Any], dict[str, Any], object]] = [
    (
        StartRemotely("o", "0011"),
        "RemoteStartTransaction",
        {"connectorId": 1, "idTag": "0011"},
        {"status": "Accepted"},
        Done("o", "accepted"),
    ),
    (
        StopRemotely("o", "301"),
        "RemoteStopTransaction",
        {"transactionId": 301},
        {"status": "Rejected"},
        Done("o", "rejected"),
    ),
    (
        SetOperative("o", False),
        "ChangeAvailability",
        {"connectorId": 1, "type": "Inoperative"},
        {"status": "Scheduled"},
        Done("o", "accepted"),
    ),
    (
        UpdateList("o", 3, True, (Listed(ANNA), Listed(STRANGER, gone=True), Listed("AA", until_ms=NOON_MS))),
        "SendLocalList",
        {
            "listVersion": 3,
            "updateType": "Full",
            "localAuthorizationList": [
                {"idTag": ANNA, "idTagInfo": {"status": "Accepted"}},
                {"idTag": STRANGER},
                {"idTag": "AA", "idTagInfo": {"status": "Accepted", "expiryDate": "2026-09-21T14:13:20Z"}},
            ],
        },
        {"status": "VersionMismatch"},
        Done("o", "version_mismatch"),
    ),
    (AskListVersion(), "GetLocalListVersion", {}, {"listVersion": 4}, ListVersion(4)),
    (AskListVersion(), "GetLocalListVersion", {}, {"listVersion": -1}, ListVersion(None)),
    (UpdateList("o", 1, False, ()), "SendLocalList", {}, {"nonsense": 1}, Done("o", "error")),
]


@pytest.mark.parametrize(("order", "action", "asked", "answer", "told"), ORDERS, ids=lambda one: type(one).__name__)
def test_an_order_becomes_a_call_of_1_6(
    order: ToPost, action: str, asked: dict[str, Any], answer: dict[str, Any], told: object
) -> None:
    async def story(served: Served) -> None:
        served.silent = True
        async with peer(served) as post:
            await post.call("Heartbeat")
            served.server.send(POINT, order)
            call = await post.order(action)
            assert asked.items() <= call[3].items()
            await post.answer(call, **answer)
            await until(lambda: served.said(type(told)))
        assert served.said(type(told)) == [told]

    run(story)


def test_a_refused_call_is_told_and_does_not_hold_up_the_next() -> None:
    async def story(served: Served) -> None:
        served.silent = True
        async with peer(served) as post:
            await post.call("Heartbeat")
            for name in ("a", "b"):
                served.server.send(POINT, StopRemotely(name, "301"))
            call = await post.order("RemoteStopTransaction")
            await post.socket.send(json.dumps([4, call[1], "InternalError", "", {}]))
            await post.answer(await post.order("RemoteStopTransaction"), status="Accepted")
            await until(lambda: len(served.said(Done)) == 2)
        assert served.said(Done) == [Done("a", "error"), Done("b", "accepted")]

    run(story)


def test_one_call_at_a_time_goes_out() -> None:
    async def story(served: Served) -> None:
        served.silent = True
        async with peer(served) as post:
            await post.call("Heartbeat")
            for name in ("a", "b"):
                served.server.send(POINT, StopRemotely(name, "301"))
            first = await post.order("RemoteStopTransaction")
            await post.call("Heartbeat")
            assert post.asked == []
            await post.socket.send(json.dumps([3, "stray", {"status": "Accepted"}]))
            await post.answer(first, status="Accepted")
            await post.order("RemoteStopTransaction")

    run(story)


def test_an_order_for_a_post_that_is_not_there_is_told_so() -> None:
    async def story(served: Served) -> None:
        served.server.send(POINT, StopRemotely("a", "301"))
        served.server.send(POINT, SayAgain("status"))
        assert served.heard == []
        await until(lambda: served.heard)
        assert served.said(Done) == [Done("a", "offline")]

    run(story)


def test_orders_that_wait_for_a_post_that_leaves_are_told_so() -> None:
    async def story(served: Served) -> None:
        served.silent = True
        async with peer(served) as post:
            await post.call("Heartbeat")
            for name in ("a", "b", "c"):
                served.server.send(POINT, StopRemotely(name, "301"))
            await post.order("RemoteStopTransaction")
        await until(lambda: len(served.said(Done)) == 3)
        assert {done.order: done.how for done in served.said(Done)} == dict.fromkeys("abc", "offline")

    run(story)


def test_a_post_is_set_up_key_by_key() -> None:
    async def story(served: Served) -> None:
        served.silent = True
        async with peer(served) as post:
            await post.call("Heartbeat")
            served.server.send(POINT, Configure({"meter_s": "30", "local_list": "true"}))
            await post.answer(await post.order("ChangeConfiguration"), status="RebootRequired")
            await post.answer(await post.order("ChangeConfiguration"), status="NotSupported")
            keys = [{"key": "SendLocalListMaxLength", "readonly": True, "value": "7"}]
            await post.answer(await post.order("GetConfiguration"), configurationKey=keys, unknownKey=[])
            await until(lambda: served.said(Configured))
        assert served.said(Configured) == [Configured(("local_list",), None, 7)]

    run(story)


def test_what_is_said_of_a_connector_goes_to_its_point_and_of_the_post_to_all() -> None:
    async def story(served: Served) -> None:
        async with peer(served) as post:
            status = {"errorCode": "NoError", "status": "Faulted"}
            await post.call("StatusNotification", connectorId=2, **status)
            await post.call("StatusNotification", connectorId=0, **status)
            await post.call("StatusNotification", connectorId=-5, **status)
        told = [(point, one.whole) for point, one in served.heard if isinstance(one, StatusSaid)]
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
        told = [(point, one.nobodys) for point, one in served.heard if isinstance(one, StopSaid)]
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
        (told,) = served.said(StartSaid)
        assert (told.at_ms, told.heard_ms, told.meter_wh) == (NOON_MS - 3_600_000, NOON_MS, 5)

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
            await until(lambda: served.said(StartSaid))
            await served.server.close()
            with pytest.raises(ConnectionClosed):
                await post.order("StopTransaction")
            assert all(frame[0] == 2 for frame in post.asked)

    run(story)
