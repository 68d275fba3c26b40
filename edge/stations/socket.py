"""A charging socket: a relay behind a meter, and if wired a thermometer, a contact of the plug, a leakage monitor and a
contactor upstream (kind ``bank``).

The relay is driven by lease and only for a session; the meter lies before it, so that it sees what a relay does that
does not open. Every doubt cuts: unknown is never zero. Safety acts first and is written down afterwards. A fault that
is latched outlives restarts, until somebody with the right clears it on site.
"""

from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from contract.decide import Decision, Mode
from contract.reasons import Reason
from contract.sessions import Stop, stop_of_emergency
from edge.load import OVER_POWER_MS, Load, Meter, Sample, believed, followed, heard, is_frozen, is_same, stops
from edge.session import (
    HOUR_MS,
    KEEP_AGAIN_MS,
    MINUTE_MS,
    PROGRESS_AGAIN_MS,
    RESERVED_MS,
    RESUME_WITHIN_MS,
    Chosen,
    ClassName,
    Kept,
    Limits,
    Session,
    Tariff,
    Unreadable,
    draw,
    ended,
    energy_wh,
    idle_fen,
    limits_of,
    missed,
    progress,
    read_kept,
    spent,
    started,
    write_kept,
)
from edge.stations import (
    BARRING,
    HOLD_AGAIN_MS,
    HOLD_LEASE_MS,
    CannotRecord,
    CloudHeard,
    Decided,
    Drive,
    Due,
    Edge,
    Effect,
    Emergency,
    Faulty,
    Found,
    Input,
    Keep,
    Levels,
    ModeChanged,
    QuotaSpent,
    Reading,
    Received,
    Record,
    Report,
    Rest,
    Send,
    Show,
    StopOrdered,
    Wake,
    decided,
    kept_still,
    moved,
    refuse,
    set_fault,
)
from edge.stations.bank import Clear, Cut, Supply, Want

Phase = Literal["free", "starting", "charging", "checking", "finished", "faulted", "emergency"]
Trigger = Literal["start", "load", "interrupt", "resume", "full", "end", "fail", "clear", "alarm", "restore"]

NEXT: dict[tuple[Phase, Trigger], Phase] = {
    ("free", "start"): "starting",
    ("finished", "start"): "starting",
    ("starting", "load"): "charging",
    ("charging", "full"): "finished",
    ("free", "interrupt"): "checking",
    ("charging", "interrupt"): "checking",
    ("checking", "resume"): "charging",
    ("starting", "end"): "free",
    ("charging", "end"): "free",
    ("checking", "end"): "free",
    ("finished", "end"): "free",
    ("free", "fail"): "faulted",
    ("finished", "fail"): "faulted",
    ("faulted", "clear"): "free",
    ("free", "alarm"): "emergency",
    ("finished", "alarm"): "emergency",
    ("faulted", "alarm"): "emergency",
    ("emergency", "restore"): "free",
}
"""Where a trigger leads. A pair that does not stand here leaves the phase as it is. What fails or alarms while a
session runs ends it first."""

INPUTS = {"leakage": False, "plug": False}
OUTPUTS = {"relay": True, "green": False, "red": False}
INSTRUMENTS = {"meter": True, "thermometer": False}

