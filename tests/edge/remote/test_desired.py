"""Desired documents at the device: in force at once, kept over restarts, and never older than before."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from contract import codec
from contract.decide import Mode
from contract.messages import Desired, Reported
from contract.sealing import ConfigKey, ConfigVerifier, DeviceKey, Purpose, statement
from edge.link.sealed_channel import SealedChannel
from edge.memory.memory import Memory, MemoryUnusable
from edge.remote.desired import SAVE_AGAIN_S, STORED_AS, DesiredState
from edge.remote.point_modes import PointModes
from edge.remote.rewiring import Health, Rewiring
from tests.edge.support.clouds import OneWayLink
from tests.edge.support.runtimes import runtime
from tests.firmware_sim.support.story import in_virtual_time

SITE, DEVICE = "estate", "gym-01"
KEY = ConfigKey.generate()
NOW_MS = 1_800_000_000_000
DAY_S = 24 * 3600


class FullMemory(Memory):
    """A memory whose disk takes nothing while ``is_full``."""

    is_full = False

    def store_document(self, name: str, value: bytes) -> None:
        if self.is_full:
            raise MemoryUnusable("the disk is full")
        super().store_document(name, value)


class World:
    """A device with three points, and what was told of its documents."""

    boot = "b7"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reports: list[Reported] = []
        self.rows: list[dict[str, Any]] = []
        self.ended: list[tuple[str, str]] = []
        self.start()

    def start(self) -> None:
        self.modes: Mapping[str, Mode] = {}
        self.memory = FullMemory(self.folder / "memory.db")
        around = runtime(self, self._record, self.memory)
        health = Health(True, "", 0, [], [], 0, 0, True)
        self.desired = DesiredState(
            around,
            SealedChannel(OneWayLink(self._published), SITE, DEVICE, DeviceKey.generate()),
            ConfigVerifier(KEY.public()),
            modes=PointModes(around, {"gym": "turnstile", "east": "door", "phone": "socket"}, self._apply),
            wiring=Rewiring(around, "wired", None, quiet=str, health=lambda: health),
        )
        self.desired.start()

    def _record(self, point: str, kind: str, data: dict[str, Any]) -> None:
        if kind == "device.mode_ended":
            self.ended.append((point, data["mode"]))
        else:
            self.rows.append(data)

    def _published(self, payload: bytes) -> None:
        self.reports.append(codec.read(codec.detach(payload)[0], Reported))

    def restart(self) -> None:
        self.desired.close()
        self.memory.close()
        self.start()

    def now_ms(self) -> int:
        return NOW_MS

    def mono_ms(self) -> int:
        return round(asyncio.get_running_loop().time() * 1000)

    def _apply(self, modes: Mapping[str, Mode], number: int) -> None:
        assert number == self.desired.number
        self.modes = modes

    async def hears(
        self,
        number: int,
        *,
        key: ConfigKey = KEY,
        device: str = DEVICE,
        until: dict[str, int] | None = None,
        **modes: Mode,
    ) -> None:
        body = codec.write(Desired(device, number, NOW_MS, modes, until=until or {}))
        self.desired.receive(codec.attach(body, key.sign(statement(Purpose.CONFIG, SITE, DEVICE, body))))
        await asyncio.sleep(0.1)


@in_virtual_time
async def test_a_document_is_in_force_at_once_and_after_a_restart(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.hears(3, gym=Mode.LOCKDOWN)
    assert world.modes == {"gym": Mode.LOCKDOWN}
    (told,) = world.reports
    assert (told.number, told.status, told.why) == (3, "applied", "")
    assert told.modes == {"gym": Mode.LOCKDOWN, "east": Mode.SCHEDULED, "phone": Mode.SCHEDULED}
    assert world.rows == [{"status": "applied", "number": 3, "why": ""}]
    world.restart()
    assert (world.modes, world.desired.number) == ({"gym": Mode.LOCKDOWN}, 3)
    assert len(world.rows) == 1


@in_virtual_time
async def test_the_same_document_again_is_no_news_and_is_told_when_asked(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.desired.report()
    assert world.reports == []
    await world.hears(3, gym=Mode.LOCKDOWN)
    await world.hears(3, gym=Mode.LOCKDOWN)
    assert len(world.rows) == len(world.reports) == 1
    world.desired.report()
    assert world.reports[1] == world.reports[0]


@pytest.mark.parametrize(
    ("why", "changes"),
    [
        ("older_number", {"number": 2}),
        ("same_number", {"number": 3, "gym": Mode.HOLD_OPEN}),
        ("wrong_device", {"number": 4, "device": "gym-02"}),
        ("bad_seal", {"number": 4, "key": ConfigKey.generate()}),
    ],
)
@in_virtual_time
async def test_what_is_not_to_be_believed_changes_nothing(why: str, changes: dict[str, Any], tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.hears(3, gym=Mode.LOCKDOWN)
    await world.hears(**changes)
    assert (world.desired.refused, world.desired.number) == (why, 3)
    assert world.modes == {"gym": Mode.LOCKDOWN}
    assert world.rows[-1] == {"status": "refused", "number": 3, "why": why, "count": 1}
    await world.hears(4)
    assert world.desired.refused == ""


@in_virtual_time
async def test_a_point_that_is_not_here_is_named(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.hears(1, roof=Mode.LOCKDOWN)
    assert (world.reports[-1].status, world.reports[-1].why) == ("applied", "No such point here: roof.")


@in_virtual_time
async def test_a_document_that_the_disk_does_not_take_is_in_force_and_offered_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.memory.is_full = True
    await world.hears(1, gym=Mode.LOCKDOWN)
    assert world.modes == {"gym": Mode.LOCKDOWN}
    assert world.reports[-1].status == "waiting"
    assert "a restart would forget them" in world.reports[-1].why
    await asyncio.sleep(5 * SAVE_AGAIN_S)
    assert len(world.reports) == 1
    world.memory.is_full = False
    await asyncio.sleep(SAVE_AGAIN_S)
    assert [told.status for told in world.reports] == ["waiting", "applied"]


@in_virtual_time
async def test_a_document_that_waits_for_the_disk_never_comes_to_stand_over_a_newer_one(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.memory.is_full = True
    await world.hears(1, gym=Mode.HOLD_OPEN)
    world.memory.is_full = False
    await world.hears(2, gym=Mode.LOCKDOWN)
    await asyncio.sleep(3 * SAVE_AGAIN_S)
    world.restart()
    assert (world.desired.number, world.modes) == (2, {"gym": Mode.LOCKDOWN})


@in_virtual_time
async def test_one_that_is_closed_offers_nothing_more(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.memory.is_full = True
    body = codec.write(Desired(DEVICE, 1, NOW_MS))
    world.desired.receive(codec.attach(body, KEY.sign(statement(Purpose.CONFIG, SITE, DEVICE, body))))
    world.desired.close()
    await asyncio.sleep(0.1)
    world.memory.is_full = False
    await asyncio.sleep(3 * SAVE_AGAIN_S)
    assert world.memory.document(STORED_AS) is None
    assert world.reports == []


@in_virtual_time
async def test_a_refused_point_does_not_spoil_the_others(tmp_path: Path) -> None:
    """The document is taken up, the socket keeps its mode, and the report says why; after a restart as well."""
    world = World(tmp_path)
    await world.hears(1, gym=Mode.LOCKDOWN, east=Mode.HOLD_OPEN, phone=Mode.LOCKDOWN)
    told = world.reports[-1]
    assert (told.status, told.why) == ("applied", "These points have no mode lockdown: phone.")
    assert told.modes == {"gym": Mode.LOCKDOWN, "east": Mode.HOLD_OPEN, "phone": Mode.SCHEDULED}
    world.restart()
    assert world.modes == {"gym": Mode.LOCKDOWN, "east": Mode.HOLD_OPEN}


@in_virtual_time
async def test_a_mode_ends_by_itself_and_says_so(tmp_path: Path) -> None:
    """Without an ``until`` a lockdown has four hours and a door is held open for two; nobody is heard meanwhile."""
    world = World(tmp_path)
    await world.hears(1, gym=Mode.LOCKDOWN, east=Mode.HOLD_OPEN)
    await asyncio.sleep(2 * 3600 - 1)
    assert world.modes == {"gym": Mode.LOCKDOWN, "east": Mode.HOLD_OPEN}
    await asyncio.sleep(2)
    assert (world.modes, world.ended) == ({"gym": Mode.LOCKDOWN}, [("east", "hold_open")])
    assert world.reports[-1].modes["east"] is Mode.SCHEDULED
    world.restart()
    await asyncio.sleep(2 * 3600)
    assert (world.modes, world.ended[1:]) == ({}, [("gym", "lockdown")])
    await asyncio.sleep(DAY_S)
    assert len(world.ended) == 2
    world.restart()
    assert (world.modes, len(world.ended)) == ({}, 2)


@in_virtual_time
async def test_what_ended_while_agent_was_down_says_so(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.hears(1, gym=Mode.LOCKDOWN)
    world.desired.close()
    world.memory.close()
    await asyncio.sleep(5 * 3600)
    world.start()
    assert (world.modes, world.ended) == ({}, [("gym", "lockdown")])
    world.desired.report()
    assert world.reports[-1].modes["gym"] is Mode.SCHEDULED


@in_virtual_time
async def test_an_end_in_the_document_counts(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.hears(1, until={"gym": NOW_MS + 60_000}, gym=Mode.LOCKDOWN)
    await asyncio.sleep(59)
    assert world.modes == {"gym": Mode.LOCKDOWN}
    await asyncio.sleep(1)
    assert world.modes == {}
    await world.hears(2, until={"gym": NOW_MS + 10 * 3_600_000}, gym=Mode.LOCKDOWN)
    await asyncio.sleep(4 * 3600)
    assert world.modes == {}
    await world.hears(3, until={"gym": NOW_MS}, gym=Mode.LOCKDOWN)
    assert (world.modes, world.reports[-1].status) == ({}, "applied")
