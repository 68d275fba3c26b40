import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from edge.machine.files import write_whole
from firmware_sim.disk import sqlite_vfs
from firmware_sim.disk.model import Cut, Disk, FailedSync, Rename, Sync, SyncFolder, Write, power_cuts
from firmware_sim.disk.recorder import DiskRecorder, Fault, read_folder, write_folder
from firmware_sim.disk.sqlite_vfs import CannotWatch, watching


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "state"
    made.mkdir()
    return made


@pytest.fixture
def disk(folder: Path) -> Iterator[DiskRecorder]:
    with DiskRecorder(folder) as recorder:
        yield recorder


def connect(folder: Path, mode: str = "WAL", synchronous: str = "FULL") -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "x.db", isolation_level=None)
    connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, filling TEXT)")
    return connection


def played(disk: DiskRecorder) -> Disk:
    made = Disk(disk.before, Random(1))
    for operation in disk.operations:
        made.do(operation)
    return made


@pytest.mark.parametrize("mode", ["WAL", "DELETE", "TRUNCATE"])
def test_what_is_recorded_is_what_is_in_the_folder(mode: str, disk: DiskRecorder, folder: Path) -> None:
    with closing(connect(folder, mode)) as connection:
        for n in range(50):
            connection.execute("INSERT INTO t VALUES (?, ?)", (n, "x" * 500))
        connection.execute("DELETE FROM t WHERE n < 20")
        assert played(disk).image(Cut.ALL) == read_folder(folder)
    assert played(disk).image(Cut.ALL) == read_folder(folder)


@pytest.mark.parametrize(
    ("mode", "synchronous", "keeps"),
    [("WAL", "FULL", True), ("WAL", "NORMAL", False), ("DELETE", "EXTRA", True), ("DELETE", "FULL", False)],
)
def test_sqlite_keeps_its_rows_over_every_cut_just_where_its_manual_says_so(
    mode: str, synchronous: str, keeps: bool, disk: DiskRecorder, folder: Path, tmp_path: Path
) -> None:
    committed: list[int] = []
    with closing(connect(folder, mode, synchronous)) as connection:
        for n in range(8):
            connection.execute("INSERT INTO t VALUES (?, ?)", (n, "x" * 500))
            committed.append(len(disk.operations))
    image = tmp_path / "image"
    image.mkdir()
    lost = 0
    for cut in power_cuts(disk.before, disk.operations, {Cut.SYNCED: 1, Cut.REORDERED: 1}, "sqlite"):
        write_folder(cut.image, image)
        due = sum(done <= cut.done for done in committed)
        with closing(sqlite3.connect(image / "x.db")) as connection:
            try:
                found = connection.execute("SELECT count(*) FROM t").fetchone()[0]
            except sqlite3.Error:
                found = 0
        lost += found < due
    assert (lost == 0) is keeps


def test_a_small_file_is_whole_after_every_cut(disk: DiskRecorder, folder: Path) -> None:
    write_whole(folder / "small", b"one" * 500)
    first = len(disk.operations)
    write_whole(folder / "small", b"two" * 500)
    assert Rename("small.draft", "small") in disk.operations
    plan = {Cut.ALL: 1, Cut.SYNCED: 1, Cut.TORN: 3, Cut.REORDERED: 3, Cut.ENTRY_LOST: 1}
    for cut in power_cuts(disk.before, disk.operations, plan, "small"):
        if cut.done >= first:
            assert cut.image["small"] in (b"one" * 500, b"two" * 500)
    assert played(disk).image(Cut.SYNCED) == {"small": b"two" * 500}


