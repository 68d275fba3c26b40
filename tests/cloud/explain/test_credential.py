"""A credential as people name it."""

import pytest

from cloud.cards.rule import Card
from cloud.cards.store import cards_with
from cloud.explain.credential import find_digest
from cloud.web.rejected import Rejected
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import Town

LI_SI = Card("H10301", 21, 15890)


@pytest.mark.parametrize("text", ["15890", "21:15890", "21,15890", "021/15890", " H10301:21:15890 ", "#5"])
def test_card_is_found_as_people_write_it(town: Town, text: str) -> None:
    with town.store.reading() as connection:
        found = find_digest(connection, town.keys, text)
        assert cards_with(connection, SITE, [found]) == [5]
    assert found == LI_SI.digest(town.keys.digest)


def test_digest_needs_nobody_who_has_it(town: Town) -> None:
    with town.store.reading() as connection:
        assert find_digest(connection, town.keys, "AB" * 16) == b"\xab" * 16


def test_name_of_several_credentials_is_refused(town: Town) -> None:
    with (
        town.store.reading() as connection,
        pytest.raises(Rejected, match=r"several credentials: #1, #2, #3, #4, #5\."),
    ):
        find_digest(connection, town.keys, "Gate card 门禁卡")


@pytest.mark.parametrize(
    "text", ["", "1", "21:1", "99:15890", "#4711", "H99:21:15890", "nobody's", "9" * 25, "ab" * 15]
)
def test_what_nobody_has_is_refused(town: Town, text: str) -> None:
    with town.store.reading() as connection, pytest.raises(Rejected, match="No credential is known"):
        find_digest(connection, town.keys, text)
