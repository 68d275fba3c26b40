"""Cards of a household, from the desk to the door: enrolled by tap, lost, given to the family, and undone.

Device, reader, keeper and cloud are those that are shipped, in virtual time.
"""

import asyncio
from pathlib import Path

from cloud.cards.enrolment_store import EnrolmentView, find_enrolment
from cloud.cards.rule import Card, Recipient
from cloud.cards.service import CardService
from cloud.people.members import Membership
from cloud.people.memberships import MembershipService
from cloud.sample import SITE
from contract.credentials import canonical, encode
from contract.decide import Standing
from firmware_sim.control.commands import card_bits
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gym import GYM, MEMBER, Gym

LI_SI = 5
"""He has a yearly plan, and holds it on a card of his own."""
NEW, OTHER = "H10301:7:4242", "H10301:7:4243"


class Desk:
    """The clerk's desk beside the turnstile."""

    def __init__(self, gym: Gym) -> None:
        self.gym, self.enrolling = gym, gym.cloud.enrolments
        store, keys = gym.cloud._store, gym.keys_of_cloud
        self.cards = CardService(store, keys, gym.town.now_ms)
        self.memberships = MembershipService(store, gym.town.now_ms)

    async def begins(self, to: Recipient, *, window_ms: int = 120_000) -> str:
        """An enrolment of which the device has told that it is open."""
        command = self.enrolling.begin("lin", GYM, to, window_ms=window_ms)
        await self.gym.until(lambda: self.found(command).step == "open")
        return command

    def found(self, command: str) -> EnrolmentView:
        self.enrolling.settle()
        with self.gym.cloud.reading() as connection:
            found = find_enrolment(connection, SITE.name, command)
        assert found is not None
        return found

    async def holds(self, *cards: str) -> None:
        """Somebody holds cards to the reader, one after the other."""
        for card in cards:
            self.gym.device.hardware.readers[f"{GYM}.in"].send(card_bits(card) if ":" in card else card)
            await asyncio.sleep(2)

    async def ended(self, command: str) -> tuple[str, str]:
        await self.gym.until(lambda: self.found(command).state != "waiting", within_s=400)
        return self.found(command).state, self.found(command).why

    async def published(self) -> None:
        """The roster of now has come to the device."""
        with self.gym.cloud.reading() as connection:
            newest = connection.exec_driver_sql("SELECT max(number) FROM rosters").scalar_one()
        await self.gym.until(lambda: self.gym.roster["number"] >= newest)


@in_virtual_time
async def test_card_by_tap_opens_from_then_on(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        desk = Desk(gym)
        assert not await gym.tries(NEW)
        command = await desk.begins(Recipient(LI_SI))
        assert await gym.tries(MEMBER), "known cards go on working there"
        refused = len(gym.reasons())
        await desk.holds(NEW, NEW)
        assert await desk.ended(command) == ("enrolled", "")
        await desk.published()
        assert await gym.tries(NEW)
        assert len(gym.reasons()) == refused, "an unknown card is not refused meanwhile"
        told = repr([(row.kind, row.data) for row in gym.rows()])
        card = canonical(card_bits(NEW))
        assert card is not None
        assert card_bits(NEW) not in told
        assert card.hex() not in told


@in_virtual_time
async def test_every_wrong_way_ends_clearly(tmp_path: Path) -> None:
    """Another card the second time, nobody in time, cancelled at the desk, a power cut meanwhile."""
    async with Gym(tmp_path) as gym:
        desk = Desk(gym)
        command = await desk.begins(Recipient(LI_SI))
        await desk.holds(NEW, OTHER)
        assert await desk.ended(command) == ("ended", "two_cards")
        command = await desk.begins(Recipient(LI_SI), window_ms=20_000)
        await desk.holds(NEW)
        assert await desk.ended(command) == ("ended", "no_card")
        command = await desk.begins(Recipient(LI_SI))
        desk.enrolling.cancel("lin", command)
        await asyncio.sleep(1)
        await desk.holds(NEW, NEW)
        assert await desk.ended(command) == ("ended", "cancelled")
        command = await desk.begins(Recipient(LI_SI))
        gym.reboot()
        assert await desk.ended(command) in (("ended", "restarted"), ("ended", "no_answer"))
        await gym.until(gym.in_step)
        await desk.published()
        assert not await gym.tries(NEW)


@in_virtual_time
async def test_lost_card_is_refused_and_its_successor_passes(tmp_path: Path) -> None:
    async with Gym(tmp_path) as gym:
        desk = Desk(gym)
        lost = desk.cards.find(Card("H10301", 21, 15890))
        assert lost is not None
        desk.cards.set_standing("lin", lost.id, Standing.LOST)
        await desk.published()
        assert not await gym.tries(MEMBER)
        assert gym.reasons()[-1] == "reported_lost"
        command = await desk.begins(Recipient(LI_SI))
        await desk.holds(NEW, NEW)
        assert await desk.ended(command) == ("enrolled", "")
        await desk.published()
        assert await gym.tries(NEW)
        assert not await gym.tries(MEMBER)


@in_virtual_time
async def test_family_card_opens_what_the_party_holds(tmp_path: Path) -> None:
    """Whoever of the family carries it: it opens nothing before the party has a plan, and nothing once it came back."""
    async with Gym(tmp_path) as gym:
        desk = Desk(gym)
        with gym.cloud.reading() as connection:
            mine = "SELECT party_id FROM party_members WHERE person_id = ?"
            party = connection.exec_driver_sql(mine, (LI_SI,)).scalar_one()
        command = await desk.begins(Recipient(party=party))
        fob = encode("UID7", number=0x04112233445566)
        await desk.holds(fob, fob)
        assert await desk.ended(command) == ("enrolled", "")
        await desk.published()
        assert not await gym.tries(fob)
        assert gym.reasons()[-1] == "not_entitled"
        desk.memberships.add("lin", Membership(0, None, "yearly", party=party))
        await desk.published()
        assert await gym.tries(fob)
        short = encode("H10301", facility=0x44, number=0x5566)
        assert await gym.tries(short), "a reader that sends 26 bits knows the same card"
        card = desk.found(command).credential
        assert card is not None
        desk.cards.take_back("lin", card)
        await desk.published()
        assert not await gym.tries(fob)
        assert gym.reasons()[-1] == "unknown_credential"
