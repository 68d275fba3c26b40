"""While a charging post gives power, and how that ends: what is counted, and what an end belongs to. Pure."""

from msgspec.structs import replace

from contract.kinds.ev_post import EV_POST
from contract.sessions import Stop
from edge.archetypes.account import Account, Reading, begun_at, closed, passed, read
from edge.archetypes.faults import set_fault
from edge.archetypes.protocol import Effect, Wake
from edge.archetypes.session import (
    KEEP_AGAIN_MS,
    PROGRESS_AGAIN_MS,
    RESERVED_MS,
    Session,
    count,
    ended,
    energy_wh,
    progress,
    spent,
)
from edge.stations.ev_post import attribution, transactions
from edge.stations.ev_post.messages import MeterSaid, StopRemotely, StopSaid, Verdict, is_given
from edge.stations.ev_post.state import MAX_AWAY_MS, STOP_AGAIN_MS, EvPostState, Step, keep, numbered, tell, to
from edge.stations.ev_post.transactions import Parked, Transaction

STOPS_IN_VAIN = 3
FORGET_MS = 10_000
STRAY_W = 50.0
"""More than a post's own electronics draw, less than any car."""
MAX_BEFORE = 4
STRAYS = 2
"""Readings in a row."""


def metered(state: EvPostState, said: MeterSaid, now_ms: int) -> Step:
    """Power without a session is a fault, whatever status the post says."""
    one, live = attribution.measured(state.book, said, state.settings.power_w), state.book.live
    if one is not None and not one.over and one != live:
        return _read_late(state, one, said)
    state = replace(state, power_w=said.power_w if said.power_w is not None else state.power_w)
    if one is not None and one == live:
        return _drawn(replace(state, rebooted=False, doubted=False), one, said, now_ms)
    state = _before(state, said)
    if said.power_w is None or attribution.is_past(state.book, said):
        return state, []
    state = replace(state, strays=state.strays + 1 if said.power_w >= STRAY_W and live is None else 0)
    state, effects = set_fault(state, EV_POST, "stray_power", present=state.strays >= STRAYS)
    if state.strays >= STRAYS and is_given(said.transaction):
        state, order = numbered(state, "stop")
        effects.append(tell(StopRemotely(order, said.transaction)))
    return state, effects


def _before(state: EvPostState, said: MeterSaid) -> EvPostState:
    """Remember the first register of a transaction that has no card yet."""
    known = dict(state.before)
    if said.energy_wh is None or not is_given(said.transaction) or said.transaction in known:
        return state
    if any(one.number == said.transaction for one in state.book.transactions):
        return state
    before = (*state.before, (said.transaction, Reading(said.energy_wh, said.at_ms)))
    return replace(state, before=before[-MAX_BEFORE:])


def no_strays(state: EvPostState) -> Step:
    """The post says that nothing runs, or has started anew: power that flows all the same is told of again."""
    return set_fault(replace(state, strays=0), EV_POST, "stray_power", present=False)


def _read_late(state: EvPostState, one: Transaction, said: MeterSaid) -> Step:
    """A reading of a transaction that was told of beside the one that runs."""
    if one.session is None or said.energy_wh is None:
        return state, []
    state, one, effects = _accounted(state, one, _read(state, one, said, 0), 0)
    return replace(state, book=transactions.put(state.book, one)), effects


def _read(state: EvPostState, one: Transaction, said: MeterSaid, elapsed_ms: int) -> Account:
    """The account of a transaction with one more reading."""
    account, most_w = passed(transactions.account_of(one), elapsed_ms), state.settings.power_w
    if said.begin_wh is not None:
        account = begun_at(account, said.begin_wh, most_w)
    if said.energy_wh is None:
        return account
    return read(account, Reading(said.energy_wh, said.at_ms, said.transaction == one.number), most_w)


def _drawn(state: EvPostState, live: Transaction, said: MeterSaid, now_ms: int) -> Step:
    if live.session is None or said.energy_wh is None:
        return state, []
    elapsed_ms = max(0, now_ms - state.counted_ms)
    state, one, effects = _accounted(state, live, _read(state, live, said, elapsed_ms), elapsed_ms)
    session = replace(one.session or live.session, power_w=state.power_w)
    state = replace(state, counted_ms=now_ms, book=transactions.put(state.book, replace(one, session=session)))
    if state.status == "sated" and state.power_w >= STRAY_W:
        effects.append(Wake("full", state.settings.full_ms))
    if now_ms - state.told_ms >= PROGRESS_AGAIN_MS:
        state = replace(state, told_ms=now_ms)
        effects.append(progress(session))
    if now_ms - state.kept_ms >= KEEP_AGAIN_MS:
        state = replace(state, kept_ms=now_ms)
        effects += [*spent(session), keep(state)]
    if session.used_mwh >= session.limit_wh * 1000:
        state, stopped = stop(state, Stop.ENERGY_LIMIT)
        effects += stopped
    return state, effects


