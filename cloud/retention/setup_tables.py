"""The table of the setup file about how long records are held."""

from collections.abc import Iterator, Mapping

from msgspec import Struct, defstruct, structs
from sqlalchemy import Connection

from cloud.retention.rule import DEFAULT_DAYS, term_fault
from cloud.retention.service import change_term
from cloud.retention.store import terms_of
from cloud.web.setup_table import Problem, Proposal, SetupTable, Writing

Retention = defstruct("Retention", [(what, int, days) for what, days in DEFAULT_DAYS.items()], frozen=True)
"""Days for which each kind of record is held: one row."""


def _terms(row: Struct) -> Mapping[str, int]:
    return structs.asdict(row)


def _read(connection: Connection, site: str) -> list[Struct]:
    return [Retention(**terms_of(connection, site))]


def _check(proposal: Proposal) -> Iterator[Problem]:
    for row in proposal.rows(Retention).values():
        for what, days in _terms(row).items():
            if fault := term_fault(what, days, _terms(row)):
                yield Problem("", what, fault)


def _put(writing: Writing, row: Struct, before: Struct | None) -> None:
    was = _terms(before) if before else {}
    for what, days in _terms(row).items():
        if was.get(what) != days:
            change_term(writing.connection, writing.site, writing.now_ms, writing.by, what, days)


def _stays(_writing: Writing, _row: Struct) -> None:
    """Records are always held for some time."""


RETENTION_TABLE = SetupTable(
    name="retention",
    place=100,
    kind=Retention,
    read=_read,
    put=_put,
    remove=_stays,
    check=_check,
    actions=("retention.",),
    single=True,
)
TABLES = (RETENTION_TABLE,)
