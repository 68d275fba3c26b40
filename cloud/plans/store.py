"""Plans with those who hold them, and their removal."""

from msgspec import Struct
from sqlalchemy import Connection, delete, func, select

from cloud.people.tables import memberships, plans
from cloud.store.labels import Label
from cloud.store.revision import Touched, touch
from cloud.store.schema import people

MAX_HOLDERS = 5


class Holders(Struct, frozen=True):
    """How many memberships name a plan, and the first people of those."""

    count: int
    names: list[Label]


def holders_of(connection: Connection, plan: str) -> Holders:
    """Who holds a plan, or has held it."""
    mine = memberships.c.plan == plan
    count = connection.execute(select(func.count()).select_from(memberships).where(mine)).scalar_one()
    named = select(people.c.name_zh, people.c.name_en).join(memberships, memberships.c.person_id == people.c.id)
    rows = connection.execute(named.where(mine).distinct().limit(MAX_HOLDERS))
    return Holders(count, [Label(*row) for row in rows])


def delete_plan(connection: Connection, name: str) -> None:
    """Of a plan that nobody holds."""
    connection.execute(delete(plans).where(plans.c.name == name))
    touch(connection, Touched.TERMS)
