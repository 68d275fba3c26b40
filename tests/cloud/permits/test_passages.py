"""What devices tell of passages, folded into permits inside ingest's transaction."""

from msgspec import structs
from sqlalchemy import select

from cloud.people.permits import GATES_STAY_MS
from cloud.permits.kinds import PermitKind
from cloud.permits.rule import Permit
from cloud.permits.service import PermitAsked, PermitService
from cloud.store.tables import permit_uses
from contract.decide import HOUR_MS, Trust
from tests.cloud.support.town import NOW_MS, Town

BY = "gate"


class Post:
    """A permit at the gates of the town, and who goes through with it."""

    def __init__(self, town: Town, **asked: object) -> None:
        self.town = town
        self.service = PermitService(town.store, town.keys, town.clock)
        usual = PermitAsked(kind=PermitKind.ORDER, flat="2-502", code=True)
        self.permit = self.service.draw(BY, structs.replace(usual, **asked)).permit

    @property
    def known(self) -> Permit:
        view = self.service.find(self.permit)
        assert view is not None
        return view.permit

    def passes(
        self, at: str = "east-gate", direction: str = "in", clock: Trust = Trust.SYNCED, ago_ms: int = 0
    ) -> None:
        self.town.happens(
            "access.passed",
            device=at,
            clock=clock,
            at_ms=self.town.now_ms - ago_ms,
            holder=self.known.holder.hex(),
            direction=direction,
        )

    def uses(self) -> dict[str, int]:
        with self.town.store.reading() as connection:
            query = select(permit_uses.c.point, permit_uses.c.uses)
            return {row.point: row.uses for row in connection.execute(query)}


def test_uses_count_by_gate_and_start_the_clock(town: Town) -> None:
    post = Post(town)
    post.passes()
    town.now_ms += HOUR_MS
    post.passes("west-gate")
    assert post.uses() == {"east-gate": 1, "west-gate": 1}
    assert (post.known.used_ms, post.known.gates_until_ms) == (NOW_MS, NOW_MS + GATES_STAY_MS)
    assert post.known.in_ms == town.now_ms
    assert post.known.window[1] == NOW_MS + 2 * HOUR_MS


def test_passage_without_a_clock_counts_when_it_arrives(town: Town) -> None:
    """Nor does a clock that runs ahead of the cloud's."""
    post = Post(town)
    post.passes(clock=Trust.UNSET, ago_ms=9 * HOUR_MS)
    assert post.known.used_ms == NOW_MS
    post.passes(ago_ms=-HOUR_MS)
    assert post.known.in_ms == NOW_MS


def test_late_news_moves_nothing_back(town: Town) -> None:
    """A device that was cut off tells of an earlier passage: the clock began then, and they are out all the same."""
    post = Post(town)
    post.passes()
    town.now_ms += HOUR_MS
    post.passes(direction="out")
    post.passes("west-gate", ago_ms=HOUR_MS // 2)
    assert (post.known.in_ms, post.known.out_ms) == (NOW_MS + HOUR_MS // 2, town.now_ms)


def test_passages_of_residents_change_no_permit(town: Town) -> None:
    post = Post(town)
    before = post.known
    town.happens("access.passed", device="east-gate", holder=town.holder("Li Si"), direction="in")
    town.happens("access.passed", device="east-gate", holder="", direction="in")
    town.happens("access.passed", device="gym-turnstile", holder=town.holder("Li Si"), direction="out")
    assert (post.known, post.uses()) == (before, {})


def test_passage_inside_the_estate_uses_nothing(town: Town) -> None:
    """The gym lies inside the estate, so its turnstile is no gate."""
    post = Post(town)
    post.passes("gym-turnstile")
    assert post.uses() == {} and post.known.used_ms is None
