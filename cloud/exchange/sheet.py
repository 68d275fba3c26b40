"""A table as a file: its bytes become rows of cells by column, whatever program wrote them. Pure."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO, StringIO
from itertools import zip_longest
from typing import Any

from msgspec import Struct

MAX_BYTES = 16 * 1024 * 1024
MAX_ROWS = 20_000
MAX_CELL = 200
"""Characters: no name, date or number is longer."""
DELIMITERS = ",;\t"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With these a cell begins that a spreadsheet takes for a formula."""
EXTRA = "\0extra"
"""Under which the cells of a row stand that have no column."""


class NoTable(ValueError):
    """The file is no table that can be read; the text says why, and the cure."""


class Row(Struct, frozen=True):
    """A row under the heading. ``line`` is the line of the file that it begins on; cells are without space around."""

    line: int
    cells: Mapping[str, str]
    extra: Sequence[str] = ()
    """What stands under no heading."""


class Sheet(Struct, frozen=True):
    """A table: its heading as written, and its rows."""

    heading: Sequence[str]
    rows: Sequence[Row]


def read_sheet(content: bytes) -> Sheet:
    """A file with a heading, in UTF-8, UTF-16 or GBK, with commas, semicolons or tabs. Raises ``NoTable``."""
    if len(content) > MAX_BYTES:
        raise NoTable(f"the file is larger than {MAX_BYTES >> 20} MB: split it")
    text = _decode(content)
    dialect = _dialect_of(text)
    from sqlite_utils.utils import Format, maximize_csv_field_size_limit, rows_from_file  # only when it is asked for

    maximize_csv_field_size_limit()
    try:
        lines = list(_rows_of(text, dialect))
        body = BytesIO(text.lstrip("\r\n").encode())
        parsed, _ = rows_from_file(body, Format.CSV, dialect, "utf-8", extras_key=EXTRA)
        found: list[dict[Any, Any]] = list(parsed)
    except csv.Error as wrong:
        raise NoTable(f"the file is no table: {wrong}") from None
    if not lines:
        raise NoTable("the file is empty: its first line names the columns")
    heading = [cell.strip() for cell in lines[0][1]]
    if len(found) > MAX_ROWS:
        raise NoTable(f"the file has more than {MAX_ROWS} rows: split it")
    return Sheet(heading, [_row(heading, *begun, row) for begun, row in zip(lines[1:], found, strict=True)])


def quoted(cell: str) -> str:
    """The cell as it is written into a file: no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def unquoted(cell: str) -> str:
    """The cell as it was before it was ``quoted``."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


def _decode(content: bytes) -> str:
    if content.startswith(b"PK"):
        raise NoTable("this is a workbook: in Excel choose Save as, CSV UTF-8")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        names = ["utf-16"]
    elif content[1::2].count(0) > len(content) // 4:
        names = ["utf-16-le"]
    else:
        names = ["utf-8-sig", "gb18030"]
    for name in names:
        try:
            text = content.decode(name)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            raise NoTable("the file holds characters that no text has: save it as CSV UTF-8")
        return text.removeprefix("\ufeff")
    raise NoTable("the file is neither UTF-8 nor UTF-16 nor GBK: save it as CSV UTF-8")


def _dialect_of(text: str) -> type[csv.Dialect]:
    first = text.lstrip("\r\n").partition("\n")[0]
    best = max(DELIMITERS, key=first.count)

    class Written(csv.excel):
        delimiter = best
        strict = True

    return Written


def _rows_of(text: str, dialect: type[csv.Dialect]) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row, the heading first, and the line that it begins on. Lines without any cell are none."""
    reader, before = csv.reader(StringIO(text), dialect), 0
    for row in reader:
        if row:
            yield before + 1, row
        before = reader.line_num


def _row(heading: Sequence[str], line: int, written: Sequence[str], row: Mapping[Any, Any]) -> Row:
    named = zip_longest(heading, written, fillvalue="")
    extra = [cell for name, cell in named if not name and cell.strip()]
    cells = {key.strip(): unquoted((cell or "").strip()) for key, cell in row.items() if key and key != EXTRA}
    return Row(line, cells, extra)
