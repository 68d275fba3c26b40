"""Posts with several connectors, which leave out the connector, the number or the card of what they tell."""

from typing import Any

import pytest

from edge.stations.ev_post.messages import StartRemotely, StopRemotely, remote_number
from tests.edge.support import double_posts
from tests.edge.support.double_posts import Post
from tests.edge.support.peers import Peer, peer
from tests.edge.support.posts import ANNA, BEN, STRANGER, ordered

NOW = "2026-09-21T14:13:20Z"
VERSIONS = ["ocpp1.6", "ocpp2.0.1"]


async def status(post: Peer, connector: int, word: str) -> None:
    if post.socket.subprotocol == "ocpp1.6":
        await post.call("StatusNotification", connectorId=connector, errorCode="NoError", status=word, timestamp=NOW)
    else:
        told = {"evseId": connector, "connectorId": 1, "connectorStatus": word, "timestamp": NOW}
        await post.call("StatusNotification", **told)


async def card(post: Peer, tag: str) -> str:
    if post.socket.subprotocol == "ocpp1.6":
        return str((await post.call("Authorize", idTag=tag))["idTagInfo"]["status"])
    return str((await post.call("Authorize", idToken=token(tag)))["idTokenInfo"]["status"])


async def begin(post: Peer, connector: int, tag: str, meter_wh: int) -> Any:
    """The number of the transaction that begins."""
    if post.socket.subprotocol == "ocpp1.6":
        start = {"connectorId": connector, "idTag": tag, "meterStart": meter_wh, "timestamp": NOW}
        return (await post.call("StartTransaction", **start))["transactionId"]
    number = f"tx-{connector}"
    await post.call("TransactionEvent", **event("Started", number, meter_wh, connector, idToken=token(tag)))
    return number


def token(tag: str) -> dict[str, str]:
    return {"idToken": tag, "type": "ISO14443"}


def event(kind: str, number: str, wh: float | None, evse: int | None = None, watts: int = 0, **more: Any) -> Any:
    """A TransactionEvent; it names its EVSE only where one is given."""
    info = {"transactionId": number, **more.pop("info", {})}
    power = {"value": watts, "measurand": "Power.Active.Import"}
    samples = [] if wh is None else [{"value": wh, "measurand": "Energy.Active.Import.Register"}, power]
    told = {"eventType": kind, "timestamp": NOW, "triggerReason": "Trigger", "seqNo": 0, "transactionInfo": info}
    told |= {"meterValue": [{"timestamp": NOW, "sampledValue": samples}]} if samples else {}
    return told | ({"evse": {"id": evse, "connectorId": 1}} if evse else {}) | more


def connected(post: Post, version: str = "ocpp1.6") -> Any:
    return peer(post, version)  # type: ignore[arg-type]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("connectors", [2, 3])
def test_card_is_accepted_where_any_connector_is_free(version: str, connectors: int) -> None:
    async def story(post: Post) -> None:
        async with connected(post, version) as peer:
            for number in post.at:
                await status(peer, number, "Available")
            await begin(peer, 1, ANNA, 1000)
            assert await card(peer, BEN) == "Accepted"
            assert await card(peer, ANNA) == "Accepted"
            assert await card(peer, STRANGER) == "Invalid"
            await begin(peer, connectors, BEN, 5)
            assert await card(peer, BEN) == "Accepted"
        assert not any(rig.state.waiting for rig in post.at.values())

    post = double_posts.run(story, connectors)
    assert sum(rig.kinds.count("access.refused") for rig in post.at.values()) == 1


def test_card_waits_once_where_every_connector_is_busy() -> None:
    async def story(post: Post) -> None:
        async with connected(post) as peer:
            for number in post.at:
                await status(peer, number, "Available")
                await begin(peer, number, ANNA, 1000)
            assert await card(peer, BEN) == "ConcurrentTx"
        assert [bool(rig.state.waiting) for rig in post.at.values()] == [True, False]

    double_posts.run(story)


@pytest.mark.parametrize("word", ["Faulted", "Unavailable"])
def test_card_is_accepted_beside_connector_that_is_unwell(word: str) -> None:
    async def story(post: Post) -> None:
        async with connected(post) as peer:
            await status(peer, 1, word)
            await status(peer, 2, "Available")
            assert await card(peer, BEN) == "Accepted"

    double_posts.run(story)


@pytest.mark.parametrize("number", [-1, 0, 4294967295, 9223372036854775807, 2147483647])
def test_end_without_number_belongs_to_tag_or_register(number: int) -> None:
    async def story(post: Post) -> None:
        async with connected(post) as peer:
            await begin(peer, 1, ANNA, 1000)
            await begin(peer, 2, BEN, 80_000)
            await begin(peer, 3, ANNA, 3_000)
            await peer.call("StopTransaction", transactionId=number, idTag=BEN, meterStop=80_010, timestamp=NOW)
            assert [len(rig.ends()) for rig in post.at.values()] == [0, 1, 0]
            await peer.call("StopTransaction", transactionId=number, meterStop=3_010, timestamp=NOW)
            found = [len(rig.ends()) for rig in post.at.values()]
            assert found == ([0, 1, 0] if number == 2147483647 else [0, 1, 1])

    double_posts.run(story, 3)


def test_an_end_of_nobody_is_told_once() -> None:
    async def story(post: Post) -> None:
        async with connected(post) as peer:
            for number in post.at:
                await begin(peer, number, ANNA, 1000)
            stop = {"transactionId": -1, "meterStop": 1010, "timestamp": NOW}
            assert await peer.call("StopTransaction", **stop) == {}
        assert [len(rig.state.book.parked) for rig in post.at.values()] == [1, 1]
        assert [len(rig.told("ev_post.unknown_end")) for rig in post.at.values()] == [1, 0]
        assert [len(rig.ends()) for rig in post.at.values()] == [0, 0]

    double_posts.run(story)


