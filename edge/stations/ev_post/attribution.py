"""Whose a message of a post is: at which connector, and of which transaction there. Pure, and by evidence only.

Posts leave out the connector, tell numbers that nobody gave them, or none; so each message is held against what the
connectors know. What fits nowhere, or in two places alike, is nobody's: it is never handed to the lowest connector.
"""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from edge.archetypes import account
from edge.archetypes.account import JITTER_WH, RegisterReading
from edge.stations.ev_post.messages import (
    CardShown,
    MeterReported,
    Standing,
    StartReported,
    StopReported,
    Word,
    connector_of,
    is_given,
    remote_number,
)
from edge.stations.ev_post.transactions import Book, Transaction, account_of


class Evidence(Struct, frozen=True):
    """What a message that names no connector says of where it belongs. ``begins``: of a transaction that nobody knows
    yet. ``ends``: it may be of any that is not over."""

    number: str = ""
    tag: str = ""
    remote: int | None = None
    meter_wh: float | None = None
    begins: bool = False
    ends: bool = False


def connector_for(standings: Mapping[int, Standing], evidence: Evidence) -> int | None:
    """The connector that a message is of, by the first evidence that speaks for one alone: the number of a transaction,
    the order that it began on, the tag of one that is not over, our own number, its register, the only car that waits,
    the only connector where somebody may begin."""
    if len(standings) == 1:
        return next(iter(standings))
    return next((places[0] for places in _clues(standings, evidence) if len(places) == 1), None)


def _clues(standings: Mapping[int, Standing], evidence: Evidence) -> Iterable[list[int]]:
    """The connectors that each piece of evidence speaks for, the strongest first."""
    items = standings.items()
    yield [at for at, one in items if evidence.number in one.numbers]
    yield [at for at, one in items if any(_is_order(ticket, evidence) for ticket in one.awaited)]
    if evidence.ends:
        yield [
            at for at, one in items if evidence.tag and any(open_.tag == evidence.tag.lower() for open_ in one.unended)
        ]
        yield [at for at in standings if at == connector_of(evidence.number)]
        yield [] if is_given(evidence.number) else _nearest(standings, evidence.meter_wh)
    if evidence.begins:
        yield [at for at, one in items if one.plugged]
        yield [at for at, one in items if one.open]


def _is_order(ticket: str, evidence: Evidence) -> bool:
    return evidence.tag.lower() == ticket or (evidence.remote is not None and evidence.remote == remote_number(ticket))


def _nearest(standings: Mapping[int, Standing], meter_wh: float | None) -> list[int]:
    """The connectors of the registers that an end goes on from most closely."""
    if meter_wh is None:
        return []
    rises = {
        at: min(rise for rise in _rises_wh(one, meter_wh))
        for at, one in standings.items()
        if any(True for _ in _rises_wh(one, meter_wh))
    }
    return [at for at, rise in rises.items() if rise <= min(rises.values()) + JITTER_WH]


def _rises_wh(standing: Standing, meter_wh: float) -> Iterable[float]:
    registers = (wh for one in standing.unended for wh in one.registers_wh)
    return (meter_wh - wh for wh in registers if meter_wh >= wh - JITTER_WH)


def best_answer(words: Mapping[int, Word]) -> tuple[Word, int]:
    """What a card is told at a post that names no connector, where each connector would say this; and the connector
    that speaks for it if it is refused. It is accepted where any accepts it. Whoever cannot begin anywhere may wait
    where somebody charges; else the card itself is at fault, if any says so."""
    for word in ("accepted", "concurrent", "expired", "invalid", "blocked"):
        for at, its_word in sorted(words.items()):
            if its_word == word:
                return word, at
    raise ValueError("a post has connectors")


def is_of_order(question: CardShown | StartReported, ticket: str) -> bool:
    """Whether a card or a beginning is of an order of ours."""
    remote = question.remote if isinstance(question, StartReported) else None
    return _is_order(ticket, Evidence(tag=question.tag, remote=remote))


def begun_before(book: Book, report: StartReported) -> Transaction | None:
    """The transaction whose beginning is told of again, known by its number or by our own order."""
    numbered = _numbered(book, report.transaction) if report.transaction else None
    ours = (one for one in book.transactions if one.session is not None and one.session.id == report.tag.lower())
    return numbered or next(ours, None)


def ended_by(book: Book, report: StopReported, tag: str = "") -> Transaction | None:
    """The transaction that an end belongs to; ``tag`` is that of the one which runs, where it is known.

    It is the one of that number. Where the number is none that was given, it is the newest that is not over and whose
    meter did not stand higher; or else, as with a number that nobody knows, the only one that is not over, if it began
    before and its tag says so.
    """
    numbered = _numbered(book, report.transaction)
    if numbered is not None:
        return numbered
    open_ones = [one for one in reversed(book.transactions) if not one.over]
    if not is_given(report.transaction):
        for one in open_ones:
            if one.meter_wh is None or report.meter_wh is None or one.meter_wh <= report.meter_wh:
                return one
    return _by_tag(open_ones, report, tag)


def _numbered(book: Book, number: str) -> Transaction | None:
    return next((one for one in reversed(book.transactions) if one.number == number), None)


def _by_tag(open_ones: Sequence[Transaction], report: StopReported, tag: str) -> Transaction | None:
    if len(open_ones) != 1 or not tag or report.tag.lower() != tag:
        return None
    (only,) = open_ones
    if _is_another(only, report.transaction):
        return None
    if report.at_ms is not None and only.at_ms is not None and report.at_ms < only.at_ms:
        return None
    return only


def _is_another(one: Transaction, number: str) -> bool:
    """Whether a number is of another transaction, though nobody knows it yet: posts of 2.0.1 give their own, and lose
    none."""
    return is_given(number) and not one.number.isdecimal()


def measured(book: Book, message: MeterReported, most_w: float) -> Transaction | None:
    """The transaction that a reading is of. One that names none is of the one that runs; one with a number that nobody
    knows only where its register goes on from there."""
    numbered = _numbered(book, message.transaction)
    if numbered is not None or book.live is None or not is_given(message.transaction):
        return numbered or book.live
    if _is_another(book.live, message.transaction):
        return None
    reading = None if message.energy_wh is None else RegisterReading(message.energy_wh, message.at_ms, numbered=False)
    goes_on = reading is not None and account.goes_on(account_of(book.live), reading, most_w)
    return book.live if goes_on else None


def is_past(book: Book, message: MeterReported) -> bool:
    """Whether a reading was taken before the last transaction ended: it came late, and nothing runs for that."""
    ends_ms = (one.ended_at_ms for one in book.transactions if one.ended_at_ms is not None)
    return message.at_ms is not None and any(message.at_ms <= end_ms for end_ms in ends_ms)
