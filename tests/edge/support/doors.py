"""Doors led into a phase by what people do."""

from edge.stations import door
from tests.edge.support.portals import Portal

WIRED = {"contact": True, "exit_button": False}
SHUT, OPEN = True, False


def closed(**settings: int) -> Portal:
    """A door with a contact and a button, shut and at rest."""
    portal = Portal(door.KIND, **settings)
    portal.levels(WIRED)
    return portal


def in_phase(phase: str) -> Portal:
    """A door led into a phase by what people do."""
    portal = closed()
    if phase in ("unlocked", "open", "held"):
        portal.badge()
    if phase in ("open", "held", "forced"):
        portal.edge("contact", OPEN)
    if phase == "held":
        portal.wait(30_000)
    if phase == "released":
        portal.emergency()
    assert portal.phase == phase
    portal.records.clear()
    return portal