@pytest.mark.parametrize("restarts", [True, False])
def test_evse_is_known_after_reconnect_by_its_transaction(restarts: bool) -> None:
    async def story(post: Post) -> None:
        async with connected(post, "ocpp2.0.1") as peer:
            for number in post.at:
                await status(peer, number, "Available")
            await begin(peer, 2, BEN, 1000)
        if restarts:
            await post.restart()
        async with connected(post, "ocpp2.0.1") as peer:
            for turn in (1, 2, 3):
                await peer.call("TransactionEvent", **event("Updated", "tx-2", 1000 + turn, None, 7000))
            assert post.faults() == []
            assert not post.at[2].orders(StopRemotely)
            await peer.call("TransactionEvent", **event("Ended", "tx-2", 1004))
        assert [rig.ends() for rig in post.at.values()] == [[], [("user", 4.0)]]

    double_posts.run(story)


def test_an_evse_is_known_of_a_forgotten_transaction() -> None:
    async def story(post: Post) -> None:
        async with connected(post, "ocpp2.0.1") as peer:
            for turn in range(40):
                await peer.call("TransactionEvent", **event("Started", f"n-{turn}", 1000, 2, idToken=token(BEN)))
                await peer.call("TransactionEvent", **event("Ended", f"n-{turn}", 1001))
        assert [len(rig.ends()) for rig in post.at.values()] == [0, 40]

    double_posts.run(story)


def test_transaction_without_evse_begins_where_a_car_waits() -> None:
    async def story(post: Post) -> None:
        async with connected(post, "ocpp2.0.1") as peer:
            for number in post.at:
                await status(peer, number, "Available")
            started = event("Started", "tx-9", 1000, idToken=token(BEN))
            refused = await peer.call("TransactionEvent", **started)
            assert refused["idTokenInfo"]["status"] == "Invalid"
            await status(peer, 2, "Occupied")
            assert (await peer.call("TransactionEvent", **started))["idTokenInfo"]["status"] == "Accepted"
        assert [rig.report.busy for rig in post.at.values()] == [False, True]

    double_posts.run(story)


@pytest.mark.parametrize("evse", [2, None])
@pytest.mark.parametrize("tagged", [True, False])
def test_a_remote_start_belongs_to_the_operators_order(evse: int | None, tagged: bool) -> None:
    async def story(post: Post) -> None:
        async with connected(post, "ocpp2.0.1") as peer:
            for number in post.at:
                await status(peer, number, "Available")
            rig = post.at[2]
            rig.take(rig.decided(ANNA, told=ordered("9")))
            ticket = rig.orders(StartRemotely)[0].tag
            info = {"remoteStartId": remote_number(ticket)}
            more: dict[str, Any] = {"idToken": {"idToken": ticket, "type": "Central"}} if tagged else {}
            started = event("Started", "tx-7", 1000, evse, info=info, **more)
            for _ in range(2):
                answer = await peer.call("TransactionEvent", **started)
                assert answer == ({"idTokenInfo": {"status": "Accepted"}} if tagged else {})
            for turn in (1, 2, 3):
                await peer.call("TransactionEvent", **event("Updated", "tx-7", 1000 + turn, None, 7000))
            assert (post.faults(), rig.orders(StopRemotely), rig.orders(StartRemotely)) == ([], [], [])
            await peer.call("TransactionEvent", **event("Ended", "tx-7", 1004))
        (end,) = rig.told("session.ended")
        assert (end["by"], end["session"], end["energy_wh"]) == ("operator", ticket, 4)

    double_posts.run(story)


def test_a_remote_start_of_no_order_is_nobodys() -> None:
    async def story(post: Post) -> None:
        async with connected(post, "ocpp2.0.1") as peer:
            await status(peer, 1, "Available")
            await peer.call("TransactionEvent", **event("Started", "tx-7", 1000, 1, info={"remoteStartId": 5}))
            for turn in (1, 2):
                await peer.call("TransactionEvent", **event("Updated", "tx-7", 1000 + turn, 1, 7000))
            assert post.faults() == ["stray_power"]
            assert post.at[1].orders(StopRemotely)[0].transaction == "tx-7"

    double_posts.run(story, 1)


@pytest.mark.parametrize("with_card_wh", [None, 1000, 1020])
def test_register_told_with_the_plug_is_the_beginning(with_card_wh: int | None) -> None:
    async def story(post: Post) -> None:
        async with connected(post, "ocpp2.0.1") as peer:
            await peer.call("TransactionEvent", **event("Started", "tx-1", 1000, 1))
            shown = event("Updated", "tx-1", with_card_wh, 1, idToken=token(ANNA))
            await peer.call("TransactionEvent", **shown)
            await peer.call("TransactionEvent", **event("Updated", "tx-1", 1050, 1, 7000))
            await peer.call("TransactionEvent", **event("Ended", "tx-1", 1070, 1))
        assert post.at[1].ends() == [("user", 70.0)]

    double_posts.run(story, 1)


def test_a_post_of_201_is_asked_both_ends() -> None:
    async def story(post: Post) -> None:
        async with connected(post, "ocpp2.0.1") as peer:
            await status(peer, 1, "Available")
            asked: set[str] = set()
            while not {"TxStartedMeasurands", "TxEndedMeasurands", "TxUpdatedMeasurands"} <= asked:
                call = await peer.order("SetVariables")
                (one,) = call[3]["setVariableData"]
                asked.add(one["variable"]["name"])
                named = {key: one[key] for key in ("component", "variable")}
                await peer.answer(call, setVariableResult=[{"attributeStatus": "Accepted", **named}])

    double_posts.run(story, 1)
