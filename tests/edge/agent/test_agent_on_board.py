"""Agent and keeper together on a simulated board, in virtual time: shipped code from the pins to the journal."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from contract.credentials import SWAPPED_FRAMES, encode
from edge.agent.agent import Agent
from edge.agent.decider import Decider
from edge.agent.event_throttle import EVERY_S
from edge.agent.ports import AgentPorts
from edge.agent.reader_watch import NOISY_KEYS
from edge.keeper.outputs import LeasedOutput
from edge.keeper.protocol import Reload, ToAgent, ToKeeper
from firmware_sim.parts.door import Door
from firmware_sim.parts.reader import WiegandReader
from firmware_sim.parts.relay import Lock
from firmware_sim.parts.turnstile import Turnstile
from firmware_sim.time.clock import run_virtual
from tests.edge.support.cards import ANNAS, BENS, KEY, STRANGERS, Cards, LoopClock
from tests.edge.support.portals import ANNA, BEN
from tests.edge.support.recordings import DiskRecording
from tests.edge.support.rig import GATES, LOCK, TRIPOD, Leaseless, Rig, driven_ms
from tests.firmware_sim.support.story import in_virtual_time

HALL = (
    GATES
    + f"""
[[point]]
name = "tripod"
kind = "turnstile"
zone = "gym"
outputs.unlock = {{ pin = {TRIPOD}, load = "dry_contact", emergency = "drive" }}
inputs.arm = {{ pin = 13 }}
readers.in = {{ d0 = 7, d1 = 8 }}
"""
)


class Hall(Rig):
    """A door, a magnet and a turnstile on one device whose agent and keeper talk in turns of the loop."""

    def __init__(self, folder: Path, *, strict_gpiod: bool = True) -> None:
        self.keeper_runs = False
        super().__init__(folder, text=HALL, strict_gpiod=strict_gpiod)
        self.recording = DiskRecording(self.loop)
        self.cards = Cards("east", "gym", "tripod")
        self.decider: Decider
        self.agent: Agent
        self.lock = Lock(self.board, pin=LOCK, load="power_to_unlock")
        self.tripod = Turnstile(self.board, unlock_pin=TRIPOD, sensor_pin=13)
        self.tripod_reader = WiegandReader(self.board, d0=7, d1=8, name="tripod reader")
        self.start_agent()
        self.connect()

    def start_agent(self) -> None:
        clock = LoopClock(self.loop)
        self.decider = Decider(self.cards, clock, KEY)
        self.agent = Agent(self.config, AgentPorts(self.loop, clock, self.recording, self.decider, self))

    def connect(self) -> None:
        self.keeper_runs = True
        self.agent.handle(self.keeper.snapshot())

    def send(self, message: ToKeeper) -> None:
        if self.keeper_runs and not isinstance(message, Reload):  # to a keeper by the agent's own wiring none is sent
            self.loop.call_soon(self.keeper.handle, message)

    def tell(self, message: ToAgent) -> None:
        super().tell(message)
        if self.keeper_runs:
            self.loop.call_soon(self.agent.handle, message)

    def kill_keeper(self) -> None:
        self.keeper_runs = False
        self.kill()
        self.agent.keeper_lost()

    def restart_keeper(self) -> None:
        self.start()
        self.connect()

    def door(self) -> Door:
        """The leaf at the east gate, in place of its bare contact."""
        return Door(self.board, contact_pin=22, locks=[self.lock], name="east door", exit_button=self.button)

    def events(self, *families: str) -> list[str]:
        kinds = [kind for kind in self.recording.kinds if kind != "device.keeper_found"]
        return [kind for kind in kinds if not families or kind.split(".")[0] in families]

    def holders(self, kind: str) -> list[Any]:
        return [row.data["holder"] for row in self.recording.rows if row.kind == kind]


@in_virtual_time
async def test_a_card_turns_the_arm_and_the_passage_is_booked(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    hall.tripod_reader.send(ANNAS)
    assert await hall.tripod.enter()
    await asyncio.sleep(10)
    assert hall.events() == ["access.allowed", "access.passed"]
    assert hall.holders("access.passed") == [ANNA.hex()]
    assert (hall.tripod.passed["in"], hall.level(TRIPOD)) == (1, False)


@in_virtual_time
async def test_the_relay_closes_a_millisecond_after_the_silence_that_ends_the_frame(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    hall.tripod_reader.send(ANNAS)
    await asyncio.sleep(1)
    (closed,) = [move for move in hall.board.moves if move.pin == TRIPOD]
    assert closed.level
    assert closed.at_ns / 1e6 == pytest.approx(25 + 5 + 1, abs=0.2)


@in_virtual_time
async def test_a_card_opens_the_door_and_the_leaf_tells_of_the_passage(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    door = hall.door()
    hall.reader.send(ANNAS)
    assert await door.enter()
    await asyncio.sleep(30)
    assert hall.events() == ["access.allowed", "access.passed"]
    assert door.held


@in_virtual_time
async def test_a_stranger_is_refused_and_the_arm_does_not_give(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    hall.tripod_reader.send(STRANGERS)
    assert not await hall.tripod.enter()
    assert hall.events() == ["access.refused"]
    assert hall.recording.rows[-1].data["reason"] == "unknown_credential"


@in_virtual_time
async def test_two_neighbours_pass_one_after_the_other(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    hall.tripod_reader.send(ANNAS)
    first = asyncio.create_task(hall.tripod.enter())
    await asyncio.sleep(0.8)
    hall.tripod_reader.send(BENS)
    assert await first
    assert await hall.tripod.enter()
    await asyncio.sleep(1)
    assert hall.holders("access.passed") == [ANNA.hex(), BEN.hex()]


@pytest.mark.parametrize(
    "bits",
    [ANNAS[:-1], ANNAS + "0", ANNAS[:-1] + str(1 - int(ANNAS[-1])), "01" * 60, "1" * 256, "110"],
    ids=["25 bits", "27 bits", "bad parity", "120 bits", "256 bits", "3 bits"],
)
@in_virtual_time
async def test_noise_is_an_invalid_read_and_never_an_entry(bits: str, tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    hall.tripod_reader.send(bits)
    assert not await hall.tripod.enter()
    assert hall.events() == ["reader.invalid_read"]
    assert hall.agent.failures == 0
    hall.tripod_reader.send(ANNAS)
    assert await hall.tripod.enter()


@in_virtual_time
async def test_a_reader_without_common_ground_lets_nobody_in(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    hall.tripod_reader.common_ground = False
    for _ in range(200):
        hall.tripod_reader.send(ANNAS)
        await asyncio.sleep(1)
    assert hall.tripod.passed["in"] == 0
    assert set(hall.events()) <= {"reader.invalid_read", "access.refused"}
    assert hall.events().count("reader.invalid_read") <= 10
    assert hall.agent.failures == 0


@in_virtual_time
async def test_swapped_wires_show_after_several_cards(tmp_path: Path) -> None:
    """The first card may fit the other way round by luck; four different ones do not."""
    hall = Hall(tmp_path)
    hall.tripod_reader.swapped = True
    for number in range(SWAPPED_FRAMES):
        hall.tripod_reader.send(encode("H10301", facility=21, number=number))
        await asyncio.sleep(1)
    await asyncio.sleep(EVERY_S)
    first, rest = [row.data for row in hall.recording.rows if row.kind == "reader.invalid_read"]
    assert first == {"bits": 26, "parity": "failed", "swapped": False, "perhaps_swapped": True, "count": 1}
    assert rest == {"bits": 26, "parity": "failed", "swapped": True, "count": SWAPPED_FRAMES - 1}


@in_virtual_time
async def test_noise_without_end_is_few_rows(tmp_path: Path) -> None:
    """Random bits fit a format often enough to be strangers' cards: they are counted, and the reader is shown."""
    hall, dice = Hall(tmp_path), random.Random(7)
    for _ in range(600):
        bits = dice.choice([26, 32, 34, 37, dice.randint(9, 80)])
        hall.tripod_reader.send("".join(dice.choice("01") for _ in range(bits)))
        await asyncio.sleep(1)
    assert list(hall.agent.readers.faults().values()) == ["in"]
    assert len(hall.events()) <= 60
    await asyncio.sleep(EVERY_S)
    assert hall.agent.readers.faults() == {}
    reads = [row for row in hall.recording.rows if row.kind in ("reader.invalid_read", "access.refused")]
    assert sum(row.data.get("count", 1) for row in reads) == 600


