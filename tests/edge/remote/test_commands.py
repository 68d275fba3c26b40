"""Commands at the device: written down before anything moves, and carried out once or not at all."""

import asyncio
from asyncio import Future
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest
from msgspec import structs

from contract import codec
from contract.commands import COMMANDS
from contract.decide import Trust
from contract.messages import Command, Result
from contract.sealing import CommandKey, CommandVerifier, DeviceKey, Purpose, statement
from edge.archetypes.protocol import CommandReceived
from edge.link.sealed_channel import SealedChannel
from edge.memory.memory import MAX_COMMANDS, Memory, MemoryUnusable, StoredCommand
from edge.remote.commands import CLOCKS_DIFFER_MS, MAX_AT_ONCE, CommandOutcome, Commands
from tests.edge.support.clouds import OneWayLink
from tests.edge.support.runtimes import runtime
from tests.firmware_sim.support.story import in_virtual_time

SITE, DEVICE = "estate", "gym-01"
KEY = CommandKey.generate()
VERIFIER = CommandVerifier(KEY.public())
NOW_MS = 1_800_000_000_000


class World:
    """A device's commands, with what they did."""

    def __init__(self, folder: Path, *, verifies: bool = True, new: bool = False, trust: Trust = Trust.SYNCED) -> None:
        self.folder, self.loop = folder, asyncio.get_running_loop()
        self.trust = trust
        self.did: list[tuple[str, CommandReceived]] = []
        self.answers: list[Result] = []
        self.rows: list[tuple[str, dict[str, Any]]] = []
        self.done: CommandOutcome | None = CommandOutcome()
        self.fault: Exception | None = None
        self.verifies = verifies
        if not new:
            memory = Memory(folder / "memory.db")
            memory.forget_until(1)
            memory.close()
        self.start()

    def start(self) -> Self:
        self.memory = Memory(self.folder / "memory.db")
        self.commands = Commands(
            runtime(self, lambda _point, kind, data: self.rows.append((kind, data)), self.memory),
            SealedChannel(OneWayLink(self._answered), SITE, DEVICE, DeviceKey.generate()),
            VERIFIER if self.verifies else None,
            kinds={"gym": "door", "meter": "bank", "e-bike": "socket"},
            actions=dict.fromkeys(COMMANDS, self._action),
        )
        self.commands.connection = 7
        self.commands.start()
        return self

    def restart(self) -> None:
        self.memory.close()
        self.start()

    def _answered(self, payload: bytes) -> None:
        self.answers.append(codec.read(codec.detach(payload)[0], Result))

    def now_ms(self) -> int:
        return NOW_MS + self.mono_ms()

    def mono_ms(self) -> int:
        return int(self.loop.time() * 1000)

    def _action(self, point: str, received: CommandReceived) -> CommandOutcome | None:
        assert (received.order_record["op"], received.order_record["by"]) == (received.op, "lin")
        assert received.order_record["id"] in {one.id for one in self.memory.commands()}
        self.did.append((point, received))
        if self.fault is not None:
            raise self.fault
        return self.done

    def command(self, number: int = 1, **changes: Any) -> Command:
        made = Command(
            id=f"{number:032x}",
            device=DEVICE,
            op="open_once",
            by="lin",
            reason="a visitor",
            connection=7,
            lifetime_ms=10_000,
            issued_ms=self.now_ms(),
            point="gym",
        )
        return structs.replace(made, **changes)

    def receive(self, command: Command, *, retained: bool = False) -> None:
        body = codec.write(command)
        seal = KEY.sign(statement(Purpose.COMMAND, SITE, command.device, body))
        self.commands.receive(codec.attach(body, seal), retained)

    async def hears(self, command: Command) -> None:
        self.receive(command)
        await asyncio.sleep(0.1)

    def done_ids(self) -> list[str]:
        return [received.order_record["id"] for _, received in self.did]

    def outcomes(self) -> list[tuple[str, str]]:
        return [(answer.outcome, answer.why) for answer in self.answers]


