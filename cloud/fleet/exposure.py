"""Whose cards lay on a device's disk, as digests beside the key that makes them: what to re-issue if it is stolen."""

from msgspec import Struct
from sqlalchemy import Connection, select

from cloud.people.rosters import find_pages
from cloud.people.tables import credentials
from cloud.store.labels import Label
from cloud.store.schema import devices, households, people, rosters
from contract.roster import Page


class Exposed(Struct, frozen=True):
    """A card in use, and who carries it."""

    person: int
    name: Label
    unit: str | None
    label: str


def exposed_cards(connection: Connection, device: str) -> list[Exposed]:
    """The cards, not yet reported lost, of the rosters that the device had or may have fetched since it last said."""
    used = connection.execute(select(devices.c.roster_number).where(devices.c.name == device)).scalar_one()
    digests = _digests(connection, used)
    query = (
        select(people.c.id, people.c.name_zh, people.c.name_en, households.c.unit, credentials)
        .join_from(credentials, people)
        .outerjoin(households)
        .where(credentials.c.standing != "lost")
        .order_by(people.c.id, credentials.c.id)
    )
    return [
        Exposed(row.person_id, Label(row.name_zh, row.name_en), row.unit, row.label)
        for row in connection.execute(query)
        if row.digest in digests
    ]


def _digests(connection: Connection, first: int) -> set[bytes]:
    """Every credential of the rosters that are kept, from number ``first`` on; of the newest in any case."""
    newest = select(rosters.c.number).order_by(rosters.c.number.desc()).limit(1).scalar_subquery()
    query = select(rosters.c.pages).where((rosters.c.number >= first) | (rosters.c.number == newest))
    names = {row.pages[at : at + 16] for row in connection.execute(query) for at in range(0, len(row.pages), 16)}
    pages = find_pages(connection, sorted(names))
    return {row.digest for blob in pages.values() for row in Page(blob).rows()}