LATCHED = frozenset({"relay_stuck", "over_temp", "leakage", "kept_unreadable"})
"""Faults that outlive restarts, until they are cleared on site."""
BLOCKING = LATCHED | {"meter_lost", "thermometer_lost", "bank_lost"}
"""Faults with which nothing begins."""
OFF_W = 5.0
"""More than this after switching off is no leakage of a filter: the relay has not opened."""
OFF_SETTLES_MS = 3_000
STRAY_SAMPLES = 2
PERSISTS_MS = 10_000
"""Power that is still there so long after the bank was cut can only be ended at the breaker."""
CHECK_MS = 60_000
"""How long the load has to show that it is the one from before an interruption."""
TAP_AGAIN_MS = 3_000
"""A second tap within this time is the same tap."""
STILL_AFTER = 3
"""Sessions in a row in which nothing drew power, before the relay itself is suspect."""
GLAD = frozenset({Stop.USER, Stop.CARD, Stop.REMOTE, Stop.FULL})
"""Ends that somebody wanted."""
MAX_CUT_C = 70.0
COOLER_C = 5.0
"""A warning is given again only after the socket has cooled down by so much."""
TEMPERATURE_C = -40.0, 150.0
"""What a thermistor can say."""
MAX_LOST_MS = 30_000
MAX_OFFLINE_MS = 72 * HOUR_MS


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """``class``: whose limits hold; ``limits``: which of them change. ``bank``: the point of the contactor upstream.
    ``warn_c``, ``cut_c``: the temperature that warns, and the one that cuts. An instrument that says nothing good for
    ``lost_ms`` is lost. ``resume``: whether a session goes on after a short interruption. Without the cloud for
    ``offline_limit_ms`` nothing begins and what runs ends."""

    class_name: ClassName = field(default="phone", name="class")
    limits: Chosen = Chosen()
    bank: str = ""
    warn_c: float = 60
    cut_c: float = 70
    lost_ms: int = 30_000
    resume: bool = True
    offline_limit_ms: int = 12 * HOUR_MS
    tariff: Tariff = Tariff()

    def __post_init__(self) -> None:
        limits_of(self.class_name, self.limits)
        if not 0 < self.warn_c < self.cut_c <= MAX_CUT_C:
            raise ValueError(f"warn_c lies above 0 and below cut_c, and cut_c is at most {MAX_CUT_C:.0f}")
        if not 0 < self.lost_ms <= MAX_LOST_MS:
            raise ValueError(f"lost_ms lies between 1 and {MAX_LOST_MS}")
        if not MINUTE_MS <= self.offline_limit_ms <= MAX_OFFLINE_MS:
            raise ValueError(f"offline_limit_ms lies between {MINUTE_MS} and {MAX_OFFLINE_MS}")


class State(Faulty, frozen=True):
    """``session`` is the one that runs, or whose full battery still occupies the socket; ``over`` the one before it,
    kept until its end is surely written down. ``driven`` says that we drive the relay, since or until ``switched_ms``
    (None before the first levels). ``counted_ms``, ``kept_ms`` and ``told_ms`` are when time was last counted, the
    session last kept, and its progress last told. ``stray`` counts samples of power while we do not drive.
    ``hears_cloud`` says that the wait for the cloud has begun. ``supply`` is what the bank says; ``stop`` why the last
    session ended."""

    point: str
    settings: Settings
    limits: Limits
    phase: Phase = "free"
    session: Session | None = None
    over: Session | None = None
    driven: bool = False
    switched_ms: int | None = None
    began_ms: int = 0
    counted_ms: int = 0
    kept_ms: int = 0
    told_ms: int = 0
    meter: Meter = Meter()
    load: Load = Load()
    stray: int = 0
    temperature_c: float | None = None
    has_thermometer: bool = False
    warned: bool = False
    plugged: bool | None = None
    leaking: bool = False
    supply: Supply | None = None
    waiting: str = ""
    reserved_for: str = ""
    mode: Mode = Mode.SCHEDULED
    hears_cloud: bool = False
    stop: str = ""


Step = tuple[State, list[Effect]]


def start(point: str, settings: Settings) -> State:
    return State(point, settings, limits_of(settings.class_name, settings.limits))


def report(state: State) -> Report:
    session = state.session
    return Report(
        state.phase,
        busy=session is not None,
        faulted=not _is_sure(state),
        faults=state.faults,
        quiet=state.phase in ("free", "finished", "faulted"),
        user="" if session is None else session.digest,
        reserved_for=state.reserved_for,
        offline_limit_ms=state.settings.offline_limit_ms,
        live=_live(state),
    )


