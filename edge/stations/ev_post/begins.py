"""Who may begin at a charging post: cards that are shown, transactions that are told of, and our own orders. Pure."""

from msgspec.structs import replace

from contract.decide import Decision
from contract.kinds.ev_post import EV_POST
from contract.reasons import Reason
from contract.sessions import Stop
from edge.archetypes.account import RegisterReading, opened
from edge.archetypes.protocol import Ask, Decided, Effect, Send, Show, Wake, decided, refuse
from edge.archetypes.session import By, is_holders, of_decision, spent, started
from edge.stations.ev_post import attribution, transactions
from edge.stations.ev_post.ends import end, unpark
from edge.stations.ev_post.messages import CardShown, StartRemotely, StartReported, Verdict, Word, card_bytes, number_of
from edge.stations.ev_post.state import (
    CLASS,
    LATE_MS,
    MAX_AWAY_MS,
    OF_STATION,
    SETTLE_MS,
    STOP_AGAIN_MS,
    EvPostState,
    EvPostStep,
    Question,
    promise,
    to_post,
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
    Reason.ALL_IN_USE: "concurrent",
}
"""What the post is told of a card; it is blocked for any other reason."""


def ask(post: EvPostStep, question: Question) -> None:
    """Have the card of a question weighed. One that no card can have is weighed too: it is unknown, and recorded so.
    Where we told the post to begin, the tag is the ticket of a decision that stands."""
    state, tag = post.state, question.tag.lower()
    orders = (order for order in (state.wanted, state.given_up) if order is not None)
    order = next((order for order in orders if attribution.is_of_order(question, order.ticket)), None)
    transaction = attribution.begun_before(state.book, question) if isinstance(question, StartReported) else None
    if isinstance(question, StartReported) and transaction is not None:
        post.do(_first_answer(state, question, transaction))
    elif isinstance(question, StartReported) and order is not None:
        (_begin if order is state.wanted else begin)(post, question, order)
    elif order is not None:
        post.do(to_post(Verdict(question.call, "accepted" if order is state.wanted else "blocked")))
    elif not tag and isinstance(question, StartReported) and question.remote is not None:
        post.do(to_post(Verdict(question.call, "invalid")))
    elif len(state.asked) >= MAX_ASKED:
        post.do(to_post(Verdict(question.call, "blocked")))
    else:
        about = post.number("card")
        post.do(Ask(card_bytes(tag) or NO_CARD + tag.encode(), about), asked=(*state.asked, (about, question)))


def answer(post: EvPostStep, shown: CardShown, outcome: Decided) -> None:
    """Somebody shows a card before plugging in, or to stop: the holder may always do that."""
    is_back = is_holders(post.state.session, outcome)
    post.do(to_post(Verdict(shown.call, "accepted" if is_back else _word(outcome))))
    if not (is_back or outcome.decision.allowed or shown.quiet):
        post.turn_away(post.state.session, outcome)


def _word(outcome: Decided) -> Word:
    return WORDS.get(outcome.decision.reason, "blocked")


def begin(post: EvPostStep, start: StartReported, outcome: Decided) -> None:
    """A transaction began. If it was told of before, the answer is the first one."""
    transaction = transactions.same(post.state.book, outcome.digest.hex(), start)
    live = post.state.book.live
    if transaction is not None:
        post.do(_first_answer(post.state, start, transaction))
    elif live is None:
        _begin(post, start, outcome)
    elif start.at_ms is not None and live.at_ms is not None and start.at_ms < live.at_ms:
        _book_late(post, start, outcome)
    else:
        # The post has begun another one: the end of the one before is lost, and while it ran this card was refused as
        # busy.
        end(post, live, Stop.POWER_LOSS)
        ask(post, start)


def _first_answer(state: EvPostState, start: StartReported, transaction: Transaction) -> Send:
    """The first answer, once more; but one that is to stop by now is not encouraged."""
    is_stopping = transaction == state.book.live and state.phase == "stopping"
    word: Word = "blocked" if transaction.session is None or is_stopping else "accepted"
    return to_post(Verdict(start.call, word, transaction.number))


def _begin(post: EvPostStep, start: StartReported, outcome: Decided) -> None:
    """A transaction of its own. What was drawn while the post was alone is booked whatever the rule says by now; what
    begins under our eyes against the rule is stopped."""
    state = post.state
    ago_ms = _ago_ms(state, start, post.now_ms)
    is_late, stands = ago_ms > LATE_MS, outcome in (state.wanted, state.given_up)
    # What was drawn unheard is bounded by what a whole session can be.
    transaction, word = _opened(state, start, outcome, state.settings.session_ms if is_late else 0, late=is_late)
    verdict = Verdict(start.call, word, transaction.number)
    promised = word == "accepted" and not is_late
    post.to(
        "begin",
        *([] if is_late or stands else [decided(outcome)]),
        book=transactions.put(state.book, transaction),
        wanted=None,
        why="",
        stops=0,
        stop="",
        tag=start.tag.lower(),
        counted_ms=post.now_ms - ago_ms,
        persisted_ms=post.now_ms,
        reported_ms=post.now_ms,
        rebooted=False,
        doubted=False,
        instead=replace(verdict, word="blocked") if promised else None,
    )
    post.do(*_recorded(post, transaction, start, word), promise(verdict) if promised else to_post(verdict))
    post.set_fault("meter_doubted", present=False)
    post.do(Wake("start", None), Wake("settle", None))
    if promised:
        post.do(Wake("reserved", None), reserved_for="")
    if transaction.session is not None:
        post.do(Wake("limit", max(0, transaction.session.limit_ms - ago_ms)))
    unpark(post, transaction)
    if word != "accepted":
        post.stop(Stop.DEAUTHORIZED)


