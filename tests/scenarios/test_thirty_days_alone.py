"""The cloud and the broker are gone for more than thirty days: who may enter, day by day, and what is lost: nothing.

A roster speaks for a rider for 24 hours, for a member for 30 days, for founders and staff for ever, and so it does for
a resident at home: on day 31 nobody stands outside their own gate, though that gate lost its power on the way, and with
it the time. The device sounds an alarm instead.
"""

import asyncio
from collections.abc import Sequence

from cloud.devices.event_series import EventFilter
from cloud.devices.event_views import list_events
from contract.decide import DAY_MS, HOUR_MS, Tier, Trust
from contract.events import Event, decode_event
from firmware_sim.network.virtual_mqtt import Line
from firmware_sim.time.clock import run_virtual
from firmware_sim.worlds.virtual.audit import audit
from firmware_sim.worlds.virtual.town import VirtualTown
from tests.firmware_sim.support.memory_disk import memory_disk
from tests.scenarios.sunny_court import EAST_GATE, GYM, HUB

DAYS = 32
PATIENT = Line(away_s=(600.0, 1200.0))
"""Who is alone for a month tries a little less often, for the sake of whoever waits for this test."""
LIMITS_MS = {Tier.RIDER: DAY_MS, Tier.MEMBER: 30 * DAY_MS}
ALARMS = {0: None, 1: "older than 24 hours", 6: "older than 24 hours", 7: "older than 7 days", 31: "older than 7 days"}
"""What each device says of its roster at noon of some days."""
RIDER, MEMBER, RESIDENT = (HUB, "Sun Qi"), (GYM, "Li Si"), (EAST_GATE, "Li Xiaowu")
FOUNDER, STAFF = (GYM, "Zhang San"), (EAST_GATE, "Zhou Ba")
BOUNDED = {Tier.RIDER: RIDER, Tier.MEMBER: MEMBER}
MINUTE_MS = 60_000


def issued_ms(town: VirtualTown, device: str) -> int:
    agent = town.devices[device].agent
    assert agent is not None
    found = agent.ports.roster.issued_ms
    assert found is not None
    return found


async def until_ms(town: VirtualTown, at_ms: int) -> None:
    await asyncio.sleep((at_ms - town.now_ms()) / 1000)


async def comes(town: VirtualTown, who: tuple[str, str]) -> bool:
    return await town.visit(*who)


def alarm(town: VirtualTown, device: str) -> str | None:
    agent = town.devices[device].agent
    assert agent is not None
    return agent.faults().get("roster_age")


def of_kind(town: VirtualTown, device: str, kind: str) -> list[Event]:
    events = [decode_event(row.stored) for row in town.journal(device)]
    return [event for event in events if event.kind == kind]


def refusals(town: VirtualTown, device: str) -> list[Event]:
    return of_kind(town, device, "access.refused")


def entries(town: VirtualTown, device: str) -> list[Event]:
    return of_kind(town, device, "access.allowed")


async def alone(town: VirtualTown) -> Sequence[int]:
    """Thirty-two days: everybody comes once a day, and at the end of what a roster may say of them once more on either
    side of the bound. Returns when the rider and the member were first refused."""
    began_ms = issued_ms(town, GYM)
    assert {issued_ms(town, name) for name in town.devices} == {began_ms}
    bounds = sorted((began_ms + limit_ms, tier) for tier, limit_ms in LIMITS_MS.items())
    first_refused = []
    for day in range(DAYS):
        noon_ms = began_ms + day * DAY_MS + 12 * HOUR_MS
        while bounds and bounds[0][0] < noon_ms:
            bound_ms, tier = bounds.pop(0)
            await until_ms(town, bound_ms - 10 * MINUTE_MS)
            assert await comes(town, BOUNDED[tier])
            await until_ms(town, bound_ms + HOUR_MS)
            assert not await comes(town, BOUNDED[tier])
            first_refused.append(day)
        await until_ms(town, noon_ms)
        if day == 15:
            town.devices[EAST_GATE].power_off()
            await asyncio.sleep(60)
            town.devices[EAST_GATE].power_on()
            await asyncio.sleep(60)
        for tier, who in BOUNDED.items():
            entered = await comes(town, who)
            assert entered == (day * DAY_MS + 12 * HOUR_MS < LIMITS_MS[tier]), f"{tier} on day {day}"
        assert await comes(town, RESIDENT), f"the resident on day {day}"
        assert await comes(town, FOUNDER), f"the founder on day {day}"
        assert await comes(town, STAFF), f"staff on day {day}"
        if day in ALARMS:
            assert {alarm(town, name) for name in town.devices} == {ALARMS[day]}
    return first_refused


async def story() -> None:
    with memory_disk() as folder:
        town = VirtualTown(folder, seed=1, line=PATIENT)
        town.start()
        await asyncio.sleep(60)
        town.cloud.kill()
        town.broker.stop()
        assert await alone(town) == [1, 30]
        for name in town.devices:
            assert {event.data["reason"] for event in refusals(town, name)} <= {"roster_stale"}
        assert not refusals(town, EAST_GATE)
        unset = [event for event in entries(town, EAST_GATE) if event.clock is Trust.UNSET]
        assert unset, "the door that lost its power did not know the time"

        town.broker.start()
        town.cloud.start()
        await asyncio.sleep(1800)
        await town.drained()
        for who in (*BOUNDED.values(), RESIDENT, FOUNDER, STAFF):
            assert await comes(town, who)
        await town.drained()
        with town.cloud.reading() as connection:
            told = list_events(connection, EventFilter(device=EAST_GATE, kind="access.allowed"), limit=500).rows
        for event in told:
            if event.clock == Trust.UNSET:
                assert event.best_ms is not None
                assert abs(event.best_ms - event.at_ms) < 2 * HOUR_MS
                assert event.best_ms >= event.at_ms
        assert any(event.best_ms is not None for event in told)
        await town.close()
        assert audit(town) == []


def test_a_month_without_cloud_and_broker_each_door_decides_by_its_bounds_and_nothing_is_lost() -> None:
    run_virtual(story())
