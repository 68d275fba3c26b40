"""What the cloud answers a device about a quantity, and what it does not; and what a person's page says of it."""

import re
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace
from sqlalchemy import update

from cloud.devices.quarantine import list_quarantined
from cloud.devices.registry import lose_device, register
from cloud.line.broker import Arrived
from cloud.people.plans import RIDER
from cloud.people.store import change_plan
from cloud.quantities.lender import Lender
from cloud.quantities.rule import Share
from cloud.quantities.store import load_shares
from cloud.store.schema import devices, parties
from contract import codec, topics
from contract.decide import DAY_MS, MINUTE_MS
from contract.messages import Lend, Usage
from contract.quantities import ENDLESS, Allotment, Quantity, Unit, UseKey, local_minute, period_at
from contract.sealing import DeviceKey, Purpose, mac_is_good, seal, unseal
from tests.cloud.support.pages import words
from tests.cloud.support.sender import SITE
from tests.cloud.support.town import NOW_MS, Town

HUB, GATE, GYM = "hub-sockets", "east-gate", "gym-turnstile"
RIDERS = Allotment("rider-phone", RIDER.quantities["phone"])
WHOLE = 240 * MINUTE_MS
TODAY = period_at("day", local_minute(ZoneInfo("Asia/Shanghai"), NOW_MS) or 0)


