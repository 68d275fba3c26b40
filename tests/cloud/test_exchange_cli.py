"""`hearthgate-cloud import` and `export` as they are typed."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cloud import cli

GOOD = "姓名,房号,方案\n钱二,9-1-101,yearly\n钱三,9-1-101,\n"
BAD = "姓名,房号,方案\n钱二,9-1-101,gold\n,9-1-101,\n"


@pytest.fixture
def community(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "oak"
    typed(monkeypatch, "init", folder, "--site", "oak-court")
    capsys.readouterr()
    return folder


def typed(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    monkeypatch.setattr("sys.argv", ["hearthgate-cloud", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_file_is_tried_imported_and_tried_again(
    community: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = community.parent / "people.csv"
    file.write_text(GOOD, "gb18030")
    for words, last in (
        (("--dry-run",), "people.csv: 2 lines with something new, 0 without: nothing was changed"),
        ((), "people.csv: 2 lines with something new, 0 without: nothing was changed"),
        (("--new-flats",), "people.csv: 2 lines with something new, 0 without: done"),
        ((), "people.csv: 0 lines with something new, 2 without: done"),
    ):
        waits = last.endswith("changed") and not words
        assert typed(monkeypatch, "import", file, *words, "--dir", community) == (3 if waits else 0)
        said = capsys.readouterr().out.splitlines()
        assert said[-1] == last
        named = "new flats: 9-1-101 (line 2); they are made with --new-flats"
        assert (named in said) == last.endswith("changed")
    assert typed(monkeypatch, "import", file, "--json", "--dir", community) == 0
    assert json.loads(capsys.readouterr().out)["lines"][0] == {"line": 2, "adds": []}


def test_bad_lines_end_with_two_and_change_nothing(
    community: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = community.parent / "people.csv"
    file.write_text(BAD, "utf-8")
    assert typed(monkeypatch, "import", file, "--dir", community) == 2
    first, second, last = capsys.readouterr().out.splitlines()[-3:]
    assert first.startswith("line 2, column 方案: there is no plan gold; there are: ")
    assert second == "line 3, column 姓名: a name is needed, in Chinese or in English"
    assert last == "people.csv: 2 problems: nothing was changed"
    assert typed(monkeypatch, "import", file, "--json", "--dir", community) == 2
    said = json.loads(capsys.readouterr().out)
    assert [(one["line"], one["column"]) for one in said["problems"]] == [(2, "方案"), (3, "姓名")]
    file.write_bytes(b"PK\x03\x04")
    assert typed(monkeypatch, "import", file, "--dir", community) == 2
    assert "this is a workbook: in Excel choose Save as, CSV UTF-8" in capsys.readouterr().err


def test_fault_of_the_database_is_one_line(
    community: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver's own too: a full disk refuses the second person, and the first is not kept."""
    file = community.parent / "people.csv"
    file.write_text(GOOD, "utf-8")
    (database,) = community.glob("*.db")
    full = (
        "CREATE TRIGGER full BEFORE INSERT ON people WHEN new.name_zh = '钱三' BEGIN SELECT raise(ABORT, 'full'); END"
    )
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(full)
    assert typed(monkeypatch, "import", file, "--new-flats", "--dir", community) == 2
    assert capsys.readouterr().err.endswith("the database: full\n")
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM people").fetchone() == (0,)


def test_export_fills_a_new_folder(
    community: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, out = community.parent / "people.csv", community.parent / "out"
    file.write_text(GOOD, "utf-8")
    typed(monkeypatch, "import", file, "--new-flats", "--dir", community)
    assert typed(monkeypatch, "export", out, "--csv", "--ndjson", "--sqlite", "--dir", community) == 0
    assert "2 people" in capsys.readouterr().out
    assert (out / "people.csv").read_text("utf-8-sig").splitlines()[1].split(",")[1:4] == ["钱二", "钱二", "9-1-101"]
    assert json.loads((out / "people.ndjson").read_text("utf-8").splitlines()[1])["name_zh"] == "钱三"
    assert (out / "hearthgate.db").read_bytes().startswith(b"SQLite format 3")
    assert typed(monkeypatch, "export", out, "--csv", "--dir", community) == 2
    assert "is not empty: name a new folder" in capsys.readouterr().err
    assert typed(monkeypatch, "export", community.parent / "other", "--dir", community) == 2
    assert "--csv, --ndjson or --sqlite" in capsys.readouterr().err
