"""Stands between the interpreter's own SQLite and the file system: a watcher hears of each write, sync and delete.

It is a VFS ("virtual file system", sqlite.org/vfs.html), made with ctypes inside the SQLite that ``sqlite3`` has
already loaded: whatever is opened meanwhile runs the very code that a device runs. The shared memory beside a WAL
passes by unseen; no start needs it.
"""

import ctypes
import os
import sqlite3
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from ctypes import CFUNCTYPE, POINTER, byref, c_char_p, c_int, c_int64, c_void_p
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

NAME = b"hearthgate-watched"
OPEN_SYNCS_FOLDER = 0x800 | 0x4000 | 0x80000
"""SQLITE_OPEN_MAIN_JOURNAL, SUPER_JOURNAL and WAL: with the first sync of a new one, SQLite syncs its folder as well,
below any VFS."""

_Open = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_Delete = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
_Close = CFUNCTYPE(c_int, c_void_p)
_Write = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_Truncate = CFUNCTYPE(c_int, c_void_p, c_int64)
_Sync = CFUNCTYPE(c_int, c_void_p, c_int)


class CannotWatch(Exception):
    """This interpreter's SQLite cannot be reached; the text says what was tried."""


class FileWatcher(ABC):
    """Who hears of the files it wants to. A fault is an SQLite error code that is injected; 0 is none."""

    @abstractmethod
    def opened(self, path: Path, *, folder_too: bool) -> int | None:
        """A number for the file, or None to hear no more of it. ``folder_too``: see ``OPEN_SYNCS_FOLDER``."""

    @abstractmethod
    def deleted(self, path: Path, *, folder_too: bool) -> None:
        """``folder_too``: and that is safely on the disk."""

    @abstractmethod
    def next_fault(self, *, at_sync: bool) -> int:
        """The fault of the next sync, or of the next write."""

    @abstractmethod
    def wrote(self, file: int, at: int, data: bytes) -> None:
        """What got to the file, which is the first half of a write that failed."""

    @abstractmethod
    def truncated(self, file: int, size: int) -> None:
        """A file was cut or filled up to a size."""

    @abstractmethod
    def synced(self, file: int, fault: int) -> None:
        """What was done to the file is on the disk, unless there was a fault."""


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("iVersion", c_int),
        ("szOsFile", c_int),
        ("mxPathname", c_int),
        ("pNext", c_void_p),
        ("zName", c_char_p),
        ("pAppData", c_void_p),
        ("xOpen", _Open),
        ("xDelete", _Delete),
        *((name, c_void_p) for name in ("xAccess", "xFullPathname", "xDlOpen", "xDlError", "xDlSym", "xDlClose")),
        *((name, c_void_p) for name in ("xRandomness", "xSleep", "xCurrentTime", "xGetLastError")),
        *((name, c_void_p) for name in ("xCurrentTimeInt64", "xSetSystemCall", "xGetSystemCall", "xNextSystemCall")),
    )


class _Methods(ctypes.Structure):
    """``sqlite3_io_methods`` up to version 2: no memory mapping, which would write past us."""

    _fields_ = (
        ("iVersion", c_int),
        ("xClose", _Close),
        ("xRead", c_void_p),
        ("xWrite", _Write),
        ("xTruncate", _Truncate),
        ("xSync", _Sync),
        *((name, c_void_p) for name in ("xFileSize", "xLock", "xUnlock", "xCheckReservedLock", "xFileControl")),
        *((name, c_void_p) for name in ("xSectorSize", "xDeviceCharacteristics")),
        *((name, c_void_p) for name in ("xShmMap", "xShmLock", "xShmBarrier", "xShmUnmap")),
    )


class _File(ctypes.Structure):
    """``sqlite3_file``."""

    _fields_ = (("pMethods", POINTER(_Methods)),)


class _Watched(NamedTuple):
    """An open file: its number with the watcher, and the methods below ours."""

    watcher: FileWatcher
    number: int
    below: _Methods


@contextmanager
def watching(watcher: FileWatcher) -> Iterator[None]:
    """Whatever SQLite file is opened inside is shown to the watcher, until the file is closed. Raises ``CannotWatch``.

    For one watcher at a time: the VFS is the process's.
    """
    shim = _shim()
    if shim.watcher is not None:
        raise CannotWatch("somebody is watching already")
    shim.watcher = watcher
    shim.make_default(ours=True)
    try:
        yield
    finally:
        shim.make_default(ours=False)
        shim.watcher = None


