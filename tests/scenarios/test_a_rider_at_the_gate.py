"""A rider who has never been here, at a gate that has never heard of them: what the cloud signed is all it needs."""

from pathlib import Path

from cloud.redecide.rule import Redecided
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gate import Gate
from tests.scenarios.sunny_court import EAST_GATE, decided_again, in_the_cloud


@in_virtual_time
async def test_carried_pass_opens_with_network_down(tmp_path: Path) -> None:
    """The gate is cut off before the rider asks. Their pass opens it, a picture of the screen does not, and neither
    does the code, which only rosters tell. Once the guard has ended the permit, and the gate hears of it, nothing
    does."""
    async with Gate(tmp_path) as gate:
        await gate.in_roster()
        gate.device.link.cut()
        page = gate.riders.ask("hub", "Wang", "13800138000", consents=True)
        permit = gate.riders.let_in("gate", 1)
        picture = gate.riders.look("hub", page).slots[0].text
        assert await gate.shows(picture)
        assert not await gate.shows(picture)
        assert not await gate.keys(f"{gate.riders.look('hub', page).digits}#")
        later = gate.riders.look("hub", page).slots[0].text
        gate.device.link.restore()
        gate.permits.end("gate", permit)
        await gate.town.drained()
        assert not await gate.shows(later)
        reasons = [(event.data.get("credential"), event.data["reason"]) for event in gate.decisions()]
        assert reasons == [
            ("pass", "allowed"),
            ("pass", "pass_replayed"),
            ("code", "unknown_credential"),
            ("pass", "pass_revoked"),
        ]
        await gate.town.drained()
        assert {event.data.get("holder") for event in in_the_cloud(gate.town, EAST_GATE, "access.allowed")} != {None}
    run = decided_again(gate.town)
    assert run.differences == []
    assert run.tally[Redecided.SAME, None] == 4
