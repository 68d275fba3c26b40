"""One reader, from a frame to a decision for a station: cards are decided on, noise is counted, keys are neither.

Where the rule says that a card needs its PIN, nothing is recorded yet: the reader asks for it, and the rule decides
again with what was keyed. If nobody keys it, the refusal is recorded then, and once.
"""

from asyncio import TimerHandle
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from contract.archetypes import ServingKind
from contract.credentials import code_credential, key_pressed
from contract.decide import Decision, Direction
from contract.demands import PinVerdict
from contract.device_events import ReaderEvents
from contract.reasons import Reason
from edge.agent.enrolments import Enrolments, Shown
from edge.agent.keypad import CLEARS_AFTER_MS, NOTHING, Code, Meaning, Pin, TakenBack, press, show_card
from edge.agent.pin_guard import PinGuard
from edge.agent.ports import AgentPorts
from edge.agent.reader_watch import ReaderWatch
from edge.agent.runner import Runner
from edge.archetypes.protocol import Decided, Show
from edge.passes.code_guard import CodeGuard
from edge.passes.guesses import CODES

ENTER_PIN, NO_PIN_ASKED, CODES_WAIT = "enter_pin", "no_pin_asked", "codes_wait"
_LAMP_OF: Mapping[Shown, Literal["green", "red"]] = {
    "enrol_again": "green",
    "enrol_other": "red",
    "enrol_read": "green",
}


class Place(NamedTuple):
    """Where somebody asks to pass, and which way."""

    runner: Runner
    direction: Direction


class ReaderPlaces(Struct, frozen=True):
    """The places of a reader. One of its own serves ``own`` and no other; a shared one those of ``chosen``, by the
    number that people key for each."""

    own: Place | None = None
    chosen: Mapping[str, Place] = {}

    @property
    def all(self) -> Sequence[Place]:
        return [*self.chosen.values()] if self.own is None else [self.own]

    def find(self, number: str, digest: bytes) -> Place | None:
        """Where the credential is to be weighed; whoever keyed no number means the point where its session runs."""
        if self.own is not None:
            return self.own
        return self.chosen.get(number) or self._of_user(digest)

    def _of_user(self, digest: bytes) -> Place | None:
        """The place where the session of this credential runs, if there is one, and only one."""
        mine = [place for place in self.all if digest and place.runner.report.user == digest.hex()]
        return mine[0] if len(mine) == 1 else None


class ReaderPorts(Struct, frozen=True):
    """What the readers of a device have in common. ``resets(point, digest)`` says whether a card asked for the end of
    an emergency, and so for nothing else. What a reader does later it does by ``guarded``, which deals with faults of
    ours."""

    agent: AgentPorts
    enrolments: Enrolments
    pins: PinGuard
    codes: CodeGuard
    resets: Callable[[str, bytes], bool]
    guarded: Callable[..., None]


class _Waiting(NamedTuple):
    """A card that waits for its PIN, what the rule said to it without, and when it waits no longer."""

    place: Place
    digest: bytes
    decided: Decided
    timer: TimerHandle


