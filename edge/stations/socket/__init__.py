"""A charging socket: a relay behind a meter, and if wired a thermometer, a contact of the plug, a leakage monitor and a
contactor upstream (kind ``bank``).

The relay is driven by lease and only for a session; the meter lies before it, so that it sees what a relay does that
does not open. Every doubt cuts: unknown is never zero. The table of its phases stands at the top of ``state``,
what a reading and an interruption mean to a session in ``charging``; here is who may begin and end one.
"""

from msgspec.structs import replace

from contract.commands import SessionStopArgs
from contract.decide import Decision, Mode
from contract.kinds.socket import SOCKET, Fault
from contract.reasons import Reason
from contract.sessions import Stop, stop_of_emergency
from edge.archetypes.power import Load, Meter, believed
from edge.archetypes.protocol import (
    BARRING,
    HOLD_AGAIN_MS,
    HOLD_LEASE_MS,
    CannotRecord,
    CloudAuthenticated,
    CommandReceived,
    Decided,
    Drive,
    Due,
    Edge,
    Emergency,
    Input,
    Levels,
    ModeChanged,
    QuotaSpent,
    Reading,
    Received,
    Report,
    Rest,
    Restored,
    TimeOfDay,
    Wake,
    decided,
    no_more,
    refuse,
)
from edge.archetypes.session import (
    MINUTE_MS,
    Session,
    at_minute,
    energy_wh,
    idle_fen,
    is_holders,
    of_decision,
    running,
    spent,
    started,
)
from edge.archetypes.station import Station
from edge.stations.bank import Clear, Cut, Supply, Want
from edge.stations.socket.charging import interrupt, read_meter, read_thermometer, restore
from edge.stations.socket.state import LATCHED, OFF_W, SocketSettings, SocketState, SocketStep

TAP_AGAIN_MS = 3_000
"""A second tap within this time is the same tap."""
STILL_AFTER = 3
"""Sessions in a row in which nothing drew power, before the relay itself is suspect."""


