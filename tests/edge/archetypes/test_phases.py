"""A trigger leads where the table of its station says, and one that no table knows is an error."""

from collections.abc import Mapping
from typing import Any

import pytest

from edge.archetypes.phases import next_phase
from edge.stations import bank, door, turnstile
from edge.stations.ev_post.state import NEXT as EV_POST
from edge.stations.socket.state import NEXT as SOCKET

TABLES = (door.NEXT, turnstile.NEXT, bank.NEXT, SOCKET, EV_POST)


@pytest.mark.parametrize("table", TABLES, ids=("door", "turnstile", "bank", "socket", "ev_post"))
def test_a_trigger_outside_the_table_is_an_error(table: Mapping[tuple[Any, Any], Any]) -> None:
    for phase in set(table.values()):
        with pytest.raises(LookupError):
            next_phase(table, phase, "misspelt")


def test_a_pair_outside_the_table_leaves_the_phase() -> None:
    assert next_phase(door.NEXT, "released", "unlock") == "released"
    assert next_phase(door.NEXT, "closed", "unlock") == "unlocked"
