from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.disk.model import (
    HONEST,
    SECTOR_BYTES,
    Cut,
    Disk,
    FailedSync,
    Image,
    Link,
    Operation,
    Rename,
    Sync,
    SyncFolder,
    Truncate,
    Unlink,
    Write,
    power_cuts,
)

BEFORE = {"a": b"old"}


def disk(*operations: Operation, lies: bool = False, seed: int = 1) -> Disk:
    made = Disk(BEFORE, Random(seed), lies=lies)
    for operation in operations:
        made.do(operation)
    return made


def images(cut: Cut, *operations: Operation) -> list[Image]:
    """Many rolls of the dice."""
    return [disk(*operations, seed=seed).image(cut) for seed in range(50)]


def test_what_was_written_is_there_and_only_what_was_synced_is_sure() -> None:
    written = disk(Write(0, 0, b"new"))
    assert written.image(Cut.ALL) == {"a": b"new"}
    assert written.image(Cut.SYNCED) == {"a": b"old"}
    written.do(Sync(0, covers=1))
    assert written.image(Cut.SYNCED) == {"a": b"new"}


def test_a_sync_covers_what_came_before_it_began() -> None:
    both = disk(Write(0, 0, b"one"), Write(0, 3, b"two"), Sync(0, covers=1))
    assert both.image(Cut.SYNCED) == {"a": b"one"}


def test_a_write_behind_the_end_and_a_cut_leave_zeros_and_less() -> None:
    assert disk(Write(0, 5, b"x")).image(Cut.ALL) == {"a": b"old\0\0x"}
    assert disk(Truncate(0, 1)).image(Cut.ALL) == {"a": b"o"}
    assert disk(Truncate(0, 5)).image(Cut.ALL) == {"a": b"old\0\0"}


def test_a_torn_write_lacks_whole_sectors() -> None:
    data = bytes([1]) * SECTOR_BYTES + bytes([2]) * SECTOR_BYTES
    first = Write(0, 0, bytes(2 * SECTOR_BYTES))
    found = {image["a"] for image in images(Cut.TORN, first, Sync(0, 1), Write(0, 0, data))}
    zeros = bytes(SECTOR_BYTES)
    assert found == {data, data[:SECTOR_BYTES] + zeros, zeros + data[SECTOR_BYTES:], zeros + zeros}


def test_unsynced_writes_may_change_places_and_synced_ones_never() -> None:
    operations = (Write(0, 0, b"1"), Sync(0, 1), Write(0, 1, b"2"), Write(0, 2, b"3"))
    assert {image["a"] for image in images(Cut.REORDERED, *operations)} == {b"1ld", b"12d", b"1l3", b"123"}


def test_a_new_name_is_sure_with_the_sync_of_its_file_or_of_the_folder() -> None:
    new = (Link("b", 1), Write(1, 0, b"x"))
    assert disk(*new).image(Cut.SYNCED) == BEFORE
    assert disk(*new, Sync(1, 2)).image(Cut.SYNCED) == BEFORE | {"b": b"x"}
    assert disk(*new, Sync(1, 2)).image(Cut.ENTRY_LOST) == BEFORE
    assert disk(*new, Sync(1, 2), SyncFolder()).image(Cut.ENTRY_LOST) == BEFORE | {"b": b"x"}


def test_a_rename_that_nobody_synced_may_not_have_happened() -> None:
    renamed = disk(Link("b", 1), Write(1, 0, b"x"), Sync(1, 2), Rename("b", "a"))
    assert renamed.image(Cut.ALL) == {"a": b"x"}
    assert renamed.image(Cut.SYNCED) == BEFORE | {"b": b"x"}
    renamed.do(SyncFolder())
    assert renamed.image(Cut.SYNCED) == {"a": b"x"}


def test_a_deleted_file_may_come_back() -> None:
    assert disk(Unlink("a")).image(Cut.ALL) == {}
    assert disk(Unlink("a")).image(Cut.ENTRY_LOST) == BEFORE
    assert disk(Unlink("a"), SyncFolder()).image(Cut.ENTRY_LOST) == {}


