"""Plans in the console: made, edited zone by zone, and removed while nobody holds them."""

import re

from cloud.people.plans import RIDER, Days, Plan
from cloud.people.store import list_plans
from cloud.web import operators
from contract.quantities import Quantity
from tests.cloud.support.town import Town, Visitor


def plan_of(town: Town, name: str) -> Plan | None:
    with town.store.reading() as connection:
        return next((plan for plan in list_plans(connection) if plan.name == name), None)


def fields_of(admin: Visitor, name: str) -> dict[str, str]:
    """What the form of a plan sends as it stands."""
    page = admin.get(f"/plans/{name}").text
    form = page[page.index(f'action="/plans/{name}"') : page.index("</form>")]
    fields = dict(re.findall(r'<input name="([\w-]+)"[^>]*? value="([^"]*)"', form))
    for select, options in re.findall(r'<select name="([\w-]+)".*?>(.*?)</select>', form, re.DOTALL):
        chosen = re.findall(r'<option value="([\w-]*)" selected', options)
        fields[select] = chosen[0] if chosen else ""
    return fields


def test_plan_is_made_edited_and_removed(town: Town) -> None:
    with town.visit("admin") as admin:
        made = admin.submit("/plans", "/plans", name="pool", label_zh="泳池")
        assert made.headers["location"] == "/plans/pool?done=made"
        typed = fields_of(admin, "pool") | {
            "label_en": "Pool",
            "tier": "member",
            "fee_yuan": "600",
            "places": "4",
            "term": "days",
            "term_days": "365",
            "grace_days": "7",
            "reminder_days": "30, 7,1",
            "follows": "flat",
            "qualification": "swim",
            "opens-hub": "gym-hours",
            "opens-home": "always",
        }
        assert admin.submit("/plans/pool", "/plans/pool", **typed).headers["location"] == "/plans/pool?done=changed"
        pool = plan_of(town, "pool")
        assert pool is not None
        assert (dict(pool.opens), pool.places, pool.term) == ({"hub": "gym-hours", "home": "always"}, 4, Days(365))
        assert (pool.grace_days, pool.reminder_days, pool.follows, pool.qualification) == (
            7,
            (30, 7, 1),
            "flat",
            "swim",
        )
        assert (pool.label.zh, pool.label.en, pool.fee_yuan) == ("泳池", "Pool", 600)
        assert admin.submit("/plans/pool", "/plans/pool", **fields_of(admin, "pool")).status_code == 303
        assert plan_of(town, "pool") == pool
        assert admin.submit("/plans/pool/remove", "/plans/pool").headers["location"] == "/plans?done=removed"
    assert plan_of(town, "pool") is None
    with town.store.reading() as connection:
        actions = [one.action for one in operators.list_audit(connection) if one.subject == "pool"]
    assert actions == ["plan.removed", "plan.changed", "plan.added"]


def test_quantities_are_edited_row_by_row(town: Town) -> None:
    with town.visit("admin") as admin:
        typed = fields_of(admin, "rider")
        assert admin.submit("/plans/rider", "/plans/rider", **typed).status_code == 303
        assert plan_of(town, "rider") == RIDER
        free = sum(map(len, RIDER.quantities.values()))
        row = {"class": "phone", "amount": "2", "unit": "items", "per": "concurrent", "floor": "1", "money": ""}
        more = {f"quantity-{free}-{key}": value for key, value in row.items()}
        less = {"quantity-0-amount": "", "quantity-0-floor": ""}
        assert admin.submit("/plans/rider", "/plans/rider", **typed | more | less).status_code == 303
        rider = plan_of(town, "rider")
        assert rider is not None
        assert rider.quantities["phone"][-1] == Quantity(2, "items", "concurrent", floor=1)
        assert sum(map(len, rider.quantities.values())) == free
        for wrong, says in (
            ({"quantity-0-floor": "9999"}, "An amount of"),
            ({"quantity-0-amount": "x"}, "whole numbers"),
            ({"quantity-1-unit": "items", "quantity-2-unit": "items"}, "each of them once"),
        ):
            answer = admin.submit("/plans/rider", "/plans/rider", **fields_of(admin, "rider") | wrong)
            assert (answer.status_code, says in answer.text) == (422, True), wrong
            assert all(f'value="{value}"' in answer.text for value in wrong.values()), "what was typed is kept"
    assert plan_of(town, "rider") == rider


def test_refusal_names_a_home_in_chinese(town: Town) -> None:
    with town.visit("admin", language="zh") as admin:
        typed = fields_of(admin, "resident") | {"opens-home": "gym-hours"}
        answer = admin.submit("/plans/resident", "/plans/resident", **typed)
        assert answer.status_code == 422
        assert "plan resident opens.home: 住户任何时间都能回家：请写 always，或改用其他等级" in answer.text


def test_plan_that_people_hold_is_not_removed(town: Town) -> None:
    with town.visit("admin") as admin:
        answer = admin.submit("/plans/yearly/remove", "/plans/yearly")
        assert answer.status_code == 422
        assert "3 memberships are of this plan (Li Si" in answer.text
        assert admin.submit("/plans/resident/remove", "/plans/resident").status_code == 422
    assert plan_of(town, "yearly") is not None


def test_edit_that_takes_homes_wants_its_code(town: Town) -> None:
    with town.visit("admin") as admin:
        typed = {key: value for key, value in fields_of(admin, "resident").items() if key != "opens-estate"}
        answer = admin.submit("/plans/resident", "/plans/resident", **typed)
        assert answer.status_code == 422
        assert "People who lose a way home: 8." in answer.text
        (code,) = re.findall(r"<code>(\w{8})</code>", answer.text)
        assert admin.submit("/plans/resident", "/plans/resident", **typed, accept=code).status_code == 303
    resident = plan_of(town, "resident")
    assert resident is not None
    assert "estate" not in resident.opens


def test_wrong_field_of_a_plan_changes_nothing(town: Town) -> None:
    before = plan_of(town, "yearly")
    with town.visit("admin") as admin:
        typed = fields_of(admin, "yearly")
        for wrong, says in (
            ({"fee_yuan": "-1"}, "whole numbers"),
            ({"places": "0"}, "places"),
            ({"tier": "king"}, "Choose a tier"),
            ({"term": "days", "term_days": ""}, "term.days"),
            ({"opens-gym": "never"}, "there are no hours never"),
            ({"reminder_days": "7 x"}, "whole numbers"),
        ):
            answer = admin.submit("/plans/yearly", "/plans/yearly", **typed | wrong)
            assert (answer.status_code, says in answer.text) == (422, True), wrong
        assert admin.submit("/plans", "/plans", name="yearly").status_code == 422
        assert admin.submit("/plans", "/plans", name="No Name").status_code == 422
    assert plan_of(town, "yearly") == before


def test_staff_see_plans_and_change_none(town: Town) -> None:
    with town.visit("office") as office:
        assert "Yearly member" in office.get("/plans").text
        assert "<button>Save</button>" not in office.get("/plans/yearly").text
        assert office.submit("/plans/yearly", "/account", tier="member").status_code == 403
