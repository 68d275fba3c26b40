"""The contactor upstream of a bank of sockets: closed while one of them wants it, and read back.

It is what makes a welded relay or a fire really mean dead. Its sockets say what they want, it tells them whether their
supply stands. It is cut by a socket whose relay does not open, and by a contactor that does not do as it is told; both
are latched over restarts, until a person on site clears them.
"""

from typing import Literal

import msgspec
from msgspec import Struct

from contract.decide import Mode
from contract.kinds.bank import BANK, Fault, Phase
from edge.archetypes.protocol import (
    HOLD_AGAIN_MS,
    HOLD_LEASE_MS,
    Drive,
    Due,
    Edge,
    Emergency,
    Input,
    Levels,
    ModeChanged,
    Persist,
    Received,
    Report,
    Rest,
    Restored,
    Send,
    Wake,
)
from edge.archetypes.station import Station, StationState, Step, Unreadable, read_document, require

Trigger = Literal["want", "closed", "idle", "fail", "clear", "alarm", "restore"]

NEXT: dict[tuple[Phase, Trigger], Phase] = {
    ("off", "want"): "closing",
    ("closing", "closed"): "live",
    ("closing", "idle"): "off",
    ("live", "idle"): "off",
    ("off", "fail"): "faulted",
    ("closing", "fail"): "faulted",
    ("live", "fail"): "faulted",
    ("faulted", "clear"): "off",
    ("off", "alarm"): "emergency",
    ("closing", "alarm"): "emergency",
    ("live", "alarm"): "emergency",
    ("faulted", "alarm"): "emergency",
    ("emergency", "restore"): "off",
}
"""Where a trigger leads. A pair that does not stand here leaves the phase as it is."""

MAX_SOCKETS = 64
MAX_FEEDBACK_MS = 5_000
REST_AFTER_MS = 8_000
"""A relay breaks the load before its contactor does, and one that does not open shows on its meter while it is live."""


class Want(Struct, frozen=True):
    """A socket says whether it wants the bank to be live."""

    on: bool


class Cut(Struct, frozen=True):
    """A socket cannot switch off: the bank is to be dead until a person has been there."""


class Clear(Struct, frozen=True):
    """``by`` has been there, with the right to say so."""

    by: str


class Supply(Struct, frozen=True):
    """The bank says whether it is live, and whether it may be: whoever wants it can have it."""

    live: bool
    ready: bool


class BankSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """``feedback_ms``: within this time the contactor's auxiliary contact follows its coil."""

    feedback_ms: int = 1_000

    def __post_init__(self) -> None:
        require(0 < self.feedback_ms <= MAX_FEEDBACK_MS, f"feedback_ms lies between 1 and {MAX_FEEDBACK_MS}")