@in_virtual_time
async def test_keys_that_nobody_presses_show_a_noisy_reader(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    for _ in range(NOISY_KEYS):
        hall.tripod_reader.send("0011")
        await asyncio.sleep(0.4)
    assert list(hall.agent.readers.faults().values()) == ["in"]
    assert hall.events() == []


@in_virtual_time
async def test_keys_typed_on_a_keypad_are_no_cards(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    for burst in ("0001", "0010", "11100001", "1011"):
        hall.tripod_reader.send(burst)
        await asyncio.sleep(0.3)
    assert hall.events() == []


@in_virtual_time
async def test_a_fault_in_the_rule_refuses_and_the_door_works_again_after_it(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    hall.cards.broken = True
    hall.tripod_reader.send(ANNAS)
    assert not await hall.tripod.enter()
    assert hall.recording.rows[-1].data["reason"] == "internal_error"
    assert hall.decider.failures == 1
    hall.cards.broken = False
    hall.tripod_reader.send(ANNAS)
    assert await hall.tripod.enter()


@pytest.mark.parametrize("strict_gpiod", [True, False])
@in_virtual_time
async def test_a_keeper_that_was_killed_comes_back_and_the_door_goes_on(strict_gpiod: bool, tmp_path: Path) -> None:
    hall = Hall(tmp_path, strict_gpiod=strict_gpiod)
    hall.tripod_reader.send(ANNAS)
    await asyncio.sleep(1)
    hall.kill_keeper()
    assert hall.level(TRIPOD) is not strict_gpiod
    await asyncio.sleep(1)
    hall.restart_keeper()
    assert not hall.level(TRIPOD)
    await asyncio.sleep(60)
    assert hall.events("device") == ["device.keeper_lost"]
    hall.tripod_reader.send(BENS)
    assert await hall.tripod.enter()
    assert hall.holders("access.passed") == [BEN.hex()]


@in_virtual_time
async def test_a_drive_that_waits_for_its_record_is_not_made_good_after_the_keeper_came_back(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    hall.recording.hangs = True
    hall.tripod_reader.send(ANNAS)
    await asyncio.sleep(0.035)
    hall.kill_keeper()
    hall.restart_keeper()
    await asyncio.sleep(0.1)
    assert not hall.level(TRIPOD)
    await asyncio.sleep(60)
    assert not hall.level(TRIPOD)


@in_virtual_time
async def test_a_fire_frees_the_door_is_recorded_once_and_ends_with_the_key(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    hall.fire.alarm()
    await asyncio.sleep(1)
    assert hall.level(LOCK)
    hall.reader.send(ANNAS)
    await asyncio.sleep(10)
    hall.kill_keeper()
    hall.restart_keeper()
    await asyncio.sleep(1)
    assert hall.level(LOCK)
    hall.fire.alarm(False)
    await asyncio.sleep(1)
    hall.key.press()
    await asyncio.sleep(1)
    assert not hall.level(LOCK)
    assert hall.events("emergency") == ["emergency.began", "emergency.reset"]
    assert hall.events("access") == ["access.allowed"]
    hall.reader.send(ANNAS)
    await asyncio.sleep(1)
    assert hall.level(LOCK)


@in_virtual_time
async def test_a_fire_in_one_zone_leaves_the_other_to_its_cards(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    hall.fire.alarm()
    await asyncio.sleep(1)
    assert hall.tripod.locked
    hall.tripod_reader.send(ANNAS)
    assert await hall.tripod.enter()


@in_virtual_time
async def test_a_full_disk_keeps_nobody_from_a_free_door(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    hall.recording.full = True
    hall.tripod_reader.send(ANNAS)
    assert await hall.tripod.enter()
    assert hall.recording.refused >= 2


@in_virtual_time
async def test_a_disk_that_hangs_delays_a_free_door_by_20_ms(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    hall.recording.hangs = True
    hall.tripod_reader.send(ANNAS)
    await asyncio.sleep(1)
    (closed,) = [move for move in hall.board.moves if move.pin == TRIPOD]
    assert closed.at_ns / 1e6 == pytest.approx(25 + 5 + 20, abs=0.2)
    assert hall.events() == ["access.allowed", "device.late_record"]


@in_virtual_time
async def test_the_exit_button_waits_for_no_disk_and_no_roster(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    hall.recording.hangs = hall.recording.full = hall.cards.broken = True
    hall.button.press()
    await asyncio.sleep(1)
    (driven,) = [move for move in hall.board.moves if move.pin == LOCK]
    assert driven.at_ns / 1e6 < 25  # the bounce of the button, and its debouncing


@in_virtual_time
async def test_a_door_that_is_forced_is_told(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    door = hall.door()
    await asyncio.sleep(1)
    door.force()
    await asyncio.sleep(1)
    assert hall.events() == ["door.forced"]


async def longest_unlock_of_a_hung_agent_ms(hall: Hall) -> float:
    """The check that a build without the lease must fail: the agent lets somebody in, and then hangs."""
    hall.reader.send(ANNAS)
    await asyncio.sleep(0.1)
    hall.agent.close()
    hall.keeper_runs = False
    await asyncio.sleep(3600)
    return driven_ms(hall.board, LOCK, rest=False, now_ms=hall.loop.time() * 1000)


@in_virtual_time
async def test_an_agent_that_hangs_while_a_door_is_unlocked_leaves_it_to_the_lease(tmp_path: Path) -> None:
    assert await longest_unlock_of_a_hung_agent_ms(Hall(tmp_path)) == pytest.approx(6_000)


@in_virtual_time
async def test_a_build_without_the_lease_leaves_the_door_open_and_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LeasedOutput, "drive", Leaseless.drive)
    assert await longest_unlock_of_a_hung_agent_ms(Hall(tmp_path)) > 6_000


@in_virtual_time
async def test_no_lease_runs_out_while_all_is_well(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    for bits in (ANNAS, BENS, STRANGERS) * 10:
        hall.tripod_reader.send(bits)
        hall.reader.send(bits)
        await hall.tripod.enter()
        await asyncio.sleep(3)
    assert "device.lease_expired" not in hall.events()
    assert hall.agent.failures == 0


def test_the_same_seed_gives_the_same_moves_and_events(tmp_path: Path) -> None:
    async def day() -> tuple[list[Any], list[Any]]:
        hall = Hall(tmp_path)
        door, noise = hall.door(), encode("H10306", facility=1, number=2)
        for bits in (ANNAS, noise[:-1], BENS, STRANGERS):
            hall.tripod_reader.send(bits)
            hall.reader.send(bits)
            await asyncio.gather(hall.tripod.enter(), door.enter())
            await door.leave()
        return list(hall.board.moves), hall.recording.rows

    assert run_virtual(day()) == run_virtual(day())
