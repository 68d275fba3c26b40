"""People in flats."""

from sqlalchemy import Connection

from cloud.devices.registry import site_of
from cloud.parties.party import MemberRole, PartyMember
from cloud.parties.store import add_party_member, take_household


def household(connection: Connection, flat: str) -> int:
    """The party that lives in the flat of that name, made if it is new."""
    return take_household(connection, site_of(connection).name, flat)


def join(
    connection: Connection,
    party: int,
    person: int,
    role: MemberRole = MemberRole.ADULT,
    window: tuple[int, int] = (0, 0),
    ended_ms: int | None = None,
) -> int:
    """Have somebody belong to a party; returns the row's id."""
    return add_party_member(
        connection, site_of(connection).name, PartyMember(0, party, person, role, *window, ended_ms)
    )
