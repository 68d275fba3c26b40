"""Doors led into a phase by what people do."""

from edge.archetypes.portal import HELD_OPEN
from edge.archetypes.protocol import Edge, Input, Levels
from edge.stations import door
from tests.edge.support.portals import BEN, Portal, PortalCase

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


def trigger(portal: Portal, name: str) -> None:
    """Cause what a trigger of the table stands for."""
    if name == "unlock":
        portal.badge(BEN)
    elif name == "opened":
        portal.edge("contact", OPEN)
    elif name == "caught":
        portal.badge()
        portal.edge("contact", OPEN)
        portal.edge("contact", SHUT)
        portal.wait(999)
        portal.edge("contact", OPEN)
    elif name == "shut":
        portal.edge("contact", SHUT)
    elif name == "shut_unlocked":
        portal.badge(BEN)
        portal.edge("contact", SHUT)
    elif name == "relock":
        portal.wait(5_000)
    elif name == "hold":
        portal.wait(30_000)
    else:
        portal.emergency(name == "release")


def _pass_through(portal: Portal) -> None:
    portal.edge("contact", OPEN)
    portal.edge("contact", SHUT)


def wants_out(happened: Input) -> bool:
    """Whether somebody presses the exit button, or is found to."""
    if isinstance(happened, Levels):
        return happened.active.get("exit_button", False)
    return bool(happened == Edge("exit_button", True))


def _check(portal: Portal) -> None:
    """The lock is driven while its relock is awaited or the door is held open, and the phase fits leaf and lock."""
    state, held = portal.state, portal.state.released_by == {HELD_OPEN}
    if "lock" in portal.driven:
        assert portal.wakes["hold_open" if held else "relock"] < portal.driven["lock"]
    assert (state.unlocked or held) == ("lock" in portal.driven)
    if state.phase == "unlocked":
        assert "relock" in portal.wakes
        assert state.unlocked
        assert not state.leaf_open
    if state.phase == "closed":
        assert not state.leaf_open
        assert not state.unlocked
    if state.phase in ("open", "held", "forced"):
        assert state.leaf_open
    assert state.phase == "unlocked" or not (state.awaited or state.button)


DOORS = PortalCase(
    door.KIND,
    door.DoorStep,
    WIRED,
    door.MAX_PASSERS,
    "contact_still",
    in_phase,
    trigger,
    _pass_through,
    {"relock", "warn", "hold", "button_stuck", "hold_open"},
    {"exit_button_stuck", "contact_reversed", "contact_still"},
    lambda _before, happened: wants_out(happened),
    _check,
)
