"""A van whose plate is on a permit, at a gate with a camera: let in however the plate is read, and once."""

import asyncio
from pathlib import Path

import pytest

from cloud.permits.kinds import PermitKind
from cloud.permits.rule import PermitState
from cloud.permits.service import PermitAsked
from contract.events import decode_event
from edge.config.device_config import load
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gate import Gate
from tests.scenarios.sunny_court import EAST_GATE, decided_again


def gate_with_camera(folder: Path) -> Gate:
    gate = Gate(folder)
    path, scanner = gate.device.config.path, "[point.scanners.in]"
    wiring = path.read_text()
    assert scanner in wiring
    path.write_text(wiring.replace(scanner, f"{scanner}\nplates = true"))
    gate.device.config = load(path)
    return gate


@pytest.mark.parametrize(
    ("plate", "read"),
    [("沪A12O45", "沪A12045"), ("沪A1I045", "沪AI1O45"), ("沪AD12345", "沪AD12345"), ("沪A12345", "沪A·12345")],
)
@in_virtual_time
async def test_van_is_let_in_however_read(tmp_path: Path, plate: str, read: str) -> None:
    """O and I are written on no plate but stand on it for 0 and 1; new energy has eight places. The permit shows that
    they are inside, and the cloud decides the same."""
    async with gate_with_camera(tmp_path) as gate:
        permit = gate.permits.draw("gate", PermitAsked(kind=PermitKind.VAN, flat="2-502", plate=plate)).permit
        await gate.in_roster()
        assert await gate.shows(read)
        assert gate.told() == ["allowed"]
        await gate.town.drained()
        view = gate.permits.find(permit)
        assert view is not None and view.permit.state(gate.town.now_ms()) is PermitState.INSIDE
    assert decided_again(gate.town).differences == []


@in_virtual_time
async def test_standing_van_is_one_passage(tmp_path: Path) -> None:
    """A camera reads the plate again and again, sometimes with an O; the gate opens once."""
    async with gate_with_camera(tmp_path) as gate:
        gate.permits.draw("gate", PermitAsked(kind=PermitKind.VAN, flat="2-502", plate="沪A12O45"))
        await gate.in_roster()
        scanner = gate.device.hardware.scanners[f"{EAST_GATE}.in"]
        for number in range(20):
            scanner.show("沪A12045" if number % 2 else "沪A12O45")
            await asyncio.sleep(0.5)
        assert gate.told() == ["allowed"]


@in_virtual_time
async def test_plate_at_a_scanner_of_passes_is_none(tmp_path: Path) -> None:
    """Nobody opens a gate with a plate that is held before it on paper."""
    async with Gate(tmp_path) as gate:
        gate.permits.draw("gate", PermitAsked(kind=PermitKind.VAN, flat="2-502", plate="沪A12345"))
        await gate.in_roster()
        assert not await gate.shows("沪A12345")
        assert gate.told() == []
        kinds = {decode_event(row.stored).kind for row in gate.town.journal(EAST_GATE)}
        assert "reader.invalid_read" in kinds
