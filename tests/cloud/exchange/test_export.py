"""Everything as files: complete, without formulas, and with numbers of cards only where they are asked for."""

import csv
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest

from cloud.exchange.export import ExportChoice, ExportRow, ExportService, csv_text, ndjson_text, write_sqlite
from cloud.exchange.service import ImportService
from cloud.web.operators import list_audit
from contract.decide import DAY_MS
from tests.cloud.support.town import Town


@pytest.fixture
def exports(town: Town) -> ExportService:
    return ExportService(town.store, town.keys, town.clock)


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text.removeprefix("\ufeff"))))


def test_export_holds_all_tables(town: Town, exports: ExportService) -> None:
    town.happens("access.allowed", reason="allowed", holder=town.holder("Li Si"))
    town.happens("access.allowed", reason="allowed", at_ms=town.now_ms)
    tables = exports.tables("office", ExportChoice())
    assert {name: len(rows) for name, rows in tables.items()} == {
        "flats": 5,
        "parties": 6,
        "people": 13,
        "members": 9,
        "memberships": 11,
        "cards": 15,
        "points": 18,
        "events": 2,
    }
    assert tables["people"][4] | {"id": 5} == {
        "id": 5,
        "name_zh": "李四",
        "name_en": "Li Si",
        "flat": "2-502",
        "born": "",
        "verified": "",
        "ended": "",
        "tags": "",
    }
    assert [event["person_id"] for event in tables["events"]] == [None, 5]


def test_numbers_come_only_where_asked_for(town: Town, exports: ExportService) -> None:
    plain = exports.tables("office", ExportChoice(event_days=0))["cards"]
    assert not {"number", "facility", "card_format"} & set(plain[0])
    numbered = exports.tables("office", ExportChoice(numbers=True, event_days=0), "audit")["cards"]
    assert (numbered[0]["card_format"], numbered[0]["facility"], numbered[0]["number"]) == ("H10301", 21, "10001")
    with town.store.reading() as connection:
        details = [row.detail for row in list_audit(connection, limit=2)]
    assert details == [{"numbers": "yes", "days": "0", "purpose": "audit"}, {"numbers": "no", "days": "0"}]


def test_events_are_bounded_by_days(town: Town, exports: ExportService) -> None:
    town.happens("access.allowed", reason="allowed")
    town.now_ms += 3 * DAY_MS
    town.happens("access.refused", reason="expired")
    assert len(exports.tables("office", ExportChoice(event_days=2))["events"]) == 1
    assert exports.tables("office", ExportChoice(event_days=0))["events"] == []


def test_no_cell_of_a_spreadsheet_is_a_formula(town: Town, exports: ExportService) -> None:
    """And what was quoted comes back as it was."""
    lines = (
        "name_zh,name_en,flat\n'=1+1,Qian Er,9-1-101\n+86,Qian San,9-1-102\n-😀,Qian Si,9-1-103\n@me,Qian Wu,9-1-104"
    )
    imports = ImportService(town.store, town.keys, town.clock)
    assert imports.run("office", lines.encode(), apply=True, new_flats=True).problems == []
    text = csv_text(exports.tables("office", ExportChoice(event_days=0))["people"])
    cells = [row["name_zh"] for row in read(text)][-4:]
    assert cells == ["'=1+1", "'+86", "'-😀", "'@me"]


@pytest.mark.parametrize("name", ["people", "memberships", "cards"])
def test_exported_table_is_imported_without_a_change(town: Town, exports: ExportService, name: str) -> None:
    """With its own columns: nothing of what is there already is made again."""
    rows = exports.tables("office", ExportChoice(numbers=True, event_days=0))[name]
    known = {
        "people": ("name_zh", "name_en", "flat", "born", "tags"),
        "memberships": ("name_zh", "name_en", "flat", "plan", "payer", "first_day", "last_day"),
        "cards": ("name_zh", "name_en", "flat", "card_name", "card_format", "facility", "number"),
    }[name]
    content = csv_text([{key: row[key] for key in known} for row in rows]).encode()
    report = ImportService(town.store, town.keys, town.clock).run("office", content, apply=False)
    assert [(str(one.why), one.line) for one in report.problems] == []
    assert [line for line in report.lines if line.done] == []


def test_database_has_its_references(town: Town, exports: ExportService, tmp_path: Path) -> None:
    town.happens("access.allowed", reason="allowed", holder=town.holder("Li Si"))
    file = tmp_path / "out.db"
    write_sqlite(file, exports.tables("office", ExportChoice()))
    with closing(sqlite3.connect(file)) as made:
        assert made.execute("PRAGMA foreign_key_check").fetchall() == []
        references = {row[2:5] for row in made.execute("PRAGMA foreign_key_list(members)")}
        assert references == {("people", "person_id", "id"), ("parties", "party_id", "id")}
        named = "SELECT p.name_en FROM events e JOIN people p ON p.id = e.person_id"
        assert made.execute(named).fetchall() == [("Li Si",)]
    with pytest.raises(FileExistsError):
        write_sqlite(file, {})


def test_line_of_json_holds_a_row() -> None:
    rows: Sequence[ExportRow] = [{"name": "李四\n", "floor": None, "vacant": False}]
    (line,) = ndjson_text(rows).splitlines()
    assert json.loads(line) == rows[0]
