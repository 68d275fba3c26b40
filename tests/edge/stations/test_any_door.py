"""What holds of a door whatever happens at it, in any order."""

import string
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contract.decide import Mode
from contract.reasons import TABLE, Reason
from edge.archetypes.portal import HELD_OPEN
from edge.archetypes.protocol import (
    BARRING,
    CannotRecord,
    CommandReceived,
    Decided,
    Drive,
    Due,
    Edge,
    Emergency,
    Levels,
    ModeChanged,
)
from edge.stations import door
from tests.edge.support.doors import closed
from tests.edge.support.orders import OPENS
from tests.edge.support.portals import ANNA, BEN, Portal, decision

FAULTS = {"exit_button_stuck", "contact_reversed", "contact_still"}


INPUTS = st.one_of(
    st.builds(
        decision,
        st.sampled_from([None, ANNA, BEN]),
        st.sampled_from(["in", "out"]),
        st.sampled_from(list(Reason)),
    ),
    st.builds(Edge, st.sampled_from([*door.KIND.inputs, "else"]), st.booleans()),
    st.builds(Due, st.sampled_from(["relock", "warn", "hold", "button_stuck", "hold_open", "else"])),
    st.builds(Emergency, st.booleans()),
    st.builds(Levels, st.dictionaries(st.sampled_from([*door.KIND.inputs]), st.booleans())),
    st.builds(CannotRecord, st.text(string.ascii_lowercase, max_size=5)),
    st.builds(ModeChanged, st.sampled_from(list(Mode)), st.just(7)),
    st.just(OPENS),
)


def _enters(happened: Any) -> bool:
    """Whether this lets somebody in."""
    if isinstance(happened, Decided):
        return happened.direction == "in" and TABLE[happened.decision.reason].allows
    return isinstance(happened, CommandReceived)


def _wants_out(happened: Any) -> bool:
    """Whether somebody presses the exit button, or is found to."""
    if isinstance(happened, Levels):
        return happened.active.get("exit_button", False)
    return bool(happened == Edge("exit_button", True))


class AnyDoor(RuleBasedStateMachine):
    """Whatever happens at a door, in whatever order, late wake-ups included."""

    def __init__(self) -> None:
        super().__init__()
        self.portal = Portal(door.KIND, still_after=2)

    @rule(happened=INPUTS)
    def something_happens(self, happened: Any) -> None:
        before = self.portal.state
        if before.mode in BARRING and _enters(happened):
            return  # the rule lets nobody in
        again = door.KIND.step(before, happened, self.portal.now_ms)
        if isinstance(happened, Due):
            self.portal.wakes.pop(happened.name, None)
        effects = self.portal.take(happened)
        assert again == (self.portal.state, effects)
        if before.phase != self.portal.phase and not isinstance(happened, Levels):
            moves = {after for (phase, _), after in door.NEXT.items() if phase == before.phase}
            # A door that is no longer free is open if the leaf is.
            assert self.portal.phase in moves or (before.phase, self.portal.phase) == ("released", "open")
        if any(isinstance(effect, Drive) for effect in effects):
            opens = isinstance(happened, Decided) and TABLE[happened.decision.reason].allows
            held = self.portal.state.released_by == {HELD_OPEN}
            assert held or opens or isinstance(happened, CommandReceived | ModeChanged) or _wants_out(happened)
            assert held or self.portal.phase != "released"
        if _wants_out(happened):
            assert "lock" in self.portal.driven or self.portal.state.released_by - {HELD_OPEN}

    @rule(ms=st.integers(0, 40_000))
    def time_passes(self, ms: int) -> None:
        self.portal.wait(ms)

    @invariant()
    def the_lock_is_driven_only_while_a_relock_is_awaited(self) -> None:
        portal = self.portal
        held = portal.state.released_by == {HELD_OPEN}
        if "lock" in portal.driven:
            assert portal.wakes["hold_open" if held else "relock"] < portal.driven["lock"]
        assert (portal.state.unlocked or held) == ("lock" in portal.driven)

    @invariant()
    def a_door_is_held_open_by_its_mode_and_nothing_else(self) -> None:
        state = self.portal.state
        assert (HELD_OPEN in state.released_by) == (state.mode is Mode.HOLD_OPEN)

    @invariant()
    def where_nobody_may_enter_nobody_is_awaited(self) -> None:
        state = self.portal.state
        assert state.mode not in BARRING or all(who.direction == "out" for who in state.awaited)

    @invariant()
    def the_phase_fits_the_leaf_and_the_lock(self) -> None:
        state = self.portal.state
        if state.phase == "unlocked":
            assert "relock" in self.portal.wakes
            assert state.unlocked
            assert not state.leaf_open
        if state.phase == "closed":
            assert not state.leaf_open
            assert not state.unlocked
        if state.phase in ("open", "held", "forced"):
            assert state.leaf_open
        assert (state.phase == "released") == bool(state.released_by)

    @invariant()
    def nobody_waits_at_a_door_that_is_not_unlocked(self) -> None:
        state = self.portal.state
        assert len(state.awaited) <= door.MAX_PASSERS
        assert state.phase == "unlocked" or not (state.awaited or state.button)

    @invariant()
    def wake_ups_and_faults_are_known_ones(self) -> None:
        assert set(self.portal.wakes) <= {"relock", "warn", "hold", "button_stuck", "hold_open"}
        assert self.portal.faults <= FAULTS


TestAnyDoor = AnyDoor.TestCase


@given(st.lists(st.one_of(st.sampled_from(["badge", "open", "shut", "button"]), st.integers(1, 8_000)), max_size=60))
def test_every_allowed_badge_ends_in_one_passage_or_none(story: list[str | int]) -> None:
    """As long as nobody frees the door otherwise: no entry is counted twice, none is forgotten."""
    portal, badges = closed(), 0
    for event in [*story, 60_000]:
        if isinstance(event, int):
            portal.wait(event)
        elif event == "badge":
            badges += 1
            portal.badge(bytes([badges]) * 16)
        elif event == "button":
            portal.edge("exit_button", True)
        else:
            portal.edge("contact", event == "shut")
    ended = [
        record.data["holder"] for record in portal.records if record.kind in ("access.passed", "access.not_entered")
    ]
    assert len(ended) == len(set(ended))
    assert len(ended) == badges or badges > door.MAX_PASSERS
