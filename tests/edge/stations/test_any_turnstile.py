"""What holds of a turnstile whatever happens at it, in any order."""

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
    HOLD_LEASE_MS,
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
from edge.stations import turnstile
from tests.edge.support.orders import OPENS
from tests.edge.support.portals import ANNA, BEN, Portal, decision
from tests.edge.support.turnstiles import at_rest, holders

INPUTS = st.one_of(
    st.builds(
        decision,
        st.sampled_from([None, ANNA, BEN]),
        st.sampled_from(["in", "out"]),
        st.sampled_from(list(Reason)),
    ),
    st.builds(Edge, st.sampled_from([*turnstile.KIND.inputs, "else"]), st.booleans()),
    st.builds(Due, st.sampled_from(["relock", "next", "leave", "jam", "hold_open", "else"])),
    st.builds(Emergency, st.booleans()),
    st.builds(Levels, st.dictionaries(st.sampled_from([*turnstile.KIND.inputs]), st.booleans())),
    st.builds(CannotRecord, st.text(string.ascii_lowercase, max_size=5)),
    st.builds(ModeChanged, st.sampled_from(list(Mode)), st.just(7)),
    st.just(OPENS),
)


def _enters(happened: Any) -> bool:
    """Whether this lets somebody in."""
    if isinstance(happened, Decided):
        return happened.direction == "in" and TABLE[happened.decision.reason].allows
    return isinstance(happened, CommandReceived)


class AnyTurnstile(RuleBasedStateMachine):
    """Whatever happens at a turnstile, in whatever order, late wake-ups included."""

    def __init__(self) -> None:
        super().__init__()
        self.portal = Portal(turnstile.KIND, still_after=2)

    @rule(happened=INPUTS)
    def something_happens(self, happened: Any) -> None:
        before = self.portal.state
        if before.mode in BARRING and _enters(happened):
            return  # the rule lets nobody in
        again = turnstile.KIND.step(before, happened, self.portal.now_ms)
        if isinstance(happened, Due):
            self.portal.wakes.pop(happened.name, None)
        effects = self.portal.take(happened)
        assert again == (self.portal.state, effects)
        if any(isinstance(effect, Drive) for effect in effects):
            opens = isinstance(happened, Decided) and TABLE[happened.decision.reason].allows
            held = self.portal.state.released_by == {HELD_OPEN}
            ordered = isinstance(happened, CommandReceived | ModeChanged)
            assert held or opens or ordered or (happened == Due("next") and before.awaited)
            assert held or self.portal.phase in ("unlocked", "jammed")
        if before.phase != self.portal.phase and not isinstance(happened, Levels):
            moves = {after for (phase, _), after in turnstile.NEXT.items() if phase == before.phase}
            # An arm that is no longer free may be in the middle of a turn.
            assert self.portal.phase in moves or (before.phase, self.portal.phase) == ("released", "turning")

    @rule(ms=st.integers(0, 10_000))
    def time_passes(self, ms: int) -> None:
        self.portal.wait(ms)

    @invariant()
    def the_lock_is_driven_only_while_a_relock_is_awaited(self) -> None:
        portal = self.portal
        if portal.state.released_by == {HELD_OPEN}:
            assert "hold_open" in portal.wakes
            assert portal.wakes["hold_open"] < portal.driven.get("unlock", portal.now_ms + HOLD_LEASE_MS)
            # At rest only for the moment in which the machine takes note of it.
            assert "unlock" in portal.driven or portal.wakes["hold_open"] <= portal.now_ms + 200
        elif "unlock" in portal.driven:
            assert portal.wakes["relock"] < portal.driven["unlock"]
            assert portal.phase in ("unlocked", "jammed")
        assert (portal.phase == "unlocked") <= ("unlock" in portal.driven)

    @invariant()
    def the_queue_is_bounded_and_nobody_waits_for_nothing(self) -> None:
        state = self.portal.state
        assert max(len(state.awaited), len(state.leaving)) <= turnstile.MAX_QUEUE
        assert not state.awaited or state.phase in ("unlocked", "turning", "forced") or "next" in self.portal.wakes
        assert state.awaited or state.phase != "unlocked"
        assert state.turning is None or state.phase == "turning"
        assert not state.leaving or "leave" in self.portal.wakes

    @invariant()
    def an_arm_is_held_open_by_its_mode_and_nothing_else(self) -> None:
        state = self.portal.state
        assert (HELD_OPEN in state.released_by) == (state.mode is Mode.HOLD_OPEN)

    @invariant()
    def where_nobody_may_enter_nobody_is_awaited(self) -> None:
        state = self.portal.state
        assert state.mode not in BARRING or all(who.direction == "out" for who in state.awaited)

    @invariant()
    def a_turn_is_watched(self) -> None:
        assert (self.portal.phase in ("turning", "forced")) == ("jam" in self.portal.wakes)

    @invariant()
    def the_next_is_awaited_only_while_somebody_waits_at_an_arm_that_settles(self) -> None:
        assert "next" not in self.portal.wakes or (self.portal.phase == "rest" and self.portal.state.awaited)

    @invariant()
    def wake_ups_and_faults_are_known_ones(self) -> None:
        assert set(self.portal.wakes) <= {"relock", "next", "leave", "jam", "hold_open"}
        assert self.portal.faults <= {"arm_still", "jammed"}


TestAnyTurnstile = AnyTurnstile.TestCase


@given(st.lists(st.one_of(st.sampled_from(["badge", "away", "home"]), st.integers(1, 10_000)), max_size=60))
def test_every_allowed_badge_ends_in_one_passage_or_none(story: list[str | int]) -> None:
    portal, badges, turned = at_rest(), 0, False
    for event in [*story, 60_000, "home", 60_000, "away", "home", 60_000]:
        if isinstance(event, int):
            portal.wait(event)
        elif event == "badge" and not turnstile.KIND.report(portal.state).busy:
            badges += portal.phase != "jammed"
            portal.badge(bytes([badges]) * 16)
        elif event in ("away", "home") and turned != (event == "away"):
            turned = event == "away"
            portal.edge("arm", turned)
    ended = holders(portal, "access.passed") + holders(portal, "access.not_entered")
    assert len(ended) == len(set(ended)) == badges
