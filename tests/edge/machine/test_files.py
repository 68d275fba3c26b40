import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from edge.machine import files


def test_a_small_file_is_replaced_as_a_whole_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "floor"
    files.write_whole(path, b"1")
    files.write_whole(path, b"22")
    assert path.read_bytes() == b"22"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["floor"]


def test_a_draft_that_a_power_cut_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "floor.draft").write_bytes(b"half")
    files.write_whole(tmp_path / "floor", b"whole")
    assert (tmp_path / "floor").read_bytes() == b"whole"


def test_a_file_is_held_once_until_it_is_released(tmp_path: Path) -> None:
    hold = files.FileLock(tmp_path / "x.db")
    with pytest.raises(files.InUse, match=r"x\.db is in use"):
        files.FileLock(tmp_path / "x.db")
    hold.release()
    files.FileLock(tmp_path / "x.db").release()


def test_damaged_files_are_set_aside_with_their_wal_and_never_more_than_four(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    for number in range(6):
        path.write_text(str(number))
        path.with_name("x.db-wal").write_text(f"wal {number}")
        aside = files.set_aside(path)
        assert not path.exists()
        assert aside.read_text() == str(number)
        assert aside.with_name(aside.name + "-wal").read_text() == f"wal {number}"
    assert len(list(tmp_path.glob("x.db.damaged-?"))) == files.MAX_SET_ASIDE


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    with closing(files.open_database(tmp_path / "x.db")) as connection:
        connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
        with pytest.raises(sqlite3.IntegrityError), files.transaction(connection):
            connection.execute("INSERT INTO t VALUES (1)")
            connection.execute("INSERT INTO t VALUES (1)")
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_a_lock_and_a_full_disk_are_no_damage(tmp_path: Path) -> None:
    with closing(files.open_database(tmp_path / "x.db")) as connection:
        connection.execute("CREATE TABLE t (n BLOB)")
        connection.execute("PRAGMA max_page_count = 3")
        with pytest.raises(sqlite3.OperationalError, match="full") as raised:
            connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
    assert not files.is_damage(raised.value)
    (tmp_path / "y.db").write_bytes(b"no database" * 1000)
    with pytest.raises(sqlite3.DatabaseError) as spoilt:
        files.open_database(tmp_path / "y.db")
    assert files.is_damage(spoilt.value)


@pytest.mark.parametrize("stands", [False, True], ids=["new", "made by an older version"])
def test_databases_are_their_owners_alone(tmp_path: Path, stands: bool) -> None:
    """Whatever the umask is, no other user reads who came and went: neither the file nor what SQLite puts beside it."""
    path = tmp_path / "state" / "journal.db"
    before = os.umask(0o022)
    try:
        if stands:
            path.parent.mkdir()
            path.touch()
        files.make_folder(path.parent)
        with closing(files.open_database(path)) as connection:
            connection.execute("CREATE TABLE rows (seq)")
            modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert modes == {"journal.db": 0o600, "journal.db-wal": 0o600, "journal.db-shm": 0o600}


def test_reserve_and_lock_are_their_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        files.Reserve(tmp_path / "reserve").lay()
        files.FileLock(tmp_path / "journal.db").release()
    finally:
        os.umask(before)
    assert {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {
        "reserve": 0o600,
        "journal.db.lock": 0o600,
    }


def test_a_reserve_follows_no_link(tmp_path: Path) -> None:
    """Who may write into the folder must not have the agent fill another file."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"x")
    (tmp_path / "reserve").symlink_to(victim)
    files.Reserve(tmp_path / "reserve").lay()
    assert victim.stat().st_size == 1
