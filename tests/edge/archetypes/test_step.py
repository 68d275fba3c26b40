"""A trigger leads where the table of its kind says, and one that no table knows is an error."""

from typing import Any

import pytest
from msgspec.structs import replace

from edge.archetypes.protocol import Record, Rest, Wake
from edge.archetypes.station import Step
from edge.stations import bank, door, ev_post, socket, turnstile

KINDS: list[tuple[Any, type[Step[Any, Any]]]] = [
    (door.KIND, door.DoorStep),
    (turnstile.KIND, turnstile.TurnstileStep),
    (bank.KIND, bank.BankStep),
    (socket.KIND, socket.SocketInput),
    (ev_post.KIND, ev_post.EvPostInput),
]


@pytest.mark.parametrize(("kind", "step"), KINDS, ids=lambda part: getattr(part, "name", ""))
def test_a_trigger_outside_the_table_is_an_error(kind: Any, step: type[Step[Any, Any]]) -> None:
    for phase in set(step.table.values()):
        taken = step(replace(kind.start("gym", kind.settings()), phase=phase), now_ms=0)
        with pytest.raises(LookupError):
            taken.to("misspelt")


def at_door(phase: str) -> door.DoorStep:
    return door.DoorStep(replace(door.KIND.start("gym", door.DoorSettings()), phase=phase), now_ms=0)


@pytest.mark.parametrize(("before", "after"), [("released", "released"), ("closed", "unlocked")])
def test_a_pair_outside_the_table_leaves_the_phase(before: str, after: str) -> None:
    step = at_door(before)
    step.to("unlock")
    assert step.state.phase == after


def test_step_leaves_the_state_it_was_made_of() -> None:
    step = at_door("closed")
    before = step.state
    step.to("unlock", Rest("lock"), unlocked=True)
    assert (before.phase, before.unlocked, step.effects) == ("closed", False, [Rest("lock")])


def test_what_goes_ahead_stands_before_earlier_effects() -> None:
    step = at_door("closed")
    step.do(Wake("warn", 1))
    step.ahead(lambda step: step.do(Rest("lock")))
    assert step.effects == [Rest("lock"), Wake("warn", 1)]


def test_only_a_change_of_a_fault_is_an_event() -> None:
    step = at_door("closed")
    for present in (True, True, False, False):
        step.set_fault("contact_still", present=present)
    assert step.effects == [
        Record("door.fault", {"fault": "contact_still"}),
        Record("door.fault_cleared", {"fault": "contact_still"}),
    ]
    assert step.state.faults == set()
