"""A roster survives a disk that rots, is full or breaks, and a device that ends in the middle."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.messages import MAX_WANTED_PAGES
from edge.roster.file import RosterDamaged
from edge.roster.sync import MAX_WAIT_S
from tests.edge.support.journals import spoil
from tests.edge.support.rosters import GOOD, digest, publish, row, seal
from tests.edge.support.syncing import Bench, run


def test_a_page_that_rotted_is_fetched_again_as_soon_as_somebody_needs_it(path: Path) -> None:
    async def store_first(bench: Bench) -> None:
        bench.publish(GOOD)
        await asyncio.sleep(5)

    async def story(bench: Bench) -> None:
        bench.blobs |= GOOD.blobs
        with pytest.raises(RosterDamaged):
            bench.store.find(digest(4))
        await asyncio.sleep(5)
        assert bench.knows(4)
        assert bench.store.damaged == set()
        assert bench.told == []
        assert bench.damage == [{"pages": 1}]

    run(path, store_first)
    spoil(path, row(4).pack())
    run(path, story)


def test_a_page_that_rotted_is_found_at_the_start_and_the_others_serve_meanwhile(path: Path) -> None:
    published = publish(range(2000))

    async def store_first(bench: Bench) -> None:
        bench.publish(published)
        await asyncio.sleep(5)

    async def story(bench: Bench) -> None:
        bench.answers = lambda name: None
        bench.sync.start()
        await asyncio.sleep(1)
        assert len(bench.store.damaged) == 1
        assert bench.knows(5)
        bench.blobs |= published.blobs
        bench.answers = bench.deliver
        await asyncio.sleep(MAX_WAIT_S)
        assert bench.knows(4)
        assert bench.store.damaged == set()

    run(path, store_first)
    spoil(path, row(4).pack())
    run(path, story)


def test_a_page_that_rotted_is_no_reason_to_refuse_the_next_roster(path: Path) -> None:
    first, second = publish(range(2000)), publish(range(2000), 2)

    async def store_first(bench: Bench) -> None:
        bench.publish(first)
        await asyncio.sleep(5)

    async def story(bench: Bench) -> None:
        bench.sync.start()
        bench.publish(second)
        await asyncio.sleep(5)
        assert (bench.store.number, bench.sync.refused) == (2, "")
        assert bench.knows(4)

    run(path, store_first)
    spoil(path, row(4).pack())
    run(path, story)


def test_a_file_that_breaks_while_it_is_used_is_begun_anew_and_filled_again(path: Path) -> None:
    published = publish(range(2000))

    async def story(bench: Bench) -> None:
        bench.publish(published)
        await asyncio.sleep(5)
        bench.store._files.writer.execute("DROP TABLE pages")
        bench.publish(publish(range(2001), 2))
        await asyncio.sleep(30)
        assert bench.damage[0] == {"kept_as": "roster.db.damaged-1"}
        assert (bench.store.number, bench.sync.refused, bench.store.damaged) == (2, "", set())
        assert all(bench.knows(number) for number in range(2001))

    run(path, story)


def test_progress_is_told_page_by_page_and_ends_with_the_roster(path: Path) -> None:
    async def story(bench: Bench) -> None:
        published = publish(range(20_000), indexed=False)
        bench.publish(published)
        await asyncio.sleep(5)
        whole = len(published.blobs)
        assert bench.progress[0] == (0, whole)
        assert bench.progress[:-1] == [(got, whole) for got in range(0, whole, MAX_WANTED_PAGES)]
        assert bench.progress[-1] == (0, 0)

    run(path, story)


def test_a_disk_that_takes_no_mended_page_is_told_until_it_does(path: Path) -> None:
    async def store_first(bench: Bench) -> None:
        bench.publish(GOOD)
        await asyncio.sleep(5)

    async def story(bench: Bench) -> None:
        bench.blobs |= GOOD.blobs
        bench.store._files.writer.execute("PRAGMA query_only = ON")
        bench.sync.start()
        await asyncio.sleep(5)
        assert bench.told == [(5, "cannot_store")]
        bench.store._files.writer.execute("PRAGMA query_only = OFF")
        await asyncio.sleep(2 * MAX_WAIT_S)
        assert bench.told[1:] == [(5, "")]
        assert bench.knows(4)

    run(path, store_first)
    spoil(path, row(4).pack())
    run(path, story)


def test_a_full_disk_keeps_the_old_roster_and_is_tried_again(path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.publish(publish(range(10)))
        await asyncio.sleep(5)
        bench.store._files.writer.execute("PRAGMA max_page_count = 1")
        bench.publish(publish(range(2000), 2))
        await asyncio.sleep(5)
        assert (bench.store.number, bench.sync.refused) == (1, "cannot_store")
        assert bench.knows(9)
        bench.store._files.writer.execute("PRAGMA max_page_count = 1000000")
        await asyncio.sleep(2 * MAX_WAIT_S)
        assert (bench.store.number, bench.sync.refused) == (2, "")

    run(path, story)


def test_closing_in_the_middle_leaves_the_old_roster(path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.publish(publish(range(20_000)))
        await asyncio.sleep(0.06)
        assert len(bench.asked) == 2

    run(path, story)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT manifest FROM roster").fetchone() == (b"",)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32), numbers=st.lists(st.integers(0, 400), min_size=1, max_size=4))
def test_whatever_is_lost_doubled_or_late_the_newest_roster_wins(
    tmp_path_factory: pytest.TempPathFactory, seed: int, numbers: list[int]
) -> None:
    chance = Random(seed)

    async def story(bench: Bench) -> None:
        def answers(name: bytes) -> None:
            for _ in range(chance.choice([0, 1, 1, 2])):
                bench.loop.call_later(chance.uniform(0, 3), bench.deliver, name)

        bench.answers = answers
        manifests = []
        for number, members in enumerate(numbers, 1):
            published = publish(range(members, members + 300), number)
            manifests.append(published.payload)
            bench.publish(published)
            for _ in range(chance.randrange(3)):
                bench.sync.manifest(chance.choice(manifests))
            await asyncio.sleep(chance.uniform(0, 4))
        await asyncio.sleep(60 * MAX_WAIT_S)
        assert bench.store.number == len(numbers)
        assert [each for each in range(701) if bench.knows(each)] == list(range(numbers[-1], numbers[-1] + 300))

    run(tmp_path_factory.mktemp("sync") / "roster.db", story)


def test_a_signed_manifest_with_a_field_from_nowhere_is_malformed(path: Path) -> None:
    async def story(bench: Bench) -> None:
        manifest = msgspec.structs.replace(GOOD.manifest, count=-1)
        bench.sync.manifest(seal(manifest))
        assert bench.sync.refused == "malformed"

    run(path, story)
