"""The power is cut at every moment of a device's disk, and the next start finds all that was promised.

Each test takes down what the shipped code does to its files, rebuilds what a disk may hold after a power cut behind
every single operation, and starts from it.
"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, TypeVar

import pytest

from contract.events import decode_event
from contract.messages import Manifest
from edge.clock import DeviceClock
from edge.journal import Journal
from edge.keeper import Latch
from edge.memory import Begun, Memory
from edge.roster_store import RosterDamaged, RosterError, RosterStore
from edge.roster_sync import MAX_WAIT_S
from firmware_sim.disk import BROKEN, HONEST, Cut, Image, PowerCut, power_cuts
from firmware_sim.disk_recorder import DiskRecorder, Fault, pour
from firmware_sim.worlds.power_cuts import BOOT, JOURNAL, NEXT_BOOT, Finding, JournalLife, judge, live
from tests.edge.rosters import DAY_MS, NOW_MS, Published, digest, publish
from tests.edge.syncing import Bench, run
from tests.firmware_sim.memory_disk import memory_disk
from tests.firmware_sim.story import in_virtual_time
from tests.scenarios.gym import MEMBER, STRANGER, Gym

PLAN = dict.fromkeys(HONEST, 1) | {Cut.REORDERED: 2}
AFTER_FAULTS = {Cut.ALL: 1, Cut.SYNCED: 1}
MANY = dict.fromkeys(HONEST, 10)
DAMAGE = dict.fromkeys(BROKEN, 2)
ROUNDS = 3
"""A page that comes again may spoil another, in a file whose places are counted twice."""
PRESENT = range(100, 106)
"""Some who are in every roster."""


@pytest.fixture
def disk() -> Iterator[DiskRecorder]:
    with memory_disk() as folder:
        yield DiskRecorder(folder)


@pytest.fixture
def image() -> Iterator[Path]:
    """Where images are started from."""
    with memory_disk() as folder:
        yield folder


class Tally:
    """Findings over many images. Complaints are told with the place of the first one of each sort."""

    def __init__(self) -> None:
        self.images: Counter[Cut] = Counter()
        self.set_aside = 0
        self.lost: list[int] = []
        self.complaints: dict[str, str] = {}

    def add(self, power_cut: PowerCut, finding: Finding) -> None:
        self.images[power_cut.cut] += 1
        self.set_aside += finding.set_aside
        if power_cut.cut in HONEST:
            self.lost.append(finding.lost)
        for complaint in finding.complaints:
            self.complaints.setdefault(complaint, f"{power_cut.cut} after {power_cut.done} operations")

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {cut}" for cut, count in self.images.items())
        text = f"{counts}; {self.set_aside} set aside"
        if self.lost:
            text += f"; rows lost: {max(self.lost)} at most, {sum(self.lost) / len(self.lost):.2f} in the mean"
        return text


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
        life = live(disk, 24, "spoilt")
    for power_cut in power_cuts(disk.before, disk.operations, DAMAGE, "spoilt"):
        if judge(power_cut, life, image).set_aside and len(events_in(power_cut.image, image)) > 10:
            return power_cut.image
    raise AssertionError("no damage was deep enough")


def events_in(image: Image, folder: Path) -> list[tuple[str, int]]:
    """What a start from an image finds recorded, in order, whatever its numbers are."""
    pour(image, folder)
    with Journal(folder / JOURNAL, boot=NEXT_BOOT) as journal:
        events = [decode_event(row.stored) for row in journal.tail(1000)]
    return [(event.kind, event.data["n"]) for event in events]


def test_a_power_cut_in_the_middle_of_a_recovery_costs_no_row_that_it_would_have_saved(
    disk: DiskRecorder, image: Path
) -> None:
    spoilt = spoilt_journal(disk, image)
    saved = events_in(spoilt, image)
    pour(spoilt, disk.folder)
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


class RosterLife(NamedTuple):
    """What was published, and from which operation on each number was in use for good."""

    published: dict[int, Published]
    in_use: dict[int, int]


def live_with_rosters(disk: DiskRecorder, fault: Fault | None = None, at_call: int = 0) -> RosterLife:
    """A device takes up one roster after the other, and tries again where its disk fails."""
    published = {number: publish(range(2 * number, 250 + number), number) for number in range(1, 4)}
    in_use = {0: 0}
    with disk:
        store = RosterStore(disk.folder / "roster.db")
        if fault is not None:
            in_use[0] = len(disk.operations)
            disk.fail(fault, at_call=at_call)
        for number, roster in published.items():
            for _ in range(2):
                with suppress(sqlite3.Error):
                    store.put_pages([roster.blobs[name] for name in store.lacks(list(roster.blobs))])
                    store.adopt(roster.manifest, roster.payload)
                    break
            in_use[number] = len(disk.operations)
        store.close()
    return RosterLife(published, in_use)


def judge_roster(power_cut: PowerCut, life: RosterLife, folder: Path) -> Finding:
    """Start from an image; then the cloud tells its newest roster, and answers what it is asked for."""
    pour(power_cut.image, folder)
    finding = Finding()
    newest = life.published[max(life.published)]

    async def story(bench: Bench) -> None:
        store = bench.store
        finding.set_aside = store.set_aside is not None
        if power_cut.cut in HONEST:
            finding.complaints += not_as_promised(power_cut, life, store)
        list(unreadable(store, store.manifest))  # what is spoilt shows when a card is held to the reader
        bench.publish(newest)
        for _ in range(ROUNDS):
            await asyncio.sleep(2 * MAX_WAIT_S)
            if not list(unreadable(store, newest.manifest)):
                break
        if store.manifest != newest.manifest:
            finding.complaints.append(f"the roster is not taken up: {bench.sync.refused}")
        finding.complaints += unreadable(store, newest.manifest)

    try:
        run(folder / "roster.db", story)
    except RosterError as error:
        finding.complaints.append(f"the roster does not open: {error}")
    return finding


def not_as_promised(power_cut: PowerCut, life: RosterLife, store: RosterStore) -> Iterator[str]:
    promised = max(number for number, done in life.in_use.items() if done <= power_cut.done)
    if store.set_aside is not None or not promised <= store.number <= promised + 1:
        yield f"roster {store.number} where {promised} was in use"
    yield from unreadable(store, store.manifest)


def unreadable(store: RosterStore, manifest: Manifest | None) -> Iterator[str]:
    """Some people hold their cards to the reader."""
    for number in PRESENT if manifest else ():
        try:
            if len(store.find(digest(number))) != 1:
                yield f"{number} is not in roster {store.number}"
        except RosterDamaged as error:
            yield str(error)


@pytest.mark.parametrize("plan", [dict.fromkeys(HONEST, 1), DAMAGE], ids=["honest", "broken"])
def test_a_roster_in_use_stays_in_use_and_a_spoilt_one_is_fetched_again(
    plan: Mapping[Cut, int], disk: DiskRecorder, image: Path
) -> None:
    life = live_with_rosters(disk)
    tally = Tally()
    for power_cut in power_cuts(disk.before, disk.operations, plan, "roster"):
        tally.add(power_cut, judge_roster(power_cut, life, image))
    print(tally)
    assert tally.complaints == {}
    assert bool(tally.set_aside) is (plan is DAMAGE)


T = TypeVar("T")
History = list[tuple[int, T]]
"""What was kept in a file, and after how many operations on the disk that was said."""


def kept_at(kept: History[T], done: int) -> list[T]:
    """What was kept then, and what was about to be."""
    before = [value for at, value in kept if at <= done]
    return [*before[-1:], *(value for at, value in kept if at > done)][: 2 if before else 1]


def test_an_emergency_that_was_latched_is_in_force_after_every_cut(disk: DiskRecorder, image: Path) -> None:
    kept: History[frozenset[str]] = [(0, frozenset())]
    with disk:
        latch = Latch(disk.folder / "latch.json")
        for zone, active in [("gym", True), ("hub", True), ("gym", False), ("hub", False)]:
            latch.set(zone, active)
            kept.append((len(disk.operations), latch.zones))
    for power_cut in power_cuts(disk.before, disk.operations, MANY, "latch"):
        pour(power_cut.image, image)
        assert Latch(image / "latch.json").zones in kept_at(kept, power_cut.done), power_cut


def test_time_never_falls_behind_a_floor_that_was_saved(disk: DiskRecorder, image: Path) -> None:
    def clock_in(folder: Path) -> DeviceClock:
        return DeviceClock(folder / "clock.json", boot=BOOT, mono=lambda: 0)

    with disk:
        clock = clock_in(disk.folder)
        kept = [(0, clock.floor_ms)]
        for day in range(1, 5):
            clock.saw_issued(NOW_MS + day * DAY_MS)
            clock.save()
            kept.append((len(disk.operations), clock.floor_ms))
    for power_cut in power_cuts(disk.before, disk.operations, MANY, "clock"):
        pour(power_cut.image, image)
        assert clock_in(image).floor_ms in kept_at(kept, power_cut.done), power_cut


def everything_in(memory: Memory) -> tuple[list[Begun], bytes | None]:
    return memory.commands(), memory.kept("modes")


def test_a_command_that_was_begun_is_remembered_after_every_cut(disk: DiskRecorder, image: Path) -> None:
    with disk:
        memory = Memory(disk.folder / "memory.db")
        kept = [(0, everything_in(memory))]
        for number in range(6):
            memory.begin(Begun(f"{number}", "open_once", NOW_MS, NOW_MS, None))
            kept.append((len(disk.operations), everything_in(memory)))
            memory.keep("modes", bytes([number]) * 6000)
            kept.append((len(disk.operations), everything_in(memory)))
            memory.finish(f"{number}", b"done")
            kept.append((len(disk.operations), everything_in(memory)))
        memory.close()
    for power_cut in power_cuts(disk.before, disk.operations, PLAN | DAMAGE, "memory"):
        pour(power_cut.image, image)
        found = Memory(image / "memory.db")
        if power_cut.cut in HONEST:
            assert everything_in(found) in kept_at(kept, power_cut.done), power_cut.cut
        found.keep("modes", bytes(20_000))
        found.begin(Begun("again", "open_once", NOW_MS, NOW_MS, None))
        found.close()


@pytest.mark.parametrize("fault", Fault)
def test_a_roster_is_in_use_for_good_whatever_call_to_the_disk_failed(fault: Fault, image: Path) -> None:
    for at_call in range(1, 100, 4):
        with memory_disk() as folder:
            disk = DiskRecorder(folder)
            life = live_with_rosters(disk, fault, at_call)
        for power_cut in power_cuts(disk.before, disk.operations, {Cut.REORDERED: 1}, "roster", every=5):
            if power_cut.done >= life.in_use[0]:
                found = judge_roster(power_cut, life, image)
                assert found.complaints == [], (power_cut.cut, power_cut.done, at_call)
        if disk.calls < at_call:
            break


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
