"""The readers of a device, from a frame to a decision for a station. Cards are decided on, noise is counted, keys are
neither."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Literal

from msgspec.structs import replace

from contract.credentials import key_pressed
from contract.decide import Direction
from contract.device_events import ReaderEvents
from contract.reasons import Reason
from edge.agent.enrolments import Enrolments, Shown
from edge.agent.ports import AgentPorts, Recording
from edge.agent.reader_watch import ReaderWatch
from edge.agent.runner import Runner
from edge.archetypes.protocol import Show
from edge.config.device_config import DeviceConfig

NUMBER_LASTS_MS = 15_000
"""A number that was keyed counts for so long: time to find the card, and too short for the next person."""
LONGEST_NUMBER = 3
_LAMP_OF: Mapping[Shown, Literal["green", "red"]] = {
    "enrol_again": "green",
    "enrol_other": "red",
    "enrol_read": "green",
}


class PointSelector:
    """The point that somebody selects at a keypad reader of several points, key by key. ``points`` maps what is keyed
    to names of points."""

    def __init__(self, points: Mapping[str, str]) -> None:
        self._points = points
        self._keyed, self._at_ms = "", 0
        self._complete = False

    def key(self, key: str, now_ms: int) -> None:
        """A digit, ``#`` to end the number, or ``*`` to begin again."""
        if key == "*" or self._complete or self._is_old(now_ms) or len(self._keyed) == LONGEST_NUMBER:
            self._keyed, self._complete = "", False
        if key.isdigit():
            self._keyed += key
        self._complete = key == "#" and bool(self._keyed)
        self._at_ms = now_ms

    def pop_selected(self, now_ms: int) -> str | None:
        """The point that is meant, None if none is, or no point has that number; the next card needs a new number."""
        keyed = "" if self._is_old(now_ms) else self._keyed
        self._keyed, self._complete = "", False
        return self._points.get(keyed)

    def _is_old(self, now_ms: int) -> bool:
        return now_ms - self._at_ms >= NUMBER_LASTS_MS