def test_a_small_file_that_nobody_syncs_is_found_out(
    disk: DiskRecorder, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_whole(folder / "small", b"one" * 500)
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    write_whole(folder / "small", b"two" * 500)
    cuts = power_cuts(disk.before, disk.operations, {Cut.REORDERED: 5}, "small")
    assert any(cut.image.get("small", b"one" * 500) not in (b"one" * 500, b"two" * 500) for cut in cuts)


def test_a_sync_that_takes_time_covers_what_was_written_when_it_began(disk: DiskRecorder, folder: Path) -> None:
    with (folder / "file").open("wb") as file:
        file.write(b"before")
        file.flush()
        with disk.syncs_take_time() as syncs:
            os.fdatasync(file.fileno())
        before = len(disk.operations)
        os.pwrite(file.fileno(), b"after!", 0)
        disk.operations += syncs
    assert syncs == [Sync(0, covers=before)]
    assert played(disk).image(Cut.SYNCED) == {"file": b"before"}


@pytest.mark.parametrize("fault", [Fault.FULL, Fault.IOERR_WRITE])
def test_a_write_fails_where_it_is_told_to_and_leaves_half_of_it(
    fault: Fault, disk: DiskRecorder, folder: Path
) -> None:
    with closing(connect(folder)) as connection:
        done = len(disk.operations)
        disk.fail(fault, at_call=2)
        with pytest.raises(sqlite3.OperationalError) as failed:
            connection.execute("INSERT INTO t VALUES (1, 'x')")
        assert failed.value.sqlite_errorcode == fault
        half = disk.operations[done + 1]
        assert isinstance(half, Write)
        assert len(half.data) < 4096
        connection.execute("INSERT INTO t VALUES (2, 'x')")
        assert connection.execute("SELECT n FROM t").fetchall() == [(2,)]


def test_a_sync_fails_where_it_is_told_to_and_goes_on_failing(disk: DiskRecorder, folder: Path) -> None:
    with closing(connect(folder)) as connection, (folder / "x.db-wal").open("rb") as wal:
        disk.fail(Fault.IOERR_FSYNC, for_good=True)
        for _ in range(2):
            with pytest.raises(sqlite3.OperationalError):
                connection.execute("INSERT INTO t VALUES (1, 'x')")
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            os.fdatasync(wal.fileno())
        assert isinstance(disk.operations[-1], FailedSync)
        disk.mend()
        connection.execute("INSERT INTO t VALUES (1, 'x')")


def test_other_folders_and_what_comes_before_and_after_are_left_alone(folder: Path, tmp_path: Path) -> None:
    (folder / "there").write_bytes(b"before")
    fsync = os.fsync
    with DiskRecorder(folder) as disk:
        with closing(connect(tmp_path)) as connection:
            connection.execute("INSERT INTO t VALUES (1, 'x')")
        write_whole(tmp_path / "small", b"x")
        assert disk.operations == []
        (folder / "there").unlink()
    assert os.fsync is fsync
    assert disk.before == {"there": b"before"}
    done = len(disk.operations)
    with closing(connect(folder)):
        pass
    assert len(disk.operations) == done


def test_a_file_may_be_closed_after_the_watch_is_over(folder: Path) -> None:
    with DiskRecorder(folder) as disk:
        connection = connect(folder)
    connection.execute("INSERT INTO t VALUES (1, 'x')")
    connection.close()
    assert any(isinstance(operation, SyncFolder) for operation in disk.operations)


def test_only_one_may_watch(disk: DiskRecorder) -> None:
    with pytest.raises(CannotWatch, match="already"), watching(disk):
        pass


def test_an_interpreter_whose_sqlite_cannot_be_reached_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_vfs, "_libraries", lambda: iter([]))
    with pytest.raises(CannotWatch, match=r"libsqlite3\.so"):
        sqlite_vfs._shim.__wrapped__()


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_meets_only_its_own_calls(fault: Fault, disk: DiskRecorder) -> None:
    disk.fail(fault)
    is_of_sync = fault is Fault.IOERR_FSYNC
    assert disk.next_fault(at_sync=not is_of_sync) == 0
    assert disk.next_fault(at_sync=is_of_sync) == fault
    assert disk.calls == 1
