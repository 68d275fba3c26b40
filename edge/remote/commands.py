"""What operators order from afar: each command is believed by its seal, and carried out once or not at all.

A broker may keep a command, repeat it, or hand it over when it suits a thief. So a command is for one connection of one
device; it is young by the device's own clock, which no broker moves; it is written down by its id before anything
moves; and once it is written down, its id is answered with what became of it, for ever.
"""

import logging
from asyncio import Future
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple

from msgspec import Struct, structs

from contract import codec
from contract.commands import COMMANDS, WrongArgs
from contract.decide import Trust
from contract.device_events import CommandEvents
from contract.kinds import kind_of
from contract.messages import MAX_LIFETIME_MS, Command, CommandId, Result
from contract.sealing import CommandVerifier, Purpose
from edge.agent.event_throttle import EventThrottle
from edge.archetypes.protocol import CommandReceived
from edge.link.sealed_channel import SealedChannel
from edge.memory.memory import MAX_COMMANDS, MemoryUnusable, StoredCommand
from edge.memory.runtime import Runtime

log = logging.getLogger(__name__)

CLOCKS_DIFFER_MS = 60_000
"""How far cloud and device may differ about the time: weeks of holdover, or a slow line. A broker that keeps a command
back gains no more than this."""
MAX_AT_ONCE = 8
"""Commands that wait for the disk; more are refused."""


class CommandOutcome(NamedTuple):
    """How a command ended. ``afterwards`` is done when that is written down and told: what ends this process itself."""

    outcome: Literal["done", "refused", "failed"] = "done"
    why: str = ""
    data: dict[str, Any] = {}  # noqa: RUF012 - the default of a named tuple, and never changed
    afterwards: Callable[[], object] | None = None


CommandAction = Callable[[str, CommandReceived], CommandOutcome | None]
"""Carries a command out at a point, or at the device itself where that is empty. What ``told`` says (id, op, by,
reason) is recorded ahead of its effect. Without an outcome it goes on, and ends by ``Commands.finish``."""


class CommandRefused(Exception):
    """A command is not to be carried out. ``id`` is empty unless the cloud itself has sealed it: then it is told."""

    def __init__(self, why: str, command: str = "") -> None:
        super().__init__(why)
        self.why, self.id = why, command


class _Named(Struct, frozen=True):
    """The part of a command that even an older device understands."""

    id: CommandId