def _book_late(post: EvPostStep, start: StartReported, outcome: Decided) -> None:
    """A transaction that was over before the one that runs began; its end is still to be told."""
    transaction, word = _opened(post.state, start, outcome, post.state.settings.session_ms, late=True)
    transaction = replace(transaction, late=True)
    post.put(transaction)
    post.do(*_recorded(post, transaction, start, word), to_post(Verdict(start.call, word, transaction.number)))
    unpark(post, transaction)
    post.do(Wake("settle", SETTLE_MS))


def _opened(
    state: EvPostState, start: StartReported, outcome: Decided, past_ms: int, *, late: bool
) -> tuple[Transaction, Word]:
    """The transaction, and what the post is told of its card."""
    reason, grant = outcome.decision.reason, outcome.decision.grant
    accepted = outcome.decision.allowed or (late and reason in OF_STATION)
    accepted = accepted and grant is not None and not state.emergency
    by: By = "post" if late else "operator" if outcome.order_record is not None else "card"
    session = None
    if grant is not None and (accepted or late):
        session = of_decision(
            outcome,
            grant,
            state.point,
            by=by,
            class_name=CLASS,
            limit_ms=state.settings.session_ms,
            limit_wh=state.settings.session_wh,
        )
        minute = None if late else outcome.minute
        session = replace(session, started_minute=minute, minute=minute, loaded=True)
    connector = 1 if state.here is None else state.here.connector
    number = start.transaction or transactions.fresh_number(state.book, number_of(outcome.ticket, connector))
    begin = _begin_reading(state, start)
    meter_wh = None if begin is None else begin.wh
    one = Transaction(number, outcome.digest.hex(), start.at_ms, meter_wh, session, account=opened(begin, past_ms))
    return one, "accepted" if accepted else "blocked" if outcome.decision.allowed else _word(outcome)


def _begin_reading(state: EvPostState, start: StartReported) -> RegisterReading | None:
    """The register at the beginning: as it was told with the plug, where that came before the card."""
    begin = None if start.meter_wh is None else RegisterReading(start.meter_wh, start.at_ms)
    before = dict(state.before).get(start.transaction)
    return before if before is not None and (begin is None or before.wh <= begin.wh) else begin


def _recorded(post: EvPostStep, transaction: Transaction, start: StartReported, word: Word) -> list[Effect]:
    """What is recorded and kept of a beginning. The post's own time stands beside ours, for it may be wrong."""
    session = transaction.session
    began = EV_POST.began(
        transaction=transaction.number,
        post_at_ms=start.at_ms,
        heard_ms=start.received_ms,
        offset_ms=post.state.offset_ms,
        session="" if session is None else session.id,
        told=word,
    )
    booked: list[Effect] = [] if session is None else [started(session), *spent(session)]
    return [began, *booked, post.persist()]


def _ago_ms(state: EvPostState, start: StartReported, now_ms: int) -> int:
    """How long ago a transaction began by the post's clock, as far as that can be: not before it was last heard."""
    if start.at_ms is None:
        return 0
    ago_ms = start.received_ms - start.at_ms - state.offset_ms
    most_ms = MAX_AWAY_MS if state.left_ms is None else now_ms - state.left_ms + LATE_MS
    return ago_ms if 0 < ago_ms <= most_ms else 0


def at_reader(post: EvPostStep, outcome: Decided) -> None:
    """Somebody at a reader of ours, or an operator from afar: the post is asked to begin."""
    state = post.state
    if is_holders(state.session, outcome):
        post.stop(Stop.CARD)
    elif not outcome.decision.allowed:
        post.turn_away(state.session, outcome)
    elif not state.is_offered or state.phase != "free" or outcome.decision.grant is None:
        post.do(*refuse(replace(outcome, decision=Decision(Reason.FAULTED, outcome.decision.grant))))
    else:
        order = post.number("start")
        ordered = [] if outcome.order_record is None else [EV_POST.ordered(**outcome.order_record)]
        start = Wake("start", state.settings.plug_in_within_s * 1000 + STOP_AGAIN_MS)
        post.to("ask", *ordered, decided(outcome), promise(StartRemotely(order, outcome.ticket)), wanted=outcome)
        post.do(start, post.show("green", "starting"))


def give_up(post: EvPostStep, why: str) -> None:
    """Nobody is awaited any more. The post may begin all the same, if it had not heard of that yet: it is then known
    whose card that was, and that it gives power to nobody who is served."""
    wanted = post.state.wanted
    not_begun = EV_POST.not_begun(session="" if wanted is None else wanted.ticket, why=why)
    given_up = None if wanted is None else replace(wanted, decision=Decision(Reason.FAULTED, None))
    post.to("give_up", not_begun, Wake("start", None), wanted=None, given_up=given_up)


def cannot_record(post: EvPostStep) -> None:
    """What lets the post give power was not said, for its record is not on the disk."""
    shown, blocked = Show("red", Stop.CANNOT_RECORD.value), post.state.instead
    if post.state.phase == "starting":
        give_up(post, Stop.CANNOT_RECORD.value)
        post.do(shown)
    elif blocked is not None:
        post.do(to_post(blocked), instead=None)
        post.stop(Stop.CANNOT_RECORD)
        post.do(shown)
