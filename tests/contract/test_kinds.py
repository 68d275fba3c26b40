import pytest

from contract.decide import Mode
from contract.kinds import KINDS, MODE_LASTS_MS, has_mode, kind_of
from edge.kinds import our_kinds

PORTALS = {"door", "turnstile"}


def test_every_kind_of_ours_is_known() -> None:
    assert KINDS.keys() == set(our_kinds())


@pytest.mark.parametrize("kind", [*KINDS, "fountain", "", "Door"])
def test_only_a_portal_is_held_or_locked(kind: str) -> None:
    """A socket that is held open would give power to whoever comes, and a fountain its water."""
    portal = kind in PORTALS
    assert (kind_of(kind).archetype == "portal") == portal
    assert has_mode(kind, Mode.HOLD_OPEN) == has_mode(kind, Mode.LOCKDOWN) == portal
    assert has_mode(kind, Mode.SCHEDULED)
    assert has_mode(kind, Mode.OUT_OF_SERVICE)


def test_whatever_only_a_portal_has_ends_by_itself() -> None:
    """No gate stands open all night, and no lockdown outlives its reason."""
    assert {mode: ms // 3_600_000 for mode, ms in MODE_LASTS_MS.items()} == {Mode.HOLD_OPEN: 2, Mode.LOCKDOWN: 4}