def step(state: State, happened: Input, now_ms: int) -> Step:
    """Take one input to completion. Inputs that mean nothing to a socket change nothing."""
    match happened:
        case Reading(instrument="meter"):
            return _metered(state, believed(happened.values), now_ms)
        case Reading(instrument="thermometer", values=values):
            return _felt(state, None if values is None else values.get("temperature_c"), now_ms)
        case Decided():
            return _decided(state, happened, now_ms)
        case Emergency(active=active, cause=cause):
            return _emergency(state, active, cause, now_ms)
        case Edge(name="leakage", active=leaking):
            state = replace(state, leaking=leaking)
            return _trip(state, "leakage", Stop.LEAKAGE, now_ms) if leaking else (state, [])
        case Edge(name="plug", active=plugged):
            return _plugged(replace(state, plugged=plugged), now_ms)
        case Received(port=state.settings.bank, message=Supply() as supply):
            return _supplied(replace(state, supply=supply), now_ms)
        case StopOrdered(told=told) if state.session is not None:
            state, effects = _end(state, Stop.OPERATOR, now_ms)
            return state, [*effects, Record("command.done", told)]
        case QuotaSpent(session=name) if state.driven and state.session is not None and state.session.id == name:
            return _end(state, Stop.QUOTA, now_ms)
        case CannotRecord():
            return _end(state, Stop.CANNOT_RECORD, now_ms)
        case ModeChanged(mode=mode) if mode is not state.mode:
            return _to_mode(state, happened, now_ms)
        case CloudHeard():
            return replace(state, hears_cloud=True), [Wake("offline", state.settings.offline_limit_ms)]
        case Found(document=document, age_ms=age_ms):
            return _found(state, document, age_ms, now_ms)
        case Levels():
            return _levels(state, happened, now_ms)
        case Due(name=name):
            return _due(state, name, now_ms)
    return state, []


def _due(state: State, name: str, now_ms: int) -> Step:
    match name:
        case "lease" if state.driven:
            return _again(state, now_ms)
        case "over_power" if state.load.over_ms is not None:
            return _end(state, Stop.OVER_POWER, now_ms)
        case "meter":
            # What it last said is no longer so; and after an interruption nobody can tell whether the load is the same.
            state, effects = _end(state, _if_checking(state, Stop.METER_LOST), now_ms)
            state, noted = _fault(replace(state, meter=Meter()), "meter_lost", present=True)
            return state, effects + noted
        case "thermometer":
            state, effects = _end(state, _if_checking(state, Stop.METER_LOST), now_ms)
            state, noted = _fault(replace(state, temperature_c=None), "thermometer_lost", present=True)
            return state, effects + noted
        case "load" if state.phase == "starting":
            return _nothing_drew(state, now_ms)
        case "check" if state.phase == "checking":
            return _end(state, Stop.POWER_LOSS, now_ms)
        case "offline":
            return _end(state, Stop.OFFLINE_LIMIT, now_ms)
        case "idle" if state.session is not None and state.session.ended:
            return _idled(state, state.session, now_ms)
        case "cool" if state.phase == "finished" and state.session is None:
            return _to(state, "end"), []
        case "reserved":
            return replace(state, reserved_for=""), []
        case "forget":
            state = replace(state, over=None)
            return state, [_keep(state)]
    return state, []


def _to(state: State, trigger: Trigger) -> State:
    return replace(state, phase=NEXT.get((state.phase, trigger), state.phase))


def _is_sure(state: State) -> bool:
    """Whether everything is known that a session needs: the meter speaks, and the bank may be live."""
    supplied = not state.settings.bank or (state.supply is not None and state.supply.ready)
    calm = state.phase not in ("faulted", "emergency") and not state.faults & BLOCKING
    return calm and supplied and state.meter.sample is not None


def _if_checking(state: State, stop: Stop) -> Stop:
    return Stop.POWER_LOSS if state.phase == "checking" else stop


# People


def _decided(state: State, found: Decided, now_ms: int) -> Step:
    session, reason = state.session, found.decision.reason
    if session is not None and found.digest and found.digest.hex() == session.digest and found.told is None:
        return _tapped_again(state, now_ms)
    if found.decision.allowed:
        return _begin(state, found, now_ms)
    if reason is Reason.FAULTED and found.resets and found.told is None:
        return _clear(state, found)
    if reason is Reason.BUSY and session is not None and not state.waiting:
        return _wait(state, session, found)
    return state, refuse(found)


def _tapped_again(state: State, now_ms: int) -> Step:
    """The holder is back with the card that began it. That ends it, whatever the rule says of the card by now."""
    return (state, []) if now_ms - state.began_ms < TAP_AGAIN_MS else _end(state, Stop.CARD, now_ms)


