"""New Year at Sunny Court: a half day, a day of rest, a shifted work day and one on which the gym is shut, as its setup
file has them. Gym and gate live through them with the network down, and the console says why of each moment."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cloud.keys.folder import open_folder
from cloud.redecide.rule import Redecided
from cloud.redecide.service import redecide_all
from cloud.sample import PEOPLE, SITE
from contract.decide import DAY_MS
from firmware_sim.time.clock import run_virtual
from firmware_sim.worlds.demo.community import DEVICES
from firmware_sim.worlds.virtual.town import MIDNIGHT_MS, VirtualTown
from tests.cloud.support.pages import words
from tests.cloud.support.town import Visitor
from tests.scenarios.console import console_of
from tests.scenarios.setups import changed_setup, opens_gym
from tests.scenarios.sunny_court import EAST_GATE, GYM

SHANGHAI = ZoneInfo(SITE.zone)
WITH_CALENDAR = changed_setup(
    ("special_day = []\n", ""),
    (
        'daily = "06:00-22:30"',
        """mon = "06:00-22:30"
tue = "06:00-22:30"
wed = "06:00-22:30"
thu = "06:00-22:30"
fri = "06:00-20:00"
sat = "08:00-18:00"
sun = "08:00-18:00"
rest = "10:00-16:00"
half = "06:00-12:00\"""",
    ),
    opens_gym("yearly", "gym-hours"),
    more="""
[[special_day]]
day = 2026-12-31
kind = "half"
label = { zh = "元旦前", en = "New Year's Eve" }

[[special_day]]
day = 2027-01-01
kind = "rest"
label = { zh = "元旦", en = "New Year" }

[[special_day]]
day = 2027-01-02
kind = "as_weekday"
weekday = 5
label = { zh = "调休上班", en = "Shifted work day" }

[[special_day]]
day = 2027-01-03
kind = "shut"
""",
)
MEMBER, NUMBER = "Li Si", 1 + [one.name_en for one in PEOPLE].index("Li Si")
AT_ALL_HOURS = "Zhang San"


class Visit(NamedTuple):
    """A badge at the gym, on the wall clock of the estate."""

    at: str
    enters: bool

    @property
    def at_ms(self) -> int:
        return int(datetime.fromisoformat(self.at).replace(tzinfo=SHANGHAI).timestamp() * 1000)


VISITS = (
    Visit("2026-12-31 11:59", enters=True),
    Visit("2026-12-31 12:00", enters=False),
    Visit("2027-01-01 07:00", enters=False),
    Visit("2027-01-01 10:00", enters=True),
    Visit("2027-01-01 16:00", enters=False),
    Visit("2027-01-02 07:00", enters=True),
    Visit("2027-01-02 19:59", enters=True),
    Visit("2027-01-02 20:00", enters=False),
    Visit("2027-01-03 11:00", enters=False),
    Visit("2027-01-04 06:00", enters=True),
)
"""Before and behind the end of the half day (a Thursday), on the day of rest, on a Saturday that works as a Friday, on
the Sunday on which it is shut, and on a Monday like any other."""


async def lived(folder: Path) -> list[tuple[str, bool]]:
    """When the member got into the gym. The way home is never shut, nor is the gym for whoever may enter at all
    hours."""
    town, entered = VirtualTown(folder, seed=1, places=DEVICES[:2], setup=WITH_CALENDAR), []
    town.start()
    await asyncio.sleep(60)
    for device in town.devices.values():
        device.link.cut()
    for visit in VISITS:
        await asyncio.sleep((visit.at_ms - town.now_ms()) / 1000)
        entered.append((visit.at, await town.visit(GYM, MEMBER)))
        assert await town.visit(EAST_GATE, MEMBER)
        assert await town.visit(GYM, AT_ALL_HOURS)
    for device in town.devices.values():
        device.link.restore()
    await town.drained()
    await town.close()
    return entered


def test_new_year_at_door_and_on_page(tmp_path: Path) -> None:
    begins_s = (VISITS[0].at_ms - MIDNIGHT_MS) / 1000 - 120
    expected = [(visit.at, visit.enters) for visit in VISITS]
    assert run_virtual(lived(tmp_path), start_s=begins_s) == expected
    with open_folder(tmp_path / "cloud") as (store, _):
        again = redecide_all(store, SITE.name)
    assert (again.differences, again.tally[Redecided.SAME, None]) == ([], 3 * len(VISITS))
    with console_of(tmp_path / "cloud", VISITS[-1].at_ms + DAY_MS) as admin:
        told = [(visit.at, _is_allowed(admin, visit.at)) for visit in VISITS]
    assert told == expected


def _is_allowed(admin: Visitor, at: str) -> bool:
    """What the page says of the member at the gym at that moment."""
    said = words(admin.get(f"/people/{NUMBER}/why", params={"point": GYM, "at": at}).text)
    assert f"{'Allowed' if 'Allowed at' in said else 'Refused'} at Gym turnstile: " in said
    assert ("Allowed at" in said) is not ("Outside your hours here" in said)
    return "Allowed at" in said
