"""What part of a site somebody sees. The functions of the stores filter by it, so no page and no call does.

A connection for reading carries the scope of whoever asks; one without a scope sees everything, as services and the
command line do.
"""

from typing import Literal

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, case, select, true

from cloud.store.schema import flats, parties, party_members, points

OPTION = "hearthgate_scope"
"""Under which a connection has it."""


class OutOfScope(Exception):
    """Somebody asks for what is not theirs to see."""


class PurposeNeeded(Exception):
    """Somebody asks for a person's movements and has not said for what purpose."""

    def __init__(self, holder: bytes) -> None:
        super().__init__("say for what purpose you look at this person's movements")
        self.holder = holder


class Scope(Struct, frozen=True):
    """A part of the site. None sets no bound, and an empty text or tuple lets nothing through.

    ``zone`` bounds points, events and sessions, ``units`` people and flats, ``party`` parties and their members. Events
    of before ``named_since_ms`` do not say who it was, unless that is one of ``looked_at``: the holders whose movements
    this login has given a purpose for.
    """

    zone: str | None = None
    units: tuple[str, ...] | None = None
    party: int | None = None
    named_since_ms: int = 0
    movements: Literal["open", "purpose", "closed"] = "open"
    looked_at: frozenset[bytes] = frozenset()

    def sees_zone(self, zone: str | None) -> bool:
        return self.zone is None or self.zone == zone

    def sees_party(self, party: int) -> bool:
        return self.party is None or self.party == party

    def names(self, holder: bytes | None, at_ms: int) -> bool:
        """Whether an event of that time says who it was."""
        return holder is None or at_ms >= self.named_since_ms or holder in self.looked_at

    def check_movements(self, holder: bytes) -> None:
        """Raises ``OutOfScope`` or ``PurposeNeeded`` where this person's movements are not open."""
        if self.movements == "closed":
            raise OutOfScope
        if self.movements == "purpose" and holder not in self.looked_at:
            raise PurposeNeeded(holder)


WHOLE_SITE = Scope()


def scope_of(connection: Connection) -> Scope:
    """What whoever reads by this connection sees."""
    scope: Scope = connection.get_execution_options().get(OPTION, WHOLE_SITE)
    return scope


def zone_seen(connection: Connection, zone: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a column of zones holds one that is seen."""
    bound = scope_of(connection).zone
    return true() if bound is None else zone == bound


def point_seen(connection: Connection, point: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a column of points holds one that is seen."""
    bound = scope_of(connection).zone
    return true() if bound is None else point.in_(select(points.c.name).where(points.c.zone == bound))


def flat_seen(connection: Connection, flat: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether a column of flats' names holds one that is seen."""
    units = scope_of(connection).units
    return true() if units is None else flat.in_(_FLATS.where(_ENTRANCE.in_(units)))


def party_seen(connection: Connection, party: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a column of parties' ids holds one that is seen."""
    bound = scope_of(connection).party
    return true() if bound is None else party == bound


def person_seen(connection: Connection, person: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a column of people's ids holds somebody who is seen."""
    units = scope_of(connection).units
    return true() if units is None else person.in_(_RESIDENTS.where(_ENTRANCE.in_(units)))


_ENTRANCE = case((flats.c.unit == "", flats.c.building), else_=flats.c.building + "-" + flats.c.unit)
_FLATS = select(flats.c.name)
_RESIDENTS = (
    select(party_members.c.person_id)
    .join(parties, parties.c.id == party_members.c.party_id)
    .join(flats, (flats.c.site == parties.c.site) & (flats.c.name == parties.c.flat))
    .where(parties.c.kind == "flat", party_members.c.ended_ms.is_(None))
)
