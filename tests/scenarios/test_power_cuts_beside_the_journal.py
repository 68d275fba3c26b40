"""The power is cut at every moment at which a roster, a latch, a clock or a memory is kept: each is found as promised.

As with the journal, what the shipped code does to its files is taken down, and it starts from all that may be left.
"""

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

import pytest

from contract.emergencies import Cause
from contract.messages import Manifest
from edge.keeper.latch import Latch
from edge.machine.clock import DeviceClock
from edge.memory.loans import Loan
from edge.memory.memory import Memory, StoredCommand, StoredPoint
from edge.memory.spent import Spent
from edge.roster.file import RosterDamaged
from edge.roster.store import RosterError, RosterStore
from edge.roster.sync import MAX_WAIT_S
from firmware_sim.disk.model import HONEST, Cut, PowerCut, power_cuts
from firmware_sim.disk.recorder import DiskRecorder, Fault, write_folder
from firmware_sim.worlds.virtual.power_cuts import BOOT, Finding
from tests.edge.support.rosters import DAY_MS, NOW_MS, Published, digest, publish
from tests.edge.support.syncing import Bench, run
from tests.firmware_sim.support.memory_disk import memory_disk
from tests.scenarios.power_cut_tally import DAMAGE, PLAN, Tally

MANY = dict.fromkeys(HONEST, 10)
ROUNDS = 3
"""A page that comes again may spoil another, in a file whose places are counted twice."""
PRESENT = range(100, 106)
"""Some who are in every roster."""


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
                    list(store.adopting(roster.manifest, roster.payload))
                    break
            in_use[number] = len(disk.operations)
        store.close()
    return RosterLife(published, in_use)


def judge_roster(power_cut: PowerCut, life: RosterLife, folder: Path) -> Finding:
    """Start from an image; then the cloud tells its newest roster, and answers what it is asked for."""
    write_folder(power_cut.image, folder)
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


T = TypeVar("T")
History = list[tuple[int, T]]
"""What was kept in a file, and after how many operations on the disk that was said."""


def kept_at(kept: History[T], done: int) -> list[T]:
    """What was kept then, and what was about to be."""
    before = [value for at, value in kept if at <= done]
    return [*before[-1:], *(value for at, value in kept if at > done)][: 2 if before else 1]


def test_an_emergency_that_was_latched_is_in_force_after_every_cut(disk: DiskRecorder, image: Path) -> None:
    kept: History[dict[str, Cause]] = [(0, {})]
    with disk:
        latch = Latch(disk.folder / "latch.json")
        befalls: list[tuple[str, Cause | None]] = [("gym", "loop_broken"), ("hub", "smoke"), ("gym", "fire")]
        for zone, cause in [*befalls, ("gym", None), ("hub", None)]:
            latch.set(zone, cause) if cause else latch.release(zone)
            kept.append((len(disk.operations), latch.causes))
    for power_cut in power_cuts(disk.before, disk.operations, MANY, "latch"):
        write_folder(power_cut.image, image)
        assert Latch(image / "latch.json").causes in kept_at(kept, power_cut.done), power_cut


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
        write_folder(power_cut.image, image)
        assert clock_in(image).floor_ms in kept_at(kept, power_cut.done), power_cut


def everything_in(memory: Memory) -> tuple[object, ...]:
    return memory.commands(), memory.document("modes"), memory.points(), memory.spent(), memory.loans()


def charging(number: int) -> StoredPoint:
    return StoredPoint("phone-1", bytes([number]) * 300, "b7", number, NOW_MS + number)


def spent(number: int) -> Spent:
    return Spent("0123456789abcdef", "wh", "72696465726e6f31", "rider-phone", 739_000 * 1440, number * 1_500)


def lent(number: int) -> Loan:
    return Loan("72696465726e6f31", "rider-phone", "wh", 739_000, 739_003, number, number * 1_500)


def test_commands_documents_and_what_a_session_used_are_remembered_after_every_cut(
    disk: DiskRecorder, image: Path
) -> None:
    with disk:
        memory = Memory(disk.folder / "memory.db")
        kept = [(0, everything_in(memory))]
        for number in range(6):
            memory.begin(StoredCommand(f"{number}", "open_once", NOW_MS, NOW_MS, None))
            kept.append((len(disk.operations), everything_in(memory)))
            memory.store_document("modes", bytes([number]) * 6000)
            kept.append((len(disk.operations), everything_in(memory)))
            memory.finish(f"{number}", b"done")
            kept.append((len(disk.operations), everything_in(memory)))
            memory.store_point(charging(number), [spent(number)])
            kept.append((len(disk.operations), everything_in(memory)))
            memory.store_loan(lent(number), [spent(number)])
            kept.append((len(disk.operations), everything_in(memory)))
        memory.close()
    for power_cut in power_cuts(disk.before, disk.operations, PLAN | DAMAGE, "memory"):
        write_folder(power_cut.image, image)
        found = Memory(image / "memory.db")
        if power_cut.cut in HONEST:
            assert everything_in(found) in kept_at(kept, power_cut.done), power_cut.cut
        found.store_document("modes", bytes(20_000))
        found.begin(StoredCommand("again", "open_once", NOW_MS, NOW_MS, None))
        found.store_point(charging(9), [spent(9)])
        found.close()
