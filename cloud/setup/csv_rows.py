"""The rows of a table of the setup as CSV: one header, a row a line."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct, structs, to_builtins

from cloud.web.sentence import N_, Sentence

MAX_ROWS = 20_000
NOT_ONE_EACH = N_("%(cells)s cells under %(columns)s columns; write one for each")
TOO_MANY = N_("more than %(most)s rows; write fewer")
NOT_CSV = N_("this is not CSV: %(why)s")
UNKNOWN_COLUMN = N_("unknown column %(name)s; the first line names columns of %(names)s")
COLUMN_TWICE = N_("a column stands twice; leave one out")


class CsvError(ValueError):
    """A line that ends the reading; the text says why, and what to do."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line, self.text = line, text


def read_csv(text: str, kind: type[Struct]) -> Iterator[tuple[int, dict[str, Any] | Sentence]]:
    """The line of each row with its cells by column, or with what is wrong with it. An empty cell is none. Raises
    ``CsvError`` for a line behind which none can be read."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns: list[str] = []
    try:
        for cells in rows:
            if not any(cells):
                continue
            if not columns:
                columns = _columns(cells, kind)
            elif len(cells) != len(columns):
                yield rows.line_num, Sentence(NOT_ONE_EACH, cells=len(cells), columns=len(columns))
            elif rows.line_num > MAX_ROWS + 1:
                raise CsvError(rows.line_num, Sentence(TOO_MANY, most=MAX_ROWS))
            else:
                said = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
                yield rows.line_num, {name: cell for name, cell in said.items() if cell}
    except csv.Error as wrong:
        raise CsvError(rows.line_num, Sentence(NOT_CSV, why=str(wrong))) from None


def _columns(cells: Iterable[str], kind: type[Struct]) -> list[str]:
    names = [cell.strip() for cell in cells]
    known = [field.encode_name for field in structs.fields(kind)]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise CsvError(1, Sentence(UNKNOWN_COLUMN, name=repr(unknown[0]), names=", ".join(known)))
    if len(set(names)) < len(names):
        raise CsvError(1, Sentence(COLUMN_TWICE))
    return names


def write_csv(rows: Iterable[Struct], kind: type[Struct]) -> str:
    """The CSV of these rows."""
    columns = [field.encode_name for field in structs.fields(kind)]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        cells = to_builtins(row)
        writer.writerow([_cell(cells[name]) for name in columns])
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