def test_what_a_failed_sync_left_out_no_later_one_brings() -> None:
    failed = disk(Write(0, 0, b"new"), FailedSync(0), Sync(0, 2))
    assert failed.image(Cut.ALL) == {"a": b"new"}
    found = [disk(Write(0, 0, b"new"), FailedSync(0), Sync(0, 2), seed=seed).image(Cut.SYNCED) for seed in range(20)]
    assert {"a": b"old"} in found
    again = disk(Write(0, 0, b"new"), FailedSync(0), Write(0, 0, b"new"), Sync(0, 3))
    assert again.image(Cut.SYNCED) == {"a": b"new"}


def test_damage_spares_what_was_written_and_spoils_what_lies_beside_it() -> None:
    for image in images(Cut.BLOCK_DAMAGED, Write(0, 0, bytes(3000)), Write(0, 1000, b"good")):
        assert len(image["a"]) == 3000
    (spoilt,) = {image["a"][1000:1004] for image in images(Cut.BLOCK_DAMAGED, Write(0, 1000, b"good"))}
    assert spoilt == b"good"
    assert all(image["a"][:3] != b"old" for image in images(Cut.BLOCK_DAMAGED, Write(0, 1000, b"good")))


def test_a_disk_that_lies_loses_what_it_said_it_had() -> None:
    synced = (Write(0, 0, b"new"), Sync(0, 1))
    found = [disk(*synced, lies=True, seed=seed).image(Cut.SYNC_LIED)["a"] for seed in range(50)]
    assert b"old" in found
    assert b"new" in found


OPERATIONS = st.one_of(
    st.builds(Write, st.just(0), st.integers(0, 2000), st.binary(min_size=1, max_size=1500)),
    st.builds(Truncate, st.just(0), st.integers(0, 2000)),
    st.just(SyncFolder()),
)


@settings(max_examples=50)
@given(st.lists(OPERATIONS, max_size=12), st.integers())
def test_once_all_is_synced_every_honest_cut_leaves_the_same(operations: list[Operation], seed: int) -> None:
    whole = [*operations, Sync(0, len(operations)), SyncFolder()]
    synced = disk(*whole, seed=seed)
    assert all(synced.image(cut) == synced.image(Cut.ALL) for cut in HONEST for _ in range(2))


def test_the_power_is_cut_at_every_place_and_the_same_seed_gives_the_same_images() -> None:
    operations = [Write(0, 0, bytes([n]) * 1000) for n in range(5)]
    plan = {Cut.ALL: 1, Cut.REORDERED: 3, Cut.SYNC_LIED: 1}
    first, second = (list(power_cuts(BEFORE, operations, plan, "seed")) for _ in range(2))
    assert [cut.done for cut in first if cut.cut is Cut.ALL] == [0, 1, 2, 3, 4, 5]
    assert {cut.cut for cut in first} == set(plan)
    assert first == second


def test_an_image_is_told_once_at_each_place() -> None:
    operations: list[Operation] = [Write(0, 0, b"new"), Sync(0, 1), Write(0, 0, b"sum"), Sync(0, 3)]
    told = list(power_cuts(BEFORE, operations, dict.fromkeys(HONEST, 3), "once"))
    for done, content in [(0, {b"old"}), (1, {b"old", b"new"}), (2, {b"new"}), (3, {b"new", b"sum"}), (4, {b"sum"})]:
        here = [cut.image["a"] for cut in told if cut.done == done]
        assert len(here) == len(set(here))
        assert set(here) == content


def test_the_power_may_be_cut_at_fewer_places() -> None:
    operations = [Write(0, 0, bytes([n])) for n in range(1, 8)]
    cuts = power_cuts(BEFORE, operations, {Cut.ALL: 1}, "few", every=3)
    assert [(cut.done, cut.image["a"]) for cut in cuts] == [(0, b"old"), (3, b"\3ld"), (6, b"\6ld")]
