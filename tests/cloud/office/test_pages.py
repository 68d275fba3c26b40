"""Households and companies on the console: one story of each by forms alone."""

import re

from msgspec import structs

from cloud.people.store import change_plan, list_plans
from contract.decide import DAY_MS
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town, Visitor


def add_person(visitor: Visitor, name: str, flat: str = "") -> str:
    """The path of somebody's new page."""
    fields = {"name_en": name} | ({"unit": flat} if flat else {})
    return visitor.submit("/people", "/people", **fields).headers["location"].partition("?")[0]


def party_of(visitor: Visitor, person: str) -> str:
    """The path of the first party on somebody's page."""
    found = re.search(r'href="(/parties/\d+)"', visitor.get(person).text)
    assert found
    return found[1]


def number(path: str) -> str:
    return path.rsplit("/", 1)[1]


def test_fifth_person_of_a_founders_family_by_forms(town: Town) -> None:
    with town.visit("office") as visitor:
        fifth = add_person(visitor, "Fifth", "1-101")
        party = party_of(visitor, fifth)
        page = words(visitor.get(party).text)
        assert "places used: 4 of 4" in page
        answer = visitor.submit(f"{fifth}/memberships", fifth, plan="founder")
        assert answer.status_code == 422
        sentence = "The 4 places are taken by Zhang San, Zhang Dayi, Zhang Xiao'er, Zhang Xiaosan."
        assert sentence in words(answer.text)
    with town.visit("office", language="zh-CN") as visitor:
        answer = visitor.submit(f"{fifth}/memberships", fifth, plan="founder")
        assert "张三、张大一、张小二、张小三" in answer.text


def test_yearly_member_is_renewed_by_forms(town: Town) -> None:
    with town.visit("office") as visitor:
        town.now_ms += 264 * DAY_MS
    with town.visit("office") as visitor:
        page = visitor.get("/renewals").text
        assert "within 1 d: 1" in words(page)
        (action,) = re.findall(r'action="(/memberships/\d+/renewed)"', page)[-1:]
        assert visitor.submit(action, "/renewals").status_code == 303
        assert "within 1 d: 1" not in words(visitor.get("/renewals").text)


def test_payer_is_suspended_by_forms(town: Town) -> None:
    with town.visit("office") as visitor:
        party = party_of(visitor, "/people/1")
        page = visitor.get(party).text
        first = re.findall(r'action="(/memberships/\d+/standing)"', page)[0]
        assert visitor.submit(first, party, standing="suspended", back=party).status_code == 303
        page = words(visitor.get(party).text)
        assert page.count("Suspended") == 4
        assert "places used: 0 of 4" in page
        visitor.submit(first, party, standing="active", back=party)
        assert "places used: 4 of 4" in words(visitor.get(party).text)


def test_household_says_who_has_no_place(town: Town) -> None:
    with town.store.writing() as connection:
        plan = next(plan for plan in list_plans(connection) if plan.name == "founder")
        change_plan(connection, structs.replace(plan, places=3))
    with town.visit("office") as visitor:
        page = words(visitor.get(party_of(visitor, "/people/1")).text)
    assert (page.count("One too many for its places"), page.count("In use")) == (1, 3)


def test_leaver_of_a_company_by_forms(town: Town) -> None:
    with town.visit("office") as visitor:
        company = visitor.submit("/parties", "/parties", kind="company", name_en="Acme").headers["location"]
        company = company.partition("?")[0]
        person = add_person(visitor, "Staff")
        joined = visitor.submit(f"{company}/members", company, person=number(person), role="adult")
        assert joined.status_code == 303
        assert visitor.submit(f"{company}/memberships", company, plan="yearly").status_code == 303
        assert "everybody of it" in visitor.get(company).text
        (action,) = re.findall(rf'action="({company}/members/\d+/end)"', visitor.get(company).text)
        assert visitor.submit(action, company).status_code == 303
        assert "Nobody belongs to it now." in visitor.get(company).text
        assert "Acme" in words(visitor.get("/parties?kind=company").text)
        assert visitor.submit(f"{company}/end", company).status_code == 303
        assert "None matches." in visitor.get("/parties?text=Acme").text


def test_company_offers_no_roles_of_a_home(town: Town) -> None:
    """Its clerk cannot add a child or an owner by a wrong click; whoever is something else already stays so."""
    with town.visit("office") as visitor:
        company = visitor.submit("/parties", "/parties", kind="company", name_en="Acme").headers["location"]
        path = company.partition("?")[0]
        page = visitor.get(path).text
        assert set(re.findall(r'<option value="(\w+)"[^>]*>', page)) >= {"adult", "admin", "helper"}
        assert not {"owner", "tenant", "child", "payer"} & set(re.findall(r'<option value="(\w+)"', page))
        assert "tenant" not in words(page)
        visitor.submit(f"{path}/members", path, name_en="Old", role="owner")
        assert '<option value="owner" selected>' in visitor.get(path).text
        assert 'value="owner"' in visitor.get(party_of(visitor, "/people/1")).text


def test_moving_day_is_carried_out_by_forms(town: Town) -> None:
    with town.visit("office") as visitor:
        party = party_of(visitor, "/people/5")
        form = f"{party}/moving"
        fields = {"day": "2027-01-20", "leaver": "5", "ground": "own_word", "name_en_0": "Comer", "role_0": "owner"}
        shown = visitor.submit(form, form, **fields)
        assert shown.status_code == 200
        assert "Li Si leaves; the home ends that evening" in words(shown.text)
        assert "Comer comes" in words(shown.text)
        assert "Comer" not in visitor.get(party).text
        done = visitor.submit(form, form, **fields, carry_out="1")
        assert done.headers["location"] == f"{party}?done=moved"
        page = words(visitor.get(party).text)
        assert "ends 2027-01-20 18:00:00" in page
        assert "Comer Owner" in page
        refused = visitor.submit(form, form, day="2027-01-20", leaver="1")
        assert refused.status_code == 422
        assert "does not belong to it" in refused.text
        assert visitor.submit(form, form).status_code == 422


