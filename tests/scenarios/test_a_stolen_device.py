"""Somebody takes a device home with all its files: after a day of life they hold no name and no card number."""

import asyncio
import base64
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.cards.rule import Card
from cloud.cards.store import add_card
from cloud.people.members import Membership
from cloud.people.plans import YEARLY
from cloud.people.store import add_membership, add_person
from contract.credentials import canonical, encode
from contract.decide import Mode
from contract.sealing import DigestKey, credential_digest
from firmware_sim.worlds.virtual.town import MIDNIGHT_MS
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gym import GYM, MEMBER, Gym

NAMES = ["柳暗香", "Liu Anxiang Canary", "陆离光", "Lu Liguang Canary"]
LABELS = ["canary blue fob", "139 0000 4711"]
"""What an operator writes on a card: a colour, and a telephone number that does not belong there."""
CARDS = [Card("H10301", 213, 61_234), Card("H10304", 47_113, 391_882)]
STRANGER = Card("H10301", 219, 58_173)
"""A card that nobody enrolled was held to the reader: it is somebody's number all the same."""


def frame(card: Card) -> str:
    return encode(card.format, number=card.number, facility=card.facility)


def disguises(text: str) -> Iterator[bytes]:
    """A text as it may lie in a file."""
    for plain in (text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be")):
        yield plain
        yield plain.hex().encode()
        yield plain.hex().upper().encode()
        yield base64.b64encode(plain)[: len(plain) // 3 * 4]


def numbers(card: Card) -> Iterator[bytes]:
    """A card's number as it may lie in a file. Two or three bytes prove nothing: they are found in any noise."""
    bits = frame(card)
    packed = canonical(bits)
    assert packed is not None
    assert card.facility is not None
    yield from (bits.encode(), packed, packed.hex().encode(), card.text().encode())
    width = 16 if card.format == "H10301" else 19
    both = card.facility << width | card.number
    for number in (both, int(bits, 2)):
        yield str(number).encode()
        for size in (4, 5, 8):
            if number < 1 << 8 * size:
                yield number.to_bytes(size, "big")
                yield number.to_bytes(size, "little")
        yield f"{number:08x}".encode()
    for between in (":", ",", ", ", "-", " ", '","number":', "/"):
        yield f"{card.facility}{between}{card.number}".encode()


def canaries() -> dict[bytes, str]:
    found = {disguise: text for text in NAMES + LABELS for disguise in disguises(text)}
    return found | {disguise: card.text() for card in [*CARDS, STRANGER] for disguise in numbers(card)}


def betrayed(dump: bytes) -> set[str]:
    """Whose names and numbers a dump holds."""
    return {whose for disguise, whose in canaries().items() if disguise in dump}


def admit(gym: Gym, zh: str, en: str, card: Card, label: str) -> None:
    keys = gym.keys_of_cloud
    with gym.cloud.changing() as connection:
        person = add_person(connection, zh, en)
        add_membership(connection, Membership(0, person, YEARLY.name))
        add_card(connection, person, card, label, digest_key=keys.digest, numbers=keys.numbers, now_ms=MIDNIGHT_MS)


async def a_day(gym: Gym) -> None:
    """People come with these cards, orders are given, the line is cut, the power is pulled. Twenty minutes stand for
    an hour."""
    admit(gym, NAMES[0], NAMES[1], CARDS[0], LABELS[0])
    admit(gym, NAMES[2], NAMES[3], CARDS[1], LABELS[1])
    await gym.until(lambda: gym.roster["number"] > 1)
    for hour in range(24):
        for card in CARDS:
            assert await gym.tries(frame(card))
        assert not await gym.tries(frame(STRANGER))
        spoilt = frame(CARDS[0])[:-1] + ("1" if frame(CARDS[0])[-1] == "0" else "0")
        assert not await gym.tries(spoilt)
        assert await gym.tries(MEMBER)
        if hour == 6:
            gym.device.link.cut()
        if hour == 9:
            gym.reboot()
        if hour == 12:
            gym.device.link.restore()
        if hour == 15:
            gym.cloud.commands.issue("open_once", GYM, {}, "lin", "a visitor")
            gym.cloud.desired_state.set_mode([GYM], Mode.LOCKDOWN, "lin", "a fight in the yard")
            await asyncio.sleep(10)
            gym.cloud.desired_state.set_mode([GYM], Mode.SCHEDULED, "lin", "it is over")
        await asyncio.sleep(1200)


def test_all_that_a_thief_finds_on_a_device_names_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    dumped: dict[str, bytes] = {}
    keys: list[DigestKey] = []

    @in_virtual_time
    async def story() -> None:
        async with Gym(tmp_path) as gym:
            await a_day(gym)
            keys.append(gym.keys_of_cloud.digest)
            running = {path: path.read_bytes() for path in (tmp_path / GYM).rglob("*") if path.is_file()}
            dumped.update({f"while it runs, {path.name}": content for path, content in running.items()})
        at_rest = {path: path.read_bytes() for path in (tmp_path / GYM).rglob("*") if path.is_file()}
        dumped.update({path.name: content for path, content in at_rest.items()})

    with caplog.at_level(logging.DEBUG):
        story()
    ours = [record.getMessage() for record in caplog.records if record.name.partition(".")[0] in ("edge", "contract")]
    dumped["what its processes print"] = "\n".join(ours).encode()
    assert {"journal.db", "roster.db", "memory.db", "clock.json", "digest.key", "sync.key"} <= set(dumped)
    assert {place: found for place, content in dumped.items() if (found := betrayed(content))} == {}

    digests = [credential_digest(keys[0], canonical(frame(card)) or b"") for card in CARDS]
    held = b"".join(dumped.values())
    assert all(digest in held for digest in digests), "who has the digest key and tries numbers finds them all the same"


@pytest.mark.parametrize("whose", [*NAMES, *LABELS, *(card.text() for card in [*CARDS, STRANGER])])
def test_the_search_finds_what_it_is_to_find(whose: str) -> None:
    """So that the test above can fail: each disguise alone is found, inside of other bytes."""
    mine = [disguise for disguise, who in canaries().items() if who == whose]
    assert len(mine) >= 8
    assert all(whose in betrayed(b"\x00\xffrow" + disguise + b"\x00" * 9) for disguise in mine)
