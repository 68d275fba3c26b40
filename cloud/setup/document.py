"""The setup file as text: read into rows with every wrong line named, and written so that it is read again."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from msgspec import NODEFAULT, Struct, structs, to_builtins

from cloud.setup.csv_rows import CsvError, read_csv
from cloud.setup.fields import FieldError, read_row
from cloud.web.sentence import N_, Sentence
from cloud.web.setup_table import AnyTable, BadRow, Problem
from contract.toml_lines import TomlLines
from contract.toml_text import Bounds, NotToml, read_toml
from contract.toml_writer import write_rows

BOUNDS = Bounds(characters=4_000_000, line=20_000, entries=200_000)
"""A setup of 10,000 flats that stand in the file itself has 90,000 keys."""
MAX_NAMED = 100
"""Wrong lines that are named; of more it is said how many."""
NOT_TOML = N_("this is not TOML: %(why)s")
BYTE_ORDER_MARK = N_("it begins with a byte order mark; save it as UTF-8 without BOM")
NOT_UTF_8 = N_("the byte %(byte)s is not UTF-8; save it as UTF-8 (it may be GBK)")
HEADER = """\
# What screens call something is its label, in both languages:
#   label = { zh = "东门", en = "East gate" }
# A special day has one too:
#   [[special_day]]
#   day = 2027-01-01
#   kind = "rest"
#   label = { zh = "元旦", en = "New Year's Day" }

