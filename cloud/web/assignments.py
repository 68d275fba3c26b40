"""What operators' roles are for, as the database knows it: their zone, the units of their cell, their party."""

import re
from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, select

from cloud.store.schema import parties, zones
from cloud.web.roles import Assignment, Part

MAX_OF = 200
"""Characters."""
MAX_DIGITS = 18
UNIT = re.compile(r"[^\s,/]{1,20}")
NEEDED: Mapping[Part, str] = {
    Part.ZONE: "this role needs the zone that it is for",
    Part.CELL: "this role needs the name of its cell in the setup, or the units of it, such as 3-1,3-2",
    Part.PARTY: "this role needs the number of the party that it is for",
}


class BadAssignment(Exception):
    """The role needs a zone, cell or party, or has none; or there is none of that name. The text says which."""


def check_assignment(connection: Connection, assignment: Assignment) -> Assignment:
    """The same in its one form. Raises ``BadAssignment``."""
    part, of = assignment.rule.part, assignment.of.strip()
    if part is None:
        if of:
            raise BadAssignment(f"the role {assignment.role} is for the whole site: leave zone, cell and party out")
        return Assignment(assignment.role)
    if not of or len(of) > MAX_OF:
        raise BadAssignment(NEEDED[part])
    if part is Part.CELL:
        units = units_of(of)
        if not all(map(UNIT.fullmatch, units)):
            raise BadAssignment(NEEDED[part])
        return Assignment(assignment.role, ",".join(units))
    if part is Part.ZONE and connection.execute(select(zones.c.name).where(zones.c.name == of)).first() is None:
        raise BadAssignment(f"there is no zone {of}")
    if part is Part.PARTY:
        _check_party(connection, of)
    return Assignment(assignment.role, of)


def _check_party(connection: Connection, of: str) -> None:
    number = int(of) if of.isascii() and of.isdecimal() and len(of) <= MAX_DIGITS else 0
    kind = connection.execute(_KIND_OF_PARTY, {"party": number}).scalar()
    if kind is None or kind == "flat":
        raise BadAssignment(f"there is no company, club, class or crew of the number {of}")


_KIND_OF_PARTY = select(parties.c.kind).where(parties.c.id == bindparam("party"))


def units_of(cell: str) -> tuple[str, ...]:
    """The units of a cell, such as ``3-1``, each once."""
    return tuple(dict.fromkeys(unit.strip() for unit in cell.split(",") if unit.strip()))
