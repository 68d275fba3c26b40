"""Modes and their ends, as pure terms: whatever is ordered, lost and restarted, nothing lasts beyond its time."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from contract.decide import HOUR_MS, MINUTE_MS, Mode
from contract.kinds import MODE_LASTS_MS, has_mode
from contract.messages import Desired
from edge.archetypes.mode_terms import SAVE_EVERY_MS, Instant, Terms, at, next_ms, ordered, refused

KINDS = {"gate": "door", "gym": "turnstile", "phone-1": "socket", "post-1": "ev_post", "fountain": "fountain"}
T0_MS = 1_800_000_000_000
TURNED_OFF_MS = 3 * HOUR_MS


@dataclass
class Life:
    """A device whose clock may be unset, and that is restarted now and then. ``left`` is when each order must be over,
    in milliseconds of running."""

    true_ms: int = T0_MS
    mono_ms: int = 0
    ran_ms: int = 0
    boot: int = 0
    late_ms: int | None = 0
    """How much the unset clock runs late; None while it is set."""
    desired: Desired | None = None
    terms: Terms = field(default_factory=Terms)
    saved: Terms = field(default_factory=Terms)
    look_mono_ms: int = 10**15
    over_ran_ms: dict[str, int] = field(default_factory=dict)
    over_true_ms: dict[str, int] = field(default_factory=dict)

    @property
    def now(self) -> Instant:
        return Instant(f"b{self.boot}", self.mono_ms, self.true_ms - (self.late_ms or 0))

    def order(self, modes: dict[str, Mode], lasts_ms: int | None) -> None:
        until = {} if lasts_ms is None else dict.fromkeys(modes, self.true_ms + lasts_ms)
        number = 1 if self.desired is None else self.desired.number + 1
        former, self.desired = self.desired, Desired("d", number, self.true_ms, modes, until=until)
        for point, mode in modes.items():
            if former and former.modes.get(point) is mode and former.until.get(point) == until.get(point):
                continue
            self.over_ran_ms[point] = self.ran_ms + MODE_LASTS_MS.get(mode, 10**15)
            self.over_true_ms[point] = until.get(point, 10**15)
        self.put(ordered(self.desired, former, at(self.terms, self.now), KINDS, self.now))

    def put(self, terms: Terms) -> None:
        self.terms = self.saved = terms
        self.look_mono_ms = self.mono_ms + (next_ms(terms) or 10**15)

    def look(self) -> None:
        if self.desired is not None:
            self.put(ordered(self.desired, self.desired, at(self.terms, self.now), KINDS, self.now))

    def runs(self, ms: int) -> None:
        """Time goes by, and the device looks when it asked to."""
        while ms > 0:
            asked_ms = self.look_mono_ms - self.mono_ms
            step = min(ms, asked_ms)
            self.mono_ms, self.true_ms, self.ran_ms, ms = (
                self.mono_ms + step,
                self.true_ms + step,
                self.ran_ms + step,
                ms - step,
            )
            if step == asked_ms:
                self.look()

    def agent_restarts(self) -> None:
        self.terms = self.saved
        self.look()

    def power_fails(self, off_ms: int) -> None:
        """The clock goes on from its floor, and what ran since the terms were last written down is forgotten."""
        self.true_ms += off_ms
        self.boot, self.mono_ms, self.late_ms = self.boot + 1, 0, (self.late_ms or 0) + off_ms
        self.agent_restarts()

    def clock_is_set(self) -> None:
        self.late_ms = None
        self.look()

    def check(self) -> None:
        for point, mode in self.terms.modes.items():
            assert has_mode(KINDS[point], mode)
            if mode in MODE_LASTS_MS:
                assert self.ran_ms < self.over_ran_ms[point]
                if self.late_ms is None:
                    assert self.true_ms < self.over_true_ms[point]


steps = st.one_of(
    st.tuples(
        st.just("order"),
        st.dictionaries(st.sampled_from(sorted(KINDS)), st.sampled_from(Mode), max_size=4),
        st.none() | st.integers(-HOUR_MS, 9 * HOUR_MS),
    ),
    st.tuples(st.just("runs"), st.integers(1, 3 * HOUR_MS)),
    st.tuples(st.just("agent_restarts")),
    st.tuples(st.just("power_fails"), st.integers(0, TURNED_OFF_MS)),
    st.tuples(st.just("clock_is_set")),
)


@given(st.lists(steps, max_size=25))
def test_nothing_is_held_or_locked_beyond_its_end(deeds: list[tuple[str, object]]) -> None:
    """Over any orders, restarts and power cuts: no mode runs longer than its kind allows, none past its ``until`` once
    the time is known, and no point is ever in a mode that it has not got."""
    life = Life()
    for name, *arguments in deeds:
        getattr(life, name)(*arguments)
        life.check()


def test_repeated_power_cuts_hold_nothing_open_for_ever() -> None:
    """Each start takes off what a cut may hide, so that a device which fails every 50 seconds ends a mode as well."""
    life = Life()
    life.order({"gate": Mode.LOCKDOWN}, None)
    for _ in range(MODE_LASTS_MS[Mode.LOCKDOWN] // SAVE_EVERY_MS):
        assert "gate" in life.terms.modes
        life.runs(50_000)
        life.power_fails(1_000)
    assert life.terms.modes == {}


def test_same_order_in_new_document_gains_no_time() -> None:
    """A new wiring comes in a new document as well; whoever wants more time renews the order."""
    life = Life()
    life.order({"gate": Mode.HOLD_OPEN}, None)
    life.runs(90 * MINUTE_MS)
    life.order({"gate": Mode.HOLD_OPEN, "gym": Mode.OUT_OF_SERVICE}, None)
    life.runs(31 * MINUTE_MS)
    assert life.terms.modes == {"gym": Mode.OUT_OF_SERVICE}
    life.order({"gate": Mode.HOLD_OPEN}, None)
    assert life.terms.modes == {}


def test_point_without_mode_keeps_the_one_it_has() -> None:
    life = Life()
    life.order({"phone-1": Mode.OUT_OF_SERVICE}, None)
    everything = dict.fromkeys(KINDS, Mode.LOCKDOWN)
    life.order(everything, None)
    assert life.terms.modes == {
        "gate": Mode.LOCKDOWN,
        "gym": Mode.LOCKDOWN,
        "phone-1": Mode.OUT_OF_SERVICE,
    }
    assert life.desired is not None
    assert set(refused(life.desired, KINDS)) == {"phone-1", "post-1", "fountain"}
    life.agent_restarts()
    assert life.terms.modes["phone-1"] is Mode.OUT_OF_SERVICE