"""
"""How a file begins that is exported."""
AS_OF = "as_of_change"
"""The key of ``[site]`` that names the last change which the file knows of."""


class BadSetup(ValueError):
    """A setup that cannot be put in place: nothing was changed. ``problems`` are the wrong lines, each with its
    cure."""

    def __init__(self, problems: Sequence[str]) -> None:
        more = len(problems) - MAX_NAMED
        beyond = [Sentence(N_("and %(more)s more wrong lines"), more=more)] if more > 0 else []
        self.problems = [*problems[:MAX_NAMED], *beyond]
        super().__init__("\n".join(self.problems))


class SetupFile(NamedTuple):
    """The bytes of a setup, what they are called, and those of the CSV files beside it, by name."""

    content: bytes
    called: str = "setup.toml"
    beside: Mapping[str, bytes] = {}


class ReadSetup(NamedTuple):
    """A setup that was read: the rows of the tables that stand in it, by their keys. ``as_of`` is the last change that
    the file knows of, none if it does not say. ``places`` has the file and the line of each row and field; ``wrong``
    are the lines that could not be read, ``partial`` the rows on them as far as they could be, by their keys."""

    rows: Mapping[type[Struct], Mapping[str, Struct]]
    as_of: int | None
    places: "Places"
    wrong: Sequence[tuple[tuple[str, int], str]]
    partial: Mapping[type[Struct], Mapping[str, Struct]]

    def refuse(self, problems: Iterable[tuple[AnyTable, Problem]]) -> None:
        """Raises ``BadSetup`` if any line is wrong."""
        told = list(self.wrong)
        for table, one in problems:
            is_here = (table.name, one.key) in self.places.rows
            if is_here or not self.wrong:  # What a wrong line brings about elsewhere is not told beside it.
                place = self.places.find(table, one.key, one.field)
                told.append((place, joined(_called(table, one.key, one.field), one.text)))
        if told:
            raise BadSetup([joined(f"{file}:{line}", text) if file else text for (file, line), text in sorted(told)])


def joined(place: str, why: str) -> Sentence:
    """What is wrong, behind where it is."""
    return Sentence("%(place)s: %(why)s", place=place, why=why)


class Places(NamedTuple):
    """Where each row stands: in which file, and under which key or on which line of it."""

    called: str
    lines: TomlLines
    rows: dict[tuple[str, str], str | tuple[str, int]]

    def find(self, table: AnyTable, key: str, field: str) -> tuple[str, int]:
        place = self.rows.get((table.name, key), table.csv or table.name)
        return place if isinstance(place, tuple) else self.at(f"{place}.{field}".rstrip("."))

    def at(self, path: str) -> tuple[str, int]:
        return self.called, self.lines.line(path)


def setup_of(rows: Mapping[type[Struct], Mapping[str, Struct]]) -> ReadSetup:
    """A setup that stands in no file."""
    return ReadSetup(rows, None, Places("", TomlLines([]), {}), [], {})


def read_setup(file: SetupFile, tables: Sequence[AnyTable]) -> ReadSetup:
    """Raises ``BadSetup`` for what is no TOML at all. What is wrong with single lines is in the document, so that all
    that is wrong is told at once."""
    text = decoded(file.content, file.called)
    try:
        content = read_toml(text, BOUNDS)
    except NotToml as wrong:
        raise BadSetup([joined(f"{file.called}:{wrong.line}", _not_toml(wrong.problem))]) from None
    reading = _Reading(file, Places(file.called, TomlLines(text.splitlines()), {}))
    as_of = reading.take_as_of(content.get("site"))
    known = {table.name for table in tables} | {table.csv for table in tables if table.csv}
    for name in content.keys() - known:
        place = reading.places.at(name)
        unknown = Sentence(N_("unknown table; there is %(names)s"), names=sorted(known))
        reading.wrong.append((place, joined(name, unknown)))
    for table in tables:
        if table.csv and table.csv in content:
            reading.read_beside(table, content[table.csv], table.name in content)
        elif table.name in content:
            reading.read_table(table, content[table.name])
    return ReadSetup(reading.rows, as_of, reading.places, reading.wrong, reading.partial)


def _not_toml(problem: str) -> str:
    why = problem.removeprefix(NOT_TOML % {"why": ""})
    return problem if why == problem else Sentence(NOT_TOML, why=why)


class _Reading:
    """The reading of one file, which goes on behind a wrong line."""

    def __init__(self, file: SetupFile, places: Places) -> None:
        self.file, self.places = file, places
        self.rows: dict[type[Struct], dict[str, Struct]] = {}
        self.wrong: list[tuple[tuple[str, int], str]] = []
        self.partial: dict[type[Struct], dict[str, Struct]] = {}

    def take_as_of(self, site: object) -> int | None:
        said = site.pop(AS_OF, None) if isinstance(site, dict) else None
        if said is None or (isinstance(said, int) and not isinstance(said, bool) and said >= 0):
            return said
        cure = Sentence(N_("write the number that export wrote"))
        self.wrong.append((self.places.at(f"site.{AS_OF}"), joined(f"site.{AS_OF}", cure)))
        return None

    def read_table(self, table: AnyTable, said: object) -> None:
        rows = [said] if table.single else said
        if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
            header = f"[{table.name}]" if table.single else f"[[{table.name}]]"
            cure = Sentence(N_("write it as %(header)s"), header=header)
            self.wrong.append((self.places.at(table.name), joined(table.name, cure)))
            return
        found = self.rows.setdefault(table.kind, {})
        for index, row in enumerate(rows):
            at = table.name if table.single else f"{table.name}[{index}]"
            self._take(table, row, at, found)

    def read_beside(self, table: AnyTable, name: object, is_twice: bool) -> None:
        """The rows of a CSV file that the setup names."""
        at = self.places.at(table.csv)
        content = self.file.beside.get(name) if isinstance(name, str) else None
        if is_twice or content is None:
            self.wrong.append((at, _cure_csv(table, name, is_twice)))
            return
        found = self.rows.setdefault(table.kind, {})
        try:
            for line, row in read_csv(decoded(content, str(name)), table.kind):
                if isinstance(row, Sentence):
                    self.wrong.append(((str(name), line), row))
                else:
                    self._take(table, row, (str(name), line), found)
        except CsvError as wrong:
            self.wrong.append(((str(name), wrong.line), wrong.text))

    def _take(
        self, table: AnyTable, said: Mapping[str, Any], at: str | tuple[str, int], into: dict[str, Struct]
    ) -> None:
        kind = table.file_rows.kind if table.file_rows else table.kind
        row, errors = read_row(said, kind, strict=not isinstance(at, tuple))
        rows: Sequence[Struct] = () if table.file_rows else (row,)
        try:
            rows = table.spread(row)
        except BadRow as wrong:
            errors = errors or [FieldError(wrong.field, wrong.text)]
        for error in errors:
            place = at if isinstance(at, tuple) else self.places.at(f"{at}.{error.field}".rstrip("."))
            self.wrong.append((place, joined(f"{_shown(at, table)}{_dotted(error)}", error.text)))
        for one in rows:
            (self._keep_partial if errors else self._keep)(table, one, at, into)

    def _keep_partial(self, table: AnyTable, row: Struct, at: str | tuple[str, int], _into: dict[str, Struct]) -> None:
        key = table.key_of(row)
        self.partial.setdefault(table.kind, {})[key] = row
        self.places.rows.setdefault((table.name, key), at)

    def _keep(self, table: AnyTable, row: Struct, at: str | tuple[str, int], into: dict[str, Struct]) -> None:
        key = table.key_of(row)
        if key in into:
            file, line = self.places.find(table, key, "")
            place = at if isinstance(at, tuple) else self.places.at(at)
            twice = Sentence(N_("it stands twice, first in %(place)s; leave one out"), place=f"{file}:{line}")
            self.wrong.append((place, joined(f"{table.name} {key}", twice)))
            return
        into[key] = row
        self.places.rows[table.name, key] = at


def _cure_csv(table: AnyTable, name: object, is_twice: bool) -> str:
    if is_twice:
        cure = Sentence(N_("write either %(table)s or the name of a CSV file, not both"), table=f"[[{table.name}]]")
    elif not isinstance(name, str):
        cure = Sentence(N_("write the name of a CSV file, such as %(name)s"), name=f'"{table.csv}.csv"')
    else:
        cure = Sentence(N_("there is no file %(name)s beside the setup"), name=name)
    return joined(table.csv, cure)


def _shown(at: str | tuple[str, int], table: AnyTable) -> str:
    return table.name if isinstance(at, tuple) else at


def _dotted(error: FieldError) -> str:
    return f".{error.field}" if error.field else ""


def _called(table: AnyTable, key: str, field: str) -> str:
    return " ".join(part for part in (table.name, key, field) if part)


def decoded(content: bytes, called: str) -> str:
    """The text of a file. Raises ``BadSetup`` for what is not UTF-8."""
    if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise BadSetup([joined(f"{called}:1", Sentence(BYTE_ORDER_MARK))])
    try:
        return content.decode()
    except UnicodeDecodeError as wrong:
        line = content.count(b"\n", 0, wrong.start) + 1
        why = Sentence(NOT_UTF_8, byte=f"0x{content[wrong.start]:02X}")
        raise BadSetup([joined(f"{called}:{line}", why)]) from None


def write_setup(
    tables: Sequence[AnyTable],
    rows: Mapping[type[Struct], Mapping[str, Struct]],
    as_of: int,
    beside: Mapping[str, str],
) -> str:
    """The file of these rows. A table without rows stands there as an empty list: what the file does not have would be
    left as it is. ``beside`` names the CSV files that have the rows of tables which may have one, by the keys for
    them."""
    head: dict[str, Any] = {}
    body: dict[str, Any] = {}
    for table in tables:
        stored = [row for _, row in sorted(rows.get(table.kind, {}).items())]
        listed = [plain(row) for row in (table.file_rows.gather(stored) if table.file_rows else stored)]
        if table.single:
            body[table.name] = listed[0] | ({AS_OF: as_of} if table.name == "site" else {}) if listed else {}
        elif listed and table.csv in beside:
            head[table.csv] = beside[table.csv]
        elif listed:
            body[table.name] = listed
        else:
            head[table.name] = []
    return HEADER + write_rows(head | body)


def plain(row: Struct) -> dict[str, Any]:
    """A row as the file has it: without what is as it is anyway."""
    return {
        field.encode_name: _written(getattr(row, field.name))
        for field in structs.fields(row)
        if not is_left_out(row, field)
    }


def is_left_out(row: Struct, field: structs.FieldInfo) -> bool:
    value = getattr(row, field.name)
    if value is None:
        return True
    default = field.default if field.default_factory is NODEFAULT else field.default_factory()
    return default is not NODEFAULT and bool(value == default)


def _written(value: Any) -> Any:
    """What stands for a value: without what is none, and what is found by its key in the order of the keys."""
    if isinstance(value, Mapping):
        return {key: _written(value[key]) for key in sorted(value) if value[key] is not None}
    if isinstance(value, Struct):
        fields = ((name, getattr(value, name)) for name in value.__struct_fields__)
        return {name: _written(one) for name, one in fields if one is not None}
    if isinstance(value, list | tuple):
        return [_written(one) for one in value]
    return to_builtins(value, builtin_types=(date,))
