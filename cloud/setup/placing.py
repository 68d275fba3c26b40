"""A setup compared with what stands, row by row, and put in place."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from msgspec import Struct, to_builtins
from sqlalchemy import Connection

from cloud.setup.document import ReadSetup
from cloud.setup.rule import Difference
from cloud.web.operators import record
from cloud.web.rejected import Rejected
from cloud.web.sentence import UnknownName
from cloud.web.setup_table import AnyTable, Problem, Proposal, Writing

Rows = Mapping[type[Struct], Mapping[str, Struct]]


class Change(Struct, frozen=True):
    """A row to put in place, or to remove."""

    table: AnyTable
    key: str
    before: Struct | None
    after: Struct | None

    @property
    def what(self) -> str:
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"

    def shown(self) -> Difference:
        before, after = (None if row is None else to_builtins(row) for row in (self.before, self.after))
        return Difference(self.table.name, self.key, self.what, before, after)


def changes_between(
    tables: Iterable[AnyTable],
    before: Rows,
    after: Rows,
) -> list[Change]:
    """In the order in which they are made: what is new or other in the order of the tables, then what goes, in the
    other order, for rows name rows of the tables before theirs."""
    listed = sorted(tables, key=lambda table: table.place)
    made, gone = [], []
    for table in listed:
        was, now = before.get(table.kind, {}), after.get(table.kind, {})
        made += [Change(table, key, was.get(key), row) for key, row in now.items() if was.get(key) != row]
        gone += [Change(table, key, row, None) for key, row in was.items() if key not in now]
    return made + sorted(gone, key=lambda change: -change.table.place)


def read_rows(connection: Connection, site: str, tables: Iterable[AnyTable]) -> dict[type[Struct], dict[str, Struct]]:
    """The rows of all tables as they stand, by their keys."""
    return {table.kind: table.rows_by_key(table.read(connection, site)) for table in tables}


class Comparison(NamedTuple):
    """The rows of all tables without a setup and with it, and what is to be done."""

    setup: ReadSetup
    before: Rows
    after: Rows
    changes: Sequence[Change]


def compare(
    connection: Connection, site: str, tables: Sequence[AnyTable], before: Rows, setup: ReadSetup
) -> Comparison:
    """What the setup changes. A table that it does not have stays as it is. Raises ``BadSetup``."""
    after = {kind: setup.rows.get(kind, rows) for kind, rows in before.items()}
    known = {kind: {*rows, *setup.partial.get(kind, ())} for kind, rows in after.items()}
    proposal = Proposal(connection, site, before, after, known)
    problems = ((table, problem) for table in tables for problem in table.check(proposal))
    setup.refuse(chain(problems, _unknown_names(tables, proposal, setup)))
    return Comparison(setup, before, after, changes_between(tables, before, after))


def _unknown_names(
    tables: Sequence[AnyTable], proposal: Proposal, setup: ReadSetup
) -> Iterator[tuple[AnyTable, Problem]]:
    """What is named on wrong lines, and is not there: all that is wrong is said at once."""
    for table in tables:
        if rows := setup.partial.get(table.kind):
            of_rows = proposal._replace(after={**proposal.after, table.kind: rows})
            yield from ((table, one) for one in table.check(of_rows) if isinstance(one.text, UnknownName))


def put_changes(writing: Writing, compared: Comparison) -> None:
    """Make the changes, each with its row in the audit. Raises ``BadSetup`` for what a service rejects."""
    for change in compared.changes:
        try:
            if change.after is None:
                change.table.remove(writing, change.before)
            else:
                change.table.put(writing, change.after, change.before)
        except Rejected as wrong:
            compared.setup.refuse([(change.table, Problem(change.key, "", wrong.sentence))])
    for table in {change.table.name: change.table for change in compared.changes}.values():
        before, after = (list(rows[table.kind].values()) for rows in (compared.before, compared.after))
        table.settle(writing, before, after)
    if compared.changes:
        counted = Counter(change.what for change in compared.changes)
        detail = {what: str(counted[what]) for what in ("added", "changed", "removed")}
        record(writing.connection, writing.now_ms, writing.by, "setup.applied", writing.site, **detail)


def put_setup(writing: Writing, tables: Sequence[AnyTable], setup: ReadSetup) -> None:
    """Put a setup in place in a new community, where nobody loses anything. Raises ``BadSetup``."""
    before = read_rows(writing.connection, writing.site, tables)
    put_changes(writing, compare(writing.connection, writing.site, tables, before, setup))
