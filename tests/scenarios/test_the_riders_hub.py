"""A day at the riders' hub, told by what riders and steward see, with the shipped device, wiring and cloud."""

import asyncio
from pathlib import Path

from cloud.sample import FACILITY
from contract.credentials import canonical, encode
from contract.decide import Mode
from firmware_sim.worlds.virtual.hub import EBIKE, RIDER, STRANGER, VirtualHub
from tests.edge.support.orders import starts
from tests.firmware_sim.support.story import in_virtual_time

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


@in_virtual_time
async def test_no_mode_gives_power_and_a_hub_that_is_back_in_service_does(tmp_path: Path) -> None:
    hub = VirtualHub(tmp_path)
    await hub.open()
    hub.plug_in(EBIKE, "ebike_lithium")
    assert hub.device.agent is not None
    agent = hub.device.agent.agent
    card = canonical(encode("H10301", facility=FACILITY, number=RIDER))
    assert card is not None
    rider = hub.device.agent.decider.digest_of_card(card)
    why = []
    for number, mode in enumerate((Mode.LOCKDOWN, Mode.OUT_OF_SERVICE), 1):
        agent.set_modes({EBIKE: mode}, number)
        await hub.tap(EBIKE, RIDER)
        await hub.tap(EBIKE, STRANGER)
        why.append(agent.order(EBIKE, starts(rider, f"c{number}")))
        await asyncio.sleep(60)
        assert not hub.driven(EBIKE)
        assert hub.report(EBIKE).phase == "free"
    assert why == ["locked_down", "out_of_service"]
    agent.set_modes({}, 4)
    await hub.tap(EBIKE, RIDER)
    await hub.until(lambda: hub.report(EBIKE).phase == "charging", 60)
    await hub.town.drained()
    assert [event.kind for event in hub.events("access")].count("access.allowed") == 1
    assert [told["by"] for told in hub.told("started", EBIKE)] == ["card"]
    await hub.close()
