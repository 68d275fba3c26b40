"""The kinds of permits: a row each, and no code of their own. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from cloud.cards.rule import CardKind
from cloud.people.plans import RIDER, VISITORS
from cloud.store.labels import N_
from contract.decide import DAY_MS, HOUR_MS, MINUTE_MS

UNTIL_MIDNIGHT = 0
OPENS_NOTHING = ""


class PermitKind(StrEnum):
    """What a permit comes from."""

    GUEST = "guest"
    RIDER = "rider"
    ORDER = "order"
    WALK_IN = "walk_in"
    BOOKING = "booking"
    LIST = "list"
    CREW = "crew"
    COLLECTOR = "collector"
    VAN = "van"
    SPACE = "space"
    GOODS = "goods"


EVERY_CREDENTIAL = frozenset({CardKind.CODE, CardKind.TOKEN, CardKind.PLATE, CardKind.CARD})


class KindRule(Struct, frozen=True, kw_only=True):
    """One kind of permit. ``label`` is a text of the catalogue. It opens what ``plan`` opens: the way to the flat, the
    zones of another plan, or nothing at all. ``needs_flat`` and ``needs_plate`` say what has to be filled in;
    ``to_vacant``: it may lead to a flat in which nobody lives.

    It usually lasts ``usual_ms`` (0: until midnight), and at most ``most_ms``; it opens ``early_ms`` before and
    ``late_ms`` after. ``uses`` count at each gate (0: no bound), ``clock_ms`` runs from the first use (0: none). Of
    people, or of pieces of goods, there are at most ``most_people``. ``by_inviter``: residents draw it up themselves;
    ``by_guard``: guards do. ``asks_flat``: a guard rings the flat first."""

    label: str
    plan: str = VISITORS
    needs_flat: bool = False
    needs_plate: bool = False
    to_vacant: bool = False
    usual_ms: int = UNTIL_MIDNIGHT
    most_ms: int = DAY_MS
    early_ms: int = 0
    late_ms: int = 0
    uses: int = 0
    clock_ms: int = 0
    most_people: int = 20
    credentials: frozenset[CardKind] = EVERY_CREDENTIAL
    by_inviter: bool = False
    by_guard: bool = False
    asks_flat: bool = False

    @property
    def has_goods(self) -> bool:
        return self.plan == OPENS_NOTHING


_HALF_HOUR_MS = 30 * MINUTE_MS

KINDS: Mapping[PermitKind, KindRule] = {
    PermitKind.GUEST: KindRule(
        label=N_("Guest"),
        needs_flat=True,
        most_ms=7 * DAY_MS,
        early_ms=_HALF_HOUR_MS,
        late_ms=_HALF_HOUR_MS,
        by_inviter=True,
    ),
    PermitKind.RIDER: KindRule(
        label=N_("Rider"),
        plan=RIDER.name,
        usual_ms=2 * HOUR_MS,
        most_ms=4 * HOUR_MS,
        clock_ms=2 * HOUR_MS,
        most_people=1,
        by_guard=True,
    ),
    PermitKind.ORDER: KindRule(
        label=N_("Delivery"),
        needs_flat=True,
        most_ms=2 * DAY_MS,
        uses=1,
        clock_ms=2 * HOUR_MS,
        most_people=2,
        by_inviter=True,
    ),
    PermitKind.WALK_IN: KindRule(
        label=N_("Walk-in visitor"), needs_flat=True, uses=1, late_ms=_HALF_HOUR_MS, by_guard=True, asks_flat=True
    ),
    PermitKind.BOOKING: KindRule(label=N_("Booking"), early_ms=15 * MINUTE_MS, late_ms=15 * MINUTE_MS, most_people=200),
    PermitKind.LIST: KindRule(
        label=N_("Guest list"),
        early_ms=HOUR_MS,
        late_ms=HOUR_MS,
        most_people=500,
        credentials=frozenset({CardKind.CODE}),
    ),
    PermitKind.CREW: KindRule(
        label=N_("Work crew"), needs_flat=True, to_vacant=True, usual_ms=DAY_MS, most_ms=92 * DAY_MS, late_ms=HOUR_MS
    ),
    PermitKind.COLLECTOR: KindRule(
        label=N_("Who collects a child"), needs_flat=True, usual_ms=DAY_MS, most_ms=366 * DAY_MS, most_people=2
    ),
    PermitKind.VAN: KindRule(
        label=N_("Van"),
        needs_flat=True,
        needs_plate=True,
        to_vacant=True,
        most_ms=2 * DAY_MS,
        late_ms=HOUR_MS,
        by_inviter=True,
        by_guard=True,
    ),
    PermitKind.SPACE: KindRule(
        label=N_("Visitor's parking space"),
        needs_plate=True,
        most_ms=7 * DAY_MS,
        late_ms=_HALF_HOUR_MS,
        by_inviter=True,
        by_guard=True,
    ),
    PermitKind.GOODS: KindRule(
        label=N_("Goods slip"),
        plan=OPENS_NOTHING,
        needs_flat=True,
        to_vacant=True,
        most_ms=2 * DAY_MS,
        most_people=500,
        credentials=frozenset(),
        by_inviter=True,
    ),
}
