"""A device whose disk is full can still start: it gives up the space that it held back."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from edge.config.device_config import DeviceConfig, load
from edge.device import process
from edge.device.process import open_files
from edge.journal.journal import Journal, JournalError, JournalInUse
from edge.machine.files import RESERVE_BYTES, is_damage

SAMPLE = Path(__file__).parents[3] / "config" / "door.toml"


@pytest.fixture
def config(tmp_path: Path) -> DeviceConfig:
    path = tmp_path / "device.toml"
    path.write_text(SAMPLE.read_text().replace("[device]\n", '[device]\nstate = "state"\n', 1))
    found = load(path)
    found.state.mkdir()
    return found


def start(config: DeviceConfig) -> None:
    journal, roster, memory = open_files(config, "boot0001")
    for file in (journal, roster, memory):
        file.close()


def fill_the_disk(monkeypatch: pytest.MonkeyPatch, reserve: Path) -> None:
    """From now on there is room for a journal only where the reserve was."""

    def on_a_full_disk(path: Path, **options: Any) -> Journal:
        if reserve.exists():
            raise JournalError("database or disk is full")
        return Journal(path, **options)

    monkeypatch.setattr(process, "Journal", on_a_full_disk)


def test_space_is_held_back_while_there_is_room(config: DeviceConfig) -> None:
    start(config)
    assert (config.state / "reserve").stat().st_size == RESERVE_BYTES


def test_a_full_disk_gets_the_reserve_and_the_device_starts(
    config: DeviceConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(config)
    fill_the_disk(monkeypatch, config.state / "reserve")
    start(config)
    assert not (config.state / "reserve").exists()


def test_what_the_reserve_cannot_cure_is_said(config: DeviceConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path, **_options: Any) -> Journal:
        raise JournalError("in use")

    start(config)
    monkeypatch.setattr(process, "Journal", refuse)
    with pytest.raises(JournalError, match="in use"):
        start(config)


def test_a_second_agent_does_not_take_the_first_ones_reserve(config: DeviceConfig) -> None:
    journal, roster, memory = open_files(config, "boot0001")
    with pytest.raises(JournalInUse):
        open_files(config, "boot0001")
    assert (config.state / "reserve").exists()
    for file in (journal, roster, memory):
        file.close()


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_WRITE])
def test_a_disk_that_takes_nothing_is_not_taken_for_a_damaged_file(code: int) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = code
    assert not is_damage(error)


def test_a_sector_that_cannot_be_read_is_damage() -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_READ
    assert is_damage(error)
