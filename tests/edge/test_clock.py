from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.decide import DAY_MS, HOUR_MS, Trust
from edge.clock import BUILT_MS, MAX_JUMP_MS, SAVE_EVERY_MS, SYNCED_FOR_MS, DeviceClock

NOON_MS = BUILT_MS + 30 * DAY_MS


class Machine:
    """A machine whose clocks a test sets."""

    def __init__(self, path: Path, wall_ms: int = 0, *, synced: bool = False, boot: str = "b0070001") -> None:
        self.path, self.wall_ms, self.synced, self.boot = path, wall_ms, synced, boot
        self.mono_ms = 10_000
        self.boots = 1

    def pass_ms(self, passed_ms: int) -> None:
        self.mono_ms += passed_ms
        self.wall_ms += passed_ms

    def clock(self) -> DeviceClock:
        """What the agent makes when it starts."""
        return DeviceClock(
            self.path,
            boot=self.boot,
            mono=lambda: self.mono_ms,
            wall=lambda: self.wall_ms,
            wall_is_synced=lambda: self.synced,
        )

    def lose_power(self) -> None:
        self.boots += 1
        self.boot, self.mono_ms, self.wall_ms, self.synced = f"b007{self.boots:04}", 3000, 0, False


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "clock")


def test_a_clock_at_1970_is_unset_and_runs_on_from_the_floor(machine: Machine) -> None:
    clock = machine.clock()
    assert clock.trust is Trust.UNSET
    started_ms = clock.now_ms()
    assert started_ms >= BUILT_MS
    machine.pass_ms(5000)
    assert clock.now_ms() == started_ms + 5000


def test_a_wall_clock_that_nobody_vouches_for_is_not_believed(machine: Machine) -> None:
    machine.wall_ms = NOON_MS
    clock = machine.clock()
    assert clock.trust is Trust.UNSET
    assert clock.now_ms() < NOON_MS


def test_a_wall_clock_set_by_the_time_service_is_holdover(machine: Machine) -> None:
    machine.wall_ms, machine.synced = NOON_MS, True
    clock = machine.clock()
    assert (clock.trust, clock.now_ms()) == (Trust.HOLDOVER, NOON_MS)


def test_a_wall_clock_below_the_floor_is_not_believed_whoever_set_it(machine: Machine) -> None:
    machine.wall_ms, machine.synced = BUILT_MS - 1, True
    assert machine.clock().trust is Trust.UNSET


def test_the_clouds_time_sets_the_clock_and_no_step_of_the_wall_clock_moves_it(machine: Machine) -> None:
    machine.wall_ms, machine.synced = NOON_MS, True
    clock = machine.clock()
    assert clock.saw_acknowledged(NOON_MS + 400)
    assert (clock.trust, clock.now_ms(), clock.floor_ms) == (Trust.SYNCED, NOON_MS + 400, NOON_MS + 400)
    machine.wall_ms = NOON_MS + 10 * DAY_MS
    machine.mono_ms += 1000
    assert clock.now_ms() == NOON_MS + 1400


def test_long_after_the_clouds_last_word_the_clock_is_in_holdover(machine: Machine) -> None:
    clock = machine.clock()
    clock.saw_issued(NOON_MS)
    clock.saw_acknowledged(NOON_MS + 1000)
    machine.pass_ms(SYNCED_FOR_MS)
    assert (clock.trust, clock.now_ms()) == (Trust.HOLDOVER, NOON_MS + 1000 + SYNCED_FOR_MS)


@pytest.mark.parametrize("jump_ms", [MAX_JUMP_MS + 1, -MAX_JUMP_MS - 1, 100 * 365 * DAY_MS])
def test_an_acknowledgement_alone_moves_the_clock_by_a_day_at_most(machine: Machine, jump_ms: int) -> None:
    clock = machine.clock()
    clock.saw_issued(NOON_MS)
    before_ms = clock.now_ms()
    assert not clock.saw_acknowledged(before_ms + jump_ms)
    assert (clock.now_ms(), clock.floor_ms, clock.trust) == (before_ms, NOON_MS, Trust.UNSET)


