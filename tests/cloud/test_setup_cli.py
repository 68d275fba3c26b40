"""The setup on the command line: exported, looked at, applied, in two steps where it is grave."""

import json
from pathlib import Path

import pytest

from cloud import cli
from tests.cloud.test_cli import Typing


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Typing:
    return Typing(capsys, monkeypatch)


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A community without the sample, as ``init`` makes it."""
    cli.init(tmp_path / "c", site="oak-court")
    capsys.readouterr()
    return tmp_path / "c"


@pytest.fixture
def sunny(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    cli.init(tmp_path / "s", sample=True)
    capsys.readouterr()
    return tmp_path / "s"


def test_founded_community_has_a_usable_setup(typed: Typing, folder: Path, tmp_path: Path) -> None:
    """What ``init`` makes is exported, and applies without a change."""
    file = tmp_path / "setup.toml"
    assert str(file) in typed("setup", "export", file, "--dir", folder)
    assert "nothing differs" in typed("setup", "apply", file, "--dir", folder)
    exported = file.read_bytes()
    typed("setup", "export", file, "--replace", "--dir", folder)
    assert file.read_bytes() == exported
    assert b"[[zone]]" in exported
    assert "--replace" in typed.refused("setup", "export", file, "--dir", folder)


def test_dry_run_changes_nothing(typed: Typing, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "setup.toml"
    file.write_text('flats = "flats.csv"\n[[point]]\nname = "door"\ndevice = "d"\nzone = "gym"\nunit = "3-1"\n')
    (tmp_path / "flats.csv").write_text("name\n3-1-702\n")
    for _ in range(2):
        shown = json.loads(typed("setup", "apply", file, "--dry-run", "--json", "--dir", folder))
        assert [(one["what"], one["table"], one["key"]) for one in shown["differences"]] == [
            ("added", "flat", "3-1-702"),
            ("added", "point", "door"),
        ]
        assert shown["applied"] is False
    assert "+ point door" in typed("setup", "apply", file, "--dir", folder)
    typed("setup", "export", tmp_path / "e.toml", "--dir", folder)
    assert (tmp_path / "e-flats.csv").read_text().splitlines()[1] == "3-1-702,3,1,7,702,,,false"
    assert 'flats = "e-flats.csv"' in (tmp_path / "e.toml").read_text()
    assert "nothing differs" in typed("setup", "apply", tmp_path / "e.toml", "--dir", folder)


def test_wrong_lines_end_with_code_two(typed: Typing, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "setup.toml"
    file.write_text("[[zone]]\nname = 'A'\n[[zone]]\nnam = 'b'\n")
    typed("setup", "apply", file, "--dir", folder, code=2)
    assert typed.error.splitlines() == [
        "hearthgate-cloud: setup.toml:2: zone[0].name: 'A' is not a name of lower-case letters, digits and hyphens, "
        "at most 40",
        "setup.toml:3: zone[1]: name is missing; write it",
        "setup.toml:4: zone[1].nam: unknown key; there is name, label, kind, counts, parent, capacity, fire_limit, "
        "closes, anti_passback, timed_s",
    ]
    refused = typed.refused("setup", "apply", tmp_path / "no-file.toml", "--dir", folder)
    assert refused.endswith("no-file.toml: there is no such file or folder; look at how it is written")
    assert typed.refused("setup", "apply", tmp_path, "--dir", folder).endswith("is a folder; name a file")


def test_grave_change_ends_with_code_three(typed: Typing, sunny: Path, tmp_path: Path) -> None:
    file = tmp_path / "setup.toml"
    typed("setup", "export", file, "--dir", sunny)
    text = file.read_text()
    file.write_text(text.replace('estate = "always", home = "always", own-floor = "always"', 'home = "always"'))
    printed = typed("setup", "apply", file, "--dir", sunny, code=3)
    assert "8 people lose east-gate (resident): Zhang San" in printed
    assert "grave: People who lose a way home: 8." in printed
    assert "nothing was changed" in typed.error
    shown = json.loads(typed("setup", "apply", file, "--json", "--dir", sunny, code=3))
    assert (shown["applied"], len(shown["homes"])) == (False, 8)
    assert shown["code"] in typed.error
    typed("setup", "apply", file, "--accept", "0000", "--dir", sunny, code=3)
    assert "0000 is not the code of this change" in typed.error
    done = json.loads(typed("setup", "apply", file, "--json", "--accept", shown["code"], "--dir", sunny))
    assert done["applied"] is True
    assert "was changed meanwhile" in typed.refused("setup", "apply", file, "--dir", sunny)
