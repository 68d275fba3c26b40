"""What a change is noted to concern, so that no more than that is compiled anew."""

from collections.abc import Callable
from functools import partial

import pytest
from msgspec import structs
from sqlalchemy import Connection, select

from cloud.cards.store import set_card_standing
from cloud.keys.keys import KeyFolder
from cloud.people.plans import RIDER, YEARLY
from cloud.people.store import add_person, add_plan, change_membership, change_plan, list_people, list_plans
from cloud.points.store import add_point, set_point
from cloud.points.zone_store import open_zone
from cloud.store.database import Store
from cloud.store.revision import Touched, touch
from cloud.store.schema import people, sites
from contract.decide import Standing, Tier
from tests.cloud.support.homes import household, join
from tests.cloud.support.rosters import World

Act = Callable[[Connection], object]


def noted(world: World, act: Act) -> tuple[bool, bool, set[int]]:
    """Whether an act is noted to concern the terms, everybody, and whom of the people."""
    with world.store.writing() as connection:
        before = connection.execute(select(sites.c.revision)).scalar_one()
        act(connection)
        marks = connection.execute(select(sites)).one()
        assert marks.revision > before
        touched = connection.execute(select(people.c.id).where(people.c.revision > before)).scalars()
        return marks.terms_revision > before, marks.everybody_revision > before, set(touched)


@pytest.fixture
def world(store: Store, keys: KeyFolder) -> World:
    return World(store, keys)


@pytest.mark.parametrize(
    ("act", "terms", "everybody", "whom"),
    [
        (lambda connection: set_card_standing(connection, 1, Standing.LOST), False, False, {1}),
        (lambda connection: change_membership(connection, 1, standing=Standing.SUSPENDED), False, False, {1}),
        (lambda connection: set_card_standing(connection, 999, Standing.LOST), False, False, set()),
        (lambda connection: add_plan(connection, structs.replace(YEARLY, name="swim")), True, False, set()),
        (lambda connection: open_zone(connection, "hub", "yearly", "always"), True, False, set()),
        (lambda connection: add_point(connection, "back", "hub-door", "hub", "", ""), True, False, set()),
        (lambda connection: set_point(connection, "east-gate", "hub", ""), True, False, set()),
        (lambda connection: touch(connection, Touched.DEVICES), False, False, set()),
        (touch, True, True, set()),
    ],
)
def test_change_is_noted_where_it_belongs(world: World, act: Act, terms: bool, everybody: bool, whom: set[int]) -> None:
    assert noted(world, act) == (terms, everybody, whom)


def test_new_person_is_noted(world: World) -> None:
    made: list[int] = []

    def add(connection: Connection) -> None:
        made.append(add_person(connection, "", "New"))
        join(connection, household(connection, "9"), made[0])

    found = noted(world, add)
    assert found == (False, False, set(made))


def test_change_of_a_plan_concerns_its_holders(world: World) -> None:
    """Its tier stands in their rows, and who has no place; what it opens does not."""
    with world.store.reading() as connection:
        listed = list_people(connection).people
        riders = {one.id for one in listed if any(held.plan == "rider" for held in one.memberships)}
    assert riders
    changed = structs.replace(RIDER, tier=Tier.GUEST)
    assert noted(world, lambda connection: change_plan(connection, changed)) == (True, False, riders)
    concerns = {
        "qualification": "first aid",
        "grace_days": 7,
        "follows": "flat",
        "opens": {"home": "always"},
        "places": 1,
    }
    for new in ({name: value} for name, value in concerns.items()):
        changed = structs.replace(changed, **new)
        assert noted(world, partial(change_plan, plan=changed)) == (True, False, riders)
    renamed = structs.replace(changed, fee_yuan=9, reminder_days=(3,))
    assert noted(world, lambda connection: change_plan(connection, renamed)) == (True, False, set())


def test_change_of_residents_concerns_everybody(world: World) -> None:
    with world.store.reading() as connection:
        resident = next(one for one in list_plans(connection) if one.name == "resident")
    changed = structs.replace(resident, tier=Tier.MEMBER)
    assert noted(world, lambda connection: change_plan(connection, changed))[:2] == (True, True)
