"""Enrolments at readers as they are stored, the desk's loops, and what devices tell of them meanwhile."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import Connection, Select, exists, insert, select, update

from cloud.cards.rule import Recipient
from cloud.cards.tables import desk_loops, enrolments
from cloud.devices.reactions import Reaction, Recorded
from cloud.devices.registry import site_of
from cloud.people.tables import credentials
from cloud.store.labels import Label
from cloud.store.schema import flats, parties, party_members, people
from contract.device_events import ReaderEvents

MAX_SHOWN = 10


class EnrolmentView(Struct, frozen=True):
    """An enrolment at a reader. ``state`` is waiting, enrolled, undone or ended, ``why`` a word for why there is no
    card. ``credential`` is the card, or the one that somebody has already."""

    command: str
    point: str
    device: str
    reader: str
    by: str
    asked_ms: int
    until_ms: int
    person: int | None
    party: int | None
    label: str
    batch: str
    step: str
    state: str
    why: str
    credential: int | None
    forms_left_out: int
    loop: str
    person_name: Label | None = None
    party_name: Label | None = None

    @property
    def to(self) -> Recipient:
        return Recipient(self.person, self.party)

    @property
    def name(self) -> Label | None:
        """Of whoever gets the card; None for the stock."""
        return self.person_name or self.party_name


class DeskLoop(Struct, frozen=True):
    """A clerk's way through the people without a card, at one reader: one gets a card, then the next."""

    id: str
    by: str
    point: str
    reader: str
    building: str
    unit: str
    batch: str
    after: int
    begun_ms: int
    ended_ms: int | None = None


class Cardless(Struct, frozen=True):
    """Somebody who has no card."""

    id: int
    name: Label
    flat: str | None


def add_enrolment(connection: Connection, site: str, new: EnrolmentView) -> None:
    values = structs.asdict(new)
    for name, column in (("person", "person_id"), ("party", "party_id"), ("credential", "credential_id")):
        values[column] = values.pop(name)
    for name in ("person_name", "party_name"):
        del values[name]
    connection.execute(insert(enrolments).values(site=site, **values))


def find_enrolment(connection: Connection, site: str, command: str) -> EnrolmentView | None:
    found = _listed(connection, _enrolments(site).where(enrolments.c.command == command))
    return found[0] if found else None


def waiting_enrolments(connection: Connection, site: str) -> list[EnrolmentView]:
    """The oldest first."""
    query = _enrolments(site).where(enrolments.c.state == "waiting")
    return _listed(connection, query.order_by(enrolments.c.asked_ms, enrolments.c.command))


def last_enrolments(
    connection: Connection, site: str, *, loop: str = "", limit: int = MAX_SHOWN
) -> list[EnrolmentView]:
    """The newest first: of one loop of the desk, or of all."""
    query = _enrolments(site).order_by(enrolments.c.asked_ms.desc(), enrolments.c.command)
    return _listed(connection, (query.where(enrolments.c.loop == loop) if loop else query).limit(limit))


def end_enrolment(
    connection: Connection,
    site: str,
    command: str,
    state: str,
    *,
    before: str = "waiting",
    why: str = "",
    credential: int | None = None,
    left_out: int = 0,
) -> bool:
    """False if it is not in the state of ``before`` any more: whoever comes second changes nothing."""
    mine = enrolments.c.site == site, enrolments.c.command == command, enrolments.c.state == before
    values = {"state": state, "why": why, "credential_id": credential, "forms_left_out": left_out}
    return bool(connection.execute(update(enrolments).where(*mine).values(values)).rowcount)


def add_loop(connection: Connection, site: str, new: DeskLoop) -> None:
    connection.execute(insert(desk_loops).values(site=site, **structs.asdict(new)))


def find_loop(connection: Connection, site: str, loop: str) -> DeskLoop | None:
    columns = (desk_loops.c[name] for name in DeskLoop.__struct_fields__)
    row = connection.execute(select(*columns).where(desk_loops.c.site == site, desk_loops.c.id == loop)).first()
    return None if row is None else DeskLoop(*row)