class SocketInput(SocketStep):
    """One step of a socket: what each input means to it."""

    def handle(self, happened: Input) -> None:
        state = self.state
        match happened:
            case Reading(instrument="meter"):
                read_meter(self, believed(happened.values))
            case Reading(instrument="thermometer", values=values):
                read_thermometer(self, None if values is None else values.get("temperature_c"))
            case Decided():
                self._decide(happened)
            case Emergency(active=active, cause=cause):
                self._emergency(active, cause)
            case Edge(name="leakage", active=leaking):
                self.do(leaking=leaking)
                if leaking:
                    self.trip("leakage", Stop.LEAKAGE)
            case Edge(name="plug", active=plugged):
                self._plug(plugged)
            case Received(port=state.settings.bank, message=Supply() as supply):
                self._supply(supply)
            case CommandReceived(order_record=command, args=SessionStopArgs(session=named)) if named == running(
                state.session
            ):
                self.end(Stop.OPERATOR)
                self.do(SOCKET.ordered(**command))
            case QuotaSpent(session=name) if state.driven and state.session is not None and state.session.id == name:
                self.end(Stop.QUOTA)
            case CannotRecord():
                self.end(Stop.CANNOT_RECORD)
            case ModeChanged(mode=mode, number=number) if mode is not state.mode:
                self.do(mode=mode)
                if mode is Mode.OUT_OF_SERVICE:
                    self.do(waiting="")
                    self.end(Stop.OPERATOR)
                self.do(SOCKET.mode_set(mode=mode.value, number=number))
            case CloudAuthenticated():
                self._await_cloud()
            case TimeOfDay(minute=minute) if state.session is not None:
                uncounted_ms = max(0, self.now_ms - state.counted_ms)
                self.do(session=at_minute(state.session, minute, uncounted_ms))
            case Restored(document=document, age_ms=age_ms):
                restore(self, document, age_ms)
            case Levels():
                self._levels(happened)
            case Due(name=name):
                self._wake(name)

    def _wake(self, name: str) -> None:
        state = self.state
        match name:
            case "lease" if state.driven and state.session is not None:
                self._drive_on(state.session)
            case "over_power" if state.load.over_ms is not None:
                self.end(Stop.OVER_POWER)
            case "meter":
                self._lose_instrument("meter_lost", meter=Meter())
            case "thermometer":
                self._lose_instrument("thermometer_lost", temperature_c=None)
            case "load" if state.phase == "starting":
                # Nothing is plugged in, or the relay does not close.
                self.end(Stop.NO_LOAD)
                if state.plugged is not False:
                    self.sensor_still("relay_open", suspect_after=STILL_AFTER)
            case "check" if state.phase == "checking":
                self.end(Stop.POWER_LOSS)
            case "offline":
                self.end(Stop.OFFLINE_LIMIT)
            case "idle" if state.session is not None and state.session.ended:
                self._idle(state.session)
            case "cool" if state.phase == "finished" and state.session is None:
                self.to("end")
            case "reserved":
                self.do(reserved_for="")
            case "forget":
                self.do(over=None)
                self.do(self.persist())

    def _lose_instrument(self, fault: Fault, **unknown: object) -> None:
        """What it last said is no longer so; and after an interruption nobody can tell whether the load is the same."""
        is_checking = self.state.phase == "checking" or self.state.closing
        self.end(Stop.POWER_LOSS if is_checking else Stop.METER_LOST)
        self.do(**unknown)
        self.set_fault(fault, present=True)

    def _decide(self, asked: Decided) -> None:
        state = self.state
        if is_holders(state.session, asked):
            # The card that began it ends it, whatever the rule says of the card by now.
            if self.now_ms - state.began_ms >= TAP_AGAIN_MS:
                self.end(Stop.CARD)
        elif asked.decision.allowed:
            self._begin(asked)
        elif asked.decision.reason is Reason.FAULTED and asked.resets and asked.order_record is None:
            self._clear(asked)
        else:
            self.turn_away(state.session, asked)

    def _begin(self, asked: Decided) -> None:
        grant, state = asked.decision.grant, self.state
        barred = self._why_barred(asked.decision)
        if grant is None or barred is not None:
            self.do(*refuse(replace(asked, decision=Decision(barred or Reason.NOT_ENTITLED, grant))))
            return
        session = of_decision(
            asked,
            grant,
            state.point,
            by="card" if asked.order_record is None else "operator",
            class_name=state.settings.class_name,
            limit_ms=state.limits.session_ms,
            limit_wh=state.limits.session_wh,
        )
        self.to("start", session=session, over=None, reserved_for="", stop="", load=Load(), warned=False)
        self.do(began_ms=self.now_ms, reported_ms=self.now_ms, persisted_ms=self.now_ms)
        ordered = [] if asked.order_record is None else [SOCKET.ordered(**asked.order_record)]
        self.do(*ordered, decided(asked), started(session), *spent(session), self.persist())
        self.switch_on()
        self.do(Wake("load", state.limits.start_ms), self.show("green", "starting"))
        self.do(*no_more("reserved", "cool", "forget"))

    def _why_barred(self, decision: Decision) -> Reason | None:
        """Why nothing begins, although the rule allows it: it may have been asked a moment too early."""
        if self.state.session is not None:
            return Reason.BUSY
        if not self.state.is_sure:
            return Reason.FAULTED
        barred = self.state.mode in BARRING or decision.reason is not Reason.ALLOWED
        return Reason.OUT_OF_SERVICE if barred else None

    def _clear(self, asked: Decided) -> None:
        """Faults are cleared at the socket itself, and only if nothing is wrong any more as far as can be seen."""
        state = self.state
        sample, hot_c = state.meter.sample, state.temperature_c
        is_cool = hot_c is None or hot_c < state.settings.warn_c
        if sample is None or sample.power_w > OFF_W or state.leaking or not is_cool or state.phase == "emergency":
            self.do(*refuse(asked))
            return
        by = "" if asked.decision.grant is None else asked.decision.grant.holder.hex()
        self.do(faults=state.faults - LATCHED, stray=0)
        self.settle()
        cleared = (SOCKET.fault_cleared(fault=fault, by=by) for fault in sorted(LATCHED & state.faults))
        self.do(decided(asked), *cleared, self.persist(), *self.to_bank(Clear(by)))
        self.do(self.show("green", "fault_cleared"))

    def _drive_on(self, session: Session) -> None:
        """The next lease, if there is time left. Time is spent although the meter is silent."""
        unread_ms = self.now_ms - self.state.counted_ms if session.loaded else 0
        session = replace(session, used_ms=session.used_ms + unread_ms)
        if session.used_ms >= session.limit_ms:
            self.end(Stop.TIME_LIMIT)
        else:
            self.do(*spent(session), Drive("relay", HOLD_LEASE_MS, "nothing"), Wake("lease", HOLD_AGAIN_MS))

    def _plug(self, plugged: bool) -> None:
        self.do(plugged=plugged)
        state = self.state
        is_used = state.phase in ("charging", "checking") or (state.session is not None and state.session.ended)
        if is_used and not plugged:
            self.end(Stop.PULLED)
        elif state.phase == "finished" and not plugged:
            self.to("end", Wake("cool", None))

    def _idle(self, session: Session) -> None:
        """Another minute in which a full battery keeps the socket from others."""
        tariff = self.state.settings.tariff
        self.do(Wake("idle", MINUTE_MS))
        if not tariff.idle_fen_per_minute or not (self.state.waiting or tariff.idle_always):
            return
        if not session.idle_minutes:
            price = {"fen_per_minute": tariff.idle_fen_per_minute, "cap_fen": tariff.idle_cap_fen}
            self.do(SOCKET.idle(session=session.id, **price), self.show("red", "idle"))
        session = replace(session, idle_minutes=session.idle_minutes + 1)
        self.do(session=session)
        if idle_fen(session, tariff) < tariff.idle_cap_fen:
            self.do(self.persist())
        else:
            self.end(Stop.FULL)

    def _emergency(self, active: bool, cause: str) -> None:
        if not active:
            self.to("restore")
            self.settle()
            return
        self.do(waiting="", reserved_for="")
        if self.state.session is None:
            self.switch_off()
        self.end(stop_of_emergency(cause))
        self.to("alarm")

    def _supply(self, supply: Supply) -> None:
        """A bank that may not be live takes its sockets with it."""
        self.do(supply=supply)
        if not supply.ready:
            self.end(Stop.BANK_LOST)
        self.set_fault("bank_lost", present=not supply.ready)

    def _await_cloud(self) -> None:
        self.do(Wake("offline", self.state.settings.offline_limit_ms), cloud_authenticated=True)

    def _levels(self, levels: Levels) -> None:
        """The keeper has come, or come back: the relay is at rest, whatever we drove."""
        before, active = self.state, levels.active
        self.do(Rest("relay"), *self.to_bank(Want(False)), driven=False, switched_ms=self.now_ms, stray=0)
        self.do(plugged=active.get("plug"), leaking=active.get("leakage", False))
        if not before.cloud_authenticated:
            self._await_cloud()
        if before.meter.sample is None:
            self.do(Wake("meter", before.settings.lost_ms))
        if "relay_stuck" in before.faults:
            self.do(*self.to_bank(Cut()))
        if before.session is not None and before.driven:
            interrupt(self, before.session, resume=before.settings.resume)
        if self.state.leaking:
            self.trip("leakage", Stop.LEAKAGE)


