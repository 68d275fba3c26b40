"""People, their plans and their cards by the API: found, added and changed."""

import json
from concurrent.futures import ThreadPoolExecutor

from cloud.cards.rule import Card
from cloud.people.community import load_community
from cloud.store.revision import revision
from contract.decide import Standing
from tests.cloud.support.api import get, send
from tests.cloud.support.cards import card_of
from tests.cloud.support.homes import household
from tests.cloud.support.town import Town, Visitor


def test_a_new_member_gets_a_plan_and_a_card_and_the_rosters_are_told(town: Town, api: Visitor) -> None:
    body = {"name_zh": "郑十", "unit": "9-901", "membership": {"plan": "founder", "payer": True}}
    person = send(api, "/people", body).json()["id"]
    card = {"format": "H10301", "facility": 21, "number": 4242, "label": "blue fob"}
    assert send(api, f"/people/{person}/credentials", card).status_code == 201
    assert town.changes == 2
    found = get(api, f"/people/{person}")
    assert found["name"] == {"zh": "郑十", "en": "郑十"}
    assert [(one["plan"], one["payer"]) for one in found["memberships"]] == [("founder", True)]
    assert [(one["label"], one["standing"]) for one in found["cards"]] == [("blue fob", "active")]
    with town.store.reading() as connection:
        whole = load_community(connection)
        digest = Card("H10301", 21, 4242).digest(town.keys.digest)
        assert [(one.person, one.standing) for one in whole.credentials if one.digest == digest] == [
            (person, Standing.ACTIVE)
        ]
        assert card_of(connection, found["cards"][0]["id"], town.keys.numbers) == Card("H10301", 21, 4242)


def test_a_card_can_be_suspended_lost_and_taken_into_use(town: Town, api: Visitor) -> None:
    for standing in ("suspended", "lost", "active"):
        assert send(api, "/credentials/1", {"standing": standing}, "PATCH").status_code == 204
        assert get(api, "/people/1")["cards"][0]["standing"] == standing
    assert send(api, "/credentials/1", {"standing": "barred"}, "PATCH").status_code == 422, "no operator's to give"
    assert town.changes == 3


def test_a_membership_can_be_added_and_suspended(town: Town, api: Visitor) -> None:
    window = {"plan": "yearly", "from_ms": town.now_ms, "until_ms": town.now_ms + 1000}
    added = send(api, "/people/10/memberships", window).json()["id"]
    assert send(api, f"/memberships/{added}", {"standing": "suspended"}, "PATCH").status_code == 204
    found = get(api, "/people/10")["memberships"][-1]
    assert (found["plan"], found["standing"], found["until_ms"]) == ("yearly", "suspended", window["until_ms"])


def test_plan_asked_for_at_once_is_given_once(town: Town, api: Visitor) -> None:
    """Twenty calls in one moment: one is carried out, whoever is first."""
    window = {"plan": "yearly", "from_ms": 0, "until_ms": 0}
    with ThreadPoolExecutor(20) as crowd:
        answers = list(crowd.map(lambda _: send(api, "/people/10/memberships", window).status_code, range(20)))
    assert sorted(answers) == [201] + 19 * [409]
    assert send(api, "/people/10/memberships", window).json()["where"] == "plan"


def test_suspended_membership_returns_only_where_none_replaced_it(town: Town, api: Visitor) -> None:
    first = send(api, "/people/10/memberships", {"plan": "yearly"}).json()["id"]
    assert send(api, f"/memberships/{first}", {"standing": "suspended"}, "PATCH").status_code == 204
    second = send(api, "/people/10/memberships", {"plan": "yearly"}).json()["id"]
    assert send(api, f"/memberships/{first}", {"standing": "active"}, "PATCH").status_code == 409
    assert send(api, f"/memberships/{second}", {"standing": "lost"}, "PATCH").status_code == 204
    assert send(api, f"/memberships/{first}", {"standing": "active"}, "PATCH").status_code == 204


def test_flat_typed_in_two_forms_is_one_household(town: Town, api: Visitor) -> None:
    """Composed, decomposed, and as an old database has it."""
    with town.store.writing() as connection:
        old = household(connection, "8-80e\u0301")
    for name, unit in (("Lin", "8-80\u00e9"), ("Wu", "8-80e\u0301"), ("He", "\uff18-80\u00e9")):
        assert send(api, "/people", {"name_en": name, "unit": unit}).status_code == 201
    with town.store.reading() as connection:
        rows = connection.exec_driver_sql("SELECT count(*) FROM party_members WHERE party_id = ?", (old,))
        assert rows.scalar_one() == 3


