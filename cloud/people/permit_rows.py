"""Permits as the compiler reads them, and whom a change concerns: the permits that it touches, and nobody else."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, exists, select

from cloud.flats.rule import Flat
from cloud.flats.store import served_places
from cloud.people.community import find_profiles, number_profiles
from cloud.people.grants import Credential, Profile
from cloud.people.permits import GATES_STAY_MS, Rights, TimedRight, at_gate, lasts, profiles_of
from cloud.people.plans import RIDER
from cloud.people.tables import credentials
from cloud.store.chunks import among, chunks
from cloud.store.revision import Touched, touch, touch_permits
from cloud.store.schema import flats, points, zones
from cloud.store.tables import permit_uses, permits
from contract.decide import Standing, Tier
from contract.demands import Assurance


def load_rights(connection: Connection, site: str, ids: Sequence[int]) -> Rights:
    """These permits with all that their rows follow from."""
    rows = [
        row
        for some in chunks(ids)
        for row in connection.execute(_PERMITS.where(permits.c.site == site, among(permits.c.id, some)))
    ]
    if not rows:
        return Rights(())
    carried = _credentials(connection, [row.id for row in rows])
    shuts = _shuts(connection, site, [row.id for row in rows if row.gates_until_ms is not None])
    rights = [_right(row, carried[row.id], shuts[row.id]) for row in rows]
    gates = gates_of(connection) if shuts else []
    homes = list({right.flat.name: right.flat for right in rights if right.flat is not None}.values())
    asking = exists().where(points.c.assurance.in_([one.name.lower() for one in Assurance if one]))
    asks_assurance = connection.execute(select(asking)).scalar_one()
    apart = [at_gate(plan, gate) for plan in {right.plan for right in rights if right.shuts} for gate in gates]
    return Rights(rights, find_profiles(connection, site, homes, apart), asks_assurance, gates)


def find_right(connection: Connection, site: str, permit: int) -> TimedRight | None:
    """What devices need to know of one permit; None if there is no such permit."""
    row = connection.execute(_PERMITS.where(permits.c.site == site, permits.c.id == permit)).first()
    return None if row is None else _right(row, _credentials(connection, [permit])[permit], {})


def number_of(connection: Connection, site: str, right: TimedRight) -> dict[Profile, int]:
    """The numbers of the profiles that rows of a permit may refer to."""
    return find_profiles(connection, site, [right.flat] if right.flat else [])


def note_permit(connection: Connection, site: str, permit: int) -> None:
    """A permit is new: the profiles of its way are numbered where nobody went that way before, and its rows made."""
    right = find_right(connection, site, permit)
    if right is not None:
        flats_of = [right.flat] if right.flat else []
        needed = _served(connection, profiles_of(right), flats_of)
        numbered = number_of(connection, site, right)
        missing = [one for one in needed if one not in numbered]
        if missing:
            number_profiles(connection, site, missing)
            touch(connection, Touched.TERMS)
    touch_permits(connection, site, permits.c.id == permit)


def gates_of(connection: Connection) -> list[str]:
    """The points that lead into the estate from the street: into a zone that no other is around, and to no flat more
    than to another."""
    leads = points.c.unit == "", points.c.flat == "", zones.c.parent == ""
    query = select(points.c.name).join(zones, zones.c.name == points.c.zone).where(*leads).order_by(points.c.name)
    return list(connection.execute(query).scalars())


def shut_gate(connection: Connection, site: str, permit: int, plan: str) -> None:
    """The uses of a permit are used up at some gate: from now on each gate of its plan is a profile of its own, and its
    rows say which is shut to it."""
    _number(connection, site, _unnumbered(connection, site, [plan]))
    touch_permits(connection, site, permits.c.id == permit)


def new_gates(connection: Connection, site: str, now_ms: int) -> list[Profile]:
    """The gates that are no profile yet, though a permit that counts goes gate by gate: they were added since."""
    gate_by_gate = permits.c.site == site, permits.c.gates_until_ms.is_not(None), permits.c.ended_ms.is_(None)
    lasting = select(permits.c.plan).where(*gate_by_gate, permits.c.until_ms + permits.c.late_ms > now_ms)
    return _unnumbered(connection, site, list(connection.execute(lasting.distinct()).scalars()))


def open_new_gates(connection: Connection, site: str, gates: Sequence[Profile]) -> None:
    """Permits that go gate by gate open these too."""
    _number(connection, site, gates)
    plans = {gate.plan for gate in gates}
    touch_permits(connection, site, permits.c.plan.in_(plans) & permits.c.gates_until_ms.is_not(None))


def _unnumbered(connection: Connection, site: str, plans: Sequence[str]) -> list[Profile]:
    gates = [at_gate(plan, gate) for plan in plans for gate in gates_of(connection)] if plans else []
    numbered = find_profiles(connection, site, [], gates)
    return [gate for gate in gates if gate not in numbered]


def _number(connection: Connection, site: str, profiles: Sequence[Profile]) -> None:
    if profiles:
        number_profiles(connection, site, profiles)
        touch(connection, Touched.TERMS)


def _shuts(connection: Connection, site: str, ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """By permit the gates at which its uses are used up, and until when each still opens."""
    used_up = permits.c.site == site, permits.c.uses > 0, permit_uses.c.uses >= permits.c.uses
    query = select(permit_uses.c.permit_id, permit_uses.c.point, permit_uses.c.last_ms)
    query = query.join(permits, permits.c.id == permit_uses.c.permit_id).where(*used_up)
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for some in chunks(ids):
        for row in connection.execute(query.where(among(permit_uses.c.permit_id, some))):
            found[row.permit_id][row.point] = row.last_ms + GATES_STAY_MS
    return found


def _served(connection: Connection, needed: Sequence[Profile], homes: Sequence[Flat]) -> list[Profile]:
    """Those of these profiles that points serve."""
    names = {place.name for place in served_places(connection)} if homes else set()
    return [one for one in needed if not one.place or one.place in names]


_PERMITS = select(
    permits,
    *(flats.c[name].label(f"flat_{name}") for name in ("name", "building", "unit", "floor")),
).outerjoin(flats, (flats.c.site == permits.c.site) & (flats.c.name == permits.c.flat))


def _right(row: Any, carried: Sequence[Credential], shuts: Mapping[str, int]) -> TimedRight:
    from_ms, until_ms = lasts(row)
    return TimedRight(
        row.id,
        row.holder,
        row.plan,
        Tier.RIDER if row.plan == RIDER.name else Tier.GUEST,
        from_ms,
        until_ms,
        shuts,
        row.ended_ms is not None,
        _flat(row),
        carried,
    )


def _flat(row: Any) -> Flat | None:
    return Flat(row.flat_name, row.flat_building, row.flat_unit, row.flat_floor) if row.flat_name else None


def _credentials(connection: Connection, ids: Sequence[int]) -> dict[int, list[Credential]]:
    """The credentials of these permits, by permit."""
    columns = (credentials.c[name] for name in ("permit_id", "digest", "standing", "assurance", "key"))
    query = select(*columns).order_by(credentials.c.id)
    found: dict[int, list[Credential]] = defaultdict(list)
    for some in chunks(ids):
        for row in connection.execute(query.where(among(credentials.c.permit_id, some))):
            worth = Assurance.COPYABLE if row.assurance is None else Assurance(row.assurance)
            one = Credential(0, row.digest, Standing(row.standing), worth, key=row.key or b"")
            found[row.permit_id].append(one)
    return found
