"""What a rider may use, lent between devices: on to another hub within a second, an hour with the network cut, and one
meal at two doors of a canteen. There is no till yet: a door of which a passage is a visit stands for one."""

import asyncio
from pathlib import Path

from msgspec.structs import replace
from sqlalchemy import select, update

from cloud.people.plans import RIDER
from cloud.people.store import change_plan
from cloud.quantities.rule import overrun
from cloud.quantities.store import KnownShare, shares_of
from cloud.sample import SITE
from cloud.store.revision import Touched, touch
from cloud.store.schema import people, points
from contract.decide import MINUTE_MS
from contract.quantities import Account, Allotment, Quantity, Unit
from contract.reasons import Reason
from edge.device.device import Device
from firmware_sim.worlds.demo.community import SampleDevice
from firmware_sim.worlds.virtual.hub import EBIKE, NAME, VirtualHub
from firmware_sim.worlds.virtual.hub import RIDER as RIDERS_CARD
from firmware_sim.worlds.virtual.town import VirtualTown
from tests.firmware_sim.support.story import in_virtual_time

SECOND = "hub-two"
HUBS: tuple[SampleDevice, ...] = ((NAME, "socket", "hub", NAME), (SECOND, "socket", "hub", NAME))
LARGE_AND_SMALL: tuple[SampleDevice, ...] = ((NAME, "hub", "hub", NAME), (SECOND, "socket", "hub", NAME))
NEXT_EBIKE = "ebike-2"
CANTEEN: tuple[SampleDevice, ...] = (
    ("east-gate", "door", "estate", "east-gate"),
    ("west-gate", "door", "estate", "east-gate"),
)
CHARGING = (Quantity(90, "minutes", floor=20), Quantity(5_000, "wh", floor=500))
MEAL = (Quantity(1, "visits", "mealtime", floor=1),)
PAID_MEAL = (Quantity(1, "visits", "mealtime", money=True),)
HOUR_S = 3600.0


class Hub(VirtualHub):
    """One of several hubs of a town."""

    def __init__(self, town: VirtualTown, name: str) -> None:
        self.town, self.device = town, town.devices[name]
        self.numbers = {point: number for number, point in self.device.config.readers[0].points.items()}

    def stop(self) -> str:
        """Why the last session of the e-bike's socket ended."""
        return str(self.report(EBIKE).live["reason"])


class Estate:
    """A town in which riders have these quantities of a class."""

    def __init__(
        self, folder: Path, places: tuple[SampleDevice, ...], kind: str, quantities: tuple[Quantity, ...]
    ) -> None:
        self.town = VirtualTown(folder, seed=1, places=places)
        self.kind, self.allotment = kind, Allotment(f"rider-{kind}", quantities)

    async def open(self) -> None:
        self.town.start()
        await asyncio.sleep(10)
        with self.town.cloud.changing() as connection:
            change_plan(connection, replace(RIDER, quantities={self.kind: self.allotment.quantities}))
            if self.kind == "meal":
                connection.execute(update(points).values({"class": self.kind}))
                touch(connection, Touched.TERMS)
            self.holder: bytes = connection.execute(
                select(people.c.holder).where(people.c.name_en == "Sun Qi")
            ).scalar_one()
        await asyncio.sleep(10)

    def agent(self, name: str) -> Device:
        agent = self.town.devices[name].agent
        assert agent is not None
        return agent

    def account(self, name: str, unit: Unit = "minutes") -> Account:
        """What a device knows of the rider."""
        used = self.agent(name).ledger.used(self.holder.hex(), (self.allotment,))
        assert used is not None
        return used[self.allotment.name][unit]

    def shares(self, unit: Unit = "minutes") -> list[KnownShare]:
        """What the cloud knows of the rider."""
        with self.town.cloud.reading() as connection:
            return [one for one in shares_of(connection, SITE.name, self.holder, 0) if one.key.unit == unit]

    def over(self, unit: Unit = "minutes") -> int:
        (quantity,) = (one for one in self.allotment.quantities if one.unit == unit)
        return overrun(quantity.parts, {one.share.device: one.share for one in self.shares(unit)}).over

    async def eat(self, door: str) -> bool:
        """Whether the rider is let in, after the door has shut behind whoever came before."""
        await asyncio.sleep(60)
        return await self.town.visit(door, "Sun Qi")

    def cut(self) -> None:
        for device in self.town.devices.values():
            device.link.cut()

    def restore(self) -> None:
        for device in self.town.devices.values():
            device.link.restore()


