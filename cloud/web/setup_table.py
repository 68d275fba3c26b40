"""What a domain brings to the setup file: a table of it, with how its rows are read, checked and put in place."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar, cast

from msgspec import Struct, to_builtins
from sqlalchemy import Connection

from cloud.web.plain_values import plain_value
from cloud.web.sentence import N_, Sentence, UnknownName, there_is

R = TypeVar("R", bound=Struct)


class BadRow(ValueError):
    """A row that cannot be. ``field`` is the key at fault, empty for the row itself; the text says why, and the
    cure."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field, self.text = field, text


class Problem(NamedTuple):
    """What is wrong with a row, and its cure. ``field`` is the key at fault, such as ``opens.gym``; empty for the row
    itself. A problem of no row of the file, such as one that is missing there, has the key of that row all the same."""

    key: str
    field: str
    text: str


class Proposal(NamedTuple):
    """A setup as it would stand: the rows of every table by their keys, before and after. ``known`` has besides the
    keys of rows that something is wrong with, so that nobody is told that those do not exist."""

    connection: Connection
    site: str
    before: Mapping[type[Struct], Mapping[str, Struct]]
    after: Mapping[type[Struct], Mapping[str, Struct]]
    known: Mapping[type[Struct], Collection[str]]

    def rows(self, kind: type[R]) -> Mapping[str, R]:
        return cast("Mapping[str, R]", self.after.get(kind, {}))

    def old_rows(self, kind: type[R]) -> Mapping[str, R]:
        return cast("Mapping[str, R]", self.before.get(kind, {}))

    def names(self, kind: type[Struct]) -> Collection[str]:
        return self.known.get(kind, ())

    def unknown(self, kind: type[Struct], name: str, what: str) -> str:
        """That there is no such row, and which there are; empty if there is one, or if none is named. ``what`` is a
        word of the catalogue."""
        names = self.names(kind)
        if not name or name in names:
            return ""
        return UnknownName(
            N_("there is no %(what)s %(name)s; %(there)s"), what=Sentence(what), name=name, there=there_is(names, name)
        )

    def gone(self, kind: type[R]) -> list[R]:
        """The rows that would be removed."""
        after = self.names(kind)
        return [row for key, row in self.old_rows(kind).items() if key not in after]


class Writing(NamedTuple):
    """The transaction that puts a setup in place. ``by`` is the operator's name for the audit."""

    connection: Connection
    site: str
    now_ms: int
    by: str


class FileRows(NamedTuple):
    """How the rows of a table stand in the file, where that is otherwise than they are: a row there is of ``kind``,
    ``spread`` gives the rows that it stands for, or raises ``BadRow``; ``gather`` gives those that stand for all."""

    kind: type[Struct]
    spread: Callable[[Any], Sequence[Struct]]
    gather: Callable[[Sequence[Any]], Sequence[Struct]]


class SetupTable(Struct, Generic[R], frozen=True):
    """A table of the setup file. Tables stand there, and are put in place, in the order of ``place``; what is removed
    goes in the other order.

    Each row is a Struct of ``kind``, under the key that ``key`` finds. ``tidy`` gives a row of the file the form in
    which ``read`` gives those that are stored, or raises ``BadRow``. ``check`` finds what is wrong with the rows of a
    proposal beside the types of their fields. ``put`` makes a row, or changes the one that stood there before, and
    ``remove`` removes it, each with its row in the audit, through the service of its domain; ``settle`` does what is
    done once for all of them, given the rows before and after. ``gaps`` says what of a whole setup is of no use, given
    the rows of every table; none of it is refused. ``file_rows`` says how the rows stand in the file.
    Actions of the audit that begin with one of ``actions`` change the table. A table that is ``single`` has one row and
    no key; ``csv`` is the key of the file that may name a CSV of the rows instead.
    """

    name: str
    place: int
    kind: type[R]
    read: Callable[[Connection, str], Sequence[R]]
    put: Callable[[Writing, R, R | None], None]
    remove: Callable[[Writing, R], None]
    key: Callable[[R], str] = attrgetter("name")
    tidy: Callable[[R], R] = lambda row: row
    check: Callable[[Proposal], Iterable[Problem]] = lambda _proposal: ()
    settle: Callable[[Writing, Sequence[R], Sequence[R]], None] = lambda _writing, _before, _after: None
    gaps: Callable[[Mapping[type[Struct], Mapping[str, Struct]]], Iterable[Sentence]] = lambda _rows: ()
    file_rows: FileRows | None = None
    actions: tuple[str, ...] = ()
    single: bool = False
    csv: str = ""

    def spread(self, row: Struct) -> Sequence[R]:
        """The rows that a row of the file stands for. Raises ``BadRow``."""
        rows = cast("Sequence[R]", self.file_rows.spread(row) if self.file_rows else [row])
        return [self.tidy(one) for one in rows]

    def rows_by_key(self, rows: Iterable[R]) -> dict[str, R]:
        return {self.key_of(row): row for row in rows}

    def key_of(self, row: R) -> str:
        return "" if self.single else self.key(row)


def changed_detail(before: Struct | None, after: Struct) -> dict[str, str]:
    """For the audit: the fields of a row that are others than before."""
    was: dict[str, Any] = {} if before is None else to_builtins(before)
    now: dict[str, Any] = to_builtins(after)
    return {name: plain_value(one) for name, one in now.items() if before is None or was.get(name) != one}


AnyTable = SetupTable[Any]
