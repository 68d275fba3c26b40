"""Who may end the emergency of a zone, or clear a fault there, by the card that they show."""

from msgspec.structs import replace

from contract.decide import CHECKS_OF_GRANT, Facts, Grant, Request, Standing, not_before
from contract.schedules import ALWAYS


def may_reset(grant: Grant, zone: str, facts: Facts, now_ms: int) -> bool:
    """Whether this grant lets its holder end the emergency of a zone, or clear a fault there. It does so at any hour;
    but a card that is lost, suspended or at its end resets nothing, nor does who is barred."""
    if zone not in grant.resets or grant.standing is not Standing.ACTIVE:
        return False
    now_ms = not_before(facts, now_ms)
    asked, at_any_hour = Request(zone, b""), replace(grant, points={zone: ALWAYS})
    return not any(check(asked, at_any_hour, facts, now_ms) for check in CHECKS_OF_GRANT.values())
