"""Who may begin at a charging post: cards that are shown, transactions that are told of, and our own orders. Pure."""

from msgspec.structs import replace

from contract.decide import Decision
from contract.kinds.ev_post import EV_POST
from contract.reasons import Reason
from contract.sessions import Stop
from edge.archetypes.account import Reading, opened
from edge.archetypes.faults import set_fault
from edge.archetypes.protocol import Ask, Decided, Effect, Send, Show, Wake, decided, refuse
from edge.archetypes.session import By, is_holders, of_decision, spent, started, turned_away
from edge.stations.ev_post import attribution, transactions
from edge.stations.ev_post.ends import end, stop, unpark
from edge.stations.ev_post.messages import CardShown, StartRemotely, StartSaid, Verdict, Word, card_bytes, number_of
from edge.stations.ev_post.state import (
    CLASS,
    LATE_MS,
    MAX_AWAY_MS,
    OF_STATION,
    SETTLE_MS,
    STOP_AGAIN_MS,
    EvPostState,
    Question,
    Step,
    is_offered,
    keep,
    numbered,
    promise,
    tell,
    to,
)
from edge.stations.ev_post.transactions import Transaction

MAX_ASKED = 8
"""Cards that are being weighed at once; a post asks for one after the other."""
NO_CARD = b"\0"
"""Before a tag that is no number of a card: no card of that many bits exists, so nobody can have it."""
WORDS: dict[Reason, Word] = {
    Reason.ALLOWED: "accepted",
    Reason.EXPIRED: "expired",
    Reason.UNKNOWN_CREDENTIAL: "invalid",
    Reason.NO_ROSTER: "invalid",
    Reason.BUSY: "concurrent",
}
"""What the post is told of a card; it is blocked for any other reason."""


def ask(state: EvPostState, question: Question, now_ms: int) -> Step:
    """Have the card of a question weighed. One that no card can have is weighed too: it is unknown, and recorded so.
    Where we told the post to begin, the tag is the ticket of a decision that stands."""
    tag, wanted = question.tag.lower(), state.wanted
    known = attribution.begun_before(state.book, question) if isinstance(question, StartSaid) else None
    if isinstance(question, StartSaid) and known is not None:
        return state, [_said_again(state, question, known)]
    if wanted is not None and attribution.is_of_order(question, wanted.ticket):
        if isinstance(question, StartSaid):
            return _begin(state, question, wanted, now_ms)
        return state, [tell(Verdict(question.call, "accepted"))]
    if state.given_up is not None and attribution.is_of_order(question, state.given_up.ticket):
        if isinstance(question, StartSaid):
            return begun(state, question, state.given_up, now_ms)
        return state, [tell(Verdict(question.call, "blocked"))]
    if not tag and isinstance(question, StartSaid) and question.remote is not None:
        return state, [tell(Verdict(question.call, "invalid"))]
    if len(state.asked) >= MAX_ASKED:
        return state, [tell(Verdict(question.call, "blocked"))]
    state, about = numbered(state, "card")
    state = replace(state, asked=(*state.asked, (about, question)))
    return state, [Ask(card_bytes(tag) or NO_CARD + tag.encode(), about)]


def answered(state: EvPostState, shown: CardShown, found: Decided) -> Step:
    """Somebody shows a card before plugging in, or to stop: the holder may always do that."""
    if is_holders(state.book.session, found):
        return state, [tell(Verdict(shown.call, "accepted"))]
    answer = tell(Verdict(shown.call, _word(found)))
    if found.decision.allowed or shown.quiet:
        return state, [answer]
    waiting, told = turned_away(state.book.session, state.waiting, found)
    return replace(state, waiting=waiting), [answer, *told]


def _word(found: Decided) -> Word:
    return WORDS.get(found.decision.reason, "blocked")


