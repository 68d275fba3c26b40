"""The use cases of exports to authorities: entered by one operator, released by another, taken away as a sealed file;
each with its row in the audit."""

from collections.abc import Iterator, Mapping
from typing import IO

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from cloud.authority import store
from cloud.authority.proof import Head, Tail, tail_statement, write_lines
from cloud.authority.rule import (
    MAX_NAMED,
    AuthorityExport,
    ExportRefusal,
    ExportState,
    refusal_of_entry,
    refusal_of_release,
)
from cloud.devices.registry import site_of
from cloud.keys.keys import KeyFolder
from cloud.store.database import Clock, Store
from cloud.store.schema import people, points
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import N_
from cloud.web.tables import audit

MAX_ROWS = 50_000
"""Rows that one file gives; more than that is asked for in parts."""

NO_EXPORT = N_("There is no such export.")
NO_POINT = N_("There is no such point: %(name)s. Nothing was changed.")
NO_PERSON = N_("There is no such person: %(name)s. Nothing was changed.")
TOO_MANY_ROWS = N_("That is more than %(rows)s events: ask for a shorter span. Nothing was given.")
NOT_RELEASED = N_("Another operator has to release it first.")
REFUSALS: Mapping[ExportRefusal, str] = {
    ExportRefusal.NO_DOCUMENT: N_("Write the number of the authority's document. Nothing was changed."),
    ExportRefusal.TWO_OFFICERS: N_("Write the names of two officers and a number of each. Nothing was changed."),
    ExportRefusal.NO_SPAN: N_("The span is at most a year, and has ended by now. Nothing was changed."),
    ExportRefusal.EVERYTHING: N_("Name points or people: everything is given to nobody. Nothing was changed."),
    ExportRefusal.TOO_MANY: N_("Name at most %(most)s points and people. Nothing was changed."),
    ExportRefusal.EMBARGO: N_("The day on which people may see it lies ahead, at most a year. Nothing was changed."),
    ExportRefusal.ONE_PERSON: N_("Another operator has to release it: you entered it. Nothing was changed."),
    ExportRefusal.NOT_OPEN: N_("It is released already, or withdrawn. Nothing was changed."),
}


class PublicKeys(Struct, frozen=True):
    """The public keys of a community as hexadecimal text: its cloud's for exports, and those of its devices by name."""

    cloud: str
    devices: Mapping[str, str]


class AuthorityService:
    """The service of exports to authorities. Any thread may use it; ``by`` is the operator's name. What is rejected
    leaves no trace."""

    def __init__(self, store: Store, keys: KeyFolder, clock: Clock) -> None:
        self._store, self._keys, self._clock = store, keys, clock

    def public_keys(self) -> PublicKeys:
        """What whoever has a sealed file compares the keys in it with."""
        with self._store.reading() as connection:
            devices = store.device_keys(connection, site_of(connection).name)
        return PublicKeys(self._keys.export.public().hex(), devices)

    def enter(self, one: AuthorityExport) -> int:
        """The new export's id; nothing is given before another operator releases it. Raises ``Rejected``."""
        refusal = refusal_of_entry(one)
        if refusal is not None:
            raise Rejected(REFUSALS[refusal], "document", most=MAX_NAMED)
        with self._store.writing() as connection:
            _check_named(connection, one)
            number = store.add_export(connection, site_of(connection).name, one)
            self._note(connection, one.entered_by, "authority.entered", number, one)
        return number

    def release(self, by: str, number: int) -> None:
        """The second operator agrees: it may be taken away, and whoever it names sees that from its day on. Raises
        ``Rejected``."""
        with self._store.writing() as connection:
            site, one = site_of(connection).name, _found(connection, number)
            refusal = refusal_of_release(one, by)
            if refusal is not None:
                raise Rejected(REFUSALS[refusal], "export", 409)
            chosen = self._chosen(connection, site, one)
            store.change_export(connection, site, number, released_by=by, released_ms=self._clock())
            store.note_subjects(connection, site, number, {*chosen.people, *one.people})
            self._note(connection, by, "authority.released", number, one)

    def withdraw(self, by: str, number: int) -> None:
        """It is not to be released any more. Raises ``Rejected``."""
        with self._store.writing() as connection:
            one = _found(connection, number)
            if one.state is not ExportState.ENTERED:
                raise Rejected(REFUSALS[ExportRefusal.NOT_OPEN], "export", 409)
            store.change_export(connection, site_of(connection).name, number, withdrawn_by=by)
            self._note(connection, by, "authority.withdrawn", number, one)

    def take(self, by: str, number: int, file: IO[bytes]) -> None:
        """Write the sealed file. Raises ``Rejected``."""
        with self._store.reading() as connection:
            one = _found(connection, number)
            if one.state is not ExportState.RELEASED:
                raise Rejected(NOT_RELEASED, "export", 409)
            site = site_of(connection).name
            chosen = self._chosen(connection, site, one)
            for written in self._lines(connection, site, one, chosen):
                file.write(written)
        with self._store.writing() as connection:
            store.note_subjects(connection, site, number, chosen.people)
            self._note(connection, by, "authority.taken", number, one)

    def _lines(self, connection: Connection, site: str, one: AuthorityExport, chosen: store.Chosen) -> Iterator[bytes]:
        head, digest = self._head(connection, site, one), b""
        pieces = store.make_pieces(connection, site, chosen)
        for written, hashed in write_lines(line for lines in ([head], pieces) for line in lines):
            yield written
            digest = hashed.digest()
        seal = self._keys.export.sign(tail_statement(site, digest))
        yield msgspec.json.encode(Tail(digest.hex(), self._keys.export.public().hex(), seal.hex())) + b"\n"

    def _head(self, connection: Connection, site: str, one: AuthorityExport) -> Head:
        names = select(people.c.name_en).where(people.c.id.in_(one.people)).order_by(people.c.id)
        newest = connection.execute(select(audit.c.id, audit.c.link).order_by(audit.c.id.desc()).limit(1)).one()
        return Head(
            site=site,
            document=one.document,
            officers=one.officers,
            from_ms=one.from_ms,
            until_ms=one.until_ms,
            points=one.points,
            people=list(connection.execute(names).scalars()),
            entered_by=one.entered_by,
            released_by=one.released_by,
            released_ms=one.released_ms or 0,
            made_ms=self._clock(),
            audit_row=newest.id,
            audit_link=newest.link.hex(),
        )

    def _chosen(self, connection: Connection, site: str, one: AuthorityExport) -> store.Chosen:
        chosen = store.choose_rows(connection, site, one, MAX_ROWS)
        if chosen is None:
            raise Rejected(TOO_MANY_ROWS, "export", 422, rows=MAX_ROWS)
        return chosen

    def _note(self, connection: Connection, by: str, action: str, number: int, one: AuthorityExport) -> None:
        record(connection, self._clock(), by, action, f"export {number}", document=one.document)


def _found(connection: Connection, number: int) -> AuthorityExport:
    one = store.find_export(connection, site_of(connection).name, number)
    if one is None:
        raise Rejected(NO_EXPORT, "export", 404)
    return one


def _check_named(connection: Connection, one: AuthorityExport) -> None:
    known_points = set(connection.execute(select(points.c.name).where(points.c.name.in_(one.points))).scalars())
    for name in one.points:
        if name not in known_points:
            raise Rejected(NO_POINT, "points", name=name)
    known_people = set(connection.execute(select(people.c.id).where(people.c.id.in_(one.people))).scalars())
    for person in one.people:
        if person not in known_people:
            raise Rejected(NO_PERSON, "people", name=person)