def _begin(state: State, found: Decided, now_ms: int) -> Step:
    grant = found.decision.grant
    barred = _bar(state, found.decision)
    if grant is None or barred is not None:
        return state, refuse(replace(found, decision=Decision(barred or Reason.NOT_ENTITLED, grant)))
    allotment = grant.allotments.get(state.point)
    session = Session(
        id=found.ticket,
        holder=grant.holder.hex(),
        digest=found.digest.hex(),
        tier=grant.tier,
        by="card" if found.told is None else "operator",
        class_name=state.settings.class_name,
        limit_ms=state.limits.session_ms,
        limit_wh=state.limits.session_wh,
        allotment="" if allotment is None else allotment.name,
        started_minute=found.minute,
    )
    state = replace(_to(state, "start"), session=session, over=None, reserved_for="", stop="")
    state = replace(state, began_ms=now_ms, told_ms=now_ms, kept_ms=now_ms, load=Load(), warned=False)
    told: list[Effect] = [] if found.told is None else [Record("command.done", found.told)]
    told += [decided(found), started(session), *spent(session), _keep(state)]
    state, switched = _switch_on(state, now_ms)
    forgotten = (Wake(name, None) for name in ("reserved", "cool", "forget"))
    return state, [*told, *switched, Wake("load", state.limits.start_ms), Show("green", "starting"), *forgotten]


def _bar(state: State, decision: Decision) -> Reason | None:
    """Why nothing begins, although the rule allows it: it may have been asked a moment too early."""
    if state.session is not None:
        return Reason.BUSY
    if not _is_sure(state):
        return Reason.FAULTED
    if state.mode in BARRING or decision.reason is not Reason.ALLOWED:
        return Reason.OUT_OF_SERVICE
    return None


def _wait(state: State, session: Session, found: Decided) -> Step:
    """One other person may wait, so that what gets free is theirs for a while."""
    holder = "" if found.decision.grant is None else found.decision.grant.holder.hex()
    if not holder or holder == session.holder:
        return state, refuse(found)
    waits = Record("session.waiting", {"session": session.id, "holder": holder})
    return replace(state, waiting=holder), [decided(found), waits, Show("red", "waiting")]


def _clear(state: State, found: Decided) -> Step:
    """Faults are cleared at the socket itself, and only if nothing is wrong any more as far as can be seen."""
    sample, hot_c = state.meter.sample, state.temperature_c
    cool = hot_c is None or hot_c < state.settings.warn_c
    if sample is None or sample.power_w > OFF_W or state.leaking or not cool or state.phase == "emergency":
        return state, refuse(found)
    by = "" if found.decision.grant is None else found.decision.grant.holder.hex()
    latched = sorted(state.faults & LATCHED)
    state = _settled(replace(state, faults=state.faults - LATCHED, stray=0))
    cleared = [Record("socket.fault_cleared", {"fault": fault, "by": by}) for fault in latched]
    return state, [decided(found), *cleared, _keep(state), *_to_bank(state, Clear(by)), Show("green", "fault_cleared")]


# The relay


def _switch_on(state: State, now_ms: int) -> Step:
    """Power has a value: it waits until what was recorded and kept of it is on the disk."""
    state = replace(state, driven=True, switched_ms=now_ms, counted_ms=now_ms, stray=0)
    return state, [*_to_bank(state, Want(True)), Drive("relay", HOLD_LEASE_MS, "durable"), Wake("lease", HOLD_AGAIN_MS)]


def _switch_off(state: State, now_ms: int) -> Step:
    """What is at rest already is told to rest once more."""
    if state.driven:
        state = replace(state, driven=False, switched_ms=now_ms, stray=0)
    state = replace(state, load=Load())
    asleep = (Wake(name, None) for name in ("lease", "load", "check", "over_power", "idle"))
    return state, [Rest("relay"), *_to_bank(state, Want(False)), *asleep]


