"""What a post sends is taken, answered or refused, over real sockets."""

import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from edge.ocpp import server
from edge.ocpp.v16 import Post16
from edge.ocpp.v201 import Post201
from edge.stations.ev_post.messages import (
    Beat,
    Connected,
    Left,
    MeterReported,
    Nonsense,
    connector_of,
)
from tests.edge.support.peers import NAME, peer, run, until
from tests.edge.support.posts import ANNA, STRANGER, Served


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


@pytest.mark.parametrize(("version", "connector"), [("ocpp1.6", "connectorId"), ("ocpp2.0.1", "evseId")])
def test_meter_values_tell_of_the_beginning(version: str, connector: str) -> None:
    """A post may say between two readings what its register stood at when the transaction began."""
    values: list[dict[str, Any]] = [{"value": 1200, "context": "Sample.Periodic"}]
    values.append({"value": 1000, "context": "Transaction.Begin"})
    if version == "ocpp1.6":
        values = [{**value, "value": str(value["value"]), "unit": "Wh"} for value in values]
    meter = [{"timestamp": "2026-09-21T14:20:00Z", "sampledValue": values}]

    async def story(served: Served) -> None:
        async with peer(served, version) as post:
            assert await post.call("MeterValues", **{connector: 1, "meterValue": meter}) == {}
        (said,) = served.said(MeterReported)
        assert (said.energy_wh, said.begin_wh, said.transaction) == (1200, 1000, "")

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
        assert all(said.energy_wh is None and said.power_w is None for said in served.said(MeterReported))

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
