"""Benchmarks that need a program say so before they measure anything."""

import ast
from pathlib import Path

import pytest

from benchmarks import _town
from tests.house import sources

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
