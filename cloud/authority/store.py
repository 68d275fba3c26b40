"""Exports to authorities as rows, and the pieces of journals that are given."""

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, insert, or_, select, union, update

from cloud.authority.proof import GivenRow, JournalPiece, Officer
from cloud.authority.rule import AuthorityExport, is_seen
from cloud.authority.tables import authority_exports, authority_subjects
from cloud.devices.batch_seals import BatchSeal, newest_tip, next_seal
from cloud.devices.event_series import LATE_WITHIN_MS, happened_ms, shown
from cloud.devices.event_views import arrival_before
from cloud.parties.party import MemberRole
from cloud.retention.rule import Anchor, followed
from cloud.retention.store import anchor_of
from cloud.store.chunks import chunks
from cloud.store.labels import Label
from cloud.store.schema import devices, event_series, events, journals, parties, party_members, people
from contract.events import read_gap
from contract.messages import MAX_BATCH_EVENTS

_COLUMNS = [authority_exports.c[name] for name in AuthorityExport.__struct_fields__]


def list_exports(connection: Connection, site: str, after: int = 0, limit: int = 50) -> list[AuthorityExport]:
    """The newest first; ``after`` is the last one of the page before."""
    older = authority_exports.c.id < after if after else authority_exports.c.id > 0
    query = select(*_COLUMNS).where(authority_exports.c.site == site, older)
    rows = connection.execute(query.order_by(authority_exports.c.id.desc()).limit(limit))
    return [_export(row) for row in rows]


def find_export(connection: Connection, site: str, number: int) -> AuthorityExport | None:
    mine = select(*_COLUMNS).where(authority_exports.c.site == site, authority_exports.c.id == number)
    row = connection.execute(mine).first()
    return None if row is None else _export(row)


def add_export(connection: Connection, site: str, one: AuthorityExport) -> int:
    """The new export's id; its own ``id`` is not looked at."""
    values: dict[str, Any] = msgspec.to_builtins(one)
    del values["id"]
    made = insert(authority_exports).values(site=site, **values).returning(authority_exports.c.id)
    return int(connection.execute(made).scalar_one())


def change_export(connection: Connection, site: str, number: int, **values: object) -> None:
    mine = (authority_exports.c.site == site) & (authority_exports.c.id == number)
    connection.execute(update(authority_exports).where(mine).values(values))


def note_subjects(connection: Connection, site: str, number: int, persons: Set[int]) -> None:
    """Whom the export names, those among them who are not noted yet."""
    mine = authority_subjects.c.site == site, authority_subjects.c.export_id == number
    new = persons - set(connection.execute(select(authority_subjects.c.person_id).where(*mine)).scalars())
    rows = [{"export_id": number, "person_id": person, "site": site} for person in sorted(new)]
    if rows:
        connection.execute(insert(authority_subjects), rows)


def names_of_people(connection: Connection, numbers: Set[int]) -> dict[int, Label]:
    """What people are called, by their numbers; whoever is erased is not among them."""
    query = select(people.c.id, people.c.name_zh, people.c.name_en).where(people.c.id.in_(numbers))
    return {row.id: Label(row.name_zh, row.name_en) for row in connection.execute(query)}


def device_keys(connection: Connection, site: str) -> dict[str, str]:
    """The public keys of all devices by their names, those that are lost too: what they recorded may be given."""
    query = select(devices.c.name, devices.c.public_key).where(devices.c.site == site).order_by(devices.c.name)
    return {row.name: row.public_key.hex() for row in connection.execute(query)}


class GivenMovements(NamedTuple):
    """That somebody's movements were given to an authority."""

    document: str
    released_ms: int
    from_ms: int
    until_ms: int


