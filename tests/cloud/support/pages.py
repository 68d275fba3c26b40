"""What a page of the console says, without its marks and in parts."""

import html
import re

TAG = re.compile(r"<[^>]+>")


def words(page: str) -> str:
    """What a page says, without its marks."""
    return " ".join(html.unescape(TAG.sub(" ", page)).split())


def line(page: str, arrival: int) -> str:
    found = re.search(rf'<li class="line[^>]*id="event-{arrival}".*?</li>', page, re.DOTALL)
    assert found, f"event {arrival} is not shown"
    return found[0]


def card(page: str, device: str) -> str:
    found = re.search(rf'<article class="device[^>]*id="device-{device}".*?</article>', page, re.DOTALL)
    assert found, f"{device} is not shown"
    return found[0]


def tile(page: str, label: str) -> int:
    found = re.search(rf"<b>(\d+)</b><span>{label}</span>", page)
    assert found, f"there is no tile {label}"
    return int(found[1])
