"""Benchmarks that need a program say so before they measure anything."""

import ast
from contextlib import nullcontext
from pathlib import Path
from subprocess import CalledProcessError

import pytest

from benchmarks import _against, _town, event_to_cloud
from benchmarks._short import SHORT
from cloud.sample import FACILITY, PEOPLE
from tests.house import sources

PROGRAMS = {file.stem for file in sources.files("benchmarks", suffix=".py") if file.stem[0] != "_"}
THROUGH_MOSQUITTO = [
    file for file in sources.files("benchmarks", suffix=".py") if file.stem[0] != "_" and "town(" in file.read_text()
]


@pytest.mark.parametrize("file", THROUGH_MOSQUITTO, ids=lambda file: file.stem)
def test_benchmark_asks_for_mosquitto_first(file: Path) -> None:
    tree = ast.parse(file.read_text())
    (main,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main"]
    assert ast.unparse(main.body[0]) == "require_mosquitto()"


def test_benchmark_without_mosquitto_tells_the_cure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_town, "find_mosquitto", lambda: None)
    with pytest.raises(SystemExit) as ended:
        _town.require_mosquitto()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "sudo apt install mosquitto" in line


def test_every_benchmark_has_a_short_form() -> None:
    assert set(SHORT) == PROGRAMS


@pytest.mark.parametrize(("now_s", "code"), [(1.04, 0), (1.06, 1)])
def test_comparison_fails_above_its_limit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, now_s: float, code: int
) -> None:
    monkeypatch.setattr(_against, "checked_out", lambda _ref: nullcontext(tmp_path))
    monkeypatch.setattr(_against, "compile_all", lambda _tree: None)
    monkeypatch.setattr(_against, "cost_s", lambda tree, _name: 1.0 if tree == tmp_path else now_s)
    assert _against.main(["v1", "decision", "--minutes", "0"]) == code
    assert f"{now_s:.3f}" in capsys.readouterr().out


def test_comparison_names_program_that_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fails(_tree: Path, name: str) -> float:
        raise CalledProcessError(1, name, stderr="no mosquitto")

    monkeypatch.setattr(_against, "checked_out", lambda _ref: nullcontext(tmp_path))
    monkeypatch.setattr(_against, "compile_all", lambda _tree: None)
    monkeypatch.setattr(_against, "cost_s", fails)
    assert _against.main(["v1", "ingest"]) == 1
    said = capsys.readouterr()
    assert "no mosquitto" in said.err
    assert "failed: ingest" in said.out


def test_benchmark_of_events_shows_a_known_card() -> None:
    """Unknown cards are summed up after the first few, and the benchmark waited for their rows for ever."""
    assert event_to_cloud.CARD in {f"H10301:{FACILITY}:{person.card}" for person in PEOPLE}
