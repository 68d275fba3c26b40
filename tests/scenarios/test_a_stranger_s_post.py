"""A post that nobody here wrote: the npm client `ocpp-rpc` in strict mode against our server and our station.

In strict mode it checks every frame of ours against the schemas of the Open Charge Alliance, and says so.
"""

import asyncio
import json
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import dev
from edge.stations.ev_post.messages import Left
from tests.edge.support.posts import ANNA, PASSWORD, POINT, STRANGER, Served

NAME = "post-1"
WITHIN_S = 60.0
START = "2026-09-21T14:13:20Z"
STOP = "2026-09-21T15:13:20Z"


class Stranger:
    """The post's process: what it is told to do, and what it said."""

    def __init__(self, process: Process, protocol: str) -> None:
        self._process, self.protocol = process, protocol
        self.said: list[dict[str, Any]] = []

    async def do(self, **order: Any) -> Any:
        """The first thing it says of an order; calls of ours that come in between are kept."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        while not {"connected", "answer", "failed", "cut"} & (said := await self.hears()).keys():
            pass
        return next(iter(said.values()))

    async def call(self, method: str, **params: Any) -> Any:
        return await self.do(call=method, params=params)

    async def hears(self) -> dict[str, Any]:
        """The next thing it says."""
        assert self._process.stdout is not None
        said: dict[str, Any] = json.loads(await self._process.stdout.readline())
        self.said.append(said)
        return said

    async def is_asked(self, method: str) -> dict[str, Any]:
        """What a call of ours asked, the first that was not looked at yet."""
        while True:
            for said in self.said:
                if said.get("asked") == method:
                    self.said.remove(said)
                    return dict(said["params"])
            await self.hears()

    @property
    def complaints(self) -> list[dict[str, Any]]:
        return [said for said in self.said if "invalid" in said]


@asynccontextmanager
async def stranger_at(
    node: Path, oracles: Path, port: int, protocol: str, password: str = PASSWORD
) -> AsyncIterator[Stranger]:
    """A post by another hand, which is to connect to a port."""
    endpoint = f"ws://127.0.0.1:{port}"
    process = await asyncio.create_subprocess_exec(
        *(str(node), str(dev.ROOT / "tests" / "oracles" / "post.js"), endpoint, NAME, password, protocol),
        stdin=PIPE,
        stdout=PIPE,
        env={**os.environ, "NODE_PATH": str(oracles / "node_modules")},
    )
    try:
        yield Stranger(process, protocol)
    finally:
        process.kill()
        await process.wait()


def told(
    node: Path, oracles: Path, protocol: str, story: Callable[[Served, Stranger], Coroutine[Any, Any, None]]
) -> Served:
    """Tell a story with a post by another hand, and return our side of it."""

    async def tell() -> Served:
        served = Served(asyncio.get_running_loop(), {(NAME, 1): POINT})
        served.server.start()
        await served.server.listening.wait()
        try:
            async with asyncio.timeout(WITHIN_S), stranger_at(node, oracles, served.server.port, protocol) as post:
                assert await post.do(connect=True) == protocol
                await story(served, post)
                assert post.complaints == []
        finally:
            await served.server.close()
        return served

    return asyncio.run(tell())


async def until(true: Callable[[], object]) -> None:
    while not true():
        await asyncio.sleep(0.001)


def test_a_post_of_1_6_from_boot_to_end(node: Path, oracles: Path) -> None:
    async def story(served: Served, post: Stranger) -> None:
        booted = await post.call("BootNotification", chargePointVendor="Acme", chargePointModel="Two")
        assert booted["status"] == "Accepted"
        assert (await post.is_asked("ChangeAvailability"))["type"] == "Operative"
        await post.is_asked("ChangeConfiguration")
        assert (await post.is_asked("SendLocalList"))["updateType"] == "Full"
        await post.call("StatusNotification", connectorId=1, errorCode="NoError", status="Available")

        assert (await post.call("Authorize", idTag=STRANGER))["idTagInfo"]["status"] == "Invalid"
        assert (await post.call("Authorize", idTag=ANNA))["idTagInfo"]["status"] == "Accepted"
        listed = await post.is_asked("SendLocalList")
        assert listed["updateType"] == "Differential"
        assert [card["idTag"] for card in listed["localAuthorizationList"]] == [ANNA]

        start = {"connectorId": 1, "idTag": ANNA, "meterStart": 1000, "timestamp": START}
        first = await post.call("StartTransaction", **start)
        assert first["idTagInfo"]["status"] == "Accepted"
        await post.call("StatusNotification", connectorId=1, errorCode="NoError", status="Charging")
        number = first["transactionId"]

        # The power goes, and with it the answer, as far as the post knows.
        await post.do(cut=True)
        await until(lambda: served.said(Left))
        await post.do(connect=True)
        await post.call("BootNotification", chargePointVendor="Acme", chargePointModel="Two")
        assert await post.call("StartTransaction", **start) == first
        sample = {"value": "1.002", "unit": "kWh", "measurand": "Energy.Active.Import.Register"}
        meter = [{"timestamp": START, "sampledValue": [sample]}]
        assert await post.call("MeterValues", connectorId=1, transactionId=number, meterValue=meter) == {}
        stop = {"transactionId": number, "idTag": ANNA, "meterStop": 1003, "timestamp": STOP, "reason": "PowerLoss"}
        assert (await post.call("StopTransaction", **stop))["idTagInfo"]["status"] == "Accepted"
        assert await post.call("StopTransaction", **stop) == {"idTagInfo": {"status": "Accepted"}}

    served = told(node, oracles, "ocpp1.6", story)
    assert served.kinds.count("session.started") == 1
    (end,) = served.told("session.ended")
    assert end["reason"] == "power_loss"
    assert 0 < end["energy_wh"] <= 3


def test_a_post_of_2_0_1_from_boot_to_end(node: Path, oracles: Path) -> None:
    async def story(served: Served, post: Stranger) -> None:
        station = {"vendorName": "Acme", "model": "Three"}
        booted = await post.call("BootNotification", reason="PowerUp", chargingStation=station)
        assert booted["status"] == "Accepted"
        status = {"timestamp": START, "connectorStatus": "Available", "evseId": 1, "connectorId": 1}
        assert await post.call("StatusNotification", **status) == {}
        token = {"idToken": ANNA, "type": "ISO14443"}
        assert (await post.call("Authorize", idToken=token))["idTokenInfo"]["status"] == "Accepted"
        info = {"transactionId": "tx-1", "chargingState": "Charging"}
        event = {"timestamp": START, "triggerReason": "Authorized", "evse": {"id": 1, "connectorId": 1}}
        event |= {"idToken": token, "transactionInfo": info}
        for _ in range(2):
            began = await post.call("TransactionEvent", eventType="Started", seqNo=0, **event)
            assert began["idTokenInfo"]["status"] == "Accepted"
        ended = {"timestamp": STOP, "triggerReason": "EVDeparted", "transactionInfo": info}
        assert await post.call("TransactionEvent", eventType="Ended", seqNo=1, **ended) == {}

    served = told(node, oracles, "ocpp2.0.1", story)
    assert served.kinds.count("session.started") == 1
    assert len(served.ends()) == 1


@pytest.mark.parametrize("wrong", ["", "0" * 32])
def test_a_post_with_another_password_is_kept_out(node: Path, oracles: Path, wrong: str) -> None:
    async def tell() -> None:
        served = Served(asyncio.get_running_loop(), {(NAME, 1): POINT})
        served.server.start()
        await served.server.listening.wait()
        try:
            async with (
                asyncio.timeout(WITHIN_S),
                stranger_at(node, oracles, served.server.port, "ocpp1.6", wrong) as post,
            ):
                assert "401" in await post.do(connect=True)
        finally:
            await served.server.close()

    asyncio.run(tell())