class CardReader:
    """One reader: what is keyed there, and the card that waits for its PIN."""

    def __init__(self, name: str, places: ReaderPlaces, watch: ReaderWatch, ports: ReaderPorts) -> None:
        self._name, self._places, self._watch, self._ports = name, places, watch, ports
        self._decider, self._clock = ports.agent.decider, ports.agent.clock
        self._keyed = NOTHING
        self._last: Place | None = None
        """Where the last card was weighed."""
        self._waiting: _Waiting | None = None

    def handle(self, bits: str) -> None:
        """Handle a frame to completion. What is keyed is written down nowhere."""
        now_ms, key = self._clock.mono_ms(), key_pressed(bits)
        if key is not None:
            self._watch.key(now_ms)
            self._keyed, meaning = press(self._keyed, key, now_ms)
            self._follow(meaning)
            return
        digest = self._decider.digest_of(bits)
        if digest is None:
            self._watch.unread(bits, now_ms)
            return
        self._keyed, card = show_card(self._keyed, now_ms)
        self._give_up(shown=digest)
        place = self._places.find(card.number, digest)
        if not self._enrols(place, bits, digest):
            self._card(place, digest)

    def close(self) -> None:
        """Wait for no PIN any more."""
        self._give_up()

    def _follow(self, meaning: Meaning | None) -> None:
        match meaning:
            case Pin(digits=digits):
                self._pin(digits)
            case Code(digits=digits, number=number):
                self._code(digits, number)
            case TakenBack():
                self._give_up()
            case _ if self._keyed.phase != "pin":
                self._give_up()  # ten seconds are over, and the next person was quicker than our timer
            case _ if self._waiting is not None and not self._keyed.is_full:
                self._wait(self._waiting.place, self._waiting.digest, self._waiting.decided)

    def _code(self, digits: str, number: str) -> None:
        """A code was keyed. While none is looked at, the rule decides about nobody: a free way out stays free."""
        if not self._ports.codes.takes(self._name, self._clock.mono_ms()):
            self._unread_code(self._places.find(number, b""))
            return
        digest = self._decider.digest_of_card(code_credential(digits))
        place = self._places.find(number, digest)
        if place is None:
            self._weigh_at(None, digest)
        else:
            self._count_code(place, self._weigh(place, digest, credential="code"))

    def _unread_code(self, place: Place | None) -> None:
        if place is not None:
            decided = self._decide(place, b"", None, credential="code")
            if decided.decision.allowed:
                self._tell(place, decided)
                return
            self._show(place, CODES_WAIT)
        self._watch.codes_wait(self._name)

    def _count_code(self, place: Place, decision: Decision) -> None:
        codes, now_ms = self._ports.codes, self._clock.mono_ms()
        if decision.grant is not None:
            codes.note_right(self._name, now_ms)
        elif decision.reason is Reason.UNKNOWN_CREDENTIAL:
            closed_after = codes.note_wrong(self._name, now_ms)
            if closed_after is not None:
                closed = ReaderEvents.codes_closed(reader=self._name, wrong=closed_after, closed_ms=CODES.closed_ms)
                self._ports.agent.recording.record(place.runner.point.name, *closed.row)

    def _card(self, place: Place | None, digest: bytes) -> None:
        self._last = place
        if place is not None:
            self._watch.card()
        self._weigh_at(place, digest)

    def _weigh_at(self, place: Place | None, digest: bytes) -> None:
        """Whoever runs to a shared reader in an emergency keys no number."""
        if place is not None:
            self._weigh(place, digest)
        elif not (digest and any(self._ports.resets(one.runner.point.name, digest) for one in self._places.all)):
            self._watch.no_number(self._name)

    def _weigh(self, place: Place, digest: bytes, *, credential: str = "card") -> Decision:
        """Have the rule decide without a PIN, and return what it said. The PIN is asked for where that is all that is
        missing, and where it can be keyed: behind a card, for digits behind a code are another code, whose digest
        stands in the journal."""
        decided = self._decide(place, digest, None, credential=credential)
        grant, reason = decided.decision.grant, decided.decision.reason
        point = place.runner.point.name
        if reason is Reason.UNKNOWN_CREDENTIAL and not self._watch.unknown(self._clock.mono_ms()):
            self._show(place, Reason.UNKNOWN_CREDENTIAL.value)
        elif self._ports.resets(point, digest):
            pass
        elif reason is not Reason.PIN_NEEDED or grant is None or not grant.pin or self._keyed.phase != "pin":
            self._tell(place, decided)
        elif self._ports.pins.is_blocked(digest, self._clock.mono_ms()):
            self._tell(place, self._decide(place, digest, PinVerdict.BLOCKED))
        else:
            self._wait(place, digest, decided)
            self._show(place, ENTER_PIN)
        return decided.decision

    def _pin(self, digits: str) -> None:
        """A PIN was keyed after a card. One that nobody asked for is forgotten: it must not be taken for a code."""
        waiting = self._stop_waiting()
        if waiting is None:
            if self._last is not None:
                self._show(self._last, NO_PIN_ASKED)
            return
        verdict = self._verdict(waiting.digest, digits)
        is_forced = verdict is PinVerdict.DURESS
        weighed = PinVerdict.RIGHT if is_forced else verdict
        self._tell(waiting.place, self._decide(waiting.place, waiting.digest, weighed))
        if is_forced:
            self._record_duress(waiting)

    def _record_duress(self, waiting: _Waiting) -> None:
        """Beside the decision, which rests on the right PIN: so nothing in its own record differs from any other."""
        grant = waiting.decided.decision.grant
        point, direction = waiting.place.runner.point.name, waiting.place.direction
        duress = ServingKind.duress(
            holder="" if grant is None else grant.holder.hex(), direction=direction, digest=waiting.digest.hex()
        )
        self._ports.agent.recording.record(point, *duress.row)

    def _verdict(self, digest: bytes, digits: str) -> PinVerdict:
        pins, now_ms = self._ports.pins, self._clock.mono_ms()
        if not pins.takes(digest, self._name, now_ms):
            return PinVerdict.BLOCKED
        verdict = self._decider.pin_verdict(digest, digits)
        if verdict is PinVerdict.WRONG:
            pins.note_wrong(digest, self._name, now_ms)
        else:
            pins.note_right(digest)
        return verdict

    def _wait(self, place: Place, digest: bytes, decided: Decided) -> None:
        """Wait for the PIN of this card, from now on or from the key that was just pressed."""
        self._stop_waiting()
        timer = self._ports.agent.loop.call_later(CLEARS_AFTER_MS / 1000, self._ports.guarded, self._give_up)
        self._waiting = _Waiting(place, digest, decided, timer)

    def _stop_waiting(self) -> _Waiting | None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.timer.cancel()
        return waiting

    def _give_up(self, *, shown: bytes = b"") -> None:
        """Nobody keys the PIN of the card that waits for it: that was a refusal. No other is recorded for a card that
        is ``shown`` again."""
        waiting = self._stop_waiting()
        if waiting is not None and waiting.digest != shown:
            self._tell(waiting.place, waiting.decided)

    def _decide(self, place: Place, digest: bytes, pin: PinVerdict | None, *, credential: str = "card") -> Decided:
        return place.runner.weigh(self._decider, digest, place.direction, pin=pin, credential=credential)

    def _tell(self, place: Place, decided: Decided) -> None:
        """Give the station the decision; it records it."""
        grant, zone = decided.decision.grant, place.runner.point.zone
        place.runner.handle(replace(decided, resets=grant is not None and zone in grant.resets))

    def _enrols(self, place: Place | None, bits: str, digest: bytes) -> bool:
        """Whether an enrolment is open at this reader that takes the card: only one that nobody has."""
        if not self._ports.enrolments.is_open(self._name) or self._decider.knows(digest):
            return False
        self._watch.card()
        shown = self._ports.enrolments.read(self._name, bits)
        if place is not None and shown is not None:
            place.runner.queue.put([Show(_LAMP_OF[shown], shown)])
        return True

    def _show(self, place: Place, text: str) -> None:
        place.runner.queue.put([Show("red", text)])
