"""The modes that the points of a device are in: set by desired documents, refused where a kind has not got one, and
ended by the device itself when their time is over, whether anybody is heard or not.
"""

import logging
from asyncio import TimerHandle
from collections.abc import Callable, Mapping

from contract import codec
from contract.decide import Mode
from contract.device_events import DeviceEvents
from contract.messages import Desired
from edge.archetypes.mode_terms import Instant, Terms, at, next_ms, ordered, refused
from edge.memory.runtime import Runtime

log = logging.getLogger(__name__)

STORED_AS = "desired.terms"


class PointModes:
    """The one owner of the modes. ``kinds`` says of each point what it is; ``apply`` sets the points to their modes,
    and ``ended`` is called after one has ended by itself."""

    def __init__(
        self,
        runtime: Runtime,
        kinds: Mapping[str, str],
        apply: Callable[[Mapping[str, Mode], int], None],
    ) -> None:
        self.ended: Callable[[], object] = lambda: None
        self._runtime, self._kinds, self._apply = runtime, kinds, apply
        self._desired: Desired | None = None
        self._terms = Terms()
        self._timer: TimerHandle | None = None

    @property
    def in_force(self) -> dict[str, Mode]:
        """The mode of every point."""
        return {point: self._terms.modes.get(point, Mode.SCHEDULED) for point in self._kinds}

    def why(self) -> str:
        """What the document asks that no point can do, a sentence each; empty if there is nothing of the kind."""
        if self._desired is None:
            return ""
        unknown = sorted(self._desired.modes.keys() - self._kinds.keys())
        sentences = [f"No such point here: {', '.join(unknown)}."] if unknown else []
        by_mode: dict[Mode, list[str]] = {}
        for point, mode in refused(self._desired, self._kinds).items():
            by_mode.setdefault(mode, []).append(point)
        sentences += [
            f"These points have no mode {mode.value}: {', '.join(points)}." for mode, points in by_mode.items()
        ]
        return " ".join(sentences)

    def take_up(self, desired: Desired) -> None:
        """Set the points as a new document says."""
        now = self._now()
        self._put(desired, ordered(desired, self._desired, at(self._terms, now), self._kinds, now))

    def resume(self, desired: Desired) -> None:
        """Go on after a restart, with a document that was in force before it. No time is won by that."""
        self._desired, self._terms = desired, self._read_terms(desired.number)
        self.look()

    def look(self) -> None:
        """End what has no time left, and see whether the clock knows better by now when that is."""
        if self._desired is None:
            return
        now, before = self._now(), self._terms.modes
        self._put(self._desired, ordered(self._desired, self._desired, at(self._terms, now), self._kinds, now))
        over = {point: mode for point, mode in before.items() if self._terms.modes.get(point) is not mode}
        for point, mode in sorted(over.items()):
            ended = DeviceEvents.mode_ended(mode=mode.value, number=self._desired.number)
            self._runtime.record(point, *ended.row)
        if over:
            self.ended()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _now(self) -> Instant:
        clock = self._runtime.clock
        return Instant(clock.boot, clock.mono_ms(), clock.now_ms())

    def _put(self, desired: Desired, terms: Terms) -> None:
        self._desired, self._terms = desired, terms
        self._apply(terms.modes, desired.number)
        self.close()
        self._save()
        after_ms = next_ms(terms)
        if after_ms is not None:
            self._timer = self._runtime.loop.call_later(after_ms / 1000, self.look)

    def _read_terms(self, number: int) -> Terms:
        """The terms as they were last written down. Without them a mode has what its document and its kind allow."""
        document = self._runtime.memory.document(STORED_AS)
        try:
            terms = Terms() if document is None else codec.read(document, Terms)
        except codec.Malformed as wrong:
            log.warning("what was kept of the modes cannot be read: %s", wrong)
            terms = Terms()
        return terms if terms.number == number else Terms()

    def _save(self) -> None:
        """Ahead of the document itself, in the same queue; while a mode runs this is done again every minute. A disk
        that takes nothing is told of by the document that it does not take either."""
        store, document = self._runtime.memory.store_document, codec.write(self._terms)
        self._runtime.write("the terms of the modes", store, STORED_AS, document)