class _Shim:
    """The VFS. Made once for a process and never taken down: SQLite keeps pointers into it."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.watcher: FileWatcher | None = None
        self._library = library
        library.sqlite3_vfs_find.restype = POINTER(_Vfs)
        library.sqlite3_vfs_register.argtypes = [c_void_p, c_int]
        self._below = library.sqlite3_vfs_find(None)
        self._open_files: dict[int, _Watched] = {}
        self._ours: dict[int, _Methods] = {}
        self._vfs = _Vfs.from_buffer_copy(self._below.contents)
        self._vfs.zName = NAME
        self._vfs.xOpen = _Open(self._open)
        self._vfs.xDelete = _Delete(self._delete)
        self._calls = (_Close(self._close), _Write(self._write), _Truncate(self._truncate), _Sync(self._sync))
        self.make_default(ours=False)

    def make_default(self, *, ours: bool) -> None:
        self._library.sqlite3_vfs_register(byref(self._vfs), int(ours))
        if not ours:
            self._library.sqlite3_vfs_register(self._below, 1)

    def _open(self, _vfs: int, name: int | None, file: int, flags: int, out_flags: int | None) -> int:
        # The very pointer is handed on: SQLite keeps it, and finds the file's parameters behind the name.
        result: int = self._below.contents.xOpen(ctypes.cast(self._below, c_void_p), name, file, flags, out_flags)
        watcher = self.watcher
        if result == 0 and name is not None and watcher is not None:
            number = watcher.opened(_path(name), folder_too=bool(flags & OPEN_SYNCS_FOLDER))
            if number is not None:
                self._watch(file, watcher, number)
        return result

    def _watch(self, file: int, watcher: FileWatcher, number: int) -> None:
        opened = _File.from_address(file)
        below = opened.pMethods.contents
        address = ctypes.addressof(below)
        if address not in self._ours:
            ours = _Methods.from_buffer_copy(below)
            ours.iVersion = 2
            ours.xClose, ours.xWrite, ours.xTruncate, ours.xSync = self._calls
            self._ours[address] = ours
        self._open_files[file] = _Watched(watcher, number, below)
        opened.pMethods = ctypes.pointer(self._ours[address])

    def _close(self, file: int) -> int:
        result: int = self._open_files.pop(file).below.xClose(file)
        return result

    def _write(self, file: int, data: int, size: int, at: int) -> int:
        """A write that fails has still written its first half."""
        watched = self._open_files[file]
        fault = watched.watcher.next_fault(at_sync=False)
        written = size // 2 if fault else size
        result: int = watched.below.xWrite(file, data, written, at)
        if result == 0:
            watched.watcher.wrote(watched.number, at, ctypes.string_at(data, written))
        return fault or result

    def _truncate(self, file: int, size: int) -> int:
        watched = self._open_files[file]
        result: int = watched.below.xTruncate(file, size)
        if result == 0:
            watched.watcher.truncated(watched.number, size)
        return result

    def _sync(self, file: int, flags: int) -> int:
        watched = self._open_files[file]
        fault = watched.watcher.next_fault(at_sync=True)
        result: int = fault or watched.below.xSync(file, flags)
        watched.watcher.synced(watched.number, result)
        return result

    def _delete(self, _vfs: int, name: int, sync_folder: int) -> int:
        result: int = self._below.contents.xDelete(ctypes.cast(self._below, c_void_p), name, sync_folder)
        if result == 0 and self.watcher is not None:
            self.watcher.deleted(_path(name), folder_too=bool(sync_folder))
        return result


def _path(name: int) -> Path:
    return Path(os.fsdecode(ctypes.string_at(name)))


@cache
def _shim() -> _Shim:
    """The VFS, in whichever library it is that answers to ``sqlite3``."""
    tried = []
    for name, load in _libraries():
        tried.append(name)
        library = load()
        if hasattr(library, "sqlite3_vfs_find") and hasattr(library, "sqlite3_vfs_register"):
            shim = _Shim(library)
            if _answers_to_sqlite3():
                return shim
    raise CannotWatch(
        f"the SQLite {sqlite3.sqlite_version} of this Python cannot be watched: none of {', '.join(tried)} lets "
        "functions of that library be called. Use a Python whose sqlite3 module loads libsqlite3.so."
    )


def _libraries() -> Iterator[tuple[str, Callable[[], ctypes.CDLL]]]:
    """Where the loaded SQLite may be: in a library of its own, in the extension module, or in the interpreter."""
    mapped = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "libsqlite3" in line}
    for path in sorted(mapped):
        yield path, partial(ctypes.CDLL, path)
    extension = getattr(sys.modules["_sqlite3"], "__file__", None)
    if extension is not None:
        yield extension, partial(ctypes.CDLL, extension)
    yield "the interpreter", partial(ctypes.CDLL, None)


def _answers_to_sqlite3() -> bool:
    """Whether the module ``sqlite3`` knows the VFS: there may be more than one SQLite in a process."""
    try:
        with closing(sqlite3.connect(f"file:none?vfs={NAME.decode()}&mode=memory", uri=True)):
            return True
    except sqlite3.OperationalError:
        return False
