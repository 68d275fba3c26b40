import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.decide import DAY_MS, HOUR_MS, Trust
from edge.machine.clock import BUILT_MS, COMMAND_ERROR_MS, MAX_JUMP_MS, SAVE_EVERY_MS, SYNCED_FOR_MS, DeviceClock

NOON_MS = BUILT_MS + 30 * DAY_MS


class Machine:
    """A machine whose monotonic clock a test moves. Its system clock is the machine's own, and nobody asks it."""

    def __init__(self, path: Path, boot: str = "b0070001") -> None:
        self.path, self.boot = path, boot
        self.mono_ms = 10_000
        self.boots = 1
        self.fixed: list[tuple[int, int]] = []

    def pass_ms(self, passed_ms: int) -> None:
        self.mono_ms += passed_ms

    def clock(self) -> DeviceClock:
        """What the agent makes when it starts."""
        clock = DeviceClock(self.path, boot=self.boot, mono=lambda: self.mono_ms)
        clock.on_fixed = lambda offset_ms, error_ms: self.fixed.append((offset_ms, error_ms))
        return clock

    def lose_power(self) -> None:
        self.boots += 1
        self.boot, self.mono_ms = f"b007{self.boots:04}", 3000


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


@pytest.mark.parametrize("system_ms", [0, (1 << 31) * 1000, NOON_MS, NOON_MS - 7 * DAY_MS])
def test_whatever_a_time_server_says_neither_time_nor_trust_move(
    machine: Machine, system_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time_ns", lambda: system_ms * 1_000_000)
    monkeypatch.setattr("time.time", lambda: system_ms / 1000)
    clock = machine.clock()
    assert (clock.trust, clock.now_ms(), clock.error_ms) == (Trust.UNSET, BUILT_MS + machine.mono_ms, None)
    clock.saw_issued(NOON_MS)
    clock.saw_acknowledged(NOON_MS + 400)
    monkeypatch.setattr("time.time_ns", lambda: (system_ms - DAY_MS) * 1_000_000)
    machine.pass_ms(1000)
    assert (clock.trust, clock.now_ms(), clock.floor_ms) == (Trust.SYNCED, NOON_MS + 1400, NOON_MS + 400)


def test_a_time_lies_half_a_round_trip_back_and_may_be_off_by_as_much(machine: Machine) -> None:
    clock = machine.clock()
    clock.saw_issued(NOON_MS)
    assert clock.saw_acknowledged(NOON_MS, 301)
    assert (clock.now_ms(), clock.error_ms, clock.floor_ms) == (NOON_MS + 150, 151, NOON_MS)


def test_the_error_grows_with_what_a_crystal_drifts(machine: Machine) -> None:
    clock = machine.clock()
    clock.saw_issued(NOON_MS)
    clock.saw_acknowledged(NOON_MS, 40)
    machine.pass_ms(DAY_MS)
    assert clock.error_ms == 20 + 8640
    assert clock.saw_acknowledged(clock.now_ms() + 5000, 40)
    assert clock.error_ms == 20


def test_a_worse_estimate_is_not_taken_but_keeps_the_clock_synced(machine: Machine) -> None:
    clock = machine.clock()
    clock.saw_issued(NOON_MS)
    clock.saw_acknowledged(NOON_MS, 10)
    machine.pass_ms(SYNCED_FOR_MS)
    before_ms = clock.now_ms()
    assert clock.saw_acknowledged(before_ms - 2000, 3000)
    assert (clock.trust, clock.now_ms(), clock.error_ms) == (Trust.SYNCED, before_ms, 5 + 360)


def test_a_time_that_no_error_explains_is_the_clouds_and_is_taken(machine: Machine) -> None:
    clock = machine.clock()
    clock.saw_issued(NOON_MS)
    clock.saw_acknowledged(NOON_MS, 10)
    assert clock.saw_acknowledged(NOON_MS + HOUR_MS, 3000)
    assert (clock.now_ms(), clock.error_ms) == (NOON_MS + HOUR_MS + 1500, 1500)


def test_a_boot_that_began_without_the_time_is_fixed_once(machine: Machine) -> None:
    clock = machine.clock()
    clock.saw_issued(NOON_MS)
    clock.saw_acknowledged(NOON_MS, 20)
    assert machine.fixed == [(NOON_MS + 10 - machine.mono_ms, 10)]
    machine.pass_ms(DAY_MS)
    clock.saw_acknowledged(NOON_MS + DAY_MS, 20)
    clock.save()
    machine.clock().saw_acknowledged(NOON_MS + DAY_MS, 20)
    assert len(machine.fixed) == 1
    machine.lose_power()
    machine.clock().saw_acknowledged(NOON_MS + DAY_MS, 20)
    assert len(machine.fixed) == 2


def test_every_power_cut_leaves_the_time_that_had_passed(machine: Machine) -> None:
    clock = machine.clock()
    clock.saw_issued(NOON_MS)
    clock.saw_acknowledged(NOON_MS)
    for day in range(1, 4):
        machine.pass_ms(DAY_MS)
        clock.save()
        assert clock.floor_ms == pytest.approx(NOON_MS + day * DAY_MS, abs=15_000)
        machine.lose_power()
        clock = machine.clock()
        assert clock.trust is Trust.UNSET
        assert clock.now_ms() >= NOON_MS + day * DAY_MS - 15_000


def test_what_was_refused_shows_how_far_it_is_off_until_it_is_believed(machine: Machine) -> None:
    clock = machine.clock()
    clock.saw_issued(NOON_MS)
    assert clock.off_ms == 0
    assert not clock.saw_acknowledged(NOON_MS + 3 * DAY_MS)
    assert clock.off_ms == 3 * DAY_MS
    clock.saw_issued(NOON_MS + 3 * DAY_MS)
    assert clock.saw_acknowledged(NOON_MS + 3 * DAY_MS)
    assert clock.off_ms == 0


def test_a_command_may_set_the_clock_back_below_the_floor_and_over_a_power_cut(machine: Machine) -> None:
    clock = machine.clock()
    clock.saw_issued(NOON_MS + 1000 * DAY_MS)
    assert not clock.saw_acknowledged(NOON_MS)
    assert clock.set_by_command(NOON_MS)
    assert (clock.now_ms(), clock.floor_ms, clock.trust, clock.off_ms) == (NOON_MS, NOON_MS, Trust.SYNCED, 0)
    assert clock.error_ms == COMMAND_ERROR_MS
    assert machine.fixed == [(NOON_MS - machine.mono_ms, COMMAND_ERROR_MS)]
    assert clock.saw_acknowledged(NOON_MS + 500, 20)
    assert clock.error_ms == 10
    machine.lose_power()
    assert machine.clock().floor_ms == NOON_MS


def test_no_command_sets_the_clock_to_a_time_before_the_software(machine: Machine) -> None:
    clock = machine.clock()
    assert not clock.set_by_command(BUILT_MS - 1)
    assert (clock.trust, clock.floor_ms) == (Trust.UNSET, BUILT_MS)


def test_a_file_of_before_the_clock_knew_its_error_is_read(machine: Machine) -> None:
    kept = {"floor_ms": NOON_MS, "boot": machine.boot, "floor_mono_ms": 1, "offset_ms": NOON_MS, "heard_mono_ms": 9000}
    machine.path.write_text(json.dumps(kept))
    clock = machine.clock()
    assert (clock.trust, clock.now_ms()) == (Trust.SYNCED, NOON_MS + machine.mono_ms)


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


def test_an_agent_that_is_killed_as_soon_as_it_knows_the_time_knows_it_still(machine: Machine) -> None:
    clock = machine.clock()
    clock.saw_issued(NOON_MS)
    clock.saw_acknowledged(NOON_MS, 20)
    again = machine.clock()
    assert (again.trust, again.error_ms) == (Trust.SYNCED, 10)


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
    assert (clock.floor_ms, clock.trust, clock.rotten) == (BUILT_MS, Trust.UNSET, True)


def test_no_bit_that_rots_moves_the_floor(machine: Machine) -> None:
    clock = machine.clock()
    clock.saw_issued(NOON_MS)
    clock.saw_acknowledged(NOON_MS)
    machine.lose_power()
    whole = machine.path.read_bytes()
    assert machine.clock().floor_ms == NOON_MS
    for place in range(len(whole) * 8):
        rotten = bytearray(whole)
        rotten[place // 8] ^= 1 << place % 8
        machine.path.write_bytes(rotten)
        found = machine.clock()
        assert (found.floor_ms, found.rotten) in {(BUILT_MS, True), (NOON_MS, False)}, bytes(rotten)


def test_a_rotten_file_is_set_aside_and_the_signed_manifest_says_how_late_it_is_at_least(machine: Machine) -> None:
    machine.clock().saw_issued(NOON_MS + DAY_MS)
    spoilt = machine.path.read_bytes().replace(b'"floor_ms":1', b'"floor_ms":9')
    machine.path.write_bytes(spoilt)
    clock = machine.clock()
    assert (clock.floor_ms, clock.rotten, clock.lost_floor) == (BUILT_MS, True, True)
    kept_as = clock.set_aside(NOON_MS)
    assert machine.path.with_name(kept_as).read_bytes() == spoilt
    assert (clock.floor_ms, clock.rotten, clock.lost_floor) == (NOON_MS, False, True)
    assert clock.saw_acknowledged(NOON_MS + 1000)
    assert not clock.lost_floor
    again = machine.clock()
    assert (again.rotten, again.floor_ms >= NOON_MS) == (False, True)


def test_a_rotten_file_that_nobody_can_rename_stops_no_clock(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.path.write_bytes(b"rotten")
    clock = machine.clock()
    monkeypatch.setattr("edge.machine.files.sync_folder", Path.unlink)  # which fails for a folder
    assert clock.set_aside(None) == ""
    assert (clock.floor_ms, clock.rotten) == (BUILT_MS, False)


def test_a_disk_that_takes_nothing_stops_no_clock(tmp_path: Path) -> None:
    clock = Machine(tmp_path / "nowhere" / "clock").clock()
    clock.saw_issued(NOON_MS)
    assert clock.now_ms() == NOON_MS


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ack", "issued", "pass", "restart", "power"]),
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
    clock = DeviceClock(path, boot="b", mono=lambda: 0, do=jobs.append)
    clock.saw_issued(BUILT_MS + 1)
    assert not path.exists()
    jobs.pop()()
    assert DeviceClock(path, boot="b", mono=lambda: 0).floor_ms == BUILT_MS + 1


def test_when_the_cloud_was_last_heard_is_known_after_a_power_cut_however_long_nobody_was(machine: Machine) -> None:
    clock = machine.clock()
    assert clock.last_contact_ms == BUILT_MS
    clock.saw_issued(NOON_MS)
    clock.saw_acknowledged(NOON_MS + 1000)
    machine.pass_ms(DAY_MS)
    clock.save()
    assert clock.floor_ms > clock.last_contact_ms == NOON_MS + 1000
    machine.lose_power()
    clock = machine.clock()
    assert clock.last_contact_ms == NOON_MS + 1000
    clock.saw_issued(NOON_MS)
    assert clock.last_contact_ms == NOON_MS + 1000, "an old manifest is no news"
    clock.set_by_command(NOON_MS - DAY_MS)
    assert clock.last_contact_ms == NOON_MS - DAY_MS


def test_a_file_of_before_it_said_when_the_cloud_was_heard_says_no_later_than_its_floor(machine: Machine) -> None:
    kept = {"floor_ms": NOON_MS, "boot": "b0070000", "floor_mono_ms": 1, "offset_ms": None, "heard_mono_ms": 0}
    machine.path.write_text(json.dumps(kept))
    assert machine.clock().last_contact_ms == NOON_MS
