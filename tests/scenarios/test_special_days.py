"""A half day, a day on which the gym is shut, and a shifted work day: at the turnstile, with the network down."""

import asyncio
from datetime import date
from pathlib import Path

from msgspec import structs

from cloud.hours.rule import DayKind, SpecialDay
from cloud.hours.service import HoursEdit
from cloud.hours.store import find_hours
from cloud.hours.window_text import read_windows
from cloud.people.store import add_plan, plans_with_hours
from cloud.store.labels import Label
from firmware_sim.worlds.virtual.town import MIDNIGHT_MS
from tests.firmware_sim.support.story import in_virtual_time
from tests.scenarios.gym import FOUNDER, Gym
from tests.scenarios.test_clock_at_1970 import MORNINGS, WITH_HOURS, admit

MONDAY = date(2026, 11, 23)
CALENDAR = (
    SpecialDay(MONDAY, DayKind.HALF, label=Label("除夕", "New Year's Eve")),
    SpecialDay(date(2026, 11, 24), DayKind.SHUT),
    SpecialDay(date(2026, 11, 25), DayKind.AS_WEEKDAY, 7),
)


@in_virtual_time
async def test_special_days_hold_without_the_network(tmp_path: Path) -> None:
    """Sundays the gym opens at 10:00, other days at 06:00. Who enters at all hours does so on special days too."""
    async with Gym(tmp_path) as gym:
        before = gym.roster["number"]
        with gym.cloud.changing() as connection:
            add_plan(connection, MORNINGS)
            hours = find_hours(connection, "gym-hours")
            assert hours is not None
            edit = HoursEdit(connection, "lin", MIDNIGHT_MS, plans_with_hours)
            week = *hours.week[:6], read_windows("10:00-18:00")
            edit.change(structs.replace(hours, week=week, half=read_windows("06:00-12:00")))
            edit.add_days(CALENDAR)
        card = admit(gym, WITH_HOURS, MORNINGS.name)
        await gym.until(lambda: gym.roster["number"] > before + 1 and gym.in_step())
        gym.device.link.cut()
        passed = {}
        for at_hour in (7, 11, 13, 24 + 7, 48 + 7, 48 + 11, 72 + 7):
            await asyncio.sleep(at_hour * 3600 - (gym.town.now_ms() - MIDNIGHT_MS) / 1000)
            passed[at_hour] = await gym.tries(card)
        assert passed == {7: True, 11: True, 13: False, 31: False, 55: False, 59: True, 79: True}
        assert gym.reasons() == ["outside_hours"] * 3
        assert await gym.tries(FOUNDER)
