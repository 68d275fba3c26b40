"""The search beside every form that names a person, by forms alone."""

import re

import pytest

from cloud.cards.person_choice import people_meant
from cloud.cards.rule import Card, Recipient, cards_written
from tests.cloud.support.pages import words
from tests.cloud.support.taps import Taps
from tests.cloud.support.town import Town

CHOOSE = "/people/choose?field=goes&to=/people/5/record/merge&say=Merge"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Li Xiao", ["Li Xiaowu"]),
        ("李四", ["Li Si"]),
        ("2-502", ["Li Si", "Li Xiaowu"]),
        ("6", ["Li Xiaowu"]),
        ("21,15890", ["Li Si"]),
        ("spare", ["Wang Wu"]),
        ("nobody", []),
        ("9" * 60, []),
    ],
)
def test_text_means_people_by_any_of_it(town: Town, taps: Taps, text: str, found: list[str]) -> None:
    """A name, a flat, their number, the number of a card, or what is printed on one."""
    taps.cards.add_card("office", Recipient(7), Card("UID7", None, 0x04112233445566), "spare key")
    with town.store.reading() as connection:
        meant = people_meant(connection, taps.cards, text)
    assert [person.name.en for person in meant if text in person.name.en or person.name.en in found] == found


def test_number_is_read_as_it_is_printed() -> None:
    names = [card.format for card in cards_written(" 21:15890 ")]
    assert "H10301" in names
    assert [card.facility for card in cards_written("21/15890")] == [21] * len(names)
    assert {card.facility for card in cards_written("15890")} == {None}
    assert cards_written("21:15890:1") == cards_written("a") == cards_written("") == cards_written("9" * 400) == []


def test_chosen_person_goes_to_the_form(town: Town) -> None:
    """What else was filled in comes along, several of one name too; a new search brings it again."""
    with town.visit("office") as visitor:
        typed = {"find_goes": "Li Xiaowu", "role": "tenant", "leaver": "5", "goes": "old"}
        page = visitor.submit(CHOOSE, "/people/5", **typed).text
        assert 'action="/people/5/record/merge"' in page
        assert re.search(r'<button name="goes" value="6">Merge</button>', page)
        assert page.count('name="role" value="tenant"') == 2, "of the search, and of the choice"
        assert 'value="old"' not in page
        assert "Nobody matches." in visitor.submit(CHOOSE, "/people/5", find_goes="nobody").text
        away = CHOOSE.replace("/people/5/record/merge", "//example.org")
        assert "example.org" not in visitor.submit(away, "/people/5", find_goes="6").text.partition("<main")[2].replace(
            "to=%2F%2Fexample.org", ""
        )


def test_duplicate_is_found_and_merged(town: Town) -> None:
    with town.visit("office") as visitor:
        visitor.submit("/people", "/people", name_en="Li Si", name_zh="李四")
        page = visitor.submit(CHOOSE, "/people/5", find_goes="李四").text
        (_, other) = re.findall(r'<button name="goes" value="(\d+)">', page)
        assert visitor.submit("/people/5/record/merge", "/people/5", goes=other).status_code == 303
        page = visitor.submit(CHOOSE, "/people/5", find_goes="李四").text
        assert re.findall(r'<button name="goes" value="(\d+)">', page) == ["5"], "who has ended is left out"


def test_any_number_of_people_moves_in(town: Town) -> None:
    """The form comes again with more rows, and with whoever was chosen."""
    form = "/parties/1/moving"
    with town.visit("office") as visitor:
        assert visitor.get(form).text.count('name="name_zh_') == 2
        typed = {f"name_en_{row}": f"Comer {row}" for row in range(6)} | {"day": "2027-01-20"}
        page = visitor.submit(f"{form}?again=1", form, **typed, person_6="7").text
        assert page.count('name="name_zh_') == 8
        assert "Wang Wu" in words(page)
        assert "What will be done" not in page
        typed |= {f"role_{row}": "adult" for row in range(7)}
        shown = words(visitor.submit(form, form, **typed, person_6="7").text)
        assert [f"Comer {row} comes" in shown for row in range(6)] == [True] * 6
        assert "Wang Wu comes" in shown
        assert visitor.submit(f"{form}?again=1", form, person_0="x", person_1="9" * 5_000).status_code == 200
