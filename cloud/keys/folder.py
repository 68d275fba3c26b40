"""The folder of a community: its database and its keys, made once, opened by one server at a time."""

import fcntl
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from cloud.keys.keys import KeyFolder
from cloud.store.database import Store, open_store


class FolderUnusable(Exception):
    """The folder is no community's, or another server has it. The text says which, and what to do."""


def clock() -> int:
    """The present in UTC milliseconds."""
    return time.time_ns() // 1_000_000


def _url(folder: Path) -> str:
    return f"sqlite:///{folder / 'cloud.db'}"


@contextmanager
def make_folder(folder: Path) -> Iterator[tuple[Store, KeyFolder]]:
    """A new community's empty store and keys. Raises ``FolderUnusable`` if something is there already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FolderUnusable(f"{folder} is not empty: a community is made in a folder of its own")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as wrong:
        raise FolderUnusable(f"{folder} cannot be made: {wrong.strerror}") from None
    keys = KeyFolder.create(folder / "keys")
    with closing(open_store(_url(folder))) as store:
        yield store, keys


@contextmanager
def open_folder(folder: Path) -> Iterator[tuple[Store, KeyFolder]]:
    """The store and keys of a community. Raises ``FolderUnusable`` or ``KeysUnusable``."""
    _check_community(folder)
    keys = KeyFolder(folder / "keys")
    with closing(open_store(_url(folder))) as store:
        yield store, keys


@contextmanager
def sole_server(folder: Path) -> Iterator[None]:
    """Holds the folder's lock: two servers would give one event two places. Raises ``FolderUnusable``."""
    _check_community(folder)
    with (folder / "serving").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FolderUnusable(f"another server runs on {folder}") from None
        yield


def _check_community(folder: Path) -> None:
    if not (folder / "cloud.db").is_file():
        raise FolderUnusable(f"{folder} holds no community: make one with hearthgate-cloud init {folder}")
