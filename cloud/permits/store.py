"""Permits as they are stored: drawn up, changed, listed, and with the credentials that they own."""

import secrets
from collections import defaultdict
from collections.abc import Sequence, Set
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import ColumnElement, Connection, Select, case, delete, func, insert, select, update

from cloud.cards.rule import CardKind
from cloud.parties.party import AT_HOME, MemberRole
from cloud.people.pass_terms import withdraw_passes
from cloud.people.permit_rows import note_permit
from cloud.people.tables import credentials
from cloud.permits.kinds import PermitKind
from cloud.permits.rule import Permit
from cloud.store.chunks import among
from cloud.store.labels import Label
from cloud.store.revision import touch_permits
from cloud.store.schema import parties, party_members, people
from cloud.store.tables import permit_uses, permits
from contract.roster import HOLDER_BYTES

_COLUMNS = [permits.c["inviter_id" if name == "inviter" else name] for name in Permit.__struct_fields__]
_SECRET = (CardKind.CODE, CardKind.TOKEN)
OF_PERMITS = (CardKind.CODE, CardKind.TOKEN, CardKind.PLATE, CardKind.PHONE)
"""Credentials that are made for a permit, and go with it. A card goes back into stock."""


class PermitView(Struct, frozen=True):
    """A permit as it is listed: with the name of whoever answers for it, None for an operator, and what credentials it
    has, by their kinds."""

    permit: Permit
    inviter: Label | None
    credentials: tuple[str, ...] = ()

    @property
    def has_code(self) -> bool:
        return CardKind.CODE in self.credentials

    @property
    def has_secret(self) -> bool:
        """Whether there is anything to show again: a code, or a printed token."""
        return not set(_SECRET).isdisjoint(self.credentials)


def add_permit(connection: Connection, site: str, new: Permit) -> int:
    """The new permit's id; its own ``id`` and ``holder`` are not looked at."""
    values = structs.asdict(new) | {"site": site, "holder": secrets.token_bytes(HOLDER_BYTES)}
    del values["id"]
    values["inviter_id"] = values.pop("inviter")
    added = int(connection.execute(insert(permits).values(values).returning(permits.c.id)).scalar_one())
    note_permit(connection, site, added)
    return added


def change_permit(connection: Connection, site: str, permit: int, **values: object) -> None:
    connection.execute(update(permits).where(permits.c.site == site, permits.c.id == permit).values(values))
    touch_permits(connection, site, permits.c.id == permit)


def find_permit(connection: Connection, site: str, permit: int) -> Permit | None:
    row = connection.execute(select(*_COLUMNS).where(permits.c.site == site, permits.c.id == permit)).first()
    return None if row is None else _permit(row)


def view_permit(connection: Connection, site: str, permit: int) -> PermitView | None:
    found = _views(connection, site, permits.c.id == permit, 1)
    return found[0] if found else None


def permits_between(connection: Connection, site: str, since_ms: int, until_ms: int, limit: int) -> list[PermitView]:
    """Those that count at some moment between these, or whose holders are still inside. The first to begin comes
    first."""
    counts = (permits.c.from_ms - permits.c.early_ms < until_ms) & (permits.c.until_ms + permits.c.late_ms > since_ms)
    is_inside = permits.c.in_ms > func.coalesce(permits.c.out_ms, 0)
    return _views(connection, site, counts | is_inside, limit)


def permits_of_inviter(connection: Connection, site: str, person: int, limit: int) -> list[PermitView]:
    """What somebody answers for. The newest comes first."""
    return _views(connection, site, permits.c.inviter_id == person, limit)[::-1]


def permits_of_flat(connection: Connection, site: str, flat: str, limit: int) -> list[PermitView]:
    """The newest first."""
    return _views(connection, site, permits.c.flat == flat, limit)[::-1]


def permits_of_plate(connection: Connection, site: str, plate: str, limit: int = 10) -> list[PermitView]:
    """The newest first."""
    return _views(connection, site, permits.c.plate == plate, limit)[::-1]


def drawn_since(connection: Connection, site: str, flat: str, since_ms: int) -> int:
    """How many were drawn up for a flat since then."""
    mine = permits.c.site == site, permits.c.flat == flat, permits.c.drawn_ms >= since_ms
    return int(connection.execute(select(func.count()).select_from(permits).where(*mine)).scalar_one())


