"""What the domains bring to the web fits together."""

from collections import Counter

from cloud.app import DOMAINS
from cloud.web.pages import TEMPLATES
from tests.cloud.support.town import Town, routed


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
    assert len({one.place for one in entries}) == len(entries) > 5
