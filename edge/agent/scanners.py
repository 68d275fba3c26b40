"""All scanners of one device, and what they know together of the passes at its doors."""

from collections.abc import Callable, Mapping

from edge.agent.ports import AgentPorts
from edge.agent.reader import Place
from edge.agent.reader_watch import ReaderWatch
from edge.agent.runner import Runner
from edge.agent.scan_reader import ScanReader
from edge.passes.door_passes import DoorPasses, PassTerms

PASSES_PAGE = "#passes"
"""Under which shown passes are kept among the documents of points: no point can have this name."""


class Scanners:
    """The scanners of one device of a site, by point and direction. ``watch`` makes the watch over one."""

    def __init__(
        self, site: str, runners: Mapping[str, Runner], ports: AgentPorts, watch: Callable[[str, str], ReaderWatch]
    ) -> None:
        self._notebook, decider, clock = ports.notebook, ports.decider, ports.clock
        restored = None if self._notebook is None else self._notebook.restored(PASSES_PAGE)
        self._passes = DoorPasses(
            lambda: PassTerms(site, decider.pass_keys, decider.revoked),
            decider.grants_of,
            clock,
            b"" if restored is None else restored.document,
        )
        self._scanners: dict[str, ScanReader] = {}
        for point, runner in runners.items():
            for direction, wired in runner.point.scanners.items():
                name, place = f"{point}.{direction}", Place(runner, direction)
                watched = watch(point, f"scanner {direction}")
                self._scanners[name] = ScanReader(
                    name, place, watched, decider, self._passes, clock, plates=wired.plates
                )

    def scan(self, scanner: str, text: str, why: str) -> None:
        """Handle what a scanner has read to completion; ``why`` says why there is no text."""
        self._scanners[scanner].handle(text, why)
        if self._passes.has_news and self._notebook is not None:
            self._notebook.persist(PASSES_PAGE, self._passes.document(), lambda: None)
