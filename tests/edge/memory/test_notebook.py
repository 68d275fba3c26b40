"""What a point keeps is found again, with its age, and a disk that takes nothing is told of."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from edge.archetypes.protocol import Restored, Spend
from edge.memory.ledger import UsageLedger
from edge.memory.memory import Memory, MemoryUnusable, StoredPoint
from edge.memory.notebook import PointMemory
from edge.memory.spent import Spent
from tests.edge.support.cards import Cards, LoopClock
from tests.edge.support.runtimes import runtime
from tests.firmware_sim.support.story import in_virtual_time

SPENT = Spend("00112233aabbccdd", "0102030405060708", "rider-phone", {"minutes": 60_000, "wh": 5_000})


def notebook(memory: Memory) -> tuple[PointMemory, UsageLedger]:
    loop = asyncio.get_running_loop()
    clock = LoopClock(loop)
    ledger = UsageLedger(memory.spent(), clock, Cards())
    return PointMemory(runtime(clock, lambda point, kind, data: None, memory), ledger), ledger


@in_virtual_time
async def test_a_point_finds_what_it_kept_and_how_old_it_is(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.db")
    before, _ = notebook(memory)
    kept: list[str] = []
    before.persist("phone-1", b"page", lambda: kept.append("page"))
    assert kept == []
    await asyncio.sleep(30)
    assert kept == ["page"]
    after, _ = notebook(memory)
    assert after.restored("phone-1") == Restored(b"page", 30_000)
    assert after.restored("phone-2") is None
    after.persist("phone-1", b"another", lambda: None)
    assert after.restored("phone-1") is None


@in_virtual_time
async def test_what_a_session_has_used_is_written_with_the_page_of_its_point(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.db")
    notes, _ = notebook(memory)
    assert not notes.spend("phone-1", SPENT)
    notes.persist("phone-2", b"another", lambda: None)
    await asyncio.sleep(1)
    assert memory.spent() == []
    notes.persist("phone-1", b"page", lambda: None)
    await asyncio.sleep(1)
    rows = [(row.session, row.unit, row.amount) for row in memory.spent()]
    assert rows == [(SPENT.session, "minutes", 60_000), (SPENT.session, "wh", 5_000)]


@in_virtual_time
async def test_an_empty_page_is_found_by_nobody(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.db")
    notes, _ = notebook(memory)
    notes.persist("phone-1", b"page", lambda: None)
    notes.persist("phone-1", b"", lambda: None)
    await asyncio.sleep(1)
    assert notebook(memory)[0].restored("phone-1") is None


class Full(Memory):
    """On a disk that may take nothing."""

    full = True

    def store_point(self, kept: StoredPoint, spent: Iterable[Spent] = ()) -> None:
        if self.full:
            raise MemoryUnusable("the disk is full")
        super().store_point(kept, spent)


@in_virtual_time
async def test_a_disk_that_takes_nothing_is_told_of_and_has_the_page_as_soon_as_it_takes_one(tmp_path: Path) -> None:
    memory = Full(tmp_path / "memory.db")
    notes, _ = notebook(memory)
    kept: list[str] = []
    notes.persist("phone-1", b"page", lambda: kept.append("page"))
    await asyncio.sleep(10)
    assert (notes.fault, kept) == ("the disk is full", [])
    memory.full = False
    await asyncio.sleep(2)
    assert (notes.fault, kept) == ("", ["page"])
    assert memory.points()["phone-1"].document == b"page"


@in_virtual_time
async def test_no_page_is_offered_again_in_place_of_a_newer_one(tmp_path: Path) -> None:
    memory = Full(tmp_path / "memory.db")
    notes, _ = notebook(memory)
    notes.persist("phone-1", b"old", lambda: None)
    await asyncio.sleep(0.5)
    memory.full = False
    notes.persist("phone-1", b"new", lambda: None)
    await asyncio.sleep(10)
    assert memory.points()["phone-1"].document == b"new"


@in_virtual_time
async def test_once_it_is_closed_it_offers_nothing_more(tmp_path: Path) -> None:
    memory = Full(tmp_path / "memory.db")
    notes, _ = notebook(memory)
    notes.persist("phone-1", b"page", lambda: None)
    await asyncio.sleep(0.5)
    notes.close()
    memory.full = False
    await asyncio.sleep(10)
    assert memory.points() == {}