def test_record_of_a_person_is_changed_by_forms(town: Town) -> None:
    with town.visit("office") as visitor:
        changes = {
            "name": {"name_en": "Li Si the elder", "name_zh": "李四"},
            "traits": {"born": "1957-03", "verified": "deed"},
            "tag": {"tag": "70+", "first_day": "2027-03-01"},
            "qualify": {"name": "first aid", "last_day": "2028-01-01"},
            "guard": {"guardian": "6"},
        }
        for step, fields in changes.items():
            assert visitor.submit(f"/people/5/record/{step}", "/people/5", **fields).status_code == 303, step
        page = words(visitor.get("/people/5").text)
        for text in (
            "Li Si the elder",
            "Born: 1957-03 · Deed of the flat seen 60 or older",
            "Deed of the flat seen",
            "70 or older",
            "first aid",
            "Li Xiaowu",
        ):
            assert text in page
        assert visitor.submit("/people/5/record/traits", "/people/5", born="1957").status_code == 422
        assert visitor.submit("/people/5/record/eat", "/people/5").status_code == 404


def test_merged_records_show_their_events_together(town: Town) -> None:
    """What happened under the record that went is found with the one that stays, for one purpose, also of a chain."""
    for name in ("Wang Wu", "Li Si", "Sun Qi"):
        town.happens("access.allowed", reason="allowed", holder=town.holder(name), direction="in")
    with town.visit("office") as visitor:
        assert visitor.submit("/people/7/record/merge", "/people/7", goes="10").status_code == 303
        assert visitor.submit("/people/5/record/merge", "/people/5", goes="7").status_code == 303
        visitor.submit("/people/5/look", "/people/5/look", purpose="asked", back="/people/5")
        shown = words(visitor.get("/events?person=5").text)
        assert [name in shown for name in ("Wang Wu", "Li Si", "Sun Qi")] == [True] * 3
        assert words(visitor.get("/people/5").text).count("Sun Qi") >= 1


def test_lease_is_ended_at_desk_by_forms(town: Town) -> None:
    """Warned on the list, not ended by its date, and ended by a person once the days of grace are over."""
    with town.visit("office") as visitor:
        tenant = add_person(visitor, "Tenant")
        party = party_of(visitor, "/people/5")
        fields = {"person": number(tenant), "role": "tenant", "last_day": "2027-01-31"}
        assert visitor.submit(f"{party}/members", party, **fields).status_code == 303
        assert "Tenant Lease 2027-01-31 within 30 d" in words(visitor.get("/renewals").text)
    town.now_ms += 20 * DAY_MS
    with town.visit("office") as visitor:
        assert "over, within grace" in words(visitor.get("/renewals").text)
        action = re.findall(rf'action="({party}/members/\d+/end)"', visitor.get(party).text)[-1]
        refused = visitor.submit(action, party, ground="lease_over")
        assert refused.status_code == 422
        assert "7 days of grace are not over" in refused.text
    town.now_ms += 10 * DAY_MS
    with town.visit("office") as visitor:
        assert visitor.submit(action, party, ground="lease_over").status_code == 303
        assert "Tenant" not in words(visitor.get("/renewals").text)


def test_lease_is_renewed_from_the_list(town: Town) -> None:
    """For a year unless the clerk says another day; before today it is refused."""
    with town.visit("office") as visitor:
        tenant = add_person(visitor, "Tenant")
        party = party_of(visitor, "/people/5")
        fields = {"person": number(tenant), "role": "tenant", "last_day": "2027-01-31"}
        visitor.submit(f"{party}/members", party, **fields)
        page = visitor.get("/renewals").text
        (action,) = re.findall(rf'action="({party}/members/\d+/lease)"', page)
        assert 'value="2028-01-31"' in page
        early = visitor.submit(action, "/renewals", last_day="2027-01-31")
        assert (early.status_code, "ends later than the old one" in early.text) == (422, True)
        assert (
            visitor.submit(action, "/renewals", last_day="2028-01-31").headers["location"] == "/renewals?done=renewed"
        )
        assert "Tenant Lease" not in words(visitor.get("/renewals").text)
        assert "lease through 2028-01-31" in words(visitor.get(party).text)
        owner = re.findall(rf'action="({party}/members/\d+)/end"', visitor.get(party).text)[0]
        assert visitor.submit(f"{owner}/lease", party, last_day="2028-01-31").status_code == 409


def test_person_ended_inside_is_named_by_the_muster(town: Town) -> None:
    """Who is inside when the office ends them may leave, and is on the list under their name."""
    town.happens("access.passed", holder=town.holder("Sun Qi"), direction="in", at_ms=town.now_ms - 60_000)
    with town.visit("office") as visitor:
        assert "Sun Qi" in visitor.get("/zones/gym/muster").text
        assert visitor.submit("/people/10/record/end", "/people/10").status_code == 303
        assert "This person has ended" in visitor.get("/people/10").text
        assert "Sun Qi" in visitor.get("/zones/gym/muster").text


def test_auditor_sees_households_and_no_form(town: Town) -> None:
    with town.visit("auditor") as visitor:
        for path in ("/parties", "/parties/1", "/renewals", "/people/5"):
            answer = visitor.get(path)
            assert answer.status_code == 200, path
            assert 'method="post"' not in answer.text.replace('method="post" action="/people/5/look"', ""), path
        assert visitor.get("/parties/1/moving").status_code == 403
