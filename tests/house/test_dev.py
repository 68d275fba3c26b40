"""dev.py: what it does on machines that lack something, and when something fails."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dev
from tests.house.commands import help_of


@pytest.fixture
def venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for an environment."""
    place = tmp_path / ".venv"
    monkeypatch.setattr(dev, "VENV", place)
    monkeypatch.setattr(dev, "STAMP", place / "made-from")
    monkeypatch.setattr(dev, "PYTHON", place / "python")
    return place


def making(monkeypatch: pytest.MonkeyPatch, *commands: list[str]) -> None:
    monkeypatch.setattr(dev, "making_commands", lambda: list(commands))


def ends_with_one_line(capsys: pytest.CaptureFixture[str], ending: pytest.ExceptionInfo[SystemExit]) -> str:
    lines = capsys.readouterr().err.splitlines()
    assert ending.value.code == 2
    assert len(lines) == 1
    return lines[0]


def test_a_python_that_cannot_make_environments_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SystemExit) as ending:
        dev.making_commands()
    assert "sudo apt install python3-venv" in ends_with_one_line(capsys, ending)


def test_an_older_python_is_told_which_one_is_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.version_info", (3, 9, 2, "final", 0))
    with pytest.raises(SystemExit) as ending:
        dev.main(["demo"])
    assert "needs Python 3.11 to 3.14 and this is 3.9" in ends_with_one_line(capsys, ending)


def test_an_older_python_can_read_the_file_that_tells_it_so() -> None:
    ast.parse((dev.ROOT / "dev.py").read_text(), feature_version=(3, 7))


def test_uv_is_used_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    commands = dev.making_commands()
    assert [command[0] for command in commands] == ["/bin/uv"] * 3
    assert "--no-python-downloads" in commands[0]
    assert "--require-hashes" in commands[1]


def test_pip_is_used_where_uv_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    commands = dev.making_commands()
    assert commands[0][1:3] == ["-m", "venv"]
    assert "--require-hashes" in commands[1]


def test_a_half_made_environment_is_removed(
    venv: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    making(monkeypatch, ["mkdir", str(venv)], ["false"])
    with pytest.raises(SystemExit) as ending:
        dev.ensure_environment()
    assert "could not be made: false" in ends_with_one_line(capsys, ending)
    assert not venv.exists()


def test_an_environment_is_made_once_and_again_when_the_lock_changes(
    venv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    making(monkeypatch, ["mkdir", str(venv)], ["touch", str(venv / "python")])
    dev.ensure_environment()
    assert dev.environment_fits()

    making(monkeypatch, ["false"])
    dev.ensure_environment()

    changed = venv.parent / "requirements.lock"
    changed.write_text("another")
    monkeypatch.setattr(dev, "LOCK", changed)
    assert not dev.environment_fits()


def test_an_environment_without_its_stamp_is_made_anew(venv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv.mkdir()
    (venv / "python").touch()
    (venv / "left-over").touch()
    making(monkeypatch, ["mkdir", str(venv)], ["touch", str(venv / "python")])
    dev.ensure_environment()
    assert not (venv / "left-over").exists()


@pytest.mark.parametrize("arguments", [["dmeo"], ["bench", "no-such-figure"]])
def test_a_name_that_does_not_exist_gets_the_names_that_do(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ending:
        dev.main(arguments)
    assert "there are: " in ends_with_one_line(capsys, ending)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["test", "--help"]])
def test_help_names_every_command(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert dev.main(arguments) == 0
    shown = capsys.readouterr().out
    assert all(f"dev.py {command}" in shown for command in dev.COMMANDS)


def test_demo_help_needs_no_environment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """And names every option that the demo has."""
    monkeypatch.setattr(dev, "ensure_environment", lambda: pytest.fail("a help text makes no environment"))
    assert dev.main(["demo", "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Usage: python3 dev.py demo ")
    options = re.compile(r"--[a-z][\w-]+")
    assert set(options.findall(said)) == set(options.findall(help_of("hearthgate-sim", "demo"))) - {"--help"}


def test_a_reader_that_goes_away_is_no_fault() -> None:
    """As `dev.py bench --help | head -1` does."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, str(dev.ROOT / "dev.py"), "bench", "--help"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def test_making_the_environment_shows_its_progress(
    venv: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    venv.mkdir()
    making(monkeypatch, ["one"], ["two"], ["three"])
    patience = iter([True, False, False, False])

    class Slow:
        def wait(self, _seconds: float) -> int:
            if next(patience):
                raise subprocess.TimeoutExpired("pip", 2)
            venv.mkdir(exist_ok=True)
            return 0

    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: Slow())
    dev.make_environment()
    assert "1/3 an empty environment .\n2/3 the packages" in capsys.readouterr().out


def test_the_first_failure_is_the_exit_code() -> None:
    assert dev.first_failure([0, 3, 1]) == 3
    assert dev.first_failure([0, 0]) == 0


def test_compiled_modules_are_kept_for_child_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise each process that a test starts compiles the whole product once more."""
    (tmp_path / "part.py").write_text("")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    assert dev.run([sys.executable, "-c", "import part"]) == 0
    assert list(tmp_path.glob("__pycache__/part.*"))
