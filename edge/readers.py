"""From a reader's frame to a decision that a station takes: cards are weighed, noise is noted, keys are neither."""

from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from msgspec.structs import replace

from contract.credentials import key_pressed, read
from contract.decide import Direction
from edge.bursts import Bursts
from edge.chooser import Chooser
from edge.config import DeviceConfig
from edge.decider import Clock, Decider
from edge.lanes import Recording
from edge.runner import Runner


class Readers:
    """All readers of one device: those of a point and a direction, and those that several points share."""

    def __init__(
        self,
        config: DeviceConfig,
        runners: Mapping[str, Runner],
        decider: Decider,
        clock: Clock,
        loop: AbstractEventLoop,
        recording: Recording,
        resets: Callable[[str, bytes], bool],
    ) -> None:
        """``resets(point, digest)`` says whether a card asked for the end of an emergency, and so for nothing else."""
        self._runners, self._decider, self._clock, self._resets = runners, decider, clock, resets
        self._invalid: list[Bursts] = []
        self._hear: dict[str, Callable[[str], None]] = {}

        def noted(point: str) -> Bursts:
            bursts = Bursts(loop, partial(recording.record, point, "reader.invalid_read"))
            self._invalid.append(bursts)
            return bursts

        for name, runner in runners.items():
            for direction in runner.point.readers:
                self._hear[f"{name}.{direction}"] = partial(self._own, runner, direction, noted(name))
        for shared in config.readers:
            theirs = [runners[name] for name in shared.points.values()]
            self._hear[shared.name] = partial(self._shared, shared.name, Chooser(shared.points), theirs, noted(""))

    def frame(self, reader: str, bits: str) -> bool:
        """Take a frame to completion; False if nobody knows that reader."""
        hear = self._hear.get(reader)
        if hear is not None:
            hear(bits)
        return hear is not None

    def close(self) -> None:
        for bursts in self._invalid:
            bursts.close()

    def _own(self, runner: Runner, direction: Direction, invalid: Bursts, bits: str) -> None:
        """A key press may be part of somebody's PIN, and is written down nowhere."""
        if key_pressed(bits) is None:
            self._card(runner, direction, bits, invalid)

    def _shared(self, reader: str, chooser: Chooser, runners: Iterable[Runner], invalid: Bursts, bits: str) -> None:
        """Whoever keys no number means the point where this card's session runs."""
        now_ms, key = self._clock.mono_ms(), key_pressed(bits)
        if key is not None:
            chooser.key(key, now_ms)
            return
        chosen, digest = chooser.take(now_ms), self._decider.digest_of(bits)
        runner = self._runners[chosen] if chosen else _of_user(runners, digest)
        if runner is None and digest and any(self._resets(one.point.name, digest) for one in runners):
            return  # who runs to a reader in an emergency keys no number
        if runner is None and digest is not None:
            invalid.note({"reader": reader, "why": "no_number"})
        elif runner is None:
            invalid.note(_verdict(bits))
        else:
            self._card(runner, "in", bits, invalid)

    def _card(self, runner: Runner, direction: Direction, bits: str, invalid: Bursts) -> None:
        point = runner.point
        decided = self._decider.decide(
            bits, point.name, direction, free_exit=point.free_exit, report=runner.report, mode=runner.mode
        )
        if decided is None:
            invalid.note(_verdict(bits))
        elif not self._resets(point.name, decided.digest):
            grant = decided.decision.grant
            runner.take(replace(decided, resets=grant is not None and point.zone in grant.resets))


def _of_user(runners: Iterable[Runner], digest: bytes | None) -> Runner | None:
    """The point where the session of this credential runs, if there is one, and only one."""
    theirs = [runner for runner in runners if digest and runner.report.user == digest.hex()]
    return theirs[0] if len(theirs) == 1 else None


def _verdict(bits: str) -> dict[str, Any]:
    """What is told of a frame that is no card: its length and its parity, never its bits."""
    try:
        reading = read(bits)
    except ValueError:
        return {"bits": len(bits), "parity": "none"}
    parity = "failed" if reading.candidates else "none"
    return {"bits": len(bits), "parity": parity, "swapped": reading.swapped_wires}
