"""One device put together: what it says of itself, whom it listens to, and what it records of its own life."""

import asyncio
import json
import logging
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from contract import codec, topics
from contract.decide import Trust
from contract.events import decode_event
from contract.messages import MAX_PAYLOAD_BYTES, Ack, Beat, State
from contract.sealing import SyncKey
from edge.device.device import SAVE_CLOCK_S, Device
from edge.device.health import SOFTWARE
from edge.device.ports import Ports
from edge.identity.identity import Identity
from edge.journal.journal import Journal, JournalView
from edge.keeper.protocol import Frame, Snapshot, ToKeeper
from edge.machine.clock import BUILT_MS, DeviceClock
from edge.memory.memory import Memory
from edge.roster.store import RosterStore
from tests.edge.support.cards import ANNAS
from tests.edge.support.clouds import HandLink, Message, seal_ack
from tests.edge.support.journals import BOOT, NEXT_BOOT, FixedTime
from tests.edge.support.rig import GATES, load
from tests.edge.support.rosters import ROSTER_KEY
from tests.firmware_sim.support.story import in_virtual_time

SITE, NAME = "sunny-court", "gates"
SYNC_KEY = SyncKey(b"s" * 32)
INPUTS = {"east.contact": True, "east.exit_button": False, "gym.release_sense": False}


class Clock(FixedTime):
    """A clock that remembers what it was told."""

    off_ms = 0
    rotten = lost_floor = False
    error_ms = 5

    def __init__(self) -> None:
        super().__init__()
        self.acknowledged: list[int] = []
        self.saved = 0

    def saw_acknowledged(self, cloud_ms: int, round_trip_ms: int) -> bool:
        self.acknowledged.append(cloud_ms)
        return True

    def saw_issued(self, issued_ms: int) -> None:
        """Nothing here is issued."""

    def save(self) -> None:
        self.saved += 1


class Bench:
    """A device whose keeper is a list of orders and whose link is carried by hand; its files are real."""

    def __init__(self, folder: Path, *, registered: bool = True, boot: str = BOOT) -> None:
        keys = folder / "keys"
        keys.mkdir(exist_ok=True)
        if registered:
            held = (("digest.key", b"k" * 32), ("sync.key", b"s" * 32), ("roster.pub", ROSTER_KEY.public()))
            for name, key in held:
                (keys / name).write_text(key.hex())
                (keys / name).chmod(0o600)
        self.folder = folder
        self.link = HandLink()
        self.clock = Clock()
        self.orders: list[ToKeeper] = []
        self.identity = Identity(keys)
        self.device = Device(
            load(folder, GATES),
            Ports(
                loop=asyncio.get_running_loop(),
                clock=self.clock,  # type: ignore[arg-type]
                identity=self.identity,
                journal=Journal(folder / "journal.db", boot=boot),
                roster=RosterStore(folder / "roster.db"),
                memory=Memory(folder / "memory.db"),
                keeper=self,
                link=self.link,
                random=Random(1),
            ),
        )
        self.device.start()

    def send(self, message: ToKeeper) -> None:
        self.orders.append(message)

    def sent(self, channel: str) -> list[Message]:
        return [message for message in self.link.going_up if message.channel == channel]

    def state(self) -> State:
        """The newest that was published."""
        return codec.read(codec.detach(self.sent("state")[-1].payload)[0], State)

    def hears(self, payload: bytes, channel: str = "ack", *, device: str = NAME, way: str = "dn") -> None:
        self.link.on_message(f"hg/v1/{SITE}/{device}/{way}/{channel}", payload, False)

    def ack(self, upto: int) -> bytes:
        return seal_ack(Ack(self.device.recorder.journal_id, upto, 5), site=SITE, device=NAME, key=SYNC_KEY)

    def rows(self) -> list[tuple[str, dict[str, Any]]]:
        with JournalView(self.folder / "journal.db") as journal:
            events = [decode_event(row.stored) for row in journal.tail(1000)]
        return [(event.kind, event.data) for event in events]

    async def settle(self) -> None:
        await asyncio.sleep(0.5)


