"""What the domains bring to the web fits together."""

from collections import Counter

import pytest

from cloud.app import DOMAINS
from cloud.web.domain import Nav, NavGroup, in_order
from cloud.web.pages import TEMPLATES
from tests.cloud.support.town import Town, routed

AFTER = (("/a", "/"), ("/b", "/"), ("/c", "/a"))


def test_template_stands_in_one_domain() -> None:
    """Jinja looks through all folders: of two templates of one name the second would never be shown."""
    counted = Counter(file.name for folder in TEMPLATES for file in folder.iterdir())
    assert counted["base.html"] == 1
    assert [name for name, count in counted.items() if count > 1] == []


def test_panel_has_its_template() -> None:
    names = {file.name for folder in TEMPLATES for file in folder.iterdir()}
    assert {panel.template for domain in DOMAINS for panel in domain.panels} <= names


def test_navigation_leads_to_pages(town: Town) -> None:
    pages = {route.path for route in routed(town.app) if "GET" in (route.methods or ())}
    entries = [one for domain in DOMAINS for one in domain.nav]
    assert {one.path for one in entries} <= pages
    assert len({one.path for one in entries}) == len(entries) > 5


def test_navigation_entries_stand_behind_named_one() -> None:
    """Two that name the same one stand in the order in which they come, and what follows one of them stays with it."""
    first, second, third = (Nav(NavGroup.DAILY, path, "", after=after) for path, after in AFTER)
    home, other = Nav(NavGroup.DAILY, "/", ""), Nav(NavGroup.OFFICE, "/audit", "")
    assert in_order([other, first, second, third, home]) == [home, first, third, second, other]


def test_navigation_entry_behind_none_is_refused() -> None:
    with pytest.raises(ValueError, match="before /a"):
        in_order([Nav(NavGroup.DAILY, "/a", "", after="/no-page")])