class Readers:
    """All readers of one device: those of a point and a direction, and those that several points share."""

    def __init__(
        self,
        config: DeviceConfig,
        runners: Mapping[str, Runner],
        ports: AgentPorts,
        resets: Callable[[str, bytes], bool],
    ) -> None:
        """``resets(point, digest)`` says whether a card asked for the end of an emergency, and so for nothing else."""
        self._runners, self._decider, self._clock, self._resets = runners, ports.decider, ports.clock, resets
        self.enrolments = Enrolments(config.device.site, config.device.name, ports.loop, ports.clock, ports.recording)
        self._shared = {point: shared.name for shared in config.readers for point in shared.points.values()}
        self._watches: dict[tuple[str, str], ReaderWatch] = {}
        """By point, which is empty for a reader of several, and by direction or the shared reader's name."""
        self._frame_handlers: dict[str, Callable[[str], None]] = {}

        def watched(point: str, reader: str) -> ReaderWatch:
            record = partial(_record_invalid_read, ports.recording, point)
            return self._watches.setdefault((point, reader), ReaderWatch(ports.loop, record))

        for name, runner in runners.items():
            for direction in runner.point.readers:
                watch = watched(name, direction)
                self._frame_handlers[f"{name}.{direction}"] = partial(
                    self._frame_of_point, f"{name}.{direction}", runner, direction, watch
                )
        for shared in config.readers:
            sharing = [runners[name] for name in shared.points.values()]
            watch = watched("", shared.name)
            self._frame_handlers[shared.name] = partial(
                self._frame_of_several, shared.name, PointSelector(shared.points), sharing, watch
            )

    def frame(self, reader: str, bits: str) -> bool:
        """Handle a frame to completion; False if there is no such reader."""
        handler = self._frame_handlers.get(reader)
        if handler is not None:
            handler(bits)
        return handler is not None

    def reader_of(self, point: str, direction: Direction) -> str | None:
        """What the keeper calls the reader at which people ask to pass this point, its own or a shared one."""
        own = f"{point}.{direction}"
        return own if own in self._frame_handlers else self._shared.get(point) if direction == "in" else None

    def faults(self) -> dict[str, str]:
        """The readers that send more than people do: ``reader_noisy`` of the device, or ``POINT.reader_noisy``."""
        now_ms = self._clock.mono_ms()
        noisy = [place for place, watch in self._watches.items() if watch.is_noisy(now_ms)]
        return {f"{point}.reader_noisy" if point else "reader_noisy": reader for point, reader in noisy}

    def close(self) -> None:
        for watch in self._watches.values():
            watch.close()
        self.enrolments.close()

    def _frame_of_point(self, reader: str, runner: Runner, direction: Direction, watch: ReaderWatch, bits: str) -> None:
        """A key press may be part of somebody's PIN, and is written down nowhere."""
        if key_pressed(bits) is not None:
            watch.key(self._clock.mono_ms())
            return
        digest = self._decider.digest_of(bits)
        if not self._enrols(reader, runner, bits, digest, watch):
            self._card(runner, direction, bits, digest, watch)

    def _frame_of_several(
        self, reader: str, selector: PointSelector, runners: Iterable[Runner], watch: ReaderWatch, bits: str
    ) -> None:
        """Whoever keys no number means the point where this card's session runs."""
        now_ms, key = self._clock.mono_ms(), key_pressed(bits)
        if key is not None:
            watch.key(now_ms)
            selector.key(key, now_ms)
            return
        selected, digest = selector.pop_selected(now_ms), self._decider.digest_of(bits)
        runner = self._runners[selected] if selected else _of_user(runners, digest)
        if self._enrols(reader, runner, bits, digest, watch):
            return
        if runner is not None:
            self._card(runner, "in", bits, digest, watch)
        elif digest is None:
            watch.unread(bits, now_ms)
        elif not (digest and any(self._resets(shared.point.name, digest) for shared in runners)):
            watch.no_number(reader)  # who runs to a reader in an emergency keys no number

    def _enrols(self, reader: str, runner: Runner | None, bits: str, digest: bytes | None, watch: ReaderWatch) -> bool:
        """Whether an enrolment is open at this reader that takes the card: only one that nobody has."""
        if digest is None or not self.enrolments.is_open(reader) or self._decider.knows(digest):
            return False
        watch.card()
        shown = self.enrolments.read(reader, bits)
        if runner is not None and shown is not None:
            runner.queue.put([Show(_LAMP_OF[shown], shown)])
        return True

    def _card(self, runner: Runner, direction: Direction, bits: str, digest: bytes | None, watch: ReaderWatch) -> None:
        point, now_ms = runner.point, self._clock.mono_ms()
        if digest is None:
            watch.unread(bits, now_ms)
            return
        watch.card()
        decided = self._decider.decide(
            digest, point.name, direction, free_exit=point.free_exit, report=runner.report, mode=runner.mode
        )
        if decided.decision.reason is Reason.UNKNOWN_CREDENTIAL and not watch.unknown(now_ms):
            runner.queue.put([Show("red", Reason.UNKNOWN_CREDENTIAL.value)])
        elif not self._resets(point.name, digest):
            grant = decided.decision.grant
            runner.handle(replace(decided, resets=grant is not None and point.zone in grant.resets))


def _of_user(runners: Iterable[Runner], digest: bytes | None) -> Runner | None:
    """The point where the session of this credential runs, if there is one, and only one."""
    matching = [runner for runner in runners if digest and runner.report.user == digest.hex()]
    return matching[0] if len(matching) == 1 else None


def _record_invalid_read(recording: Recording, point: str, data: dict[str, Any]) -> None:
    recording.record(point, *ReaderEvents.invalid_read(**data).row)