async def hubs(folder: Path) -> tuple[Estate, Hub, Hub]:
    estate = Estate(folder, HUBS, "ebike", CHARGING)
    await estate.open()
    return estate, Hub(estate.town, NAME), Hub(estate.town, SECOND)


async def charge(hub: Hub, socket: str = EBIKE) -> None:
    hub.plug_in(socket, "ebike_lithium", 0.1)
    await hub.tap(socket, RIDERS_CARD)
    await hub.until(lambda: hub.report(socket).phase == "charging", 60)


@in_virtual_time
async def test_rider_goes_on_at_another_hub(tmp_path: Path) -> None:
    """Half an hour at the first hub; at the second the whole rest is there before the second is over."""
    estate, first, second = await hubs(tmp_path)
    await charge(first)
    assert estate.account(NAME).allowance == 90 * MINUTE_MS
    await asyncio.sleep(0.5 * HOUR_S)
    first.socket(EBIKE).unplug()
    await first.until(lambda: first.report(EBIKE).phase == "free", 60)
    used = estate.account(NAME).used
    second.plug_in(EBIKE, "ebike_lithium", 0.1)
    await second.hold(EBIKE, RIDERS_CARD)
    await asyncio.sleep(1)
    assert estate.account(SECOND).allowance == 90 * MINUTE_MS - used
    assert estate.account(NAME).allowance == used, "the first hub has given back the rest"
    await second.until(lambda: second.stop() == "quota", 2 * HOUR_S)
    total = estate.account(NAME).used + estate.account(SECOND).used
    assert 90 * MINUTE_MS <= total < 90 * MINUTE_MS + 5_000
    await asyncio.sleep(120)
    assert [estate.over() // MINUTE_MS, sorted(one.share.device for one in estate.shares())] == [0, [NAME, SECOND]]
    await estate.town.close()


@in_virtual_time
async def test_hubs_cut_off_give_floors_only(tmp_path: Path) -> None:
    """The first hub has it all; the second gives its floor, once, and what was too much is known afterwards."""
    estate, first, second = await hubs(tmp_path)
    await charge(first)
    estate.cut()
    await charge(second)
    await second.until(lambda: second.stop() == "quota", HOUR_S)
    floor_ms = 20 * MINUTE_MS
    assert floor_ms <= estate.account(SECOND).used < floor_ms + 5_000
    await second.tap(EBIKE, RIDERS_CARD)
    assert second.report(EBIKE).phase != "charging", "the floor is given once"
    await first.until(lambda: first.stop() == "quota", 2 * HOUR_S)
    assert 90 * MINUTE_MS <= estate.account(NAME).used < 90 * MINUTE_MS + 5_000
    assert estate.over() == 0, "nobody knows yet"
    estate.restore()
    await asyncio.sleep(120)
    assert estate.over() // MINUTE_MS == 20
    await second.tap(EBIKE, RIDERS_CARD)
    assert second.report(EBIKE).phase != "charging"
    assert estate.account(SECOND).closed, "nothing is left anywhere, and offline it gives nothing more either"
    await estate.town.close()


@in_virtual_time
async def test_power_cut_gives_nothing_twice(tmp_path: Path) -> None:
    """What a hub was lent, and what was used of it, is on its disk. Without a clock it gives its floor."""
    estate, first, _ = await hubs(tmp_path)
    await charge(first)
    await asyncio.sleep(0.5 * HOUR_S)
    estate.cut()
    first.device.power_off()
    await asyncio.sleep(5)
    first.device.power_on()
    await asyncio.sleep(5)
    account = estate.account(NAME)
    assert account.used >= 29 * MINUTE_MS
    assert account.allowance == account.used, "nobody knows whether it is still the same day"
    estate.restore()
    await asyncio.sleep(60)
    again = estate.account(NAME)
    assert again.allowance == 90 * MINUTE_MS
    assert again.used >= account.used
    await estate.town.close()


def midday() -> float:
    """Seconds until noon in a town that begins at midnight."""
    return 12 * HOUR_S


@in_virtual_time
async def test_one_meal_over_two_doors_offline(tmp_path: Path) -> None:
    """Each door that is cut off lets her eat once; then the cloud knows that it was one meal too many."""
    estate = Estate(tmp_path, CANTEEN, "meal", MEAL)
    await estate.open()
    await asyncio.sleep(midday())
    estate.cut()
    assert await estate.eat("east-gate")
    assert not await estate.eat("east-gate"), "one meal"
    assert await estate.eat("west-gate"), "the floor of the other door"
    assert not await estate.eat("west-gate")
    estate.restore()
    await asyncio.sleep(120)
    assert estate.over("visits") == 1
    assert not await estate.eat("west-gate")
    await asyncio.sleep(6 * HOUR_S)
    assert await estate.eat("west-gate"), "dinner is another meal"
    await asyncio.sleep(120)
    assert not await estate.eat("east-gate"), "online it is one"
    await estate.town.close()


@in_virtual_time
async def test_paid_meal_is_never_eaten_twice(tmp_path: Path) -> None:
    """What is money has no floor: the door that has it gives it, and the other one says that it is elsewhere."""
    estate = Estate(tmp_path, CANTEEN, "meal", PAID_MEAL)
    await estate.open()
    await asyncio.sleep(midday())
    assert not await estate.eat("east-gate"), "the door asks for it"
    assert estate.account("east-gate", "visits").allowance == 1
    estate.cut()
    assert not await estate.eat("west-gate")
    assert estate.agent("west-gate").status()["points"]["west-gate"]["shown"] == Reason.QUOTA_ELSEWHERE.value
    assert await estate.eat("east-gate")
    assert not await estate.eat("east-gate")
    estate.restore()
    await asyncio.sleep(120)
    assert not await estate.eat("west-gate")
    assert estate.over("visits") == 0
    await estate.town.close()


def two_at_a_time(floor: int) -> tuple[Quantity, ...]:
    return (Quantity(2, "items", "concurrent", floor=floor),)


@in_virtual_time
async def test_two_sockets_at_a_time_over_two_hubs(tmp_path: Path) -> None:
    """A household that may use two at a time: a third is refused wherever it is tried, and runs once one has ended."""
    estate = Estate(tmp_path, LARGE_AND_SMALL, "ebike", two_at_a_time(0))
    await estate.open()
    large, small = Hub(estate.town, NAME), Hub(estate.town, SECOND)
    await large.tap(EBIKE, RIDERS_CARD)
    assert estate.account(NAME, "items").allowance == 2, "the hub has asked for them"
    for socket in (EBIKE, NEXT_EBIKE):
        await charge(large, socket)
    assert estate.account(NAME, "items").used == 2
    await asyncio.sleep(120)
    small.plug_in(EBIKE, "ebike_lithium", 0.1)
    for _ in ("asks for what is elsewhere", "knows that nothing is"):
        await small.tap(EBIKE, RIDERS_CARD)
    assert small.report(EBIKE).phase == "free"
    assert estate.agent(SECOND).status()["points"][EBIKE]["shown"] == Reason.ALL_IN_USE.value
    large.socket(EBIKE).unplug()
    await large.until(lambda: large.report(EBIKE).phase == "free", 60)
    await asyncio.sleep(5)
    await small.tap(EBIKE, RIDERS_CARD)
    await asyncio.sleep(2)
    await small.tap(EBIKE, RIDERS_CARD)
    await small.until(lambda: small.report(EBIKE).phase == "charging", 60)
    assert estate.over("items") == 0
    await estate.town.close()


@in_virtual_time
async def test_socket_in_use_survives_a_power_cut(tmp_path: Path) -> None:
    """What runs on after it is in use; what does not is given back an hour later."""
    estate = Estate(tmp_path, HUBS, "ebike", two_at_a_time(1))
    await estate.open()
    first = Hub(estate.town, NAME)
    await charge(first)
    estate.cut()
    first.device.power_off()
    await asyncio.sleep(5)
    first.device.power_on()
    await asyncio.sleep(60)
    assert estate.account(NAME, "items").used == 1
    first.socket(EBIKE).unplug()
    await first.until(lambda: first.report(EBIKE).phase == "free", 600)
    assert estate.account(NAME, "items").used == 0
    estate.restore()
    await asyncio.sleep(120)
    assert [one.share.net for one in estate.shares("items")] == [0]
    await estate.town.close()
