"""Allotments for tests that lend nothing: what a device gives of its own, and what was used of it."""

from contract.quantities import Account, Accounts, Allotment
from contract.site_page import Rations


def own(name: str, minutes: int, wh: int) -> Allotment:
    """What a device gives without asking anybody."""
    return Allotment(name, Rations(minutes, wh).quantities)


def used(ms: int = 0, mwh: int = 0) -> Accounts:
    """What was used, in milliseconds and milliwatt-hours."""
    return {"minutes": Account(ms), "wh": Account(mwh)}
