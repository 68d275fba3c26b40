"""Somebody tries card after card at one reader, a hundred a second."""

import asyncio
from pathlib import Path

from contract.credentials import encode
from edge.keeper.protocol import Frame
from tests.edge.support.airlock import INNER, OUTER, WRITTEN_S, Airlock, reasons
from tests.edge.support.cards import ANNAS
from tests.firmware_sim.support.story import in_virtual_time

A_SECOND = 100
SECONDS = 50


@in_virtual_time
async def test_flood_of_cards_is_one_alarm(tmp_path: Path) -> None:
    """For nearly a minute: a handful of rows, and no fault once it is over. Whoever badges elsewhere, or at the very
    reader, passes as on any other day."""
    hall = Airlock(tmp_path)
    hall.ask_pin()
    others: list[str] = []
    for second in range(SECONDS):
        for number in range(A_SECOND):
            card = encode("H10301", facility=99, number=second * A_SECOND + number)
            hall.agent.handle(Frame(f"{OUTER}.in", card, 0.0))
            await asyncio.sleep(1 / A_SECOND)
        if second % 20 == 0:
            others += reasons(hall.recorded())
            assert hall.unlocked() == []
            for door in (INNER, OUTER):
                hall.agent.handle(Frame(f"{door}.in", ANNAS, 0.0))
                await asyncio.sleep(WRITTEN_S)
                (row,) = hall.recorded()
                assert (row.point, row.data["reason"]) == (door, "allowed")
                assert hall.unlocked() == [f"{door}.lock"]
    await asyncio.sleep(60)
    rows = [*others, *reasons(hall.recorded())]
    assert rows.count("unknown_credential") == 3
    assert rows.count("reader.invalid_read") <= 3
    assert hall.agent.readers.faults() == {}


@in_virtual_time
async def test_flood_is_named_while_it_lasts(tmp_path: Path) -> None:
    hall = Airlock(tmp_path)
    for number in range(2 * A_SECOND):
        hall.agent.handle(Frame(f"{OUTER}.in", encode("H10301", facility=99, number=number), 0.0))
        await asyncio.sleep(1 / A_SECOND)
    assert hall.agent.readers.faults() == {"outer.reader_noisy": "in"}
    rows = hall.recorded()
    assert len(rows) == 4
    await asyncio.sleep(60)
    (counted,) = hall.recorded()
    assert (counted.kind, counted.data) == ("reader.invalid_read", {"why": "unknown_cards", "count": 2 * A_SECOND - 4})
