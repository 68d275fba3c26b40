"""While a charging post gives power, and how that ends: what is counted, and what an end belongs to. Pure."""

from msgspec.structs import replace

from contract.kinds.ev_post import EV_POST
from contract.sessions import Stop
from edge.archetypes.account import MAX_DELAY_MS, Account, RegisterReading, begun_at, between_ms, closed, passed, read
from edge.archetypes.protocol import Wake, no_more
from edge.archetypes.session import Session, count, ended, energy_wh, spent
from edge.stations.ev_post import attribution, transactions
from edge.stations.ev_post.messages import MeterReported, StopRemotely, StopReported, Verdict, is_given
from edge.stations.ev_post.state import EvPostState, EvPostStep, to_post
from edge.stations.ev_post.transactions import Parked, Transaction

FORGET_MS = 10_000
STRAY_W = 50.0
"""More than a post's own electronics draw, less than any car."""
MAX_BEFORE = 4
STRAYS = 2
"""Readings in a row."""


def read_meter(post: EvPostStep, message: MeterReported) -> None:
    """Power without a session is a fault, whatever status the post says."""
    state = post.state
    transaction, live = attribution.measured(state.book, message, state.settings.power_w), state.book.live
    if transaction is not None and not transaction.over and transaction != live:
        _read_late(post, transaction, message)
        return
    post.do(power_w=message.power_w if message.power_w is not None else state.power_w)
    if transaction is not None and transaction == live:
        post.do(rebooted=False, doubted=False)
        _draw(post, transaction, message)
        return
    _remember_begin(post, message)
    if message.power_w is not None and not attribution.is_past(state.book, message):
        post.do(strays=state.strays + 1 if message.power_w >= STRAY_W and live is None else 0)
        is_stray = post.state.strays >= STRAYS
        post.set_fault("stray_power", present=is_stray)
        if is_stray and is_given(message.transaction):
            post.do(to_post(StopRemotely(post.number("stop"), message.transaction)))


def _remember_begin(post: EvPostStep, message: MeterReported) -> None:
    """Remember the first register of a transaction that has no card yet."""
    known = {transaction.number for transaction in post.state.book.transactions} | dict(post.state.before).keys()
    if message.energy_wh is not None and is_given(message.transaction) and message.transaction not in known:
        before = (*post.state.before, (message.transaction, RegisterReading(message.energy_wh, message.at_ms)))
        post.do(before=before[-MAX_BEFORE:])


def forget_strays(post: EvPostStep) -> None:
    """The post says that nothing runs, or has started anew: power that flows all the same is told of again."""
    post.do(strays=0)
    post.set_fault("stray_power", present=False)


def _read_late(post: EvPostStep, transaction: Transaction, message: MeterReported) -> None:
    """A reading of a transaction that was told of beside the one that runs."""
    if transaction.session is not None and message.energy_wh is not None:
        counted = _accounted(post.state, transaction, _read(post.state, transaction, message, 0), 0)
        post.put(counted)
        _record_doubts(post, transaction, counted)


def _read(state: EvPostState, transaction: Transaction, message: MeterReported, elapsed_ms: int) -> Account:
    """The account of a transaction with one more reading."""
    account, most_w = passed(transactions.account_of(transaction), elapsed_ms), state.settings.power_w
    if message.begin_wh is not None:
        account = begun_at(account, message.begin_wh, most_w)
    if message.energy_wh is None:
        return account
    return read(
        account, RegisterReading(message.energy_wh, message.at_ms, message.transaction == transaction.number), most_w
    )


def _draw(post: EvPostStep, live: Transaction, message: MeterReported) -> None:
    if live.session is None or message.energy_wh is None:
        return
    state = post.state
    elapsed_ms = max(0, post.now_ms - state.counted_ms)
    counted = _accounted(state, live, _read(state, live, message, elapsed_ms), elapsed_ms)
    session = replace(counted.session or live.session, power_w=state.power_w)
    post.do(counted_ms=post.now_ms, book=transactions.put(state.book, replace(counted, session=session)))
    _record_doubts(post, live, counted)
    if state.status == "sated" and state.power_w >= STRAY_W:
        post.do(Wake("full", state.settings.full_ms))
    post.note_progress(session, *spent(session))
    if session.used_mwh >= session.limit_wh * 1000:
        post.stop(Stop.ENERGY_LIMIT)


def _accounted(state: EvPostState, transaction: Transaction, account: Account, elapsed_ms: int) -> Transaction:
    """The transaction with its session counted up to what its account says."""
    session = transaction.session
    if session is not None:
        mwh = round(account.energy_wh * 1000) - session.used_mwh
        session = count(session, elapsed_ms, mwh, session.power_w, state.settings.tariff)
    return replace(transaction, account=account, session=session)


def _record_doubts(post: EvPostStep, before: Transaction, counted: Transaction) -> None:
    """What there is to doubt about an account since it was last counted."""
    doubts = transactions.account_of(counted).doubts
    new = [why for why in doubts if why not in transactions.account_of(before).doubts]
    if new and counted.session is not None:
        post.do(*(EV_POST.meter_doubted(session=counted.session.id, why=why) for why in new))
        post.set_fault("meter_doubted", present=True)


def unheard(state: EvPostState, transaction: Transaction) -> Transaction:
    """A transaction that went on for nobody knows how long: at most for a whole session."""
    account = passed(transactions.account_of(transaction), state.settings.session_ms)
    return replace(transaction, account=account)


def stop_sated(post: EvPostStep) -> None:
    """The car has taken nothing for long. One that has not drawn yet may be waiting for cheaper hours."""
    session = post.state.session
    if post.state.status == "sated" and session is not None and session.used_mwh > 0:
        post.stop(Stop.FULL)


