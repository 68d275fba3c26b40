"""The service that exports the setup of a community, says what a changed one would do, and puts it in place."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import Connection

from cloud.devices.registry import site_of
from cloud.people.community import load_community
from cloud.people.grants import Community
from cloud.setup.access import access_of
from cloud.setup.document import ReadSetup, SetupFile, read_setup, setup_of, write_setup
from cloud.setup.placing import Comparison, Rows, compare, put_changes, read_rows
from cloud.setup.rule import Difference, Impact, accept_code, grave_reasons, impact_of
from cloud.setup.store import changes_since, last_change, people_names
from cloud.store.database import Clock, Store
from cloud.store.labels import Label
from cloud.store.revision import revision
from cloud.web.audit_words import ACTIONS
from cloud.web.operators import AuditEntry
from cloud.web.sentence import Sentence
from cloud.web.setup_table import AnyTable, Writing

MAX_NAMES = 5
"""People who are named of those that gain or lose a point."""
MAX_SHOWN = 20
"""Changes that came between, of those that are named."""
TRIES = 3
"""A change is compared again so often where the community changes meanwhile."""

NOTHING_BESIDE: Mapping[str, str] = MappingProxyType({})

Source = Callable[[Rows], ReadSetup]
"""Says what the setup shall be, given what it is."""


class Outdated(Exception):
    """The setup was changed by somebody else meanwhile, and nothing was changed now. ``entries`` are what they did."""

    def __init__(self, entries: Sequence[AuditEntry]) -> None:
        self.entries = entries
        deeds = (f"{one.operator}: {ACTIONS.get(one.action, one.action)} {one.subject}" for one in entries)
        told = "; ".join(map(str.rstrip, deeds))
        super().__init__(f"the setup was changed meanwhile ({told}): export it again and repeat your change")


class NeedsAccept(Exception):
    """The change is so grave that it wants a second step: the code of the preview. Nothing was changed."""

    def __init__(self, preview: "Preview") -> None:
        self.preview = preview
        super().__init__(f"{' '.join(preview.reasons)} To carry it out nevertheless, accept {preview.code}")


class Preview(Struct, frozen=True):
    """What a setup would change, for whom, and why that wants a second step, if it does. ``gaps`` are what it leaves
    without a use, ``as_of`` is the last change of the setup that was seen."""

    differences: Sequence[Difference]
    impact: Impact
    reasons: Sequence[Sentence]
    gaps: Sequence[Sentence]
    code: str
    as_of: int


class _Mark(NamedTuple):
    """What must not change between a preview and what is then done."""

    revision: int
    as_of: int


class Tried(NamedTuple):
    """A community without a change and with it, and what its people are called, by id."""

    before: Community
    after: Community
    names: Mapping[int, Label]


class _Prepared(NamedTuple):
    """A comparison: what is to be done, and the community without and with it."""

    compared: Comparison
    mark: _Mark
    before: Community
    after: Community
    names: Mapping[int, Label]


class SetupService:
    """The setup of one site, in one file. Any thread may use it; ``by`` is the operator's name. What is refused leaves
    no trace."""

    def __init__(self, store: Store, clock: Clock, tables: Sequence[AnyTable]) -> None:
        self._store, self._clock = store, clock
        self._tables = sorted(tables, key=lambda table: table.place)
        self._actions = [action for table in tables for action in table.actions]

    @property
    def tables(self) -> Sequence[AnyTable]:
        """All tables, in the order in which they stand in the file."""
        return self._tables

    @property
    def beside(self) -> Sequence[AnyTable]:
        """The tables whose rows may stand in a CSV file beside the setup."""
        return [table for table in self._tables if table.csv]

    def export(self, beside: Mapping[str, str] = NOTHING_BESIDE) -> str:
        """The setup as it stands. ``beside`` names the CSV files that have rows of it, by the keys for them."""
        with self._store.reading() as connection:
            return self._export(connection, beside)

    def rows(self, table: AnyTable) -> Sequence[Struct]:
        """The rows of a table as they stand."""
        with self._store.reading() as connection:
            found = read_rows(connection, site_of(connection).name, self._tables)[table.kind]
        return [row for _, row in sorted(found.items())]

    def preview(self, file: SetupFile, by: str) -> Preview:
        """What the setup would change. Raises ``BadSetup``, ``Outdated``."""
        return self._preview(self._prepare(self._source(file), by))

    def try_out(self, file: SetupFile, by: str) -> Tried:
        """The community as it is, and as it would be under the setup. Raises ``BadSetup``, ``Outdated``."""
        return self._tried(self._source(file), by)

    def try_rows(self, by: str, kind: type[Struct], rows: Mapping[str, Struct | None]) -> Tried:
        """The same for these rows of one table, as for ``change``."""
        return self._tried(_merged(kind, rows), by)

    def apply(self, file: SetupFile, by: str, accept: str = "", as_of: int | None = None) -> Preview:
        """Put the setup in place, in one transaction; returns what was changed. ``accept`` is the code of a preview,
        ``as_of`` the last change that somebody knows of who decides on it. Raises ``BadSetup``, ``Outdated``,
        ``NeedsAccept``."""
        return self._apply(self._source(file), by, accept, as_of)

    def change(self, by: str, kind: type[Struct], rows: Mapping[str, Struct | None], accept: str = "") -> Preview:
        """Change these rows of one table, by their keys; None removes one. The same as to apply a file in which nothing
        else is changed."""

        return self._apply(_merged(kind, rows), by, accept, None)

    def _tried(self, source: Source, by: str) -> Tried:
        prepared = self._prepare(source, by)
        return Tried(prepared.before, prepared.after, prepared.names)

    def _source(self, file: SetupFile) -> Source:
        """A file is read before the database is locked."""
        setup = read_setup(file, self._tables)
        return lambda _before: setup

    def _apply(self, source: Source, by: str, accept: str, as_of: int | None) -> Preview:
        for _ in range(TRIES):
            prepared = self._prepare(source, by, as_of)
            preview = self._preview(prepared)
            if not prepared.compared.changes:
                return preview
            if preview.reasons and accept != preview.code:
                raise NeedsAccept(preview)
            if self._carry_out(prepared, by):
                return preview
        raise Outdated([])

    def _prepare(self, source: Source, by: str, as_of: int | None = None) -> _Prepared:
        """Others may write while a setup is compared; only what it changes is tried with the database locked."""
        for _ in range(TRIES):
            with self._store.reading() as connection:
                site, mark = site_of(connection).name, self._mark(connection)
                rows = read_rows(connection, site, self._tables)
                setup = source(rows)
                self._check_newest(connection, setup.as_of)
                self._check_newest(connection, as_of)
                compared = compare(connection, site, self._tables, rows, setup)
                before, names = load_community(connection), people_names(connection)
            if not compared.changes:
                return _Prepared(compared, mark, before, before, names)
            with self._store.trying() as connection:
                if self._mark(connection) == mark:
                    put_changes(Writing(connection, site, self._clock(), by), compared)
                    return _Prepared(compared, mark, before, load_community(connection), names)
        raise Outdated([])

    def _preview(self, prepared: _Prepared) -> Preview:
        now_ms = self._clock()
        before, after = access_of(prepared.before, now_ms), access_of(prepared.after, now_ms)
        impact = impact_of(before, after, prepared.names, MAX_NAMES)
        differences = [change.shown() for change in prepared.compared.changes]
        code = accept_code(differences, prepared.mark.revision)
        unused = [gap for table in self._tables for gap in table.gaps(prepared.compared.after)]
        return Preview(differences, impact, grave_reasons(impact), unused, code, prepared.mark.as_of)

    def _carry_out(self, prepared: _Prepared, by: str) -> bool:
        """False if the community has changed since it was compared."""
        with self._store.writing() as connection:
            if self._mark(connection) != prepared.mark:
                return False
            writing = Writing(connection, site_of(connection).name, self._clock(), by)
            put_changes(writing, prepared.compared)
        return True

    def _export(self, connection: Connection, beside: Mapping[str, str]) -> str:
        rows = read_rows(connection, site_of(connection).name, self._tables)
        return write_setup(self._tables, rows, self._newest(connection), beside)

    def _mark(self, connection: Connection) -> _Mark:
        return _Mark(revision(connection), self._newest(connection))

    def _newest(self, connection: Connection) -> int:
        return last_change(connection, self._actions)

    def _check_newest(self, connection: Connection, as_of: int | None) -> None:
        """Raises ``Outdated`` if the setup has changed since."""
        if as_of is not None and as_of < self._newest(connection):
            raise Outdated(changes_since(connection, self._actions, as_of, MAX_SHOWN))


def _merged(kind: type[Struct], rows: Mapping[str, Struct | None]) -> Source:
    """The setup as it is, with these rows of one table in the place of those that have their keys."""

    def wanted(before: Rows) -> ReadSetup:
        merged = {**before[kind], **rows}
        return setup_of({kind: {key: row for key, row in merged.items() if row is not None}})

    return wanted
