"""What holds of every portal whatever happens at it, in any order."""

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
from edge.stations import door, turnstile
from tests.edge.support.doors import DOORS, closed, wants_out
from tests.edge.support.every_portal import PORTALS
from tests.edge.support.orders import OPENS
from tests.edge.support.portals import ANNA, BEN, Portal, PortalCase, decision, holders
from tests.edge.support.turnstiles import at_rest


def inputs(case: PortalCase) -> st.SearchStrategy[Any]:
    names = st.sampled_from([*case.kind.inputs])
    return st.one_of(
        st.builds(
            decision,
            st.sampled_from([None, ANNA, BEN]),
            st.sampled_from(["in", "out"]),
            st.sampled_from(list(Reason)),
        ),
        st.builds(Edge, names | st.just("else"), st.booleans()),
        st.builds(Due, st.sampled_from([*sorted(case.wakes), "else"])),
        st.builds(Emergency, st.booleans()),
        st.builds(Levels, st.dictionaries(names, st.booleans())),
        st.builds(CannotRecord, st.text(string.ascii_lowercase, max_size=5)),
        st.builds(ModeChanged, st.sampled_from(list(Mode)), st.just(7)),
        st.just(OPENS),
    )


def _enters(happened: Any) -> bool:
    """Whether this lets somebody in."""
    if isinstance(happened, Decided):
        return happened.direction == "in" and TABLE[happened.decision.reason].allows
    return isinstance(happened, CommandReceived)


class AnyPortal(RuleBasedStateMachine):
    """Whatever happens at a portal, in whatever order, late wake-ups included."""

    case: PortalCase
    inputs: st.SearchStrategy[Any]

    def __init__(self) -> None:
        super().__init__()
        self.portal = Portal(self.case.kind, still_after=2)

    @rule(data=st.data())
    def something_happens(self, data: st.DataObject) -> None:
        happened = data.draw(self.inputs)
        before = self.portal.state
        if before.mode in BARRING and _enters(happened):
            return  # the rule lets nobody in
        again = self.case.kind.step(before, happened, self.portal.now_ms)
        if isinstance(happened, Due):
            self.portal.wakes.pop(happened.name, None)
        effects = self.portal.take(happened)
        assert again == (self.portal.state, effects)
        self._moved_by_the_table(before, happened)
        if any(isinstance(effect, Drive) for effect in effects):
            opens = isinstance(happened, Decided) and TABLE[happened.decision.reason].allows
            held = self.portal.state.released_by == {HELD_OPEN}
            ordered = isinstance(happened, CommandReceived | ModeChanged)
            assert held or opens or ordered or self.case.may_drive(before, happened)
            assert held or self.portal.phase != "released"
        if self.case is DOORS and wants_out(happened):
            assert "lock" in self.portal.driven or self.portal.state.released_by - {HELD_OPEN}

    def _moved_by_the_table(self, before: Any, happened: Any) -> None:
        after = self.portal.phase
        if before.phase != after and not isinstance(happened, Levels):
            moves = {end for (phase, _), end in self.case.step.table.items() if phase == before.phase}
            # One that is no longer free may stand open, or be in the middle of a turn.
            assert after in moves or (before.phase, after) in {("released", "open"), ("released", "turning")}

    @rule(ms=st.integers(0, 40_000))
    def time_passes(self, ms: int) -> None:
        self.portal.wait(ms)

    @invariant()
    def it_is_held_open_by_its_mode_and_nothing_else(self) -> None:
        state = self.portal.state
        assert (HELD_OPEN in state.released_by) == (state.mode is Mode.HOLD_OPEN)
        assert (state.phase == "released") == bool(state.released_by)

    @invariant()
    def where_nobody_may_enter_nobody_is_awaited(self) -> None:
        state = self.portal.state
        assert state.mode not in BARRING or all(who.direction == "out" for who in state.awaited)
        assert len(state.awaited) <= self.case.most

    @invariant()
    def what_holds_of_the_kind_holds(self) -> None:
        self.case.check(self.portal)

    @invariant()
    def wake_ups_and_faults_are_known_ones(self) -> None:
        assert set(self.portal.wakes) <= self.case.wakes
        assert self.portal.faults <= self.case.faults


for _case in PORTALS:
    _machine: Any = type(f"Any{_case.kind.name.title()}", (AnyPortal,), {"case": _case, "inputs": inputs(_case)})
    globals()[f"TestAny{_case.kind.name.title()}"] = _machine.TestCase


@given(st.lists(st.one_of(st.sampled_from(["badge", "open", "shut", "button"]), st.integers(1, 8_000)), max_size=60))
def test_every_badge_at_a_door_ends_once(story: list[str | int]) -> None:
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


@given(st.lists(st.one_of(st.sampled_from(["badge", "away", "home"]), st.integers(1, 10_000)), max_size=60))
def test_every_badge_at_a_turnstile_ends_once(story: list[str | int]) -> None:
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