@in_virtual_time
async def test_a_command_is_written_down_before_it_is_carried_out_and_then_answered(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.hears(world.command())
    assert [point for point, _ in world.did] == ["gym"]
    assert world.outcomes() == [("done", "")]
    (kept,) = world.memory.commands()
    assert kept.result is not None


@in_virtual_time
async def test_an_id_that_was_seen_is_answered_as_before_also_after_a_restart(tmp_path: Path) -> None:
    world = World(tmp_path)
    command = world.command()
    world.receive(command)
    world.receive(command)
    await asyncio.sleep(0.1)
    await world.hears(command)
    world.restart()
    await world.hears(command)
    assert len(world.did) == 1
    assert world.answers == [world.answers[0]] * 3


@in_virtual_time
async def test_what_a_restart_interrupted_is_unknown_and_never_done_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    command = world.command()
    world.memory.begin(StoredCommand(command.id, "open_once", NOW_MS, NOW_MS, None))
    world.restart()
    await asyncio.sleep(0.1)
    assert world.rows == [("command.unknown", {"id": command.id, "op": "open_once"})]
    await world.hears(command)
    assert world.did == []
    assert set(world.outcomes()) == {("unknown", "restarted")}
    world.restart()
    await asyncio.sleep(0.1)
    assert len(world.rows) == 1


@in_virtual_time
async def test_what_reaches_the_disk_after_the_end_is_not_done_and_the_next_start_owns_up(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.receive(world.command())
    world.commands.close()
    await asyncio.sleep(0.1)
    assert (world.did, world.answers) == ([], [])
    world.restart()
    await asyncio.sleep(0.1)
    assert world.outcomes() == [("unknown", "restarted")]


@in_virtual_time
async def test_a_lifetime_is_counted_until_the_deed_and_not_until_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    disk: list[tuple[Future[int], StoredCommand]] = []

    def slowly(_executor: object, act: Callable[..., int], begun: StoredCommand) -> "Future[int]":
        written: Future[int] = world.loop.create_future()
        if act == world.memory.begin:
            disk.append((written, begun))
        return written

    monkeypatch.setattr(world.loop, "run_in_executor", slowly)
    for number, wait_s in ((1, 9.9), (2, 10.1)):
        world.receive(world.command(number))
        await asyncio.sleep(wait_s)
        written, begun = disk.pop()
        written.set_result(world.memory.begin(begun))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert world.done_ids() == [world.command(1).id]
    assert world.rows[-1][0] == "command.refused"
    assert world.rows[-1][1]["why"] == "expired"


@in_virtual_time
async def test_a_disk_that_takes_nothing_moves_nothing_and_the_command_may_come_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.memory._connection.execute("PRAGMA query_only = 1")
    command = world.command()
    await world.hears(command)
    assert (world.did, world.outcomes()) == ([], [("refused", "cannot_record")])
    world.memory._connection.execute("PRAGMA query_only = 0")
    await world.hears(command)
    assert world.outcomes()[-1] == ("done", "")


@in_virtual_time
async def test_a_result_that_cannot_be_kept_is_told_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)

    def fail(_command: str, _result: bytes) -> None:
        raise MemoryUnusable("full")

    monkeypatch.setattr(world.memory, "finish", fail)
    await world.hears(world.command())
    assert world.outcomes() == [("done", "")]
    monkeypatch.undo()
    world.restart()
    await world.hears(world.command())
    assert len(world.did) == 1
    assert world.outcomes()[-1] == ("unknown", "restarted")


@in_virtual_time
async def test_what_the_deed_refuses_is_recorded_kept_and_answered(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.done = CommandOutcome("refused", "locked_down")
    await world.hears(world.command())
    world.done = CommandOutcome("failed", "internal_error")
    await world.hears(world.command(2))
    assert world.outcomes() == [("refused", "locked_down"), ("failed", "internal_error")]
    assert [(kind, data["why"], data["by"]) for kind, data in world.rows] == [
        ("command.refused", "locked_down", "lin"),
        ("command.failed", "internal_error", "lin"),
    ]


@in_virtual_time
async def test_a_deed_that_fails_by_a_fault_of_ours_is_answered_recorded_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path)
    world.fault = ZeroDivisionError()
    await world.hears(world.command())
    assert world.outcomes() == [("failed", "internal_error")]
    assert [(kind, data["why"]) for kind, data in world.rows] == [("command.failed", "internal_error")]
    assert (world.commands.failures, "the command open_once failed" in caplog.text) == (1, True)
    world.restart()
    await world.hears(world.command())
    assert (len(world.did), world.outcomes()[-1]) == (1, ("failed", "internal_error"))


@in_virtual_time
async def test_what_was_asked_for_is_told_once_and_not_kept(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.done = CommandOutcome(data={"lines": ["one"]})
    command = world.command()
    await world.hears(command)
    await world.hears(command)
    assert [answer.data for answer in world.answers] == [{"lines": ["one"]}, {}]


@in_virtual_time
async def test_what_ends_the_process_is_done_after_the_answer_is_kept_and_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    seen: list[tuple[int, bool]] = []

    def end() -> None:
        seen.append((len(world.answers), world.memory.commands()[0].result is not None))

    world.done = CommandOutcome(afterwards=end)
    await world.hears(world.command())
    assert seen == [(1, True)]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"connection": 6}, "wrong_connection"),
        ({"issued_ms": NOW_MS - 10_000 - CLOCKS_DIFFER_MS - 1_000}, "expired"),
        ({"issued_ms": NOW_MS + 10_000 + CLOCKS_DIFFER_MS + 1_000}, "expired"),
    ],
)
@in_virtual_time
async def test_a_command_of_another_time_or_connection_is_refused_and_told(
    changes: dict[str, Any], why: str, tmp_path: Path
) -> None:
    world = World(tmp_path)
    await world.hears(world.command(**changes))
    assert (world.did, world.outcomes()) == ([], [("refused", why)])
    assert world.memory.commands() == []


