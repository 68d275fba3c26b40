"""A telephone without a browser: it has a key, and opens its pages as a visitor."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager

from cloud.cards.phone_keys import Offer, compressed, proof_text
from cloud.phones.service import PhoneService
from contract.sealing import DeviceKey
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import Town, Visitor

LI_SI, CHILD = 5, 6
"""An adult of the sample, and the child of the same flat."""


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


class SoftPhone:
    """A telephone's key, and what it shows of it."""

    def __init__(self) -> None:
        self.key = DeviceKey.generate()

    @property
    def public(self) -> bytes:
        return compressed(self.key.public())

    def offer(self, challenge: str) -> Offer:
        return Offer(encoded(self.key.public()), encoded(self.key.sign(proof_text(SITE, challenge))))


def link_for(town: Town, person: int = LI_SI, **asked: object) -> str:
    """The secret of a link that the office made."""
    made: str = town.app.state.services[PhoneService].make_link("office", person, **asked)
    return made


@contextmanager
def a_phone(
    town: Town, person: int = LI_SI, *, key: SoftPhone | None = None, language: str = "en"
) -> Iterator[Visitor]:
    """A telephone of somebody that is registered and logged in; without a key it is one that can keep none."""
    secret = link_for(town, person)
    with town.visit(language=language) as visitor:
        offer = key.offer(secret) if key else Offer("", "")
        answer = visitor.post(f"/phone/{secret}", data={"key": offer.key, "proof": offer.proof})
        assert answer.status_code == 303, answer.text
        yield visitor


def token_of(visitor: Visitor, path: str = "/me") -> str:
    """The token in the forms of a page of theirs."""
    found = re.search(r'name="csrf" value="([^"]+)"', visitor.get(path).text)
    assert found, f"{path} has no form"
    return found[1]
