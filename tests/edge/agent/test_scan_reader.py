"""A scanner at a door: what it reads, and what is recorded of it."""

from pathlib import Path

from tests.edge.support.airlock import OUTER, Airlock
from tests.firmware_sim.support.story import in_virtual_time

SCANNER = 'scanners.in = { device = "scanner" }\n'


@in_virtual_time
async def test_what_is_no_pass_is_counted(tmp_path: Path) -> None:
    """It may be half of somebody's pass: it stands in no record."""
    hall = Airlock(tmp_path, wiring=SCANNER)
    for text, why in (("http://example.com/a", ""), ("", "too_long"), ("", "not_text")):
        hall.agent.scan(OUTER, "in", text, why)
    (row,) = hall.recorded()
    assert (row.point, row.kind) == (OUTER, "reader.invalid_read")
    assert row.data == {"reader": "outer.in", "why": "no_pass", "count": 1}
    hall.agent.close()
    (rest,) = hall.recorded()
    assert rest.data == {"reader": "outer.in", "why": "not_text", "count": 2}


@in_virtual_time
async def test_noise_of_scanner_is_a_fault(tmp_path: Path) -> None:
    hall = Airlock(tmp_path, wiring=SCANNER)
    for _ in range(20):
        hall.agent.scan(OUTER, "in", "", "not_text")
    assert hall.agent.readers.faults() == {"outer.reader_noisy": "scanner in"}


@in_virtual_time
async def test_without_keeper_nothing_is_used_up(tmp_path: Path) -> None:
    hall = Airlock(tmp_path, wiring=SCANNER)
    hall.agent.keeper_lost()
    hall.recorded()
    hall.agent.scan(OUTER, "in", "HG1ABC", "")
    assert [row.data.get("why") for row in hall.recorded()] == ["keeper_lost"]
