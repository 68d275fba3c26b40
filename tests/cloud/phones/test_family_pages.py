"""A household on a telephone: whose cards are seen and may be reported lost, and whose telephone is invited."""

import re

import pytest

from cloud.people.community import load_community
from contract.decide import Standing
from tests.cloud.support.pages import words
from tests.cloud.support.phones import CHILD, LI_SI, a_phone, token_of
from tests.cloud.support.town import Town


@pytest.fixture
def family(town: Town) -> Town:
    """Li Xiaowu is the child of the flat, and 12 years old."""
    with town.store.writing() as connection:
        connection.exec_driver_sql(f"UPDATE party_members SET role = 'child' WHERE person_id = {CHILD}")
        connection.exec_driver_sql(f"UPDATE people SET born = '2014-06' WHERE id = {CHILD}")
    return town


def cards(town: Town, person: int) -> dict[int, str]:
    with town.store.reading() as connection:
        query = "SELECT id, standing FROM credentials WHERE kind = 'card' AND person_id = ?"
        return {row.id: row.standing for row in connection.exec_driver_sql(query, (person,))}


def offered(page: str) -> set[int]:
    """The cards that a page lets somebody report lost."""
    return {int(card) for card in re.findall(r'action="/me/family/cards/(\d+)/lost"', page)}


def test_adult_reports_own_and_childs_cards(family: Town) -> None:
    with a_phone(family) as phone:
        page = phone.get("/me/family").text
        assert offered(page) == {*cards(family, LI_SI), *cards(family, CHILD)}
        assert "Li Xiaowu child" in words(page)
        (card,) = cards(family, CHILD)
        lost = phone.post(f"/me/family/cards/{card}/lost", data={"csrf": token_of(phone)})
        assert lost.headers["location"] == "/me/family?done=lost"
        assert "Reported lost" in words(phone.get("/me/family?done=lost").text)
        again = phone.post(f"/me/family/cards/{card}/lost", data={"csrf": token_of(phone)})
        assert again.status_code == 422
    with family.store.reading() as connection:
        standings = {one.standing for one in load_community(connection).credentials if one.person == CHILD}
    assert standings == {Standing.LOST}
    with family.visit("office") as office:
        path = f"/people/{CHILD}/cards/{card}"
        assert office.submit(path, f"/people/{CHILD}", standing="active").status_code == 303
    assert cards(family, CHILD) == {card: "active"}


def test_child_reports_own_card_alone(family: Town) -> None:
    with family.store.writing() as connection:
        connection.exec_driver_sql(f"UPDATE people SET born = '2010-01' WHERE id = {CHILD}")
    with a_phone(family, CHILD) as phone:
        assert offered(phone.get("/me/family").text) == set(cards(family, CHILD))
        (other,) = cards(family, LI_SI)
        answer = phone.post(f"/me/family/cards/{other}/lost", data={"csrf": token_of(phone)})
        assert answer.status_code == 422
        assert "not yours" in words(answer.text)
    assert cards(family, LI_SI) == {other: "active"}


def test_adult_reports_no_card_of_another(town: Town) -> None:
    """In the sample both are adults of the flat."""
    with a_phone(town) as phone:
        assert offered(phone.get("/me/family").text) == set(cards(town, LI_SI))
        for person in (CHILD, 1):
            (card,) = cards(town, person)
            assert phone.post(f"/me/family/cards/{card}/lost", data={"csrf": token_of(phone)}).status_code == 422
            assert cards(town, person) == {card: "active"}


def test_guardian_invites_a_childs_phone(family: Town) -> None:
    with a_phone(family) as phone:
        refused = phone.post(f"/me/family/{CHILD}/phone", data={"csrf": token_of(phone)})
        assert "guardian has to consent" in words(refused.text)
        with family.store.writing() as connection:
            insert = "INSERT INTO guardians (site, child_id, guardian_id) SELECT name, ?, ? FROM sites"
            connection.exec_driver_sql(insert, (CHILD, LI_SI))
        shown = phone.post(f"/me/family/{CHILD}/phone", data={"csrf": token_of(phone)})
        link = re.search(r"/phone/([\w-]+)", shown.text)
        assert link
    with family.visit() as childs:
        assert childs.post(f"/phone/{link[1]}").status_code == 303
        assert "Li Xiaowu" in childs.get("/me").text


def test_adults_phone_is_invited_by_the_office_alone(town: Town) -> None:
    """Who made a link could open it, and would see the other's visits."""
    with a_phone(town) as phone:
        answer = phone.post(f"/me/family/{CHILD}/phone", data={"csrf": token_of(phone)})
        assert "adults ask the office" in words(answer.text)
