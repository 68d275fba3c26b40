"""No address takes a query that it does not read: a mistyped filter would show everything."""

import pytest

from tests.cloud.support.pages import words
from tests.cloud.support.town import Town
from tests.cloud.support.who_may import filled, names_by_address, routes


def test_no_address_takes_unknown_names(town: Town) -> None:
    """Every route of the application, pages, forms and calls, is asked for something that it has never heard of."""
    known = names_by_address(town.app)
    with town.visit("admin") as admin:
        for method, path in routes(town.app):
            answer = admin.request(method, filled(path), params={"colour": "red"})
            assert answer.status_code == 422, (method, path)
            named = answer.json()["message"] if path.startswith("/api/") else words(answer.text)
            assert [name for name in known[method, path] if name not in named] == [], (method, path)
            assert "colour" not in named


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/points/{name}", {"mode", "order", "who", "lang"}),
        ("/devices/{name}", {"before", "done", "lang"}),
        ("/people/{person}", {"point", "done", "lang"}),
        ("/points", {"show", "only", "zone", "text", "mode", "order", "lang"}),
        ("/api/v1/audit", {"before", "limit"}),
    ],
)
def test_address_knows_names_of_its_panels(town: Town, path: str, names: set[str]) -> None:
    assert names <= names_by_address(town.app)["GET", path]


def test_page_leads_to_what_it_knows(town: Town) -> None:
    """Programs that pass addresses on write names of their own into them."""
    with town.visit("gate") as guard:
        page = guard.get("/events?kind=door&from=chat").text
        assert 'href="/events?kind=door"' in page
        assert "Behind the question mark may stand: before, device, kind" in words(page)
    with town.visit("gate", language="zh") as guard:
        assert "问号后面可以写" in words(guard.get("/events?from=chat").text)
