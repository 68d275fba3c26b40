"""`hearthgate-cloud redecide` as it is typed."""

import json
from pathlib import Path

import pytest

from cloud import cli, redecide_cli
from cloud.redecide.rule import Redecided, Why
from cloud.redecide.service import Run
from cloud.redecide.store import Disagreement, Tally

FOUND = Disagreement(9, "gym-1", "gym", 1_800_000_000_000, 1_800_000_000_500, "allowed", "expired", 7, 5)
GOOD = Run(
    Tally({(Redecided.SAME, None): 12, (Redecided.NOT_JUDGED, Why.ERASED): 2, (Redecided.HINDSIGHT_SAME, None): 11}), []
)
BAD = Run(Tally({(Redecided.DIFFERENT, None): 1}), [FOUND])


def typed(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> int:
    monkeypatch.setattr("sys.argv", ["hearthgate-cloud", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


@pytest.fixture
def community(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Path:
    typed(monkeypatch, "init", tmp_path / "oak", "--site", "oak-court")
    capsys.readouterr()
    return tmp_path / "oak"


def test_community_without_events_has_no_difference(
    community: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert typed(monkeypatch, "redecide", "--json", "--dir", community) == 0
    shown = json.loads(capsys.readouterr().out)
    nothing = [{"verdict": verdict, "why": "", "count": 0} for verdict in ("same", "different")]
    assert shown == {"counts": nothing, "differences": []}


@pytest.mark.parametrize(("run", "code"), [(GOOD, 0), (BAD, 1)], ids=["good", "bad"])
def test_exit_code_says_whether_a_device_differs(
    community: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, run: Run, code: int
) -> None:
    monkeypatch.setattr(redecide_cli, "redecide_all", lambda *_: run)
    assert typed(monkeypatch, "redecide", "--json", "--dir", community) == code
    shown = json.loads(capsys.readouterr().out)
    assert [one["count"] for one in shown["counts"]] == ([0, 1] if code else [12, 0, 2, 11])
    assert [one["ours"] for one in shown["differences"]] == ["expired"] * code
    assert typed(monkeypatch, "redecide", "--dir", community) == code
    table = capsys.readouterr().out
    assert ("ended" in table, "The card was erased" in table) == (bool(code), not code)
