"""The safe states of a charging socket, each caused and looked for at the pins: boot, crash, no cloud, a meter that
cannot be believed, an emergency, and what must never be.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.archetypes.protocol import HOLD_LEASE_MS
from edge.config.device_config import load
from edge.stations.socket import TAP_AGAIN_MS
from firmware_sim.worlds.virtual.hub import BANK, EBIKE, MISHAPS, PHONE, RIDER, STAFF, VirtualHub, cut_after_s
from tests.firmware_sim.support.story import in_virtual_time

LEASE_S = HOLD_LEASE_MS / 1000
HOUR_S = 3600


@asynccontextmanager
async def charging(folder: Path) -> AsyncIterator[VirtualHub]:
    """A hub at which an e-bike charges."""
    hub = await VirtualHub(folder).charging()
    assert hub.driven(EBIKE)
    yield hub
    await hub.close()


def dead(hub: VirtualHub) -> Callable[[], bool]:
    return lambda: not hub.driven(EBIKE)


async def reason(hub: VirtualHub) -> str:
    """Why the cloud was told that the session ended."""
    await asyncio.sleep(2)
    await hub.town.drained()
    (ended,) = hub.told("ended", EBIKE)
    return str(ended["reason"])


@in_virtual_time
async def test_at_boot_nothing_is_driven(tmp_path: Path) -> None:
    hub = VirtualHub(tmp_path)
    assert not any(hub.driven(point) for point in (EBIKE, PHONE, BANK))
    await hub.open()
    hub.plug_in(EBIKE, "ebike_lithium")
    await asyncio.sleep(60)
    relays = {point.outputs["relay"].pin for point in hub.device.config.points if point.kind == "socket"}
    assert not [move for move in hub.device.board.moves if move.pin in relays and move.level]
    await hub.close()


@in_virtual_time
async def test_an_agent_that_dies_leaves_every_socket_dead_at_once(tmp_path: Path) -> None:
    async with charging(tmp_path) as hub:
        hub.device.kill_agent()
        assert await hub.until(dead(hub), LEASE_S) < 0.1
        hub.device.start_agent()


@in_virtual_time
async def test_an_agent_that_hangs_leaves_every_socket_dead_within_its_lease(tmp_path: Path) -> None:
    async with charging(tmp_path) as hub:
        hub.device.hang_agent()
        await hub.until(dead(hub), LEASE_S)
        hub.device.kill_agent()
        hub.device.start_agent()


@in_virtual_time
async def test_a_keeper_that_dies_leaves_every_socket_to_its_pulls(tmp_path: Path) -> None:
    async with charging(tmp_path) as hub:
        hub.device.kill_keeper()
        assert await hub.until(dead(hub), LEASE_S) < 0.1
        hub.device.start_keeper()


@in_virtual_time
async def test_after_a_short_cut_the_same_load_charges_on(tmp_path: Path) -> None:
    async with charging(tmp_path) as hub:
        hub.device.power_off()
        await asyncio.sleep(5)
        assert not hub.driven(EBIKE)
        hub.device.power_on()
        await hub.until(lambda: hub.report(EBIKE).phase == "charging", 120)
        await hub.town.drained()
        assert len(hub.told("interrupted", EBIKE)) == len(hub.told("resumed", EBIKE)) == 1
        assert hub.told("ended", EBIKE) == []


@in_virtual_time
async def test_after_a_short_cut_nobody_charges_on_before_the_time_is_known(tmp_path: Path) -> None:
    async with charging(tmp_path) as hub:
        hub.device.power_off()
        hub.device.link.cut()
        await asyncio.sleep(5)
        hub.device.power_on()
        await asyncio.sleep(120)
        assert (hub.report(EBIKE).phase, hub.driven(EBIKE)) == ("checking", False)
        hub.device.link.restore()
        await hub.until(lambda: hub.report(EBIKE).phase == "charging", 120)


@in_virtual_time
async def test_after_a_cut_that_nobody_can_date_nothing_goes_on(tmp_path: Path) -> None:
    async with charging(tmp_path) as hub:
        hub.device.power_off()
        hub.device.link.cut()
        hub.device.power_on()
        await asyncio.sleep(11 * 60)
        assert (hub.report(EBIKE).phase, hub.driven(EBIKE)) == ("free", False)
        hub.device.link.restore()
        assert await reason(hub) == "power_loss"


@in_virtual_time
async def test_after_a_long_cut_nothing_goes_on_by_itself(tmp_path: Path) -> None:
    async with charging(tmp_path) as hub:
        hub.device.power_off()
        await asyncio.sleep(11 * 60)
        hub.device.power_on()
        await asyncio.sleep(120)
        assert not hub.driven(EBIKE)
        assert await reason(hub) == "power_loss"


@in_virtual_time
async def test_after_a_short_cut_another_load_does_not_charge_on(tmp_path: Path) -> None:
    async with charging(tmp_path) as hub:
        hub.device.power_off()
        hub.socket(EBIKE).unplug()
        hub.plug_in(EBIKE, "phone")
        await asyncio.sleep(5)
        hub.device.power_on()
        await asyncio.sleep(180)
        assert not hub.driven(EBIKE)
        assert await reason(hub) == "power_loss"


@in_virtual_time
async def test_a_charge_goes_on_without_the_cloud_and_new_ones_begin_by_the_roster(tmp_path: Path) -> None:
    async with charging(tmp_path) as hub:
        hub.device.link.cut()
        hub.plug_in(PHONE, "phone")
        await hub.tap(PHONE, RIDER)
        await asyncio.sleep(600)
        assert hub.driven(EBIKE)
        assert hub.driven(PHONE)
        hub.device.link.restore()
        assert hub.told("ended") == []


@pytest.mark.parametrize("name", MISHAPS)
@in_virtual_time
async def test_whatever_goes_wrong_cuts_the_socket_in_time(tmp_path: Path, name: str) -> None:
    async with charging(tmp_path) as hub:
        print(f"{name}: off after {await cut_after_s(hub, MISHAPS[name]):.2f} s")
        assert await reason(hub) == MISHAPS[name].reason


@in_virtual_time
async def test_a_welded_relay_is_found_its_bank_made_dead_and_nothing_begins_until_a_person_has_looked(
    tmp_path: Path,
) -> None:
    async with charging(tmp_path) as hub:
        hub.socket(EBIKE).relay.weld()
        await asyncio.sleep(TAP_AGAIN_MS / 1000)
        await hub.tap(EBIKE, RIDER)
        await hub.until(lambda: not hub.socket(EBIKE).live, 30)
        assert not hub.driven(BANK)
        assert "relay_stuck" in hub.report(EBIKE).faults
        await hub.tap(EBIKE, RIDER)
        await hub.tap(PHONE, RIDER)
        await asyncio.sleep(30)
        assert not hub.driven(EBIKE)
        assert not hub.driven(PHONE)
        hub.socket(EBIKE).relay.mend()
        await hub.tap(EBIKE, STAFF)
        await asyncio.sleep(5)
        assert not hub.report(EBIKE).faults
        await hub.tap(EBIKE, RIDER)
        await asyncio.sleep(15)
        assert hub.report(EBIKE).phase == "charging"


@in_virtual_time
async def test_after_smoke_all_sockets_stay_dead_until_a_person_resets_the_zone(tmp_path: Path) -> None:
    async with charging(tmp_path) as hub:
        smoke = hub.device.hardware.smoke_detectors["hub"]
        smoke.put(True)
        await hub.until(dead(hub), 0.1)
        smoke.put(False)
        hub.device.kill_agent()
        hub.device.kill_keeper()
        hub.device.start()
        await asyncio.sleep(10)
        await hub.tap(EBIKE, RIDER)
        await asyncio.sleep(10)
        assert not hub.driven(EBIKE)
        hub.device.hardware.reset_keys["hub"].press()
        await asyncio.sleep(2)
        assert not hub.driven(EBIKE)
        await hub.tap(EBIKE, RIDER)
        await asyncio.sleep(15)
        assert hub.driven(EBIKE)


@in_virtual_time
async def test_a_second_card_does_not_begin_a_second_session(tmp_path: Path) -> None:
    async with charging(tmp_path) as hub:
        await hub.tap(EBIKE, STAFF)
        await asyncio.sleep(5)
        await hub.town.drained()
        assert len(hub.told("started", EBIKE)) == 1


@pytest.mark.slow
@in_virtual_time
async def test_without_the_cloud_for_twelve_hours_nothing_new_begins(tmp_path: Path) -> None:
    await begins_nothing_after(VirtualHub(tmp_path), 12 * HOUR_S)


@in_virtual_time
async def test_beyond_its_offline_limit_nothing_new_begins(tmp_path: Path) -> None:
    """The same in ten minutes, at sockets whose limit is that short."""
    hub = VirtualHub(tmp_path)
    config = hub.device.config.path
    config.write_text(config.read_text().replace('class = "ebike"', 'class = "ebike"\noffline_limit_ms = 600000'))
    hub.device.config = load(config)
    await begins_nothing_after(hub, 600)


async def begins_nothing_after(hub: VirtualHub, offline_s: int) -> None:
    await hub.open()
    hub.device.link.cut()
    await asyncio.sleep(offline_s + 60)
    hub.plug_in(EBIKE, "ebike_lithium")
    await hub.tap(EBIKE, RIDER)
    await asyncio.sleep(15)
    assert not hub.driven(EBIKE)
    hub.device.link.restore()
    await hub.town.drained()
    assert [event.data["reason"] for event in hub.events("access")] == ["offline_too_long"]
    await hub.close()
