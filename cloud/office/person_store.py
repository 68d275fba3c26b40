"""What the office reads and writes of a person beside plans and cards: traits, guardians, qualifications, and what
moves when two records of one person become one."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Table, delete, insert, or_, select, update

from cloud.bars.tables import bars
from cloud.people.membership_store import labels_of
from cloud.people.tables import credentials, guardians, memberships, person_tags, qualifications
from cloud.people.traits import Tag, Verified
from cloud.store.chunks import among, chunks
from cloud.store.labels import Label
from cloud.store.revision import touch
from cloud.store.schema import party_members, people

_IN_USE = (credentials.c.standing != "lost", credentials.c.state == "issued", credentials.c.kind != "phone")
"""Of a card that somebody has: it was not given back, and is no key of a telephone, which cannot be."""


class TagView(Struct, frozen=True):
    """A tag with its half-open window, 0 for no bound."""

    tag: Tag
    from_ms: int
    until_ms: int


class QualificationView(Struct, frozen=True):
    """A qualification, and until when it counts; 0 for no end."""

    name: str
    until_ms: int


class Relative(Struct, frozen=True):
    """A guardian of somebody, or a child whose guardian they are."""

    person: int
    name: Label


class Traits(Struct, frozen=True):
    """What is written down of a person beside plans and cards."""

    born: str
    verified: Verified
    ended_ms: int | None
    tags: list[TagView]
    qualifications: list[QualificationView]
    guardians: list[Relative]
    children: list[Relative]


def find_traits(connection: Connection, site: str, person: int) -> Traits | None:
    """None if there is no such person."""
    row = connection.execute(select(people).where(people.c.id == person)).first()
    if row is None:
        return None
    tags = select(person_tags).where(person_tags.c.site == site, person_tags.c.person_id == person)
    skills = select(qualifications).where(qualifications.c.site == site, qualifications.c.person_id == person)
    mine = or_(guardians.c.child_id == person, guardians.c.guardian_id == person)
    pairs = connection.execute(select(guardians).where(guardians.c.site == site, mine)).all()
    names = labels_of(connection, {one for pair in pairs for one in (pair.child_id, pair.guardian_id)})
    return Traits(
        row.born,
        Verified(row.verified),
        row.ended_ms,
        [
            TagView(Tag(one.tag), one.from_ms, one.until_ms)
            for one in connection.execute(tags.order_by(person_tags.c.from_ms))
        ],
        [
            QualificationView(one.name, one.until_ms)
            for one in connection.execute(skills.order_by(qualifications.c.name))
        ],
        [Relative(one.guardian_id, names[one.guardian_id]) for one in pairs if one.child_id == person],
        [Relative(one.child_id, names[one.child_id]) for one in pairs if one.guardian_id == person],
    )


def change_person(connection: Connection, person: int, **values: object) -> None:
    connection.execute(update(people).where(people.c.id == person).values(values))
    touch(connection, (person,))


def put_tag(connection: Connection, site: str, person: int, tag: Tag, window: tuple[int, int]) -> None:
    """In the place of one that begins at the same moment."""
    values = {"site": site, "person_id": person, "tag": tag, "from_ms": window[0]}
    _replace(connection, person_tags, values, until_ms=window[1])
    touch(connection, (person,))


def remove_tag(connection: Connection, site: str, person: int, tag: Tag, from_ms: int) -> bool:
    """False if there is no such tag."""
    key = {"site": site, "person_id": person, "tag": tag, "from_ms": from_ms}
    return _remove(connection, person_tags, key, (person,))


def put_qualification(connection: Connection, site: str, person: int, name: str, until_ms: int) -> None:
    _replace(connection, qualifications, {"site": site, "person_id": person, "name": name}, until_ms=until_ms)
    touch(connection, (person,))


def remove_qualification(connection: Connection, site: str, person: int, name: str) -> bool:
    """False if there is none of that name."""
    return _remove(connection, qualifications, {"site": site, "person_id": person, "name": name}, (person,))


def put_guardian(connection: Connection, site: str, child: int, guardian: int) -> None:
    _replace(connection, guardians, {"site": site, "child_id": child, "guardian_id": guardian})


def remove_guardian(connection: Connection, site: str, child: int, guardian: int) -> bool:
    """False if they are none of the child's."""
    return _remove(connection, guardians, {"site": site, "child_id": child, "guardian_id": guardian})


