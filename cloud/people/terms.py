"""How long a membership lasts, who takes its places, and what ends or rests with its payer's. Pure.

Days are days of the site's calendar: a year that is paid ends at midnight, whatever summer time does.
"""

from calendar import isleap
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, time, timedelta, tzinfo
from itertools import pairwise

from cloud.parties.party import PartyMember, Span, common, joined
from cloud.people.members import Membership
from cloud.people.plans import Days, Plan
from contract.decide import DAY_MS, Standing

LAST_MS = 253_370_764_800_000
"""The beginning of the year 9999: no window ends later."""


REMINDERS_DAYS = (30, 7, 1)
"""Before the end of a membership whose plan names no others."""


def term_days(plan: Plan) -> int | None:
    """For how many days a plan is given; None for one that lasts for life or as long as a lease."""
    return plan.term.days if isinstance(plan.term, Days) else None


def is_for_life(plan: Plan) -> bool:
    return plan.term == "life"


def start_of_day(at_ms: int, zone: tzinfo) -> int:
    """Midnight at the beginning of that day."""
    day = datetime.fromtimestamp(at_ms // 1000, zone).date()
    return int(datetime.combine(day, time(), zone).timestamp()) * 1000


def after_days(at_ms: int, days: int, zone: tzinfo) -> int:
    """The same time of day so many days later, ``LAST_MS`` at the latest."""
    if at_ms + days * DAY_MS >= LAST_MS:
        return LAST_MS
    later = datetime.fromtimestamp(at_ms // 1000, zone) + timedelta(days=days)
    return int(later.timestamp()) * 1000 + at_ms % 1000


def after_years(at_ms: int, years: int, zone: tzinfo) -> int:
    """The same day and time so many years later; of a leap day the last of February."""
    then = datetime.fromtimestamp(at_ms // 1000, zone)
    year = min(then.year + years, 9998)
    day = 28 if (then.month, then.day) == (2, 29) and not isleap(year) else then.day
    return int(then.replace(year=year, day=day).timestamp()) * 1000 + at_ms % 1000


def renewal(ended_ms: int, days: int, grace_days: int, now_ms: int, zone: tzinfo) -> tuple[int, int]:
    """The window of a renewal. It adjoins the old end until the days of grace are over; after them it begins today."""
    is_in_time = now_ms < after_days(ended_ms, grace_days, zone)
    start_ms = ended_ms if is_in_time else start_of_day(now_ms, zone)
    return start_ms, after_days(start_ms, days, zone)


def due_reminder(until_ms: int, reminder_days: Sequence[int], now_ms: int, zone: tzinfo) -> int | None:
    """The reminder that is due of something that ends then: its days ahead, 0 once it is over, None before the
    first."""
    if until_ms <= now_ms:
        return 0
    reached = (days for days in reminder_days if until_ms <= after_days(now_ms, days, zone))
    return min(reached, default=None)


def too_many(held: Sequence[Membership], members: Sequence[PartyMember], places: int, now_ms: int) -> list[int]:
    """The people who hold a plan at the first moment, from now on, at which more do than it has places; nobody if that
    never happens. ``held`` are memberships of one plan in one party, whose ``members`` all hold one that is without a
    person. The payer comes first."""
    spans = [
        pair
        for one in sorted(held, key=lambda one: (not one.payer, one.id))
        if one.standing is Standing.ACTIVE
        for pair in _holders(one, members)
    ]
    moments = sorted({now_ms, *(start for _, (start, _) in spans if start > now_ms)})
    for at_ms in moments:
        holders = dict.fromkeys(person for person, span in spans if _runs(span, at_ms))
        if len(holders) > places:
            return list(holders)
    return []


def surplus(held: Sequence[Membership], places: int) -> dict[int, list[Span]]:
    """When somebody is one more than a plan has places, by person. ``held`` are memberships of one plan in one party.
    The payer has a place first, then whoever has held the plan there longest. What everybody of a party holds is
    counted where it is given, and not here."""
    own = [(one.person, one) for one in held if one.person is not None and one.standing is Standing.ACTIVE]
    if len({person for person, _ in own}) <= places:
        return {}
    since: dict[int, int] = {}
    for person, one in own:
        since[person] = min(one.id, since.get(person, one.id))
    own.sort(key=lambda pair: (not pair[1].payer, since[pair[0]]))
    found: dict[int, list[Span]] = defaultdict(list)
    moments = sorted({edge for _, one in own for edge in (one.from_ms, one.end_ms or LAST_MS)})
    for start, end in pairwise(moments):
        holders = dict.fromkeys(person for person, one in own if _runs((one.from_ms, one.end_ms), start))
        for person in list(holders)[places:]:
            found[person].append((start, 0 if end == LAST_MS else end))
    return {person: joined(spans) for person, spans in found.items()}


def without_place(held: Sequence[Membership], places: int, at_ms: int) -> list[int]:
    """The people who are one more than there are places at that moment: see ``surplus``."""
    spans = surplus(held, places).items()
    return [person for person, theirs in spans if any(_runs(span, at_ms) for span in theirs)]


def _holders(one: Membership, members: Sequence[PartyMember]) -> list[tuple[int, Span]]:
    mine = one.from_ms, one.end_ms
    if one.person is not None:
        return [(one.person, mine)]
    shared = [(member.person, common(mine, member.span)) for member in members]
    return [(person, span) for person, span in shared if span is not None]


def _runs(span: Span, at_ms: int) -> bool:
    return span[0] <= at_ms and (not span[1] or at_ms < span[1])


def _goes_on(one: Membership, at_ms: int) -> bool:
    """Whether it has not ended by then."""
    return not one.end_ms or at_ms < one.end_ms


def payer_of(held: Sequence[Membership], at_ms: int, *, for_life: bool) -> Membership | None:
    """Who pays for a family's memberships at that moment: the one that runs then and is in use. A plan for life was
    paid for once: whoever paid, has."""
    payers = [one for one in held if one.payer and one.standing is Standing.ACTIVE]
    return next((one for one in payers if for_life or _runs((one.from_ms, one.end_ms), at_ms)), None)


def end_with_payer(held: Sequence[Membership], ended: Membership, *, for_life: bool) -> list[Membership]:
    """The family's memberships that end when the payer's does: those that would go on after it, unless the plan is for
    life or somebody else pays on. ``held`` are those of the same plan and party."""
    at_ms = ended.end_ms
    if not ended.payer or for_life or not at_ms or _others_pay(held, ended, at_ms):
        return []
    return [one for one in held if not one.payer and _goes_on(one, at_ms)]


def rest_with_payer(held: Sequence[Membership], payer: Membership, now_ms: int) -> list[Membership]:
    """The family's memberships that are suspended when the payer's is: those in use, unless somebody else pays."""
    if not payer.payer or any(_runs((one.from_ms, one.end_ms), now_ms) for one in _other_payers(held, payer)):
        return []
    return [one for one in held if not one.payer and one.standing is Standing.ACTIVE and _goes_on(one, now_ms)]


def renewed_with_payer(held: Sequence[Membership], payer: Membership) -> list[Membership]:
    """The family's memberships that are renewed when the payer's is: those that end with it."""
    same_end = (one for one in held if payer.payer and not one.payer and one.end_ms == payer.end_ms)
    return [one for one in same_end if one.standing is Standing.ACTIVE]


def _others_pay(held: Sequence[Membership], ended: Membership, at_ms: int) -> bool:
    return any(_goes_on(one, at_ms) for one in _other_payers(held, ended))


def _other_payers(held: Sequence[Membership], payer: Membership) -> list[Membership]:
    return [one for one in held if one.payer and one.id != payer.id and one.standing is Standing.ACTIVE]
