"""What an operator types about terms and chains, and the page that says how far back the events go."""

import json
from pathlib import Path

import pytest

from cloud import cli
from cloud.devices.registry import found_site
from cloud.keys.folder import clock, make_folder, open_folder
from cloud.web.operators import record
from contract.decide import DAY_MS
from tests.cloud.support.town import Town


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A community with four operators' deeds, of which two are four years old."""
    with make_folder(tmp_path / "cloud") as (store, _), store.writing() as connection:
        found_site(connection, "moon-court", "Asia/Shanghai", "", "")
        for days in (1500, 1499, 2, 1):
            record(connection, clock() - days * DAY_MS, "ling", "door.opened")
    return tmp_path / "cloud"


def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    monkeypatch.setattr("sys.argv", ["hearthgate-cloud", "retention", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert (ended.value.code or 0) == code
    printed = capsys.readouterr()
    return printed.out + printed.err


def test_terms_are_shown_and_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    where = "--dir", str(folder)
    assert "give 7 to" in typed(monkeypatch, capsys, "set", "events", "6", *where, code=2)
    typed(monkeypatch, capsys, "set", "events", "90", *where)
    shown = json.loads(typed(monkeypatch, capsys, "show", "--json", *where))
    assert {"what": "events", "days": 90, "default": 180, "is": "what devices recorded"} in shown
    assert "no events yet" in typed(monkeypatch, capsys, "show", *where)


def test_run_leaves_whole_chains(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And a row that was changed since is found."""
    where = "--dir", str(folder)
    assert "2 rows deleted or gone over" in typed(monkeypatch, capsys, "run", *where)
    assert "every chain is whole" in typed(monkeypatch, capsys, "check", *where)
    with open_folder(folder) as (store, _), store.writing() as connection:
        connection.exec_driver_sql("UPDATE audit SET operator = 'wang' WHERE id = 4")
    assert "broken at row 4" in typed(monkeypatch, capsys, "check", *where, code=1)


def test_clock_that_is_ahead_deletes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Until somebody says that it is right."""
    where = "--dir", str(folder)
    typed(monkeypatch, capsys, "run", *where)
    monkeypatch.setattr("cloud.retention_cli.clock", lambda: clock() + 2000 * DAY_MS)
    assert "--clock-is-right" in typed(monkeypatch, capsys, "run", *where, code=2)
    assert "1 rows deleted" in typed(monkeypatch, capsys, "run", "--clock-is-right", *where)


def test_page_says_how_far_back_events_go(town: Town) -> None:
    with town.visit("admin") as visitor:
        assert "Events go back to" not in visitor.get("/events").text
        town.happens("door.forced", device="east-gate")
        assert "After 180 days they are deleted" in visitor.get("/events").text
        assert "满 180 天后删除" in visitor.get("/events?lang=zh-CN").text
        assert visitor.get("/audit?check=1").status_code == 200