def _again(state: State, now_ms: int) -> Step:
    """The next lease, if there is time left."""
    session = state.session
    if session is None or _used_ms(state, session, now_ms) >= session.limit_ms:
        return _end(state, Stop.TIME_LIMIT, now_ms)
    return state, [Drive("relay", HOLD_LEASE_MS, "nothing"), Wake("lease", HOLD_AGAIN_MS)]


def _used_ms(state: State, session: Session, now_ms: int) -> int:
    return session.used_ms + (now_ms - state.counted_ms if session.loaded else 0)


def _to_bank(state: State, message: Want | Cut | Clear) -> list[Effect]:
    return [Send(state.settings.bank, message)] if state.settings.bank else []


def _keep(state: State) -> Keep:
    return Keep(write_kept(Kept(state.session or state.over, tuple(sorted(state.faults & LATCHED)))))


# The end


def _end(state: State, stop: Stop, now_ms: int, trigger: Trigger = "end") -> Step:
    """The power goes first; then it is written down. A session that is full has its reason already."""
    if state.session is None:
        return state, []
    over = replace(state.session, ended=state.session.ended or stop.value)
    state, effects = _switch_off(state, now_ms)
    state = replace(_to(state, trigger), session=None, over=over, stop=over.ended)
    effects += [*spent(over), _keep(state), ended(over, state.settings.tariff), Wake("forget", MINUTE_MS)]
    if state.waiting:
        state = replace(state, waiting="", reserved_for=state.waiting)
        effects.append(Wake("reserved", RESERVED_MS))
    return _settled(state), [*effects, Show("green" if over.ended in GLAD else "red", over.ended)]


def _full(state: State, session: Session, now_ms: int) -> Step:
    """Only a contact can tell that a full battery still occupies the socket; without one, it is free."""
    tariff = state.settings.tariff
    if not state.plugged:
        state, effects = _end(state, Stop.FULL, now_ms, "full")
        return state, [*effects, Wake("cool", tariff.idle_grace_minutes * MINUTE_MS)]
    session = replace(session, ended=Stop.FULL.value)
    state, effects = _switch_off(replace(state, session=session), now_ms)
    state = replace(_to(state, "full"), stop=session.ended)
    full = Record("session.full", {"session": session.id, "energy_wh": energy_wh(session), "ms": session.used_ms})
    idle = Wake("idle", (tariff.idle_grace_minutes + 1) * MINUTE_MS)
    return state, [*effects, *spent(session), _keep(state), full, idle, Show("green", session.ended)]


def _idled(state: State, session: Session, now_ms: int) -> Step:
    """Another minute in which a full battery keeps the socket from others."""
    tariff, effects = state.settings.tariff, list[Effect]([Wake("idle", MINUTE_MS)])
    if not tariff.idle_fen_per_minute or not (state.waiting or tariff.idle_always):
        return state, effects
    if not session.idle_minutes:
        fee = {"fen_per_minute": tariff.idle_fen_per_minute, "cap_fen": tariff.idle_cap_fen}
        effects += [Record("session.idle", {"session": session.id, **fee}), Show("red", "idle")]
    session = replace(session, idle_minutes=session.idle_minutes + 1)
    state = replace(state, session=session)
    if idle_fen(session, tariff) < tariff.idle_cap_fen:
        return state, [*effects, _keep(state)]
    state, over = _end(state, Stop.FULL, now_ms)
    return state, effects + over


def _nothing_drew(state: State, now_ms: int) -> Step:
    """Nothing is plugged in, or the relay does not close: after some in a row it is the relay that is suspect."""
    state, effects = _end(state, Stop.NO_LOAD, now_ms)
    if state.plugged is False:
        return state, effects
    state, noted = kept_still(state, "socket", "relay_open", suspect_after=STILL_AFTER)
    return state, effects + noted


def _plugged(state: State, now_ms: int) -> Step:
    if state.plugged:
        return state, []
    if state.phase in ("charging", "checking") or (state.session is not None and state.session.ended):
        return _end(state, Stop.PULLED, now_ms)
    return (_to(state, "end"), [Wake("cool", None)]) if state.phase == "finished" else (state, [])


# What is wrong


def _settled(state: State) -> State:
    """The phase of a socket without a session that fits what is wrong with it."""
    return _to(state, "fail" if state.faults & BLOCKING else "clear")


