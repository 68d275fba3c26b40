"""When somebody's home ends: who says so, and how a tenant's lease is warned about. Pure.

A home ends by a person at the desk, never by a date: a lease that runs out is a line on a list.
"""

from datetime import time
from enum import StrEnum

from contract.decide import DAY_MS

LEASE_REMINDERS_DAYS = (30, 7, 1)
LEASE_GRACE_DAYS = 7
"""Days after the end of a lease in which it may be renewed, and in which nobody may end the home for it."""
MOVES_OUT, MOVES_IN = time(18), time(8)
"""Hours of a moving day. Those who go have the day for it."""


class HomeGround(StrEnum):
    """Why somebody's home ends. Another adult's word is none of them."""

    OWN_WORD = "own_word"
    LEASE_OVER = "lease_over"
    GUARDIAN = "guardian"
    DIED = "died"
    AUTHORITY = "authority"
    MISTAKE = "mistake"


class HomeStays(StrEnum):
    """Why a home does not end on this ground."""

    NO_GROUND = "no_ground"
    NOT_A_CHILD = "not_a_child"
    NO_LEASE = "no_lease"
    LEASE_RUNS = "lease_runs"


def why_home_stays(ground: HomeGround | None, role: str, lease_until_ms: int, at_ms: int) -> HomeStays | None:
    """Why the home of somebody with this role does not end at that moment; None if it may. ``lease_until_ms`` is 0
    without a lease."""
    if ground is None:
        return HomeStays.NO_GROUND
    if ground is HomeGround.GUARDIAN and role != "child":
        return HomeStays.NOT_A_CHILD
    if ground is not HomeGround.LEASE_OVER:
        return None
    if role != "tenant" or not lease_until_ms:
        return HomeStays.NO_LEASE
    return HomeStays.LEASE_RUNS if at_ms < lease_grace_ends(lease_until_ms) else None


def lease_grace_ends(lease_until_ms: int) -> int:
    """From when on a lease that was not renewed is a ground."""
    return lease_until_ms + LEASE_GRACE_DAYS * DAY_MS
