"""What the cells of an import mean, and what Excel has done to them."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.cards.rule import Card
from cloud.exchange.rule import (
    FIRST_SERIAL,
    SERIALS,
    BadCell,
    PersonRow,
    is_hexadecimal,
    read_day,
    read_number,
    read_rows,
)
from cloud.exchange.sheet import read_sheet
from cloud.parties.party import MemberRole
from cloud.people.traits import Tag


def read(*lines: str) -> tuple[list[PersonRow], list[tuple[int, str]]]:
    """The rows, and the line and column of each problem."""
    rows, problems, _ = read_rows(read_sheet("\n".join(lines).encode()))
    return rows, [(problem.line, problem.column) for problem in problems]


def test_row_gives_person_plan_and_card() -> None:
    heading = "姓名,英文名,房号,身份,方案,开始日期,结束日期,标签,卡格式,设施码,卡号,卡名"
    rows, problems = read(
        heading, "张三,Zhang San,1-101,缴费人,founder,2027/1/31,46053,70+、志愿者,h10301,21,10001,门禁"
    )
    assert problems == []
    (row,) = rows
    assert (row.name_zh, row.name_en, row.flat, row.role) == ("张三", "Zhang San", "1-101", MemberRole.PAYER)
    assert (row.first_day, row.last_day) == (date(2027, 1, 31), date(2026, 1, 31))
    assert (row.tags, row.payer) == ((Tag.OVER_70, Tag.VOLUNTEER), True)
    assert (row.card, row.card_name) == (Card("H10301", 21, 10001), "门禁")


def test_every_bad_cell_of_a_file_is_named() -> None:
    heading = "name_zh,role,born,tags,plan,payer,first_day,card_format,number,flat"
    rows, problems = read(
        heading,
        ",,,,,,,,,",
        "A,king,1957-13,old,yearly,perhaps,2027-02-29,,",
        ",owner,,,,,,,",
        "B,,,,,,,H99999,10",
        "C,,,,,,,H10301,",
        "D,,,,,,2027-01-31,,",
        "E" * 201 + ",,,,,,,,",
        "F,,,,,,,,,too,many",
        "G,owner,1957/3,60+,yearly,yes,2027年1月31日,H10301,17,1-101",
    )
    assert [row.name_zh for row in rows] == ["G"]
    assert problems == [
        *((3, column) for column in ("role", "born", "tags", "payer", "first_day")),
        *((4, column) for column in ("name_zh", "role")),
        (5, "number"),
        (6, "number"),
        (7, "plan"),
        (8, "name_zh"),
        (9, ""),
    ]


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("A,owner,,,,,,", "role"),
        ("A,,,,yes,,,", "plan"),
        ("A,,,,,2027-01-31,,", "plan"),
        ("A,,,,,,H10301,", "number"),
        ("A,,,,,,,green fob,,", "number"),
        (",,1-101,,,,,", "name_zh"),
        ("A,,,,,,,,,left over", ""),
    ],
)
def test_row_half_filled_in_is_named(row: str, column: str) -> None:
    """Nothing of it is passed over: not a role of nowhere, nor a card's name without its number."""
    rows, problems = read("name_zh,role,flat,plan,payer,last_day,card_format,card_name,number,", row)
    assert (rows, problems) == ([], [(2, column)])


def test_payer_of_a_flat_needs_no_plan() -> None:
    rows, problems = read("name_zh,role,flat,plan,payer", "A,payer,1-101,,", "B,payer,,yearly,", "C,,,,no")
    assert problems == []
    assert [row.payer for row in rows] == [True, True, False]


@pytest.mark.parametrize("heading", ["姓名,颜色", "姓名,name_zh", "房号,卡号"])
def test_heading_that_cannot_be_right_is_refused(heading: str) -> None:
    rows, problems = read(heading, "A,B")
    assert rows == []
    assert [line for line, _ in problems] == [1]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2027-01-31", date(2027, 1, 31)),
        ("2027/1/31", date(2027, 1, 31)),
        ("2027.1.31", date(2027, 1, 31)),
        ("2027年1月31日", date(2027, 1, 31)),
        ("2027/1/31 0:00:00", date(2027, 1, 31)),
        ("46053", date(2026, 1, 31)),
        ("", None),
    ],
)
def test_days_are_read_as_excel_writes_them(text: str, day: date | None) -> None:
    assert read_day(text) == day


@pytest.mark.parametrize("text", ["2027-02-29", "31/1/2027", "1/2/27", "2027-13-01", "tomorrow", "12", "99999", "²2²2"])
def test_day_that_is_none_or_unclear_is_refused(text: str) -> None:
    with pytest.raises(BadCell):
        read_day(text)


@given(st.sampled_from(SERIALS))
def test_serial_number_is_its_day(serial: int) -> None:
    assert read_day(str(serial)) == FIRST_SERIAL + timedelta(days=serial)


@pytest.mark.parametrize(
    ("text", "format_name", "cure"),
    [
        ("1.00E+04", "H10301", "has rounded"),
        ("4.20E12", "UID7", "has rounded"),
        ("1234567890123450000", "UID10", "behind the 15th"),
        ("10,001", "H10301", "in digits"),
        ("-5", "H10301", "in digits"),
        ("", "H10301", "in digits"),
        ("１２３", "H10301", "in digits"),
    ],
)
def test_number_that_excel_changed_is_refused(text: str, format_name: str, cure: str) -> None:
    with pytest.raises(BadCell, match=cure):
        read_number(text, format_name)


def test_number_in_hexadecimal_needs_its_zeros() -> None:
    """A number without letters is one too, where others of the file have some."""
    assert read_number("04A1B2C3", "UID4", hexadecimal=True) == 0x04A1B2C3
    assert read_number("04:A1:B2:C3", "UID4", hexadecimal=True) == 0x04A1B2C3
    assert read_number("04112E33", "UID4", hexadecimal=True) == 0x04112E33
    with pytest.raises(BadCell, match="drops zeros"):
        read_number("4112233", "UID4", hexadecimal=True)
    assert is_hexadecimal("04A1B2C3", "UID4")
    assert not is_hexadecimal("04112233", "UID4")
    rows, problems = read("name_zh,card_format,number", "A,UID4,04A1B2C3", "B,UID4,4112233", "C,UID4,04112233")
    assert [row.card and row.card.number for row in rows] == [0x04A1B2C3, 0x04112233]
    assert problems == [(3, "number")]


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_no_cell_breaks_the_reading(role: str, day: str, number: str) -> None:
    for read_one in (read_day, lambda text: read_number(text, "UID4"), lambda text: read_number(text, "UID7")):
        try:
            read_one(role)
            read_one(day)
            read_one(number)
        except BadCell as wrong:
            assert str(wrong)