def _fault(state: State, fault: str, *, present: bool) -> Step:
    state, noted = set_fault(state, "socket", fault, present=present)
    return (_settled(state) if state.session is None else state), noted


def _trip(state: State, fault: str, stop: Stop, now_ms: int) -> Step:
    """Off, and it stays off: a latched fault."""
    dead: list[Effect] = [Rest("relay"), *(_to_bank(state, Cut()) if fault == "relay_stuck" else [])]
    state, effects = _end(replace(state, waiting=""), stop, now_ms)
    state, noted = _fault(state, fault, present=True)
    return state, [*dead, *effects, *noted, _keep(state), Show("red", Reason.FAULTED.value)]


def _emergency(state: State, active: bool, cause: str, now_ms: int) -> Step:
    if not active:
        return _settled(_to(state, "restore")), []
    state = replace(state, waiting="", reserved_for="")
    if state.session is None:
        state, effects = _switch_off(state, now_ms)
    else:
        state, effects = _end(state, stop_of_emergency(cause), now_ms)
    return _to(state, "alarm"), effects


def _to_mode(state: State, wanted: ModeChanged, now_ms: int) -> Step:
    state, effects = replace(state, mode=wanted.mode), list[Effect]()
    if wanted.mode is Mode.OUT_OF_SERVICE:
        state, effects = _end(replace(state, waiting=""), Stop.OPERATOR, now_ms)
    return state, [*effects, Record("socket.mode", {"mode": wanted.mode.value, "number": wanted.number})]


def _supplied(state: State, now_ms: int) -> Step:
    """A bank that may not be live takes its sockets with it."""
    ready = state.supply is not None and state.supply.ready
    state, effects = (state, []) if ready else _end(state, Stop.BANK_LOST, now_ms)
    state, noted = _fault(state, "bank_lost", present=not ready)
    return state, effects + noted


def _felt(state: State, celsius: float | None, now_ms: int) -> Step:
    """A socket gets hot before it burns."""
    watched = list[Effect]([] if state.has_thermometer else [Wake("thermometer", state.settings.lost_ms)])
    state = replace(state, has_thermometer=True)
    if celsius is None or not TEMPERATURE_C[0] <= celsius <= TEMPERATURE_C[1]:
        return state, watched
    state, effects = _fault(replace(state, temperature_c=celsius), "thermometer_lost", present=False)
    effects.append(Wake("thermometer", state.settings.lost_ms))
    if celsius >= state.settings.cut_c and "over_temp" not in state.faults:
        state, tripped = _trip(state, "over_temp", Stop.OVER_TEMP, now_ms)
        return state, tripped + effects
    if celsius >= state.settings.warn_c and state.driven and state.session is not None and not state.warned:
        warning = {"session": state.session.id, "what": "temperature", "temperature_c": celsius}
        return replace(state, warned=True), [*effects, Record("session.warned", warning), Show("red", "hot")]
    return replace(state, warned=state.warned and celsius > state.settings.warn_c - COOLER_C), effects


# The meter


def _metered(state: State, sample: Sample | None, now_ms: int) -> Step:
    if sample is None:
        return state, []
    state = replace(state, meter=heard(state.meter, sample, now_ms))
    state, effects = _fault(state, "meter_lost", present=_is_frozen(state, now_ms))
    effects.append(Wake("meter", state.settings.lost_ms))
    if state.session is None or not state.driven:
        state, more = _unwanted(state, sample, now_ms)
        if state.session is not None and state.phase == "checking" and sample.power_w <= OFF_W:
            state, checking = _check(state, state.session, sample, now_ms)
            more += checking
    else:
        state, more = _drawn(state, state.session, sample, now_ms)
    return state, more + effects


def _is_frozen(state: State, now_ms: int) -> bool:
    """Whether a meter that was found frozen still is: it is lost until something in it moves."""
    return "meter_lost" in state.faults and is_frozen(state.meter, now_ms)


