"""What stays of links, telephones and requests to erase when they are old: nothing but what the audit says."""

from sqlalchemy import Connection, Delete, delete, func, select

from cloud.cards.rule import CardKind, CardState
from cloud.people.tables import credentials
from cloud.phones.tables import erasure_requests, phone_links, resident_phones

MAX_ROWS = 500
"""Deleted in one transaction."""


def delete_phones(connection: Connection, site: str, before_ms: int) -> int:
    """Delete links that were made, and telephones that ended, before that, with the keys that no telephone has any
    more; returns how many. Who consented for a child stands in the audit as well."""
    links = phone_links.c.site == site, func.coalesce(phone_links.c.ended_ms, phone_links.c.until_ms) < before_ms
    phones = resident_phones.c.site == site, resident_phones.c.ended_ms < before_ms
    old_links = select(phone_links.c.id).where(*links).limit(MAX_ROWS)
    old_phones = select(resident_phones.c.id).where(*phones).limit(MAX_ROWS)
    had = select(resident_phones.c.id).where(resident_phones.c.credential_id == credentials.c.id).exists()
    void = credentials.c.kind == CardKind.PHONE, credentials.c.state == CardState.VOID
    unused_keys = select(credentials.c.id).where(*void, ~had).limit(MAX_ROWS)
    many = _deleted(connection, delete(phone_links).where(phone_links.c.id.in_(old_links)))
    many += _deleted(connection, delete(resident_phones).where(resident_phones.c.id.in_(old_phones)))
    return many + _deleted(connection, delete(credentials).where(credentials.c.id.in_(unused_keys)))


def delete_erasure_requests(connection: Connection, site: str, before_ms: int) -> int:
    """Delete requests that were answered before that; returns how many. One that waits is held until it has an
    answer."""
    answered = erasure_requests.c.site == site, erasure_requests.c.answered_ms < before_ms
    old = select(erasure_requests.c.id).where(*answered).limit(MAX_ROWS)
    return _deleted(connection, delete(erasure_requests).where(erasure_requests.c.id.in_(old)))


def _deleted(connection: Connection, statement: Delete) -> int:
    return connection.execute(statement).rowcount


EXPIRIES = (("visits", delete_phones), ("audit", delete_erasure_requests))
"""What is deleted by the term of which kind of record."""