def test_after_a_signed_manifest_an_acknowledgement_near_it_is_taken(machine: Machine) -> None:
    clock = machine.clock()
    assert not clock.saw_acknowledged(NOON_MS)
    clock.saw_issued(NOON_MS - HOUR_MS)
    assert clock.floor_ms == NOON_MS - HOUR_MS
    assert clock.trust is Trust.UNSET
    assert clock.saw_acknowledged(NOON_MS)
    assert (clock.trust, clock.now_ms()) == (Trust.SYNCED, NOON_MS)


def test_the_floor_survives_a_power_cut(machine: Machine) -> None:
    clock = machine.clock()
    clock.saw_issued(NOON_MS)
    clock.save()
    machine.lose_power()
    clock = machine.clock()
    assert (clock.trust, clock.floor_ms) == (Trust.UNSET, NOON_MS)
    assert clock.now_ms() >= NOON_MS


def test_the_clouds_time_survives_a_restart_of_the_agent(machine: Machine) -> None:
    clock = machine.clock()
    clock.saw_issued(NOON_MS)
    clock.saw_acknowledged(NOON_MS)
    clock.save()
    machine.pass_ms(2000)
    again = machine.clock()
    assert (again.trust, again.now_ms()) == (Trust.SYNCED, NOON_MS + 2000)


def test_the_floor_goes_to_the_disk_once_a_minute_at_most(machine: Machine) -> None:
    clock = machine.clock()
    clock.saw_issued(NOON_MS)
    first = machine.path.read_bytes()
    machine.pass_ms(SAVE_EVERY_MS - 1)
    clock.saw_issued(NOON_MS + 1)
    assert machine.path.read_bytes() == first
    machine.pass_ms(1)
    clock.saw_issued(NOON_MS + 2)
    assert machine.path.read_bytes() != first


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff", b'{"floor_ms": "x"}', b'{"floor_ms": 1e400}', b'{"boot": "\xff"}']
)
def test_a_spoilt_file_is_no_file(machine: Machine, content: bytes) -> None:
    machine.path.write_bytes(content)
    clock = machine.clock()
    assert (clock.floor_ms, clock.trust) == (BUILT_MS, Trust.UNSET)


def test_a_disk_that_takes_nothing_stops_no_clock(tmp_path: Path) -> None:
    clock = Machine(tmp_path / "nowhere" / "clock").clock()
    clock.saw_issued(NOON_MS)
    assert clock.now_ms() == NOON_MS


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ack", "issued", "pass", "restart", "power", "wall", "service"]),
            st.integers(0, 3 * DAY_MS),
        ),
        max_size=30,
    )
)
def test_time_never_runs_below_the_floor_and_the_floor_never_falls(
    tmp_path_factory: pytest.TempPathFactory, story: list[tuple[str, int]]
) -> None:
    machine = Machine(tmp_path_factory.mktemp("clock") / "clock")
    clock = machine.clock()
    floor_ms = clock.floor_ms
    for what, by_ms in story:
        if what == "ack":
            clock.saw_acknowledged(clock.now_ms() + by_ms - DAY_MS)
        elif what == "issued":
            clock.saw_issued(NOON_MS + by_ms)
        elif what == "pass":
            machine.pass_ms(by_ms)
        elif what == "wall":
            machine.wall_ms = NOON_MS + by_ms
        elif what == "service":
            machine.synced = True
        else:
            clock.save()
            if what == "power":
                machine.lose_power()
            clock = machine.clock()
        assert clock.floor_ms >= floor_ms
        floor_ms = clock.floor_ms
        assert clock.now_ms() >= floor_ms


def test_the_disk_work_of_saving_is_done_where_it_was_told_to_be(tmp_path: Path) -> None:
    jobs: list[Callable[[], None]] = []
    path = tmp_path / "clock.json"
    clock = DeviceClock(path, boot="b", mono=lambda: 0, wall=lambda: 0, wall_is_synced=lambda: False, do=jobs.append)
    clock.saw_issued(BUILT_MS + 1)
    assert not path.exists()
    jobs.pop()()
    assert DeviceClock(path, boot="b", mono=lambda: 0, wall=lambda: 0).floor_ms == BUILT_MS + 1
