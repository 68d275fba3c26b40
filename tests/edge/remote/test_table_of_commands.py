"""What a device does by the table of commands: it checks each in one place, and a new one is carried out at once."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from contract.commands import COMMANDS, CommandType, SessionStopArgs
from contract.kinds.door import DOOR
from contract.phrases import Phrase
from edge.archetypes.protocol import CommandReceived, Input
from edge.stations import door
from tests.edge.remote.test_commands import World
from tests.edge.support.desks import Desk
from tests.firmware_sim.support.story import in_virtual_time


@pytest.mark.parametrize(
    ("op", "point", "args", "why"),
    [
        ("open_once", "nowhere", {}, "no_such_point"),
        ("open_once", "", {}, "no_such_point"),
        ("open_once", "meter", {}, "not_this_kind"),
        ("session_start", "gym", {"digest": "00" * 16}, "not_this_kind"),
        ("session_start", "e-bike", {"digest": "00" * 15}, "bad_digest"),
        ("session_start", "e-bike", {}, "bad_digest"),
        ("session_stop", "e-bike", {"session": ""}, "no_such_session"),
        ("session_stop", "e-bike", {"session": 7}, "no_such_session"),
        ("drill", "", {"zone": "gym"}, "no_such_zone"),
        ("drill", "", {"zone": "gym", "on": "yes"}, "no_such_zone"),
        ("clock_set", "", {"now_ms": -1}, "bad_time"),
        ("clock_set", "", {"now_ms": 1 << 60}, "bad_time"),
    ],
)
@in_virtual_time
async def test_command_against_the_table_is_refused(
    op: str, point: str, args: dict[str, Any], why: str, tmp_path: Path
) -> None:
    """A point that has not got it, or arguments beyond their bounds: the words are as they were before the table."""
    world = World(tmp_path)
    await world.hears(world.command(op=op, point=point, args=args))
    assert (world.did, world.outcomes()) == ([], [("refused", why)])
    assert world.rows[0][1]["op"] == op


@in_virtual_time
async def test_arguments_arrive_read(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.hears(world.command(op="session_stop", point="e-bike", args={"session": "0f" * 8, "newer": 1}))
    assert [(point, received.args) for point, received in world.did] == [("e-bike", SessionStopArgs("0f" * 8))]


@in_virtual_time
async def test_unknown_command_is_not_understood(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.hears(world.command(op="brew_tea"))
    assert (world.did, world.outcomes(), world.memory.commands()) == ([], [("refused", "not_understood")], [])


@in_virtual_time
async def test_new_command_is_a_row_and_a_station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two places know a made-up command: its row of the table, and the station that carries it out."""
    ring = CommandType(
        op="ring_bell",
        scope="point",
        right="doors",
        words=Phrase("响铃", "Ring the bell"),
        audit=Phrase("远程响铃", "Rang a bell from afar"),
        archetypes=frozenset({"portal"}),
        moves=True,
    )
    monkeypatch.setitem(COMMANDS, ring.op, ring)
    desk = Desk(tmp_path)
    east = desk.agent.runners["east"]

    def step(state: Any, happened: Input, now_ms: int) -> Any:
        match happened:
            case CommandReceived(op="ring_bell", order_record=told):
                return state, [DOOR.ordered(**told)]
        return door.KIND.step(state, happened, now_ms)

    rung = CommandReceived("ring_bell", {"id": "00", "op": "ring_bell", "by": "lin", "reason": "dinner"})
    assert desk.agent.order("east", rung) == "not_this_kind"
    east.kind = structs.replace(east.kind, step=step)
    assert desk.agent.order("east", rung) == ""
    assert desk.recording.rows[-1] == ("east", "command.done", rung.order_record)
    desk.agent.keeper_lost()
    assert desk.agent.order("east", rung) == "keeper_lost"
    world = World(tmp_path)
    await world.hears(world.command(op="ring_bell"))
    await world.hears(world.command(2, op="ring_bell", point="e-bike"))
    assert world.outcomes() == [("done", ""), ("refused", "not_this_kind")]
