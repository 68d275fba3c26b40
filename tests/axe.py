"""axe-core in a page: what keeps people out who do not see, point or read as its makers do."""

import functools
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

GRAVE = ("moderate", "serious", "critical")
RUN = """async () => {
  const found = await axe.run({resultTypes: ["violations"], iframes: false, preload: false});
  return found.violations.map((one) => (
    {rule: one.id, impact: one.impact, where: one.nodes.slice(0, 5).map((node) => node.html.slice(0, 160))}));
}"""
"""No rule that it applies needs what a preload fetches: style sheets for a rule that is off, and sound."""


@functools.cache
def _source(oracles: Path) -> str:
    return (oracles / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def grave_violations(page: Page, oracles: Path) -> list[dict[str, Any]]:
    """What axe finds serious or critical on the page as it stands. It is in every page that this tab loads from now
    on: to hand it over anew takes as long as a page."""
    if not page.evaluate("'axe' in window"):
        page.add_init_script(_source(oracles))
        page.evaluate(_source(oracles))
    found: list[dict[str, Any]] = page.evaluate(RUN)
    return [one for one in found if one["impact"] in GRAVE]