@in_virtual_time
async def test_a_life_is_recorded_from_its_start_to_its_end(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.link.connect()
    await bench.device.close()
    assert bench.rows() == [("device.started", {"software": SOFTWARE, "clean": True}), ("device.stopped", {})]
    assert not bench.state().online
    assert bench.clock.saved == 1


@in_virtual_time
async def test_a_power_cut_is_told_by_the_next_life_with_the_last_row_that_survived(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.settle()
    bench.device.ports.journal._hold.release()  # the process is gone, and its locks with it
    bench.device.ports.memory.close()
    again = Bench(tmp_path, boot=NEXT_BOOT)
    await again.settle()
    assert again.rows()[1:] == [
        ("device.started", {"software": SOFTWARE, "clean": False}),
        ("device.power_cut", {"last_durable": 1}),
    ]
    await again.device.close()


@in_virtual_time
async def test_a_damaged_roster_is_told_and_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "roster.db").write_bytes(b"rubbish" * 1000)
    bench = Bench(tmp_path)
    await bench.settle()
    assert bench.rows()[1] == ("device.roster_damaged", {"kept_as": "roster.db.damaged-1"})
    await bench.device.close()


@in_virtual_time
async def test_a_damaged_file_of_the_clock_is_told_and_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clock.json").write_bytes(b"rubbish")
    clock = DeviceClock(tmp_path / "clock.json", boot=BOOT, mono=lambda: 5)
    monkeypatch.setattr("tests.edge.device.test_device.Clock", lambda: clock)
    bench = Bench(tmp_path)
    await bench.settle()
    assert bench.rows()[1] == ("device.clock_damaged", {"kept_as": "clock.json.damaged-1", "floor_ms": BUILT_MS})
    assert bench.device.faults()["clock_file"] == "damaged"
    await bench.device.close()


@in_virtual_time
async def test_a_message_too_large_to_take_is_a_fault_of_the_link(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert "link" not in bench.device.faults()
    bench.link.oversized = 3
    assert bench.device.beat().faults["link"] == "3 messages too large"
    await bench.device.close()


@in_virtual_time
async def test_a_device_without_registration_says_its_key_and_hears_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="edge.device.device"):
        bench = Bench(tmp_path, registered=False)
    assert bench.identity.public_key in caplog.text
    bench.link.connect()
    for channel in ("ack", "roster", "page"):
        bench.hears(b"rubbish", channel)
    bench.device.agent.handle(Snapshot(INPUTS, []))
    bench.device.agent.handle(Frame("east.in", ANNAS, 1.0))
    await bench.settle()
    assert bench.rows()[-1][1]["reason"] == "no_roster"
    assert bench.device.faults()["uplink"] == "not_registered"
    assert (len(bench.sent("events")), len(bench.sent("state"))) == (0, 1)
    await bench.device.close()


@in_virtual_time
async def test_only_the_cloud_speaking_to_this_very_device_is_heard(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.link.connect()
    await bench.settle()
    bench.hears(bench.ack(1), device="other")
    bench.hears(bench.ack(1), way="up")
    bench.hears(bench.ack(1), "acks")
    bench.link.on_message("ack", bench.ack(1), False)
    assert bench.device.recorder.acked == 0
    bench.hears(bench.ack(1))
    assert bench.device.recorder.acked == 1
    assert bench.clock.acknowledged == [5]
    await bench.device.close()


@pytest.mark.parametrize("payload", [b"", b"rubbish", b"\xff" * 2_000_000, b"{}\n" + b"0" * 64])
@pytest.mark.parametrize("channel", ["ack", "roster", "page"])
@in_virtual_time
async def test_rubbish_from_the_broker_changes_nothing(channel: str, payload: bytes, tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.link.connect()
    bench.hears(payload, channel)
    await bench.settle()
    status = bench.device.status()
    assert (status["journal"]["acked"], status["roster"]["number"]) == (0, 0)
    assert bench.device.agent.failures == 0
    await bench.device.close()


@in_virtual_time
async def test_a_refused_roster_shows_in_state_status_and_journal(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.link.connect()
    bench.hears(b"rubbish", "roster")
    await asyncio.sleep(2)
    assert bench.rows()[-1] == ("device.roster_refused", {"why": "malformed", "kept": 0})
    assert bench.state().roster.refused == bench.device.status()["roster"]["refused"] == "malformed"
    assert bench.device.faults()["roster"] == "malformed"
    await bench.device.close()


@in_virtual_time
async def test_state_and_health_say_how_the_device_is(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.link.connect()
    state = bench.state()
    assert (state.online, state.connection, state.boot, state.software) == (True, 1, BOOT, SOFTWARE)
    assert set(state.points) == {"east", "gym"}
    assert bench.sent("state")[-1].topic == topics.up(SITE, NAME, "state")
    await bench.settle()
    beat = bench.device.beat()
    assert (beat.journal_rows, beat.waiting, beat.clock) == (1, 1, Trust.SYNCED)
    assert beat.faults == {"keeper": "lost"}
    assert codec.read(bench.sent("beat")[0].payload, Beat).uptime_ms == bench.clock.mono_ms()
    await bench.device.close()


@in_virtual_time
async def test_a_device_that_has_ended_heeds_nobody_and_stays_offline(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.link.connect()
    bench.device.agent.handle(Snapshot(INPUTS, []))
    await bench.settle()
    await bench.device.close()
    rows = bench.rows()
    bench.hears(bench.ack(1))
    bench.hears(b"rubbish", "command")
    bench.link.cut()
    bench.link.connect()
    bench.device.announcer.changed()
    await asyncio.sleep(60)
    assert (bench.link.going_up, bench.rows()) == ([], rows)
    assert (bench.device.recorder.acked, bench.device.uplink and bench.device.uplink.refused) == (0, {})


@in_virtual_time
async def test_another_config_has_another_hash(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    def hashed(text: str) -> str:
        return Device(load(tmp_path, text), bench.device.ports).state(1).config_hash

    assert hashed(GATES) == bench.device.state(1).config_hash
    assert hashed(f"{GATES}# a word\n") != bench.device.state(1).config_hash
    await bench.device.close()


@in_virtual_time
async def test_the_status_is_plain_json_and_shows_what_stands_at_each_point(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.device.agent.handle(Snapshot(INPUTS, ["estate"]))
    await bench.settle()
    status = json.loads(json.dumps(bench.device.status()))
    assert (status["device"], status["site"], status["keeper"]) == (NAME, SITE, True)
    assert status["emergencies"] == ["estate"]
    assert set(status["points"]["east"]) == {"kind", "phase", "mode", "faulted", "faults", "shown"}
    assert status["journal"]["waiting"] == status["journal"]["last"] == len(bench.rows())
    assert "keeper" not in status["faults"]
    await bench.device.close()


@in_virtual_time
async def test_faults_are_named_by_their_place(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.device.agent.handle(Snapshot({**INPUTS, "east.contact": False}, []))
    assert "agent" not in bench.device.faults()
    bench.device.agent.failures = bench.link.faults = 1
    assert bench.device.faults()["agent"] == "2 failures"
    await bench.settle()
    assert msgspec.json.encode(bench.device.beat())
    await bench.device.close()


@in_virtual_time
async def test_a_broker_that_has_rosters_refused_all_day_fills_no_journal(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.link.connect()
    for _ in range(20):
        bench.hears(b"rubbish", "roster")
        bench.hears(bytes(MAX_PAYLOAD_BYTES + 1), "roster")
    await asyncio.sleep(2)
    assert [data["why"] for kind, data in bench.rows() if kind == "device.roster_refused"] == ["malformed", "too_long"]
    assert bench.state().roster.refused == "too_long"
    await bench.device.close()


@in_virtual_time
async def test_who_comes_back_without_the_time_asks_for_it_by_an_event(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.clock.trust = Trust.UNSET
    bench.link.connect()
    await bench.settle()
    assert [kind for kind, _ in bench.rows()] == ["device.started"]
    bench.link.cut()
    bench.link.connect()
    await bench.settle()
    assert bench.rows()[-1] == ("device.asks_time", {"clock": "unset"})
    assert bench.clock.acknowledged == []
    bench.hears(bench.ack(2))
    assert bench.clock.acknowledged == [5]
    bench.clock.trust = Trust.SYNCED
    bench.link.cut()
    bench.link.connect()
    await bench.settle()
    assert len(bench.rows()) == 2
    await bench.device.close()


@in_virtual_time
async def test_a_boot_that_has_learned_the_time_tells_the_cloud_how_to_read_its_clock(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.device.ports.clock.on_fixed(1_800_000_000_000, 40)
    await bench.settle()
    expected = {"boot": BOOT, "offset_ms": 1_800_000_000_000, "error_ms": 40}
    assert bench.rows()[-1] == ("device.clock_fixed", expected)
    await bench.device.close()


@in_virtual_time
async def test_a_device_notes_how_late_it_is_though_it_hears_nobody(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await asyncio.sleep(3 * SAVE_CLOCK_S + 1)
    assert bench.clock.saved == 3
    await bench.device.close()


@in_virtual_time
async def test_a_cloud_whose_time_is_not_believed_is_a_fault(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.clock.off_ms = -259_200_000
    assert bench.device.faults()["clock"] == "the cloud's time is -259200 s off"
    assert bench.device.beat().clock_error_ms == bench.device.status()["clock"]["error_ms"] == 5
    await bench.device.close()
