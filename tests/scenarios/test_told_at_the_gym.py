"""Who may not enter the gym although they are a member is told why, and what they can do."""

import asyncio

from msgspec import structs

from cloud.office.person_service import PersonService
from cloud.people.memberships import MembershipService
from cloud.people.store import change_plan, list_people, list_plans, memberships_of
from contract.decide import HOUR_MS
from firmware_sim.worlds.virtual.town import VirtualTown
from tests.scenarios.sunny_court import EAST_GATE, GYM, in_sunny_court, reasons, until

BY = "office"
INDUCTION = "gym induction"


def person(town: VirtualTown, name: str) -> int:
    with town.cloud.reading() as connection:
        return next(one.id for one in list_people(connection).people if one.name.en == name)


def change(town: VirtualTown, plan: str, **values: object) -> None:
    """The office gives a plan other terms."""
    with town.cloud.changing() as connection:
        stands = next(one for one in list_plans(connection) if one.name == plan)
        change_plan(connection, structs.replace(stands, **values))


@in_sunny_court(("Li Si", "gym"), from_hour=9)
async def test_qualification_runs_out_at_a_door_alone(town: VirtualTown) -> None:
    """The office asks for an induction: Li Si has none, is told so, and gets one until 11:30. By then the gym
    has lost the cloud, and refuses her all the same; renewed at the desk it counts once the line is back. Her home was
    never shut."""
    persons = PersonService(town.cloud.store, town.now_ms)
    await until(town, 9.5)
    change(town, "yearly", qualification=INDUCTION)
    await asyncio.sleep(2)
    assert not await town.visit(GYM, "Li Si")
    persons.qualify(BY, person(town, "Li Si"), INDUCTION, town.now_ms() + 2 * HOUR_MS)
    await asyncio.sleep(2)
    assert await town.visit(GYM, "Li Si")
    town.devices[GYM].link.cut()
    await until(town, 12)
    assert not await town.visit(GYM, "Li Si")
    assert await town.visit(EAST_GATE, "Li Si")
    persons.qualify(BY, person(town, "Li Si"), INDUCTION)
    town.devices[GYM].link.restore()
    await asyncio.sleep(60)
    assert await town.visit(GYM, "Li Si")
    await town.drained()
    assert reasons(town, GYM) == ["not_qualified", "allowed", "not_qualified", "allowed"]


@in_sunny_court(from_hour=9)
async def test_one_too_many_of_a_family_is_told(town: VirtualTown) -> None:
    """The founders' plan gets three places, and the Zhangs are four: the one who was given it last is told at the gym,
    goes home as ever, and enters as soon as a sister gives her place up."""
    await until(town, 9.5)
    assert await town.visit(GYM, "Zhang Xiaosan")
    change(town, "founder", places=3)
    await asyncio.sleep(60)
    assert not await town.visit(GYM, "Zhang Xiaosan")
    assert await town.visit(EAST_GATE, "Zhang Xiaosan")
    with town.cloud.reading() as connection:
        (place,) = [one for one in memberships_of(connection, person(town, "Zhang Dayi")) if one.plan == "founder"]
    MembershipService(town.cloud.store, town.now_ms).end(BY, place.id)
    await asyncio.sleep(2)
    assert await town.visit(GYM, "Zhang Xiaosan")
    await town.drained()
    assert reasons(town, GYM) == ["allowed", "surplus", "allowed"]
