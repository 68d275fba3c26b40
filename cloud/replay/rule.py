"""Passages weighed against a community, each as a device would have weighed it at its moment. Pure.

The rows of a person are compiled by the code that makes rosters, for the moment of a passage, and kept as long as time
alone does not change them. What only a device knew is taken as it is on a good day: its clock is right, its roster is
new, the point works, its mode is the usual one, its way out is free, nothing is used up, and whoever has a PIN keys
it right.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec import structs

from cloud.people.grants import Community, Compiled, compile_people, compile_site, grouped
from contract.decide import Direction, Facts, Grant, Request, Standing, Trust, weigh
from contract.demands import PinVerdict
from contract.reasons import Reason
from contract.roster import Row, unpack_rows
from contract.site_page import Site

ANY_CARD = b""


class Who(NamedTuple):
    """A person, by id, with one of their cards (by its digest) or ``ANY_CARD``. A family card is with the person who
    bears it."""

    person: int
    digest: bytes = ANY_CARD


class Passage(NamedTuple):
    """Somebody at a point. ``who`` is None where nobody is known, ``at_ms`` where the time is not."""

    who: Who | None
    point: str
    direction: Direction
    at_ms: int | None


class _Kept(NamedTuple):
    """The grants of one person by card, and the half-open span of time in which they hold."""

    from_ms: int
    until_ms: int | None
    grants: Mapping[bytes, Sequence[Grant]]


class Weigher:
    """A community that answers passages. ``now_ms`` stands for the time of a passage that has none."""

    def __init__(self, community: Community, now_ms: int) -> None:
        self._site = Site(compile_site(community))
        self._people = _PeopleIndex(community)
        self._now_ms = now_ms
        self._kept: dict[int, _Kept] = {}
        self._known = Facts(self._site.zone, Trust.SYNCED, clock_floor_ms=0, roster_age_ms=0, free_exit=True)
        self._unset = structs.replace(self._known, clock=Trust.UNSET)

    def reason(self, passage: Passage) -> Reason:
        """Why it is allowed or refused."""
        who, point, direction, at_ms = passage
        grants: Sequence[Grant] = ()
        if who is not None:
            grants = self._grants(who.person, self._now_ms if at_ms is None else at_ms).get(who.digest, ())
        facts = self._unset if at_ms is None else self._known
        demand = self._site.demands.get(point)
        if demand is not None:
            facts = structs.replace(facts, demand=demand)
        pin = PinVerdict.RIGHT if any(grant.pin for grant in grants) else None
        asked = Request(point, who.digest if who else ANY_CARD, direction, pin)
        return weigh(asked, grants, facts, at_ms or 0).reason

    def _grants(self, person: int, at_ms: int) -> Mapping[bytes, Sequence[Grant]]:
        kept = self._kept.get(person)
        if kept is None or at_ms < kept.from_ms or (kept.until_ms is not None and at_ms >= kept.until_ms):
            compiled = compile_people(self._people.alone(person), at_ms).get(person, NOBODY)
            kept = self._kept[person] = _Kept(at_ms, compiled.edge_ms, self._by_card(unpack_rows(compiled.rows)))
        return kept.grants

    def _by_card(self, rows: Iterable[Row]) -> dict[bytes, list[Grant]]:
        """In the order in which devices weigh them; of any card the ones that hold come first."""
        by_card: dict[bytes, list[Grant]] = defaultdict(list)
        for row in sorted(rows, key=lambda row: (row.standing is not Standing.ACTIVE, row.profile, -row.valid_from_s)):
            grant = self._site.grant(row)
            by_card[row.digest].append(grant)
            by_card[ANY_CARD].append(grant)
        return by_card


NOBODY = Compiled(b"", None, 0)


class _PeopleIndex:
    """Finds all that the rows of one person follow from."""

    def __init__(self, community: Community) -> None:
        self._all = community
        self._people = {one.id: one for one in community.people}
        self._stays = grouped(community.stays, lambda one: one.member.person)
        self._own = grouped(community.memberships, lambda one: one.person)
        self._shared = grouped((one for one in community.memberships if one.person is None), lambda one: one.party)
        self._cards = grouped(community.credentials, lambda one: one.person)
        self._family = grouped(community.family_cards, lambda one: one.bearer)
        self._qualifications = grouped(community.qualifications, lambda one: one.person)
        self._tags = grouped(community.tags, lambda one: one.person)

    def alone(self, person: int) -> Community:
        """The community with nobody else in it."""
        stays, family = self._stays.get(person, []), self._family.get(person, [])
        party_ids = dict.fromkeys([*(one.member.party for one in stays), *(one.stay.member.party for one in family)])
        return structs.replace(
            self._all,
            people=[self._people[person]] if person in self._people else [],
            stays=stays,
            memberships=[*self._own.get(person, []), *(one for key in party_ids for one in self._shared.get(key, []))],
            credentials=self._cards.get(person, []),
            family_cards=family,
            qualifications=self._qualifications.get(person, []),
            tags=self._tags.get(person, []),
        )
