"""A day at the riders' hub, told by what riders and steward see, with the shipped device, wiring and cloud."""

import asyncio
from pathlib import Path

from firmware_sim.worlds.virtual_hub import RIDER, VirtualHub
from tests.firmware_sim.story import in_virtual_time

HOUR_S = 3600


@in_virtual_time
async def test_a_rider_s_phone_charges_from_a_tap_to_full(tmp_path: Path) -> None:
    hub = VirtualHub(tmp_path)
    await hub.open()
    hub.plug_in("phone-1", "phone", charge=0.9)
    await hub.tap("phone-1", RIDER)
    await asyncio.sleep(30)
    assert hub.report("phone-1").phase == "charging"
    assert hub.socket("phone-1").live
    await asyncio.sleep(1.5 * HOUR_S)
    assert not hub.socket("phone-1").live
    await hub.town.drained()
    (ended,) = hub.told("ended", "phone-1")
    assert ended["reason"] == "full"
    assert 1 < ended["energy_wh"] < 5
    await hub.close()
