"""A roll-out goes to its canary first, to the others then, and stops by itself."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cloud.fleet.rollouts import CANARY_WITHIN_MS, Leg, Rollout, apply_reports, due, sent, stop, withdrawn
from contract.messages import Reported

DEVICES = ("east-gate", "west-gate", "hub-door")
STARTED_MS = 1_795_363_200_000
ENDS = {"applied", "kept", "refused", "reverted"}


def begun(*names: str) -> Rollout:
    return Rollout("r1", "lin", "Longer for the pram", names[0], STARTED_MS, tuple(Leg(name, "new") for name in names))


def states(rollout: Rollout) -> list[str]:
    return [leg.state for leg in rollout.legs]


def send(rollout: Rollout, number: int = 5) -> Rollout:
    for leg in due(rollout):
        rollout = sent(rollout, leg.device, number, "old")
    return rollout


def applied(number: int = 5) -> Reported:
    return Reported(number, "applied", STARTED_MS)


def test_the_canary_alone_is_sent_it_first() -> None:
    rollout = send(begun(*DEVICES))
    assert states(rollout) == ["sent", "unsent", "unsent"]
    assert send(apply_reports(rollout, {}, STARTED_MS)) == rollout


def test_once_the_canary_has_kept_it_the_others_are_sent_it_and_then_all_is_done() -> None:
    rollout = send(apply_reports(send(begun(*DEVICES)), {"east-gate": applied()}, STARTED_MS))
    assert (rollout.state, states(rollout)) == ("rest", ["applied", "sent", "sent"])
    rollout = apply_reports(rollout, {name: applied() for name in DEVICES}, STARTED_MS + 9)
    assert (rollout.state, rollout.ended_ms) == ("done", STARTED_MS + 9)


def test_a_single_device_is_its_own_canary() -> None:
    assert apply_reports(send(begun("east-gate")), {"east-gate": applied()}, STARTED_MS).state == "done"


def test_a_report_on_an_older_document_says_nothing() -> None:
    rollout = send(begun(*DEVICES))
    assert apply_reports(rollout, {"east-gate": applied(4)}, STARTED_MS) == rollout


def test_a_newer_document_that_carries_the_wiring_along_counts() -> None:
    assert apply_reports(send(begun("east-gate")), {"east-gate": applied(6)}, STARTED_MS).state == "done"


def test_a_canary_that_reverts_stops_it_and_nobody_else_is_touched() -> None:
    before = send(begun(*DEVICES))
    report = Reported(5, "reverted", STARTED_MS, why="The keeper was not heard.")
    after = apply_reports(before, {"east-gate": report}, STARTED_MS)
    assert (after.state, after.why) == ("stopped", "east-gate: The keeper was not heard.")
    assert states(after) == ["reverted", "kept", "kept"]
    assert [leg.device for leg in withdrawn(before, after)] == ["east-gate"]
    assert (due(after), withdrawn(after, after)) == ([], [])


def test_a_refusal_among_the_others_takes_back_what_was_not_applied() -> None:
    before = send(apply_reports(send(begun(*DEVICES)), {"east-gate": applied()}, STARTED_MS))
    after = apply_reports(before, {"west-gate": Reported(5, "refused", STARTED_MS, why="No such pin.")}, STARTED_MS)
    assert states(after) == ["applied", "refused", "kept"]
    assert [(leg.device, leg.former) for leg in withdrawn(before, after)] == [("west-gate", "old"), ("hub-door", "old")]


def test_a_canary_that_waits_is_waited_for_but_not_for_ever() -> None:
    rollout = send(begun(*DEVICES))
    waits = {"east-gate": Reported(5, "waiting", STARTED_MS, why="Waits until nobody passes.")}
    rollout = apply_reports(rollout, waits, STARTED_MS + CANARY_WITHIN_MS - 1)
    assert (rollout.state, rollout.legs[0].why) == ("canary", "Waits until nobody passes.")
    late = apply_reports(rollout, waits, STARTED_MS + CANARY_WITHIN_MS)
    assert (late.state, states(late)) == ("stopped", ["kept", "kept", "kept"])
    assert late.why == "east-gate has not applied it within 60 minutes"


def test_a_device_that_is_away_holds_up_nobody_but_itself() -> None:
    rollout = send(apply_reports(send(begun(*DEVICES)), {"east-gate": applied()}, STARTED_MS))
    later = apply_reports(rollout, {"west-gate": applied()}, STARTED_MS + 100 * CANARY_WITHIN_MS)
    assert (later.state, states(later)) == ("rest", ["applied", "applied", "sent"])


def test_a_person_stops_it_once() -> None:
    before = send(begun(*DEVICES))
    after = stop(before, "wrong building", STARTED_MS + 1)
    assert (after.state, after.why, states(after)) == ("stopped", "wrong building", ["kept", "kept", "kept"])
    assert stop(after, "again", STARTED_MS + 2) == after
    done = apply_reports(send(begun("east-gate")), {"east-gate": applied()}, STARTED_MS)
    assert stop(done, "too late", STARTED_MS + 2) == done


class AnyRollout(RuleBasedStateMachine):
    """Devices report whatever they like whenever they like, and people stop it."""

    @initialize(count=st.integers(1, 3))
    def begin(self, count: int) -> None:
        self.rollout = begun(*DEVICES[:count])
        self.now_ms = STARTED_MS
        self.number = 0
        self.canary_kept_it = False
        self.reports: dict[str, Reported] = {}
        self.taken_back: set[str] = set()

    def become(self, rollout: Rollout) -> None:
        before, self.rollout = self.rollout, rollout
        self.taken_back |= {leg.device for leg in withdrawn(before, rollout)}
        self.canary_kept_it |= rollout.legs[0].state == "applied"

    @rule()
    def send_what_is_due(self) -> None:
        assert self.rollout.live or not due(self.rollout)
        for leg in due(self.rollout):
            assert leg.device == DEVICES[0] or self.canary_kept_it
            self.number += 1
            self.become(sent(self.rollout, leg.device, self.number, "old"))

    @rule(
        device=st.sampled_from(DEVICES),
        status=st.sampled_from(["applied", "waiting", "trying", "refused", "reverted"]),
        number=st.integers(0, 4),
    )
    def report(self, device: str, status: str, number: int) -> None:
        self.reports[device] = Reported(number, status, self.now_ms, why="so")  # type: ignore[arg-type]

    @rule(passes_ms=st.sampled_from([0, 1_000, CANARY_WITHIN_MS]))
    def look(self, passes_ms: int) -> None:
        self.now_ms += passes_ms
        self.become(apply_reports(self.rollout, self.reports, self.now_ms))

    @precondition(lambda self: self.rollout.live)
    @rule()
    def somebody_stops_it(self) -> None:
        self.become(stop(self.rollout, "stop", self.now_ms))

    @invariant()
    def no_more_than_the_canary_before_it_kept_it(self) -> None:
        others = [leg.state for leg in self.rollout.legs[1:]]
        assert self.canary_kept_it or not {"sent", "applied", "refused", "reverted"} & set(others)

    @invariant()
    def what_is_over_leaves_every_device_with_an_end(self) -> None:
        assert self.rollout.live or set(states(self.rollout)) <= ENDS
        assert (self.rollout.ended_ms is None) == self.rollout.live

    @invariant()
    def what_was_sent_and_not_applied_is_taken_back(self) -> None:
        if self.rollout.state == "stopped":
            assert self.taken_back == {leg.device for leg in self.rollout.legs if leg.number and leg.state != "applied"}
        else:
            assert not self.taken_back


TestAnyRollout = AnyRollout.TestCase
TestAnyRollout.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
