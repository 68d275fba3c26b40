"""What the pages of a person and of a party show of quantities: how much was used in this period, and where."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from cloud.devices.registry import site_of
from cloud.people.store import PersonView
from cloud.quantities.rule import overrun
from cloud.quantities.store import Given, KnownShare, family_holder, given_by_plans, given_of, shares_of
from cloud.quantities.words import AMOUNTS, PERIODS
from cloud.store.labels import Label
from cloud.web.domain import Panel, Visit
from cloud.web.roles import Right
from contract.decide import DAY_MS
from contract.quantities import PARTS, Quantity, UseKey, local_minute, period_at

SHOWN_MS = 40 * DAY_MS


class UsedAt(Struct, frozen=True):
    """What was used at one device, in whole units, and how much it may still give."""

    label: Label
    used: int
    spare: int
    noted_ms: int


class UseView(Struct, frozen=True):
    """One quantity of a person in this period, in whole units. Where it was used is a movement: ``at`` names the
    devices only for who has given a purpose."""

    plan: Label
    kind: str
    quantity: Quantity
    used: int
    over: int
    at: list[UsedAt]


def _used_by_person(visit: Visit, person: PersonView) -> dict[str, Any] | None:
    return _used_now(visit, person.holder, seen=person.holder in visit.scope.looked_at)


def _used_by_family(visit: Visit, party: Any) -> dict[str, Any] | None:
    """By family cards. Where a household went is nobody's purpose."""
    holder = family_holder(visit.connection, site_of(visit.connection).name, party.id)
    return None if holder is None else _used_now(visit, holder, seen=False)


def _used_now(visit: Visit, holder: bytes, *, seen: bool) -> dict[str, Any] | None:
    site = site_of(visit.connection)
    given = given_by_plans(visit.connection)
    known = shares_of(visit.connection, site.name, holder, visit.now_ms - SHOWN_MS)
    now = local_minute(ZoneInfo(site.zone), visit.now_ms)
    views = [
        view
        for key, shares in groupby(known, key=lambda one: one.key)
        if (view := _view(given, key, list(shares), now, seen=seen)) is not None
    ]
    return {"uses": views, "units": AMOUNTS, "periods": PERIODS} if views else None


def _view(
    given: Mapping[str, Given], key: UseKey, known: list[KnownShare], now: int | None, *, seen: bool
) -> UseView | None:
    """None for what no plan gives any more, and for another period than this one."""
    found = given_of(given, key)
    if found is None or now is None or period_at(found[1].per, now) != key.period:
        return None
    (of, quantity), parts = found, PARTS[key.unit]
    total = overrun(quantity.parts, {one.share.device: one.share for one in known})
    where = known if seen else []
    at = [UsedAt(one.label, one.share.net // parts, one.share.spare // parts, one.noted_ms) for one in where]
    return UseView(of.plan.label, of.kind, quantity, total.used // parts, -(-total.over // parts), at)


PANELS = (
    Panel("person", 45, "_used_by.html", _used_by_person),
    Panel("party", 25, "_used_by.html", _used_by_family, right=Right.DIRECTORY),
)