def cards_in_use(connection: Connection, person: int) -> list[tuple[int, str]]:
    """The cards that somebody carries, by id and label: neither lost nor given back."""
    return _cards(connection, credentials.c.person_id == person)


def family_cards(connection: Connection, party: int) -> list[tuple[int, str]]:
    """The cards that a whole party carries, by id and label."""
    return _cards(connection, credentials.c.party_id == party)


def _cards(connection: Connection, whose: ColumnElement[bool]) -> list[tuple[int, str]]:
    query = select(credentials.c.id, credentials.c.label).where(whose, *_IN_USE)
    return [(row.id, row.label) for row in connection.execute(query.order_by(credentials.c.id))]


def cards_of(connection: Connection, ids: Collection[int]) -> dict[int, list[str]]:
    """The labels of the cards that these people carry, by person."""
    found: dict[int, list[str]] = {}
    for some in chunks(sorted(ids)):
        query = select(credentials.c.person_id, credentials.c.label).where(
            among(credentials.c.person_id, some), *_IN_USE
        )
        for row in connection.execute(query.order_by(credentials.c.id)):
            found.setdefault(row.person_id, []).append(row.label)
    return found


def join_records(connection: Connection, site: str, stays: int, goes: int) -> Mapping[str, int]:
    """Everything of one record becomes the other's; what both have stays once. Events stay under the holder of their
    record, and are found with the one that stays. Returns how much moved, by kind."""
    moved = {
        "cards": _hand_over(connection, credentials, stays, goes),
        "memberships": _hand_over(connection, memberships, stays, goes),
        "parties": _hand_over(connection, party_members, stays, goes),
        "bars": _hand_over(connection, bars, stays, goes),
    }
    for table, keys in ((person_tags, ("tag", "from_ms", "until_ms")), (qualifications, ("name", "until_ms"))):
        for row in connection.execute(select(table).where(table.c.site == site, table.c.person_id == goes)).all():
            values = {key: row._mapping[key] for key in keys}
            _keep_one(connection, table, {"site": site, "person_id": stays, **values})
        connection.execute(delete(table).where(table.c.site == site, table.c.person_id == goes))
    _join_guardians(connection, site, stays, goes)
    same = or_(people.c.id == goes, people.c.merged_into == goes)
    connection.execute(update(people).where(same).values(merged_into=stays))
    touch(connection, (stays, goes))
    return moved


def _join_guardians(connection: Connection, site: str, stays: int, goes: int) -> None:
    mine = or_(guardians.c.child_id == goes, guardians.c.guardian_id == goes)
    pairs = connection.execute(select(guardians).where(guardians.c.site == site, mine)).all()
    connection.execute(delete(guardians).where(guardians.c.site == site, mine))
    for pair in pairs:
        child, guardian = (stays if one == goes else one for one in (pair.child_id, pair.guardian_id))
        if child != guardian:
            put_guardian(connection, site, child, guardian)


def _hand_over(connection: Connection, table: Table, stays: int, goes: int) -> int:
    return connection.execute(update(table).where(table.c.person_id == goes).values(person_id=stays)).rowcount


def _keep_one(connection: Connection, table: Table, values: Mapping[str, Any]) -> None:
    """Unless there is one with its key already."""
    key = [column for column in table.primary_key.columns if column.name in values]
    if connection.execute(select(*key).where(*(column == values[column.name] for column in key))).first() is None:
        connection.execute(insert(table).values(values))


def _replace(connection: Connection, table: Table, key: Mapping[str, object], **values: object) -> None:
    connection.execute(delete(table).where(*(table.c[name] == value for name, value in key.items())))
    connection.execute(insert(table).values(**key, **values))


def _remove(connection: Connection, table: Table, key: Mapping[str, object], touched: Sequence[int] = ()) -> bool:
    gone = connection.execute(delete(table).where(*(table.c[name] == value for name, value in key.items()))).rowcount
    if touched:
        touch(connection, touched)
    return bool(gone)