def change_loop(connection: Connection, site: str, loop: str, **values: object) -> None:
    mine = desk_loops.c.site == site, desk_loops.c.id == loop
    connection.execute(update(desk_loops).where(*mine).values(values))


def cardless(
    connection: Connection, site: str, *, building: str = "", unit: str = "", after: int = 0, limit: int
) -> list[Cardless]:
    """People who have no card, in the order they were added; of a building, or a unit of it, where one is named."""
    has_card = exists().where(credentials.c.person_id == people.c.id)
    home = (
        select(parties.c.flat)
        .join(party_members, party_members.c.party_id == parties.c.id)
        .join(flats, (flats.c.site == parties.c.site) & (flats.c.name == parties.c.flat))
        .where(
            parties.c.site == site,
            party_members.c.person_id == people.c.id,
            party_members.c.ended_ms.is_(None),
            parties.c.ended_ms.is_(None),
        )
    )
    if building:
        home = home.where(flats.c.building == building)
    if unit:
        home = home.where(flats.c.unit == unit)
    flat = home.order_by(party_members.c.id).limit(1).scalar_subquery()
    columns = people.c.id, people.c.name_zh, people.c.name_en, flat.label("flat")
    query = select(*columns).where(people.c.id > after, people.c.ended_ms.is_(None), ~has_card)
    if building or unit:
        query = query.where(flat.is_not(None))
    rows = connection.execute(query.order_by(people.c.id).limit(limit))
    return [Cardless(row.id, Label(row.name_zh, row.name_en), row.flat) for row in rows]


def buildings(connection: Connection, site: str) -> list[tuple[str, str]]:
    """Every building and unit that flats are in."""
    columns = flats.c.building, flats.c.unit
    query = select(*columns).where(flats.c.site == site).distinct().order_by(*columns)
    return [(row.building, row.unit) for row in connection.execute(query)]


def note_steps(connection: Connection, recorded: Sequence[Recorded], _now_ms: int) -> None:
    """How far enrolments are, as their own devices say."""
    site = site_of(connection).name
    for device, event, _ in recorded:
        command, step = event.data.get("id"), event.data.get("step")
        if isinstance(command, str) and step in STEPS:
            _note_step(connection, site, device.name, command, str(step))


def _note_step(connection: Connection, site: str, device: str, command: str, step: str) -> None:
    mine = enrolments.c.site == site, enrolments.c.command == command, enrolments.c.device == device
    connection.execute(update(enrolments).where(*mine, enrolments.c.state == "waiting").values(step=step))


STEPS = ("open", "first_read", "read")
ENROLMENT_STEPS = Reaction(frozenset({ReaderEvents.enrolment.kind}), note_steps)


def _enrolments(site: str) -> Select[Any]:
    names = {
        "person_zh": people.c.name_zh,
        "person_en": people.c.name_en,
        "party_zh": parties.c.name_zh,
        "party_en": parties.c.name_en,
    }
    return (
        select(enrolments, *(column.label(name) for name, column in names.items()))
        .outerjoin(people, people.c.id == enrolments.c.person_id)
        .outerjoin(parties, parties.c.id == enrolments.c.party_id)
        .where(enrolments.c.site == site)
    )


def _listed(connection: Connection, query: Select[Any]) -> list[EnrolmentView]:
    return [
        EnrolmentView(
            command=row.command,
            point=row.point,
            device=row.device,
            reader=row.reader,
            by=row.by,
            asked_ms=row.asked_ms,
            until_ms=row.until_ms,
            person=row.person_id,
            party=row.party_id,
            label=row.label,
            batch=row.batch,
            step=row.step,
            state=row.state,
            why=row.why,
            credential=row.credential_id,
            forms_left_out=row.forms_left_out,
            loop=row.loop,
            person_name=None if row.person_zh is None else Label(row.person_zh, row.person_en),
            party_name=None if row.party_zh is None else Label(row.party_zh, row.party_en),
        )
        for row in connection.execute(query)
    ]