def _accounted(
    state: EvPostState, one: Transaction, account: Account, elapsed_ms: int
) -> tuple[EvPostState, Transaction, list[Effect]]:
    """The transaction with its session counted up to what its account says, and what there is to doubt about that."""
    if one.session is None:
        return state, replace(one, account=account), []
    mwh = round(account.energy_wh * 1000) - one.session.used_mwh
    session = count(one.session, elapsed_ms, mwh, one.session.power_w, state.settings.tariff)
    new = [why for why in account.doubts if why not in transactions.account_of(one).doubts]
    effects: list[Effect] = [EV_POST.meter_doubted(session=session.id, why=why) for why in new]
    if new:
        state, noted = set_fault(state, EV_POST, "meter_doubted", present=True)
        effects += noted
    return state, replace(one, account=account, session=session), effects


def unheard(state: EvPostState, one: Transaction) -> Transaction:
    """A transaction that went on for nobody knows how long: at most for a whole session."""
    return replace(one, account=passed(transactions.account_of(one), state.settings.session_ms))


def sated(state: EvPostState) -> Step:
    """The car has taken nothing for long. One that has not drawn yet may be waiting for cheaper hours."""
    session = state.book.session
    is_full = state.status == "sated" and session is not None and session.used_mwh > 0
    return stop(state, Stop.FULL) if is_full else (state, [])


def stop(state: EvPostState, why: Stop) -> Step:
    """Have the post end what runs. It is over when the post says so; the first reason stands."""
    if state.book.live is None or state.phase == "stopping":
        return state, []
    state = replace(to(state, "stop"), why=why.value, stops=0)
    return stop_again(state)


def stop_again(state: EvPostState) -> Step:
    live = state.book.live
    if live is None:
        return state, []
    state, order = numbered(replace(state, stops=state.stops + 1), "stop")
    state, effects = set_fault(state, EV_POST, "will_not_stop", present=state.stops > STOPS_IN_VAIN)
    return state, [*effects, tell(StopRemotely(order, live.number)), Wake("stop_again", STOP_AGAIN_MS)]


def stopped(state: EvPostState, said: StopSaid, now_ms: int) -> Step:
    """An end is always taken. One that belongs to nothing is kept, for its beginning may yet be told."""
    answer = tell(Verdict(said.call, "accepted"))
    one = None if said.nobodys else attribution.ended_by(state.book, said, state.tag)
    if one is None:
        book, new = transactions.park(state.book, said)
        state = replace(state, book=book)
        unknown = EV_POST.unknown_end(
            transaction=said.transaction, post_at_ms=said.at_ms, heard_ms=said.heard_ms, meter_wh=said.meter_wh
        )
        is_mine = not said.nobodys or (state.here is not None and state.here.leads)
        parked: list[Effect] = [*([unknown] if is_mine else []), keep(state)]
        return state, [*(parked if new else []), answer]
    if one.over:
        state, effects = _more(state, one, said)
        return state, [*effects, answer]
    why = Stop(state.why) if one == state.book.live and state.why else transactions.stop_of(said.reason, said.tag)
    parked_end = Parked("", said.at_ms, said.meter_wh, said.reason, said.begin_wh)
    state, effects = end(state, one, why, now_ms, parked_end)
    return state, [*effects, answer]


def _more(state: EvPostState, one: Transaction, said: StopSaid) -> Step:
    """The end of a transaction that was given up for lost: what it drew unheard is counted now, and once."""
    if one.session is None or said.meter_wh is None or one.is_told:
        return state, []
    account = _closed(state, unheard(state, one), Parked("", said.at_ms, said.meter_wh, said.reason, said.begin_wh))
    state, more, effects = _accounted(state, one, account, 0)
    more = replace(more, is_told=True, ended_at_ms=said.at_ms)
    state = replace(state, book=transactions.put(state.book, more))
    if more.session is None or more.session.used_mwh <= one.session.used_mwh:
        return state, effects
    late = EV_POST.late_end(session=more.session.id, energy_wh=energy_wh(more.session))
    return state, [*effects, late, *spent(more.session), keep(state)]


