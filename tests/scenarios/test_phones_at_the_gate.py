"""A resident's phone at the scanner of the gate: with the network down, as a picture, after a restart, without a clock.
The device decides alone; the cloud decides the same again."""

import asyncio
from pathlib import Path

from cloud.redecide.rule import Redecided
from contract.decide import Trust
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gate import Gate
from tests.scenarios.sunny_court import EAST_GATE, decided_again, in_the_cloud


@in_virtual_time
async def test_phone_opens_with_network_down(tmp_path: Path) -> None:
    """Its picture opens nothing, and neither does an agent that was killed in between."""
    async with Gate(tmp_path) as gate:
        phone = await gate.give_phone("Li Si")
        gate.device.link.cut()
        screen = gate.screen(phone)
        assert await gate.shows(screen)
        gate.device.restart_agent()
        await asyncio.sleep(5)
        assert not await gate.shows(screen)
        await asyncio.sleep(60)
        assert not await gate.shows(screen)
        assert await gate.shows(gate.screen(phone))
        assert gate.told() == ["allowed", "pass_replayed", "pass_stale", "allowed"]
        gate.device.link.restore()
        await gate.town.drained()
        seen = in_the_cloud(gate.town, EAST_GATE, "access.allowed", "access.refused")
        assert {event.data.get("credential") for event in seen} == {"phone"}
    run = decided_again(gate.town)
    assert run.differences == []
    assert run.tally[Redecided.SAME, None] == 4


@in_virtual_time
async def test_unset_clock_refuses_phones_and_no_card(tmp_path: Path) -> None:
    """After a power cut without a network nobody there knows the time: a pass could be of any day."""
    async with Gate(tmp_path) as gate:
        phone = await gate.give_phone("Li Si")
        gate.device.link.cut()
        gate.device.power_off()
        gate.device.power_on()
        await asyncio.sleep(10)
        assert gate.device.agent is not None and gate.device.agent.ports.clock.trust is Trust.UNSET
        assert not await gate.shows(gate.screen(phone))
        assert await gate.town.visit(EAST_GATE, "Li Si")
        gate.device.link.restore()
        await asyncio.sleep(60)
        assert await gate.shows(gate.screen(phone))
        assert gate.told() == ["pass_clock_unset", "allowed", "allowed"]
    assert decided_again(gate.town).differences == []


@in_virtual_time
async def test_phone_that_was_ended_is_refused(tmp_path: Path) -> None:
    async with Gate(tmp_path) as gate:
        phone = await gate.give_phone("Li Si")
        screen = gate.screen(phone)
        gate.phones.end_phone("lin", phone.person, phone.id)
        await asyncio.sleep(20)
        assert not await gate.shows(screen)
        assert gate.told() == ["pass_wrong_key"]
    assert decided_again(gate.town).differences == []