def begun(state: EvPostState, told: StartSaid, found: Decided, now_ms: int) -> Step:
    """A transaction began. If it was told of before, the answer is the first one."""
    known = transactions.same(state.book, found.digest.hex(), told)
    if known is not None:
        return state, [_said_again(state, told, known)]
    live = state.book.live
    if live is None:
        return _begin(state, told, found, now_ms)
    if _is_older(told, live):
        return _book_late(state, told, found, now_ms)
    # The post has begun another one: the end of the one before is lost, and while it ran this card was refused as busy.
    state, effects = end(state, live, Stop.POWER_LOSS, now_ms)
    state, asks = ask(state, told, now_ms)
    return state, effects + asks


def _said_again(state: EvPostState, told: StartSaid, known: Transaction) -> Send:
    """The first answer, once more; but one that is to stop by now is not encouraged."""
    is_stopping = known == state.book.live and state.phase == "stopping"
    word: Word = "blocked" if known.session is None or is_stopping else "accepted"
    return tell(Verdict(told.call, word, known.number))


def _is_older(told: StartSaid, live: Transaction) -> bool:
    return told.at_ms is not None and live.at_ms is not None and told.at_ms < live.at_ms


def _begin(state: EvPostState, told: StartSaid, found: Decided, now_ms: int) -> Step:
    """A transaction of its own. What was drawn while the post was alone is booked whatever the rule says by now; what
    begins under our eyes against the rule is stopped."""
    ago_ms = _ago_ms(state, told, now_ms)
    late, stands = ago_ms > LATE_MS, found in (state.wanted, state.given_up)
    weighed: list[Effect] = [] if late or stands else [decided(found)]
    one, word = _opened(state, told, found, _past_ms(state, ago_ms), late=late)
    state = replace(to(state, "begin"), book=transactions.put(state.book, one), wanted=None, why="", stops=0, stop="")
    state = replace(state, tag=told.tag.lower())
    state = replace(state, counted_ms=now_ms - ago_ms, kept_ms=now_ms, told_ms=now_ms)
    state = replace(state, rebooted=False, doubted=False)
    answer = Verdict(told.call, word, one.number)
    promised = word == "accepted" and not late
    state = replace(state, instead=Verdict(told.call, "blocked", one.number) if promised else None)
    effects: list[Effect] = [*weighed, *_said(state, one, told, word), promise(answer) if promised else tell(answer)]
    state, well = set_fault(state, EV_POST, "meter_doubted", present=False)
    effects += [*well, Wake("start", None), Wake("settle", None)]
    if promised:
        state = replace(state, reserved_for="")
        effects.append(Wake("reserved", None))
    if one.session is not None:
        effects.append(Wake("limit", max(0, one.session.limit_ms - ago_ms)))
    state, parked = unpark(state, one, now_ms)
    if state.book.live is not None and word != "accepted":
        state, stopped = stop(state, Stop.DEAUTHORIZED)
        parked += stopped
    return state, effects + parked


def _book_late(state: EvPostState, told: StartSaid, found: Decided, now_ms: int) -> Step:
    """A transaction that was over before the one that runs began; its end is still to be told."""
    one, word = _opened(state, told, found, state.settings.session_ms, late=True)
    one = replace(one, late=True)
    state = replace(state, book=transactions.put(state.book, one))
    effects: list[Effect] = [*_said(state, one, told, word), tell(Verdict(told.call, word, one.number))]
    state, parked = unpark(state, one, now_ms)
    return state, [*effects, *parked, Wake("settle", SETTLE_MS)]


def _opened(
    state: EvPostState, told: StartSaid, found: Decided, past_ms: int, *, late: bool
) -> tuple[Transaction, Word]:
    """The transaction, and what the post is told of its card."""
    reason, grant = found.decision.reason, found.decision.grant
    accepted = found.decision.allowed or (late and reason in OF_STATION)
    accepted = accepted and grant is not None and not state.emergency
    by: By = "post" if late else "operator" if found.told is not None else "card"
    session = None
    if grant is not None and (accepted or late):
        limits = state.settings
        session = of_decision(
            found,
            grant,
            state.point,
            by=by,
            class_name=CLASS,
            limit_ms=limits.session_ms,
            limit_wh=limits.session_wh,
        )
        minute = None if late else found.minute
        session = replace(session, started_minute=minute, minute=minute, loaded=True)
    connector = 1 if state.here is None else state.here.connector
    number = told.transaction or transactions.fresh_number(state.book, number_of(found.ticket, connector))
    begin = _begin_reading(state, told)
    meter_wh = None if begin is None else begin.wh
    one = Transaction(number, found.digest.hex(), told.at_ms, meter_wh, session, account=opened(begin, past_ms))
    return one, "accepted" if accepted else "blocked" if found.decision.allowed else _word(found)