def _unwanted(state: State, sample: Sample, now_ms: int) -> Step:
    """Power where there should be none: the relay has not opened. Once the bank is cut, only the breaker is left."""
    off_ms = state.switched_ms
    if off_ms is None or now_ms - off_ms < OFF_SETTLES_MS:
        return state, []
    if sample.power_w <= OFF_W:
        return _fault(replace(state, stray=0), "power_persists", present=False)
    state = replace(state, stray=state.stray + 1)
    if "relay_stuck" in state.faults:
        return _fault(state, "power_persists", present=now_ms - off_ms >= PERSISTS_MS)
    if state.stray < STRAY_SAMPLES:
        return state, []
    return _trip(replace(state, switched_ms=now_ms), "relay_stuck", Stop.RELAY_STUCK, now_ms)


def _drawn(state: State, session: Session, sample: Sample, now_ms: int) -> Step:
    """A sample of a session that runs: count it, then judge it."""
    elapsed_ms = max(0, now_ms - state.counted_ms)
    before_w, limits = session.power_w, state.limits
    session = draw(session, sample.energy_wh, sample.power_w, elapsed_ms, limits.power_w, state.settings.tariff)
    was_over = state.load.over_ms is not None
    load = followed(state.load, limits, sample.power_w, before_w, now_ms)
    state = replace(state, session=session, load=load, counted_ms=now_ms)
    over: list[Effect] = []
    if was_over != (load.over_ms is not None):
        over = [Wake("over_power", None if was_over else OVER_POWER_MS)]
    state, effects = _judged(state, session, sample, now_ms)
    return state, over + effects


def _judged(state: State, session: Session, sample: Sample, now_ms: int) -> Step:
    stop = stops(state.load, state.limits, now_ms, plugged=state.plugged is True)
    if session.used_mwh >= session.limit_wh * 1000:
        return _end(state, Stop.ENERGY_LIMIT, now_ms)
    if session.used_ms >= session.limit_ms:
        return _end(state, Stop.TIME_LIMIT, now_ms)
    if stop is Stop.OVER_POWER:
        return _end(state, stop, now_ms)
    if state.phase == "starting":
        return _seen(state, session, sample, now_ms) if sample.power_w >= state.limits.start_w else (state, [])
    if state.phase == "checking":
        return _resumed(state, session, now_ms) if is_same(state.load, now_ms) else (state, [])
    if is_frozen(state.meter, now_ms):
        state, effects = _end(state, Stop.METER_LOST, now_ms)
        state, noted = _fault(state, "meter_lost", present=True)
        return state, effects + noted
    if stop is not None:
        return _full(state, session, now_ms) if stop is Stop.FULL else _end(state, stop, now_ms)
    return _gone_on(replace(state, session=replace(session, power_w=sample.power_w)), now_ms)


def _seen(state: State, session: Session, sample: Sample, now_ms: int) -> Step:
    """Something draws power: from now on it is counted."""
    session = replace(session, loaded=True, power_w=sample.power_w)
    state = replace(_to(state, "load"), session=session, load=Load(over_ms=state.load.over_ms), kept_ms=now_ms)
    state, noted = moved(state, "socket", "relay_open")
    return state, [Wake("load", None), *spent(session), _keep(state), Show("green", "charging"), *noted]


def _gone_on(state: State, now_ms: int) -> Step:
    session = state.session
    if session is None:
        return state, []
    effects = spent(session)
    if now_ms - state.told_ms >= PROGRESS_AGAIN_MS:
        state = replace(state, told_ms=now_ms)
        effects.append(progress(session))
    if now_ms - state.kept_ms >= KEEP_AGAIN_MS:
        state = replace(state, kept_ms=now_ms)
        effects.append(_keep(state))
    return state, effects


# Interruptions


def _found(state: State, document: bytes, age_ms: int | None, now_ms: int) -> Step:
    """What cannot be read may have been a latched fault, and counts as one."""
    try:
        kept = read_kept(document)
    except Unreadable:
        return _trip(state, "kept_unreadable", Stop.POWER_LOSS, now_ms)
    state, session = _settled(replace(state, faults=state.faults | set(kept.latched))), kept.session
    if session is None:
        return state, []
    if session.ended:
        # Whether its end was written down in time nobody knows, so it is written again.
        state = replace(state, over=session, stop=session.ended)
        return state, [ended(session, state.settings.tariff), Wake("forget", MINUTE_MS)]
    if age_ms is None or age_ms > RESUME_WITHIN_MS or state.phase != "free":
        return _interrupt(replace(state, session=session), session, now_ms, resume=False)
    return _interrupt(state, missed(session, age_ms), now_ms, resume=state.settings.resume)


