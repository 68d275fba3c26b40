"""`hearthgate-cloud backup` and `restore`, as they are typed."""

import json
from pathlib import Path

import pytest

from cloud import cli
from cloud.backup import sealed_stream
from cloud.backup.sealed_stream import MARK, StreamHead
from cloud.keys.folder import open_folder
from cloud.web.operators import list_audit
from tests.cloud.test_cli import Typing


@pytest.fixture(autouse=True)
def cheap_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_stream, "new_head", lambda: StreamHead(MARK, "00" * 16, memory_kib=8, rounds=1, lanes=1))


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Typing:
    return Typing(capsys, monkeypatch)


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    cli.init(tmp_path / "c", site="oak-court")
    capsys.readouterr()
    return tmp_path / "c"


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    file = tmp_path / "passphrase"
    file.write_text("four words in a row\n")
    return file


def test_community_is_restored_from_one_file(typed: Typing, folder: Path, tmp_path: Path, passphrase: Path) -> None:
    """Nothing of it is readable by others, and the audit of the new one tells of the backup."""
    file, new = tmp_path / "one.backup", tmp_path / "new"
    said = typed("backup", file, "--passphrase-file", passphrase, "--dir", folder)
    assert "oak-court" in said and not file.stat().st_mode & 0o077
    shown = json.loads(typed("restore", file, new, "--passphrase-file", passphrase, "--json"))
    assert shown["site"] == "oak-court"
    assert typed("user", "list", "--dir", new) == typed("user", "list", "--dir", folder)
    with open_folder(new) as (store, _), store.reading() as connection:
        assert list_audit(connection)[0].action == "backup.made"


def test_what_can_be_mended_is_said(typed: Typing, folder: Path, tmp_path: Path, passphrase: Path) -> None:
    """And nothing is written, nor written over."""
    file, short = tmp_path / "one.backup", tmp_path / "short"
    short.write_text("word\n")
    assert "at least 12" in typed.refused("backup", file, "--passphrase-file", short, "--dir", folder)
    assert list(tmp_path.glob("*one.backup*")) == []
    typed("backup", file, "--passphrase-file", passphrase, "--dir", folder)
    assert "already" in typed.refused("backup", file, "--passphrase-file", passphrase, "--dir", folder)
    assert "not empty" in typed.refused("restore", file, folder, "--passphrase-file", passphrase)
    assert "passphrase is wrong" in typed.refused("restore", file, tmp_path / "new", "--passphrase-file", short)
    short.write_text("")
    assert "no passphrase" in typed.refused("restore", file, tmp_path / "new", "--passphrase-file", short)
    assert not (tmp_path / "new").exists()
