"""A log is read as people and spreadsheets write it, and each bad line is named."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from cloud.replay.log import BadLine, LogRow, NoLog, read_log

BERLIN = ZoneInfo("Europe/Berlin")


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def read(*lines: str, zone: ZoneInfo = BERLIN) -> list[LogRow | BadLine]:
    return list(read_log([f"{line}\r\n" for line in lines], zone))


@pytest.mark.parametrize(
    ("heading", "row"),
    [
        ("time,holder,point,direction", "2027-01-15T12:00:00Z,Li Si,gate,in"),
        ("direction,point,holder,time", "in,gate,Li Si,2027-01-15T12:00:00+00:00"),
        ("Time;Holder;Point;Direction;note", "2027-01-15 13:00;Li Si;gate;IN;by bicycle"),
        ("time\tholder\tpoint\tdirection", "2027/1/15 13:00\tLi Si\tgate\t进"),
        ("time,holder,point,direction", ' 2027-01-15T13:00:00 ,"Li Si",gate,in'),
    ],
)
def test_row_is_read_however_it_is_written(heading: str, row: str) -> None:
    assert read(heading, row) == [LogRow(2, ms("2027-01-15T12:00:00"), "Li Si", "gate", "in")]


def test_row_without_time_has_that_before() -> None:
    rows = read("time,holder,point,direction", ",a,gate,in", "2027-01-15T12:00:00Z,b,gate,in", "", ",c,gate,out")
    assert [(row.line, row.at_ms) for row in rows if isinstance(row, LogRow)] == [
        (2, None),
        (3, ms("2027-01-15T12:00:00")),
        (5, ms("2027-01-15T12:00:00")),
    ]


def test_line_is_where_a_row_begins() -> None:
    rows = read("time,holder,point,direction", ',"a', 'b",gate,in', ",c,gate,in")
    assert [row.line for row in rows] == [2, 4]


def test_hour_that_comes_twice_follows_the_rows() -> None:
    """In the night in which clocks go back the wall clock shows 02:30 twice."""
    times = ("02:30", "02:50", "02:10", "02:40", "03:10")
    rows = read("time,holder,point,direction", *(f"2027-10-31T{time},a,gate,in" for time in times))
    found = [row.at_ms for row in rows if isinstance(row, LogRow)]
    wanted = ("00:30", "00:50", "01:10", "01:40", "02:10")
    assert found == [ms(f"2027-10-31T{time}:00") for time in wanted]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("yesterday,a,gate,in", "time: write it as"),
        ("2027-02-29T10:00,a,gate,in", "time: write it as"),
        ("1912-01-01T10:00,a,gate,in", "time: write it as"),
        ("9999-12-31T23:59:59-12:00,a,gate,in", "time: write it as"),
        (",a,gate,through", "direction: write in or out"),
        (",,gate,in", "holder: it is empty"),
        (",a,,in", "point: it is empty"),
        (",a,gate", "3 cells, and the heading has more columns"),
        (f",{'a' * 201},gate,in", "a cell of more than 200 characters"),
        (',"a"b,gate,in', "this is no CSV"),
    ],
)
def test_bad_line_is_named_and_others_are_read(row: str, why: str) -> None:
    found = read("time,holder,point,direction", row, ",c,gate,in")
    bad, good = found
    assert isinstance(bad, BadLine)
    assert (bad.line, bad.why[: len(why)]) == (2, why)
    assert isinstance(good, LogRow)
    assert good.line == 3


@pytest.mark.parametrize("heading", ["", "time,holder,point", "time,time,holder,point,direction"])
def test_heading_must_name_each_column_once(heading: str) -> None:
    with pytest.raises(NoLog):
        read(heading, ",a,gate,in")
