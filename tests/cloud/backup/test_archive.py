"""A community as a file, and made of it again: keys, database and the broker's folder, or nothing."""

import sqlite3
from io import BytesIO
from pathlib import Path

import pytest

from cloud.backup.archive import BackupLabel, read_backup, write_backup
from cloud.backup.sealed_stream import BadStream, SealingWriter
from cloud.fleet.broker_config import BrokerPlace, broker_of, remember_broker
from cloud.keys.keys import KeyFolder, write_secret
from cloud.store.database import Store
from tests.cloud.support.households import PropertyOffice

PASSPHRASE = "four words in a row"
LABEL = BackupLabel("sunny-court", 1_800_000_000_000)


@pytest.fixture
def folder(office: PropertyOffice, keys: KeyFolder, tmp_path: Path) -> Path:
    """A community, open all the while, whose broker's folder is elsewhere."""
    write_secret(keys.folder / "sync" / "gym.key", bytes(32))
    home = keys.folder.parent
    broker = tmp_path / "mosquitto"
    broker.mkdir()
    (broker / "acl").write_text("pattern write x")
    remember_broker(home, BrokerPlace(str(broker), ("localhost",)))
    return home


def backup_of(folder: Path) -> bytes:
    out = BytesIO()
    write_backup(folder, out, PASSPHRASE, LABEL)
    return out.getvalue()


def test_restored_community_has_all_of_it(folder: Path, tmp_path: Path) -> None:
    new, made = tmp_path / "new", [*folder.rglob("*.key")]
    assert read_backup(BytesIO(backup_of(folder)), PASSPHRASE, new) == LABEL
    assert len(made) > 8
    for file in made:
        copied = new / file.relative_to(folder)
        assert copied.read_bytes() == file.read_bytes() and not copied.stat().st_mode & 0o077
    place = broker_of(new)
    assert place is not None and Path(place.folder) == new / "broker"
    assert (new / "broker" / "acl").read_text() == "pattern write x"
    assert not new.stat().st_mode & 0o077
    with sqlite3.connect(new / "cloud.db") as database:
        assert database.execute("SELECT count(*) FROM sites").fetchone() == (1,)


def test_backup_is_of_one_moment(folder: Path, store: Store, tmp_path: Path) -> None:
    """What somebody is writing meanwhile is not in it, nor does the backup wait for it."""
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE sites SET label_en = 'half done'")
        made = backup_of(folder)
    read_backup(BytesIO(made), PASSPHRASE, tmp_path / "new")
    with sqlite3.connect(tmp_path / "new" / "cloud.db") as database:
        assert database.execute("SELECT label_en FROM sites").fetchone() != ("half done",)


def test_bad_backup_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    made, new = backup_of(folder), tmp_path / "new"
    not_an_archive = BytesIO()
    writer = SealingWriter(not_an_archive, PASSPHRASE)
    writer.write(b"no archive")
    writer.finish()
    for stream, passphrase in (
        (made, "another passphrase"),
        (made[:-1], PASSPHRASE),
        (not_an_archive.getvalue(), PASSPHRASE),
        (b"", PASSPHRASE),
    ):
        before = set(tmp_path.iterdir())
        with pytest.raises(BadStream):
            read_backup(BytesIO(stream), passphrase, new)
        assert set(tmp_path.iterdir()) == before


def test_nothing_is_written_over(folder: Path) -> None:
    with pytest.raises(BadStream, match="not empty"):
        read_backup(BytesIO(backup_of(folder)), PASSPHRASE, folder)
    assert (folder / "cloud.db").stat().st_size > 0


def test_backup_has_no_backup_in_it(folder: Path, tmp_path: Path) -> None:
    """Nor anything else that somebody has put there, even the file that it is being written into."""
    (folder / "of-yesterday.backup").write_bytes(bytes(100))
    with (folder / "of-today.backup").open("w+b") as file:
        write_backup(folder, file, PASSPHRASE, LABEL)
        file.seek(0)
        read_backup(file, PASSPHRASE, tmp_path / "new")
    assert {file.name for file in (tmp_path / "new").iterdir()} == {"cloud.db", "keys", "broker", "broker.json"}


def test_interrupted_backup_is_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written until then is no backup of less."""
    out = BytesIO()
    monkeypatch.setattr("cloud.backup.archive._files", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_backup(folder, out, PASSPHRASE, LABEL)
    with pytest.raises(BadStream):
        read_backup(BytesIO(out.getvalue()), PASSPHRASE, tmp_path / "new")


def test_backup_leaves_no_copy_behind(folder: Path) -> None:
    before = {file.name for file in folder.iterdir()}
    backup_of(folder)
    assert {file.name for file in folder.iterdir()} == before
