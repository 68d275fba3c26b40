"""A charging post under all that posts do: no transaction twice, no energy twice or backwards, none in a fire."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from contract.reasons import Reason
from edge.archetypes.protocol import CannotRecord, CloudAuthenticated, QuotaSpent, TimeOfDay
from edge.stations.ev_post.messages import (
    Done,
    Left,
    ListVersion,
    SetOperative,
    StartRemotely,
    StopRemotely,
    UpdateList,
)
from tests.edge.support.orders import stops
from tests.edge.support.posts import ANNA, BEN, STRANGER, Rig, ordered

MINUTE_MS = 60_000
TAGS = st.sampled_from([ANNA, BEN, STRANGER, "not a card"])


class Told:
    """One transaction as the post knows it."""

    def __init__(self, tag: str, at_ms: int, meter_wh: int) -> None:
        self.tag, self.at_ms, self.meter_wh = tag, at_ms, meter_wh
        self.number = ""
        self.end: tuple[int, int, str] | None = None


class Post(RuleBasedStateMachine):
    """A post that repeats itself, loses its power and its line, and tells of everything some time."""

    def __init__(self) -> None:
        super().__init__()
        self.rig = Rig()
        self.meter_wh = 1000
        self.untold: list[Told] = []
        self.told: list[Told] = []
        self.runs: Told | None = None
        self.drawn_wh = self.restarts = 0
        self.ordered = ""
        self.rig.connect()

    @property
    def connected(self) -> bool:
        return self.rig.state.here is not None

    @rule(minutes=st.integers(1, 300))
    def time_passes(self, minutes: int) -> None:
        if self.runs is not None:
            self.meter_wh += minutes * 100
        self.rig.wait(minutes * MINUTE_MS, beats=self.connected)

    @precondition(lambda self: self.runs is None)
    @rule(tag=TAGS)
    def begin(self, tag: str) -> None:
        self.runs = Told(tag, self.rig.wall_ms, self.meter_wh)
        self.untold.append(self.runs)

    @precondition(lambda self: self.runs is None and self.ordered)
    @rule()
    def begin_as_ordered(self) -> None:
        self.begin(self.ordered)

    @rule()
    def the_disk_does_not_write(self) -> None:
        self.rig.take(CannotRecord("ocpp"))

    @precondition(lambda self: self.runs is not None)
    @rule(reason=st.sampled_from(["EVDisconnected", "PowerLoss", "Local", "Remote"]))
    def end(self, reason: str) -> None:
        assert self.runs is not None
        self.drawn_wh += self.meter_wh - self.runs.meter_wh
        self.runs.end = self.rig.wall_ms, self.meter_wh, reason
        self.runs = None

    @precondition(lambda self: self.connected and self.untold)
    @rule(times=st.integers(1, 3), knows=st.booleans())
    def tell(self, times: int, knows: bool) -> None:
        """Tell of the oldest that is untold, as often as it takes; perhaps without knowing its number."""
        one = self.untold[0]
        numbers = {self.rig.begin(one.tag, one.meter_wh, at_ms=one.at_ms).transaction for _ in range(times)}
        assert len(numbers) == 1
        (one.number,) = numbers
        if one.end is not None:
            self._tell_end(one, times, knows)
        self.untold.remove(one)
        self.told.append(one)

    @precondition(lambda self: self.connected and any(one.end for one in self.told))
    @rule(times=st.integers(1, 2))
    def tell_ends(self, times: int) -> None:
        for one in self.told:
            if one.end is not None:
                self._tell_end(one, times, True)

    def _tell_end(self, one: Told, times: int, knows: bool) -> None:
        assert one.end is not None
        at_ms, meter_wh, reason = one.end
        for _ in range(times):
            number = one.number if knows else "-1"
            assert self.rig.stop(number, meter_wh, reason, at_ms=at_ms).word == "accepted"
            knows = True

    @precondition(lambda self: self.connected and self.runs is not None and self.runs.number)
    @rule()
    def meter(self) -> None:
        assert self.runs is not None
        self.rig.meter(self.runs.number, self.meter_wh)

    @rule(number=st.sampled_from(["", "-1", "4711"]), energy_wh=st.integers(0, 10), power_w=st.sampled_from([0, 7000]))
    def meter_of_nobody(self, number: str, energy_wh: int, power_w: int) -> None:
        if self.connected and self.runs is None:
            self.rig.meter(number, energy_wh, power_w)

    @rule(tag=TAGS)
    def show_a_card(self, tag: str) -> None:
        if self.connected:
            self.rig.card(tag)

    @rule()
    def lose_the_line(self) -> None:
        self.rig.hear(Left())

    @rule(booted=st.booleans(), replaced=st.booleans())
    def connect(self, booted: bool, replaced: bool) -> None:
        self.rig.connect(booted=booted, replaced=replaced)
        self.rig.status("charging" if self.runs else "available")

    @rule(status=st.sampled_from(["available", "occupied", "charging", "sated", "suspended", "faulted"]))
    def status(self, status: str) -> None:
        if self.connected:
            self.rig.status(status)

    @rule(age=st.booleans())
    def restart(self, age: bool) -> None:
        self.restarts += 1
        self.rig.restart(knows_age=age)

    @rule(active=st.booleans(), cause=st.sampled_from(["fire", "smoke", "estop", "drill"]))
    def emergency(self, active: bool, cause: str) -> None:
        self.rig.emergency(active, cause)

    @rule(tag=TAGS, told=st.booleans())
    def at_a_reader(self, tag: str, told: bool) -> None:
        self.rig.take(self.rig.decided(tag, told=ordered("1") if told else None))

    @rule(reason=st.sampled_from([None, Reason.SUSPENDED, Reason.QUOTA_SPENT]))
    def roster_changes(self, reason: Reason | None) -> None:
        self.rig.reasons = {} if reason is None else {ANNA: reason}
        self.rig.roster += 1
        self.rig.take(CloudAuthenticated())

    @rule(minute=st.integers(0, 1439))
    def hour(self, minute: int) -> None:
        self.rig.take(TimeOfDay(minute))

    @rule()
    def stop(self) -> None:
        self.rig.take(QuotaSpent(str(self.rig.report.live.get("session"))))
        self.rig.take(stops(self.rig.report, "2"))

    @rule(how=st.sampled_from(["accepted", "rejected", "version_mismatch", "timeout"]))
    def orders_are_answered(self, how: str) -> None:
        orders = [
            one for kind in (UpdateList, StopRemotely, StartRemotely, SetOperative) for one in self.rig.orders(kind)
        ]
        self.ordered = next((one.tag for one in orders if isinstance(one, StartRemotely)), self.ordered)
        if self.connected:
            for order in orders:
                self.rig.hear(Done(order.order, how))
            self.rig.hear(ListVersion(3))

    @invariant()
    def nobody_is_served_in_an_emergency(self) -> None:
        if self.rig.state.emergency:
            assert self.rig.report.faulted
            assert self.rig.report.phase == "emergency"

    @invariant()
    def at_most_one_transaction_runs(self) -> None:
        assert sum(not (one.over or one.late) for one in self.rig.state.book.transactions) <= 1

    @invariant()
    def each_session_begins_and_ends_once(self) -> None:
        begun = [data["session"] for data in self.rig.told("session.started")]
        assert len(begun) == len(set(begun))
        # Each start of the agent writes the last end again, for nobody knows whether it was written in time.
        assert len(self.rig.told("session.ended")) <= len(begun) + self.restarts
        ends = {(data["session"], data["energy_wh"], data["reason"]) for data in self.rig.told("session.ended")}
        assert len(ends) == len({session for session, _, _ in ends}) <= len(begun)

    @invariant()
    def no_energy_is_counted_twice_or_backwards(self) -> None:
        spent_wh = {data["session"]: data["energy_wh"] for data in self.rig.told("session.ended")}
        spent_wh |= {data["session"]: data["energy_wh"] for data in self.rig.told("ev_post.late_end")}
        assert all(energy_wh >= 0 for energy_wh in spent_wh.values())
        running_wh = 0 if self.runs is None else self.meter_wh - self.runs.meter_wh
        assert sum(spent_wh.values()) <= self.drawn_wh + running_wh

    @invariant()
    def what_is_kept_stays_small(self) -> None:
        assert len(self.rig.kept) < 64 * 1024


TestPost = Post.TestCase
TestPost.settings = settings(max_examples=60, stateful_step_count=40)