def live_permits(connection: Connection, site: str, now_ms: int) -> int:
    """How many count now, or will."""
    mine = permits.c.site == site, permits.c.ended_ms.is_(None), permits.c.until_ms + permits.c.late_ms > now_ms
    return int(connection.execute(select(func.count()).select_from(permits).where(*mine)).scalar_one())


def live_codes(connection: Connection) -> int:
    """How many codes a reader lets somebody in by, or will."""
    mine = credentials.c.kind == CardKind.CODE, credentials.c.permit_id.is_not(None)
    return int(connection.execute(select(func.count()).select_from(credentials).where(*mine)).scalar_one())


class Secret(Struct, frozen=True):
    """A credential whose text can be shown again."""

    kind: str
    digest: bytes
    sealed: bytes


def secrets_of(connection: Connection, permit: int) -> list[Secret]:
    columns = credentials.c.kind, credentials.c.digest, credentials.c.sealed
    mine = credentials.c.permit_id == permit, credentials.c.kind.in_(_SECRET)
    return [Secret(*row) for row in connection.execute(select(*columns).where(*mine).order_by(credentials.c.id))]


def owner_of(connection: Connection, digest: bytes) -> tuple[int, int | None] | None:
    """The credential of that digest and the permit that owns it; None if there is no such credential."""
    row = connection.execute(
        select(credentials.c.id, credentials.c.permit_id).where(credentials.c.digest == digest)
    ).first()
    return None if row is None else (row.id, row.permit_id)


def release_credentials(connection: Connection, site: str, permit: int) -> None:
    """Forget what was made for the permit: its codes, plates, tokens and telephone keys are free again."""
    mine = credentials.c.permit_id == permit, credentials.c.kind.in_(OF_PERMITS)
    connection.execute(delete(credentials).where(*mine))
    touch_permits(connection, site, permits.c.id == permit)


def end_permit(connection: Connection, site: str, permit: int, by: str, now_ms: int) -> None:
    """It opens nothing from now on, whatever was made for it."""
    change_permit(connection, site, permit, ended_ms=now_ms, ended_by=by)
    release_credentials(connection, site, permit)
    withdraw_passes(connection, site, permit)


def permits_to_release(connection: Connection, site: str, before_ms: int, limit: int) -> list[int]:
    """Those that ended before and still own what was made for them."""
    owns = (
        select(credentials.c.id).where(credentials.c.permit_id == permits.c.id, credentials.c.kind.in_(OF_PERMITS))
    ).exists()
    is_over = (permits.c.ended_ms < before_ms) | (permits.c.until_ms + permits.c.late_ms < before_ms)
    query = select(permits.c.id).where(permits.c.site == site, is_over, owns).order_by(permits.c.id).limit(limit)
    return list(connection.execute(query).scalars())


def homes_of_person(
    connection: Connection, site: str, person: int, now_ms: int, roles: Set[MemberRole] = AT_HOME
) -> list[str]:
    """The flats in which somebody lives now, in one of these roles. The one that they came to first comes first."""
    mine = party_members.c.person_id == person, party_members.c.role.in_([role.value for role in roles])
    query = _homes(site, now_ms).where(*mine).order_by(party_members.c.id)
    return list(dict.fromkeys(connection.execute(query).scalars()))


def permits_of_leavers(connection: Connection, site: str, now_ms: int, limit: int) -> list[int]:
    """Those that count, or will, though whoever answers for them lives in their flat no longer."""
    lives = _homes(site, now_ms).where(party_members.c.person_id == permits.c.inviter_id)
    counts = permits.c.ended_ms.is_(None) & (permits.c.until_ms + permits.c.late_ms > now_ms)
    invited = permits.c.inviter_id.is_not(None) & (permits.c.flat != "")
    query = select(permits.c.id).where(permits.c.site == site, counts, invited)
    left = query.where(~lives.where(parties.c.flat == permits.c.flat).correlate(permits).exists())
    return list(connection.execute(left.order_by(permits.c.id).limit(limit)).scalars())


def _homes(site: str, now_ms: int) -> Select[Any]:
    """The flats of those who live in one now."""
    lives = (
        party_members.c.role.in_([role.value for role in AT_HOME])
        & (party_members.c.from_ms <= now_ms)
        & (party_members.c.ended_ms.is_(None) | (party_members.c.ended_ms > now_ms))
        & ((party_members.c.until_ms == 0) | (party_members.c.until_ms > now_ms) | (party_members.c.role == "tenant"))
    )
    return (
        select(parties.c.flat)
        .join(party_members, party_members.c.party_id == parties.c.id)
        .join(people, people.c.id == party_members.c.person_id)
        .where(parties.c.site == site, parties.c.kind == "flat", parties.c.ended_ms.is_(None), lives)
        .where(people.c.ended_ms.is_(None), parties.c.flat.is_not(None))
    )


