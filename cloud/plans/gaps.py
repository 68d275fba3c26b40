"""What a setup leaves without a use: flats that nobody could enter, zones, plans and hours for nobody.

None of it is refused, for a community is often founded piece by piece.
"""

from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import TypeVar, cast

from msgspec import Struct

from cloud.duties.rule import Duty
from cloud.flats.rule import Flat, places_of_flat, served
from cloud.hours.rule import ALWAYS_NAME, SpecialDay
from cloud.hours.setup_tables import HoursRow
from cloud.people.plans import Plan
from cloud.points.rule import SetupPoint, SiteZone
from cloud.web.sentence import N_, Sentence, first_of

R = TypeVar("R", bound=Struct)

NO_WAY_HOME = N_("Nobody could enter these flats with a card, for no point that a plan opens leads to them: %(names)s.")
UNOPENED = N_("No plan opens these zones: %(names)s.")
OPENS_NOTHING = N_("These plans open nothing, so nobody gets in by them: %(names)s.")
NO_FLATS = N_("These plans are only for people of flats, and there is no flat: %(names)s.")
UNUSED_HOURS = N_("Nothing uses these hours: %(names)s.")


def gaps(rows: Mapping[type[Struct], Mapping[str, Struct]]) -> list[Sentence]:
    """One sentence for each kind of gap in the rows of a whole setup."""

    def of(kind: type[R]) -> Collection[R]:
        return cast("Mapping[str, R]", rows.get(kind, {})).values()

    plans, points, homes = of(Plan), of(SetupPoint), of(Flat)
    found = (
        (NO_WAY_HOME, _without_way(homes, points, plans)),
        (UNOPENED, _unopened(of(SiteZone), points, plans)),
        (OPENS_NOTHING, (plan.name for plan in plans if not plan.opens)),
        (NO_FLATS, (plan.name for plan in plans if not homes and _is_of_flats(plan))),
        (UNUSED_HOURS, _unused(of(HoursRow), plans, points, of(SpecialDay), of(Duty))),
    )
    return [Sentence(text, names=first_of(names)) for text, some in found if (names := list(some))]


def _without_way(homes: Collection[Flat], points: Collection[SetupPoint], plans: Collection[Plan]) -> Iterator[str]:
    opened = {zone for plan in plans for zone in plan.relative}
    ways = {place for place in served((one.unit, one.floor, one.flat) for one in points) if place.zone in opened}
    return (flat.name for flat in homes if ways.isdisjoint(places_of_flat(flat)))


def _unopened(zones: Collection[SiteZone], points: Collection[SetupPoint], plans: Collection[Plan]) -> Iterator[str]:
    """A zone is opened by way of its points. One whose points all lead to flats is opened as *home*, and one that has
    none may hold other zones."""
    opened = {zone for plan in plans for zone in plan.opens}
    common = {point.zone for point in points if not (point.unit or point.flat)}
    idle = {zone.parent for zone in zones} | {point.zone for point in points}
    return (zone.name for zone in zones if zone.name not in opened and (zone.name in common or zone.name not in idle))


def _is_of_flats(plan: Plan) -> bool:
    return plan.follows == "flat" or (bool(plan.opens) and len(plan.relative) == len(plan.opens))


def _unused(
    hours: Collection[HoursRow],
    plans: Collection[Plan],
    points: Collection[SetupPoint],
    days: Collection[SpecialDay],
    duties: Collection[Duty],
) -> Iterator[str]:
    by_plans = chain.from_iterable(plan.opens.values() for plan in plans)
    used = {
        ALWAYS_NAME,
        *by_plans,
        *(one.pin for one in points),
        *(one.hours for one in days),
        *(one.hours for one in duties),
    }
    return (one.name for one in hours if one.name not in used)
