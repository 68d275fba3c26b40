"""Enrolment by tap: a reader at which a clerk lets somebody hold a new card, twice.

Known cards go on working there. Of the new one nothing but a sealed envelope leaves this device: its bits are in no
journal and no log, and are forgotten when the enrolment ends.
"""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from typing import Literal

from contract.commands import EnrolArgs
from contract.credentials import canonical
from contract.device_events import ReaderEvents
from contract.sealing import close_for_cloud, enrol_statement
from edge.agent.ports import Recording
from edge.machine.clock import Clock

AGAIN_AFTER_MS = 1_000
"""A reader may send the number of a card that lies on it again and again: so much later it was held there anew."""

Shown = Literal["enrol_again", "enrol_other", "enrol_read"]
"""What is shown to whoever holds the card there."""
Ended = Callable[[str, bytes], None]
"""Is told how an enrolment ended: a word for why there is no card, or an empty one and the sealed card."""


class Enrolment:
    """One enrolment at one reader, by the command that opened it."""

    def __init__(self, command: str, args: EnrolArgs, point: str, ended: Ended) -> None:
        self.command, self.args, self.point, self.ended = command, args, point, ended
        self.card = b""
        """The canonical bytes of the card that was held there first."""
        self.read_ms = 0
        self.timer: TimerHandle | None = None


class Enrolments:
    """The open enrolments of a device, one a reader at most. Readers are called as the keeper calls them."""

    def __init__(self, site: str, device: str, loop: AbstractEventLoop, clock: Clock, recording: Recording) -> None:
        self._site, self._device = site, device
        self._loop, self._clock, self._recording = loop, clock, recording
        self._open: dict[str, Enrolment] = {}

    def begin(self, reader: str, point: str, command: str, args: EnrolArgs, ended: Ended) -> str:
        """Wait for a card. Returns a word for why not; else ``ended`` is called once, later."""
        if reader in self._open:
            return "enrolling"
        enrolment = self._open[reader] = Enrolment(command, args, point, ended)
        enrolment.timer = self._loop.call_later(args.window_ms / 1000, self._end, reader, "no_card")
        self._note(enrolment, "open")
        return ""

    def cancel(self, command: str) -> str:
        """End the enrolment of this command. Returns a word for why not."""
        reader = next((reader for reader, one in self._open.items() if one.command == command), None)
        if reader is None:
            return "no_enrolment"
        self._end(reader, "cancelled")
        return ""

    def is_open(self, reader: str) -> bool:
        return reader in self._open

    def read(self, reader: str, bits: str) -> Shown | None:
        """A valid frame of a card that nobody has, at a reader that waits for one. Returns what to show."""
        enrolment, card, now_ms = self._open[reader], canonical(bits) or b"", self._clock.mono_ms()
        if not enrolment.card:
            enrolment.card, enrolment.read_ms = card, now_ms
            self._note(enrolment, "first_read")
            return "enrol_again"
        if card != enrolment.card:
            self._end(reader, "two_cards")
            return "enrol_other"
        is_still_there = now_ms - enrolment.read_ms < AGAIN_AFTER_MS
        enrolment.read_ms = now_ms
        if is_still_there:
            return None
        stated = enrol_statement(self._site, self._device, enrolment.command)
        envelope = close_for_cloud(bytes.fromhex(enrolment.args.key), stated, bits.encode())
        self._note(enrolment, "read")
        self._end(reader, "", envelope)
        return "enrol_read"

    def close(self) -> None:
        """Wait for nothing more. What the commands came to is then unknown, and the next start says so."""
        for enrolment in self._open.values():
            if enrolment.timer is not None:
                enrolment.timer.cancel()
        self._open.clear()

    def _end(self, reader: str, why: str, envelope: bytes = b"") -> None:
        enrolment = self._open.pop(reader)
        if enrolment.timer is not None:
            enrolment.timer.cancel()
        enrolment.ended(why, envelope)

    def _note(self, enrolment: Enrolment, step: str) -> None:
        note = ReaderEvents.enrolment(id=enrolment.command, reader=enrolment.args.reader, step=step)
        self._recording.record(enrolment.point, *note.row)
