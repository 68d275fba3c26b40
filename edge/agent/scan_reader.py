"""One scanner, from a text to a decision for a station: passes, printed codes and plates are decided on, all else is
counted. What was scanned is written down nowhere."""

from edge.agent.reader import Place, ReaderPorts
from edge.agent.reader_watch import ReaderWatch


class ScanReader:
    """The scanner of one place."""

    def __init__(self, name: str, place: Place, watch: ReaderWatch, ports: ReaderPorts) -> None:
        self._name, self._place, self._watch, self._ports = name, place, watch, ports

    def handle(self, text: str, why: str) -> None:
        """Handle a line to completion: its text, or ``why`` there is none."""
        self._watch.unread_text(self._name, why or "no_pass", self._ports.agent.clock.mono_ms())
