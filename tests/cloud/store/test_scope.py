"""What part of the site a connection sees."""

from sqlalchemy import select

from cloud.store.database import Store
from cloud.store.schema import people, points
from cloud.store.scope import Scope, person_seen, point_seen, zone_seen
from cloud.web.roles import ROLES, Assignment, Part, Role
from tests.cloud.support.town import Town


def seen(store: Store, scope: Scope) -> tuple[int, int]:
    """How many points and people."""
    with store.reading(scope) as connection:
        of_points = select(points.c.name).where(
            zone_seen(connection, points.c.zone), point_seen(connection, points.c.name)
        )
        of_people = select(people.c.id).where(person_seen(connection, people.c.id))
        return len(connection.execute(of_points).all()), len(connection.execute(of_people).all())


def test_connection_without_a_scope_sees_everything(town: Town) -> None:
    points_there, people_there = seen(town.store, Scope())
    assert points_there == 18
    assert people_there == 13


def test_scope_bounds_points_and_people(town: Town) -> None:
    assert seen(town.store, Scope(zone="gym")) == (1, 13)
    assert seen(town.store, Scope(units=("2", "3"))) == (18, 3)
    assert seen(town.store, Scope(units=("2-5",))) == (18, 0)
    assert seen(town.store, Scope(units=("%", "_"))) == (18, 0)


def test_empty_part_lets_nothing_through(town: Town) -> None:
    """A role that needs a part sees nothing until somebody has said which, and nothing of other sorts ever."""
    assert seen(town.store, Scope(zone="", units=())) == (0, 0)
    for role, rule in ROLES.items():
        if rule.part is not None:
            assert not any(Assignment(role).may(right, tuple(Part)) for right in rule.rights)
            assert seen(town.store, Assignment(role).scope((), 0)) == (0, 0)
    assert seen(town.store, Assignment(Role.STEWARD, "gym").scope((), 0)) == (1, 0)
    assert seen(town.store, Assignment(Role.CELL_WORKER, "2").scope(("2",), 0)) == (0, 2)
    assert seen(town.store, Assignment(Role.CLERK, "1").scope((), 0)) == (0, 0)


def test_clerk_sees_the_own_party_only() -> None:
    scope = Assignment(Role.CLERK, "7").scope((), 0)
    assert (scope.sees_party(7), scope.sees_party(8)) == (True, False)
    assert not Assignment(Role.CELL_WORKER, "7").scope(("7",), 0).sees_party(7)