def overstayed_since(connection: Connection, site: str) -> dict[PermitKind, int]:
    """The kinds of permits whose holders are still inside though they are over, each with when that was noted last."""
    is_inside = permits.c.in_ms > func.coalesce(permits.c.out_ms, 0)
    mine = permits.c.site == site, is_inside, permits.c.overstayed_ms.is_not(None)
    query = select(permits.c.kind, func.max(permits.c.overstayed_ms)).where(*mine).group_by(permits.c.kind)
    return {PermitKind(kind): noted_ms for kind, noted_ms in connection.execute(query)}


def still_inside(connection: Connection, site: str, now_ms: int, limit: int) -> list[Permit]:
    """Those whose holders came in, were not seen leaving, and of whom that was not noted yet, though they may be
    over."""
    is_inside = permits.c.in_ms > func.coalesce(permits.c.out_ms, 0)
    soonest = permits.c.until_ms <= now_ms, permits.c.ended_ms.is_not(None), permits.c.clock_ms > 0
    may_be_over = soonest[0] | soonest[1] | soonest[2]
    mine = permits.c.site == site, is_inside, may_be_over, permits.c.overstayed_ms.is_(None)
    rows = connection.execute(select(*_COLUMNS).where(*mine).order_by(permits.c.id).limit(limit))
    return [_permit(row) for row in rows]


def permits_with_holders(connection: Connection, site: str, holders: Sequence[bytes]) -> dict[bytes, Permit]:
    """Those of these holders that are permits."""
    query = select(*_COLUMNS).where(permits.c.site == site, permits.c.holder.in_(holders))
    return {row.holder: _permit(row) for row in connection.execute(query)}


def has_permits(connection: Connection, site: str) -> bool:
    return connection.execute(select(permits.c.id).where(permits.c.site == site).limit(1)).first() is not None


def count_use(connection: Connection, site: str, permit: int, point: str, at_ms: int, most: int) -> None:
    """One use more at a gate. ``last_ms`` is the last of the ``most`` (0: of all): what comes after holds no gate
    open."""
    mine = (permit_uses.c.permit_id == permit) & (permit_uses.c.point == point)
    last_ms = case((permit_uses.c.uses >= most, permit_uses.c.last_ms), else_=at_ms) if most else at_ms
    counted = update(permit_uses).where(mine).values(uses=permit_uses.c.uses + 1, last_ms=last_ms)
    if not connection.execute(counted).rowcount:
        connection.execute(insert(permit_uses).values(site=site, permit_id=permit, point=point, uses=1, last_ms=at_ms))


def uses_at(connection: Connection, site: str, permit: int, point: str) -> int:
    mine = permit_uses.c.site == site, permit_uses.c.permit_id == permit, permit_uses.c.point == point
    return connection.execute(select(permit_uses.c.uses).where(*mine)).scalar() or 0


def _views(connection: Connection, site: str, which: ColumnElement[bool], limit: int) -> list[PermitView]:
    """The newest of these permits; the first to begin comes first."""
    query = (
        select(*_COLUMNS, people.c.name_zh, people.c.name_en)
        .outerjoin(people, people.c.id == permits.c.inviter_id)
        .where(permits.c.site == site, which)
        .order_by(permits.c.from_ms.desc(), permits.c.id.desc())
        .limit(limit)
    )
    rows = list(connection.execute(query))[::-1]
    owned = _kinds(connection, [row.id for row in rows])
    return [
        PermitView(
            _permit(row[: len(_COLUMNS)]),
            None if row.name_zh is None else Label(row.name_zh, row.name_en),
            tuple(owned[row.id]),
        )
        for row in rows
    ]


def _kinds(connection: Connection, ids: Sequence[int]) -> dict[int, list[str]]:
    query = select(credentials.c.permit_id, credentials.c.kind).where(among(credentials.c.permit_id, ids))
    found: dict[int, list[str]] = defaultdict(list)
    for row in connection.execute(query.order_by(credentials.c.id)):
        found[row.permit_id].append(row.kind)
    return found


def _permit(row: Any) -> Permit:
    values = dict(zip(Permit.__struct_fields__, row, strict=True))
    return Permit(**values | {"kind": PermitKind(values["kind"])})