@in_virtual_time
async def test_without_a_clock_only_the_clock_is_set(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.trust = Trust.UNSET
    await world.hears(world.command())
    await world.hears(world.command(2, op="clock_set", issued_ms=NOW_MS + 10**12, args={"now_ms": NOW_MS}))
    assert world.outcomes() == [("refused", "clock_unset"), ("done", "")]


@in_virtual_time
async def test_a_device_without_the_key_obeys_nobody_and_says_so(tmp_path: Path) -> None:
    world = World(tmp_path, verifies=False)
    await world.hears(world.command())
    assert (world.did, world.answers) == ([], [])
    assert world.rows == [("command.refused", {"why": "no_command_key", "count": 1})]


@in_virtual_time
async def test_for_another_device_and_retained_are_refused_without_a_word_to_the_broker(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.receive(world.command(), retained=True)
    await world.hears(world.command(device="gym-02"))
    assert (world.did, world.answers) == ([], [])
    assert world.commands.refused == {"retained": 1, "bad_seal": 1}


@in_virtual_time
async def test_no_more_than_a_few_wait_for_the_disk(tmp_path: Path) -> None:
    world = World(tmp_path)
    for number in range(MAX_AT_ONCE + 3):
        world.receive(world.command(number))
    await asyncio.sleep(0.1)
    assert len(world.did) == MAX_AT_ONCE
    assert world.outcomes().count(("refused", "busy")) == 3


@in_virtual_time
async def test_a_command_whose_id_is_forgotten_is_known_by_its_time(tmp_path: Path) -> None:
    world = World(tmp_path)
    first = world.command()
    await world.hears(first)
    for number in range(2, MAX_COMMANDS + 2):
        await world.hears(world.command(number))
    assert len(world.memory.commands()) == MAX_COMMANDS
    world.restart()
    await world.hears(first)
    assert len(world.did) == MAX_COMMANDS + 1
    assert world.outcomes()[-1] == ("refused", "too_old")


@in_virtual_time
async def test_a_new_memory_refuses_older_commands(tmp_path: Path) -> None:
    """A command that was recorded at the broker is played to a device that has lost its memory, connection numbers and
    all: whatever was issued before the memory was made may have been carried out."""
    world = World(tmp_path, new=True)
    recorded = world.command(issued_ms=world.now_ms() - 14_000)
    await world.hears(recorded)
    assert (world.did, world.outcomes()) == ([], [("refused", "too_old")])
    await world.hears(world.command(2))
    assert world.done_ids() == [world.command(2).id]
    world.restart()
    await world.hears(recorded)
    assert world.outcomes()[-1] == ("refused", "too_old")


@in_virtual_time
async def test_new_memory_begins_when_the_time_is_known(tmp_path: Path) -> None:
    world = World(tmp_path, new=True, trust=Trust.UNSET)
    recorded = world.command()
    await asyncio.sleep(5)
    await world.hears(recorded)
    world.trust = Trust.SYNCED
    world.commands.time_known()
    await world.hears(recorded)
    assert world.outcomes() == [("refused", "clock_unset"), ("refused", "too_old")]
    await world.hears(world.command(2))
    assert len(world.did) == 1


@in_virtual_time
async def test_command_that_goes_on_is_answered_once(tmp_path: Path) -> None:
    """An enrolment waits for a card: its id is answered when it has ended, and then as often as it is asked."""
    world = World(tmp_path)
    world.done = None
    await world.hears(world.command(op="enrol", args={"key": "0" * 64, "window_ms": 60_000}))
    await world.hears(world.command(op="enrol", args={"key": "0" * 64, "window_ms": 60_000}))
    assert (len(world.did), world.outcomes()) == (1, [])
    world.commands.finish(world.did[0][1].order_record, CommandOutcome(data={"card": "00"}))
    await asyncio.sleep(0.1)
    assert [(one.outcome, one.data) for one in world.answers] == [("done", {"card": "00"})]
    await world.hears(world.command(op="enrol", args={"key": "0" * 64, "window_ms": 60_000}))
    assert [one.data for one in world.answers] == [{"card": "00"}, {}], "the sealed card is told, and not kept"


@in_virtual_time
async def test_restart_while_a_command_goes_on_is_unknown(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.done = None
    await world.hears(world.command(op="enrol", args={"key": "0" * 64, "window_ms": 60_000}))
    world.commands.close()
    world.commands.finish(world.did[0][1].order_record, CommandOutcome())
    world.restart()
    await asyncio.sleep(0.1)
    assert world.outcomes() == [("unknown", "restarted")]
