"""Files a device can rely on: small ones that are whole or not there, ones held by one process, and SQLite files."""

import fcntl
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from contract import codec
from edge.machine.mendable import Mendable

if TYPE_CHECKING:
    from sqlite_utils import Database as Database

MAX_SET_ASIDE = 4
"""How many damaged versions of one file are kept; after that the newest replaces the last."""

_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}
_FAILED_READS = {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS}

COPIED_BYTES = 64 * 1024

MAX_SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103
"""What the kernel's ``sun_path`` (unix(7)) holds before its closing zero; 103 is that of macOS."""

MAX_SMALL_BYTES = 64 * 1024

RESERVE_BYTES = 2 * 1024 * 1024
"""What opening a journal and a roster may need: their WAL index, and the first pages of the WAL."""


class InUse(Mendable):
    """Another process, or another part of this one, already holds the file."""


class Unsound(sqlite3.DatabaseError):
    """SQLite can read the file, and finds that it does not hold together."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def socket_complaint(path: Path, cure: str) -> str:
    """Why no Unix socket can be at this path, and the cure; empty if one can."""
    length = len(bytes(path))
    if length <= MAX_SOCKET_PATH_BYTES:
        return ""
    return f"{path} has {length} bytes, and the path of a socket at most {MAX_SOCKET_PATH_BYTES}: {cure}"


def write_whole(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace a small file so that a power cut leaves either the old text or the new one. Raises ``OSError``."""
    draft = path.with_name(f"{path.name}.draft")
    with suppress(FileNotFoundError):
        draft.unlink()
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)
    sync_folder(path.parent)


def write_checked(path: Path, line: bytes) -> None:
    """Replace a small file of one line, with its checksum on the next: one rotten digit may be a thousand years. Raises
    ``OSError``."""
    write_whole(path, codec.attach(line, sha256(line).digest()))


def read_checked(path: Path) -> bytes:
    """The line that was written, or the whole text of a file of before there was a checksum. Raises ``OSError``, or
    ``Malformed`` for a file that is not what was written."""
    with path.open("rb") as file:
        text = file.read(MAX_SMALL_BYTES + 1)
    if len(text) > MAX_SMALL_BYTES:
        raise codec.Malformed(f"{path} has more than {MAX_SMALL_BYTES} bytes")
    if b"\n" not in text:
        return text
    line, checksum = codec.detach(text)
    if sha256(line).digest() != checksum:
        raise codec.Malformed(f"{path} is not what was written")
    return line


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_again(descriptor: int) -> None:
    """Write a file's own bytes over themselves and sync them. Raises ``OSError``.

    After a failed sync the kernel takes the pages that it could not write for written, and the next sync succeeds
    without them. It still has their bytes.
    """
    for at in range(0, os.fstat(descriptor).st_size, COPIED_BYTES):
        os.pwrite(descriptor, os.pread(descriptor, COPIED_BYTES, at), at)
    os.fdatasync(descriptor)


def keep_for_owner(path: Path) -> None:
    """See that a file is there, and that nobody else may read it, whatever the umask and whoever made it. Raises
    ``OSError``. One that is there is not opened: closing it would take SQLite's locks from this whole process."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)


def make_folder(path: Path) -> None:
    """A folder that nobody else may look into; one that stood open is closed, if it is ours. Raises ``OSError``."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(PermissionError):
        path.chmod(0o700)


class Reserve:
    """Space held back on a device's disk. On a full one it is given up, so that the device can at least start."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def lay(self) -> None:
        """Hold the space back, unless the disk is too full for that."""
        with suppress(OSError):
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(self._path, flags, 0o600), "r+b") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)

    def give_up(self) -> bool:
        """Free the space; False if there was none to free."""
        held = self._path.exists() and self._path.stat().st_blocks > 0
        self._path.unlink(missing_ok=True)
        return held


class FileLock:
    """An exclusive lock for a file, held until ``release`` or the end of the process. Raises ``InUse``.

    The lock is on a file of its own: SQLite's locks would be lost if anyone else closed a descriptor of its file.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise InUse(f"{path} is in use by another process: stop that one first") from None

    def release(self) -> None:
        """Let go of it; a second time it does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def open_database(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode, to a file in WAL mode that nothing but the owner checkpoints.

    It may be handed from thread to thread; the owner says which thread uses it when. Raises ``sqlite3.Error``.
    """
    if not read_only:
        with suppress(OSError):  # SQLite gives the files beside it the same rights, and says itself what is wrong
            keep_for_owner(path)
    uri = f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rwc'}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=5.0)
    try:
        if not read_only:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA wal_autocheckpoint = 0")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@contextmanager
def errors_as(error: type[Exception], what: object) -> Iterator[None]:
    """Around work on a file: what SQLite or the disk raises becomes an ``error`` whose text begins with ``what``."""
    try:
        yield
    except (sqlite3.Error, OSError) as wrong:
        raise error(f"{what}: {getattr(wrong, 'strerror', None) or wrong}") from None


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of the block's statements, or none of them."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite has already rolled back some failures, a full disk for one
            connection.execute("ROLLBACK")
        raise


def open_made(path: Path, name: str, *steps: Callable[["Database"], None]) -> sqlite3.Connection:
    """A connection to a file that the steps of ``name`` have made. How many were taken stands in ``PRAGMA
    user_version``; sqlite-utils, which takes 24 MiB and 200 ms, is imported only where some are left."""
    connection = open_database(path)
    try:
        if connection.execute("PRAGMA user_version").fetchone()[0] < len(steps):
            from sqlite_utils import Database, Migrations

            migrations = Migrations(name)
            for step in steps:
                migrations()(step)
            migrations.apply(Database(connection))
            connection.execute(f"PRAGMA user_version = {len(steps)}")
    except BaseException:
        connection.close()
        raise
    return connection


def is_damage(error: sqlite3.Error) -> bool:
    """Whether a failed read means that the file's bytes are bad, rather than a lock, a full disk or a missing right.

    A table that is not there counts too: the owner has made it, so something has unmade it. So does a text that is
    none, which Python finds and SQLite has no code for.
    """
    code: int = getattr(error, "sqlite_errorcode", 0)
    if code == 0:
        return isinstance(error, sqlite3.OperationalError)
    return code & 0xFF in _DAMAGE or code in _FAILED_READS


def check_sound(connection: sqlite3.Connection) -> None:
    """Look at a file as a whole, places included that hold no row. Raises ``Unsound``."""
    (verdict,) = connection.execute("SELECT CAST(integrity_check AS BLOB) FROM pragma_integrity_check(1)").fetchone()
    if verdict != b"ok":
        raise Unsound(verdict.decode(errors="replace"))


def set_aside(path: Path, label: str = "damaged") -> Path:
    """Rename a SQLite file, with its WAL, to the first free ``….damaged-N`` beside it; returns its new name."""
    names = [path.with_name(f"{path.name}.{label}-{number}") for number in range(1, MAX_SET_ASIDE + 1)]
    target = next((name for name in names if not name.exists()), names[-1])
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).replace(target.with_name(target.name + suffix))
    sync_folder(path.parent)
    return target
