"""All readers of one device: those of a point and a direction, and those that several points share."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from contract.decide import Direction
from contract.device_events import ReaderEvents
from edge.agent.enrolments import Enrolments
from edge.agent.pin_guard import PinGuard
from edge.agent.ports import AgentPorts, Recording
from edge.agent.reader import CardReader, Place, ReaderPlaces, ReaderPorts
from edge.agent.reader_watch import ReaderWatch
from edge.agent.runner import Runner
from edge.config.device_config import DeviceConfig
from edge.passes.code_guard import CodeGuard

if TYPE_CHECKING:
    from edge.agent.scanners import Scanners

CODES_PAGE = "#codes"
"""Under which wrong codes are kept among the documents of points: no point can have this name."""


class Readers:
    """The readers of one device, each as the keeper calls it."""

    def __init__(
        self,
        config: DeviceConfig,
        runners: Mapping[str, Runner],
        ports: AgentPorts,
        resets: Callable[[str, bytes], bool],
        guarded: Callable[..., None],
    ) -> None:
        """For ``resets`` and ``guarded`` see ``ReaderPorts``."""
        self._clock, self._recording, self._loop = ports.clock, ports.recording, ports.loop
        self.enrolments = Enrolments(config.device.site, config.device.name, ports.loop, ports.clock, ports.recording)
        self._shared = {point: shared.name for shared in config.readers for point in shared.points.values()}
        self._watches: dict[tuple[str, str], ReaderWatch] = {}
        """By point, which is empty for a reader of several, and by direction, by that of a scanner, or by the shared
        reader's name."""
        pins = PinGuard(ports.clock.mono_ms())
        self._ports = ReaderPorts(ports, self.enrolments, pins, _code_guard(ports), resets, guarded)
        self._readers: dict[str, CardReader] = {}
        for name, runner in runners.items():
            for direction in runner.point.readers:
                own = ReaderPlaces(own=Place(runner, direction))
                self._add(f"{name}.{direction}", own, name, direction)
        has_scanner = any(point.scanners for point in config.points)
        self._scanners = self._all_scanners(config.device.site, runners, ports) if has_scanner else None
        for shared in config.readers:
            chosen = {number: Place(runners[point], "in") for number, point in shared.points.items()}
            self._add(shared.name, ReaderPlaces(chosen=chosen), "", shared.name)

    def frame(self, reader: str, bits: str) -> bool:
        """Handle a frame to completion; False if there is no such reader."""
        found = self._readers.get(reader)
        if found is not None:
            found.handle(bits)
        return found is not None

    def scan(self, scanner: str, text: str, why: str) -> None:
        """Handle what a scanner has read to completion; ``why`` says why there is no text."""
        if self._scanners is not None:
            self._scanners.scan(scanner, text, why)

    def reader_of(self, point: str, direction: Direction) -> str | None:
        """What the keeper calls the reader at which people ask to pass this point, its own or a shared one."""
        own = f"{point}.{direction}"
        return own if own in self._readers else self._shared.get(point) if direction == "in" else None

    def faults(self) -> dict[str, str]:
        """The readers that send more than people do: ``reader_noisy`` of the device, or ``POINT.reader_noisy``."""
        now_ms = self._clock.mono_ms()
        noisy = [place for place, watch in self._watches.items() if watch.is_noisy(now_ms)]
        return {f"{point}.reader_noisy" if point else "reader_noisy": reader for point, reader in noisy}

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()
        for watch in self._watches.values():
            watch.close()
        self.enrolments.close()

    def _add(self, name: str, places: ReaderPlaces, point: str, called: str) -> None:
        self._readers[name] = CardReader(name, places, self._watch(point, called), self._ports)

    def _all_scanners(self, site: str, runners: Mapping[str, Runner], ports: AgentPorts) -> "Scanners":
        from edge.agent.scanners import Scanners  # most devices have none, and need not load what verifies passes

        return Scanners(site, runners, ports, self._watch)

    def _watch(self, point: str, called: str) -> ReaderWatch:
        watch = ReaderWatch(self._loop, partial(_record_invalid_read, self._recording, point))
        self._watches[point, called] = watch
        return watch


def _code_guard(ports: AgentPorts) -> CodeGuard:
    """The wrong codes of before a restart count on."""
    now_ms, notebook = ports.clock.mono_ms(), ports.notebook
    if notebook is None:
        return CodeGuard(None, now_ms)
    return CodeGuard(
        notebook.restored(CODES_PAGE), now_ms, lambda document: notebook.persist(CODES_PAGE, document, lambda: None)
    )


def _record_invalid_read(recording: Recording, point: str, data: dict[str, Any]) -> None:
    recording.record(point, *ReaderEvents.invalid_read(**data).row)
