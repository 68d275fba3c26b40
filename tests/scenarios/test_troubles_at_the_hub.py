"""Hours at a riders' hub in which everything goes wrong that can, and an auditor who believes the board alone."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from cloud.people.plans import RIDER, charging
from cloud.people.store import change_plan
from cloud.store.schema import people
from firmware_sim.time.clock import run_virtual
from firmware_sim.worlds.virtual.device import VirtualDevice
from firmware_sim.worlds.virtual.hub import EBIKE, STAFF, VirtualHub
from firmware_sim.worlds.virtual.hub_audit import SocketWitness, audit_hub
from firmware_sim.worlds.virtual.hub_troubles import HubTroubles
from tests.firmware_sim.support.story import in_virtual_time

HOUR_S = 3600.0
RATIONS = {"phone": (15, 5), "ebike": (25, 40)}
QUANTITIES = {kind: charging(*ration) for kind, ration in RATIONS.items()}
"""So little that a rider uses it up."""


async def lived_through(folder: Path, seed: int, hours: float) -> tuple[HubTroubles, list[str]]:
    """That many hours of troubles, and what can be said against the device afterwards."""
    hub = VirtualHub(folder, seed=seed)
    witness = SocketWitness(hub)
    await hub.open()
    with hub.town.cloud.changing() as connection:
        change_plan(connection, replace(RIDER, quantities=QUANTITIES))
    with hub.town.cloud.reading() as connection:
        rider = connection.execute(select(people.c.holder).where(people.c.name_en == "Sun Qi")).scalar_one()
    troubles = HubTroubles(hub)
    await troubles.go_on(hours * HOUR_S)
    witness.leave()
    complaints = audit_hub(hub, witness, rider.hex(), RATIONS)
    print(f"{sum(troubles.happened.values())} troubles, {len(hub.told('ended'))} ends: {dict(troubles.happened)}")
    await hub.close()
    return troubles, complaints


@pytest.mark.parametrize("seed", [1, 4])
def test_nothing_can_be_said_against_a_hub_after_an_hour_of_troubles(tmp_path: Path, seed: int) -> None:
    troubles, complaints = run_virtual(lived_through(tmp_path, seed, hours=1))
    assert complaints == []
    assert len(troubles.happened) > 15


MOMENTS_MS = [half / 2 for half in range(20)]
"""After a card was believed: while pages and rows are written, and until the relay has moved."""


@pytest.mark.parametrize("dies", [VirtualDevice.kill_agent, VirtualDevice.power_off], ids=["process", "machine"])
@in_virtual_time
async def test_whenever_a_device_dies_around_a_tap_nothing_is_left_open_and_nothing_goes_on_after_its_end(
    tmp_path: Path, dies: Callable[[VirtualDevice], None]
) -> None:
    hub = VirtualHub(tmp_path)
    witness = SocketWitness(hub)
    await hub.open()
    hub.plug_in(EBIKE, "ebike_lithium")
    for moment_ms in MOMENTS_MS:
        for ends in (False, True):
            if hub.report(EBIKE).busy is not ends:
                await hub.tap(EBIKE, STAFF)
                await asyncio.sleep(20)
            await hub.hold(EBIKE, STAFF)
            while hub.report(EBIKE).busy is ends:
                await asyncio.sleep(0.0001)
            await asyncio.sleep(moment_ms / 1000)
            dies(hub.device)
            await asyncio.sleep(5)
            hub.device.power_on() if dies is VirtualDevice.power_off else hub.device.start_agent()
            await asyncio.sleep(20)
    if hub.report(EBIKE).busy:
        await hub.tap(EBIKE, STAFF)
    await asyncio.sleep(70)
    await hub.town.drained()
    witness.leave()
    assert audit_hub(hub, witness, "", {}) == []
    assert len(hub.told("started")) >= len(MOMENTS_MS)
    await hub.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 7))
def test_nothing_can_be_said_against_a_hub_after_a_long_day_of_troubles(tmp_path: Path, seed: int) -> None:
    _, complaints = run_virtual(lived_through(tmp_path, seed, hours=8))
    assert complaints == []
