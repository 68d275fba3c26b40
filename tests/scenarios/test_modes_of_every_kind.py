"""Two gates and a riders' hub under one cloud: what is ordered for all doors reaches the doors and nothing else."""

import asyncio
from pathlib import Path

from contract.decide import Mode
from firmware_sim.worlds.virtual.hub import BANK, EBIKE, NAME, PHONE, RIDER, STRANGER, VirtualHub
from firmware_sim.worlds.virtual.town import VirtualTown, sites
from tests.firmware_sim.support.story import in_virtual_time


class Estate(VirtualHub):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "alone")
        self.town = VirtualTown(folder, seed=1, places=[(NAME, "socket", "hub", NAME), *sites(2)])
        self.device = self.town.devices[NAME]

    def modes(self) -> dict[str, str]:
        """What every device says that its points are in."""
        agents = [device.agent for device in self.town.devices.values() if device.agent is not None]
        return {point: its["mode"] for agent in agents for point, its in agent.status()["points"].items()}


@in_virtual_time
async def test_holding_all_doors_open_gives_stranger_no_power(tmp_path: Path) -> None:
    estate = Estate(tmp_path)
    await estate.open()
    estate.plug_in(EBIKE, "ebike_lithium")
    held = estate.town.cloud.desired_state.set_mode(None, Mode.HOLD_OPEN, "lin", "open day")
    await asyncio.sleep(5)
    assert set(held.points) == {point for point, mode in estate.modes().items() if mode == "hold_open"}
    assert not {EBIKE, PHONE, BANK} & set(held.points)
    await estate.tap(EBIKE, STRANGER)
    await asyncio.sleep(60)
    assert not estate.driven(EBIKE)
    assert [event.data["reason"] for event in estate.events("access")] == ["unknown_credential"]
    await estate.close()


@in_virtual_time
async def test_one_end_brings_everything_back_after_a_lockdown(tmp_path: Path) -> None:
    """A rider charges while the gates are locked; then one order ends the lockdown at all of them."""
    estate = Estate(tmp_path)
    await estate.open()
    estate.plug_in(EBIKE, "ebike_lithium")
    desired_state = estate.town.cloud.desired_state
    locked = desired_state.set_mode(None, Mode.LOCKDOWN, "lin", "a fight in the yard")
    await asyncio.sleep(5)
    assert {point for point, mode in estate.modes().items() if mode == "lockdown"} == set(locked.points)
    await estate.tap(EBIKE, RIDER)
    await estate.until(lambda: estate.report(EBIKE).phase == "charging", 60)
    desired_state.end(locked.order, "lin", "it is over")
    await asyncio.sleep(5)
    assert set(estate.modes().values()) == {"scheduled"}
    await estate.close()
