"""What a plan gives: which zones it opens, on which schedule, to how many people of a household, for which fee."""

from collections.abc import Mapping

from msgspec import Struct

from contract.decide import Tier
from contract.schedules import ALWAYS, Schedule


class Plan(Struct, frozen=True):
    """``opens`` maps zones to names of schedules. ``places`` bounds the people of one household who may hold the plan,
    the payer among them; None for a plan that each pays alone. The fee is for a year, for a founder once for life."""

    name: str
    tier: Tier
    fee_yuan: int
    places: int | None
    opens: Mapping[str, str]
    label_zh: str
    label_en: str


FOUNDER_PLACES = 4
"""The payer and up to three named family members."""

RESIDENT = Plan("resident", Tier.RESIDENT, 0, None, {"estate": "always"}, "住户", "Resident")
"""What everyone of a household has, whatever they owe: money never denies a home gate."""
FOUNDER = Plan("founder", Tier.FOUNDER, 3600, FOUNDER_PLACES, {"gym": "gym-hours"}, "创始会员", "Founder")
YEARLY = Plan("yearly", Tier.MEMBER, 365, None, {"gym": "gym-hours"}, "年度会员", "Yearly member")
RIDER = Plan("rider", Tier.RIDER, 0, None, {"estate": "always", "hub": "always"}, "骑手", "Rider")
STAFF = Plan("staff", Tier.STAFF, 0, None, {"estate": "always", "gym": "always", "hub": "always"}, "物业人员", "Staff")

STANDARD = (RESIDENT, FOUNDER, YEARLY, RIDER, STAFF)


class Hours(Struct, frozen=True):
    """A schedule under its name."""

    name: str
    schedule: Schedule
    label_zh: str
    label_en: str


HOURS = (
    Hours("always", ALWAYS, "全天", "Always"),
    Hours("gym-hours", Schedule(week=(((6 * 60, 22 * 60 + 30),),) * 7), "健身房开放时间", "Gym hours"),
)
