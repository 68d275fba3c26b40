"""A scanner at a door: what it reads, and what is recorded of it."""

import asyncio
from pathlib import Path

import pytest

from contract.credentials import plate_credential, token_credential, token_text
from contract.decide import Grant, Tier
from contract.schedules import ALWAYS
from contract.sealing import credential_digest
from tests.edge.support.airlock import OUTER, Airlock, reasons
from tests.edge.support.cards import KEY
from tests.edge.support.portals import BEN
from tests.firmware_sim.support.story import in_virtual_time

SCANNER = 'scanners.in = { device = "scanner" }\n'
CAMERA = 'scanners.in = { device = "camera", plates = true }\n'
TOKEN = bytes(range(16))
PLATE = "京A12045"


def hall_for(folder: Path, credential: bytes, wiring: str = SCANNER) -> Airlock:
    """Ben's guest has this credential."""
    hall = Airlock(folder, wiring=wiring)
    hall.cards.demands = {}
    hall.cards.grants[credential_digest(KEY, credential)] = Grant(BEN, Tier.GUEST, {OUTER: ALWAYS})
    return hall


@in_virtual_time
async def test_printed_token_opens(tmp_path: Path) -> None:
    hall = hall_for(tmp_path, token_credential(TOKEN))
    hall.agent.scan(OUTER, "in", token_text(TOKEN), "")
    (row,) = hall.recorded()
    assert (row.kind, row.data["credential"], row.data["holder"]) == ("access.allowed", "token", BEN.hex())
    await asyncio.sleep(1)
    assert hall.unlocked() == ["outer.lock"]
    assert token_text(TOKEN) not in str(row)


@in_virtual_time
async def test_screen_that_stays_there_is_read_once(tmp_path: Path) -> None:
    hall = hall_for(tmp_path, token_credential(TOKEN))
    for _ in range(100):
        hall.agent.scan(OUTER, "in", token_text(TOKEN), "")
        await asyncio.sleep(0.5)
    assert reasons(hall.recorded()).count("allowed") == 1
    await asyncio.sleep(3)
    hall.agent.scan(OUTER, "in", token_text(TOKEN), "")
    assert reasons(hall.recorded()).count("allowed") == 1


@pytest.mark.parametrize("read", [PLATE, "京A12O45", "京A·I2O45"])
@in_virtual_time
async def test_plate_opens_however_it_is_read(tmp_path: Path, read: str) -> None:
    hall = hall_for(tmp_path, plate_credential("京AI2045"), CAMERA)
    hall.agent.scan(OUTER, "in", read, "")
    (row,) = hall.recorded()
    assert (row.kind, row.data["credential"]) == ("access.allowed", "plate")


@in_virtual_time
async def test_standing_car_is_read_once(tmp_path: Path) -> None:
    """A camera takes an O for a 0 now and then, and reads it again and again; the next car is another."""
    hall = hall_for(tmp_path, plate_credential(PLATE), CAMERA)
    for number in range(60):
        hall.agent.scan(OUTER, "in", PLATE if number % 3 else "京A12O45", "")
        await asyncio.sleep(1)
    hall.agent.scan(OUTER, "in", "京B88888", "")
    said = [reason for reason in reasons(hall.recorded()) if reason in ("allowed", "unknown_credential")]
    assert said == ["allowed", "unknown_credential"]


@in_virtual_time
async def test_many_unknown_plates_are_few_rows(tmp_path: Path) -> None:
    hall = Airlock(tmp_path, wiring=CAMERA)
    for number in range(100):
        hall.agent.scan(OUTER, "in", f"京A{number:05}", "")
    assert reasons(hall.recorded()) == ["unknown_credential"] * 3 + ["reader.invalid_read"]
    assert hall.shown() == "unknown_credential"


@in_virtual_time
async def test_plate_is_nothing_where_none_is_read(tmp_path: Path) -> None:
    hall = hall_for(tmp_path, plate_credential(PLATE))
    hall.agent.scan(OUTER, "in", PLATE, "")
    assert [row.data.get("why") for row in hall.recorded()] == ["no_pass"]


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
