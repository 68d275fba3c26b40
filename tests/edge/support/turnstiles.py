"""Turnstiles led into a phase by what people do."""

from edge.stations import turnstile
from tests.edge.support.portals import Portal

AWAY, HOME = True, False


def at_rest(*, exit_arm: bool = False, **settings: int) -> Portal:
    """A turnstile whose arm is at home."""
    portal = Portal(turnstile.KIND, **settings)
    portal.levels({"arm": HOME, "exit_arm": HOME} if exit_arm else {"arm": HOME})
    return portal


def in_phase(phase: str) -> Portal:
    """A turnstile led into a phase by what people do."""
    portal = at_rest()
    if phase in ("unlocked", "turning", "jammed"):
        portal.badge()
    if phase in ("turning", "jammed", "forced"):
        portal.edge("arm", AWAY)
    if phase == "jammed":
        portal.wait(8_000)
    if phase == "released":
        portal.emergency()
    assert portal.phase == phase
    portal.records.clear()
    return portal


def holders(portal: Portal, kind: str) -> list[str]:
    return [record.data["holder"] for record in portal.records if record.kind == kind]