CARD = {"format": "H10301", "facility": 21, "number": 4242}


MISTAKES: list[tuple[str, str, object, int, str]] = [
    ("POST", "/people", {}, 422, "body"),
    ("POST", "/people", {"name_en": " "}, 422, "body"),
    ("POST", "/people", {"name_en": "x" * 61}, 422, "body.name_en"),
    ("POST", "/people", {"name_en": "Qian", "boss": True}, 422, "body.boss"),
    ("POST", "/people", {"name_en": "Qian", "membership": {"plan": "gold"}}, 422, "plan"),
    ("POST", "/people", {"name_en": "Qian", "membership": {"plan": "founder"}}, 422, "unit"),
    ("POST", "/people", [], 422, "body"),
    ("POST", "/people/1/memberships", {"plan": "rider", "from_ms": 9, "until_ms": 9}, 422, "body"),
    ("POST", "/people/999/memberships", {"plan": "rider"}, 404, ""),
    ("POST", "/people/999/credentials", CARD, 404, ""),
    ("POST", "/people/1/credentials", {**CARD, "number": 10001}, 409, "number"),
    ("POST", "/people/1/credentials", {**CARD, "number": 1 << 16}, 422, "number"),
    ("POST", "/people/1/credentials", {**CARD, "facility": None}, 422, "number"),
    ("POST", "/people/1/credentials", {**CARD, "format": "H10302"}, 422, "number"),
    ("POST", "/people/1/credentials", {**CARD, "format": "papyrus"}, 422, "format"),
    ("POST", "/people/1/credentials", {**CARD, "number": -1}, 422, "body.number"),
    ("POST", "/people/1/credentials", {**CARD, "number": "4242x"}, 422, "body.number"),
    ("PATCH", "/credentials/999", {"standing": "lost"}, 404, ""),
    ("PATCH", "/credentials/1", {"standing": "eaten"}, 422, "body.standing"),
    ("PATCH", "/memberships/999", {"standing": "active"}, 404, ""),
    ("PATCH", "/credentials/99999999999999999999", {"standing": "lost"}, 422, "path.card"),
]


def test_what_cannot_be_done_is_said_plainly_and_changes_nothing(town: Town, api: Visitor) -> None:
    with town.store.reading() as connection:
        before = revision(connection), load_community(connection)
    for method, path, body, status, where in MISTAKES:
        answer = send(api, path, body, method)
        assert (answer.status_code, answer.json()["where"]) == (status, where), (path, body, answer.text)
        assert set(answer.json()) == {"error", "message", "where"}
        assert answer.json()["message"]
        assert "4242" not in answer.text, "what was sent is not sent back"
    with town.store.reading() as connection:
        assert (revision(connection), load_community(connection)) == before
    assert town.changes == 0


def test_the_audit_names_the_clerk_and_never_the_card(town: Town, api: Visitor) -> None:
    send(api, "/people/1/credentials", CARD)
    send(api, "/credentials/1", {"standing": "lost"}, "PATCH")
    lost, added = get(api, "/audit?limit=2")["deeds"]
    assert (added["operator"], added["action"], added["subject"]) == ("office", "card.added", "person 1")
    assert lost["detail"] == {"card": "1", "standing": "lost"}
    assert "4242" not in json.dumps([lost, added])


def test_people_are_found_by_name_or_flat_and_listed_page_by_page(town: Town, api: Visitor) -> None:
    assert [one["name"]["en"] for one in get(api, "/people?text=2-502")["people"]] == ["Li Si", "Li Xiaowu"]
    assert [one["name"]["en"] for one in get(api, "/people?text=王")["people"]] == ["Wang Wu"]
    assert get(api, "/people?text=%25")["people"] == []
    first = get(api, "/people?limit=7")
    rest = get(api, f"/people?limit=7&after={first['next']}")
    assert len(first["people"] + rest["people"]) == 13
    assert rest["next"] is None


def test_plans_say_what_they_open(api: Visitor) -> None:
    plans = {plan["name"]: plan for plan in get(api, "/plans")}
    assert plans["founder"]["places"] == 4
    assert set(plans["rider"]["opens"]) == {"estate", "hub"}
    minutes, energy = plans["rider"]["quantities"]["phone"]
    assert minutes == {"amount": 240, "unit": "minutes", "per": "day", "floor": 60, "money": False}
    assert energy == {"amount": 150, "unit": "wh", "per": "day", "floor": 38, "money": False}
    assert plans["staff"]["resets"] == ["estate", "gym", "hub"]
