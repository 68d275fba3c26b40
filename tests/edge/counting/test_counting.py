"""The counters of a device: what news they believe, what they keep over power cuts, and what they agree to."""

import asyncio
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from contract import codec
from contract.decide import DAY_MS, Trust
from contract.messages import JournalId
from contract.occupancy import MAX_INSIDE
from contract.sealing import DeviceVerifier, Purpose, SyncKey, mac, seal, unseal
from contract.zone_news import RoomTaken, SeenRow, ZoneNews
from edge.config.tables import Point
from edge.counting.counting import STORE_EVERY_S, CountedRecording, Counting
from edge.journal.journal import Journal
from edge.journal.recorder import Recorder
from edge.link.sealed_channel import SealedChannel
from edge.memory.memory import Memory
from tests.edge.support.cards import LoopClock
from tests.edge.support.clouds import DEVICE, DEVICE_KEY, SITE, SYNC_KEY, HandLink
from tests.edge.support.runtimes import runtime
from tests.firmware_sim.support.story import in_virtual_time

GYM, ARM, DOOR, GATE = "gym", "arm", "door", "gate"
POINTS = (Point(ARM, "turnstile", GYM), Point(DOOR, "door", GYM), Point(GATE, "door", "estate"))
ANNA, BEN = "0101010101010101", "0202020202020202"


class InGym:
    """A roster by which two of the points lead into a gym that counts."""

    def counted(self, point: str) -> tuple[str, None] | None:
        return (GYM, None) if point in (ARM, DOOR) else None


class Bench:
    """A device's counters on a real journal and a real memory, with the line in the test's hands."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, LoopClock(asyncio.get_running_loop())
        self.link, self.number = HandLink(), 0
        self.link.connect()
        self.start()

    def start(self) -> None:
        self.memory = Memory(self.folder / "memory.db")
        self.journal = Journal(self.folder / "journal.db", boot="b7")
        self.recorder = Recorder(self.journal, self.clock, asyncio.get_running_loop(), None, None)
        channel = SealedChannel(self.link, SITE, DEVICE, DEVICE_KEY)
        run = runtime(self.clock, self.recorder.record, self.memory)
        self.counting = Counting(run, channel, self.recorder, self.journal, InGym())
        self.counting.believe(SYNC_KEY)
        self.counting.start(POINTS)
        self.recording = CountedRecording(self.recorder, self.counting)

    async def stop(self) -> None:
        self.counting.close()
        await self.recorder.close(1)
        self.memory.close()

    async def restart(self) -> None:
        await self.stop()
        self.start()

    def passes(self, holder: str = ANNA, direction: str = "in", point: str = ARM) -> None:
        self.recording.record(point, "access.passed", {"holder": holder, "direction": direction})

    def news(self, inside: int = 5, seen: int = 0, *, journal: JournalId = "", **more: Any) -> ZoneNews:
        self.number += 1
        now_ms = self.clock.now_ms()
        rows = {DEVICE: SeenRow(journal or self.recorder.journal_id, seen)}
        said = ZoneNews(zone=GYM, number=now_ms + self.number, issued_ms=now_ms, seen=rows, inside=inside)
        return replace(said, **more)

    def hears(self, news: ZoneNews, *, key: SyncKey = SYNC_KEY, device: str = DEVICE, retained: bool = True) -> None:
        self.counting.received(seal(partial(mac, key), Purpose.ZONE, SITE, device, codec.write(news)), retained)

    def inside(self) -> int | None:
        count = self.counting.count(GYM, 0, b"")
        return None if count is None else count.inside

    def agreed(self) -> list[int]:
        """The divisions that the cloud was told of, each under the device's seal."""
        accepts = DeviceVerifier(DEVICE_KEY.public()).accepts
        said = [message.payload for message in self.link.going_up if message.channel == "room"]
        self.link.going_up.clear()
        return [codec.read(unseal(accepts, Purpose.ROOM, SITE, DEVICE, one), RoomTaken).division for one in said]


