"""A bad day at a riders' hub in virtual time, from a seed: people with cards and plugs, whatever may go wrong with a
socket, an operator far away, and all that befalls the machines.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy import select

from cloud.people.tables import credentials
from cloud.store.schema import people
from contract.decide import Mode
from firmware_sim.parts.bank import Contactor
from firmware_sim.parts.battery import APPLIANCES
from firmware_sim.parts.relay import PowerContact
from firmware_sim.worlds.virtual.hub import BANK, EBIKE, MISHAPS, PHONE, RIDER, STAFF, STRANGER, VirtualHub
from firmware_sim.worlds.virtual.troubles import Troubles

PEOPLE_S, MISHAPS_S, ORDERS_S, MACHINES_S = 75.0, 200.0, 150.0, 75.0
"""How far apart they are on average."""
AWAY_S = 180.0
"""The longest that the cable, the cloud or the broker is gone: long enough to have to wait for the time."""
MISHAP_LASTS_S = (2.0, 120.0)
FROZEN_S = 400.0
MEND_S = 20.0
BY = "lin"

AuditEntry = Callable[[VirtualHub], object]


def _relay(hub: VirtualHub) -> PowerContact:
    return hub.socket(EBIKE).relay


def _contactor(hub: VirtualHub) -> PowerContact:
    return hub.device.hardware.get(Contactor, BANK)


ALL_MISHAPS: Mapping[str, tuple[AuditEntry, AuditEntry]] = {
    **{name: (mishap.happens, mishap.mended) for name, mishap in MISHAPS.items()},
    "the relay welds": (lambda hub: _relay(hub).weld(), lambda hub: _relay(hub).mend()),
    "the relay sticks": (lambda hub: _relay(hub).stick_open(), lambda hub: _relay(hub).mend()),
    "the contactor welds": (lambda hub: _contactor(hub).weld(), lambda hub: _contactor(hub).mend()),
    "the contactor falls open": (lambda hub: _contactor(hub).stick_open(), lambda hub: _contactor(hub).mend()),
    "the meter forgets": (lambda hub: hub.meter.reset_energy(), lambda hub: None),
    "the meter says half": (lambda hub: hub.meter.tell_lies("half"), lambda hub: hub.meter.tell_lies(None)),
    "the mains fails": (
        lambda hub: hub.device.hardware.mains.supply.put(False),
        lambda hub: hub.device.hardware.mains.supply.put(True),
    ),
}
"""By name: what goes wrong, and how it is put right; some of it ends no session."""


class HubTroubles:
    """``happened`` counts them by name. One thing at a time goes wrong with the sockets, and afterwards somebody with
    the right card sets everything right."""

    def __init__(self, hub: VirtualHub) -> None:
        self.happened: Counter[str] = Counter()
        self._hub = hub
        self._chance = hub.town.random("troubles at the hub")
        self._at_reader = asyncio.Lock()
        self._machines = Troubles(hub.town, AWAY_S)

    async def go_on(self, seconds: float) -> None:
        """Until then anything happens; then everything is put right, and everybody goes home."""
        try:
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                group.create_task(self._again(PEOPLE_S, self._somebody))
                group.create_task(self._again(MISHAPS_S, self._mishap))
                group.create_task(self._again(ORDERS_S, self._order))
                group.create_task(self._machines.befall(MACHINES_S))
        except TimeoutError:
            self.happened += self._machines.happened
        await self._go_home()

    async def _again(self, every_s: float, deed: Callable[[], Awaitable[str]]) -> None:
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / every_s))
            self.happened[await deed()] += 1

    async def _somebody(self) -> str:
        point = self._chance.choice([EBIKE, EBIKE, PHONE])
        what = self._chance.choice(["plug", "plug", "tap", "tap", "tap", "tap", "unplug"])
        match what:
            case "plug" if self._hub.socket(point).appliance is None:
                self._hub.plug_in(point, self._chance.choice(sorted(APPLIANCES)), self._chance.uniform(0.1, 0.95))
            case "unplug":
                self._hub.socket(point).unplug()
            case "tap":
                await self._tap(point, self._chance.choice([RIDER, RIDER, RIDER, STAFF, STAFF, STRANGER]))
        return what

    async def _tap(self, point: str, card: int) -> None:
        """One after the other: nobody keys a number while another does."""
        async with self._at_reader:
            await self._hub.tap(point, card)

    async def _mishap(self) -> str:
        name = self._chance.choice(sorted(ALL_MISHAPS))
        happens, mended = ALL_MISHAPS[name]
        happens(self._hub)
        try:
            await asyncio.sleep(FROZEN_S if "repeats" in name else self._chance.uniform(*MISHAP_LASTS_S))
        finally:
            mended(self._hub)
        await self._set_right()
        return name

    async def _set_right(self) -> None:
        """Somebody with the right to comes, turns the key once a keeper has seen the alarm, and clears the faults."""
        await asyncio.sleep(self._chance.uniform(1, MEND_S))
        self._hub.device.hardware.reset_keys["hub"].press()
        await asyncio.sleep(2)
        for point in (EBIKE, PHONE):
            await self._tap(point, STAFF)

    async def _order(self) -> str:
        """An operator far away, whose cloud may be away itself."""
        cloud, point = self._hub.town.cloud, self._chance.choice([EBIKE, PHONE])
        what = self._chance.choice(["start ordered", "stop ordered", "mode set", "drill ordered"])
        if not cloud.running:
            return "nobody to order"
        match what:
            case "start ordered":
                cloud.commands.issue("session_start", point, {"card": self._card("Zhou Ba")}, BY, "by phone")
            case "stop ordered":
                cloud.commands.issue("session_stop", point, {"session": self._session(point)}, BY, "by phone")
            case "mode set":
                where = self._chance.choice([[EBIKE], [PHONE], [BANK]])
                modes = [Mode.OUT_OF_SERVICE, Mode.SCHEDULED]
                cloud.desired_state.set_mode(where, self._chance.choice(modes), BY, "a trial")
                await asyncio.sleep(self._chance.uniform(1, 60))
                if cloud.running:
                    cloud.desired_state.set_mode(where, Mode.SCHEDULED, BY, "over")
            case "drill ordered":
                cloud.commands.issue("drill", "hub", {"on": True}, BY, "the yearly drill")
                await asyncio.sleep(self._chance.uniform(1, 30))
                if cloud.running:
                    cloud.commands.issue("drill", "hub", {"on": False}, BY, "over")
        return what

    def _session(self, point: str) -> str:
        """What runs there, as far as anybody knows; otherwise a session that nobody has heard of."""
        live = self._hub.report(point).live if self._hub.device.agent else {}
        return str(live.get("session") or "0" * 16)

    def _card(self, name: str) -> int:
        """The number of somebody's card in the cloud."""
        with self._hub.town.cloud.reading() as connection:
            query = select(credentials.c.id).join(people).where(people.c.name_en == name)
            return int(connection.execute(query).scalar_one())

    async def _go_home(self) -> None:
        """Everybody takes their battery along; what still runs ends by itself."""
        for point in (EBIKE, PHONE):
            self._hub.socket(point).unplug()
        self._hub.town.cloud.desired_state.set_mode([EBIKE, PHONE, BANK], Mode.SCHEDULED, BY, "over")
        await self._set_right()
        await asyncio.sleep(15 * 60)
        await self._hub.town.drained()
