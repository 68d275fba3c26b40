"""A guest at the gate, with a code that was told over the telephone or a printed one: the network is down meanwhile."""

import asyncio
from pathlib import Path

from cloud.permits.kinds import PermitKind
from cloud.permits.service import PermitAsked
from edge.passes.guesses import CODES
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gate import Gate
from tests.scenarios.sunny_court import decided_again

GUEST = PermitAsked(kind=PermitKind.GUEST, name="Wu Jiu", flat="2-502", code=True, token=True)


@in_virtual_time
async def test_guest_is_let_in_by_code_and_print(tmp_path: Path) -> None:
    """The code is ended by the host, and opens nothing from then on."""
    async with Gate(tmp_path) as gate:
        drawn = gate.permits.draw("lin", GUEST)
        await gate.in_roster()
        gate.device.link.cut()
        assert await gate.keys(f"{drawn.code}#")
        assert await gate.shows(drawn.token)
        assert [event.data["credential"] for event in gate.decisions()] == ["code", "token"]
        gate.device.link.restore()
        gate.permits.end("lin", drawn.permit)
        await gate.in_roster()
        assert not await gate.keys(f"{drawn.code}#")
        assert not await gate.shows(drawn.token)
        assert len(gate.told()) == 2
    assert decided_again(gate.town).differences == []


@in_virtual_time
async def test_guesser_makes_codes_wait_and_no_phone(tmp_path: Path) -> None:
    """The guest behind somebody who guesses waits with the code, shows the print, and the code opens after a while."""
    async with Gate(tmp_path) as gate:
        drawn = gate.permits.draw("lin", GUEST)
        await gate.in_roster()
        for number in range(6):
            await gate.keys(f"{number:06}#")
        assert not await gate.keys(f"{drawn.code}#")
        assert await gate.shows(drawn.token)
        gate.device.restart_agent()
        await asyncio.sleep(5)
        assert not await gate.keys(f"{drawn.code}#")
        await asyncio.sleep(CODES.longest_wait_ms / 1000)
        assert await gate.keys(f"{drawn.code}#")
    assert decided_again(gate.town).differences == []
