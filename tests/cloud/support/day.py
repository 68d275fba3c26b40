"""A day on which something happens everywhere."""

from tests.cloud.support.hub import RidersHub
from tests.cloud.support.town import Town


def a_day(town: Town) -> None:
    """Passages, a refusal, a fire, a session that ended, and two commands."""
    town.beats("gym-turnstile")
    town.beats("east-gate", faults={"emergency.estate": "fire"})
    town.happens("access.allowed", reason="allowed", holder=town.holder("Li Si"), direction="in")
    town.happens("access.refused", device="east-gate", reason="expired", holder=town.holder("Wang Wu"))
    town.happens("emergency.began", device="east-gate", point="", zone="estate", cause="fire")
    RidersHub(town).ends(point="phone-1")
    town.commands.issue("open_once", "gym-turnstile", {}, "gate", "a parcel")
    town.commands.issue("open_once", "east-gate", {}, "gate", "a parcel")
