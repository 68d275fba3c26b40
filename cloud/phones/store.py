"""The rows of telephones and of the links that register them."""

from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, insert, or_, select, update

from cloud.people.tables import credentials
from cloud.phones.rule import LOGIN_LASTS_MS, SEEN_EVERY_MS, LinkState, link_state
from cloud.phones.tables import phone_links, resident_phones
from cloud.store.labels import Label
from cloud.store.schema import people
from contract.cose import key_id_of


class PhoneLink(Struct, frozen=True):
    """A link that registers one telephone of a person, once."""

    id: int
    person: int
    replaces: bool
    state: LinkState
    until_ms: int
    name: Label


class Phone(Struct, frozen=True):
    """A telephone of a person, logged in. ``key`` is the compressed public half of its key; ``held_key`` the sealed
    private half where the telephone can keep none itself, else empty. ``token`` stands in the forms of its pages.
    ``login_hash`` is the present login's, ``previous_hash`` the one's before as long as nobody has used the present."""

    id: int
    person: int
    login_hash: bytes
    previous_hash: bytes | None
    token: str
    credential: int
    digest: bytes
    key: bytes
    held_key: bytes
    registered_ms: int
    seen_ms: int

    @property
    def name(self) -> str:
        """What people tell it by: the end of its key's name."""
        return key_id_of(self.key).hex()[-4:]


def add_link(connection: Connection, site: str, **values: object) -> None:
    connection.execute(insert(phone_links).values(site=site, **values))


def end_links(connection: Connection, site: str, person: int, now_ms: int) -> None:
    """The links of somebody that nobody has used open nothing any more."""
    mine = phone_links.c.site == site, phone_links.c.person_id == person
    still = phone_links.c.used_ms.is_(None), phone_links.c.ended_ms.is_(None)
    connection.execute(update(phone_links).where(*mine, *still).values(ended_ms=now_ms))


def find_link(connection: Connection, site: str, secret_hash: bytes, now_ms: int) -> PhoneLink | None:
    query = select(phone_links, people.c.name_zh, people.c.name_en).join(people, people.c.id == phone_links.c.person_id)
    row = connection.execute(
        query.where(phone_links.c.site == site, phone_links.c.secret_hash == secret_hash)
    ).one_or_none()
    if row is None:
        return None
    state = link_state(row.until_ms, row.used_ms, row.ended_ms, now_ms)
    return PhoneLink(row.id, row.person_id, row.replaces, state, row.until_ms, Label(row.name_zh, row.name_en))


def use_link(connection: Connection, site: str, link: int, now_ms: int) -> None:
    mine = phone_links.c.site == site, phone_links.c.id == link
    connection.execute(update(phone_links).where(*mine).values(used_ms=now_ms))


def add_phone(connection: Connection, site: str, person: int, now_ms: int, **values: object) -> int:
    """The new telephone's id."""
    added = insert(resident_phones).values(site=site, person_id=person, registered_ms=now_ms, seen_ms=now_ms, **values)
    return int(connection.execute(added.returning(resident_phones.c.id)).scalar_one())


def change_phone(connection: Connection, site: str, phone: int, **values: object) -> None:
    connection.execute(
        update(resident_phones).where(resident_phones.c.site == site, resident_phones.c.id == phone).values(values)
    )


def list_phones(connection: Connection, site: str, person: int) -> list[Phone]:
    """Those of somebody that are logged in, or would be if they were opened once more."""
    query = _PHONES.where(
        resident_phones.c.site == site, resident_phones.c.person_id == person, resident_phones.c.ended_ms.is_(None)
    )
    return [_phone(row) for row in connection.execute(query.order_by(resident_phones.c.id))]


def phone_of_login(connection: Connection, site: str, login_hash: bytes, now_ms: int) -> Phone | None:
    """The telephone with this login, or with this one before, if that counts: it was not ended, was seen within half a
    year, its key is in use, and so is the record of its person. Where that was merged into another, it is the
    other's."""
    query = _PHONES.add_columns(people.c.ended_ms.label("person_ended_ms"), people.c.merged_into)
    query = query.join(people, people.c.id == resident_phones.c.person_id)
    row = connection.execute(
        query.where(
            resident_phones.c.site == site,
            or_(resident_phones.c.login_hash == login_hash, resident_phones.c.previous_hash == login_hash),
            resident_phones.c.ended_ms.is_(None),
        )
    ).one_or_none()
    if row is None or row.seen_ms <= now_ms - LOGIN_LASTS_MS or row.standing == "lost" or row.state != "issued":
        return None
    if row.merged_into is None and row.person_ended_ms is not None and row.person_ended_ms <= now_ms:
        return None
    return _phone(row)


def is_seen_long_ago(phone: Phone, now_ms: int) -> bool:
    """Whether it is to be noted that a telephone was seen."""
    return not 0 <= now_ms - phone.seen_ms < SEEN_EVERY_MS


_PHONES = select(
    *(resident_phones.c[name] for name in ("id", "site", "person_id", "token", "credential_id", "held_key")),
    resident_phones.c.login_hash,
    resident_phones.c.previous_hash,
    resident_phones.c.registered_ms,
    resident_phones.c.seen_ms,
    credentials.c.digest,
    credentials.c.key,
    credentials.c.standing,
    credentials.c.state,
    credentials.c.person_id.label("carrier"),
).join(credentials, credentials.c.id == resident_phones.c.credential_id)


def _phone(row: Any) -> Phone:
    """A credential goes with its person when two records are merged."""
    person = row.person_id if row.carrier is None else row.carrier
    key = row.key or b""
    login = row.login_hash, row.previous_hash, row.token
    return Phone(
        row.id, person, *login, row.credential_id, row.digest, key, row.held_key, row.registered_ms, row.seen_ms
    )
