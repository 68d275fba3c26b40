"""Tables of the command lines: whole cells, and one line a row for another program."""

import pytest

from service.tables import print_tables, table


def test_row_for_another_program_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_tables(table(("id", "why"), [("a1", "x" * 300)]))
    head, row = capsys.readouterr().out.splitlines()
    assert (head.split(), row.split()) == (["id", "why"], ["a1", "x" * 300])


def test_cell_that_looks_like_markup_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_tables(table(("name",), [("[bold]gate[/bold]",)]))
    assert "[bold]gate[/bold]" in capsys.readouterr().out


def test_several_tables_have_a_line_between(capsys: pytest.CaptureFixture[str]) -> None:
    print_tables(table(("a",), [("1",)]), table(("b",), [("2",)]))
    assert [line.strip() for line in capsys.readouterr().out.splitlines()] == ["a", "1", "", "b", "2"]
