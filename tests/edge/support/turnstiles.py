"""Turnstiles led into a phase by what people do."""

from edge.archetypes.portal import HELD_OPEN
from edge.archetypes.protocol import HOLD_LEASE_MS, Due
from edge.stations import turnstile
from tests.edge.support.portals import BEN, Portal, PortalCase

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


def trigger(portal: Portal, name: str) -> None:
    """Cause what a trigger of the table stands for."""
    if name == "unlock":
        portal.badge(BEN)
    elif name in ("left", "home"):
        portal.edge("arm", AWAY if name == "left" else HOME)
    elif name == "relock":
        portal.wait(5_000)
    elif name == "jam":
        portal.wait(8_000)
    else:
        portal.emergency(name == "release")


def _pass_through(portal: Portal) -> None:
    portal.edge("arm", AWAY)
    portal.edge("arm", HOME)


def _check(portal: Portal) -> None:
    """The lock is driven while its relock is awaited or the arm is held open, and nobody waits for nothing."""
    state = portal.state
    if state.released_by == {HELD_OPEN}:
        assert "hold_open" in portal.wakes
        assert portal.wakes["hold_open"] < portal.driven.get("unlock", portal.now_ms + HOLD_LEASE_MS)
        # At rest only for the moment in which the machine takes note of it.
        assert "unlock" in portal.driven or portal.wakes["hold_open"] <= portal.now_ms + 200
    elif "unlock" in portal.driven:
        assert portal.wakes["relock"] < portal.driven["unlock"]
        assert portal.phase in ("unlocked", "jammed")
    assert (portal.phase == "unlocked") <= ("unlock" in portal.driven)
    assert len(state.leaving) <= turnstile.MAX_QUEUE
    assert not state.awaited or state.phase in ("unlocked", "turning", "forced") or "next" in portal.wakes
    assert state.awaited or state.phase != "unlocked"
    assert state.turning is None or state.phase == "turning"
    assert not state.leaving or "leave" in portal.wakes
    assert (portal.phase in ("turning", "forced")) == ("jam" in portal.wakes)
    assert "next" not in portal.wakes or (portal.phase == "rest" and state.awaited)


TURNSTILES = PortalCase(
    turnstile.KIND,
    turnstile.TurnstileStep,
    {"arm": HOME},
    turnstile.MAX_QUEUE,
    "arm_still",
    in_phase,
    trigger,
    _pass_through,
    {"relock", "next", "leave", "jam", "hold_open"},
    {"arm_still", "jammed"},
    lambda before, happened: happened == Due("next") and bool(before.awaited),
    _check,
)
