"""Which gates an emergency vehicle gets."""

from hypothesis import given
from hypothesis import strategies as st

from cloud.gatehouse.rule import Choice, Gate, choose_gates
from contract.decide import Mode

MODES = st.sampled_from(Mode)
GATES = st.lists(
    st.builds(Gate, st.text("abc", min_size=1, max_size=3), st.booleans(), st.booleans(), MODES),
    max_size=6,
    unique_by=lambda gate: gate.name,
)


def gate(name: str, *, vehicles: bool = False, held: bool = True, mode: Mode = Mode.SCHEDULED) -> Gate:
    return Gate(name, vehicles, held, mode)


def test_gates_for_vehicles_are_held() -> None:
    assert choose_gates([gate("foot"), gate("lane", vehicles=True)]) == Choice(["lane"], [])


def test_every_gate_is_held_without_one_for_vehicles() -> None:
    assert choose_gates([gate("east"), gate("west")]) == Choice(["east", "west"], [])


def test_gate_that_cannot_be_held_is_no_choice() -> None:
    """A turnstile lane that has no such mode does not stand in for the barrier beside it."""
    assert choose_gates([gate("lane", vehicles=True, held=False), gate("east")]) == Choice(["east"], [])


@given(GATES)
def test_lockdown_is_never_lifted_by_help(gates: list[Gate]) -> None:
    held, left = choose_gates(gates)
    modes = {one.name: one.mode for one in gates}
    assert not {modes[name] for name in held} & {Mode.LOCKDOWN, Mode.OUT_OF_SERVICE}
    assert not set(held) & set(left)
    assert all(one.can_be_held for one in gates if one.name in {*held, *left})
