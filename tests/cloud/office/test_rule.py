"""On which ground a home ends, and when a lease is one."""

import pytest

from cloud.office.rule import HomeGround, HomeStays, lease_grace_ends, why_home_stays
from contract.decide import DAY_MS

LEASE_MS = 1_800_000_000_000


@pytest.mark.parametrize(
    ("ground", "role", "lease_ms", "at_ms", "reason"),
    [
        (None, "adult", 0, 0, HomeStays.NO_GROUND),
        (HomeGround.OWN_WORD, "adult", 0, 0, None),
        (HomeGround.DIED, "owner", 0, 0, None),
        (HomeGround.GUARDIAN, "child", 0, 0, None),
        (HomeGround.GUARDIAN, "adult", 0, 0, HomeStays.NOT_A_CHILD),
        (HomeGround.LEASE_OVER, "adult", LEASE_MS, LEASE_MS * 2, HomeStays.NO_LEASE),
        (HomeGround.LEASE_OVER, "tenant", 0, LEASE_MS, HomeStays.NO_LEASE),
        (HomeGround.LEASE_OVER, "tenant", LEASE_MS, LEASE_MS + 7 * DAY_MS - 1, HomeStays.LEASE_RUNS),
        (HomeGround.LEASE_OVER, "tenant", LEASE_MS, LEASE_MS + 7 * DAY_MS, None),
    ],
)
def test_home_ends_on_a_ground_that_fits(
    ground: HomeGround | None, role: str, lease_ms: int, at_ms: int, reason: HomeStays | None
) -> None:
    assert why_home_stays(ground, role, lease_ms, at_ms) is reason


def test_lease_has_seven_days_of_grace() -> None:
    assert lease_grace_ends(LEASE_MS) == LEASE_MS + 7 * DAY_MS
