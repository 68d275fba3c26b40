"""What a plan gives: which zones it opens, on which schedule, to how many people of a party, for which fee and how
long, and how much of what runs there."""

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Literal

from msgspec import Struct, structs

from cloud.flats.rule import HOME, OWN_FLOOR, RELATIVE_ZONES
from cloud.store.labels import Label
from contract.decide import Tier
from contract.quantities import Quantity


class Days(Struct, frozen=True):
    """A term of so many days."""

    days: int


class Plan(Struct, frozen=True):
    """What a holder may. It is stored as one document: a field that is new here has a default, which the plans of
    before are read with.

    ``opens`` maps zones to names of schedules; the zones *home* and *own-floor* are others for each flat
    (``cloud.flats.rule``). ``places`` bounds the people of one party who may hold the plan at a time, the payer among
    them; None for a plan that each pays alone. The fee is for a ``term``, for a founder once for life.

    ``quantities`` ration the points of a class: what a holder may use of them, over all devices together; the first of
    them that is used up ends it. A class that is not named is used without bound wherever the plan opens it. In the
    zones of ``resets`` the holder may end an emergency and clear a fault.

    A membership goes on opening for ``grace_days`` after its end, and is reminded of it so many days ahead. One that
    ``follows`` the flat, or has the term of a lease, lasts no longer than its holder belongs to the party. One with a
    ``qualification`` opens only while its holder has that."""

    name: str
    tier: Tier
    fee_yuan: int
    places: int | None
    opens: Mapping[str, str]
    label: Label
    quantities: Mapping[str, tuple[Quantity, ...]] = {}
    resets: tuple[str, ...] = ()
    term: Literal["life", "lease"] | Days = "life"
    grace_days: int = 0
    reminder_days: tuple[int, ...] = ()
    follows: Literal["person", "flat"] = "person"
    qualification: str = ""

    @property
    def relative(self) -> list[str]:
        """The zones that it opens and that are others for each flat."""
        return [zone for zone in RELATIVE_ZONES if zone in self.opens]

    @property
    def ends_with_stay(self) -> bool:
        """Whether it lasts no longer than its holder belongs to the party."""
        return self.follows == "flat" or self.term == "lease"

    def rows_as(self, other: "Plan") -> bool:
        """Whether the rows of its holders are those that the other makes of them."""
        mine, others = (
            (one.tier, one.places, one.grace_days, one.ends_with_stay, one.qualification, one.relative)
            for one in (self, other)
        )
        return mine == others


def allotment_name(plan: str, kind: str) -> str:
    """What devices call what a plan gives of a class of points."""
    return f"{plan}-{kind}"


FLOOR_MINUTES = 60
"""What a device that cannot ask gives of charging, with as much of the energy."""


def charging(minutes: int, wh: int) -> tuple[Quantity, ...]:
    """So many minutes and so much energy a day."""
    floor = min(FLOOR_MINUTES, minutes)
    floor_wh = -(-wh * floor // minutes) if minutes else 0
    return Quantity(minutes, "minutes", floor=floor), Quantity(wh, "wh", floor=floor_wh)


FOUNDER_PLACES = 4
"""The payer and up to three named family members."""

RESIDENT = Plan(
    name="resident",
    tier=Tier.RESIDENT,
    fee_yuan=0,
    places=None,
    opens={"estate": "always", HOME: "always", OWN_FLOOR: "always"},
    label=Label("住户", "Resident"),
    quantities={"phone": charging(120, 75), "ebike": charging(480, 2_000), "ev": charging(480, 40_000)},
)
"""What everyone who lives in a flat has, whatever they owe: money never denies a home."""
FOUNDER = Plan("founder", Tier.FOUNDER, 3600, FOUNDER_PLACES, {"gym": "gym-hours"}, Label("创始会员", "Founder"))
YEARLY = Plan(
    "yearly", Tier.MEMBER, 365, None, {"gym": "gym-hours"}, Label("年度会员", "Yearly member"), term=Days(365)
)
RIDER = Plan(
    name="rider",
    tier=Tier.RIDER,
    fee_yuan=0,
    places=None,
    opens={"estate": "always", "hub": "always"},
    label=Label("骑手", "Rider"),
    quantities={"phone": charging(240, 150), "ebike": charging(480, 2_000), "ev": charging(120, 10_000)},
)
STAFF = Plan(
    name="staff",
    tier=Tier.STAFF,
    fee_yuan=0,
    places=None,
    opens={"estate": "always", "gym": "always", "hub": "always"},
    label=Label("物业人员", "Staff"),
    resets=("estate", "gym", "hub"),
)

VISITORS = "(visitors)"
"""In the place of a plan: what permits open. No plan has a name with brackets."""


def of_visitors(plans: Iterable[Plan], outer: Set[str]) -> Iterator[Plan]:
    """What permits open, as a plan: the way that residents go home, in the same hours, and nothing that is used there.
    That is the gates into ``outer`` zones, which have no other zone around them, then unit door and lift."""
    for plan in plans:
        if plan.name == RESIDENT.name:
            way = {zone: hours for zone, hours in plan.opens.items() if zone in outer or zone in RELATIVE_ZONES}
            label = Label("访客", "Visitors")
            yield structs.replace(
                plan, name=VISITORS, tier=Tier.GUEST, label=label, opens=way, quantities={}, resets=()
            )


STANDARD = (RESIDENT, FOUNDER, YEARLY, RIDER, STAFF)


ZONES = (("estate", "小区", "Estate"), ("gym", "健身房", "Gym"), ("hub", "骑手驿站", "Riders' hub"))
"""The zones that the standard plans open, as they are called where nobody says otherwise."""