class Desk:
    """A lender, and the devices that speak to it over a line in the test's hands."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.holder = town.holder("Sun Qi")
        self.sent: list[tuple[str, bytes]] = []
        self.lender = Lender(
            town.store, site=SITE, sync=town.keys.make_sync, publish=self.publish, clock=lambda: town.now_ms
        )

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        assert not retain
        self.sent.append((topic, payload))

    def usage(self, used: int = 0, number: int = 0, allowance: int = 0, **other: object) -> Usage:
        fields: dict[str, object] = {
            "holder": self.holder,
            "allotment": "rider-phone",
            "unit": "minutes",
            "period": TODAY,
            "number": number,
            "allowance": allowance,
            "used": used,
        }
        return Usage(**(fields | other))  # type: ignore[arg-type]

    def says(self, device: str, usage: Usage, *, key: DeviceKey | None = None) -> dict[str, Lend]:
        """What the cloud tells devices when one of them has said that."""
        sign = (key or self.town.senders[device].key).sign
        payload = seal(sign, Purpose.USAGE, SITE, device, codec.write(usage))
        return self.hears(device, payload)

    def hears(self, device: str, *payloads: bytes) -> dict[str, Lend]:
        topic = topics.parse(topics.up(SITE, device, "usage"))
        assert topic
        self.sent.clear()
        self.lender.answer([Arrived(topic, payload, False) for payload in payloads])
        return {name: self.opened(name, payload) for name, payload in map(self.addressed, range(len(self.sent)))}

    def addressed(self, place: int) -> tuple[str, bytes]:
        topic, payload = self.sent[place]
        parsed = topics.parse(topic)
        assert parsed
        assert parsed.channel == "lend"
        return parsed.device, payload

    def opened(self, device: str, payload: bytes) -> Lend:
        accepts = partial(mac_is_good, self.town.keys.make_sync(device))
        return codec.read(unseal(accepts, Purpose.LEND, SITE, device, payload), Lend)

    def shares(self, unit: Unit = "minutes") -> dict[str, Share]:
        with self.town.store.reading() as connection:
            return dict(load_shares(connection, SITE, UseKey(self.holder, "rider-phone", unit, TODAY)))

    def quarantined(self) -> list[str]:
        with self.town.store.reading() as connection:
            return [one.why for one in list_quarantined(connection)]


@pytest.fixture
def desk(town: Town) -> Desk:
    return Desk(town)


def test_first_who_asks_is_lent_all(desk: Desk) -> None:
    (lend,) = desk.says(GATE, desk.usage(wants=True)).values()
    assert (lend.number, lend.allowance, lend.closed, lend.keep) == (1, WHOLE, True, None)


def test_use_is_answered_and_lends_nothing(desk: Desk) -> None:
    (lend,) = desk.says(GATE, desk.usage(5 * MINUTE_MS)).values()
    assert (lend.number, lend.allowance, lend.used, lend.closed) == (0, 0, 5 * MINUTE_MS, False)


def test_rest_is_asked_back_and_lent_on(desk: Desk) -> None:
    desk.says(GATE, desk.usage(wants=True))
    told = desk.says(GYM, desk.usage(wants=True))
    assert (told[GYM].number, told[GYM].closed) == (0, False)
    assert told[GATE].keep == WHOLE // 2
    used = 90 * MINUTE_MS
    told = desk.says(GATE, desk.usage(used, number=1, allowance=used))
    assert (told[GYM].allowance, told[GYM].closed) == (WHOLE - used, True)
    assert told[GATE].keep is None


def test_late_and_repeated_statements_change_nothing(desk: Desk) -> None:
    """The gate gives back, and is lent the whole again: what it said before is heard once more."""
    desk.says(GATE, desk.usage(wants=True))
    back = desk.usage(number=1, allowance=0)
    desk.says(GATE, back)
    desk.says(GATE, desk.usage(number=1, allowance=0, wants=True))
    before = desk.shares()
    desk.says(GATE, back)
    desk.says(GATE, desk.usage(number=0, allowance=0))
    assert desk.shares() == before == {GATE: Share(GATE, number=2, allowance=WHOLE)}


def test_of_use_the_greatest_counts(desk: Desk) -> None:
    for used in (3, 9, 5):
        desk.says(GATE, desk.usage(used))
    assert desk.shares()[GATE].used == 9


def test_stranger_s_seal_is_set_aside(desk: Desk) -> None:
    assert desk.says(GATE, desk.usage(wants=True), key=DeviceKey.generate()) == {}
    assert desk.hears("nobody", b"{}\nAA==") == {}
    assert desk.hears(GATE, b"rubbish") == {}
    assert (desk.shares(), sorted(desk.quarantined())) == ({}, ["bad_seal", "malformed", "unknown_device"])


@pytest.mark.parametrize("days", [-60, 3, 10**9], ids=["long ago", "to come", "no day at all"])
def test_period_that_cannot_be_is_set_aside(desk: Desk, days: int) -> None:
    assert desk.says(GATE, desk.usage(wants=True, period=TODAY + days)) == {}
    assert desk.quarantined() == ["bad_request"]


@pytest.mark.parametrize(
    "other", [{"holder": "00" * 8}, {"allotment": "rider-boats"}, {"unit": "ml"}], ids=["nobody", "no plan", "no unit"]
)
def test_what_no_plan_gives_is_lent_to_nobody(desk: Desk, other: dict[str, object]) -> None:
    assert desk.says(GATE, desk.usage(0, 0, 0, wants=True, **other)) == {}
    assert (desk.shares(), desk.quarantined()) == ({}, [])


def test_bad_message_costs_no_other(desk: Desk) -> None:
    good = seal(desk.town.senders[GATE].key.sign, Purpose.USAGE, SITE, GATE, codec.write(desk.usage(wants=True)))
    assert desk.hears(GATE, b"rubbish", good)[GATE].allowance == WHOLE


def test_lost_device_gives_nothing_any_more(desk: Desk) -> None:
    desk.says(GATE, desk.usage(9, wants=True))
    with desk.town.store.writing() as connection:
        lose_device(connection, GATE, NOW_MS)
    told = desk.says(GYM, desk.usage(wants=True))
    assert told[GYM].allowance == WHOLE - 9


def test_old_software_keeps_its_share(desk: Desk) -> None:
    """The hub has the only points of that class, and its software reads no quantities: its share is the whole."""
    with desk.town.store.writing() as connection:
        register(connection, HUB, DeviceKey.generate().public(), NOW_MS)
        connection.execute(devices.update().where(devices.c.name == HUB).values(page_version=1))
    told = desk.says(GATE, desk.usage(wants=True))
    assert (told[GATE].allowance, told[GATE].closed) == (0, True)


def test_larger_plan_is_lent_at_once(desk: Desk) -> None:
    desk.says(GATE, desk.usage(wants=True))
    larger = {"phone": (Quantity(300, "minutes"),)}
    with desk.town.store.writing() as connection:
        change_plan(connection, replace(RIDER, quantities=larger))
    told = desk.says(GATE, desk.usage(number=1, allowance=WHOLE, wants=True))
    assert told[GATE].allowance == 300 * MINUTE_MS


def test_old_periods_are_forgotten(desk: Desk) -> None:
    desk.says(GATE, desk.usage(1))
    desk.town.now_ms += 41 * DAY_MS
    desk.says(GATE, desk.usage(1, period=TODAY + 41))
    assert desk.shares() == {}


def test_person_s_page_says_what_was_used_where(desk: Desk) -> None:
    desk.says(GATE, desk.usage(200 * MINUTE_MS))
    desk.says(GYM, desk.usage(70 * MINUTE_MS))
    with desk.town.visit("office") as clerk:
        found = re.search(r'href="(/people/\d+)"', clerk.get("/people?text=Sun").text)
        assert found
        before = words(clerk.get(found[1]).text)
        clerk.submit(f"{found[1]}/look", f"{found[1]}/look", purpose="asked")
        said = words(clerk.get(found[1]).text)
    for part in ("Used in this period", "270 min", "30 min too many", "240 min a day"):
        assert part in said, part
        assert part in before, part
    for place in ("East gate: 200 min", "Gym turnstile: 70 min"):
        assert place in said, place
        assert place not in before, "where somebody was is shown to who has given a purpose"


def test_page_of_who_used_nothing_says_nothing(desk: Desk) -> None:
    with desk.town.visit("office") as clerk:
        assert "Used in this period" not in clerk.get("/people/1").text


def test_all_hear_that_one_is_free_again(desk: Desk) -> None:
    """Of two that may be in use at a time, for a family card as for a person."""
    two = Quantity(2, "items", "concurrent")
    with desk.town.store.writing() as connection:
        change_plan(connection, replace(RIDER, quantities={"phone": (two,)}))
        mine = parties.c.id == 1
        connection.execute(update(parties).where(mine).values(holder=bytes.fromhex("66616d696c793031")))
    family = partial(desk.usage, holder="66616d696c793031", unit="items", period=ENDLESS)
    assert desk.says(GATE, family(wants=True))[GATE].allowance == 2
    told = desk.says(GATE, family(2, 1, 2))
    assert told[GATE].closed
    assert desk.says(GYM, family(wants=True))[GYM].closed
    told = desk.says(GATE, family(2, 1, 2, returned=1))
    assert not told[GYM].closed
    with desk.town.visit("office") as office:
        shown = words(office.get("/parties/1").text)
        assert "Rider phone 1 items 2 items at the same time" in shown