def report(state: SocketState) -> Report:
    session = state.session
    return Report(
        state.phase,
        busy=session is not None,
        faulted=not state.is_sure,
        faults=state.faults,
        quiet=state.phase in ("free", "finished", "faulted"),
        user="" if session is None else session.digest,
        reserved_for=state.reserved_for,
        offline_limit_ms=state.settings.offline_limit_ms,
        live=_live(state),
    )


def _live(state: SocketState) -> dict[str, object]:
    """What a screen shows of this moment; nothing of a person."""
    sample, session = state.meter.sample, state.session
    shown: dict[str, object] = {
        "class": state.settings.class_name,
        "power_w": None if sample is None else sample.power_w,
        "temperature_c": state.temperature_c,
        "reason": state.stop,
        "waiting": bool(state.waiting),
        "reserved": bool(state.reserved_for),
    }
    if session is None:
        return shown
    left_min = max(0, session.limit_ms - session.used_ms) // MINUTE_MS
    return {
        **shown,
        "session": session.id,
        "energy_wh": energy_wh(session),
        "minutes": session.used_ms // MINUTE_MS,
        "minutes_left": left_min,
        "free_at_minutes": _free_in_min(state, session, left_min),
    }


def _free_in_min(state: SocketState, session: Session, left_min: int) -> int:
    """When the socket is likely free: at the latest when its limits are reached, sooner if the load tails off."""
    if session.ended:
        return 0
    if session.power_w > 0:
        left_min = min(left_min, int((session.limit_wh - energy_wh(session)) * 60 / session.power_w))
    if state.load.low_ms is not None:
        low_ms = state.counted_ms - state.load.low_ms
        left_min = min(left_min, max(0, state.limits.full_ms - low_ms) // MINUTE_MS)
    return max(0, left_min)


KIND = Station(
    SOCKET,
    {"leakage": False, "plug": False},
    {"relay": True, "green": False, "red": False},
    SocketSettings,
    SocketState,
    SocketInput.run,
    report,
    instruments={"meter": True, "thermometer": False},
)
