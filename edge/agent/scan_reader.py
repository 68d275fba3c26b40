"""One scanner, from a text to a decision for a station: passes, printed codes and plates are decided on, all else is
counted. What was scanned is written down nowhere."""

from contract.reasons import Reason
from edge.agent.reader import Place, ReaderPorts
from edge.agent.reader_watch import ReaderWatch
from edge.archetypes.protocol import Decided, Show
from edge.passes.repeats import SAME_PLATE_MS, SAME_TEXT_MS, Repeats
from edge.passes.scans import Scan, read_scan


class ScanReader:
    """The scanner of one place; it reads ``plates`` or none."""

    def __init__(self, name: str, place: Place, watch: ReaderWatch, ports: ReaderPorts, *, plates: bool) -> None:
        self._name, self._place, self._watch, self._plates = name, place, watch, plates
        self._decider, self._clock = ports.agent.decider, ports.agent.clock
        self._repeats = Repeats()

    def handle(self, text: str, why: str) -> None:
        """Handle a line to completion: its text, or ``why`` there is none."""
        now_ms = self._clock.mono_ms()
        scan = None if why else read_scan(text, plates=self._plates)
        if scan is None:
            self._watch.unread_text(self._name, why or "no_pass", now_ms)
        elif self._repeats.is_new(scan.credential, now_ms, SAME_PLATE_MS if scan.kind == "plate" else SAME_TEXT_MS):
            self._tell(self._weigh(scan))

    def _weigh(self, scan: Scan) -> Decided:
        digest = self._decider.digest_of_card(scan.credential)
        runner, direction = self._place
        return runner.weigh(self._decider, digest, direction, credential=scan.kind)

    def _tell(self, decided: Decided) -> None:
        """Give the station the decision, which it records. Of many unknown ones few are rows of their own."""
        runner, reason = self._place.runner, decided.decision.reason
        if reason is Reason.UNKNOWN_CREDENTIAL and not self._watch.unknown(self._clock.mono_ms()):
            runner.queue.put([Show("red", reason.value)])
        else:
            runner.handle(decided)
