"""What a post is ordered reaches it, over real sockets."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from contract.decide import Mode
from edge.archetypes.protocol import Due, ModeChanged
from edge.ocpp import orders
from edge.stations.ev_post.messages import (
    AskListVersion,
    Configure,
    Configured,
    Done,
    Listed,
    ListVersion,
    SayAgain,
    SetOperative,
    StartRemotely,
    StopRemotely,
    ToPost,
    UpdateList,
)
from tests.edge.support.orders import stops
from tests.edge.support.peers import peer, run, until
from tests.edge.support.posts import ANNA, NOON_MS, POINT, STRANGER, Served


def stop_by_limit(served: Served) -> None:
    served.take(Due("limit"))


def stop_by_operator(served: Served) -> None:
    served.take(stops(served.report))


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


@pytest.mark.parametrize("code", ["InternalError", "RpcFrameworkError", "OfOurOwn", "", 5])
def test_refused_call_does_not_delay_the_next(code: object) -> None:
    """Posts refuse with codes of OCPP 2.0.1 that the library does not know, and with codes of their own."""

    async def story(served: Served) -> None:
        served.silent = True
        async with peer(served) as post:
            await post.call("Heartbeat")
            for name in ("a", "b"):
                served.server.send(POINT, StopRemotely(name, "301"))
            call = await post.order("RemoteStopTransaction")
            await post.socket.send(json.dumps([4, call[1], code, "", {}]))
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
