"""Who opens what: the roster of a moment as points by person. Pure."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from cloud.people.grants import Community, compile_people, compile_site
from cloud.people.members import OPEN_NOTHING
from contract.decide import Standing, Tier
from contract.roster import unpack_rows
from contract.schedules import ALWAYS, Schedule
from contract.site_page import SitePage


class Opening(NamedTuple):
    """By which plan a point is opened, in which hours, and whether by what everybody of a household has."""

    plan: str
    hours: str
    is_home: bool

    @property
    def is_always(self) -> bool:
        return ALL_HOURS in self.hours


class Access(NamedTuple):
    """What everybody can open, by person and point. ``meant`` are the points that some plan opens, whether or not
    anybody holds it; ``rows`` counts the rows of the roster by what they say."""

    people: Mapping[int, Mapping[str, Opening]]
    meant: frozenset[str]
    rows: Counter[tuple[object, ...]]

    def of(self, person: int) -> Mapping[str, Opening]:
        return self.people.get(person, NOTHING)

    def opened(self) -> set[str]:
        """The points that somebody can open."""
        kinds = {id(points): points for points in self.people.values()}
        return {point for points in kinds.values() for point in points}


NOTHING: Mapping[str, Opening] = {}


def _written(schedule: Schedule) -> str:
    return msgspec.json.encode(schedule.week).decode()


ALL_HOURS = _written(ALWAYS)


def access_of(community: Community, now_ms: int) -> Access:
    """People who hold the same share one mapping."""
    page = compile_site(community)
    meanings = _profiles(community, page)
    shared: dict[frozenset[tuple[int, bool]], Mapping[str, Opening]] = {}
    people, rows = {}, Counter[tuple[object, ...]]()
    for person, compiled in compile_people(community, now_ms).items():
        held = set()
        for row in unpack_rows(compiled.rows):
            said = row.valid_from_s, row.valid_until_s, row.standing, row.tier
            rows[row.digest, *said, meanings[row.profile].meaning] += 1
            is_home = row.tier is Tier.RESIDENT
            opens = row.standing is Standing.ACTIVE or (is_home and row.standing not in OPEN_NOTHING)
            if opens and not 0 < row.valid_until_s * 1000 <= now_ms:
                held.add((row.profile, is_home))
        if held:
            kind = frozenset(held)
            people[person] = shared.get(kind) or shared.setdefault(kind, _openings(kind, meanings))
    return Access(people, frozenset(point for profile in page.profiles for point in profile), rows)


def _openings(held: frozenset[tuple[int, bool]], meanings: Sequence["_Profile"]) -> dict[str, Opening]:
    found: dict[str, Opening] = {}
    for number, is_home in sorted(held, key=lambda one: (one[1], one[0])):
        profile = meanings[number]
        for point, hours in profile.points:
            before = found.get(point)
            told = hours if before is None or before.hours == hours else f"{before.hours} {hours}"
            found[point] = Opening(profile.plan, told, is_home)
    return found


class _Profile(NamedTuple):
    """What a profile says, whatever its number; ``meaning`` is short for it."""

    plan: str
    points: tuple[tuple[str, str], ...]
    meaning: str


def _profiles(community: Community, page: SitePage) -> list[_Profile]:
    weeks = {name: _written(schedule) for name, schedule in page.schedules.items()}
    plans = {number: profile.plan for profile, number in community.profiles.items()}
    found = []
    for number, profile in enumerate(page.profiles):
        plan = plans.get(number, "")
        points = tuple(sorted((point, weeks.get(hours, hours)) for point, hours in profile.items()))
        found.append(_Profile(plan, points, hashlib.sha256(repr((plan, points)).encode()).hexdigest()))
    return found
