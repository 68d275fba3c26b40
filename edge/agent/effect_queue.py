"""The queue of a station's effects: done strictly in order, each drive and each word of value behind its records.

A free passage waits until its record is written, but never longer than 20 ms: a door does not wait for a disk. What has
a value waits until its record is durable and its document is on the disk, and is refused after two seconds. A
safety input empties the queue.
"""

from asyncio import AbstractEventLoop, TimerHandle
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from contract.device_events import DeviceEvents
from edge.agent.ports import Recording
from edge.archetypes.protocol import CannotRecord, Drive, Effect, Persist, Record, Rest, Send, Wake

WRITTEN_WITHIN_MS = 20
DURABLE_WITHIN_MS = 2_000
MAX_WAITING = 64
"""Effects a queue holds while its first one waits; with more of them it waits no longer."""


class EffectExecutor(Protocol):
    """What carries out the effects that a queue releases, records aside."""

    def carry_out(self, point: str, effect: Effect) -> None:
        """Do it now."""

    def persist(self, point: str, document: bytes, persisted: Callable[[], None]) -> None:
        """Keep the point's document. ``persisted`` is called once it is on the disk, never at once, and not at all if
        the disk does not take it."""


class EffectQueue:
    """The effects of one point that wait. ``cannot_record`` tells the station what was not done for want of a durable
    record. A drive that goes ahead of its record is noted in a row of its own. What the queue does later, in a turn of
    the loop of its own, it does by ``guarded``, which deals with faults of ours."""

    def __init__(
        self,
        point: str,
        loop: AbstractEventLoop,
        recording: Recording,
        executor: EffectExecutor,
        cannot_record: Callable[[CannotRecord], None],
        guarded: Callable[..., None],
    ) -> None:
        self._point, self._loop, self._recording, self._executor = point, loop, recording, executor
        self._cannot_record, self._guarded = cannot_record, guarded
        self._effects: deque[Effect] = deque()
        self._recorded: int | None = 0
        self._turn = 0
        self._is_recorded = False
        self._persists_asked = self._persists_done = 0
        self._deadline: TimerHandle | None = None

    def put(self, effects: Iterable[Effect]) -> None:
        """Queue effects and do what can be done at once. A wake-up that is replaced is off from now on, and what is to
        rest is not driven any more by value that was asked for before and still waits."""
        for effect in effects:
            if isinstance(effect, Rest):
                self._cancel_value_at(effect.output)
            self._effects.append(effect)
            if isinstance(effect, Wake):
                self._executor.carry_out(self._point, Wake(effect.name, None))
        self._run()
        while self._deadline is not None and self._is_urgent():
            self._wait_expired()

    def _cancel_value_at(self, output: str) -> None:
        waiting = self._effects[0] if self._deadline is not None else None
        self._effects = deque(effect for effect in self._effects if not _is_value_at(effect, output))
        if waiting is not None and _is_value_at(waiting, output):
            self._end_wait()

    def clear(self) -> None:
        """Safety: nothing that waited is driven any more, and no value is promised. All else is done now; then the
        station learns which messages were not sent, for somebody waits for an answer."""
        self._end_wait()
        unsent: list[str] = []
        while self._effects:
            effect = self._effects.popleft()
            if isinstance(effect, Send) and _is_value(effect):
                unsent.append(effect.port)
            elif not isinstance(effect, Drive):
                self._do(effect)
        for port in unsent:
            self._cannot_record(CannotRecord(port))

    def close(self) -> None:
        """Drive and show nothing more. What has happened is recorded all the same."""
        self._end_wait()
        while self._effects:
            effect = self._effects.popleft()
            if isinstance(effect, Record):
                self._do(effect)

    def _is_urgent(self) -> bool:
        """Whether something behind what waits cannot wait with it. No rest ever waits for a mere record."""
        for_record = isinstance(self._effects[0], Record)
        urgent = any(
            (isinstance(effect, Drive) and effect.behind == "nothing") or (for_record and isinstance(effect, Rest))
            for effect in self._effects
        )
        return urgent or len(self._effects) > MAX_WAITING

    def _run(self) -> None:
        """Do what can be done, up to what must wait."""
        while self._effects and self._deadline is None:
            effect = self._effects[0]
            if self._must_wait(effect):
                self._wait(effect)
            else:
                self._do(self._effects.popleft())

    def _do(self, effect: Effect) -> None:
        """A failure of ours ends what was asked for: no drive behind it may go out at some later time."""
        try:
            self._carry_out(effect)
        except Exception:
            self.clear()
            raise

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Record():
                self._recorded = self._recording.record(self._point, *effect.row)
            case Persist(document=document):
                self._persists_asked += 1
                persisted = partial(self._guarded, self._note_persisted, self._persists_asked)
                self._executor.persist(self._point, document, persisted)
            case _:
                self._executor.carry_out(self._point, effect)

    def _must_wait(self, effect: Effect) -> bool:
        """A record that the full disk refused has no number: a free passage then goes on, and value waits in vain."""
        if isinstance(effect, Record):
            return effect.behind == "persisted" and self._persists_done < self._persists_asked
        return _is_value(effect) or (_is_passage(effect) and self._recorded is not None)

    def _wait(self, effect: Effect) -> None:
        self._turn += 1
        self._is_recorded = isinstance(effect, Record)
        within_ms = WRITTEN_WITHIN_MS if _is_passage(effect) else DURABLE_WITHIN_MS
        self._deadline = self._loop.call_later(within_ms / 1000, self._guarded, self._wait_expired)
        if self._recorded is not None and not self._is_recorded:
            reached = self._recording.when_written if _is_passage(effect) else self._recording.when_durable
            reached(self._recorded, partial(self._guarded, self._reached, self._turn))

    def _reached(self, turn: int) -> None:
        """The record is as far as it must be. ``turn`` tells this wait from one that was given up."""
        if turn == self._turn:
            self._is_recorded = True
            self._release_if_ready()

    def _note_persisted(self, number: int) -> None:
        """The document of this number is on the disk, and with it all before."""
        self._persists_done = number
        self._release_if_ready()

    def _release_if_ready(self) -> None:
        is_persisted = self._persists_done == self._persists_asked
        if self._deadline is not None and self._is_recorded and (is_persisted or _is_passage(self._effects[0])):
            self._release()

    def _wait_expired(self) -> None:
        """Give up the wait: a free passage goes on and its record is flagged, what has a value is not done. An event
        is recorded in any case."""
        waiting = self._effects[0]
        if isinstance(waiting, Drive | Send) and _is_value(waiting):
            self._end_wait()
            self._effects.popleft()
            self._cannot_record(CannotRecord(waiting.output if isinstance(waiting, Drive) else waiting.port))
            self._run()
            return
        if _is_passage(waiting) and self._recorded is not None:
            late = DeviceEvents.late_record(seq=self._recording.seq_of(self._recorded))
            self._recording.record(self._point, *late.row)
        self._release()

    def _release(self) -> None:
        self._end_wait()
        self._do(self._effects.popleft())
        self._run()

    def _end_wait(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _is_passage(effect: Effect) -> bool:
    return isinstance(effect, Drive) and effect.behind == "written"


def _is_value(effect: Effect) -> bool:
    return isinstance(effect, Drive | Send) and effect.behind == "durable"


def _is_value_at(effect: Effect, output: str) -> bool:
    return isinstance(effect, Drive) and _is_value(effect) and effect.output == output
