"""What a page shows somebody, they may do: every role follows every link, and no form is for somebody else."""

import re
from collections import Counter, deque
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest

from tests.cloud.support.day import a_day
from tests.cloud.support.town import PEOPLE, Town, Visitor
from tests.cloud.support.who_may import ENDLESS, TABLE

OF_ONE_ADDRESS = 3
"""How many pages of one address are opened: the next one has the same links."""
ADDRESSES = {
    address: re.compile(re.sub(r"{\w+(:path)?}", lambda found: ".+" if found[1] else "[^/]+", address[1]))
    for address in TABLE
}


def _address(method: str, path: str) -> tuple[str, str] | None:
    """The line of the table that says who may go there; nothing for files and other hosts."""
    return next((one for one, form in ADDRESSES.items() if one[0] == method and form.fullmatch(path)), None)


def _links(page: str, on: str) -> Iterator[str]:
    return (
        urljoin(on, link.replace("&amp;", "&")).partition("#")[0]
        for link in re.findall(r'<a [^>]*href="([^"]+)"', page)
    )


def _walk(operator: Visitor) -> Iterator[tuple[str, str, int, str]]:
    """Every page that links lead to: its address, where its link stood, its status and its text."""
    opened: Counter[tuple[str, str]] = Counter()
    seen, waiting = {"/"}, deque([("/", "")])
    while waiting:
        link, stood_on = waiting.popleft()
        address = _address("GET", link.partition("?")[0])
        if address is None or address[1] in ENDLESS or opened[address] == OF_ONE_ADDRESS:
            continue  # a file, another host, or one page more of the same
        opened[address] += 1
        answer = operator.get(link, follow_redirects=True)
        yield link, stood_on, answer.status_code, answer.text
        new = [one for one in _links(answer.text, link) if one not in seen and "lang=" not in one]
        seen.update(new)
        waiting.extend((one, link) for one in new)


def _name_a_door(town: Town) -> None:
    """A point of the setup whose device has not been adopted yet."""
    with town.visit("admin") as admin:
        token, point = {"X-CSRF-Token": admin.token("/account")}, {"device": "a-door", "zone": "gym"}
        asked = admin.put("/api/v1/setup/point/a-door", json=point, headers=token)
        code = asked.json()["preview"]["code"]
        assert admin.put(f"/api/v1/setup/point/a-door?accept={code}", json=point, headers=token).is_success


@pytest.mark.parametrize("name", PEOPLE)
def test_no_page_leads_to_a_refusal(town: Town, name: str) -> None:
    """What is shown to somebody they may open and do."""
    a_day(town)
    _name_a_door(town)
    role = PEOPLE[name][0].value
    with town.visit(name) as operator:
        for link, stood_on, status, page in _walk(operator):
            assert status == 200, (link, stood_on)
            for action in re.findall(r'<form [^>]*method="post"[^>]*action="([^"]+)"', page):
                address = _address("POST", action.partition("?")[0])
                assert address, (action, link)
                assert TABLE[address][role] in ("yes", "own", "public"), (action, link)
