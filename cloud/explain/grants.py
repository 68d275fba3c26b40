"""What a credential is granted at a point: by the roster of a time, as devices read it, or as the next one would be
made at this moment."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import Connection

from cloud.cards.store import CardRow, cards_with, find_card
from cloud.devices.registry import site_of
from cloud.parties.store import people_of_party
from cloud.people.community import find_profiles, load_people, load_terms
from cloud.people.grants import Compiled, compile_people, compile_site
from cloud.people.permit_rows import load_rights
from cloud.people.permits import compile_permits
from cloud.people.plans import of_visitors
from cloud.people.rosters import newest_roster_number
from cloud.people.store import list_plans
from cloud.redecide.archive import Remembered, StoredArchive
from cloud.redecide.rule import Held, Issue, Why
from cloud.store.labels import Label
from contract.decide import Grant
from contract.demands import NO_DEMAND, Demand
from contract.recorded_facts import RecordedFacts
from contract.roster import WHOLE, Page, pack_page, unpack_rows
from contract.site_page import Site
from contract.zone_rules import PageZone


class Granted(Struct, frozen=True):
    """The grants of one credential, each beside the plan that it comes from, and what the point demands; ``counted`` is
    the rule of the zone that it leads into, if that counts. ``roster`` is the number of the roster that they stand in,
    None where they were compiled just now."""

    zone: ZoneInfo
    grants: Sequence[Grant]
    plans: Sequence[Label]
    demand: Demand = NO_DEMAND
    roster: int | None = None
    issued_ms: int | None = None
    counted: PageZone | None = None

    def plan_of(self, grant: Grant | None) -> Label | None:
        """The plan that this very grant comes from."""
        return next((plan for one, plan in zip(self.grants, self.plans, strict=False) if one is grant), None)


def granted_now(connection: Connection, digest: bytes, point: str, now_ms: int) -> Granted:
    """What the next roster would grant: compiled as that is."""
    site = Site(compile_site(load_terms(connection)))
    compiled = _compiled(connection, digest, now_ms)
    rows = sorted(row for one in compiled for row in unpack_rows(one.rows) if row.digest == digest)
    page = pack_page(WHOLE, rows)
    plans = _plans(connection, [row.profile for row in Page(page).find(digest)])
    counted = site.zones.get(site.counted.get(point, ""))
    demand = site.demands.get(point, NO_DEMAND)
    return Granted(site.zone, site.grants(page, digest), plans, demand, counted=counted)


def granted_at(connection: Connection, digest: bytes, point: str, at_ms: int) -> Granted | None:
    """What the newest roster of that time grants; None where it is not kept. One that is kept from long before is not
    it, if those that came after it are not."""
    archive = StoredArchive(connection, Remembered())
    issue = archive.issued_by(at_ms)
    if issue is None or not (archive.issue(issue.number + 1) or issue.number == newest_roster_number(connection)):
        return None
    return _granted_by(connection, archive, issue, archive.newest_held(issue.number, point, digest), digest)


def granted_then(connection: Connection, digest: bytes, point: str, facts: RecordedFacts) -> list[Granted]:
    """What the roster grants that a device decided by, in each form in which it may have read it; nothing where that is
    not kept. A device without a roster, or with a damaged one, has found no grant."""
    if facts.roster_age_ms is None or facts.roster_damaged:
        return [Granted(ZoneInfo(site_of(connection).zone), (), (), roster=facts.roster)]
    archive = StoredArchive(connection, Remembered())
    issue = archive.issue(facts.roster)
    if issue is None:
        return []
    read = archive.held(facts.roster, facts.site_page, point, digest)
    forms = [] if isinstance(read, Why) else read
    found = [_granted_by(connection, archive, issue, held, digest) for held in forms]
    return [one for one in found if one is not None]


def granted_by(connection: Connection, digest: bytes, point: str, number: int) -> Granted | None:
    """What the roster of this number grants; None where it is not kept."""
    archive = StoredArchive(connection, Remembered())
    issue = archive.issue(number)
    if issue is None:
        return None
    return _granted_by(connection, archive, issue, archive.newest_held(number, point, digest), digest)


def _granted_by(
    connection: Connection, archive: StoredArchive, issue: Issue, held: Held | Why, digest: bytes
) -> Granted | None:
    if isinstance(held, Why):
        return None
    plans = _plans(connection, archive.profiles(issue.number, digest))
    return Granted(held.zone, held.grants, plans, held.demand, issue.number, issue.issued_ms, held.counted)


def _plans(connection: Connection, numbers: Sequence[int]) -> list[Label]:
    """What the plans of these profiles are called; a plan that is no more, by its name alone."""
    plans = list_plans(connection)
    labels: Mapping[str, Label] = {plan.name: plan.label for plan in (*plans, *of_visitors(plans, frozenset()))}
    names = {number: one.plan for one, number in find_profiles(connection, site_of(connection).name, None).items()}
    return [labels.get(name, Label(name, name)) for name in (names.get(number, "") for number in numbers)]


def _compiled(connection: Connection, digest: bytes, now_ms: int) -> list[Compiled]:
    """What is compiled of whom a credential belongs to: people, or a permit."""
    site = site_of(connection).name
    known = cards_with(connection, site, [digest])
    card = find_card(connection, known[0]) if known else None
    if card is not None and card.permit is not None:
        return list(compile_permits(load_rights(connection, site, [card.permit]), now_ms).values())
    return list(compile_people(load_people(connection, _bearers(connection, card)), now_ms).values())


def _bearers(connection: Connection, card: CardRow | None) -> list[int]:
    """The people with whom the rows of a credential are kept: who has it, or the members whose family card it is."""
    if card is None:
        return []
    if card.person is not None:
        return [card.person]
    return sorted(people_of_party(connection, site_of(connection).name, card.party)) if card.party is not None else []
