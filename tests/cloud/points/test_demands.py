"""What a point asks for besides a grant: by the form, by the API, and in the roster."""

import httpx
import pytest

from cloud.people.community import load_community
from cloud.people.grants import compile_site
from cloud.web.operators import list_audit
from contract.demands import Assurance
from contract.site_page import PageDemand
from tests.cloud.support.api import program, send
from tests.cloud.support.pages import words
from tests.cloud.support.town import Town

GATE = "east-gate"
PAGE = f"/points/{GATE}"


def demands(town: Town) -> dict[str, PageDemand]:
    """As devices are sent them."""
    with town.store.reading() as connection:
        return compile_site(load_community(connection)).demands


def test_form_asks_for_a_pin_at_a_point(town: Town) -> None:
    """In hours of the site, with the least assurance; who reads sees it, and only an administrator changes it."""
    assert demands(town) == {}
    with town.visit("admin") as admin, town.visit("gate") as guard:
        assert "What it asks for" not in guard.get(PAGE).text
        sent = admin.submit(f"{PAGE}/demand", PAGE, pin="gym-hours", assurance="card")
        assert sent.headers["location"] == f"{PAGE}?mode=asked"
        assert demands(town) == {GATE: PageDemand("gym-hours", Assurance.CARD)}
        assert "A PIN besides the card: Gym hours A card that is hard to copy" in words(guard.get(PAGE).text)
        assert f'action="{PAGE}/demand"' not in guard.get(PAGE).text
    with town.store.reading() as connection:
        deed = list_audit(connection, limit=1)[0]
    assert (deed.action, deed.subject, deed.detail) == (
        "point.changed",
        GATE,
        {"pin": "gym-hours", "assurance": "card"},
    )


def test_hours_that_a_point_asks_in_stay(town: Town) -> None:
    with town.visit("admin") as admin:
        admin.submit("/hours", "/hours", name="nights", **{f"day{day}": "22:00-06:00" for day in range(1, 8)})
        assert admin.submit(f"{PAGE}/demand", PAGE, pin="nights", assurance="number").status_code == 303
        refused = admin.submit("/hours/nights/remove", "/hours")
    assert (refused.status_code, "used by East gate." in words(refused.text)) == (422, True)


@pytest.mark.parametrize(
    ("point", "body", "status"),
    [
        (GATE, {"pin": "gym-hours"}, 204),
        (GATE, {}, 204),
        (GATE, {"pin": "never-heard-of"}, 404),
        ("no-door", {"pin": ""}, 404),
        (GATE, {"assurance": "strong"}, 422),
    ],
)
def test_demand_by_calls(town: Town, point: str, body: dict[str, str], status: int) -> None:
    with program(town, "admin") as admin:
        answer: httpx.Response = send(admin, f"/points/{point}/demand", body, "PUT")
    assert answer.status_code == status
    assert len(demands(town)) == (status == 204 and bool(body))
