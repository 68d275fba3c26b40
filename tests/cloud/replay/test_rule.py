"""Passages are weighed as the devices of the sample community would have weighed them."""

import pytest

from cloud.people.community import load_community
from cloud.people.grants import Community
from cloud.replay.holders import HolderIndex, Unclear, by_name
from cloud.replay.rule import Passage, Weigher, Who
from cloud.setup.store import people_names
from contract.decide import DAY_MS, Direction
from contract.reasons import Reason
from tests.cloud.support.town import NOW_MS, Town


def holders_of(town: Town) -> tuple[Weigher, HolderIndex]:
    with town.store.reading() as connection:
        community, names = load_community(connection), people_names(connection)
    called = by_name({person: (name.zh, name.en) for person, name in names.items()})
    return Weigher(community, NOW_MS), HolderIndex(community, called, town.keys.digest)


@pytest.mark.parametrize(
    ("holder", "point", "direction", "days", "reason"),
    [
        ("Li Si", "gym-turnstile", "in", 0, Reason.ALLOWED),
        ("李四", "gym-turnstile", "in", -101, Reason.NOT_YET_VALID),
        ("H10301:21:15890", "gym-turnstile", "in", 301, Reason.EXPIRED),
        ("5", "gym-turnstile", "in", 2000, Reason.NOT_ENTITLED),
        ("Wang Wu", "gym-turnstile", "in", 0, Reason.EXPIRED),
        ("Wang Wu", "gym-turnstile", "in", -100, Reason.ALLOWED),
        ("Wang Wu", "east-gate", "in", 0, Reason.ALLOWED),
        ("Wu Jiu", "east-gate", "in", 0, Reason.REPORTED_LOST),
        ("Wu Jiu", "east-gate", "out", 0, Reason.FREE_EXIT),
        ("nobody", "east-gate", "in", 0, Reason.UNKNOWN_CREDENTIAL),
        ("Zhang San", "no-such-point", "in", 0, Reason.NOT_ENTITLED),
    ],
)
def test_passage_is_weighed_at_its_moment(
    town: Town, holder: str, point: str, direction: Direction, days: int, reason: Reason
) -> None:
    """Whatever the order: windows begin and end with time, and rows are compiled for the moment."""
    weigher, holders = holders_of(town)
    passage = Passage(holders.find(holder), point, direction, NOW_MS + days * DAY_MS)
    later = Passage(holders.find(holder), point, direction, NOW_MS + 5000 * DAY_MS)
    assert weigher.reason(passage) == reason
    weigher.reason(later)
    assert weigher.reason(passage) == reason


def test_unknown_time_refuses_what_depends_on_it(town: Town) -> None:
    weigher, holders = holders_of(town)
    assert weigher.reason(Passage(holders.find("Wang Wu"), "east-gate", "in", None)) == Reason.ALLOWED
    assert weigher.reason(Passage(holders.find("Li Si"), "gym-turnstile", "in", None)) == Reason.CLOCK_UNSET


def test_two_people_of_one_name_are_unclear(town: Town) -> None:
    _, holders = holders_of(town)
    twins = HolderIndex(load(town), [("li si", 1), ("li si", 5)], None)
    with pytest.raises(Unclear, match="write the number of one: 1, 5"):
        twins.find("Li Si")
    assert holders.find(town.holder("Li Si")) == Who(5)


def load(town: Town) -> Community:
    with town.store.reading() as connection:
        return load_community(connection)
