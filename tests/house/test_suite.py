"""What `dev.py test` does around the tests: what it asks of pytest, where files go, what it says at the end."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.house import suite


class Usage(NamedTuple):
    """As ``shutil.disk_usage`` tells it."""

    total: int
    used: int
    free: int


def test_command_beside_others_says_how_it_ended() -> None:
    with suite.beside([sys.executable, "-c", "print('typed', flush=True); exit(3)"]) as types:
        assert types() == (3, "typed\n")


def test_command_beside_others_ends_with_them() -> None:
    """Otherwise it would be waited for, here for a quarter of an hour."""
    with suite.beside([sys.executable, "-c", "import time; time.sleep(1000)"]):
        pass


def test_the_closing_lines_name_what_failed_and_what_was_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    skipped = Counter({"chromium is not installed": 2})
    lines = suite.closing_lines({"mypy": 1, "pytest": 0}, skipped, ["chromium"], every=False)
    assert lines == [
        "== in short",
        "mypy         failed",
        "pytest       ok",
        "skipped      2 × chromium is not installed",
        "missing      chromium: sudo apt install chromium",
        "failed       CI skips nothing",
        "not run      the slow tests: python3 dev.py test --all",
    ]


def test_skips_are_counted_by_their_reason(tmp_path: Path) -> None:
    skip = '<case><skipped type="pytest.skip" message="no tool"/></case>'
    report = tmp_path / "report.xml"
    report.write_text(f'<t>{skip}<case/>{skip}<case><skipped type="pytest.xfail" message="known"/></case></t>')
    assert suite.skipped_tests(report) == {"no tool": 2}
    assert suite.skipped_tests(tmp_path / "none.xml") == {}


def test_what_the_user_asks_of_pytest_stands_behind_what_we_ask(tmp_path: Path) -> None:
    chosen = ["-n", "0", "tests/edge"]
    assert suite.pytest_command(tmp_path / "report.xml", tmp_path, False, chosen)[-3:] == chosen


def test_every_test_is_asked_for_without_a_mark(tmp_path: Path) -> None:
    assert "-m" not in suite.pytest_command(tmp_path / "report.xml", tmp_path, False, [])
    assert suite.pytest_command(tmp_path / "report.xml", tmp_path, True, [])[-2:] == ["-m", ""]


def test_fresh_checkout_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests and the modules that they load; and no second time."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    tests = tmp_path / "tests"
    tests.mkdir()
    (tests / "conftest.py").touch()
    (tests / "test_it.py").write_text("def test_it() -> None:\n    assert False\n")
    suite.compile_once(tests)
    compiled = {file.name.partition(".")[0] for file in tests.glob("__pycache__/*.pyc")}
    assert compiled == {"conftest", "test_it"}
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("compiled again"))
    suite.compile_once(tests)


def test_the_files_of_the_tests_lie_where_a_socket_s_path_stays_short() -> None:
    files = suite.scratch()
    files.rmdir()
    longest = files / "popen-gw3" / f"test_{'x' * 25}0" / "demo" / "devices" / "gym-turnstile" / "control.sock"
    assert len(bytes(longest)) < 104  # what macOS allows; Linux has four more


def test_files_of_tests_are_in_memory_with_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "MEMORY", tmp_path)
    for free, parent in ((suite.SCRATCH_BYTES, tmp_path), (suite.SCRATCH_BYTES - 1, Path("/tmp"))):
        monkeypatch.setattr("shutil.disk_usage", lambda _, free=free: Usage(0, 0, free))
        files = suite.scratch()
        files.rmdir()
        assert files.parent == parent
