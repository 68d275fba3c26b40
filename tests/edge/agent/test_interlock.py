"""Two doors of which one must be shut while somebody is let in at the other."""

import asyncio
from pathlib import Path

import pytest

from edge.archetypes.protocol import CommandReceived
from edge.keeper.protocol import Changed, ZoneEmergency
from tests.edge.support.airlock import INNER, OUTER, Airlock, reasons
from tests.edge.support.cards import ANNAS, BENS
from tests.firmware_sim.support.story import in_virtual_time

OTHER = {OUTER: INNER, INNER: OUTER}


def airlock(folder: Path, interlock: str = '"inner"') -> Airlock:
    """One door names the other; that is enough for both."""
    hall = Airlock(folder, interlock=interlock)
    hall.ask_pin()
    return hall


@pytest.mark.parametrize("first", [OUTER, INNER])
@pytest.mark.parametrize("interlock", ['"inner"', '["inner"]'])
@in_virtual_time
async def test_other_door_waits_until_first_has_shut(tmp_path: Path, first: str, interlock: str) -> None:
    """While the first is unlocked, while its leaf stands open, and no longer."""
    hall = airlock(tmp_path, interlock)
    assert reasons(await hall.badge(reader=f"{first}.in")) == ["allowed"]
    assert reasons(await hall.badge(BENS, f"{OTHER[first]}.in")) == ["interlocked"]
    assert hall.shown(OTHER[first]) == "interlocked"
    hall.leaf(first, shut=False)
    await asyncio.sleep(10)
    hall.recorded()
    assert reasons(await hall.badge(BENS, f"{OTHER[first]}.in")) == ["interlocked"]
    hall.leaf(first, shut=True)
    hall.recorded()
    assert reasons(await hall.badge(BENS, f"{OTHER[first]}.in")) == ["allowed"]
    assert reasons(await hall.badge(reader=f"{first}.in")) == ["interlocked"]


@in_virtual_time
async def test_door_itself_opens_again_meanwhile(tmp_path: Path) -> None:
    hall = airlock(tmp_path)
    assert [reasons(await hall.badge(bits)) for bits in (ANNAS, BENS)] == [["allowed"], ["allowed"]]


@in_virtual_time
async def test_without_interlock_both_open(tmp_path: Path) -> None:
    hall = airlock(tmp_path, "")
    assert reasons(await hall.badge()) == ["allowed"]
    assert reasons(await hall.badge(BENS, f"{INNER}.in")) == ["allowed"]


@in_virtual_time
async def test_way_out_waits_for_nothing(tmp_path: Path) -> None:
    """The button drives the lock while the other door stands open."""
    hall = airlock(tmp_path)
    await hall.badge()
    hall.leaf(OUTER, shut=False)
    await asyncio.sleep(1)
    hall.unlocked()
    hall.agent.handle(Changed(f"{INNER}.exit_button", True, 0.0))
    assert hall.unlocked() == ["inner.lock"]


@in_virtual_time
async def test_emergency_releases_both(tmp_path: Path) -> None:
    hall = airlock(tmp_path)
    await hall.badge()
    hall.agent.handle(ZoneEmergency("estate", active=True))
    assert {hall.agent.runners[door].report.phase for door in OTHER} == {"released"}


@in_virtual_time
async def test_operator_waits_like_everybody(tmp_path: Path) -> None:
    hall = airlock(tmp_path)
    await hall.badge()
    order = {"id": "0" * 32, "op": "open_once", "by": "lin", "reason": "a visitor"}
    assert hall.agent.order(INNER, CommandReceived("open_once", order)) == "interlocked"
    assert hall.agent.order(OUTER, CommandReceived("open_once", order)) == ""
