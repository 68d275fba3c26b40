"""Before a change is made, the page shows what the last month would have looked like under it."""

import re

import pytest

from cloud.replay import service
from contract.decide import DAY_MS, HOUR_MS
from tests.cloud.support.pages import words
from tests.cloud.support.town import NOW_MS, Town

CLOSED = {"opens-gym": "", "tier": "member", "term": "life", "fee_yuan": "365"}
"""A plan for the year that no longer opens the gym."""


@pytest.fixture
def month(town: Town) -> Town:
    """Li Si goes to the gym on ten days; Wang Wu is refused there; somebody comes who was here long before."""
    town.now_ms = NOW_MS - 40 * DAY_MS
    town.happens("access.allowed", reason="allowed", holder=town.holder("Li Si"), direction="in")
    for day in range(10, 0, -1):
        town.now_ms = NOW_MS - day * DAY_MS
        town.happens("access.allowed", reason="allowed", holder=town.holder("Li Si"), direction="in")
        town.happens("access.refused", reason="expired", holder=town.holder("Wang Wu"), direction="in")
    town.now_ms = NOW_MS
    return town


def test_plan_that_closes_the_gym_shows_who_loses(month: Town) -> None:
    with month.visit("admin") as admin:
        begun = admin.submit("/last-month/plans/yearly", "/plans/yearly", **CLOSED)
        assert begun.status_code == 303
        shown = admin.get(begun.headers["location"])
        said = words(shown.text)
        assert "20 passages of the last 30 days" in said
        assert "Gym turnstile would be refused 10 times people: 1" in said
        assert said.count("Li Si") == 3
        assert "refresh" not in shown.headers
        assert "Looked at the last month under a change" in words(admin.get("/audit").text)
        assert 'opens-gym" aria-label' in admin.get("/plans/yearly").text
        back = admin.get(f"{begun.headers['location']}/change")
        assert back.status_code == 200
        assert 'name="fee_yuan" type="number" min="0" value="365"' in back.text
        assert 'action="/plans/yearly"' in back.text
        assert admin.get("/last-month/none/change").status_code == 404
    with month.visit("admin", language="zh") as admin:
        begun = admin.submit("/last-month/plans/yearly", "/plans/yearly", **CLOSED)
        assert "会被拒绝" in words(admin.get(begun.headers["location"]).text)


def test_month_is_gone_through_in_steps(month: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look goes on a little, whoever else looks sees nothing, and what nobody looks at any more is forgotten."""
    monkeypatch.setattr(service, "AT_ONCE", 8)
    with month.visit("admin") as admin, month.visit("office") as office:
        path = admin.submit("/last-month/plans/yearly", "/plans/yearly", **CLOSED).headers["location"]
        for done in (8, 16):
            shown = admin.get(path)
            assert shown.headers["refresh"] == "0"
            assert f"{done} of 20 events" in words(shown.text)
            assert office.get(path).status_code == 404
        assert "20 passages" in words(admin.get(path).text)
        month.now_ms += HOUR_MS
        assert admin.get(path).status_code == 404


def test_hours_and_setup_are_replayed_too(month: Town) -> None:
    with month.visit("admin") as admin:
        week = {f"day{number}": "20:00-21:00" for number in range(1, 8)}
        at_night = {"label_zh": "夜", "label_en": "Night", **week}
        begun = admin.submit("/last-month/hours/gym-hours", "/hours/gym-hours", **at_night)
        assert begun.status_code == 303
        assert "Every passage would have gone the same way" in words(admin.get(begun.headers["location"]).text)
        text = re.sub(r'gym = "always"', 'gym = "gym-hours"', admin.get("/settings/setup.toml").text)
        sent = admin.post("/last-month/setup", data={"csrf": admin.token("/settings"), "text": text})
        assert sent.status_code == 303
        looked = sent.headers["location"]
        back = admin.get(f"{looked}/change")
        with month.visit("office") as other:
            assert other.get(f"{looked}/change").status_code == 404
        assert 'action="/settings/apply"' in back.text
        assert "gym = &#34;gym-hours&#34;" in back.text
        assert admin.post("/last-month/setup", data={"csrf": admin.token("/settings"), "text": "["}).status_code == 422
        wrong = admin.submit("/last-month/hours/gym-hours", "/hours/gym-hours", **at_night, rest="25:00-26:00")
        assert wrong.status_code == 422
        assert 'href="/hours/gym-hours"' in wrong.text
