"""The link that registers a telephone, and who may do what with a household's cards. Pure."""

from collections.abc import Collection
from enum import StrEnum

from cloud.parties.party import MemberRole, PartyMember
from cloud.people.traits import is_month
from contract.decide import DAY_MS

LINK_LASTS_MS = DAY_MS
"""A day: the office hands it over at the desk, or sends it to somebody who is at home in the evening."""
LOGIN_LASTS_MS = 180 * DAY_MS
"""Since the telephone was seen last. Who has not opened the page for half a year comes to the desk once more."""
SEEN_EVERY_MS = DAY_MS
"""How often it is noted that a telephone was seen."""
MAX_PHONES = 5
"""Of one person, at the same time."""
CONSENT_BELOW_YEARS = 14
"""Whose data need a guardian's consent (Personal Information Protection Law of China, article 31)."""
GROWN = frozenset({MemberRole.OWNER, MemberRole.PAYER, MemberRole.ADULT, MemberRole.TENANT})
"""The roles of those who speak for a household."""


class LinkState(StrEnum):
    """Whether a link still registers a telephone."""

    OPEN = "open"
    USED = "used"
    EXPIRED = "expired"
    ENDED = "ended"


def link_state(until_ms: int, used_ms: int | None, ended_ms: int | None, now_ms: int) -> LinkState:
    """What has become of a link."""
    if used_ms is not None:
        return LinkState.USED
    if ended_ms is not None:
        return LinkState.ENDED
    return LinkState.OPEN if now_ms < until_ms else LinkState.EXPIRED


def needs_consent(born: str, today: tuple[int, int]) -> bool:
    """Whether somebody of this month of birth is under 14; ``today`` is year and month of the site. In the month of the
    fourteenth birthday they still are: no day of birth is kept."""
    if not is_month(born):
        return False
    year, month = map(int, born.split("-"))
    return (today[0] - year) * 12 + today[1] - month <= CONSENT_BELOW_YEARS * 12


def speaks_for(role: MemberRole) -> bool:
    """Whether a member in this role speaks for the household: invites, and looks after its children's cards."""
    return role in GROWN


def may_report_lost(me: PartyMember, other: PartyMember | None) -> bool:
    """Whether a member may report the card of another lost, or with None the family card. Their own, and those of
    children if they speak for the household: an adult's card is not ended by another adult's word."""
    if other is None:
        return speaks_for(me.role)
    return other.person == me.person or (speaks_for(me.role) and other.role is MemberRole.CHILD)


def present(members: Collection[PartyMember], now_ms: int) -> list[PartyMember]:
    """Those of them who belong to the party now."""
    return [one for one in members if one.span[0] <= now_ms and (not one.span[1] or now_ms < one.span[1])]
