"""What the charging page says of a socket."""

import re

from tests.cloud.support.pages import words

REASON = "it smells of hot plastic"


def card(html: str, point: str = "phone-1") -> str:
    """What stands on the card of a socket."""
    found = re.search(rf'<article class="[^"]*" id="point-{point}">.*?</article>', html, re.DOTALL)
    assert found
    return words(found[0])
