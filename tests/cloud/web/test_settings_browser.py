"""The settings page in a real browser: a file is chosen, looked at and applied."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.axe import grave_violations
from tests.cloud.support.browsing import log_in
from tests.cloud.support.town import Town

pytestmark = pytest.mark.browser


def test_chosen_files_are_looked_at_and_applied(town: Town, page: Page, oracles: Path, tmp_path: Path) -> None:
    log_in(page, "admin")
    page.goto("/settings")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download the setup").click()
    setup = tmp_path / "setup.toml"
    downloading.value.save_as(setup)
    text = setup.read_text(encoding="utf-8")
    taken = [line for line in text.splitlines() if line.startswith("[[flat]]")]
    setup.write_text(f'{text}\n[[zone]]\nname = "roof"\nlabel = {{ zh = "屋顶", en = "Roof garden" }}\n', "utf-8")
    page.get_by_label("Setup file").set_input_files(setup)
    page.get_by_role("button", name="Show what would change").click()
    expect(page.get_by_text("Nobody loses a point.")).to_be_visible()
    expect(page.get_by_role("cell", name="roof")).to_be_visible()
    assert grave_violations(page, oracles) == []
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("status").get_by_text("The setup is applied")).to_be_visible()
    page.goto("/zones")
    expect(page.get_by_role("heading", name="Roof garden")).to_be_visible()
    assert len(taken) == 5


def test_grave_plan_edit_asks_for_code(town: Town, page: Page, oracles: Path) -> None:
    log_in(page, "admin")
    page.goto("/plans/resident")
    page.get_by_label("Hours in Estate").select_option("")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("People who lose a way home: 8.")).to_be_visible()
    assert grave_violations(page, oracles) == []
    page.get_by_label("Code").first.fill(page.locator("code").first.inner_text())
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").get_by_text("Changed.")).to_be_visible()
