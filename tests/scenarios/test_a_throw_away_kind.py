"""A kind of station that nobody knew: four files in a folder, found by name, and run from the card to the cloud. No
other file of the gateway is touched.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cloud.commands.desired import NoSuchMode
from cloud.commands.rule import DesiredState
from cloud.commands.service import NoSuchPlace
from cloud.commands.store import list_points
from cloud.sample import FACILITY
from cloud.store.schema import event_series, events
from contract.credentials import encode
from contract.decide import Mode
from contract.events import Event, decode_event
from edge.config.device_config import load
from edge.config.kinds import add_kinds
from firmware_sim import parts
from firmware_sim.network.virtual_mqtt import VirtualBroker
from firmware_sim.worlds.virtual.cloud import VirtualCloud
from firmware_sim.worlds.virtual.device import VirtualDevice
from firmware_sim.worlds.virtual.town import MIDNIGHT_MS
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.fountain import write_fountain

RIDER, RESIDENT, STRANGER = 10010, 10006, 4711


class Site:
    """One fountain and the cloud, in virtual time."""

    def __init__(self, folder: Path) -> None:
        sample = write_fountain(folder)
        add_kinds([folder], parts)
        self.loop = asyncio.get_running_loop()
        broker = VirtualBroker(self.loop, seed=1)
        config = load(sample)
        self.device = VirtualDevice(config, broker, seed=1)
        self.cloud = VirtualCloud(folder / "cloud", broker, lambda: MIDNIGHT_MS + round(self.loop.time() * 1000))
        self.cloud.found([config])
        self.cloud.start()
        self.device.start()

    @property
    def part(self) -> Any:
        return self.device.hardware.parts["fountain"]

    def flows(self) -> bool:
        """Whether the valve's pin is away from rest."""
        return self.device.board.pin(17).level

    async def tap(self, card: int) -> None:
        self.device.hardware.readers["fountain.in"].send(encode("H10301", facility=FACILITY, number=card))
        await asyncio.sleep(6)

    def events(self) -> list[Event]:
        """What the cloud has of the fountain."""
        with self.cloud.reading() as connection:
            mine = select(events.c.stored).join(event_series, event_series.c.id == events.c.series)
            mine = mine.where(event_series.c.point == "fountain").order_by(events.c.arrival)
            return [decode_event(stored) for stored in connection.execute(mine).scalars()]

    async def close(self) -> None:
        await self.device.close()
        await asyncio.sleep(1)
        self.cloud.kill()


@in_virtual_time
async def test_a_kind_of_four_files_runs_from_the_card_to_the_cloud(tmp_path: Path) -> None:
    site = Site(tmp_path)
    await asyncio.sleep(10)
    await site.tap(RIDER)
    assert 0.39 < site.part.litres < 0.41
    await site.tap(RESIDENT)
    site.device.kill_agent()
    site.device.start_agent()
    await asyncio.sleep(10)
    site.device.hardware.readers["fountain.in"].send(encode("H10301", facility=FACILITY, number=RIDER))
    await asyncio.sleep(1)
    site.part.fill()
    await asyncio.sleep(5)
    assert 0.48 < site.part.litres < 0.52
    told = [(event.kind, event.data.get("times", event.data.get("reason"))) for event in site.events()]
    assert told == [
        ("access.allowed", "allowed"),
        ("fountain.poured", 1),
        ("access.refused", "not_entitled"),
        ("access.allowed", "allowed"),
        ("fountain.poured", 2),
    ]
    await site.close()


@in_virtual_time
async def test_hold_open_lets_no_water_run(tmp_path: Path) -> None:
    """The cloud refuses to order it. To a document that asks for it all the same the device says no, and why."""
    site = Site(tmp_path)
    await asyncio.sleep(10)
    with pytest.raises(NoSuchMode):
        site.cloud.desired_state.set_mode(["fountain"], Mode.HOLD_OPEN, "desk", "open day")
    with pytest.raises(NoSuchPlace):
        site.cloud.desired_state.set_mode(None, Mode.HOLD_OPEN, "desk", "open day")
    site.cloud.desired_state.publish(DesiredState("fountain", 5, MIDNIGHT_MS, {"fountain": Mode.HOLD_OPEN}, None))
    await asyncio.sleep(5)
    await site.tap(STRANGER)
    site.device.kill_agent()
    site.device.start_agent()
    await asyncio.sleep(10)
    await site.tap(STRANGER)
    assert site.part.litres == 0
    assert [event.data["reason"] for event in site.events()] == ["unknown_credential"] * 2
    with site.cloud.reading() as connection:
        (point,) = (one for one in list_points(connection, MIDNIGHT_MS) if one.name == "fountain")
    assert (point.kind, point.in_force) == ("fountain", Mode.SCHEDULED)
    assert point.why == "These points have no mode hold_open: fountain."
    await site.close()


@in_virtual_time
async def test_it_obeys_the_modes_and_an_agent_s_death_like_every_other(tmp_path: Path) -> None:
    site = Site(tmp_path)
    await asyncio.sleep(10)
    site.device.hardware.readers["fountain.in"].send(encode("H10301", facility=FACILITY, number=RIDER))
    await asyncio.sleep(1)
    assert site.flows()
    site.device.kill_agent()
    await asyncio.sleep(0.1)
    assert not site.flows()
    site.device.start_agent()
    await asyncio.sleep(10)
    site.cloud.desired_state.set_mode(["fountain"], Mode.OUT_OF_SERVICE, "desk", "it leaks")
    await asyncio.sleep(5)
    await site.tap(RIDER)
    assert [event.data["reason"] for event in site.events() if event.kind == "access.refused"] == ["out_of_service"]
    await site.close()