def given_of(connection: Connection, site: str, person: int, now_ms: int) -> list[GivenMovements]:
    """What of somebody was given and may be known now, the newest first."""
    columns = (authority_exports.c[name] for name in (*GivenMovements._fields, "embargo_until_ms"))
    query = (
        select(*columns)
        .join(authority_subjects, authority_subjects.c.export_id == authority_exports.c.id)
        .where(authority_subjects.c.site == site, authority_subjects.c.person_id == person)
        .order_by(authority_exports.c.released_ms.desc())
    )
    return [GivenMovements(*row[:-1]) for row in connection.execute(query) if is_seen(row.embargo_until_ms, now_ms)]


class Bearers(NamedTuple):
    """Whoever a holder stands for, and what they are called: with a family card all members of its party."""

    people: tuple[int, ...]
    label: Label


class Chosen(NamedTuple):
    """The rows that are given: their numbers by journal, and whom they name, by what devices know of each."""

    rows: Mapping[int, Sequence[int]]
    holders: Mapping[bytes, Bearers]

    @property
    def people(self) -> set[int]:
        """Everybody whom the rows name."""
        return {person for one in self.holders.values() for person in one.people}


def choose_rows(connection: Connection, site: str, one: AuthorityExport, limit: int) -> Chosen | None:
    """What these people passed with is given, the family cards of their parties among it. None where there are more
    than ``limit``."""
    low = arrival_before(connection, one.from_ms)
    high = arrival_before(connection, one.until_ms + LATE_WITHIN_MS)
    own = select(people.c.holder).where(people.c.id.in_(one.people))
    shared = select(parties.c.holder).join(party_members, party_members.c.party_id == parties.c.id)
    mine = parties.c.holder.is_not(None), party_members.c.person_id.in_(one.people), _belonged(site, one)
    holders = union(own, shared.where(*mine))
    asked = [event_series.c.point.in_(one.points)] if one.points else []
    asked += [events.c.holder.in_(holders)] if one.people else []
    query = (
        select(events.c.journal_id, events.c.seq, events.c.holder)
        .join(event_series, event_series.c.id == events.c.series)
        .where(events.c.arrival > low, events.c.arrival <= high, event_series.c.site == site, or_(*asked), shown())
        .where(happened_ms() >= one.from_ms, happened_ms() < one.until_ms)
        .order_by(events.c.journal_id, events.c.seq)
        .limit(limit + 1)
    )
    rows: dict[int, list[int]] = {}
    named, count = set[bytes](), 0
    for row in connection.execute(query):
        rows.setdefault(row.journal_id, []).append(row.seq)
        named |= {row.holder} if row.holder else set()
        count += 1
    return None if count > limit else Chosen(rows, _bearers(connection, site, sorted(named), one))


def _belonged(site: str, one: AuthorityExport) -> ColumnElement[bool]:
    """Whether somebody was in a party within the span. A tenant whose lease has run out stays until an operator ends
    it."""
    member = party_members.c
    left = member.ended_ms.is_not(None) & (member.ended_ms <= one.from_ms)
    over = (member.until_ms > 0) & (member.until_ms <= one.from_ms) & (member.role != MemberRole.TENANT)
    return (member.site == site) & (member.from_ms < one.until_ms) & ~left & ~over


def _bearers(connection: Connection, site: str, holders: Sequence[bytes], one: AuthorityExport) -> dict[bytes, Bearers]:
    own = select(*(people.c[name] for name in ("holder", "id", "name_zh", "name_en")))
    columns = [parties.c[name] for name in ("holder", "name_zh", "name_en")]
    shared = select(*columns, party_members.c.person_id).join(party_members, party_members.c.party_id == parties.c.id)
    found: dict[bytes, Bearers] = {}
    for some in chunks(holders):
        for row in connection.execute(own.where(people.c.holder.in_(some))):
            found[row.holder] = Bearers((row.id,), Label(row.name_zh, row.name_en))
        for row in connection.execute(shared.where(parties.c.holder.in_(some), _belonged(site, one))):
            before = found[row.holder].people if row.holder in found else ()
            found[row.holder] = Bearers((*before, row.person_id), Label(row.name_zh, row.name_en).family_card)
    return found


