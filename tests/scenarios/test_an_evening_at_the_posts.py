"""An evening at two charging posts, told in real time with the shipped device, its server and the cloud: with the cloud
gone, with the agent killed, with a post alone, with smoke.
"""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ParamSpec

import pytest

from edge.archetypes import session_step
from edge.journal.journal import JournalError
from edge.link import uplink
from edge.stations.ev_post import begins
from firmware_sim.parts.battery import Car
from firmware_sim.time.clock import run_real
from firmware_sim.worlds.virtual.device import MortalJournal
from tests.scenarios.yard import ANOTHER, FAST_W, LEFT, RIDER, RIGHT, STRANGER, Yard

P = ParamSpec("P")
each_post = pytest.mark.parametrize("point", [LEFT, RIGHT], ids=["1.6", "2.0.1"])


def in_real_time(story: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an async test on a loop whose time does not jump."""

    @functools.wraps(story)
    def test(*args: P.args, **kwargs: P.kwargs) -> None:
        run_real(story(*args, **kwargs))

    return test


@pytest.fixture(autouse=True)
def _a_quick_uplink(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the cloud did not acknowledge is sent again soon."""
    monkeypatch.setattr(uplink, "ACK_WITHIN_S", 0.5)


def drawn_wh(yard: Yard, point: str, before_wh: float) -> float:
    """What a post's own meter counted since."""
    return yard.posts[point].meter_wh - before_wh


@each_post
@in_real_time
async def test_a_card_charges_with_the_cloud_gone(tmp_path: Path, point: str) -> None:
    async with Yard(tmp_path) as yard:
        yard.cloud.kill()
        yard.device.link.cut()
        before_wh = yard.posts[point].meter_wh
        assert not await yard.posts[point].tap(STRANGER)
        post = await yard.charge(point)
        assert not await post.tap(ANOTHER)
        await yard.until(lambda: yard.live_wh(point) > 10)
        post.unplug()
        await yard.until(lambda: yard.report(point).phase == "free")
        yard.cloud.start()
        yard.device.link.restore()
        ((where, reason, energy_wh),) = await yard.sessions()
        assert (where, reason) == (point, "pulled")
        assert energy_wh == pytest.approx(drawn_wh(yard, point, before_wh), abs=2)
        refused = [event.data["reason"] for event in await yard.told("access.refused")]
        assert refused[0] == "unknown_credential"


@each_post
@in_real_time
async def test_who_has_used_up_their_ration_is_stopped_and_begins_no_more(
    tmp_path: Path, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_step, "KEEP_AGAIN_MS", 200)
    async with Yard(tmp_path, ration_wh=30) as yard:
        post = await yard.charge(point)
        await yard.until(lambda: post.transaction is None)
        ((_, reason, energy_wh),) = await yard.sessions()
        assert reason == "quota"
        assert energy_wh >= 30
        assert not await post.tap(RIDER)
        assert (await yard.told("access.refused"))[-1].data["reason"] == "quota_spent"
        assert await post.tap(ANOTHER)


@each_post
@in_real_time
async def test_a_full_car_makes_room_for_the_one_person_who_waits(tmp_path: Path, point: str) -> None:
    async with Yard(tmp_path) as yard:
        post = yard.posts[point]
        await yard.charge(point, car=Car(capacity_wh=200, level=0.9, most_w=FAST_W))
        yard.cloud.commands.issue(
            "session_start", point, {"card": yard.card(ANOTHER)}, "lin", "The rider waits at the post"
        )
        await yard.until(lambda: post.transaction is None and yard.report(point).reserved_for)
        ((_, reason, energy_wh),) = await yard.sessions()
        assert reason == "full"
        assert energy_wh == pytest.approx(20, abs=2)
        post.unplug()
        assert not await post.tap(RIDER)
        await yard.charge(point, ANOTHER)


@each_post
@in_real_time
async def test_a_session_goes_on_while_the_agent_is_killed_and_is_counted_once(tmp_path: Path, point: str) -> None:
    async with Yard(tmp_path) as yard:
        before_wh = yard.posts[point].meter_wh
        post = await yard.charge(point)
        await yard.until(lambda: yard.live_wh(point) > 10)
        await yard.restart_agent()
        assert post.power_w > 0
        await yard.until(lambda: post.connected and yard.live_wh(point) >= post.meter_wh - before_wh - 20)
        post.unplug()
        await yard.until(lambda: yard.report(point).phase == "free")
        ((_, reason, energy_wh),) = await yard.sessions()
        assert reason == "pulled"
        assert energy_wh == pytest.approx(drawn_wh(yard, point, before_wh), abs=2)
        (started,) = await yard.told("session.started")
        (_, energy) = yard.agent.ledger.rows(started.data["session"])
        assert energy.amount == round(energy_wh * 1000)


@each_post
@in_real_time
async def test_what_a_post_gave_while_it_was_alone_is_one_session(
    tmp_path: Path, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(begins, "LATE_MS", 1_500)
    async with Yard(tmp_path) as yard:
        post, before_wh = yard.posts[point], yard.posts[point].meter_wh
        assert await post.tap(RIDER)
        await yard.until(lambda: RIDER in post.cards)
        post.plug(cable_in=False)
        await yard.until(lambda: yard.report(point).phase == "absent")
        assert not await post.tap(STRANGER)
        post.plug_in(Car(most_w=FAST_W))
        if post.transaction is None:
            assert await post.tap(RIDER)
        await yard.until(lambda: post.meter_wh > before_wh + 10)
        post.unplug()
        drawn = drawn_wh(yard, point, before_wh)
        await asyncio.sleep(3)
        post.plug(cable_in=True)
        await yard.until(lambda: post.connected and not post.view()["untold"])
        ((_, reason, energy_wh),) = await yard.sessions()
        assert reason == "pulled"
        assert energy_wh == pytest.approx(drawn, abs=2)
        (started,) = await yard.told("session.started")
        assert started.data["by"] == "post"


@in_real_time
async def test_smoke_stops_both_posts_until_somebody_resets_it(tmp_path: Path) -> None:
    async with Yard(tmp_path) as yard:
        left, right = await yard.charge(LEFT), yard.posts[RIGHT]
        hardware = yard.device.hardware
        hardware.smoke_detectors["hub"].put(True)
        await yard.until(lambda: left.transaction is None and not left.operative and not right.operative)
        assert not await left.tap(RIDER)
        assert not await right.tap(ANOTHER)
        hardware.smoke_detectors["hub"].put(False)
        hardware.reset_keys["hub"].press()
        await yard.until(lambda: left.operative and right.operative)
        assert [(point, reason) for point, reason, _ in await yard.sessions()] == [(LEFT, "smoke")]
        await yard.charge(RIGHT, ANOTHER)


@each_post
@in_real_time
async def test_an_operator_begins_and_ends_a_session_from_afar(tmp_path: Path, point: str) -> None:
    async with Yard(tmp_path) as yard:
        post = yard.posts[point]
        post.plug_in(Car(most_w=FAST_W))
        (command,) = yard.cloud.commands.issue(
            "session_start", point, {"card": yard.card(RIDER)}, "lin", "The rider forgot the card"
        )
        assert await yard.outcome(command) == "done"
        await yard.until(lambda: yard.report(point).phase == "charging" and post.power_w)
        session = str(yard.report(point).live["session"])
        (command,) = yard.cloud.commands.issue("session_stop", point, {"session": session}, "lin", "The rider called")
        assert await yard.outcome(command) == "done"
        await yard.until(lambda: post.transaction is None and yard.report(point).phase == "free")
        assert [(where, reason) for where, reason, _ in await yard.sessions()] == [(point, "operator")]
        (started,) = await yard.told("session.started")
        assert (started.data["session"], started.data["by"]) == (session, "operator")
        assert [event.data["by"] for event in await yard.told("command.done")] == ["lin", "lin"]


@in_real_time
async def test_nothing_begins_that_the_disk_does_not_take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_journal: MortalJournal) -> int:
        raise JournalError("the disk does not write")

    async with Yard(tmp_path) as yard:
        post = yard.posts[LEFT]
        with monkeypatch.context() as disk:
            disk.setattr(MortalJournal, "flush", broken)
            disk.setattr(MortalJournal, "checkpoint", broken)
            post.plug_in(Car(most_w=FAST_W))
            assert await post.tap(RIDER)
            await yard.until(lambda: post.refused == "Blocked" and post.transaction is None)
        assert [(where, reason) for where, reason, _ in await yard.sessions()] == [(LEFT, "cannot_record")]
