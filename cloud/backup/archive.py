"""What stands in a backup: the database as it was at one moment, the keys, and the broker's folder."""

import gzip
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from io import BufferedReader, BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, cast

from msgspec import Struct, json, structs

from cloud.backup.sealed_stream import NO_BACKUP, BadStream, SealingWriter, UnsealingReader
from cloud.fleet.broker_config import broker_of, remember_broker
from contract.codec import UNREADABLE

DATABASE, LABEL = "cloud.db", "backup.json"
LEFT_OUT = frozenset({DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", "serving"})
"""What is copied by the database itself, or means nothing without its process."""
BROKER = "broker"


class BackupLabel(Struct, frozen=True):
    """Whose backup it is, and of which moment (UTC milliseconds)."""

    site: str
    made_ms: int


def write_backup(folder: Path, out: BinaryIO, passphrase: str, label: BackupLabel) -> None:
    """Write the community in this folder, which may be running, closed with a passphrase. Raises ``OSError`` or
    ``sqlite3.Error``."""
    with TemporaryDirectory(prefix=".backup-", dir=folder) as made, closing(SealingWriter(out, passphrase)) as sealing:
        copied = Path(made) / DATABASE
        _copy_database(folder / DATABASE, copied)
        packed = gzip.GzipFile(fileobj=cast(BinaryIO, sealing), mode="wb", compresslevel=6, mtime=0)
        with packed, tarfile.open(fileobj=packed, mode="w|") as tar:
            content = json.encode(label)
            head = tarfile.TarInfo(LABEL)
            head.size = len(content)
            tar.addfile(head, BytesIO(content))
            tar.add(copied, DATABASE, filter=_nobody_s)
            for file, name in _files(folder, Path(made)):
                tar.add(file, name, recursive=False, filter=_nobody_s)


def read_backup(source: BinaryIO, passphrase: str, folder: Path) -> BackupLabel:
    """Make the community of a backup in a new or empty folder. Whatever is wrong leaves nothing behind. Raises
    ``BadStream`` or ``OSError``."""
    with _new_folder(folder) as made:
        unsealed = BufferedReader(UnsealingReader(cast(BufferedReader, source), passphrase))
        try:
            with gzip.GzipFile(fileobj=unsealed) as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
                members = iter(tar)
                label = _label(tar, next(members, None))
                for member in members:
                    tar.extract(member, made, filter="data")
            while unsealed.read(1 << 16):
                pass  # A file that was cut says so at its end only.
            _check_database(made / DATABASE)
        except (tarfile.TarError, gzip.BadGzipFile, EOFError, sqlite3.Error):
            raise BadStream(NO_BACKUP) from None
        _move_broker(made, folder)
    return label


def _copy_database(database: Path, copied: Path) -> None:
    """In one transaction: whoever writes meanwhile is not in it, and does not wait."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copied)) as target:
        source.backup(target)


def _check_database(database: Path) -> None:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        if connection.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise BadStream(NO_BACKUP)


def _files(folder: Path, without: Path) -> Iterator[tuple[Path, str]]:
    """Every other file with its name in the backup; the broker's folder stands there as ``broker``, wherever it is."""
    place = broker_of(folder)
    elsewhere = Path(place.folder) if place else folder / BROKER
    for root, names in ((folder, ""), (elsewhere, BROKER)):
        for file in sorted(root.rglob("*")) if root.is_dir() else ():
            name = str(names / file.relative_to(root)) if names else str(file.relative_to(root))
            is_broker_s = not names and file.is_relative_to(folder / BROKER)
            if file.is_file() and name not in LEFT_OUT and not file.is_relative_to(without) and not is_broker_s:
                yield file, name


def _nobody_s(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Of whoever restores it."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def _label(tar: tarfile.TarFile, head: tarfile.TarInfo | None) -> BackupLabel:
    """Raises ``BadStream``."""
    content = tar.extractfile(head) if head is not None and head.name == LABEL else None
    try:
        return json.decode(content.read(1 << 16) if content else b"", type=BackupLabel)
    except UNREADABLE:
        raise BadStream(NO_BACKUP) from None


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder beside it that takes its place in the end. Raises ``OSError``."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadStream(f"{folder} is not empty: name a new folder, and move it where the other was")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as name:
        made = Path(name) / "community"
        made.mkdir(mode=0o700)
        yield made
        made.replace(folder)


def _move_broker(made: Path, folder: Path) -> None:
    """The broker's folder is in the new one from now on."""
    place = broker_of(made)
    if place is not None:
        remember_broker(made, structs.replace(place, folder=str((folder / BROKER).absolute())))
