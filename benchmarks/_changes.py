"""A large community, and what one change of it costs its cloud: compiled, stored, signed and handed to the broker's
client. In the place of the broker stands a list, so that the bytes for one device can be counted."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import process_time

from msgspec import Struct
from sqlalchemy import insert, select, update

from benchmarks._town import found_sample
from cloud.cards.rule import Card
from cloud.cards.store import set_card_standing
from cloud.devices.registry import register
from cloud.flats.rule import Place
from cloud.keys.folder import clock, open_folder
from cloud.line.sealed_channel import SealedChannel
from cloud.people.publisher import Publisher
from cloud.people.tables import credentials, memberships
from cloud.points.store import add_point, set_places
from cloud.store.database import Store
from cloud.store.revision import touch
from cloud.store.schema import devices, flats, parties, party_members, people
from contract.decide import DAY_MS, Standing
from contract.roster import PAGE_VERSIONS
from contract.sealing import DeviceKey
from firmware_sim.worlds.demo.community import SITE

AT_ONCE = 5_000
UNITS, FLOORS = 60, 18
"""Of the community, with a door for each unit and a lift's button for each floor: about those of 1,821 flats."""
FIRST = 1_000_000
"""The number of its first person, card and party."""
YEAR_MS = 365 * DAY_MS


class ChangeCost(Struct, frozen=True):
    """Processor time of the first roster (s) and of one lost card (ms), and the bytes of that on the wire to one
    device."""

    first_s: float
    change_ms: float
    wire_bytes: int


def fill(folder: Path, cards: int, names: Sequence[str]) -> list[int]:
    """Add yearly members with a card each, and devices that read the newest pages, to a community. Returns the cards'
    ids."""
    with open_folder(folder) as (store, keys):
        digest, numbers, now_ms = keys.digest, keys.numbers, clock()
        for start in range(0, cards, AT_ONCE):
            span = range(start, min(start + AT_ONCE, cards))
            made = [Card("H10306", 1000 + number // 65_536, number % 65_536) for number in span]
            digests = [card.digest(digest) for card in made]
            ids = [FIRST + number for number in span]
            with store.writing() as connection:
                connection.execute(
                    insert(people),
                    [{"id": one, "holder": one.to_bytes(8, "big"), "name_zh": "众", "name_en": "Many"} for one in ids],
                )
                connection.execute(
                    insert(memberships), [{"person_id": one, "plan": "staff", "standing": "active"} for one in ids]
                )
                connection.execute(
                    insert(credentials),
                    [
                        {
                            "id": one,
                            "person_id": one,
                            "kind": "card",
                            "digest": each,
                            "sealed": numbers.close(card.text(), each),
                            "label": "",
                            "standing": "active",
                            "added_ms": now_ms,
                        }
                        for one, card, each in zip(ids, made, digests, strict=True)
                    ],
                )
        with store.writing() as connection:
            for name in names:
                register(connection, name, DeviceKey.generate().public(), now_ms)
            newest = update(devices).where(devices.c.name.in_(names)).values(page_version=PAGE_VERSIONS[-1])
            connection.execute(newest)
            touch(connection)
            return list(connection.execute(select(credentials.c.id).where(credentials.c.id >= FIRST)).scalars())


def settle(folder: Path, ids: Sequence[int]) -> None:
    """Let these people live in flats, three in each, of units whose doors and lifts open to their own people only; one
    of the three pays for a year."""
    now_ms = clock()
    with open_folder(folder) as (store, _):
        with store.writing() as connection:
            places = {
                f"door-{unit}-{floor or 'in'}": Place(f"1-{unit}", floor)
                for unit in range(1, UNITS + 1)
                for floor in (None, *range(1, FLOORS + 1))
            }
            for name in places:
                add_point(connection, name, "door-0", "estate", "", "")
            set_places(connection, SITE, places)
        for start in range(0, len(ids), 3 * AT_ONCE):
            _settle_some(store, ids[start : start + 3 * AT_ONCE], now_ms)


def _settle_some(store: Store, ids: Sequence[int], now_ms: int) -> None:
    homes = ids[::3]
    party = {"site": SITE, "kind": "flat", "name_zh": "", "name_en": "", "created_ms": now_ms}
    stay = {"site": SITE, "role": "adult", "from_ms": now_ms - DAY_MS, "until_ms": 0}
    year = {"plan": "yearly", "standing": "active", "from_ms": now_ms - DAY_MS, "until_ms": now_ms + YEAR_MS}
    with store.writing() as connection:
        connection.execute(insert(flats), [_flat(one) for one in homes])
        connection.execute(insert(parties), [{**party, "id": one, "flat": f"flat {one}"} for one in homes])
        connection.execute(
            insert(party_members),
            [{**stay, "party_id": homes[place // 3], "person_id": one} for place, one in enumerate(ids)],
        )
        connection.execute(insert(memberships), [{**year, "person_id": one} for one in homes])


def _flat(number: int) -> dict[str, object]:
    known = {"site": SITE, "name": f"flat {number}", "building": "1", "unit": str(number % UNITS + 1)}
    return {**known, "floor": number % FLOORS + 1, "flat": "", "tenure": "", "vacant": False}


def cost_of_a_change(folder: Path, cards: int, doors: int, changes: int) -> ChangeCost:
    """Publish a first roster of so many cards to so many doors, and then report cards lost, one at a time."""
    found_sample(folder)
    ids = fill(folder / "cloud", cards, [f"door-{number}" for number in range(doors)])
    settle(folder / "cloud", ids)
    sent: list[int] = []

    def publish(topic: str, payload: bytes, *, retain: bool = False) -> None:
        if "/door-0/" in topic:
            sent.append(len(payload))

    with open_folder(folder / "cloud") as (store, keys):
        publisher = Publisher(store, SealedChannel(publish, SITE, "roster", keys.roster), publish=publish, clock=clock)
        first_s = _spent_s(publisher)
        took_ms, sizes = [], []
        for card in ids[: changes + 1]:
            with store.writing() as connection:
                set_card_standing(connection, card, Standing.LOST)
            sent.clear()
            took_ms.append(_spent_s(publisher) * 1000)
            sizes.append(sum(sent))
    return ChangeCost(round(first_s, 3), round(median(took_ms[1:]), 3), max(sizes))


def _spent_s(publisher: Publisher) -> float:
    began_s = process_time()
    publisher.refresh()
    return process_time() - began_s
