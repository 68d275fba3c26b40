"""Who is barred, suspended or without their card resets nothing, whatever the card was for."""

import pytest
from msgspec.structs import replace

from contract.decide import Standing, Tier
from contract.resets import may_reset
from tests.contract.decisions import asked


@pytest.mark.parametrize("standing", Standing)
@pytest.mark.parametrize("tier", [Tier.STAFF, Tier.RESIDENT])
def test_only_who_is_active_resets_a_zone(standing: Standing, tier: Tier) -> None:
    _, member, facts, now_ms = asked({})
    assert member is not None
    holder = replace(member, tier=tier, standing=standing, resets=frozenset({"hub"}))
    assert may_reset(holder, "hub", facts, now_ms) == (standing is Standing.ACTIVE)