def _closed(state: EvPostState, one: Transaction, told: Parked | None) -> Account:
    """The account of a transaction with what was told of its end."""
    account, most_w = transactions.account_of(one), state.settings.power_w
    if told is None or told.meter_wh is None:
        return account
    if told.begin_wh is not None:
        account = begun_at(account, told.begin_wh, most_w)
    return closed(account, Reading(told.meter_wh, told.at_ms), most_w)


def unpark(state: EvPostState, one: Transaction, now_ms: int) -> Step:
    book, parked = transactions.unpark(state.book, one)
    if parked is None:
        return state, []
    return end(replace(state, book=book), one, transactions.stop_of(parked.reason, ""), now_ms, parked)


def end(state: EvPostState, one: Transaction, why: Stop, now_ms: int, told: Parked | None = None) -> Step:
    """A transaction is over, as the post has told or as nobody will tell any more."""
    is_live = one == state.book.live
    meter_wh = None if told is None else told.meter_wh
    used: list[Effect] = []
    if one.session is None:
        over, effects = replace(one, over=True), _unbooked(one, meter_wh)
    else:
        elapsed_ms = _elapsed_ms(state, one, one.session, now_ms, None if told is None else told.at_ms)
        account = passed(transactions.account_of(one), now_ms - state.counted_ms if is_live else 0)
        account = _closed(state, replace(one, account=account), told)
        state, over, doubts = _accounted(state, one, account, elapsed_ms)
        session = replace(over.session or one.session, ended=why.value)
        over = replace(over, over=True, session=session, is_told=meter_wh is not None)
        used, effects = spent(session), [*doubts, ended(session, state.settings.tariff), Wake("forget", FORGET_MS)]
        state = replace(state, book=replace(state.book, unsure=one.number))
    over = replace(over, ended_at_ms=None if told is None else told.at_ms)
    state = replace(state, book=transactions.put(state.book, over))
    if is_live:
        state, freed = _freed(state, why)
        effects += freed
    return state, [*used, keep(state), *effects]


def _unbooked(one: Transaction, meter_wh: float | None) -> list[Effect]:
    """What was drawn with a card that nobody is served for."""
    drawn_wh = 0.0 if meter_wh is None or one.meter_wh is None else meter_wh - one.meter_wh
    if drawn_wh <= 0:
        return []
    return [EV_POST.unbooked(transaction=one.number, digest=one.digest, energy_wh=drawn_wh)]


def _elapsed_ms(state: EvPostState, one: Transaction, session: Session, now_ms: int, ended_at_ms: int | None) -> int:
    """The time of a transaction that was not counted yet: what lies between its two ends by the post's clock, but no
    more than has passed here."""
    is_live = one == state.book.live
    here_ms = max(0, now_ms - state.counted_ms) if is_live else MAX_AWAY_MS
    there_ms = _between_ms(one.at_ms, ended_at_ms)
    if there_ms is None:
        return here_ms if is_live else 0
    return min(here_ms, max(0, there_ms - session.span_ms))


def _freed(state: EvPostState, why: Stop) -> Step:
    """The post is free again, or held for whoever waited."""
    state, effects = set_fault(state, EV_POST, "will_not_stop", present=False)
    state = replace(to(state, "end"), why="", stops=0, stop=why.value, power_w=0, instead=None, tag="")
    effects += [Wake(name, None) for name in ("limit", "stop_again", "full")]
    if not state.waiting:
        return state, effects
    state = replace(state, waiting="", reserved_for=state.waiting)
    return state, [*effects, Wake("reserved", RESERVED_MS)]


def _between_ms(begin_ms: int | None, end_ms: int | None) -> int | None:
    """The time between two of the post's, None where its clock was set in between or never went."""
    if begin_ms is None or end_ms is None or not 0 <= end_ms - begin_ms <= MAX_AWAY_MS:
        return None
    return end_ms - begin_ms


def settle(state: EvPostState, now_ms: int) -> Step:
    """The ends that were on their way did not come."""
    effects: list[Effect] = []
    for one in state.book.transactions:
        if one.late and not one.over:
            state, lost = end(state, one, Stop.POWER_LOSS, now_ms)
            effects += lost
    live = state.book.live
    if live is not None and (state.doubted or state.status == "available"):
        why = Stop(state.why) if state.why else Stop.POWER_LOSS
        state, lost = end(state, live, why, now_ms)
        effects += lost
    return state, effects
