"""The contactor of a bank, told by what its sockets want and what its auxiliary contact says."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.decide import Mode
from edge.archetypes.protocol import (
    HOLD_LEASE_MS,
    Drive,
    Due,
    Edge,
    Effect,
    Emergency,
    Input,
    Levels,
    ModeChanged,
    Received,
    Record,
    Rest,
    Restored,
    Send,
)
from edge.config.kinds import find_kind
from edge.stations import bank
from edge.stations.bank import REST_AFTER_MS, Clear, Cut, Supply, Want
from tests.edge.support.driven_station import DrivenStation


class Bank(DrivenStation):
    """Feeds a bank and does its effects at once. A ``good`` contactor follows its coil within a tenth of a second; one
    that is ``welded`` stays closed, one that is ``open`` never closes."""

    def __init__(self, found: Restored | None = None, how: str = "good") -> None:
        super().__init__(bank.KIND)
        self.state = bank.KIND.start("bank-a", bank.BankSettings())
        self.how = how
        self.was_on = self.closed = how == "welded"
        self.supply: dict[str, Supply] = {}
        if found is not None:
            self.take(found)
        self.take(Levels({"feedback": self.closed}))

    def want(self, socket: str = "ebike-1", on: bool = True) -> None:
        self.take(Received(socket, Want(on)))

    def live(self) -> "Bank":
        self.want()
        self.wait(500)
        assert (self.phase, self.on) == ("live", True)
        return self

    def wait(self, ms: int) -> None:
        """Let time pass in tenths of a second; the contactor moves in between."""
        for _ in range(ms // 100):
            self.now_ms += 100
            closed = {"good": self.on, "welded": self.closed or self.on, "open": False}[self.how]
            if closed != self.closed:
                self.closed = closed
                self.take(Edge("feedback", closed))
            self.wake_up()

    def _do(self, effect: Effect) -> None:
        super()._do(effect)
        if isinstance(effect, Send):
            self.supply[effect.port] = effect.message


def in_phase(phase: str) -> Bank:
    one = Bank(how="open" if phase == "closing" else "good")
    match phase:
        case "closing":
            one.want()
        case "live":
            one.live()
        case "faulted":
            one.want(on=False)
            one.take(Received("ebike-1", Cut()))
            one.wait(2_000)
        case "emergency":
            one.take(Emergency(True, "fire"))
    assert one.phase == phase
    return one


def trigger(one: Bank, name: str) -> None:
    match name:
        case "want":
            one.want()
        case "closed":
            one.how = "good"
            one.wait(200)
        case "idle" if one.phase == "closing":
            one.want(on=False)
            one.how = "good"
            one.wait(REST_AFTER_MS + 1_000)
        case "idle":
            one.want(on=False)
            one.wait(REST_AFTER_MS + 1_000)
        case "fail":
            one.take(Received("ebike-1", Cut()))
        case "clear":
            one.take(Received("ebike-1", Clear("cc")))
        case "alarm":
            one.take(Emergency(True, "fire"))
        case "restore":
            one.take(Emergency(False))


@pytest.mark.parametrize(("before", "cause"), bank.NEXT, ids=str)
def test_each_row_of_the_table_happens_at_the_bank(before: str, cause: str) -> None:
    one = in_phase(before)
    trigger(one, cause)
    assert one.phase == bank.NEXT[before, cause]  # type: ignore[index]


def test_a_bank_is_found_by_its_name_and_must_be_read_back() -> None:
    assert find_kind("bank").inputs == {"feedback": True}
    assert find_kind("bank").outputs == {"contactor": True}


def test_a_bank_is_closed_while_anybody_wants_it_and_dead_soon_after() -> None:
    one = Bank().live()
    one.want("ebike-2")
    one.want("ebike-1", on=False)
    for _ in range(30):
        one.wait(1_000)
        assert one.on
    one.want("ebike-2", on=False)
    one.wait(REST_AFTER_MS - 100)
    assert one.on
    one.wait(200)
    assert (one.on, one.phase) == (False, "off")


def test_a_relay_breaks_the_load_and_not_the_contactor() -> None:
    one = Bank().live()
    one.want(on=False)
    assert one.on
    one.want()
    one.wait(60_000)
    assert one.on


def test_sockets_are_told_when_their_supply_stands_and_when_it_goes() -> None:
    one = Bank()
    one.want("ebike-2", on=False)
    assert one.supply["ebike-2"] == Supply(live=False, ready=True)
    one.live()
    assert one.supply == {"ebike-1": Supply(True, True), "ebike-2": Supply(True, True)}
    one.take(Received("ebike-2", Cut()))
    assert one.supply == {"ebike-1": Supply(False, False), "ebike-2": Supply(False, False)}


def test_a_socket_that_comes_later_is_told_how_things_stand() -> None:
    one = Bank().live()
    one.want("phone-1", on=False)
    assert one.supply["phone-1"] == Supply(True, True)


def test_a_contactor_that_does_not_close_is_a_fault_and_its_sockets_lose_it() -> None:
    one = Bank(how="open")
    one.want()
    one.wait(1_000)
    assert (one.phase, one.on, one.faults) == ("faulted", False, {"contactor_open"})
    assert one.supply["ebike-1"] == Supply(False, False)


def test_a_contactor_that_falls_open_under_its_coil_is_a_fault_at_once() -> None:
    one = Bank().live()
    one.how = "open"
    one.wait(100)
    assert (one.phase, one.on, one.faults) == ("faulted", False, {"contactor_open"})


def test_a_contactor_that_does_not_open_is_welded() -> None:
    one = Bank().live()
    one.how = "welded"
    one.want(on=False)
    one.wait(REST_AFTER_MS + 2_000)
    assert (one.phase, one.faults) == ("faulted", {"contactor_welded"})


def test_a_contactor_that_is_found_closed_is_welded() -> None:
    one = Bank(how="welded")
    one.wait(1_000)
    assert one.faults == {"contactor_welded"}


def test_a_contactor_that_closes_by_itself_is_a_fault() -> None:
    one = Bank()
    one.how, one.closed = "welded", True
    one.take(Edge("feedback", True))
    one.wait(1_000)
    assert one.faults == {"contactor_welded"}


def test_a_welded_socket_cuts_its_bank_first_and_says_so_afterwards() -> None:
    one = Bank().live()
    effects = one.take(Received("ebike-1", Cut()))
    assert effects[0] == Rest("contactor")
    assert one.records[-1] == Record("bank.cut", {"by": "ebike-1"})
    one.want("ebike-2")
    one.wait(60_000)
    assert not one.on


def test_a_second_cut_is_no_news() -> None:
    one = in_phase("faulted")
    assert one.take(Received("ebike-2", Cut())) == []


def test_a_cut_outlives_a_restart() -> None:
    one = Bank(Restored(in_phase("faulted").kept, 1_000))
    one.want()
    one.wait(10_000)
    assert (one.phase, one.on, one.faults) == ("faulted", False, {"cut"})


def test_what_was_kept_and_cannot_be_read_counts_as_a_cut() -> None:
    one = Bank(Restored(b"rubbish", None))
    one.want()
    assert (one.phase, one.on) == ("faulted", False)


def test_nothing_kept_is_nothing_wrong() -> None:
    assert Bank(Restored(b"", 1_000)).phase == "off"


def test_whoever_clears_it_is_named() -> None:
    one = in_phase("faulted")
    one.take(Received("ebike-1", Clear("cc")))
    assert one.records[-1] == Record("bank.fault_cleared", {"fault": "cut", "by": "cc"})
    assert one.kept == b""
    one.live()


def test_a_contactor_that_is_still_closed_is_not_cleared_by_anybody() -> None:
    one = Bank(how="welded")
    one.wait(1_000)
    one.take(Received("ebike-1", Clear("cc")))
    assert one.faults == {"contactor_welded"}


def test_an_emergency_is_dead_and_nothing_closes_by_itself_after_it() -> None:
    one = Bank().live()
    assert one.take(Emergency(True, "smoke"))[0] == Rest("contactor")
    one.want("ebike-2")
    one.wait(60_000)
    assert not one.on
    one.want("ebike-2", on=False)
    one.take(Emergency(False))
    one.wait(60_000)
    assert (one.phase, one.on) == ("off", False)


def test_a_cut_made_before_an_emergency_is_there_after_it() -> None:
    one = in_phase("faulted")
    one.take(Emergency(True, "smoke"))
    one.take(Emergency(False))
    assert one.phase == "faulted"


def test_a_cut_made_during_an_emergency_is_there_after_it() -> None:
    one = in_phase("emergency")
    one.take(Received("ebike-1", Cut()))
    assert one.phase == "emergency"
    one.take(Emergency(False))
    assert one.phase == "faulted"


@pytest.mark.parametrize("still_closed", [False, True])
def test_a_keeper_that_comes_back_closes_it_again_for_who_wants_it(still_closed: bool) -> None:
    one = Bank().live()
    one.lease_until_ms, one.closed = None, still_closed
    one.take(Levels({"feedback": still_closed}))
    one.wait(500)
    assert (one.phase, one.on, one.faults) == ("live", True, set())


def test_out_of_service_is_dead() -> None:
    one = Bank().live()
    assert one.take(ModeChanged(Mode.OUT_OF_SERVICE, 4))[0] == Rest("contactor")
    one.want("ebike-2")
    assert (one.on, one.supply["ebike-1"].ready) == (False, False)
    assert one.records[-1] == Record("bank.mode", {"mode": "out_of_service", "number": 4})


def test_a_bank_has_only_so_many_sockets() -> None:
    one = Bank()
    for number in range(bank.MAX_SOCKETS + 5):
        one.want(f"phone-{number}")
    assert len(one.state.sockets) == bank.MAX_SOCKETS


@pytest.mark.parametrize("feedback_ms", [0, 5_001])
def test_a_contactor_is_read_back_in_a_sensible_time(feedback_ms: int) -> None:
    with pytest.raises(msgspec.ValidationError, match="feedback_ms lies between 1 and 5000"):
        msgspec.convert({"feedback_ms": feedback_ms}, bank.BankSettings)


happenings: st.SearchStrategy[Any] = st.one_of(
    st.builds(Received, st.sampled_from(["a", "b"]), st.builds(Want, st.booleans())),
    st.builds(Received, st.sampled_from(["a", "b"]), st.just(Cut()) | st.just(Clear("cc"))),
    st.builds(Edge, st.just("feedback"), st.booleans()),
    st.builds(Levels, st.fixed_dictionaries({"feedback": st.booleans()})),
    st.builds(Emergency, st.booleans(), st.just("fire")),
    st.builds(Due, st.sampled_from(["lease", "idle", "feedback"])),
    st.builds(ModeChanged, st.sampled_from(Mode), st.just(1)),
)


@given(st.lists(happenings, max_size=40))
def test_whatever_happens_a_bank_is_driven_only_for_who_wants_it_and_never_cut_or_in_an_emergency(
    inputs: list[Input],
) -> None:
    state, on, wants, dead = bank.KIND.start("bank-a", bank.BankSettings()), False, set[str](), False
    for happened in inputs:
        match happened:
            case Emergency(active=active):
                dead = active
                wants = set() if active else wants
            case Received(port=port, message=Want(on=True)):
                wants.add(port)
            case Received(port=port, message=Want(on=False)):
                wants.discard(port)
        state, effects = bank.KIND.step(state, happened, 0)
        for effect in effects:
            match effect:
                case Drive():
                    assert not dead
                    assert not state.faults
                    assert effect == Drive("contactor", HOLD_LEASE_MS, "nothing")
                    on = True
                case Rest():
                    on = False
        assert on == state.driven
        assert not on or not (dead or state.faults or state.mode is Mode.OUT_OF_SERVICE)
