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
from cloud.fleet.broker_config import NOTE as BROKER_NOTE
from cloud.fleet.broker_config import broker_of, remember_broker
from cloud.operators.tips import FILE as TIPS
from contract.codec import UNREADABLE

DATABASE, LABEL = "cloud.db", "backup.json"
KEYS, ALONE = "keys", (BROKER_NOTE, TIPS)
BROKER = "broker"


class BackupLabel(Struct, frozen=True):
    """Whose backup it is, and of which moment (UTC milliseconds)."""

    site: str
    made_ms: int


def write_backup(folder: Path, out: BinaryIO, passphrase: str, label: BackupLabel) -> None:
    """Write the community in this folder, which may be running, closed with a passphrase. Raises ``OSError`` or
    ``sqlite3.Error``."""
    with TemporaryDirectory(prefix=".backup-", dir=folder) as made:
        copied, sealing = Path(made) / DATABASE, SealingWriter(out, passphrase)
        _copy_database(folder / DATABASE, copied)
        packed = gzip.GzipFile(fileobj=cast(BinaryIO, sealing), mode="wb", compresslevel=6, mtime=0)
        with packed, tarfile.open(fileobj=packed, mode="w|") as tar:
            content = json.encode(label)
            head = tarfile.TarInfo(LABEL)
            head.size = len(content)
            tar.addfile(head, BytesIO(content))
            tar.add(copied, DATABASE, filter=_nobody_s)
            for file, name in _files(folder):
                tar.add(file, name, recursive=False, filter=_nobody_s)
        sealing.finish()


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
    with closing(sqlite3.connect(f"file:{database}?immutable=1", uri=True)) as connection:
        if connection.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise BadStream(NO_BACKUP)


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    """The community's other files, each with its name in the backup, and nothing else that lies in its folder, such as
    backups. The broker's folder stands there as ``broker``, wherever it is."""
    place = broker_of(folder)
    for name in ALONE:
        if (folder / name).is_file():
            yield folder / name, name
    for root, name in ((folder / KEYS, KEYS), (Path(place.folder) if place else folder / BROKER, BROKER)):
        for file in sorted(root.rglob("*")):
            if file.is_file():
                yield file, f"{name}/{file.relative_to(root)}"


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
