"""Whatever happens at a charging socket, in any order: a witness counts for itself, and what may never be is not."""

from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from contract.decide import Mode
from contract.reasons import Reason
from edge.archetypes.power import FROZEN_AFTER_MS
from edge.archetypes.protocol import (
    CannotRecord,
    CloudAuthenticated,
    Drive,
    Due,
    Edge,
    Effect,
    Emergency,
    Input,
    Levels,
    ModeChanged,
    Persist,
    Reading,
    Received,
    Record,
    Rest,
    Restored,
    Spend,
    TimeOfDay,
)
from edge.archetypes.session import Tariff
from edge.stations import socket as kind
from edge.stations.bank import Supply
from tests.contract.allotments import own
from tests.edge.support.orders import stops_session
from tests.edge.support.sockets import ANNA, BEN, CARL, POINT, Socket, ordered

HOLDERS = st.sampled_from([ANNA, BEN, CARL])
ALLOTMENT = own("ebikes", 25, 100)
MOST_MWH = 100_000
LATCHED = {"relay_stuck", "over_temp", "leakage", "kept_unreadable"}


class Witness(Socket):
    """Sees every effect, and knows of the station only what it says and does."""

    def __init__(self, **settings: Any) -> None:
        self.running: str | None = None
        self.begun: set[str] = set()
        self.over: dict[str, float] = {}
        self.latched: set[str] = set()
        self.burning = False
        self.used: dict[str, int] = {}
        self.written: dict[str, int] = {}
        self.jumped = False
        super().__init__(bank="bank-a", tariff=Tariff(idle_fen_per_minute=5, idle_cap_fen=50), **settings)

    def take(self, happened: Input) -> list[Effect]:
        match happened:
            case Edge(name="leakage", active=True):
                self.latched.add("leakage")
            case Reading(instrument="thermometer", values={"temperature_c": celsius}) if celsius >= 70:
                self.latched.add("over_temp")
        effects = super().take(happened)
        for one in [effect for effect in effects if isinstance(effect, Spend)]:
            spent_up = any(one.used[whole.unit] >= whole.parts for whole in ALLOTMENT.quantities)
            if spent_up and self.running == one.session and self.on:
                self.quota_spent(one.session)
                assert not self.on, "on with nothing left"
        return effects

    def _do(self, effect: Effect) -> None:
        match effect:
            case Drive():
                assert self.running, "on without a session"
                assert not self.burning, "on during an emergency"
                assert not self.latched, "on after a fault"
            case Record(kind="session.started", data=data):
                assert self.running is None, "two sessions on a socket"
                assert data["session"] not in self.begun
                self.running = data["session"]
                self.begun.add(self.running)
            case Record(kind="session.full"):
                self.running = None
            case Record(kind="session.ended", data=data):
                self._ended(data)
            case Record(kind="socket.fault", data=data):
                self.latched |= {data["fault"]} & LATCHED
            case Record(kind="socket.fault_cleared", data=data):
                self.latched -= {data["fault"]}
            case Spend():
                assert effect.used["wh"] >= self.used.get(effect.session, 0), "energy backwards"
                self.used[effect.session] = effect.used["wh"]
            case Persist():
                self.written = dict(self.used)
        super()._do(effect)

    def _ended(self, data: dict[str, Any]) -> None:
        session, energy_wh = data["session"], data["energy_wh"]
        assert session in self.begun
        assert self.over.get(session, energy_wh) == energy_wh, "an end that says something else"
        assert energy_wh >= 0
        assert data["receipt"]["fen"] >= 0
        self.over[session] = energy_wh
        self.running = None


CAUSES = st.sampled_from(["fire", "smoke", "estop", "drill", "loop_broken"])
HAPPENINGS = st.one_of(
    st.builds(Emergency, st.booleans(), CAUSES),
    st.builds(Emergency, st.just(True), CAUSES),
    st.builds(Edge, st.sampled_from(["plug", "leakage"]), st.booleans()),
    st.builds(Received, st.just("bank-a"), st.builds(Supply, st.booleans(), st.sampled_from([True, True, False]))),
    st.builds(ModeChanged, st.sampled_from(Mode), st.just(1)),
    st.just(CannotRecord("relay")),
    st.just(CloudAuthenticated()),
    st.builds(TimeOfDay, st.integers(0, 1439)),
    st.builds(
        Due,
        st.sampled_from(
            ["lease", "load", "check", "over_power", "idle", "cool", "reserved", "forget", "meter", "offline"]
        ),
    ),
)
"""What comes over the wires, and wake-ups that nobody asked for."""


