"""What was lent and used, as it is stored; and what the estate gives of each quantity."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import Connection, delete, insert, select

from cloud.people.grants import Point, share
from cloud.people.plans import Plan, allotment_name
from cloud.people.store import list_plans
from cloud.quantities.rule import Share, Shares
from cloud.quantities.tables import quantity_shares
from cloud.store.labels import Label
from cloud.store.schema import devices, parties, people, points
from contract.quantities import PARTS, Quantity, Unit, UseKey, name_in_roster

LENDS_FROM = 3
"""The version of site pages from which on a device reads quantities. Any other has a share of its own."""
_FIELDS = [quantity_shares.c[name] for name in Share.__struct_fields__]


class Given(Struct, frozen=True):
    """What a plan gives of a class of points."""

    plan: Plan
    kind: str

    def quantity(self, unit: Unit) -> Quantity | None:
        return next((one for one in self.plan.quantities[self.kind] if one.unit == unit), None)


class KnownShare(Struct, frozen=True):
    """A stored share, with its place in what was lent."""

    key: UseKey
    share: Share
    label: Label
    noted_ms: int


def given_by_plans(connection: Connection) -> Mapping[str, Given]:
    """What plans give, by the name of the allotment."""
    pairs = ((plan, kind) for plan in list_plans(connection) for kind in plan.quantities)
    return {allotment_name(plan.name, kind): Given(plan, kind) for plan, kind in pairs}


def lendable(connection: Connection, site: str, given: Given, quantity: Quantity) -> int:
    """How much of a quantity there is to lend, in parts: all but the shares of devices that read no quantities."""
    places, versions = _places(connection, site, given.kind)
    of_each = share(given.plan, given.kind, places)
    shares: dict[Unit, int] = {"minutes": of_each.minutes, "wh": of_each.wh}
    old = sum(version is not None and version < LENDS_FROM for version in versions.values())
    return quantity.parts - old * shares.get(quantity.unit, 0) * PARTS[quantity.unit]


def givers(connection: Connection, site: str, given: Given) -> set[str]:
    """The devices that give of it, and read quantities."""
    _, versions = _places(connection, site, given.kind)
    return {name for name, version in versions.items() if version is not None and version >= LENDS_FROM}


def _places(connection: Connection, site: str, kind: str) -> tuple[list[Point], dict[str, int | None]]:
    """The points of a class, and the version of site pages that each of their devices reads."""
    rows = connection.execute(
        select(points.c.name, points.c.zone, points.c.device, devices.c.page_version)
        .outerjoin(devices, (devices.c.name == points.c.device) & (devices.c.site == site))
        .where(points.c["class"] == kind)
    ).all()
    places = [Point(row.name, row.zone, row.device, kind) for row in rows]
    return places, {row.device: row.page_version for row in rows}


def is_holder(connection: Connection, site: str, holder: str) -> bool:
    """Whether this is a person, or a party with a family card."""
    mine = bytes.fromhex(holder)
    found = (
        select(people.c.id)
        .where(people.c.holder == mine)
        .union_all(select(parties.c.id).where(parties.c.site == site, parties.c.holder == mine))
    )
    return connection.execute(found).first() is not None


def family_holder(connection: Connection, site: str, party: int) -> bytes | None:
    """What devices know of whoever has a family card of this party; None where it never had one."""
    mine = parties.c.site == site, parties.c.id == party
    holder: bytes | None = connection.execute(select(parties.c.holder).where(*mine)).scalar()
    return holder


def lost_among(connection: Connection, site: str, names: Sequence[str]) -> set[str]:
    """Which of these devices give nothing any more: they are lost, or not registered."""
    here = select(devices.c.name).where(devices.c.site == site, devices.c.name.in_(names), devices.c.lost_ms.is_(None))
    return set(names) - set(connection.execute(here).scalars())


def load_shares(connection: Connection, site: str, key: UseKey) -> Shares:
    """The shares of all devices in a quantity."""
    rows = connection.execute(select(*_FIELDS).where(*_is(site, key)))
    return {row.device: Share(*row) for row in rows}


def save_shares(connection: Connection, site: str, key: UseKey, shares: Sequence[Share], now_ms: int) -> None:
    for one in shares:
        values = {**_named(site, key), **asdict(one), "noted_ms": now_ms}
        connection.execute(delete(quantity_shares).where(*_is(site, key), quantity_shares.c.device == one.device))
        connection.execute(insert(quantity_shares).values(values))


def forget_before(connection: Connection, site: str, key: UseKey, period: int) -> None:
    """Forget what was lent of a quantity in the periods before."""
    theirs = _named(site, key)
    del theirs["period"]
    same = [quantity_shares.c[name] == value for name, value in theirs.items()]
    connection.execute(delete(quantity_shares).where(*same, quantity_shares.c.period < period))


def shares_of(connection: Connection, site: str, holder: bytes, since_ms: int) -> list[KnownShare]:
    """What a holder was lent and used, as far as the cloud has heard of it since."""
    query = (
        select(quantity_shares, devices.c.label_zh, devices.c.label_en)
        .outerjoin(devices, (devices.c.name == quantity_shares.c.device) & (devices.c.site == site))
        .where(quantity_shares.c.site == site, quantity_shares.c.holder == holder)
        .where(quantity_shares.c.noted_ms >= since_ms)
        .order_by(quantity_shares.c.allotment, quantity_shares.c.unit, quantity_shares.c.device)
    )
    return [_known(row) for row in connection.execute(query)]


def _known(row: Any) -> KnownShare:
    key = UseKey(row.holder.hex(), row.allotment, row.unit, row.period)
    one = Share(*(getattr(row, name) for name in Share.__struct_fields__))
    return KnownShare(key, one, Label(row.label_zh or row.device, row.label_en or row.device), row.noted_ms)


def given_of(given: Mapping[str, Given], key: UseKey) -> tuple[Given, Quantity] | None:
    """What a plan gives of this, None where none does any more."""
    one = given.get(name_in_roster(key.allotment))
    quantity = one.quantity(key.unit) if one else None
    return (one, quantity) if one and quantity else None


def _is(site: str, key: UseKey) -> list[Any]:
    return [quantity_shares.c[name] == value for name, value in _named(site, key).items()]


def _named(site: str, key: UseKey) -> dict[str, Any]:
    holder = bytes.fromhex(key.holder)
    return {"site": site, "holder": holder, "allotment": key.allotment, "unit": key.unit, "period": key.period}
