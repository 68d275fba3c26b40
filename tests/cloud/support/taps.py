"""A clerk who enrols cards at the gym's reader, and the device there as the cloud sees it."""

from typing import Any

from cloud.cards.enrol import EnrolmentService
from cloud.cards.enrolment_store import EnrolmentView, find_enrolment
from cloud.cards.service import CardService
from cloud.cards.store import CardFilter, CardRow, list_cards
from contract.credentials import encode
from contract.messages import Command, Result
from contract.sealing import close_for_cloud, enrol_statement
from tests.cloud.support.orders import GYM, answers, commands
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import Town

NEW_CARD = encode("H10301", facility=7, number=4242)
NEW_FOB = encode("UID7", number=0x04112233445566)


class Taps:
    """The services of cards over a town, whose gym is online."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.cards = CardService(town.store, town.keys, town.clock)
        self.enrolments = EnrolmentService(town.store, town.keys, town.commands, self.cards, town.clock)
        town.beats(GYM)

    def asked(self) -> list[Command]:
        """The enrolments that devices were asked for."""
        return [command for command in commands(self.town) if command.op == "enrol"]

    def sealed(self, command: str, frame: str, *, device: str = GYM, key: bytes = b"") -> str:
        """What the device makes of a card that was held there twice."""
        public = key or self.town.keys.enrol.public()
        return close_for_cloud(public, enrol_statement(SITE, device, command), frame.encode()).hex()

    def holds(self, command: str, frame: str = NEW_CARD) -> None:
        """Somebody holds a card there twice, and the cloud takes it."""
        self.answers(command, data={"card": self.sealed(command, frame)})

    def answers(self, command: str, outcome: Any = "done", why: str = "", *, device: str = GYM, **more: Any) -> None:
        answers(self.town, device, Result(command, outcome, self.town.now_ms, why, **more))
        self.enrolments.settle()

    def found(self, command: str) -> EnrolmentView:
        with self.town.store.reading() as connection:
            found = find_enrolment(connection, SITE, command)
        assert found is not None
        return found

    def state(self, command: str) -> tuple[str, str]:
        found = self.found(command)
        return found.state, found.why

    def cards_of(self, person: int) -> list[CardRow]:
        with self.town.store.reading() as connection:
            return list_cards(connection, CardFilter(person=person), limit=50)
