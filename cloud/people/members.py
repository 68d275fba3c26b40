"""Memberships: who holds a plan and when, and the windows that devices are told of."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Literal, Protocol

from msgspec import Struct

from cloud.parties.party import earlier, joined
from contract.decide import DAY_MS, ROSTER_AGE_LIMIT_MS, Standing, Tier

Stated = Literal[Standing.ACTIVE, Standing.SUSPENDED, Standing.LOST]
STATED: tuple[Stated, ...] = (Standing.ACTIVE, Standing.SUSPENDED, Standing.LOST)
"""What an operator says of a card or a membership. All other standings follow from what is known of people."""
SEVERITY = (
    Standing.ACTIVE,
    Standing.SURPLUS,
    Standing.UNQUALIFIED,
    Standing.BARRED,
    Standing.SUSPENDED,
    Standing.LOST,
)
"""The better standing comes first: up to a bar a home stays open, and a lost card opens no home of whoever is
barred."""
OPEN_NOTHING = (Standing.SUSPENDED, Standing.LOST)
STAFF_PIN_DIGITS = 6
"""The least digits of a PIN that counts where somebody passes as staff: their cards open everything."""
MAX_HELD = 512
"""Memberships of one person that are kept, those that have ended among them."""
MAX_WINDOWS = 64
"""Windows of one plan and one person that devices are told of: those that begin first."""
ENDED_SHOWN_MS = 90 * DAY_MS
"""How long an ended membership stays in the rosters, so that a refusal can say that it has ended."""
AHEAD_MS = 31 * DAY_MS
"""How long before it begins a membership is in the rosters: never shorter than a device may go on with an old roster
(``ROSTER_AGE_LIMIT_MS``), and a day more for the time until it is published. For tiers without that limit everything to
come is."""


def stated(text: str) -> Stated:
    """The standing that an operator has chosen. Raises ``ValueError`` for one that is not theirs to give."""
    return STATED[STATED.index(Standing(text))]


def ahead_ms(tier: Tier) -> int | None:
    """How long before it begins a membership of this tier is published; None for no bound."""
    return None if ROSTER_AGE_LIMIT_MS[tier] is None else AHEAD_MS


class Member(Struct, frozen=True):
    """A person, as far as rosters speak of them. ``holder`` is all that devices ever know of one. Who is staff and is
    marked to ``override`` passes a lockdown with their PIN."""

    id: int
    holder: bytes
    ended_ms: int | None = None
    override: bool = False


class Membership(Struct, frozen=True):
    """A plan that a person holds over a half-open window (UTC milliseconds, 0 for no bound): alone, or as one of a
    party. Without a person, everybody of the party holds it. An operator may have ended it at ``ended_ms``, whatever
    was agreed."""

    id: int
    person: int | None
    plan: str
    payer: bool = False
    from_ms: int = 0
    until_ms: int = 0
    standing: Standing = Standing.ACTIVE
    party: int | None = None
    ended_ms: int | None = None

    @property
    def end_ms(self) -> int:
        """When it ends: as agreed, or before that by an operator; 0 for no bound. Days of grace follow an agreed end
        only."""
        return earlier(self.until_ms, self.ended_ms)

    def overlaps(self, other: "Membership") -> bool:
        """Whether both are the same plan at some moment."""
        starts_first = not other.end_ms or self.from_ms < other.end_ms
        return self.plan == other.plan and starts_first and (not self.end_ms or other.from_ms < self.end_ms)


class Obstacle(StrEnum):
    """Why somebody cannot be given a membership."""

    SAME_PLAN = "same_plan"
    TOO_MANY = "too_many"


def obstacle(held: Sequence[Membership], new: Membership) -> Obstacle | None:
    """Why a person who holds these cannot be given the new one. A suspended one stands in nobody's way."""
    others = [membership for membership in held if membership.id != new.id]
    if any(membership.standing is Standing.ACTIVE and membership.overlaps(new) for membership in others):
        return Obstacle.SAME_PLAN
    return Obstacle.TOO_MANY if len(others) >= MAX_HELD else None


class Timed(Protocol):
    """What holds over a half-open window of UTC milliseconds, 0 for no bound."""

    @property
    def from_ms(self) -> int: ...
    @property
    def until_ms(self) -> int: ...
    @property
    def standing(self) -> Standing: ...


def is_shown(one: Timed, tier: Tier, now_ms: int) -> bool:
    """Whether a roster should speak of it: already, and still."""
    ahead = ahead_ms(tier)
    is_near = ahead is None or one.from_ms <= now_ms + ahead
    return is_near and (not one.until_ms or now_ms < one.until_ms + ENDED_SHOWN_MS)


def edges(one: Timed, tier: Tier) -> Iterator[int]:
    """When time alone changes what rosters say of it: it comes near, ends, or ended long ago."""
    ahead = ahead_ms(tier)
    if ahead is not None:
        yield one.from_ms - ahead
    if one.until_ms:
        yield one.until_ms // 1000 * 1000
        yield one.until_ms + ENDED_SHOWN_MS


class Window(Struct, frozen=True, order=True):
    """When a plan holds, in half-open UTC seconds, 0 for no bound."""

    from_s: int
    until_s: int
    standing: Standing

    def has_ended(self, now_ms: int) -> bool:
        return 0 < self.until_s * 1000 <= now_ms


def windows(held: Sequence[Timed], at_least: Standing, now_ms: int) -> tuple[list[Window], int]:
    """When somebody's memberships of one plan hold, for a card of this standing; and how many windows are left out.

    Windows that adjoin or overlap are one. Of those that have ended only the last is told, and of two that begin
    together only the better one, so that no two begin together. If they are too many, those without an end come first.
    """
    if len(held) == 1:  # as almost everybody's: to sort one window takes longer than all else
        standing = max(held[0].standing, at_least, key=SEVERITY.index)
        return [Window(held[0].from_ms // 1000, held[0].until_ms // 1000, standing)], 0
    by_standing: dict[Standing, list[tuple[int, int]]] = defaultdict(list)
    for one in held:
        standing = max(one.standing, at_least, key=SEVERITY.index)
        by_standing[standing].append((one.from_ms // 1000, one.until_ms // 1000))
    best: dict[int, Window] = {}
    for standing in sorted(by_standing, key=SEVERITY.index):
        for from_s, until_s in joined(by_standing[standing]):
            best.setdefault(from_s, Window(from_s, until_s, standing))
    ended = [window for window in best.values() if window.has_ended(now_ms)]
    last = max(ended, key=lambda window: (window.until_s, window.from_s), default=None)
    told = sorted(
        (window for window in best.values() if window is last or not window.has_ended(now_ms)),
        key=lambda window: (
            window.standing in OPEN_NOTHING,
            window is last,
            window.until_s != 0,
            window.from_s,
        ),
    )
    return sorted(told[:MAX_WINDOWS]), max(0, len(told) - MAX_WINDOWS)
