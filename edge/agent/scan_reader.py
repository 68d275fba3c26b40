"""One scanner, from a text to a decision for a station: passes, printed codes and plates are decided on, all else is
counted. What was scanned is written down nowhere."""

from msgspec.structs import replace

from contract.pass_verdicts import REFUSALS
from contract.reasons import Reason
from edge.agent.decider import Decider
from edge.agent.reader import Place
from edge.agent.reader_watch import ReaderWatch
from edge.archetypes.protocol import Decided, Show
from edge.machine.clock import Clock
from edge.passes.door_passes import DoorPasses
from edge.passes.repeats import SAME_PLATE_MS, SAME_TEXT_MS, Repeats
from edge.passes.scans import Scan, Shown, read_scan

_OF_STRANGERS = {Reason.UNKNOWN_CREDENTIAL, *REFUSALS.values()}
"""Refusals that anybody can cause as often as they like."""


class ScanReader:
    """The scanner of one place; it reads ``plates`` or none."""

    def __init__(
        self,
        name: str,
        place: Place,
        watch: ReaderWatch,
        decider: Decider,
        passes: DoorPasses,
        clock: Clock,
        *,
        plates: bool,
    ) -> None:
        self._name, self._place, self._watch, self._plates = name, place, watch, plates
        self._decider, self._passes, self._clock = decider, passes, clock
        self._repeats = Repeats()

    def handle(self, text: str, why: str) -> None:
        """Handle a line to completion: its text, or ``why`` there is none."""
        now_ms = self._clock.mono_ms()
        scan = None if why else read_scan(text, plates=self._plates)
        if scan is None:
            self._watch.unread_text(self._name, why or "no_pass", now_ms)
        elif self._is_new(scan, text, now_ms):
            self._tell(self._weigh(scan) if scan.shown is None else self._weigh_pass(scan.shown))

    def _is_new(self, scan: Scan, text: str, now_ms: int) -> bool:
        """Whether it is not what lies there still, or the car that stands there."""
        if scan.kind == "plate":
            return self._repeats.is_new(scan.credential, now_ms, SAME_PLATE_MS)
        return self._repeats.is_new(text.encode(), now_ms, SAME_TEXT_MS)

    def _weigh(self, scan: Scan) -> Decided:
        digest = self._decider.digest_of_card(scan.credential)
        runner, direction = self._place
        return runner.weigh(self._decider, digest, direction, credential=scan.kind)

    def _weigh_pass(self, shown: Shown) -> Decided:
        runner, direction = self._place
        door = runner.point.name
        judged = self._passes.judge(shown, door)
        decided = runner.weigh(
            self._decider,
            self._decider.digest_of_card(judged.credential) if judged.credential else b"",
            direction,
            credential=judged.kind,
            pass_verdict=judged.verdict,
            granted=judged.granted,
        )
        if decided.decision.allowed:
            self._passes.note_opened(judged, door)
        return replace(decided, shown_s=judged.shown_s)

    def _tell(self, decided: Decided) -> None:
        """Give the station the decision, which it records. Of many that anybody can cause few are rows of their own."""
        runner, reason = self._place.runner, decided.decision.reason
        is_car = decided.credential == "plate"
        if reason in _OF_STRANGERS and not self._watch.unknown(self._clock.mono_ms(), passes_by=is_car):
            runner.queue.put([Show("red", reason.value)])
        else:
            runner.handle(decided)
