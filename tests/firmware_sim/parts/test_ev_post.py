"""The simulated post against the real server and station: two programs that share nothing but the protocol."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from edge.stations.ev_post.messages import Left, TurnedAway
from firmware_sim.parts.battery import Car
from firmware_sim.parts.charge_point import EvPost
from firmware_sim.parts.ocpp_client import Version
from tests.edge.support.orders import OPENS
from tests.edge.support.posts import ANNA, BEN, NOON_MS, PASSWORD, POINT, STRANGER, Served

WITHIN_S = 30.0
Story = Callable[[Served, EvPost], Coroutine[Any, Any, None]]
each_version = pytest.mark.parametrize("version", ["1.6", "2.0.1"])


def told(story: Story, version: Version = "1.6", *, password: str = PASSWORD) -> Served:
    """Tell a story of one post, and return our side of it."""

    async def tell() -> Served:
        loop = asyncio.get_running_loop()
        served = Served(loop, {("post-1", 1): POINT})
        served.server.start()
        await served.server.listening.wait()
        post = EvPost(
            loop,
            url=f"ws://127.0.0.1:{served.server.port}",
            name="post-1",
            password=lambda: password,
            now_ms=lambda: NOON_MS,
            version=version,
            tick_s=0.005,
        )
        living = asyncio.create_task(post.run())
        try:
            async with asyncio.timeout(WITHIN_S):
                await story(served, post)
        finally:
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)
            await served.server.close()
        return served

    return asyncio.run(tell())


async def until(true: Callable[[], object]) -> None:
    while not true():
        await asyncio.sleep(0.001)


async def ready(served: Served, post: EvPost) -> None:
    await until(lambda: post.connected and served.phase == "free" and post.list_version > 0)


@each_version
def test_a_card_and_a_car_make_a_session(version: Version) -> None:
    async def story(served: Served, post: EvPost) -> None:
        await ready(served, post)
        assert not await post.tap(STRANGER)
        assert await post.tap(ANNA)
        post.plug_in(Car())
        await until(lambda: served.report.busy)
        assert not await post.tap(BEN)
        assert await post.tap(ANNA.lower())
        await until(served.ends)

    served = told(story, version)
    assert len(served.ends()) == 1
    assert served.kinds.count("session.started") == 1


@each_version
def test_a_post_that_was_cut_ends_what_it_interrupted(version: Version) -> None:
    async def story(served: Served, post: EvPost) -> None:
        await ready(served, post)
        post.plug_in(Car())
        await post.tap(ANNA)
        await until(lambda: served.report.busy)
        post.cut()
        await until(lambda: served.said(Left))
        assert served.phase == "absent"
        post.restore()
        await until(served.ends)

    assert [reason for reason, _ in told(story, version).ends()] == ["power_loss"]


@each_version
def test_a_post_whose_cable_is_pulled_charges_on_and_is_the_same_session_when_it_is_back(version: Version) -> None:
    async def story(served: Served, post: EvPost) -> None:
        await ready(served, post)
        post.plug_in(Car())
        await post.tap(ANNA)
        await until(lambda: served.report.busy and post.power_w > 0)
        post.plug(cable_in=False)
        await until(lambda: served.said(Left))
        assert post.power_w > 0
        post.plug(cable_in=True)
        await until(lambda: served.phase == "charging")
        assert await post.tap(ANNA)
        await until(served.ends)

    served = told(story, version)
    assert len(served.ends()) == 1
    assert served.kinds.count("session.started") == 1


@each_version
def test_alone_it_serves_whom_its_list_names_and_tells_of_it_later(version: Version) -> None:
    async def story(served: Served, post: EvPost) -> None:
        await ready(served, post)
        assert await post.tap(ANNA)
        await until(lambda: ANNA in post.cards)
        served.passwords.clear()
        assert post._socket is not None
        post._socket.transport.abort()
        await until(lambda: served.said(Left) and not post.connected)
        assert not await post.tap(BEN)
        assert await post.tap(ANNA)
        post.plug_in(Car())
        post.unplug()
        served.passwords["post-1"] = PASSWORD
        await until(served.ends)

    assert [reason for reason, _ in told(story, version).ends()] == ["pulled"]


@each_version
def test_an_operator_and_an_emergency_reach_it(version: Version) -> None:
    async def story(served: Served, post: EvPost) -> None:
        await ready(served, post)
        post.plug_in(Car())
        served.take(served.decided(ANNA, told=OPENS.order_record))
        await until(lambda: served.report.user)
        served.emergency(cause="smoke")
        await until(lambda: served.ends() and not post.operative)
        assert not await post.tap(ANNA)
        served.emergency(False)
        await until(lambda: post.operative)

    assert [reason for reason, _ in told(story, version).ends()] == ["smoke"]


def test_a_post_with_the_wrong_password_stays_out() -> None:
    async def story(served: Served, post: EvPost) -> None:
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert not post.connected
        assert set(served.heard) <= {(POINT, TurnedAway("wrong_password"))}

    told(story, password="wrong")


def test_a_lying_clock_is_noticed() -> None:
    async def story(served: Served, post: EvPost) -> None:
        post.clock_off_s = -7200
        await until(lambda: "clock_off" in served.report.faults)

    told(story)


def test_a_full_car_draws_little() -> None:
    assert Car(level=1.0).wants_w == 0
    assert Car(level=0.5).wants_w > Car(level=0.9).wants_w > 0
