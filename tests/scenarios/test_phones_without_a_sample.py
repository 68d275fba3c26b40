"""A telephone of an estate without the sample: the usual zones and plans, one resident, no card and no device."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.devices.registry import Site
from cloud.founding import found_community
from cloud.keys.folder import make_folder
from cloud.store.labels import Label
from tests.cloud.support.pages import words
from tests.cloud.support.phones import token_of
from tests.cloud.support.town import NOW_MS, Visitor
from tests.scenarios.console import console_of

MOON_COURT = Site("moon-court", "Asia/Shanghai", Label("月苑", "Moon Court"))
PAGES = ("", "/pass", "/family", "/visitors", "/visits", "/looks", "/gym", "/charging", "/data", "/data.csv")


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Visitor]:
    folder = tmp_path / "moon-court"
    with make_folder(folder) as (store, _), store.writing() as connection:
        found_community(connection, MOON_COURT, NOW_MS)
    with console_of(folder, NOW_MS) as admin:
        yield admin


def test_every_page_of_a_phone_works(console: Visitor) -> None:
    """Who lives in a flat invites, and the code is shown; where it leads the setup says, later."""
    added = console.submit("/people", "/people", name_zh="周静", unit="1-101").headers["location"]
    person = added.partition("?")[0]
    link = re.search(r"/phone/[\w-]+", console.submit(f"{person}/phones", person).text)
    assert link
    assert console.post(link[0]).headers["location"] == "/me"
    for page in PAGES:
        assert console.get(f"/me{page}").status_code == 200, page
    assert "Nothing is counted here" in console.get("/me/gym").text
    invited = console.post("/me/visitors", data={"csrf": token_of(console), "kind": "guest", "name": "an aunt"})
    assert "#" in words(console.get(invited.headers["location"]).text)
