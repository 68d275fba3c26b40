import asyncio
import errno
from collections.abc import Iterator

import pytest

from edge.machine.space import ENOUGH_BYTES, LOOK_S, LOW_BYTES, Space
from firmware_sim.time.clock import VirtualLoop
from tests.edge.support.recordings import HandRecording


class Recording(HandRecording):
    filled = 0.0


class Bench:
    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self.recording = Recording()
        self.free = ENOUGH_BYTES * 2
        self.disk_fails = False
        self.changes = 0
        recording = self.recording
        self.space = Space(lambda: recording.filled, self.free_bytes, self.loop, recording.record, self.change)

    def free_bytes(self) -> int:
        if self.disk_fails:
            raise OSError(errno.EIO, "Input/output error")
        return self.free

    def change(self) -> None:
        self.changes += 1

    def recorded(self) -> list[tuple[str, str]]:
        return [(row.kind, row.data["fault"]) for row in self.recording.rows]

    def fill(self, filled: float) -> list[tuple[str, str]]:
        self.recording.filled = filled
        self.space.look()
        return self.recorded()


FULL, ROOM = ("device.fault", "journal_full"), ("device.fault_cleared", "journal_full")


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.space.close()
    made.loop.close()


def test_a_journal_is_called_full_at_nine_tenths_and_once(bench: Bench) -> None:
    assert bench.fill(0.89) == []
    assert bench.fill(0.9) == [FULL]
    assert bench.fill(3.0) == [FULL]
    assert (bench.space.faults, bench.changes) == ({"journal_full": "100%"}, 1)


def test_there_is_room_again_at_eight_tenths_and_not_before(bench: Bench) -> None:
    bench.fill(0.95)
    assert bench.fill(0.81) == [FULL]
    assert bench.space.faults == {"journal_full": "81%"}
    assert bench.fill(0.79) == [FULL, ROOM]
    assert bench.space.faults == {}
    assert bench.fill(0.89) == [FULL, ROOM]
    assert bench.fill(0.9) == [FULL, ROOM, FULL]


def test_a_low_disk_is_told_and_told_again_when_there_is_enough(bench: Bench) -> None:
    for free, count in ((LOW_BYTES + 1, 0), (LOW_BYTES, 1), (ENOUGH_BYTES, 1), (ENOUGH_BYTES + 1, 2)):
        bench.free = free
        bench.space.look()
        assert len(bench.recorded()) == count
    assert bench.recorded() == [("device.fault", "disk_low"), ("device.fault_cleared", "disk_low")]


def test_a_disk_that_does_not_say_what_is_free_stops_nobody_and_is_asked_again(bench: Bench) -> None:
    bench.disk_fails = True
    assert bench.fill(0.9) == [FULL]
    bench.disk_fails, bench.free = False, LOW_BYTES
    bench.loop.run_until_complete(asyncio.sleep(LOOK_S + 1))
    assert set(bench.space.faults) == {"journal_full", "disk_low"}
    bench.disk_fails = True
    bench.loop.run_until_complete(asyncio.sleep(LOOK_S))
    assert set(bench.space.faults) == {"journal_full", "disk_low"}, "its last answer stands"


def test_it_looks_every_minute_until_it_is_closed(bench: Bench) -> None:
    bench.space.look()
    bench.recording.filled = 1.0
    bench.loop.run_until_complete(asyncio.sleep(LOOK_S + 1))
    assert bench.recorded() == [FULL]
    bench.space.close()
    bench.recording.filled = 0.0
    bench.loop.run_until_complete(asyncio.sleep(5 * LOOK_S))
    assert bench.recorded() == [FULL]
