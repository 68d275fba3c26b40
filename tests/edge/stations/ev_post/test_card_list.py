"""The list that a post keeps, as its station sees to it."""

import pytest

from edge.stations.ev_post.messages import Connected, Done, ListVersion, UpdateList, Version
from tests.edge.support.posts import ANNA, Rig


def listed(version: Version, tag: str) -> list[str]:
    """The tags that a post is sent after it has shown a card by this one."""
    rig = Rig()
    rig.holders["04A1B2C3D4E580112233"] = b"C" * 16
    rig.hear(Connected(version, 1, leads=True))
    rig.hear(ListVersion(0))
    rig.hear(Done(rig.orders(UpdateList)[0].order, "accepted"))
    assert rig.card(tag) == "accepted"
    return [card.tag for update in rig.orders(UpdateList) for card in update.cards]


@pytest.mark.parametrize("tag", [ANNA, "04:A1:B2:C3", "04 A1 B2 C3"])
def test_card_is_listed_as_the_post_writes_it(tag: str) -> None:
    """Alone, a post compares its own writing with its list, sign by sign."""
    assert listed("1.6", tag) == [tag]


@pytest.mark.parametrize(("version", "fits"), [("1.6", False), ("2.0.1", True)])
def test_tag_too_long_for_list_stays_off_it(version: Version, fits: bool) -> None:
    """One that no list can hold would have every update refused, with all the other cards on it."""
    tag = "04:A1:B2:C3:D4:E5:80:11:22:33"
    assert listed(version, tag) == ([tag] if fits else [])
