"""What doors are told of carried passes: by which keys the cloud signs them, and which were withdrawn before their
end."""

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or_change

from cloud.devices.registry import site_of
from cloud.keys.keys import KeyFolder
from cloud.people.tables import carried_passes, pass_keys
from cloud.store.database import Store
from cloud.store.revision import Touched, touch
from cloud.store.tables import permits
from contract.carried_passes import MAX_WINDOW_S
from contract.site_page import MAX_PASS_KEYS, MAX_REVOKED


def note_signer(store: Store, keys: KeyFolder, now_ms: int) -> None:
    """The cloud signs with its present key from now on: doors have to know it before the first pass. Those of before
    stay known for as long as a pass may count."""
    key = keys.passes.public()
    with store.reading() as connection:
        site = site_of(connection).name
        is_newest = known_pass_keys(connection, site)[:1] == [key]
    if not is_newest:
        with store.writing() as connection:
            _note_key(connection, site, key, now_ms)


def _note_key(connection: Connection, site: str, key: bytes, now_ms: int) -> None:
    anew = insert_or_change(pass_keys).values(site=site, key=key, since_ms=now_ms)
    connection.execute(anew.on_conflict_do_update(list(pass_keys.primary_key), set_={"since_ms": now_ms}))
    touch(connection, Touched.TERMS)


def known_pass_keys(connection: Connection, site: str) -> list[bytes]:
    """The newest first."""
    newest = select(pass_keys.c.key).where(pass_keys.c.site == site).order_by(pass_keys.c.since_ms.desc())
    return list(connection.execute(newest.limit(MAX_PASS_KEYS)).scalars())


def note_carried(connection: Connection, site: str, permit: int, until_ms: int) -> None:
    """A pass of this permit was signed, which doors believe until then."""
    mine = carried_passes.c.site == site, carried_passes.c.permit_id == permit
    connection.execute(delete(carried_passes).where(*mine, carried_passes.c.until_ms <= until_ms))
    if connection.execute(select(carried_passes.c.until_ms).where(*mine)).scalar() is None:
        values = {"site": site, "permit_id": permit, "until_ms": until_ms, "withdrawn": False}
        connection.execute(insert(carried_passes).values(values))


def withdraw_passes(connection: Connection, site: str, permit: int) -> None:
    """No door believes a pass of this permit any more, once it has heard of it."""
    mine = carried_passes.c.site == site, carried_passes.c.permit_id == permit
    if connection.execute(update(carried_passes).where(*mine).values(withdrawn=True)).rowcount:
        touch(connection, Touched.TERMS)


def withdrawn_passes(connection: Connection, site: str) -> list[bytes]:
    """The ids of those that a door would believe, had it not been told. Of more than a page has room for, those that
    would be believed longest."""
    mine = carried_passes.c.site == site, carried_passes.c.withdrawn
    longest = select(permits.c.holder).join_from(carried_passes, permits).where(*mine)
    return sorted(connection.execute(longest.order_by(carried_passes.c.until_ms.desc()).limit(MAX_REVOKED)).scalars())


def has_ended_passes(connection: Connection, site: str, now_ms: int) -> bool:
    """Whether there is anything to forget."""
    passes = select(carried_passes.c.permit_id).where(*_ended(site, now_ms))
    keys = select(pass_keys.c.key).where(*_replaced(site, now_ms))
    return any(connection.execute(some.limit(1)).first() is not None for some in (passes, keys))


def forget_passes(connection: Connection, site: str, now_ms: int) -> None:
    """Those that have ended by themselves, and keys by which none is left that counts."""
    ended = _ended(site, now_ms)
    withdrawn = connection.execute(select(carried_passes.c.permit_id).where(*ended, carried_passes.c.withdrawn)).all()
    connection.execute(delete(carried_passes).where(*ended))
    keys = connection.execute(delete(pass_keys).where(*_replaced(site, now_ms))).rowcount
    if withdrawn or keys:
        touch(connection, Touched.TERMS)


def _ended(site: str, now_ms: int) -> tuple[ColumnElement[bool], ...]:
    return carried_passes.c.site == site, carried_passes.c.until_ms <= now_ms


def _replaced(site: str, now_ms: int) -> tuple[ColumnElement[bool], ...]:
    """The keys of before, once the newest has signed for as long as any pass counts."""
    newest = select(func.max(pass_keys.c.since_ms)).where(pass_keys.c.site == site).scalar_subquery()
    return pass_keys.c.site == site, pass_keys.c.since_ms < newest, newest <= now_ms - MAX_WINDOW_S * 1000
