"""How the cloud wants this device to be: one sealed document that stays true until a newer one replaces it.

The document is kept as it came, so that its seal vouches for it after every restart: a door that was locked down is so
again before the first card. Its number only ever grows, so that a broker cannot bring yesterday's document back.
"""

import logging
from asyncio import Future, TimerHandle
from functools import partial

from contract import codec
from contract.device_events import DeviceEvents
from contract.messages import Desired, Reported
from contract.sealing import ConfigVerifier, Purpose
from edge.agent.event_throttle import EventThrottle
from edge.link.sealed_channel import DocumentRefused, SealedChannel
from edge.memory.memory import MemoryUnusable
from edge.memory.runtime import Runtime
from edge.remote.point_modes import PointModes
from edge.remote.rewiring import Rewiring, WiringVerdict

log = logging.getLogger(__name__)

STORED_AS = "desired"
SAVE_AGAIN_S = 10.0
"""How long after the disk took no document it is offered again."""


class DesiredState:
    """Takes desired documents and reports on them. ``refused`` is why the last one was not believed, empty when well.

    ``modes`` sets the modes of the points; ``wiring`` looks after the rest.
    """

    def __init__(
        self,
        runtime: Runtime,
        channel: SealedChannel,
        verifier: ConfigVerifier | None,
        *,
        modes: PointModes,
        wiring: Rewiring,
    ) -> None:
        self.refused = ""
        self._runtime, self._channel, self._verifier = runtime, channel, verifier
        self._modes, self._wiring = modes, wiring
        modes.ended = partial(self.changed, event=False)
        wiring.on_change = self.changed
        record = runtime.record
        self._refusals = EventThrottle(runtime.loop, lambda data: record("", *DeviceEvents.config(**data).row))
        self._desired: Desired | None = None
        self._unsaved = ""
        self._save_again: TimerHandle | None = None
        self._closed = False

    @property
    def number(self) -> int:
        """Of the document in force, 0 before the first."""
        return 0 if self._desired is None else self._desired.number

    def start(self) -> None:
        """Take up what was in force before the restart."""
        payload = self._runtime.memory.document(STORED_AS)
        if payload is None:
            return
        try:
            desired = self._verified(payload)
        except DocumentRefused as wrong:
            log.warning("the desired document that was kept is not good any more: %s", wrong)
            return
        self._desired = desired
        self._modes.resume(desired)
        self._wiring.want(desired)

    def close(self) -> None:
        self._closed = True
        self._modes.close()
        self._refusals.close()
        if self._save_again is not None:
            self._save_again.cancel()

    def receive(self, payload: bytes) -> None:
        """Take a document as the broker delivers it: once, again, or kept from long ago."""
        try:
            desired = self._verified(payload)
            self._check_newer(desired)
        except DocumentRefused as wrong:
            self.refused = wrong.why
            log.warning("a desired document was refused: %s", wrong)
            self._refusals.note({"status": "refused", "number": self.number, "why": self.refused})
            return
        self.refused = ""
        if desired != self._desired:
            # Modes are in force at once; the disk follows.
            self._desired = desired
            self._modes.take_up(desired)
            self._save(desired, payload)

    def report(self) -> None:
        """Report what is in force: at every new connection, whose broker may know nothing of us."""
        if self._desired is not None:
            self._channel.publish("reported", self._reported(self._desired))

    def _verified(self, payload: bytes) -> Desired:
        """The document, if the cloud has sealed it for this device. Raises ``DocumentRefused``."""
        if self._verifier is None:
            raise DocumentRefused("no_config_key")
        try:
            desired = codec.read(self._channel.unseal(self._verifier.accepts, Purpose.CONFIG, payload), Desired)
        except codec.Malformed as wrong:
            raise DocumentRefused(wrong.why) from None
        if desired.device != self._channel.device:
            raise DocumentRefused("wrong_device")
        return desired

    def _check_newer(self, desired: Desired) -> None:
        """Raises ``DocumentRefused`` for an older document, and for a second one under the number in force."""
        if desired.number < self.number:
            raise DocumentRefused("older_number")
        if desired.number == self.number and desired != self._desired:
            raise DocumentRefused("same_number")

    def _save(self, desired: Desired, payload: bytes) -> None:
        if self._save_again is not None:  # of an older document, which must not come to stand over this one
            self._save_again.cancel()
            self._save_again = None
        written = self._runtime.on_disk(self._runtime.memory.store_document, STORED_AS, payload)
        written.add_done_callback(partial(self._saved, desired, payload))

    def _saved(self, desired: Desired, payload: bytes, written: "Future[None]") -> None:
        """The document would outlive a power cut now, or would not: either way the operator is told."""
        if self._closed or desired is not self._desired:
            return
        before = self._unsaved
        try:
            written.result()
            self._unsaved = ""
            self._wiring.want(desired)
        except MemoryUnusable as error:
            self._unsaved = f"The modes are in force, but a restart would forget them: {error}."
            self._save_again = self._runtime.loop.call_later(SAVE_AGAIN_S, self._save, desired, payload)
        if before and before == self._unsaved:
            return
        self._say(desired, event=not self._wiring.is_reading)

    def changed(self, event: bool) -> None:
        """Something new became of the document in force; whether it is an event."""
        if self._desired is not None:
            self._say(self._desired, event=event)

    def _say(self, desired: Desired, *, event: bool) -> None:
        report = self._reported(desired)
        if event:
            config = DeviceEvents.config(status=report.status, number=report.number, why=report.why[:200])
            self._runtime.record("", *config.row)
        self._channel.publish("reported", report)

    def _reported(self, desired: Desired) -> Reported:
        verdict = self._verdict(desired)
        modes, now_ms = self._modes.in_force, self._runtime.clock.now_ms()
        return Reported(desired.number, verdict.status, now_ms, modes, self._wiring.in_force, verdict.why)

    def _verdict(self, desired: Desired) -> WiringVerdict:
        if self._unsaved:
            return WiringVerdict("waiting", self._unsaved)
        verdict = self._wiring.verdict(desired)
        return verdict if verdict.status != "applied" else WiringVerdict("applied", self._modes.why())
