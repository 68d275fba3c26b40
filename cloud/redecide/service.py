"""Decides again behind ingest, a piece at a time, on a thread of its own: neither an event nor its acknowledgement ever
waits for it. Where it was it remembers in the database."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from cloud.devices.erasure import decode_stored
from cloud.devices.event_views import last_arrival
from cloud.line.worker import Worker
from cloud.people.rosters import need_rosters
from cloud.redecide import store as rows
from cloud.redecide.archive import Remembered, StoredArchive
from cloud.redecide.rule import Archive, Judgement, Redecided, Why, judge
from cloud.redecide.store import Disagreement, StoredDecision, Tally
from cloud.store.database import Store
from contract.codec import Malformed

log = logging.getLogger(__name__)

AT_ONCE = 500
"""Events that one step goes over, whatever they are: some 20 ms."""
STEPS_AT_ONCE, EVERY_S = 20, 5.0
"""At most 2,000 events a second: a site of 10,000 people has two."""
LISTED = 100
"""Differences that a run over everything lists; it counts all."""


class Step(NamedTuple):
    """What came of some events, those up to ``upto`` in the order of arrival."""

    upto: int
    judged: Sequence[tuple[StoredDecision, Judgement]]

    @property
    def tally(self) -> Tally:
        return rows.tally_of(judgement for _, judgement in self.judged)

    @property
    def differences(self) -> list[Disagreement]:
        return [_difference(*one) for one in self.judged if one[1].verdict is Redecided.DIFFERENT]


class RedecideService:
    """The decisions of one site. One thread works; it takes no lock while it decides."""

    def __init__(self, store: Store, site: str) -> None:
        self._store, self._site = store, site
        self._remembered = Remembered()

    def look(self) -> None:
        """Decide again what has arrived, as far as one look may take."""
        for _ in range(STEPS_AT_ONCE):
            if not self.step():
                return

    def step(self) -> bool:
        """Decide again about the next events; False once there are no more."""
        with self._store.reading() as connection:
            after, last = rows.marked(connection, self._site), last_arrival(connection)
        if after >= last:
            return False
        step = self.redecide(after, last)
        with self._store.writing() as connection:
            rows.move_mark(connection, self._site, step.upto)
            rows.add_counts(connection, self._site, step.tally)
            rows.add_differences(connection, self._site, step.differences)
            need_rosters(connection, _needed(step))
        for one in step.differences:
            log.error("%s said %s at %s, and by the same rule it is %s", one.device, one.said, one.point, one.ours)
        return step.upto < last

    def redecide(self, after: int, last: int) -> Step:
        """Decide again about the events behind one, up to the last at most. Nothing is written."""
        with self._store.reading() as connection:
            upto = min(rows.next_arrival(connection, after) - 1 + AT_ONCE, last)
            archive = StoredArchive(connection, self._remembered)
            decided = rows.decided_between(connection, self._site, after, upto)
            return Step(upto, [(one, _judged(one.stored, archive)) for one in decided])


class Run(Struct, frozen=True):
    """What came of all events that are stored, and the newest of the differences."""

    tally: Tally
    differences: Sequence[Disagreement]


def redecide_all(store: Store, site: str) -> Run:
    """Decide again about every stored event; nothing is written."""
    service, tally, differences = RedecideService(store, site), Tally(), list[Disagreement]()
    with store.reading() as connection:
        after, last = 0, last_arrival(connection)
    while after < last:
        step = service.redecide(after, last)
        tally.update(step.tally)
        differences = (differences + step.differences)[-LISTED:]
        after = step.upto
    return Run(tally, differences)


def redecide_worker(store: Store, site: str) -> Worker[None]:
    """The thread that decides again while the cloud runs."""
    look = RedecideService(store, site).look
    return Worker[None]("redecide", "nobody looks whether devices decide by the rule", look=look, every_s=EVERY_S)


def _judged(stored: bytes, archive: Archive) -> Judgement:
    try:
        return judge(decode_stored(stored), archive)
    except Malformed:
        return Judgement("", 0, why=Why.UNREADABLE)


def _difference(decided: StoredDecision, judgement: Judgement) -> Disagreement:
    event = decode_stored(decided.stored)
    return Disagreement(
        arrival=decided.arrival,
        device=decided.device,
        point=event.point,
        at_ms=event.at_ms,
        received_ms=decided.received_ms,
        said=judgement.said,
        ours=judgement.ours or "",
        roster=judgement.roster,
        rule=judgement.rule,
    )


def _needed(step: Step) -> dict[int, int]:
    """The rosters that these events name, each with when the newest of them arrived."""
    needed: dict[int, int] = {}
    for decided, judgement in step.judged:
        needed[judgement.roster] = max(needed.get(judgement.roster, 0), decided.received_ms)
    return needed
