"""Visitors on a telephone: invited, ended, extended, and once more by one tap."""

import re

from tests.cloud.support.pages import words
from tests.cloud.support.phones import CHILD, LI_SI, SoftPhone, a_phone, token_of
from tests.cloud.support.town import Town, Visitor

SUN_QI = 10
SECOND_HOME = """INSERT INTO party_members (site, party_id, person_id, role, from_ms, until_ms)
  SELECT site, id, ?, 'owner', 0, 0 FROM parties WHERE flat = '3-303'"""


def post(phone: Visitor, path: str = "", **fields: str) -> str:
    """What answers a form of the page of visitors."""
    answer = phone.post(f"/me/visitors{path}", data={"csrf": token_of(phone), **fields})
    return answer.text if answer.status_code != 303 else phone.get(answer.headers["location"]).text


def code_on(page: str) -> str:
    found = re.search(r'class="code">(\d{6}) #', page)
    assert found, words(page)
    return found[1]


def test_guest_is_invited_and_the_code_shown_once(town: Town) -> None:
    """The guard sees who invited them; the code stands on no page again."""
    with a_phone(town) as phone, town.visit("gate") as gate:
        assert 'href="/me/visitors"' in phone.get("/me").text
        code = code_on(post(phone, kind="guest", name="an aunt"))
        page = phone.get("/me/visitors").text
        assert "an aunt Valid Guest · 2-502" in words(page) and code not in page
        assert "2-502 Guest · an aunt Valid has a code" in words(gate.get("/permits").text)
        assert "invited by Li Si" in words(gate.get("/permits").text)


def test_code_is_shown_to_its_inviter_alone(town: Town) -> None:
    with a_phone(town) as phone, a_phone(town, CHILD) as other:
        answer = phone.post("/me/visitors", data={"csrf": token_of(phone), "kind": "guest", "name": "an aunt"})
        shown = answer.headers["location"]
        assert code_on(phone.get(shown).text) == code_on(phone.get(shown).text)
        assert other.get(shown).headers["location"] == "/me/visitors"


def test_second_delivery_is_one_tap_on_a_phone(town: Town) -> None:
    with a_phone(town) as phone:
        first = code_on(post(phone, kind="order", name="parcels"))
        assert "Ended." in words(post(phone, "/1/ended"))
        assert code_on(post(phone, "/1/again")) != first
        assert words(phone.get("/me/visitors").text).count("parcels") == 2


def test_wrong_invitation_keeps_what_was_typed(town: Town) -> None:
    with a_phone(town) as phone:
        wrong = {
            "ends before it begins": {"first_day": "2027-01-20", "last_day": "2027-01-18"},
            "at most 168 hours": {"first_day": "2027-01-20", "last_day": "2027-02-18"},
            "are dates": {"first_day": "tomorrow"},
            "at least 1": {"headcount": "0"},
            "This is no plate": {"plate": "12"},
            "The office draws up": {"kind": "crew"},
            "check every field": {"kind": "nonsense"},
        }
        for said, fields in wrong.items():
            page = post(phone, **{"kind": "guest", "name": "an aunt", **fields})
            assert said in page and 'value="an aunt"' in page


def test_visitor_is_extended_once_and_is_nobody_elses(town: Town) -> None:
    with a_phone(town) as phone, a_phone(town, CHILD) as other:
        post(phone, kind="guest", name="an aunt", first_day="2027-01-15", last_day="2027-01-16")
        assert "Extended." in words(post(phone, "/1/extended", until="2027-01-18T12:00"))
        assert "extended before" in words(post(phone, "/1/extended", until="2027-01-19T12:00"))
        for step in ("/1/ended", "/1/again", "/1/extended"):
            assert "There is no such permit" in post(other, step, until="2027-01-18T12:00")
        assert "an aunt" not in other.get("/me/visitors").text


def test_flat_is_chosen_where_there_are_several(town: Town) -> None:
    with a_phone(town, SUN_QI) as stranger, a_phone(town) as phone:
        assert "the office knows no flat" in stranger.get("/me/visitors").text
        assert 'name="flat"' not in phone.get("/me/visitors").text
        with town.store.writing() as connection:
            connection.exec_driver_sql(SECOND_HOME, (LI_SI,))
        assert 'name="flat"' in phone.get("/me/visitors").text
        assert "Guest · 3-303" in words(post(phone, kind="guest", name="an aunt", flat="3-303"))


def test_child_invites_nobody(town: Town) -> None:
    with town.store.writing() as connection:
        connection.exec_driver_sql(f"UPDATE party_members SET role = 'child' WHERE person_id = {CHILD}")
    with a_phone(town, CHILD) as phone:
        assert "You are no adult" in post(phone, kind="guest", name="a friend")


def test_goods_slip_and_car_come_from_a_phone(town: Town) -> None:
    with a_phone(town) as phone:
        slip = words(post(phone, kind="goods", goods="a sofa", headcount="3"))
        assert "The guard counts what leaves" in slip and "#" not in slip
        assert "The gate opens to this plate" in words(post(phone, kind="space", plate="沪A12345", name="an aunt"))


def test_lost_phone_of_a_visitor_is_one_tap(town: Town) -> None:
    """The list says that the link was opened; one tap shows another link and code."""
    with a_phone(town) as phone, town.visit() as aunt:
        post(phone, kind="guest", name="an aunt")
        link = re.search(r"/guest/[\w-]+", post(phone, "/1/link"))
        assert link and "link opened" not in words(phone.get("/me/visitors").text)
        aunt.post(link[0], data={"key": "", "proof": ""})
        assert "link opened at 16:00" in words(phone.get("/me/visitors").text)
        page = post(phone, "/1/replaced")
        assert re.search(r"/guest/[\w-]+", page) and code_on(page)
        assert "This permit is over" in words(post(phone, "/1/replaced"))


def test_phone_without_a_key_gets_a_code(town: Town) -> None:
    """As it keeps no key, a gate without a scanner knows it by what is keyed."""
    with town.store.writing() as connection:
        connection.exec_driver_sql(f"UPDATE party_members SET role = 'child' WHERE person_id = {CHILD}")
    with a_phone(town) as phone, a_phone(town, key=SoftPhone()) as own_key, a_phone(town, CHILD) as child:
        assert "A code for today" in phone.get("/me").text
        assert "A code for today" not in own_key.get("/me").text
        answer = phone.post("/me/code", data={"csrf": token_of(phone)})
        assert code_on(phone.get(answer.headers["location"]).text)
        assert "no adult who lives" in words(child.post("/me/code", data={"csrf": token_of(child)}).text)
