"""Bytes of a table, whatever program wrote them, become the same rows."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.exchange.sheet import FORMULA, MAX_BYTES, NoTable, Sheet, quoted, read_sheet, unquoted

PLAIN = "姓名,房号,卡号\r\n张三,1-101,10001\r\n李四😀,2-502,10002\r\n"


def names(sheet: Sheet) -> list[tuple[int, str, str]]:
    return [(row.line, row.cells["姓名"], row.cells["卡号"]) for row in sheet.rows]


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("gb18030"),
        PLAIN.encode("utf-16"),
        b"\xfe\xff" + PLAIN.encode("utf-16-be"),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode("utf-16"),
        PLAIN.replace("\r\n", "\n").encode(),
        PLAIN.replace("张三", '" 张三 "').encode(),
    ],
    ids=["utf-8", "bom", "gbk", "utf-16", "utf-16-be", "semicolons", "tabs", "newlines", "quotes"],
)
def test_every_form_of_a_file_is_read(content: bytes) -> None:
    sheet = read_sheet(content)
    assert sheet.heading == ["姓名", "房号", "卡号"]
    assert names(sheet) == [(2, "张三", "10001"), (3, "李四😀", "10002")]


def test_lines_are_those_of_the_file() -> None:
    """An empty line is no row, and a cell may hold several lines."""
    sheet = read_sheet(b'\nname_zh,number\n\n"a\nb",1\n\nc,2\n')
    assert [row.line for row in sheet.rows] == [4, 7]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"PK\x03\x04rest of a workbook", "choose Save as, CSV UTF-8"),
        (b"name_zh\n\x81\xff\xff", "neither UTF-8"),
        (b"name_zh\nA\0B\n", "characters that no text has"),
        (b'name_zh\n"never closed\n', "no table"),
        (b"x" * (MAX_BYTES + 1), "larger than 16 MB"),
        (b"name_zh\n" + b"a\n" * 20_001, "more than 20000 rows"),
    ],
)
def test_what_is_no_table_says_the_cure(content: bytes, says: str) -> None:
    with pytest.raises(NoTable, match=says):
        read_sheet(content)


def test_cells_without_a_column_are_told_apart() -> None:
    (row,) = read_sheet(b"name_zh,flat\nA,1-101,more,\n").rows
    assert row.extra == ["more"]


@given(st.binary(max_size=400))
def test_no_bytes_break_the_reading(content: bytes) -> None:
    with suppress(NoTable):
        read_sheet(content)


@given(st.text(max_size=20))
def test_no_cell_is_a_formula_and_comes_back(cell: str) -> None:
    assert not quoted(cell).startswith(FORMULA)
    if not cell.startswith("'"):
        assert unquoted(quoted(cell)) == cell
