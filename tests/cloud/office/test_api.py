"""Households, companies, moving days and records by calls."""

from concurrent.futures import ThreadPoolExecutor

from contract.decide import DAY_MS
from tests.cloud.support.api import get, send
from tests.cloud.support.town import NOW_MS, Town, Visitor


def test_fifth_of_a_family_is_refused_with_names(town: Town, api: Visitor) -> None:
    person = send(api, "/people", {"name_en": "Fifth", "unit": "1-101"}).json()["id"]
    refused = send(api, f"/people/{person}/memberships", {"plan": "founder"})
    assert refused.status_code == 422
    assert refused.json()["where"] == "plan"
    names = "Zhang San, Zhang Dayi, Zhang Xiao'er, Zhang Xiaosan"
    assert refused.json()["message"] == f"The 4 places are taken by {names}. Nothing was changed."


def test_places_asked_for_at_once_are_given_once(town: Town, api: Visitor) -> None:
    """Twelve of one household ask in one moment: the three that are left beside the payer are given."""
    people = [send(api, "/people", {"name_en": f"Kin {number}", "unit": "9-901"}).json()["id"] for number in range(13)]
    send(api, f"/people/{people[0]}/memberships", {"plan": "founder", "payer": True})

    def ask(person: int) -> int:
        return send(api, f"/people/{person}/memberships", {"plan": "founder"}).status_code

    with ThreadPoolExecutor(12) as crowd:
        answers = list(crowd.map(ask, people[1:]))
    assert sorted(answers) == 3 * [201] + 9 * [422]


def test_numbers_of_nobody_are_refused(town: Town, api: Visitor) -> None:
    for path, body in {
        "/parties/999/memberships": {"plan": "yearly"},
        "/parties/999/members": {"person": 1, "role": "adult"},
        "/parties/1/members": {"person": 999, "role": "adult"},
        "/parties/1/memberships": {"plan": "gold"},
        "/people/999/end": {},
    }.items():
        assert send(api, path, body).status_code in (404, 422), path
    huge = {"person": "9" * 30, "role": "adult"}
    with town.visit("office") as visitor:
        assert visitor.submit("/parties/1/members", "/parties/1", **huge).status_code == 422
        assert visitor.submit("/people/5/record/merge", "/people/5", goes="9" * 30).status_code == 422
        moving = {"day": "2027-02-01", "leaver": "9" * 30}
        assert visitor.submit("/parties/1/moving", "/parties/1/moving", **moving).status_code == 422
        assert visitor.submit("/people/0/bars", "/bars", ground="theft", last_day="2027-02-01").status_code == 422
    assert town.changes == 0


def test_company_is_made_joined_and_left(town: Town, api: Visitor) -> None:
    company = send(api, "/parties", {"kind": "company", "name_en": "Acme"}).json()["id"]
    member = send(api, f"/parties/{company}/members", {"person": 10, "role": "admin"}).json()["id"]
    assert send(api, f"/party-members/{member}", {"role": "helper"}, "PATCH").status_code == 204
    held = send(api, f"/parties/{company}/memberships", {"plan": "yearly"}).json()["id"]
    found = get(api, f"/parties/{company}")
    assert [(one["person"], one["role"]) for one in found["members"]] == [(10, "helper")]
    assert [(one["id"], one["person"]) for one in found["memberships"]] == [(held, None)]
    assert send(api, f"/parties/{company}", {"name_zh": "公司"}, "PATCH").status_code == 204
    assert send(api, f"/party-members/{member}/end", {}).json() == {"ends_ms": NOW_MS}
    assert send(api, f"/party-members/{member}/end", {}).status_code == 404
    listed = get(api, "/parties?kind=company")["parties"]
    assert [one["members"] for one in listed if one["id"] == company] == [0]
    assert send(api, f"/parties/{company}/end", {}).status_code == 204
    assert company not in [one["id"] for one in get(api, "/parties?kind=company")["parties"]]


def test_membership_is_renewed_changed_and_ended(town: Town, api: Visitor) -> None:
    held = send(api, "/people/10/memberships", {"plan": "yearly"}).json()["id"]
    renewed = send(api, f"/memberships/{held}/renew", {}).json()["id"]
    window = {"from_ms": NOW_MS, "until_ms": NOW_MS + DAY_MS}
    assert send(api, f"/memberships/{held}/window", window, "PUT").status_code == 204
    assert send(api, f"/memberships/{renewed}/end", {}).status_code == 204
    assert [one["person"] for one in get(api, "/renewals") if one["days"] == 1] == [10]
    assert send(api, f"/memberships/{held}/end", {"at_ms": 0}).status_code == 204
    assert send(api, "/memberships/999/end", {}).status_code == 404


def test_moving_day_by_calls(town: Town, api: Visitor) -> None:
    party = next(one["id"] for one in get(api, "/parties?text=2-502")["parties"])
    body = {
        "leavers": [5],
        "newcomers": [{"role": "tenant", "name_en": "Comer", "until_ms": NOW_MS + 300 * DAY_MS}],
        "ground": "own_word",
        "out_ms": NOW_MS + DAY_MS,
        "in_ms": NOW_MS + DAY_MS,
    }
    preview = send(api, f"/parties/{party}/moving/preview", body)
    assert [step["name"] for step in preview.json()] == ["members", "memberships", "cards", "flat", "permits"]
    assert send(api, f"/parties/{party}/moving", body).status_code == 204
    assert "Comer" in [one["name"]["en"] for one in get(api, f"/parties/{party}")["members"]]
    assert send(api, f"/parties/{party}/moving", body).status_code == 409


def test_record_by_calls(town: Town, api: Visitor) -> None:
    assert send(api, "/people/5", {"name_en": "Li"}, "PATCH").status_code == 204
    assert send(api, "/people/5/traits", {"born": "1957-03", "verified": "deed"}, "PUT").status_code == 204
    assert send(api, "/people/5/tags", {"tag": "slow"}).status_code == 204
    assert send(api, "/people/5/qualifications", {"name": "first aid"}).status_code == 204
    assert send(api, "/people/6/guardians", {"guardian": 5}).status_code == 204
    found = get(api, "/people/5/traits")
    assert (found["born"], found["tags"][0]["tag"], found["children"][0]["person"]) == ("1957-03", "slow", 6)
    for path in ("/people/5/tags/slow", "/people/5/qualifications/first aid", "/people/6/guardians/5"):
        assert send(api, path, None, "DELETE").status_code == 204
    assert send(api, "/people/5/merge", {"goes": 10}).status_code == 204
    assert send(api, "/people/5/end", {}).status_code == 422
    assert send(api, "/people/5/end", {"ground": "died"}).json() == {"ends_ms": NOW_MS}