class Commands:
    """Takes commands from the link. ``connection`` is the number of the one that stands, 0 without one; ``refused``
    counts by reason what was not carried out, ``failures`` the actions that raised. ``kinds`` are those of the points;
    ``actions`` carry out what is ordered, by op."""

    def __init__(
        self,
        runtime: Runtime,
        channel: SealedChannel,
        verifier: CommandVerifier | None,
        *,
        kinds: Mapping[str, str],
        actions: Mapping[str, CommandAction],
    ) -> None:
        self.connection = 0
        self.refused: Counter[str] = Counter()
        self.failures = 0
        self._runtime, self._channel, self._verifier = runtime, channel, verifier
        self._clock, self._memory = runtime.clock, runtime.memory
        self._kinds, self._actions = kinds, actions
        record = runtime.record
        self._throttles: defaultdict[str, EventThrottle] = defaultdict(
            lambda: EventThrottle(runtime.loop, lambda data: record("", *CommandEvents.refused(**data).row))
        )
        self._waiting = 0
        self._closed = False
        begun = self._memory.commands()
        self._forgotten_ms = self._memory.forgotten_ms()
        self._is_new = self._forgotten_ms == 0
        self._results = {command.id: _stored(command) for command in begun}
        self._never_ended = [command for command in begun if command.result is None]

    def start(self) -> None:
        """Record that the result of what was begun and never ended is unknown: nobody knows whether anything moved."""
        for command in self._never_ended:
            self._runtime.record("", *CommandEvents.unknown(id=command.id, op=command.op).row)
            self._store(Result(command.id, "unknown", self._clock.now_ms(), "restarted"))
        if self._clock.trust is not Trust.UNSET:
            self.time_known()

    def time_known(self) -> None:
        """The memory of a device that was set up anew, or has lost it, knows no command that was carried out before:
        what was issued by now may have been."""
        if self._is_new:
            self._is_new = False
            self._forgotten_ms = self._clock.now_ms() - 1
            # Without it the next start counts as the first, and refuses what was issued before that.
            self._runtime.write("since when commands are remembered", self._memory.forget_until, self._forgotten_ms)

    def close(self) -> None:
        """Carry nothing more out. The next start tells of what was written down meanwhile."""
        self._closed = True
        for throttle in self._throttles.values():
            throttle.close()

    def receive(self, payload: bytes, retained: bool) -> None:
        """Take a command as the broker delivers it."""
        received_ms = self._clock.mono_ms()
        try:
            command = self._verified(payload, retained)
            if command.id in self._results:
                result = self._results[command.id]
                if result is not None:
                    self._channel.publish("result", result)
                return
            self._check(command)
        except CommandRefused as wrong:
            self._refuse(wrong)
            return
        self._waiting += 1
        self._results[command.id] = None
        begun = StoredCommand(command.id, command.op, self._clock.now_ms(), command.issued_ms, None)
        written = self._runtime.on_disk(self._memory.begin, begun)
        written.add_done_callback(partial(self._begun, command, received_ms))

    def _verified(self, payload: bytes, retained: bool) -> Command:
        """The command, if the cloud has sealed it for this device. Raises ``CommandRefused``."""
        if retained:
            raise CommandRefused("retained")
        if self._verifier is None:
            raise CommandRefused("no_command_key")
        try:
            command = self._read(self._channel.unseal(self._verifier.accepts, Purpose.COMMAND, payload))
        except codec.Malformed as wrong:
            raise CommandRefused(wrong.why) from None
        if command.device != self._channel.device:
            raise CommandRefused("wrong_device")
        return command

    def _read(self, body: bytes) -> Command:
        """Raises ``CommandRefused`` for an order of a newer cloud, ``Malformed`` for what is none at all."""
        try:
            command = codec.read(body, Command)
        except codec.Malformed:
            raise CommandRefused("not_understood", codec.read(body, _Named).id) from None
        if command.op not in COMMANDS:
            raise CommandRefused("not_understood", command.id)
        return command

    def _check(self, command: Command) -> None:
        """Raises ``CommandRefused`` unless the command is new, young and meant for this very connection."""
        needs_clock = command.op != "clock_set"
        # How far our time is from that of its issue: one that comes from the future says that our clock is late.
        age_ms = abs(self._clock.now_ms() - command.issued_ms)
        reasons = {
            "wrong_connection": command.connection != self.connection,
            "too_old": command.issued_ms <= self._forgotten_ms,
            "clock_unset": needs_clock and self._clock.trust is Trust.UNSET,
            "expired": needs_clock and age_ms > command.lifetime_ms + CLOCKS_DIFFER_MS,
            "busy": self._waiting >= MAX_AT_ONCE,
        }
        for why, is_wrong in reasons.items():
            if is_wrong:
                raise CommandRefused(why, command.id)

    def _refuse(self, wrong: CommandRefused) -> None:
        self.refused[wrong.why] += 1
        log.warning("a command was refused: %s", wrong.why)
        self._throttles[wrong.why].note({"why": wrong.why})
        if wrong.id:
            self._channel.publish("result", Result(wrong.id, "refused", self._clock.now_ms(), wrong.why))

    def _begun(self, command: Command, received_ms: int, written: "Future[int]") -> None:
        """It is on the disk that this command is being carried out: now it may be, if it still lives."""
        self._waiting -= 1
        if self._closed:
            return
        try:
            self._forgotten_ms = max(self._forgotten_ms, written.result())
        except MemoryUnusable as error:
            log.error("a command cannot be written down: %s", error)
            del self._results[command.id]
            self._refuse(CommandRefused("cannot_record", command.id))
            return
        order: dict[str, Any] = {"id": command.id, "op": command.op, "by": command.by, "reason": command.reason}
        if self._clock.mono_ms() - received_ms > min(command.lifetime_ms, MAX_LIFETIME_MS):
            done: CommandOutcome | None = CommandOutcome("refused", "expired")
        else:
            done = self._do(command, order)
        if done is not None:
            self.finish(order, done)

    def finish(self, order_record: dict[str, Any], done: CommandOutcome) -> None:
        """A command that was begun has ended: record what was not done, store the result and send it."""
        if self._closed:
            return
        if done.outcome != "done":
            ended = CommandEvents.refused if done.outcome == "refused" else CommandEvents.failed
            self._runtime.record("", *ended(**order_record, why=done.why).row)
        result = Result(order_record["id"], done.outcome, self._clock.now_ms(), done.why, done.data)
        self._store(result, done.afterwards)

    def _do(self, command: Command, order: dict[str, Any]) -> CommandOutcome | None:
        """Behind this boundary a fault of ours leaves nobody without an answer."""
        try:
            received = CommandReceived(command.op, order, checked_args(command, self._kinds))
            return self._actions[command.op](command.point, received)
        except CommandRefused as wrong:
            return CommandOutcome("refused", wrong.why)
        except Exception:
            log.exception("the command %s failed", command.op)
            self.failures += 1
            return CommandOutcome("failed", "internal_error")

    def _store(self, result: Result, afterwards: Callable[[], object] | None = None) -> None:
        """Write the result down, then tell it. What was asked for is told, and not kept."""
        stored = structs.replace(result, data={})
        self._results[result.id] = stored
        while len(self._results) > MAX_COMMANDS:
            del self._results[next(iter(self._results))]
        written = self._runtime.on_disk(self._memory.finish, result.id, codec.write(stored))
        written.add_done_callback(partial(self._stored, result, afterwards))

    def _stored(self, result: Result, afterwards: Callable[[], object] | None, written: "Future[None]") -> None:
        try:
            written.result()
        except MemoryUnusable as error:
            log.warning("a command's result cannot be kept: %s", error)
        self._channel.publish("result", result)
        if afterwards is not None:
            afterwards()


def checked_args(command: Command, kinds: Mapping[str, str]) -> Struct:
    """The arguments of a command, if it is one that its place has: the one check of op, scope and arguments by the
    table. ``kinds`` are those of this device's points. Raises ``CommandRefused``."""
    declared = COMMANDS[command.op]
    if declared.scope == "point":
        if command.point not in kinds:
            raise CommandRefused("no_such_point")
        if not declared.is_for(kind_of(kinds[command.point])):
            raise CommandRefused("not_this_kind")
    try:
        return declared.read_args(command.args)
    except WrongArgs:
        raise CommandRefused(declared.wrong_args) from None


def _stored(begun: StoredCommand) -> Result | None:
    """The result as it was kept; ``unknown`` for one that rotted."""
    if begun.result is None:
        return None
    try:
        return codec.read(begun.result, Result)
    except codec.Malformed:
        return Result(begun.id, "unknown", begun.started_ms, "restarted")
