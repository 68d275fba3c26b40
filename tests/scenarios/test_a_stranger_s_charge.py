"""A post that nobody here wrote charges through a proxy that mistreats its readings; its own register is billed.

The post is the npm client `ocpp-rpc` in strict mode: the frames, their order, their schemas and their answers are its.
"""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.network.post_proxy import PostProxy, ReadingFaults
from tests.edge.support import double_posts
from tests.edge.support.double_posts import Post
from tests.edge.support.posts import ANNA
from tests.scenarios.test_a_stranger_s_post import Stranger, stranger_at

BEGAN = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
EVERY_S, TURNS = 120, 30
CAR_W, BEGIN_WH = 7_360, 4_076_031
MAINS = 253 / 230

Charge = Callable[["Charger"], Coroutine[Any, Any, None]]


class Charger:
    """A charge of an hour, told by the stranger in its own version; the stations' time goes along."""

    def __init__(self, post: Post, stranger: Stranger) -> None:
        self.post, self.stranger = post, stranger
        self.turn = 0

    @property
    def time(self) -> str:
        return (BEGAN + timedelta(seconds=self.turn * EVERY_S)).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def wh(self) -> float:
        return BEGIN_WH + CAR_W * EVERY_S * self.turn / 3600

    async def next_turn(self) -> None:
        self.turn += 1
        self.post.later_ms += EVERY_S * 1000

    def sampled(self) -> list[dict[str, Any]]:
        is_16 = self.stranger.protocol == "ocpp1.6"
        value = f"{self.wh:.2f}" if is_16 else round(self.wh, 2)
        power = str(CAR_W) if is_16 else CAR_W
        register = {"value": value, "measurand": "Energy.Active.Import.Register"}
        samples = [register, {"value": power, "measurand": "Power.Active.Import"}]
        return [{"timestamp": self.time, "sampledValue": samples}]


async def charge_16(charger: Charger) -> None:
    call = charger.stranger.call
    await call("BootNotification", chargePointVendor="Acme", chargePointModel="Two")
    start = {"connectorId": 1, "idTag": ANNA, "meterStart": round(charger.wh), "timestamp": charger.time}
    number = (await call("StartTransaction", **start))["transactionId"]
    for _ in range(TURNS):
        await charger.next_turn()
        await call("MeterValues", connectorId=1, transactionId=number, meterValue=charger.sampled())
    stop = {"transactionId": number, "meterStop": round(charger.wh), "timestamp": charger.time}
    await call("StopTransaction", **stop)


async def charge_201(charger: Charger) -> None:
    call = charger.stranger.call
    station = {"vendorName": "Acme", "model": "Three"}
    await call("BootNotification", reason="PowerUp", chargingStation=station)

    async def event(kind: str, trigger: str, **more: Any) -> None:
        info = {"transactionId": "tx-1", "chargingState": "Charging"}
        told = {"eventType": kind, "timestamp": charger.time, "triggerReason": trigger, "seqNo": charger.turn}
        await call("TransactionEvent", **told, transactionInfo=info, meterValue=charger.sampled(), **more)

    token = {"idToken": ANNA, "type": "ISO14443"}
    await event("Started", "Authorized", evse={"id": 1, "connectorId": 1}, idToken=token)
    for _ in range(TURNS):
        await charger.next_turn()
        await event("Updated", "MeterValuePeriodic")
    await event("Ended", "EVDeparted")


CHARGES = {"ocpp1.6": charge_16, "ocpp2.0.1": charge_201}


def through_proxy(
    seed: int, faults: ReadingFaults, story: Callable[[Post, PostProxy], Coroutine[Any, Any, None]]
) -> tuple[Post, PostProxy]:
    """Tell a story with a proxy before our side, and return both."""
    proxies: list[PostProxy] = []

    async def proxied(post: Post) -> None:
        proxy = PostProxy(f"ws://127.0.0.1:{post.server.port}", seed=seed, faults=faults)
        await proxy.start()
        proxies.append(proxy)
        try:
            await story(post, proxy)
        finally:
            await proxy.close()

    return double_posts.run(proxied, 1), proxies[0]


@pytest.mark.parametrize(
    ("seed", "protocol", "faults"),
    [
        (1, "ocpp1.6", ReadingFaults(scale=MAINS)),
        (2, "ocpp2.0.1", ReadingFaults(scale=MAINS)),
        (3, "ocpp1.6", ReadingFaults(drop=0.5, hold=0.4, scale=MAINS)),
        (4, "ocpp1.6", ReadingFaults(drop=0.1, hold=0.2, scale=MAINS, reset_after=15)),
        (5, "ocpp2.0.1", ReadingFaults(drop=0.1, hold=0.2, reset_after=15)),
        (6, "ocpp1.6", ReadingFaults(scale=4.0)),
    ],
)
def test_billed_energy_is_measured_or_a_fault_says(
    node: Path, oracles: Path, protocol: str, seed: int, faults: ReadingFaults
) -> None:
    async def story(post: Post, proxy: PostProxy) -> None:
        async with stranger_at(node, oracles, proxy.port, protocol) as stranger:
            assert await stranger.do(connect=True) == protocol
            await CHARGES[protocol](Charger(post, stranger))
            assert stranger.complaints == []

    post, proxy = through_proxy(seed, faults, story)
    (end,) = post.at[1].told("session.ended")
    billed_wh, told_wh = end["energy_wh"], proxy.readings.told_wh
    assert proxy.readings.done["dropped"] and proxy.readings.done["held"]
    assert told_wh == pytest.approx(CAR_W * faults.scale, abs=2)
    why = {one["why"] for one in post.at[1].told("ev_post.meter_doubted")}
    assert billed_wh == pytest.approx(told_wh, rel=0.01) or why
    if faults.scale <= MAINS:
        assert billed_wh == pytest.approx(told_wh, rel=0.05)
        assert not why or faults.reset_after
    else:
        assert why
        assert billed_wh < told_wh