class Sockets(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.socket = Witness(levels={"plug": False, "leakage": False})
        self.tickets = 0

    def _ticket(self) -> str:
        self.tickets += 1
        return f"{self.tickets:016x}"

    @initialize(load_w=st.sampled_from([15, 200, 900]), plug=st.booleans())
    def all_is_well_and_somebody_charges(self, load_w: float, plug: bool) -> None:
        """The usual case, so that the rest happens to something."""
        one = self.socket
        one.meter, one.celsius, one.stray_w, one.load_w, one.burning = "good", 25, 0, load_w, False
        one.emergency(active=False)
        one.take(ModeChanged(Mode.SCHEDULED, 1))
        one.supply(live=True)
        one.edge("leakage", False)
        one.edge("plug", plug)
        one.wait(2_000)
        one.tap(CARL, Reason.FAULTED, ticket=self._ticket(), resets=True)
        one.tap(ANNA, ticket=self._ticket(), allotment=ALLOTMENT)
        one.wait(2_000)
        event(one.phase)

    @precondition(lambda self: not self.socket.on)
    @rule(load_w=st.sampled_from([15, 200, 900]), plug=st.booleans())
    def all_is_well_again(self, load_w: float, plug: bool) -> None:
        self.all_is_well_and_somebody_charges(load_w, plug)

    @rule(seconds=st.sampled_from([1, 1, 4, 12, 70, 6 * 60, 31 * 60]))
    def time_goes_by(self, seconds: int) -> None:
        self.socket.wait(seconds * 1_000)

    @rule(happened=HAPPENINGS)
    def something_happens(self, happened: Input) -> None:
        match happened:
            case Emergency(active=active):
                self.socket.burning = active
            case Edge(name=name, active=active):
                self.socket.levels[name] = active
        self.socket.take(happened)

    @rule(is_latest=st.sampled_from([True, True, False]))
    def an_operator_ends_it(self, is_latest: bool) -> None:
        if is_latest:
            self.socket.stop()
        else:
            assert self.socket.take(stops_session("0" * 16)) == []

    @rule(
        load_w=st.sampled_from([0, 1, 5, 20, 200, 1_000, 1_100]),
        meter=st.sampled_from(["good", "good", "good", "silent", "absurd", "low volts", "frozen"]),
        celsius=st.sampled_from([None, 25, 61, 75]),
        stray_w=st.sampled_from([0, 0, 4, 300]),
    )
    def what_is_measured_changes(self, load_w: float, meter: str, celsius: float | None, stray_w: float) -> None:
        one = self.socket
        one.load_w, one.meter, one.celsius, one.stray_w = load_w, meter, celsius, stray_w
        one.wait(2_000)

    @rule(jump_wh=st.sampled_from([-100_000, -50, 50, 100_000]))
    def the_register_jumps(self, jump_wh: float) -> None:
        self.socket.drawn_wh = max(0.0, self.socket.drawn_wh + jump_wh)
        self.socket.jumped = True

    @rule(
        holder=HOLDERS,
        reason=st.none() | st.just(Reason.ALLOWED) | st.sampled_from(Reason),
        told=st.none() | st.just(ordered("c")),
        resets=st.booleans(),
    )
    def somebody_taps(self, holder: bytes, reason: Reason | None, told: dict[str, str] | None, resets: bool) -> None:
        """The rule says what it would, or anything else: it may have been asked a moment too early."""
        self.socket.tap(holder, reason, ticket=self._ticket(), allotment=ALLOTMENT, told=told, resets=resets)

    @rule()
    def the_keeper_comes_back(self) -> None:
        self.socket.lease_until_ms = None
        self.socket.take(Levels(self.socket.levels))

    @rule(age_ms=st.sampled_from([None, 1_000, 60_000, 600_001]), levels_first=st.booleans())
    def the_agent_starts_anew(self, age_ms: int | None, levels_first: bool) -> None:
        """The keeper drops the relay, and tells again of an emergency that it knows of."""
        one = self.socket
        one.lease_until_ms = None
        one.now_ms += age_ms or 5_000
        one.state = kind.KIND.start(POINT, one.settings)
        one.wakes, one.used = {}, one.written
        one.take(Restored(one.kept, age_ms))
        if one.burning and not levels_first:
            one.emergency()
        one.take(Levels(one.levels))
        if one.burning and levels_first:
            one.emergency()
        one.supply()

    @invariant()
    def power_is_there_only_for_a_session(self) -> None:
        one = self.socket
        assert one.on <= (one.running is not None)
        assert not (one.on and (one.burning or one.latched or one.levels["leakage"]))

    @invariant()
    def what_is_on_is_what_it_says(self) -> None:
        report = kind.KIND.report(self.socket.state)
        assert self.socket.on <= report.busy
        assert self.socket.on <= (report.phase in ("starting", "charging", "checking"))
        assert self.socket.latched <= report.faults

    @invariant()
    def no_watt_hour_is_counted_twice(self) -> None:
        """All sessions together count no more than the register has moved; nobody can tell once it has jumped."""
        one = self.socket
        if not one.jumped:
            assert sum(one.over.values()) <= one.drawn_wh - 5_000 + 1e-6

    @invariant()
    def what_runs_beats_no_limit(self) -> None:
        for session, mwh in self.socket.used.items():
            if not self.socket.jumped:
                assert mwh <= MOST_MWH + 1_000, session


TestSockets = Sockets.TestCase
TestSockets.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([-100_000.0, -50.0, 0.0, 0.0, 0.0, 80.0, 100_000.0]), max_size=20))
def test_however_its_register_jumps_a_session_never_counts_more_than_its_power_allows(jumps: list[float]) -> None:
    socket = Socket().charging(1_000)
    began_ms = socket.now_ms
    for jump_wh in jumps:
        socket.drawn_wh = max(0.0, socket.drawn_wh + jump_wh)
        socket.wait(60_000)
    if socket.on:
        socket.stop()
    most_wh = 1_000 * (socket.now_ms - began_ms + 1_000) / 3_600_000 + 1
    assert 0 <= socket.end["energy_wh"] <= most_wh


def test_a_meter_stands_still_for_less_than_a_session_lasts() -> None:
    """Or the machine above would never see a frozen one cut."""
    assert FROZEN_AFTER_MS < 6 * 60_000


def test_the_witness_sees_a_relay_that_is_driven_without_a_session() -> None:
    witness = Witness()
    try:
        witness._do(Drive("relay", 10_000, "durable"))
    except AssertionError as seen:
        assert str(seen).startswith("on without a session")
    else:
        raise AssertionError
    witness._do(Rest("relay"))
