"""Lines of text out of a scanner's bytes: whole ones, split ones, and what is no text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.scanners.lines import MAX_LINE_BYTES, LineAssembler, ScannedLine, read_line

PASS = "HG1ABCDEFGH234567"


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\t", b"\x03"])
def test_every_usual_ending_ends_a_line(end: bytes) -> None:
    assert LineAssembler().feed(PASS.encode() + end) == [ScannedLine(PASS)]


def test_pause_ends_a_line_without_ending() -> None:
    assembler = LineAssembler()
    assert assembler.feed(PASS.encode()) == []
    assert assembler.is_amid_line
    assert assembler.end() == [ScannedLine(PASS)]
    assert assembler.end() == [] and not assembler.is_amid_line


def test_empty_lines_are_none() -> None:
    assert LineAssembler().feed(b"\r\n \r\n\r\r") == []


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ("京A12345".encode(), ScannedLine("京A12345")),
        ("京A12345".encode("gb18030"), ScannedLine("京A12345")),
        (b" HG1AB ", ScannedLine("HG1AB")),
        (b"HG1\x00AB", ScannedLine(why="not_text")),
        (b"HG1\x1b[2J", ScannedLine(why="not_text")),
        ("HG1\u202eAB".encode(), ScannedLine(why="not_text")),
        (b"\xff\xfe\xff", ScannedLine(why="not_text")),
        (b"A" * MAX_LINE_BYTES, ScannedLine("A" * MAX_LINE_BYTES)),
        (b"A" * (MAX_LINE_BYTES + 1), ScannedLine(why="too_long")),
    ],
)
def test_line_is_text_or_says_why_not(data: bytes, line: ScannedLine) -> None:
    assert read_line(data) == line


def test_overlong_line_is_one_line_and_bounded() -> None:
    assembler = LineAssembler()
    for _ in range(1_000):
        assert assembler.feed(b"A" * 4096) == []
    assert len(assembler._held) == MAX_LINE_BYTES + 1
    assert assembler.feed(b"\r" + PASS.encode() + b"\r") == [ScannedLine(why="too_long"), ScannedLine(PASS)]


@given(st.lists(st.binary(max_size=40), max_size=40), st.data())
def test_pieces_make_the_lines_of_the_whole(pieces: list[bytes], data: st.DataObject) -> None:
    """However the kernel cuts it; and no bytes, whatever they are, raise anything."""
    whole, cut = LineAssembler(), LineAssembler()
    sent = b"".join(pieces) + b"\r"
    parts, lines = sent, list[ScannedLine]()
    while parts:
        size = data.draw(st.integers(1, 64))
        lines += cut.feed(parts[:size])
        parts = parts[size:]
    assert lines == whole.feed(sent)
    assert all((line.text == "") == (line.why != "") for line in lines)
