"""The power is cut at every moment of a journal's life, and the next start finds all that was promised.

Each test takes down what the shipped code does to its files, rebuilds what a disk may hold after a power cut behind
every single operation, and starts from it.
"""

import asyncio
import errno
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from contract.events import decode_event
from edge.journal.journal import Journal, JournalView
from firmware_sim.disk.model import BROKEN, HONEST, Cut, Image, power_cuts
from firmware_sim.disk.recorder import DiskRecorder, Fault, write_folder
from firmware_sim.worlds.virtual.power_cuts import JOURNAL, NEXT_BOOT, JournalLife, judge, live
from tests.edge.support.journals import rows_after
from tests.firmware_sim.support.memory_disk import memory_disk
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gym import MEMBER, STRANGER, Gym
from tests.scenarios.power_cut_tally import DAMAGE, PLAN, Tally

AFTER_FAULTS = {Cut.ALL: 1, Cut.SYNCED: 1}


def journal_cuts(
    disk: DiskRecorder,
    image: Path,
    plan: Mapping[Cut, int],
    *,
    people: int,
    seed: str,
    make: Callable[..., Journal] = Journal,
    every: int = 1,
) -> tuple[JournalLife, Tally]:
    """The life of a journal, and what is found at every so many-th operation of it."""
    with disk:
        life = live(disk, people, seed, make=make)
    tally = Tally()
    for power_cut in power_cuts(disk.before, disk.operations, plan, seed, every=every):
        tally.add(power_cut, judge(power_cut, life, image))
    return life, tally


def test_no_row_that_was_called_durable_is_lost_and_none_was_sent_that_is_not_there(
    disk: DiskRecorder, image: Path
) -> None:
    life, tally = journal_cuts(disk, image, PLAN, people=30, seed="honest")
    print(tally)
    assert tally.complaints == {}
    assert life.durable[-1].seq == life.sent[-1].seq == life.recorded[-1].seq
    assert 0 < max(tally.lost) <= 4  # the one exception: rows that waited for the flush when the power went


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_the_same_over_longer_lives_and_more_images(seed: int, disk: DiskRecorder, image: Path) -> None:
    plan = dict.fromkeys((*HONEST, *BROKEN), 2) | {Cut.REORDERED: 4}
    _, tally = journal_cuts(disk, image, plan, people=80, seed=f"long/{seed}")
    print(tally)
    assert tally.complaints == {}


class NeverFlushed(Journal):
    """A journal that says of its rows that they are durable, and leaves them to the kernel."""

    def flush(self) -> int:
        return self.last_seq


def test_a_journal_that_does_not_flush_is_found_out(disk: DiskRecorder, image: Path) -> None:
    _, tally = journal_cuts(disk, image, PLAN, people=5, seed="mutant", make=NeverFlushed)
    assert any("were durable and are lost" in complaint for complaint in tally.complaints)
    assert any("were sent" in complaint for complaint in tally.complaints)


def test_a_journal_that_the_disk_has_spoilt_is_carried_over_or_goes_on_and_makes_up_nothing(
    disk: DiskRecorder, image: Path
) -> None:
    _, tally = journal_cuts(disk, image, DAMAGE, people=24, seed="broken")
    print(tally)
    assert tally.complaints == {}
    assert tally.set_aside


def spoilt_journal(disk: DiskRecorder, image: Path) -> Image:
    """An image whose journal must be replaced by a new one that carries rows."""
    with disk:
        life = live(disk, 24, "again")
    for power_cut in power_cuts(disk.before, disk.operations, DAMAGE, "again"):
        if power_cut.done < len(disk.operations) * 0.9:  # too few rows are in the file
            continue
        if judge(power_cut, life, image).set_aside and len(events_in(power_cut.image, image)) > 10:
            return power_cut.image
    raise AssertionError("no damage was deep enough")


def events_in(image: Image, folder: Path) -> list[tuple[str, int]]:
    """What a start from an image finds recorded, in order, whatever its numbers are."""
    write_folder(image, folder)
    with Journal(folder / JOURNAL, boot=NEXT_BOOT) as journal:
        events = [decode_event(row.stored) for row in journal.tail(1000)]
    return [(event.kind, event.data["n"]) for event in events]


def test_a_power_cut_in_the_middle_of_a_recovery_costs_no_row_that_it_would_have_saved(
    disk: DiskRecorder, image: Path
) -> None:
    spoilt = spoilt_journal(disk, image)
    saved = events_in(spoilt, image)
    write_folder(spoilt, disk.folder)
    with DiskRecorder(disk.folder) as recovery:
        Journal(disk.folder / JOURNAL, boot=NEXT_BOOT).close()
    cuts = list(power_cuts(recovery.before, recovery.operations, PLAN, "recovery"))
    assert len(cuts) > 100
    for power_cut in cuts:
        assert events_in(power_cut.image, image) == saved, (power_cut.cut, power_cut.done)


