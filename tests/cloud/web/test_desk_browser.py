"""The desk's loop in a real browser, on a telephone and in Chinese: next person, next card, undo."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from cloud.cards.enrolment_store import last_enrolments
from cloud.people.service import PeopleService
from cloud.store.labels import Label
from cloud.web.i18n import CHINESE, languages
from tests.axe import grave_violations
from tests.cloud.support.browsing import log_in
from tests.cloud.support.orders import GYM
from tests.cloud.support.sender import SITE
from tests.cloud.support.taps import Taps
from tests.cloud.support.town import Town

pytestmark = pytest.mark.browser
SAY = languages(ZoneInfo("Asia/Shanghai"))[CHINESE].say


def waiting(town: Town) -> str:
    """The command of the enrolment that waits for a card."""
    with town.store.reading() as connection:
        (found,) = [one for one in last_enrolments(connection, SITE) if one.state == "waiting"]
    return found.command


def test_cards_are_issued_one_after_the_other(town: Town, page: Page, oracles: Path) -> None:
    taps, people = Taps(town), PeopleService(town.store, town.clock)
    for name, flat in (("安一", "9-101"), ("贝二", "9-102")):
        people.add_person("office", Label(name, name), flat)
    page.set_viewport_size({"width": 390, "height": 844})
    log_in(page, "office")
    page.goto("/cards/desk?building=9&lang=zh-CN")
    page.locator("select[name=point]").select_option(GYM)
    page.get_by_role("button", name=SAY("Begin")).click()
    turn = page.get_by_role("heading", level=2).first
    expect(turn).to_contain_text("安一")
    taps.holds(waiting(town))
    expect(turn).to_contain_text("贝二")
    expect(page.get_by_role("link", name="安一")).to_be_visible()
    assert grave_violations(page, oracles) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390, "nothing is cut off at the side"
    page.get_by_role("button", name=SAY("Undo")).click()
    expect(turn).to_contain_text("安一")
    expect(page.get_by_text(SAY("Undone.")).first).to_be_visible()
