"""The list of cards that a post keeps: what it should hold, what it says it holds, and the way there."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from edge.stations.ev_post import local_list
from edge.stations.ev_post.local_list import MAX_CARDS, USUAL_CHUNK, LocalList
from edge.stations.ev_post.messages import Configured, Done, Listed, ListVersion, UpdateList

ANNA, BEN, CARL = "04A1B2C3", "04D4E5F6", "04010203"


def held(*tags: str) -> LocalList:
    """The list of a post that holds these cards as version 5, and says so."""
    cards = local_list.version_reported(LocalList(), ListVersion(4))
    for tag in tags:
        cards = local_list.allowed(cards, tag, 0)
    cards, update = local_list.update(cards, "1")
    assert update is not None
    return local_list.answered(cards, Done("1", "accepted"))


def told(cards: LocalList, order: str = "2") -> UpdateList:
    update = local_list.update(cards, order)[1]
    assert update is not None
    return update


def test_nothing_is_sent_before_the_post_has_said_what_it_holds() -> None:
    cards = local_list.allowed(LocalList(), ANNA, 0)
    assert local_list.update(cards, "1") == (cards, None)


def test_the_first_update_replaces_whatever_the_post_held() -> None:
    cards = local_list.version_reported(local_list.allowed(LocalList(), ANNA, 99), ListVersion(4))
    assert told(cards) == UpdateList("2", 5, True, (Listed(ANNA, 99),))


def test_an_empty_list_is_sent_too_so_that_a_strange_one_is_gone() -> None:
    assert told(local_list.version_reported(LocalList(), ListVersion(4))) == UpdateList("2", 5, True, ())


def test_from_then_on_only_what_changed_is_sent() -> None:
    cards = local_list.refused(local_list.allowed(held(ANNA, BEN), CARL, 7), BEN)
    assert told(cards) == UpdateList("2", 6, False, (Listed(CARL, 7), Listed(BEN, gone=True)))


def test_a_card_whose_right_ends_sooner_is_sent_again() -> None:
    assert told(local_list.allowed(held(ANNA), ANNA, 50)).cards == (Listed(ANNA, 50),)


def test_one_update_is_under_way_at_a_time() -> None:
    cards, _ = local_list.update(local_list.allowed(held(ANNA), BEN, 0), "2")
    assert local_list.update(cards, "3") == (cards, None)


def test_the_version_moves_only_when_the_post_has_taken_an_update() -> None:
    cards, _ = local_list.update(local_list.allowed(held(ANNA), BEN, 0), "2")
    assert cards.version == 5
    assert local_list.answered(cards, Done("another", "accepted")).version == 5
    assert local_list.answered(cards, Done("2", "accepted")).version == 6


@pytest.mark.parametrize("how", ["failed", "version_mismatch", "timeout"])
def test_an_update_that_was_not_taken_is_followed_by_the_whole_list(how: str) -> None:
    cards, _ = local_list.update(local_list.allowed(held(ANNA), BEN, 0), "2")
    cards = local_list.answered(cards, Done("2", how))
    assert told(cards, "3") == UpdateList("3", 6, True, (Listed(ANNA), Listed(BEN)))


@pytest.mark.parametrize("how", ["not_supported", "not_implemented"])
def test_a_post_that_holds_no_list_is_sent_none(how: str) -> None:
    cards, _ = local_list.update(local_list.allowed(held(ANNA), BEN, 0), "2")
    cards = local_list.answered(cards, Done("2", how))
    assert local_list.update(cards, "3")[1] is None


def test_a_post_that_holds_another_version_gets_the_whole_list() -> None:
    cards = local_list.version_reported(held(ANNA), ListVersion(3))
    assert told(cards) == UpdateList("2", 4, True, (Listed(ANNA),))
    assert local_list.update(local_list.version_reported(held(ANNA), ListVersion(5)), "2")[1] is None


def test_a_long_list_goes_in_pieces_as_large_as_the_post_takes() -> None:
    cards = local_list.limited(local_list.version_reported(LocalList(), ListVersion(0)), Configured((), 100, 2))
    for tag in (ANNA, BEN, CARL):
        cards = local_list.allowed(cards, tag, 0)
    cards, first = local_list.update(cards, "1")
    cards = local_list.answered(cards, Done("1", "accepted"))
    assert first == UpdateList("1", 1, True, (Listed(ANNA), Listed(BEN)))
    assert told(cards) == UpdateList("2", 2, False, (Listed(CARL),))


def test_where_the_list_is_full_the_card_allowed_longest_ago_makes_room() -> None:
    cards = local_list.limited(LocalList(), Configured((), 2, None))
    for tag in (ANNA, BEN, ANNA, CARL):
        cards = local_list.allowed(cards, tag, 0)
    assert list(cards.wanted) == [ANNA, CARL]
    assert (cards.total, cards.chunk) == (2, USUAL_CHUNK)
    assert local_list.limited(cards, Configured((), 10**6, None)).total == MAX_CARDS
    assert list(local_list.limited(cards, Configured((), 1, None)).wanted) == [CARL]


class Post(RuleBasedStateMachine):
    """A post that takes updates, refuses them, forgets its list, and says which version it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.cards = local_list.limited(LocalList(), Configured((), 5, 2))
        self.holds: dict[str, int] = {ANNA: 1}
        self.version = 3
        self.orders = 0

    @rule(tag=st.sampled_from("abcdefg"), until_ms=st.integers(0, 3))
    def a_card_is_allowed(self, tag: str, until_ms: int) -> None:
        self.cards = local_list.allowed(self.cards, tag, until_ms)

    @rule(tag=st.sampled_from("abcdefg"))
    def a_card_is_refused(self, tag: str) -> None:
        self.cards = local_list.refused(self.cards, tag)

    @rule()
    def it_says_what_it_holds(self) -> None:
        self.cards = local_list.version_reported(self.cards, ListVersion(self.version))

    @rule()
    def it_forgets(self) -> None:
        """A new board was put in; it connects anew, and is asked."""
        self.holds, self.version = {}, 0
        self.it_says_what_it_holds()

    @rule(how=st.sampled_from(["accepted", "accepted", "failed", "timeout"]))
    def it_is_sent_an_update(self, how: str) -> None:
        self.orders += 1
        self.cards, update = local_list.update(self.cards, str(self.orders))
        if update is None:
            return
        if not update.full and update.version <= self.version:
            how = "version_mismatch"
        if how in ("accepted", "timeout"):  # it took what it did not answer
            self._take(update)
        self.cards = local_list.answered(self.cards, Done(update.order, how))
        if how == "version_mismatch":
            self.it_says_what_it_holds()

    def _take(self, update: UpdateList) -> None:
        self.holds = {} if update.full else self.holds
        for card in update.cards:
            self.holds.pop(card.tag, None)
            if not card.gone:
                self.holds[card.tag] = card.until_ms
        self.version = update.version

    @invariant()
    def a_list_stays_within_what_the_post_takes(self) -> None:
        assert len(self.cards.wanted) <= 5

    def teardown(self) -> None:
        """Left in peace, it holds in the end what it should."""
        self.it_says_what_it_holds()
        for _ in range(10):
            self.it_is_sent_an_update("accepted")
        assert self.holds == self.cards.wanted == self.cards.held


TestPost = Post.TestCase
TestPost.settings = settings(max_examples=60, stateful_step_count=30)