def failing(disk: DiskRecorder, fault: Fault, at_call: int, *, for_good: bool) -> Callable[..., Journal]:
    """A journal whose disk fails some time after it was opened."""

    def make(path: Path, **options: Any) -> Journal:
        journal = Journal(path, **options)
        disk.fail(fault, at_call=at_call, for_good=for_good)
        return journal

    return make


FAULTS = [
    pytest.param(fault, for_good, id=f"{fault.name}{'_for_good' * for_good}") for fault in Fault for for_good in (0, 1)
]


@pytest.mark.parametrize(("fault", "for_good"), FAULTS)
def test_whatever_call_to_the_disk_fails_no_row_that_was_called_durable_is_lost(
    fault: Fault, for_good: bool, image: Path
) -> None:
    if for_good:
        assert fail_at(range(1, 1000, 29), fault, for_good, image, every=40)
    elif fault is Fault.IOERR_FSYNC:
        assert fail_at(range(1, 1000, 9), fault, for_good, image, every=3)
    else:
        assert fail_at(range(1, 1000, 17), fault, for_good, image, every=10)


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "for_good"), FAULTS)
def test_the_same_of_every_single_call(fault: Fault, for_good: bool, image: Path) -> None:
    assert fail_at(range(1, 1000), fault, for_good, image, every=2)


def fail_at(calls: range, fault: Fault, for_good: bool, image: Path, *, every: int) -> int:
    """Live so many lives, one for each call that fails; how many images were started from."""
    images = 0
    for at_call in calls:
        with memory_disk() as folder:
            disk = DiskRecorder(folder)
            make = failing(disk, fault, at_call, for_good=for_good)
            _, tally = journal_cuts(disk, image, AFTER_FAULTS, people=22, seed=f"{at_call}", make=make, every=every)
        assert tally.complaints == {}, f"call {at_call} failed"
        images += tally.images.total()
        if disk.calls < at_call:  # it was over before
            break
    return images


def killed(journal: Journal, path: Path) -> None:
    """The process is gone. Somebody still looks at the file, or SQLite would tidy it up as a killed one never does."""
    with JournalView(path):
        journal._close_files()
        journal._hold.release()


def test_rows_that_a_killed_agent_could_not_sync_are_durable_when_the_next_one_says_so(disk: DiskRecorder) -> None:
    path = disk.folder / JOURNAL
    with disk:
        journal = Journal(path, boot=NEXT_BOOT)
        journal.insert(rows_after(journal.last_seq, journal.tip, 3))
        disk.fail(Fault.IOERR_FSYNC)
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            journal.flush()
        disk.mend()
        killed(journal, path)
        again = Journal(path, boot=NEXT_BOOT)
        assert (again.last_seq, again.found.unclean) == (3, True)
        left = disk.image(Cut.SYNCED, Random(1))
        again.close()
    assert [n for _, n in events_in(left, disk.folder)] == [1, 2, 3]


def leaving(disk: DiskRecorder, image: Image) -> Callable[[Path], None]:
    return lambda _state: disk.begin_again(image)


@pytest.mark.parametrize("cut", Cut)
@in_virtual_time
async def test_a_gym_whose_power_is_cut_again_and_again_tells_the_cloud_everything_that_it_still_knows(
    cut: Cut, tmp_path: Path
) -> None:
    gym = Gym(tmp_path)
    random = Random(f"gym/{cut}")
    with DiskRecorder(gym.state) as disk:
        async with gym:
            for _ in range(4):
                assert await gym.tries(MEMBER)
                await asyncio.sleep(random.choice([0.0, 0.3, 12.0]))
                left = disk.image(cut, random)
                passed = gym.turnstile.passed["in"]
                gym.reboot(leaving(disk, left))
                assert not await gym.tries(STRANGER)
                assert gym.turnstile.passed["in"] == passed
                await gym.until(gym.in_step)
            assert await gym.tries(MEMBER)
            await gym.until(gym.in_step)
            if cut in HONEST:
                assert gym.told("device.journal_recovered", "device.roster_damaged") == []
                assert [event.seq for event in gym.arrived()] == [event.seq for event in gym.rows()]


@in_virtual_time
async def test_a_member_enters_a_gym_whose_disk_fails_and_the_missing_events_are_owned_up_to(tmp_path: Path) -> None:
    gym = Gym(tmp_path)
    with DiskRecorder(gym.state) as disk:
        async with gym:
            for fault in Fault:
                disk.fail(fault, for_good=True)
                for _ in range(3):
                    assert await gym.tries(MEMBER), fault
                    assert not await gym.tries(STRANGER), fault
                assert gym.status["faults"]["disk"], fault
                disk.mend()
                await gym.until(gym.in_step)
                assert "disk" not in gym.agent.faults(), fault
            assert gym.status["journal"]["unlogged"] == 0  # there was room in memory until the disk was well
            assert [event.seq for event in gym.arrived()] == [event.seq for event in gym.rows()]