def make_pieces(connection: Connection, site: str, chosen: Chosen) -> Iterator[JournalPiece]:
    """The batches that the chosen rows came in, each from the first of them to its end. Rows of no batch that is known
    come as many at once as a batch may have, up to the next batch that is."""
    for journal_id, seqs in chosen.rows.items():
        wanted = list(seqs)
        while wanted:
            seal = next_seal(connection, site, journal_id, wanted[0])
            last = seal.last if seal else wanted[0] + MAX_BATCH_EVENTS - 1
            if seal and seal.first > wanted[0]:
                last, seal = min(seal.first, wanted[0] + MAX_BATCH_EVENTS) - 1, None
            within = [seq for seq in wanted if seq <= last]
            wanted = wanted[len(within) :]
            yield _piece(connection, site, journal_id, seal, within, chosen.holders)


def _piece(
    connection: Connection,
    site: str,
    journal_id: int,
    seal: BatchSeal | None,
    wanted: Sequence[int],
    holders: Mapping[bytes, Bearers],
) -> JournalPiece:
    """Where the link before the first row is not known, or a row was refused or erased, there is no proof."""
    columns = journals.c.journal, devices.c.name, devices.c.public_key
    of = connection.execute(select(*columns).join(devices).where(journals.c.id == journal_id)).one()
    first = seal.first if seal else wanted[0]
    stored = _stored(connection, journal_id, first, seal.last if seal else wanted[-1])
    anchor = Anchor(first - 1, _link_before(connection, site, journal_id, first))
    given, before = list[GivenRow](), None
    for seq, holder, content in stored:
        if seq == wanted[0]:
            before = anchor.link
        anchor = followed(anchor, [(seq, content)], {})
        if seq >= wanted[0]:
            person = holders[holder].label.en if holder in holders else ""
            is_given = seq in wanted or read_gap(content) is not None
            link = anchor.link.hex() if anchor.link else ""
            given.append(GivenRow(seq, stored=content.hex(), person=person) if is_given else GivenRow(seq, link=link))
    is_proved = seal is not None and before is not None and anchor == (seal.last, seal.tip)
    return JournalPiece(
        device=of.name,
        key=of.public_key.hex(),
        journal=of.journal,
        first=first,
        last=seal.last if seal else wanted[-1],
        tip=seal.tip.hex() if seal and is_proved else "",
        seal=seal.seal.hex() if seal and is_proved else "",
        gaps=[gap.hex() for gap in seal.gaps] if seal else [],
        prev=before.hex() if before else "",
        rows=given,
    )


def _stored(connection: Connection, journal_id: int, first: int, last: int) -> list[tuple[int, bytes, bytes]]:
    mine = events.c.journal_id == journal_id, events.c.seq >= first, events.c.seq <= last
    rows = connection.execute(
        select(events.c.seq, events.c.holder, events.c.stored).where(*mine).order_by(events.c.seq)
    )
    return [(row.seq, row.holder, row.stored) for row in rows]


def _link_before(connection: Connection, site: str, journal_id: int, first: int) -> bytes | None:
    """Computed from the nearest row before whose link is known, if that is no further away than a batch."""
    known = [Anchor(), anchor_of(connection, site, journal_id)]
    if tip := newest_tip(connection, site, journal_id, first - 1):
        known.append(Anchor(*tip))
    nearest = max((one for one in known if one.upto < first), key=lambda one: one.upto)
    if first - 1 - nearest.upto > MAX_BATCH_EVENTS:
        return None
    between = _stored(connection, journal_id, nearest.upto + 1, first - 1)
    reached = followed(nearest, [(seq, content) for seq, _, content in between], {})
    return reached.link if reached.upto == first - 1 else None


def _export(row: Any) -> AuthorityExport:
    first, second = (msgspec.convert(officer, Officer) for officer in row.officers)
    values = row._asdict() | {"officers": (first, second), "points": tuple(row.points), "people": tuple(row.people)}
    return AuthorityExport(**values)