def _interrupt(state: State, session: Session, now_ms: int, *, resume: bool) -> Step:
    """The power was away. It comes back only for a load that has been seen, and was allowed to."""
    told = {"session": session.id, "energy_wh": energy_wh(session), "ms": session.used_ms}
    interrupted = Record("session.interrupted", told)
    state, off = _switch_off(replace(state, session=session), now_ms)
    if not (resume and session.loaded):
        state, effects = _end(state, Stop.POWER_LOSS, now_ms)
        return state, [*off, interrupted, *effects]
    state = replace(_to(state, "interrupt"), began_ms=now_ms, counted_ms=now_ms, told_ms=now_ms)
    return state, [*off, interrupted, _keep(state), Wake("check", CHECK_MS), Show("red", "checking")]


def _check(state: State, session: Session, sample: Sample, now_ms: int) -> Step:
    """The meter is good and the relay is open: count what was drawn unseen, and look at the load."""
    if not _is_sure(state):
        return state, []
    away_ms = max(0, now_ms - state.counted_ms)
    unloaded = draw(
        replace(session, loaded=False), sample.energy_wh, 0, away_ms, state.limits.power_w, state.settings.tariff
    )
    state = replace(state, session=replace(unloaded, loaded=True), kept_ms=now_ms, load=Load())
    kept = [*spent(session), _keep(state), Wake("check", CHECK_MS)]
    state, switched = _switch_on(state, now_ms)
    return state, kept + switched


def _resumed(state: State, session: Session, now_ms: int) -> Step:
    state = replace(_to(state, "resume"), load=Load(over_ms=state.load.over_ms), kept_ms=now_ms)
    resumed = Record("session.resumed", {"session": session.id})
    return state, [resumed, *spent(session), _keep(state), Wake("check", None), Show("green", "charging")]


def _levels(state: State, levels: Levels, now_ms: int) -> Step:
    """The keeper has come, or come back: the relay is at rest, whatever we drove."""
    active, settings, was_driven = levels.active, state.settings, state.driven
    state = replace(state, plugged=active.get("plug"), leaking=active.get("leakage", False))
    state = replace(state, driven=False, switched_ms=now_ms, stray=0)
    effects: list[Effect] = [Rest("relay"), *_to_bank(state, Want(False))]
    if not state.hears_cloud:
        state = replace(state, hears_cloud=True)
        effects.append(Wake("offline", settings.offline_limit_ms))
    if state.meter.sample is None:
        effects.append(Wake("meter", settings.lost_ms))
    if "relay_stuck" in state.faults:
        effects += _to_bank(state, Cut())
    if state.session is not None and was_driven:
        state, more = _interrupt(state, state.session, now_ms, resume=settings.resume)
        effects += more
    if state.leaking:
        state, more = _trip(state, "leakage", Stop.LEAKAGE, now_ms)
        effects += more
    return state, effects


# The screen


def _live(state: State) -> dict[str, object]:
    """What a screen shows of this moment; nothing of a person."""
    sample, session = state.meter.sample, state.session
    shown: dict[str, object] = {
        "class": state.settings.class_name,
        "power_w": None if sample is None else sample.power_w,
        "temperature_c": state.temperature_c,
        "reason": state.stop,
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


def _free_in_min(state: State, session: Session, left_min: int) -> int:
    """When the socket is likely free: at the latest when its limits are reached, sooner if the load tails off."""
    if session.ended:
        return 0
    if session.power_w > 0:
        left_min = min(left_min, int((session.limit_wh - energy_wh(session)) * 60 / session.power_w))
    if state.load.low_ms is not None:
        low_ms = state.counted_ms - state.load.low_ms
        left_min = min(left_min, max(0, state.limits.full_ms - low_ms) // MINUTE_MS)
    return max(0, left_min)
