"""Links of guests as they are stored."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from cloud.guests.rule import GuestLink
from cloud.guests.tables import guest_links
from cloud.store.chunks import among

_COLUMNS = [guest_links.c["permit_id" if name == "permit" else name] for name in GuestLink.__struct_fields__]


def link_of(connection: Connection, site: str, secret_hash: bytes) -> GuestLink | None:
    return _find(connection, guest_links.c.site == site, guest_links.c.secret_hash == secret_hash)


def link_of_permit(connection: Connection, site: str, permit: int) -> GuestLink | None:
    return _find(connection, guest_links.c.site == site, guest_links.c.permit_id == permit)


def _find(connection: Connection, *which: ColumnElement[bool]) -> GuestLink | None:
    row = connection.execute(select(*_COLUMNS).where(*which)).first()
    return None if row is None else GuestLink(*row)


def opened_links(connection: Connection, site: str, permits: Sequence[int]) -> dict[int, int]:
    """When the links of these permits were opened (UTC milliseconds), by permit."""
    opened = guest_links.c.site == site, guest_links.c.opened_ms.is_not(None), among(guest_links.c.permit_id, permits)
    return {row.permit_id: row.opened_ms for row in connection.execute(select(guest_links).where(*opened))}


def add_link(connection: Connection, site: str, permit: int, secret_hash: bytes, now_ms: int) -> None:
    """A new link of a permit, in the place of the one before."""
    connection.execute(delete(guest_links).where(guest_links.c.site == site, guest_links.c.permit_id == permit))
    values = {"site": site, "permit_id": permit, "secret_hash": secret_hash, "made_ms": now_ms}
    connection.execute(insert(guest_links).values(values))


def change_link(connection: Connection, site: str, link: int, **values: object) -> None:
    mine = guest_links.c.site == site, guest_links.c.id == link
    connection.execute(update(guest_links).where(*mine).values(values))
