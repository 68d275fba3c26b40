"""Writes down what is done to the files of one folder, in order, so that ``disk.model`` can cut its power.

SQLite is watched from below; what else a program does to its files is seen where it syncs, renames or deletes them
through ``os``, for bytes that nobody syncs are safe only by luck. Faults can be injected on the way.
"""

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from enum import IntEnum
from functools import partial
from pathlib import Path
from random import Random
from typing import Self
from unittest.mock import patch

from firmware_sim.disk.model import (
    Change,
    Cut,
    Disk,
    FailedSync,
    Image,
    Link,
    Operation,
    Rename,
    Sync,
    SyncFolder,
    Truncate,
    Unlink,
    Write,
    apply,
)
from firmware_sim.disk.sqlite_vfs import FileWatcher, watching

StrPath = str | os.PathLike[str]
_UNSEEN = ("-shm", ".lock")
"""Shared memory beside a WAL, and locks: both are empty of meaning after a start."""


class Fault(IntEnum):
    """What a disk may answer, as SQLite says it."""

    FULL = 13
    IOERR_WRITE = 778
    IOERR_FSYNC = 1034


class DiskRecorder(FileWatcher):
    """The files of one folder, watched while this is entered. ``before`` is what was there, ``operations`` what was
    done since: cut the power at ``len(operations)`` to cut it now. Not for folders in it.

    ``calls`` counts the writes, or with ``IOERR_FSYNC`` the syncs, since ``fail`` was called.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.calls = 0
        self._begin(read_folder(self.folder))
        self._fault: Fault | None = None
        self._fails_at = 0
        self._for_good = False
        self._held: list[Sync] | None = None
        self._entered = ExitStack()

    def __enter__(self) -> Self:
        self._entered.enter_context(watching(self))
        for name, watched in WATCHED_CALLS.items():
            self._entered.enter_context(patch.object(os, name, partial(watched, self, getattr(os, name))))
        return self

    def __exit__(self, *_: object) -> None:
        self._entered.close()

    def image(self, cut: Cut, random: Random) -> Image:
        """What is left if the power goes now."""
        disk = Disk(self.before, random, lies=cut is Cut.SYNC_LIED)
        for operation in self.operations:
            disk.do(operation)
        return disk.image(cut)

    def begin_again(self, image: Image) -> None:
        """Let the folder hold an image, as if nothing had been done yet. Nobody may have a file of it open."""
        write_folder(image, self.folder)
        self._begin(image)

    def fail(self, fault: Fault, *, at_call: int = 1, for_good: bool = False) -> None:
        """Let the n-th write or sync from now on fail, or it and all after it."""
        self._fault, self._fails_at, self._for_good, self.calls = fault, at_call, for_good, 0

    def mend(self) -> None:
        self._fault = None

    @contextmanager
    def syncs_take_time(self) -> Iterator[list[Sync]]:
        """Syncs made inside have begun, and no more: add the list to ``operations`` when they are over."""
        held: list[Sync] = []
        self._held = held
        try:
            yield held
        finally:
            self._held = None

    def _begin(self, before: Image) -> None:
        self.before = before
        self.operations: list[Operation] = []
        self._seen = {number: bytearray(content) for number, content in enumerate(before.values())}
        self._names = {name: number for number, name in enumerate(before)}
        self._unsynced_names: set[int] = set()
        self._watched: set[int] = set()

    # What SQLite does.

    def opened(self, path: Path, *, folder_too: bool) -> int | None:
        if not self._is_ours(path):
            return None
        if path.name not in self._names:
            self._link(path.name)
            if folder_too:
                self._unsynced_names.add(self._names[path.name])
        self._watched.add(self._names[path.name])
        return self._names[path.name]

    def deleted(self, path: Path, *, folder_too: bool) -> None:
        if self._is_ours(path):
            self._unlink(path.name)
            if folder_too:
                self.operations.append(SyncFolder())

    def next_fault(self, *, at_sync: bool) -> int:
        if self._fault is None or at_sync != (self._fault is Fault.IOERR_FSYNC):
            return 0
        self.calls += 1
        due = self.calls >= self._fails_at if self._for_good else self.calls == self._fails_at
        return self._fault if due else 0

    def wrote(self, file: int, at: int, data: bytes) -> None:
        self._changed(Write(file, at, data))

    def truncated(self, file: int, size: int) -> None:
        self._changed(Truncate(file, size))

    def synced(self, file: int, fault: int) -> None:
        if fault:
            self.operations.append(FailedSync(file))
            return
        sync = Sync(file, covers=len(self.operations))
        (self.operations if self._held is None else self._held).append(sync)
        if file in self._unsynced_names:
            self._unsynced_names.discard(file)
            self.operations.append(SyncFolder())

    def _changed(self, change: Change) -> None:
        self.operations.append(change)
        apply(change, self._seen[change.file])

    # What is done through ``os``.

    def _sync(self, below: Callable[[int], None], descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        ours = self._is_ours(path) and path.exists()
        if ours:
            number, fault = self._catch_up(path), self.next_fault(at_sync=True)
            self.synced(number, fault)
            if fault:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
        below(descriptor)
        if path == self.folder:
            self.operations.append(SyncFolder())

    def _pwrite(self, below: Callable[[int, bytes, int], int], descriptor: int, data: bytes, at: int) -> int:
        """Bytes that are the same as before are under way again, which comparing files would not tell."""
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        written = below(descriptor, data, at)
        if self._is_ours(path) and path.exists():
            self.wrote(self._catch_up(path), at, data[:written])
        return written

    def _rename(self, below: Callable[..., None], old: StrPath, new: StrPath, **folders: int) -> None:
        path = Path(old)
        ours = self._is_ours(path) and path.exists()
        if ours:
            self._catch_up(path)
        below(old, new, **folders)
        if ours:
            self._names[Path(new).name] = self._names.pop(path.name)
            self.operations.append(Rename(path.name, Path(new).name))

    def _delete(self, below: Callable[..., None], path: StrPath, **folders: int) -> None:
        below(path, **folders)
        if self._is_ours(Path(path)):
            self._unlink(Path(path).name)

    def _is_ours(self, path: Path) -> bool:
        return path.parent == self.folder and not path.name.endswith(_UNSEEN)

    def _link(self, name: str) -> None:
        number = len(self._seen)
        self._seen[number] = bytearray()
        self._names[name] = number
        self.operations.append(Link(name, number))

    def _unlink(self, name: str) -> None:
        if self._names.pop(name, None) is not None:
            self.operations.append(Unlink(name))

    def _catch_up(self, path: Path) -> int:
        """Take down what was written to a file by other ways than SQLite."""
        if path.name not in self._names:
            self._link(path.name)
        number = self._names[path.name]
        if number in self._watched:
            return number
        content, seen = path.read_bytes(), self._seen[number]
        if len(content) < len(seen):
            self.truncated(number, len(content))
        if content != seen:
            self.wrote(number, 0, content)
        return number


WATCHED_CALLS: Mapping[str, Callable[..., object]] = {
    "fsync": DiskRecorder._sync,
    "fdatasync": DiskRecorder._sync,
    "pwrite": DiskRecorder._pwrite,
    "replace": DiskRecorder._rename,
    "rename": DiskRecorder._rename,
    "unlink": DiskRecorder._delete,
    "remove": DiskRecorder._delete,
}
"""The functions of ``os`` that are watched, and what stands in for each."""


def read_folder(folder: Path) -> Image:
    """What is in a folder, as an image."""
    files = (path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.endswith(_UNSEEN))
    return {path.name: path.read_bytes() for path in files}


def write_folder(image: Image, folder: Path) -> None:
    """Make a folder hold an image and nothing else."""
    for path in folder.iterdir():
        path.unlink()
    for name, content in image.items():
        (folder / name).write_bytes(content)
