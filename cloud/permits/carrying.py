"""What a telephone carries of a permit: a pass that the cloud signs, for doors that have never heard of it."""

from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from cloud.devices.registry import Site
from cloud.people.community import load_terms
from cloud.people.grants import compile_site
from cloud.people.permit_rows import find_right, number_of
from cloud.people.permits import TimedRight, profiles_of
from cloud.permits.rule import Permit, pass_span
from contract.carried_passes import MAX_POINTS, CarriedPass

MOST_LETTERS = 120
"""Of all names of points: a pass with more is too long for a reader."""


def carried_pass(connection: Connection, site: Site, permit: Permit, key: bytes, now_ms: int) -> CarriedPass | None:
    """The pass of a permit for the telephone with this key (33 bytes); None where it leads to no door."""
    right = find_right(connection, site.name, permit.id)
    points = way_of(connection, site.name, right) if right is not None else ()
    if right is None or not points:
        return None
    from_ms, until_ms = pass_span(permit, ZoneInfo(site.zone), now_ms)
    return CarriedPass(
        id=permit.holder,
        site=site.name,
        holder=permit.holder,
        tier=right.tier,
        key=key,
        points=points,
        from_s=from_ms // 1000,
        until_s=until_ms // 1000,
        uses=permit.uses,
    )


def way_of(connection: Connection, site: str, right: TimedRight) -> tuple[str, ...]:
    """The doors that a permit opens, as many as a pass can name: gates first."""
    terms, numbers = load_terms(connection), number_of(connection, site, right)
    doors, profiles = {point.name for point in terms.points if not point.class_name}, compile_site(terms).profiles
    opened = [profiles[numbers[one]] for one in profiles_of(right) if one in numbers]
    points, letters = list[str](), 0
    for point in dict.fromkeys(point for profile in opened for point in profile if point in doors):
        letters += len(point)
        if letters > MOST_LETTERS or len(points) == MAX_POINTS:
            break
        points.append(point)
    return tuple(points)
