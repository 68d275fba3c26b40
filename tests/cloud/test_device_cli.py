"""Devices on the command line: when each was heard, and which are lost."""

import json
from pathlib import Path

import pytest

from cloud import cli, cli_parts, device_cli
from cloud.devices.registry import lose_device, register
from cloud.keys.folder import open_folder
from cloud.store.schema import devices
from tests.cloud.test_cli import Typing, public_key


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Typing:
    return Typing(capsys, monkeypatch)


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    cli.init(tmp_path / "cloud", sample=True)
    capsys.readouterr()
    return tmp_path / "cloud"


def test_the_list_of_devices_says_when_each_was_heard_and_which_are_lost(
    typed: Typing, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_cli, "clock", lambda: 1_800_000_000_000)
    with open_folder(folder) as (store, _), store.writing() as connection:
        for name in ("east-gate", "west-gate"):
            register(connection, name, bytes.fromhex(public_key()), 1_790_000_000_000)
        heard = devices.update().where(devices.c.name == "east-gate")
        connection.execute(heard.values(heard_ms=1_800_000_000_000 - 7 * 60_000, online=True))
        lose_device(connection, "west-gate", 1_799_000_000_000)
    east, west = json.loads(typed("device", "list", "--dir", folder, "--json"))
    assert (east["presence"], east["heard_ms"], east["lost_ms"]) == ("offline", 1_799_999_580_000, None)
    assert (west["presence"], west["heard"], west["lost_ms"]) == ("lost", None, 1_799_000_000_000)
    assert east["heard"] == "7 min ago"
    shown = typed("device", "list", "--dir", folder)
    assert all(
        text in shown for text in ("Lost", "Offline", "heard (Asia/Shanghai)", "2027-01-15 15:53:00", "7 min ago")
    )


@pytest.mark.parametrize(
    ("gone_s", "said"), [(-5, "0 s"), (119, "119 s"), (7199, "119 min"), (90_000, "25 h"), (10**6, "11 days")]
)
def test_a_time_is_told_in_the_largest_unit_that_fits_twice(gone_s: int, said: str) -> None:
    assert cli_parts.ago(1_800_000_000_000, 1_800_000_000_000 + gone_s * 1000) == f"{said} ago"
