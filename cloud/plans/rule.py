"""What is wrong with a plan, by itself and beside the zones, hours and classes that there are. Pure."""

import re
from collections.abc import Collection, Iterator

from msgspec import Struct

from cloud.flats.rule import RELATIVE_ZONES
from cloud.hours.rule import ALWAYS_NAME
from cloud.people.plans import RESIDENT, Days, Plan, allotment_name
from cloud.web.sentence import N_, Sentence, UnknownName
from contract.decide import Tier
from contract.topics import NAME

MAX_FEE_YUAN = 1_000_000
MAX_PLACES = 100
MAX_DAYS = 3_660
MAX_GRACE_DAYS = 366


NO_ZONE = N_("there is no zone %(name)s; there is %(there)s")
NO_HOURS = N_("there are no hours %(name)s; there is %(there)s")
NO_CLASS = N_("there is no class %(name)s; there is %(there)s")
BAD_NAME = N_("write lower-case letters, digits and hyphens, at most 40")
FROM_TO = N_("write %(least)s to %(most)s")
BAD_PLACES = N_("write 1 to %(most)s, or leave it out for a plan that each holds alone")
TWICE = N_("a day stands twice; leave one out")
UNITS_ONCE = N_("name one unit at least, and each of them once")
LONG_NAMES = N_("shorten the name of the plan or of the class: together they have 39 at most")
RESIDENT_TIER = N_("the plan of everybody who lives here has the tier %(tier)s")
HOME_AT_ALL_HOURS = N_("residents get home at all hours; write %(hours)s, or another tier")
COUNTED_IN_ITEMS = N_("what may run at the same time is counted in items; write that unit")


class Around(Struct, frozen=True):
    """The names that a plan may refer to."""

    zones: Collection[str]
    hours: Collection[str]
    classes: Collection[str]


def plan_faults(plan: Plan, around: Around) -> Iterator[tuple[str, Sentence]]:
    """The field at fault, and the cure."""
    yield from _by_itself(plan)
    zones = {*around.zones, *RELATIVE_ZONES}
    for zone, hours in plan.opens.items():
        if zone not in zones:
            yield f"opens.{zone}", UnknownName(NO_ZONE, name=zone, there=_listed(zones))
        if hours not in around.hours:
            yield f"opens.{zone}", UnknownName(NO_HOURS, name=hours, there=_listed(around.hours))
    for zone in plan.resets:
        if zone not in around.zones:
            yield "resets", UnknownName(NO_ZONE, name=zone, there=_listed(around.zones))
    for name in plan.quantities:
        if name not in around.classes:
            yield f"quantities.{name}", UnknownName(NO_CLASS, name=name, there=_listed(around.classes))


def _by_itself(plan: Plan) -> Iterator[tuple[str, Sentence]]:
    if not re.fullmatch(NAME, plan.name):
        yield "name", Sentence(BAD_NAME)
    if not 0 <= plan.fee_yuan <= MAX_FEE_YUAN:
        yield "fee_yuan", Sentence(FROM_TO, least=0, most=MAX_FEE_YUAN)
    if plan.places is not None and not 1 <= plan.places <= MAX_PLACES:
        yield "places", Sentence(BAD_PLACES, most=MAX_PLACES)
    if isinstance(plan.term, Days) and not 1 <= plan.term.days <= MAX_DAYS:
        yield "term.days", Sentence(FROM_TO, least=1, most=MAX_DAYS)
    if not 0 <= plan.grace_days <= MAX_GRACE_DAYS:
        yield "grace_days", Sentence(FROM_TO, least=0, most=MAX_GRACE_DAYS)
    if any(not 1 <= days <= MAX_GRACE_DAYS for days in plan.reminder_days):
        yield "reminder_days", Sentence(FROM_TO, least=1, most=MAX_GRACE_DAYS)
    if len(set(plan.reminder_days)) < len(plan.reminder_days):
        yield "reminder_days", Sentence(TWICE)
    for kind, quantities in plan.quantities.items():
        if any(one.is_concurrent and one.unit != "items" for one in quantities):
            yield f"quantities.{kind}", Sentence(COUNTED_IN_ITEMS)
        units = [quantity.unit for quantity in quantities]
        if not 0 < len(units) == len(set(units)):
            yield f"quantities.{kind}", Sentence(UNITS_ONCE)
        if not re.fullmatch(NAME, allotment_name(plan.name, kind)):
            yield f"quantities.{kind}", Sentence(LONG_NAMES)
    if plan.name == RESIDENT.name and plan.tier is not RESIDENT.tier:
        yield "tier", Sentence(RESIDENT_TIER, tier=RESIDENT.tier.value)
    for zone in plan.relative if plan.tier is Tier.RESIDENT else ():
        if plan.opens[zone] != ALWAYS_NAME:
            yield f"opens.{zone}", Sentence(HOME_AT_ALL_HOURS, hours=ALWAYS_NAME)


def _listed(names: Collection[str]) -> list[str]:
    return sorted(names) or [Sentence(N_("none"))]
