"""The pages of ``docs/reference/`` say what the tables of the product say, and every entry there is explained."""

from pathlib import Path

import pytest
import typer
from msgspec import Struct

from contract import topics
from tests.house.reference import figures, programs, settings
from tests.house.reference.markdown import Undocumented, documented, plain, table
from tests.house.reference.pages import FOLDER, pages, write
from tests.house.reference.shapes import field_rows


def test_every_page_says_what_its_table_says() -> None:
    """Where this fails, ``python3 dev.py reference`` writes the pages anew."""
    assert {file.name: file.read_text("utf-8") for file in FOLDER.iterdir()} == pages()


def test_a_page_made_no_more_is_removed(tmp_path: Path) -> None:
    (tmp_path / "of-old.md").write_text("# Old\n")
    write(tmp_path)
    assert {file.name: file.read_text("utf-8") for file in tmp_path.iterdir()} == pages()


def test_a_channel_without_message_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topics, "UP_CHANNELS", (*topics.UP_CHANNELS, "gossip"))
    with pytest.raises(Undocumented, match="up/gossip"):
        pages()


def test_a_class_without_docstring_is_found() -> None:
    class Bare:
        pass

    with pytest.raises(Undocumented, match="Bare has no docstring"):
        documented(Bare, "Bare")


def test_an_option_without_help_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer(help="A program.")
    app.command(help="A command.")(lambda speed=1: None)
    monkeypatch.setattr(programs, "SCRIPTS", {"sample": app})
    with pytest.raises(Undocumented, match="sample does not say what --speed is"):
        programs.programs()


def test_a_key_without_words_is_found() -> None:
    class Sample(Struct):
        """A sample with ``speed``."""

        speed: int = 1
        colour: str = ""

    with pytest.raises(Undocumented, match="Sample does not say what `colour` is"):
        settings.section(Sample, ["[sample]"])


def test_bounds_checked_by_a_struct_are_shown() -> None:
    class Sample(Struct):
        """A sample with ``speed``."""

        speed: int = 1

        def __post_init__(self) -> None:
            if not 0 < self.speed < 9:
                raise ValueError("speed lies between 1 and 8")

    assert "| speed lies between 1 and 8 |" in settings.section(Sample, ["[sample]"])


def test_a_figure_without_meaning_is_found() -> None:
    said = "# HELP hearthgate_up Whether it is up.\n# TYPE hearthgate_up gauge\n"
    assert figures.rows(said) == [["`hearthgate_up`", "gauge", "Whether it is up."]]
    with pytest.raises(Undocumented, match="hearthgate_down"):
        figures.rows(said + "# HELP hearthgate_down \n# TYPE hearthgate_down gauge\n")


def test_a_field_shows_type_bounds_and_default() -> None:
    class Sample(Struct):
        points: dict[str, list[int] | None] = {}
        on: bool = True

    assert field_rows(Sample) == [
        ["`points`", "table of list of integer or none", "", "`{}`"],
        ["`on`", "true or false", "", "`true`"],
    ]


def test_a_cell_stays_within_its_table() -> None:
    assert table(["a"], [["one | two\nthree"]]) == "| a |\n| --- |\n| one \\| two three |\n"


def test_docstrings_of_every_python_read_alike() -> None:
    """Python 3.13 strips the indentation of a docstring, and the versions before it do not."""
    assert (
        plain("First ``key``.\n\n    Second.\n    ") == plain("First ``key``.\n\nSecond.\n") == "First `key`. Second."
    )
