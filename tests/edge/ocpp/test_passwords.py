"""The passwords of charging posts."""

import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge.cli import app
from edge.ocpp.passwords import PasswordExists, make_password, passwords_in

CONFIG = """\
[device]
site = "sunny-court"
name = "hub-sockets"
keys = "keys"
[cloud]
broker = "mqtt://127.0.0.1:1883"
[ocpp]
listen = "192.168.50.1:9000"
[[point]]
name = "ev-1"
kind = "ev_post"
zone = "hub"
lines.ocpp = { post = "post-1" }
"""


def test_a_password_is_made_once_and_kept_to_ourselves(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    password = make_password(keys, "post-1")
    assert len(bytes.fromhex(password)) == 16
    assert stat.S_IMODE((keys / "ocpp-post-1").stat().st_mode) == 0o600
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert passwords_in(keys)("post-1") == password
    assert passwords_in(keys)("post-2") is None
    with pytest.raises(PasswordExists):
        make_password(keys, "post-1")
    assert passwords_in(keys)("post-1") == password
    assert make_password(keys, "post-1", anew=True) != password


def test_an_empty_or_spoiled_file_is_no_password(tmp_path: Path) -> None:
    for content in (b"", b"\n", b"\xff"):
        (tmp_path / "ocpp-post-1").write_bytes(content)
        assert passwords_in(tmp_path)("post-1") is None


def test_the_installer_is_shown_what_to_type_into_the_post(tmp_path: Path) -> None:
    config = tmp_path / "device.toml"
    config.write_text(CONFIG)
    done = CliRunner().invoke(app, ["ocpp", "add", "post-1", "--config", str(config)])
    assert done.exit_code == 0
    assert "ws://192.168.50.1:9000/" in done.output
    assert str(passwords_in(tmp_path / "keys")("post-1")) in done.output
    again = CliRunner().invoke(app, ["ocpp", "add", "post-1", "--config", str(config)])
    assert again.exit_code == 2


def test_a_post_that_no_point_is_wired_to_gets_no_password(tmp_path: Path) -> None:
    config = tmp_path / "device.toml"
    config.write_text(CONFIG)
    done = CliRunner().invoke(app, ["ocpp", "add", "../post", "--config", str(config)])
    assert done.exit_code == 2
    assert not (tmp_path / "keys").exists()


def test_post_is_added_by_its_makers_name(tmp_path: Path) -> None:
    """Its capitals and spaces are printed as the post needs them, whatever the installer typed."""
    config = tmp_path / "device.toml"
    config.write_text(CONFIG.replace("post-1", "GaroCS 0001"))
    done = CliRunner().invoke(app, ["ocpp", "add", "garocs 0001", "--config", str(config), "--json"])
    assert done.exit_code == 0
    told = json.loads(done.output)
    assert told["name"] == "GaroCS 0001"
    assert passwords_in(tmp_path / "keys")("GaroCS 0001") == told["password"]