class BankState(StationState, frozen=True):
    """``sockets`` are those that have been heard, ``wants`` those that want it live. ``closed`` is what the auxiliary
    contact says, ``driven`` what we do, ``supply`` what the sockets were last told."""

    settings: BankSettings
    phase: Phase = "off"
    sockets: frozenset[str] = frozenset()
    wants: frozenset[str] = frozenset()
    driven: bool = False
    closed: bool = False
    mode: Mode = Mode.SCHEDULED
    supply: Supply | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the bank may be live."""
        return self.phase in ("off", "closing", "live") and self.mode is not Mode.OUT_OF_SERVICE


class BankStep(Step[BankState, Fault]):
    """One step of a bank."""

    kind = BANK
    table = NEXT

    def handle(self, happened: Input) -> None:
        """Take one input to completion, and tell the sockets if their supply has changed by it."""
        self._handle(happened)
        supply = Supply(self.state.phase == "live", self.state.is_ready)
        if supply != self.state.supply:
            self.do(*(Send(socket, supply) for socket in sorted(self.state.sockets)), supply=supply)

    def _handle(self, happened: Input) -> None:
        match happened:
            case Received(port=port, message=Want(on=on)):
                self._wanted(port, on)
            case Received(port=port, message=Cut()) if "cut" not in self.state.faults:
                self._fail("cut")
                self.do(BANK.cut(by=port))
            case Received(message=Clear(by=by)):
                self._clear(by)
            case Edge(name="feedback", active=closed):
                self._fed_back(closed)
            case Levels(active=active):
                self._levels(closed=active.get("feedback", False))
            case Emergency(active=True):
                self._rest()
                self.to("alarm", wants=frozenset())
            case Emergency():
                self.to("restore")
                self._settle()
            case ModeChanged(mode=mode, number=number) if mode is not self.state.mode:
                self.do(mode=mode)
                if mode is Mode.OUT_OF_SERVICE:
                    self._rest()
                self.do(BANK.mode_set(mode=mode.value, number=number))
            case Restored(document=document):
                self._restore(document)
            case Due(name="lease") if self.state.driven:
                self._lease()
            case Due(name="idle") if not self.state.wants:
                self._rest()
            case Due(name="feedback") if self.state.driven != self.state.closed:
                self._mismatch()

    def _wanted(self, port: str, on: bool) -> None:
        state = self.state
        if port not in state.sockets and len(state.sockets) >= MAX_SOCKETS:
            return
        supply = [] if port in state.sockets or state.supply is None else [Send(port, state.supply)]
        self.do(
            *supply,
            sockets=state.sockets | {port},
            wants=state.wants | {port} if on else state.wants - {port},
        )
        if self.state.wants:
            self._drive()
        elif state.driven:
            self.do(Wake("idle", REST_AFTER_MS))

    def _drive(self) -> None:
        if self.state.driven:
            self.do(Wake("idle", None))
        elif self.state.is_ready:
            self._lease()
            self.to("want", Wake("idle", None), Wake("feedback", self.state.settings.feedback_ms), driven=True)
            if self.state.closed:
                self.to("closed")

    def _lease(self) -> None:
        self.do(Drive("contactor", HOLD_LEASE_MS, "nothing"), Wake("lease", HOLD_AGAIN_MS))

    def _rest(self) -> None:
        feedback = Wake("feedback", self.state.settings.feedback_ms)
        self.to("idle", Rest("contactor"), Wake("lease", None), Wake("idle", None), feedback, driven=False)

    def _fed_back(self, closed: bool) -> None:
        """The auxiliary contact has moved. One that falls open under its coil has lost the bank at once."""
        self.do(closed=closed)
        if self.state.driven and closed:
            self.to("closed", Wake("feedback", None))
        elif self.state.driven and self.state.phase == "live":
            self._mismatch()
        else:
            self.do(Wake("feedback", self.state.settings.feedback_ms if closed != self.state.driven else None))

    def _mismatch(self) -> None:
        self._fail("contactor_open" if self.state.driven else "contactor_welded")

    def _fail(self, fault: Fault) -> None:
        """Dead first; then it is said, and kept over restarts."""
        self._rest()
        self.to("fail")
        self.set_fault(fault, present=True)
        self._keep()

    def _keep(self) -> None:
        self.do(Persist(msgspec.json.encode(sorted(self.state.faults)) if self.state.faults else b""))

    def _restore(self, document: bytes) -> None:
        """What cannot be read may have been a cut, and counts as one."""
        try:
            self.do(faults=frozenset(read_document(document, list[str]) or ()))
        except Unreadable:
            self._fail("kept_unreadable")
        self._settle()

    def _settle(self) -> None:
        """Faulted is what has a fault, whatever it was before."""
        if self.state.faults:
            self.to("fail")

    def _clear(self, by: str) -> None:
        """A contactor that is closed without us stays a fault, whoever says what."""
        if self.state.faults and not self.state.closed:
            cleared = [BANK.fault_cleared(fault=fault, by=by) for fault in sorted(self.state.faults)]
            self.to("clear", *cleared, faults=frozenset())
            self._keep()

    def _levels(self, *, closed: bool) -> None:
        """The keeper came back: the contactor is at rest, and whoever wants it gets it again."""
        self.do(closed=closed)
        self._rest()
        if self.state.wants:
            self._drive()


def report(state: BankState) -> Report:
    faulted = state.phase in ("faulted", "emergency")
    return Report(state.phase, faulted=faulted, faults=state.faults, quiet=not state.driven)


KIND = Station(BANK, {"feedback": True}, {"contactor": True}, BankSettings, BankState, BankStep.run, report)