def end_reported(post: EvPostStep, message: StopReported) -> None:
    """An end is always taken. One that belongs to nothing is kept, for its beginning may yet be told."""
    state = post.state
    transaction = None if message.nobodys else attribution.ended_by(state.book, message, state.tag)
    parked = Parked("", message.at_ms, message.meter_wh, message.reason, message.begin_wh)
    if transaction is None:
        _park(post, message)
    elif transaction.over:
        _count_late(post, transaction, parked)
    else:
        is_told_why = transaction == state.book.live and state.why
        why = Stop(state.why) if is_told_why else transactions.stop_of(message.reason, message.tag)
        end(post, transaction, why, parked)
    post.do(to_post(Verdict(message.call, "accepted")))


def _park(post: EvPostStep, message: StopReported) -> None:
    book, is_new = transactions.park(post.state.book, message)
    if not is_new:
        return
    here = post.state.here
    unknown = EV_POST.unknown_end(
        transaction=message.transaction,
        post_at_ms=message.at_ms,
        heard_ms=message.received_ms,
        meter_wh=message.meter_wh,
    )
    is_mine = not message.nobodys or (here is not None and here.leads)
    post.do(*([unknown] if is_mine else []), book=book)
    post.do(post.persist())


def _count_late(post: EvPostStep, transaction: Transaction, end_report: Parked) -> None:
    """The end of a transaction that was given up for lost: what it drew unheard is counted now, and once."""
    before = transaction.session
    if before is None or end_report.meter_wh is None or transaction.is_told:
        return
    account = _closed(post.state, unheard(post.state, transaction), end_report)
    counted = replace(_accounted(post.state, transaction, account, 0), is_told=True, ended_at_ms=end_report.at_ms)
    post.put(counted)
    _record_doubts(post, transaction, counted)
    session = counted.session
    if session is not None and session.used_mwh > before.used_mwh:
        late = EV_POST.late_end(session=session.id, energy_wh=energy_wh(session))
        post.do(late, *spent(session), post.persist())


def _closed(state: EvPostState, transaction: Transaction, end_report: Parked | None) -> Account:
    """The account of a transaction with what was told of its end."""
    account, most_w = transactions.account_of(transaction), state.settings.power_w
    if end_report is None or end_report.meter_wh is None:
        return account
    if end_report.begin_wh is not None:
        account = begun_at(account, end_report.begin_wh, most_w)
    return closed(account, RegisterReading(end_report.meter_wh, end_report.at_ms), most_w)


def unpark(post: EvPostStep, transaction: Transaction) -> None:
    """End a transaction whose end has waited for its beginning."""
    book, parked = transactions.unpark(post.state.book, transaction)
    if parked is not None:
        post.do(book=book)
        end(post, transaction, transactions.stop_of(parked.reason, ""), parked)


def end(post: EvPostStep, transaction: Transaction, why: Stop, end_report: Parked | None = None) -> None:
    """A transaction is over, as the post has told or as nobody will tell any more."""
    state, is_live = post.state, transaction == post.state.book.live
    at_ms, meter_wh = (None, None) if end_report is None else (end_report.at_ms, end_report.meter_wh)
    over, session = replace(transaction, over=True, ended_at_ms=at_ms), transaction.session
    if session is None:
        # What was drawn with a card that nobody is served for.
        drawn_wh = 0.0 if meter_wh is None or over.meter_wh is None else meter_wh - over.meter_wh
        unbooked = EV_POST.unbooked(transaction=over.number, digest=over.digest, energy_wh=drawn_wh)
        post.put(over)
        post.do(post.persist(), *([unbooked] if drawn_wh > 0 else []))
    else:
        account = passed(transactions.account_of(transaction), post.now_ms - state.counted_ms if is_live else 0)
        account = _closed(state, replace(transaction, account=account), end_report)
        over = _accounted(state, over, account, _elapsed_ms(post, transaction, session, at_ms))
        session = replace(over.session or session, ended=why.value)
        post.put(replace(over, session=session, is_told=meter_wh is not None))
        post.do(book=replace(post.state.book, unsure=over.number))
        post.do(*spent(session), post.persist())
        _record_doubts(post, transaction, over)
        post.do(ended(session, state.settings.tariff), Wake("forget", FORGET_MS))
    if is_live:
        _free(post, why)


def _elapsed_ms(post: EvPostStep, transaction: Transaction, session: Session, ended_at_ms: int | None) -> int:
    """The time of a transaction that was not counted yet: what lies between its two ends by the post's clock, but no
    more than has passed here."""
    is_live = transaction == post.state.book.live
    here_ms = max(0, post.now_ms - post.state.counted_ms) if is_live else MAX_DELAY_MS
    there_ms = between_ms(transaction.at_ms, ended_at_ms)
    if there_ms is None:
        return here_ms if is_live else 0
    return min(here_ms, max(0, there_ms - session.span_ms))


def _free(post: EvPostStep, why: Stop) -> None:
    """The post is free again, or held for whoever waited."""
    post.set_fault("will_not_stop", present=False)
    asleep = no_more("limit", "stop_again", "full")
    post.to("end", *asleep, why="", stops=0, stop=why.value, power_w=0, instead=None, tag="")
    post.hold_for_who_waits()


def settle(post: EvPostStep) -> None:
    """The ends that were on their way did not come."""
    for transaction in post.state.book.transactions:
        if transaction.late and not transaction.over:
            end(post, transaction, Stop.POWER_LOSS)
    live = post.state.book.live
    if live is not None and (post.state.doubted or post.state.status == "available"):
        end(post, live, Stop(post.state.why) if post.state.why else Stop.POWER_LOSS)
