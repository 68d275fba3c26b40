"""The desk's loop: one person after the other gets the next card, and the last can be undone."""

import pytest

from cloud.cards.enrolment_store import DeskLoop, find_loop, last_enrolments
from cloud.cards.rule import Recipient
from cloud.people.service import PeopleService
from cloud.store.labels import Label
from cloud.web.rejected import Rejected
from contract.credentials import encode
from tests.cloud.support.orders import GYM
from tests.cloud.support.sender import SITE
from tests.cloud.support.taps import Taps
from tests.cloud.support.town import Town


class Season(Taps):
    """Three people have moved into building 9 and have no cards."""

    def __init__(self, town: Town) -> None:
        super().__init__(town)
        people = PeopleService(town.store, town.clock)
        names = (("Ann", "9-101"), ("Bea", "9-102"), ("Cid", "9-103"))
        self.people = [people.add_person("office", Label("", name), flat) for name, flat in names]
        self.loop = self.enrolments.begin_loop("office", GYM, building="9")

    def turn(self) -> int | None:
        """Whose turn it is."""
        with self.town.store.reading() as connection:
            waiting = [one for one in last_enrolments(connection, SITE, loop=self.loop) if one.state == "waiting"]
        return waiting[0].person if waiting else None

    def holds_next(self, number: int) -> str:
        with self.town.store.reading() as connection:
            (waiting,) = [one for one in last_enrolments(connection, SITE, loop=self.loop) if one.state == "waiting"]
        self.holds(waiting.command, encode("H10301", facility=7, number=number))
        return waiting.command

    def stored(self) -> DeskLoop:
        with self.town.store.reading() as connection:
            found = find_loop(connection, SITE, self.loop)
        assert found is not None
        return found


@pytest.fixture
def season(town: Town) -> Season:
    return Season(town)


def test_next_person_follows_the_card_of_the_last(season: Season) -> None:
    ann, bea, cid = season.people
    for person, number in ((ann, 1), (bea, 2), (cid, 3)):
        assert season.turn() == person
        season.holds_next(number)
        assert [card.state for card in season.cards_of(person)] == ["issued"]
    assert season.turn() is None
    assert season.stored().ended_ms is not None


def test_undo_gives_the_turn_back(season: Season) -> None:
    ann, bea, _ = season.people
    command = season.holds_next(1)
    assert season.turn() == bea
    season.enrolments.undo("office", command)
    assert (season.turn(), season.cards_of(ann)) == (ann, [])
    season.holds_next(1)
    assert (season.turn(), len(season.cards_of(ann))) == (bea, 1)


def test_skipped_person_has_no_turn_again(season: Season) -> None:
    ann, bea, cid = season.people
    season.enrolments.next_of_loop("office", season.loop, skip=True)
    assert season.turn() == bea
    season.holds_next(1)
    assert season.turn() == cid
    season.holds_next(2)
    assert (season.turn(), season.cards_of(ann)) == (None, [])


def test_wrong_card_keeps_the_turn(season: Season) -> None:
    ann = season.people[0]
    with season.town.store.reading() as connection:
        waiting = last_enrolments(connection, SITE, loop=season.loop)[0]
    season.answers(waiting.command, "refused", "two_cards")
    assert (season.turn(), season.stored().ended_ms) == (None, None)
    season.enrolments.next_of_loop("office", season.loop)
    assert season.turn() == ann


def test_ended_loop_waits_for_nobody(season: Season) -> None:
    season.enrolments.end_loop(season.loop, "office")
    assert season.turn() is None
    with pytest.raises(Rejected, match="no such list"):
        season.enrolments.next_of_loop("office", season.loop)


def test_loop_ends_where_its_reader_goes_offline(season: Season) -> None:
    season.town.broker_is_there = False
    season.holds_next(1)
    assert (season.turn(), season.stored().ended_ms) == (None, season.town.now_ms)


def test_loop_over_nobody_is_rejected(season: Season) -> None:
    with pytest.raises(Rejected, match="Everybody here has a card"):
        season.enrolments.begin_loop("office", GYM, building="1")


def test_busy_reader_leaves_no_loop(season: Season) -> None:
    with pytest.raises(Rejected, match="enrolling at this reader"):
        season.enrolments.begin_loop("admin", GYM)
    assert season.turn() == season.people[0]


def test_family_card_is_nobody_s_own(season: Season) -> None:
    """Who has no card is asked of people: a family card belongs to none."""
    ann = season.people[0]
    with season.town.store.reading() as connection:
        party = connection.exec_driver_sql(
            "SELECT party_id FROM party_members WHERE person_id = ?", (ann,)
        ).scalar_one()
    season.enrolments.end_loop(season.loop, "office")
    season.holds(season.enrolments.begin("office", GYM, Recipient(party=party)))
    season.loop = season.enrolments.begin_loop("office", GYM, building="9")
    assert season.turn() == ann