def _begin_reading(state: EvPostState, told: StartSaid) -> Reading | None:
    """The register at the beginning: as it was told with the plug, where that came before the card."""
    begin = None if told.meter_wh is None else Reading(told.meter_wh, told.at_ms)
    before = dict(state.before).get(told.transaction)
    return before if before is not None and (begin is None or before.wh <= begin.wh) else begin


def _said(state: EvPostState, one: Transaction, told: StartSaid, word: Word) -> list[Effect]:
    """What is recorded and kept of a beginning. The post's own time stands beside ours, for it may be wrong."""
    session = one.session
    began = EV_POST.began(
        transaction=one.number,
        post_at_ms=told.at_ms,
        heard_ms=told.heard_ms,
        offset_ms=state.offset_ms,
        session="" if session is None else session.id,
        told=word,
    )
    booked: list[Effect] = [] if session is None else [started(session), *spent(session)]
    return [began, *booked, keep(state)]


def _ago_ms(state: EvPostState, told: StartSaid, now_ms: int) -> int:
    """How long ago a transaction began by the post's clock, as far as that can be: not before it was last heard."""
    if told.at_ms is None:
        return 0
    ago_ms = told.heard_ms - told.at_ms - state.offset_ms
    most_ms = MAX_AWAY_MS if state.left_ms is None else now_ms - state.left_ms + LATE_MS
    return ago_ms if 0 < ago_ms <= most_ms else 0


def _past_ms(state: EvPostState, ago_ms: int) -> int:
    """For how long it may have run already: what was drawn unheard is bounded by what a whole session can be."""
    return 0 if ago_ms <= LATE_MS else state.settings.session_ms


def at_reader(state: EvPostState, found: Decided) -> Step:
    """Somebody at a reader of ours, or an operator from afar: the post is asked to begin."""
    if is_holders(state.book.session, found):
        return stop(state, Stop.CARD)
    if not found.decision.allowed:
        waiting, told = turned_away(state.book.session, state.waiting, found)
        return replace(state, waiting=waiting), told
    if not is_offered(state) or state.phase != "free" or found.decision.grant is None:
        return state, refuse(replace(found, decision=Decision(Reason.FAULTED, found.decision.grant)))
    state, order = numbered(replace(to(state, "ask"), wanted=found), "start")
    told = [] if found.told is None else [EV_POST.ordered(**found.told)]
    within_ms = state.settings.plug_in_within_s * 1000 + STOP_AGAIN_MS
    asked: list[Effect] = [
        promise(StartRemotely(order, found.ticket)),
        Wake("start", within_ms),
        Show("green", EV_POST.text("starting")),
    ]
    return state, [*told, decided(found), *asked]


def give_up(state: EvPostState, why: str) -> Step:
    """Nobody is awaited any more. The post may begin all the same, if it had not heard of that yet: it is then known
    whose card that was, and that it gives power to nobody who is served."""
    wanted = state.wanted
    ticket = "" if wanted is None else wanted.ticket
    given_up = None if wanted is None else replace(wanted, decision=Decision(Reason.FAULTED, None))
    state = replace(to(state, "give_up"), wanted=None, given_up=given_up)
    return state, [EV_POST.not_begun(session=ticket, why=why), Wake("start", None)]


def cannot_record(state: EvPostState) -> Step:
    """What lets the post give power was not said, for its record is not on the disk."""
    shown = Show("red", Stop.CANNOT_RECORD.value)
    if state.phase == "starting":
        state, effects = give_up(state, Stop.CANNOT_RECORD.value)
        return state, [*effects, shown]
    if state.instead is None:
        return state, []
    blocked = tell(state.instead)
    state, effects = stop(replace(state, instead=None), Stop.CANNOT_RECORD)
    return state, [blocked, *effects, shown]
