"""What is wrong with a plan, by itself and beside the zones, hours and classes that there are. Pure."""

import re
from collections.abc import Collection, Iterator

from msgspec import Struct

from cloud.flats.rule import RELATIVE_ZONES
from cloud.people.plans import RESIDENT, Days, Plan, allotment_name
from contract.topics import NAME

MAX_FEE_YUAN = 1_000_000
MAX_PLACES = 100
MAX_DAYS = 3_660
MAX_GRACE_DAYS = 366


class Around(Struct, frozen=True):
    """The names that a plan may refer to."""

    zones: Collection[str]
    hours: Collection[str]
    classes: Collection[str]


def plan_faults(plan: Plan, around: Around) -> Iterator[tuple[str, str]]:
    """The field at fault, and the cure."""
    yield from _by_itself(plan)
    zones = {*around.zones, *RELATIVE_ZONES}
    for zone, hours in plan.opens.items():
        if zone not in zones:
            yield f"opens.{zone}", f"there is no zone {zone}; there is {_listed(zones)}"
        if hours not in around.hours:
            yield f"opens.{zone}", f"there are no hours {hours}; there is {_listed(around.hours)}"
    for zone in plan.resets:
        if zone not in around.zones:
            yield "resets", f"there is no zone {zone}; there is {_listed(around.zones)}"
    for name in plan.quantities:
        if name not in around.classes:
            yield f"quantities.{name}", f"there is no class {name}; there is {_listed(around.classes)}"


def _by_itself(plan: Plan) -> Iterator[tuple[str, str]]:
    if not re.fullmatch(NAME, plan.name):
        yield "name", "write lower-case letters, digits and hyphens, at most 40"
    if not 0 <= plan.fee_yuan <= MAX_FEE_YUAN:
        yield "fee_yuan", f"write 0 to {MAX_FEE_YUAN}"
    if plan.places is not None and not 1 <= plan.places <= MAX_PLACES:
        yield "places", f"write 1 to {MAX_PLACES}, or leave it out for a plan that each holds alone"
    if isinstance(plan.term, Days) and not 1 <= plan.term.days <= MAX_DAYS:
        yield "term.days", f"write 1 to {MAX_DAYS}"
    if not 0 <= plan.grace_days <= MAX_GRACE_DAYS:
        yield "grace_days", f"write 0 to {MAX_GRACE_DAYS}"
    if any(not 1 <= days <= MAX_GRACE_DAYS for days in plan.reminder_days):
        yield "reminder_days", f"write days of 1 to {MAX_GRACE_DAYS}"
    if len(set(plan.reminder_days)) < len(plan.reminder_days):
        yield "reminder_days", "a day stands twice; leave one out"
    for kind, quantities in plan.quantities.items():
        units = [quantity.unit for quantity in quantities]
        if not 0 < len(units) == len(set(units)):
            yield f"quantities.{kind}", "name one unit at least, and each of them once"
        if not re.fullmatch(NAME, allotment_name(plan.name, kind)):
            yield f"quantities.{kind}", "shorten the name of the plan or of the class: together they have 39 at most"
    if plan.name == RESIDENT.name and plan.tier is not RESIDENT.tier:
        yield "tier", f"the plan of everybody who lives here has the tier {RESIDENT.tier}"


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"