@in_virtual_time
async def test_passages_of_counted_points_are_counted(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hears(bench.news())
    bench.passes()
    bench.passes(BEN, point=DOOR)
    bench.passes(BEN, point=GATE)
    bench.recording.record(ARM, "turnstile.exited", {})
    bench.recording.record(ARM, "access.refused", {"reason": "expired"})
    assert bench.inside() == 6
    assert bench.counting.status() == {GYM: {"inside": 6, "doubt": 0, "fresh": True}}
    bench.hears(bench.news(7, seen=2))
    assert bench.inside() == 6
    await bench.stop()


@in_virtual_time
async def test_emergency_leaves_the_count_unknown(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hears(bench.news())
    bench.recording.record("", "emergency.began", {"zone": "estate", "cause": "fire"})
    before = bench.counting.count(GYM, 0, b"")
    bench.recording.record("", "emergency.began", {"zone": GYM, "cause": "fire"})
    after = bench.counting.count(GYM, 0, b"")
    assert before
    assert after
    assert (before.count_doubt, after.count_doubt) == (0, MAX_INSIDE)
    await bench.stop()


@in_virtual_time
async def test_news_that_is_not_believed_changes_nothing(tmp_path: Path) -> None:
    """Forged, for another device, replayed, from yesterday, of another zone, and half a name."""
    bench = Bench(tmp_path)
    good = bench.news(5)
    bench.hears(good)
    bench.hears(good)
    bench.hears(bench.news(9), key=SyncKey(bytes(31) + b"x"))
    bench.hears(bench.news(9), device="gym-02")
    bench.hears(replace(bench.news(9), number=good.number - 1))
    bench.hears(replace(bench.news(9), zone="estate"))
    bench.hears(replace(bench.news(9), names=b"half"))
    bench.hears(replace(bench.news(9), issued_ms=bench.clock.now_ms() - DAY_MS))
    bench.counting.received(b"{}\nAAAA", True)
    bench.counting.received(b"noise", False)
    assert bench.inside() == 5
    assert bench.counting.refused == {
        "repeated": 1,
        "bad_seal": 3,
        "replayed": 1,
        "not_here": 1,
        "malformed": 2,
        "old": 1,
    }
    await bench.stop()


@in_virtual_time
async def test_news_waits_for_the_clock(tmp_path: Path) -> None:
    """Nobody can say how old it is, until the cloud has told the time."""
    bench = Bench(tmp_path)
    bench.clock.trust = Trust.UNSET
    bench.hears(bench.news(5))
    assert bench.inside() is None
    bench.clock.trust = Trust.SYNCED
    bench.counting.clock_known()
    assert bench.inside() == 5
    bench.counting.clock_known()
    assert bench.counting.refused == {"clock_unset": 1}
    await bench.stop()


@in_virtual_time
async def test_silent_cloud_leaves_old_news(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hears(bench.news(5))
    for after_s, fresh in ((0, True), (119, True), (1, False)):
        await asyncio.sleep(after_s)
        count = bench.counting.count(GYM, 0, b"")
        assert count
        assert (count.inside, count.is_fresh) == (5, fresh)
    await bench.stop()


@pytest.mark.parametrize("written_s", [0.0, 2 * STORE_EVERY_S])
@in_virtual_time
async def test_counts_outlive_a_restart(tmp_path: Path, written_s: float) -> None:
    """Whether or not the passages were written down beside the journal: what is not is read from the journal."""
    bench = Bench(tmp_path)
    bench.hears(bench.news(5, room=3, division=1))
    await asyncio.sleep(1)
    bench.passes(ANNA)
    bench.passes("")
    await asyncio.sleep(written_s)
    bench.passes(BEN, "out")
    await bench.restart()
    assert bench.inside() == 6
    assert bench.counting.whereabouts(GYM, bytes.fromhex(ANNA)).is_inside
    count = bench.counting.count(GYM, 8, b"")
    assert count
    assert (count.inside, count.is_fresh) == (6, False), "two more may come in here, and nothing is promised elsewhere"
    bench.hears(bench.news(6, seen=2))
    assert bench.inside() == 5
    await bench.stop()


@in_virtual_time
async def test_another_journal_begins_anew(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hears(bench.news(5, room=3, division=1))
    bench.passes(ANNA)
    await asyncio.sleep(2 * STORE_EVERY_S)
    old = bench.recorder.journal_id
    await bench.stop()
    (tmp_path / "journal.db").unlink()
    bench.start()
    bench.passes(BEN)
    assert bench.inside() == 7
    bench.hears(bench.news(6, seen=1, journal=old))
    assert bench.inside() == 7, "of the old journal nothing more will come"
    bench.hears(bench.news(7, seen=1))
    assert bench.inside() == 7
    await bench.stop()


@in_virtual_time
async def test_room_is_agreed_when_written(tmp_path: Path) -> None:
    """The cloud wants places back: it hears of it when that is on the disk, and once more if it asks again."""
    bench = Bench(tmp_path)
    bench.hears(bench.news(5, room=9, division=1))
    await asyncio.sleep(1)
    assert bench.agreed() == []
    bench.hears(bench.news(5, room=3, division=2, asks=True))
    assert bench.agreed() == []
    await asyncio.sleep(1)
    assert bench.agreed() == [2]
    bench.hears(bench.news(5, room=3, division=2, asks=True))
    assert bench.agreed() == [2]
    await bench.restart()
    assert bench.counting.count(GYM, 12, b"") is not None
    await bench.stop()


@in_virtual_time
async def test_damaged_page_leaves_the_zone_unknown(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.hears(bench.news(5, division=1))
    await asyncio.sleep(1)
    bench.memory.store_document("zone.gym", b"rot")
    await bench.restart()
    assert bench.inside() is None
    bench.hears(bench.news(4))
    assert bench.inside() == 4
    await bench.stop()


steps = st.lists(st.sampled_from(["in", "out", "news", "restart", "store"]), max_size=14)


@settings(max_examples=25, deadline=None)
@given(steps)
def test_count_is_true_over_any_restarts(happened: list[str]) -> None:
    """Whatever was written down when the device started anew, and whichever news came: nobody is counted twice, and
    nobody is left out."""

    @in_virtual_time
    async def live() -> None:
        with TemporaryDirectory() as folder:
            bench = Bench(Path(folder))
            bench.hears(bench.news(50, room=9, division=1))
            await asyncio.sleep(1)
            true, rows, passed = 50, 0, {0: 50}
            for step in happened:
                match step:
                    case "in" | "out":
                        bench.passes(ANNA, step)
                        true += 1 if step == "in" else -1
                        passed[rows := rows + 1] = true
                    case "news":
                        await asyncio.sleep(1)
                        seen = rows // 2 if rows % 2 else rows
                        bench.hears(bench.news(passed[seen], seen=seen, room=9, division=1))
                    case "restart":
                        await bench.restart()
                    case "store":
                        await asyncio.sleep(2 * STORE_EVERY_S)
                assert bench.inside() == true
            await bench.stop()

    live()
